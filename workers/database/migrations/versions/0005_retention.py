"""Retention: policies, schedule, holds, reviews, sweeps, and what disposal needs of the row."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of 0005_retention.sql in the namespace's schema."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split("\n\n"):
        op.execute(statement)
