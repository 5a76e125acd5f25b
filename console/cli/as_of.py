"""`--as-of`: the record as it stood when it was sealed at some moment."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from streams.settings import Settings
from workers.custody.queries import log_size, newest_seal
from workers.database.engine import Database

as_of_option = click.option("--as-of", help="A size, or a date and time: the log as it was sealed then.")


async def size_at(database: Database, settings: Settings, moment: str) -> int:
    """How many entries were sealed at a moment: a size, or an ISO date and time (local where none is said)."""
    if moment.isdecimal():
        size = int(moment)
        if size > (now := await log_size(database)):
            raise click.UsageError(f"--as-of {moment}: the log has {now} entries")
        return size
    try:
        at = datetime.fromisoformat(moment).astimezone(UTC)
    except ValueError as error:
        raise click.UsageError(f"--as-of {moment!r}: expected a size, or a date such as 2026-11-22T14:30") from error
    sealed = await newest_seal(database, at=at)
    if sealed is None:
        raise click.UsageError(f"--as-of {moment}: nothing of {settings.origin} was sealed by then")
    return sealed.size
