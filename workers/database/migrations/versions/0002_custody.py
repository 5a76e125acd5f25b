"""The custody log's tree: hash tiles, sealed checkpoints, time stamps."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of 0002_custody.sql in the namespace's schema."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split("\n\n"):
        op.execute(statement)
