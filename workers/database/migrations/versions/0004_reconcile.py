"""Signed statements that everything adds up, and the indexes that a day's reconciliation looks through."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of 0004_reconcile.sql in the namespace's schema."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split("\n\n"):
        op.execute(statement)
