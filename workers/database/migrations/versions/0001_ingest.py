"""Ingest: keys, dockings, fate, outbox, custody, catalogue."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of 0001_ingest.sql in the namespace's schema."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split("\n\n"):
        op.execute(statement)
