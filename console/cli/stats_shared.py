"""What the verbs of `bwv stats` share: the month, the checkpoint, the areas of docks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from streams.settings import Settings
from workers.custody.queries import SealedHead, newest_seal, seals
from workers.database.engine import Database
from workers.errors import PartUnreachable
from workers.statistics.areas import Areas, load_areas
from workers.statistics.figures import BY_NAME, Figure
from workers.statistics.months import Month, month_of
from workers.statistics.months import month as month_named

month_option = click.option(
    "--month", help="Such as 2026-10, by the clocks of England and Wales; this one if not given."
)


def the_month(name: str | None) -> Month:
    """The month that was asked for, or this one."""
    if name is None:
        return month_of(datetime.now(UTC))
    try:
        return month_named(name)
    except ValueError as error:
        raise click.UsageError(f"--month {error}") from error


def figure_of(name: str) -> Figure:
    """The figure of this name."""
    if name not in BY_NAME:
        raise click.UsageError(f"{name!r} is no figure; expected one of {', '.join(BY_NAME)}")
    return BY_NAME[name]


def areas_of(settings: Settings) -> Areas:
    """Where docks stand, as the setting `areas` says."""
    return load_areas(settings.home / Path(settings.areas) if settings.areas else None)


async def head_of(database: Database, size: int | None = None) -> SealedHead:
    """The newest seal, or the one of this size.

    Raises:
        PartUnreachable: there is none yet.
    """
    if size is None:
        head = await newest_seal(database)
        if head is None:
            raise PartUnreachable("nothing of the custody log is sealed yet; record seals it soon (bwv custody head)")
        return head
    there = [one for one in await seals(database, size) if one.size == size]
    if not there:
        raise click.UsageError(f"--checkpoint {size}: nothing was sealed at this size; the newest: bwv custody head")
    return there[0]
