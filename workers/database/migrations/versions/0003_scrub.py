"""The scrub: when each clip was last read again, and what was found damaged."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of 0003_scrub.sql in the namespace's schema."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split("\n\n"):
        op.execute(statement)
