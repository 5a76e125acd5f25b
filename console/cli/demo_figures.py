"""The end of `bwv demo --all`: the month's figures, and one of them again from the vault alone."""

from __future__ import annotations

import click

from console.cli.common import console, database_of, run, until
from console.cli.demo_giving import give
from streams.settings import Settings
from workers.database.engine import Database

PATIENCE = 30.0
"""Seconds until what the join came to stands in the sealed log."""


def show_figures(bwv: click.Command, settings: Settings) -> bool:
    """Give the commands that people would give; a figure that differs from the vault's raises.

    Args:
        bwv: the command line itself.
    """
    out, home = console(), str(settings.home)
    run(_sealed(settings))
    out.print("\n[bold]What of it may be published? Few cameras and one stop: most numbers are too small.[/]")
    give(bwv, home, "stats", "--figure", "recorded", "--figure", "filmed")
    out.print("\n[bold]Anybody who holds the sealed log makes the same number again, before it is withheld.[/]")
    give(bwv, home, "stats", "reproduce", "gaps")
    return True


async def _sealed(settings: Settings) -> None:
    """Return when the sealed log tells that the stop was not filmed, and that its officer said why."""

    async def told(database: Database) -> bool | None:
        row = await database.fetch_one(
            "SELECT FROM custody c JOIN custody_seals s ON s.size > c.index AND s.sealed_at IS NOT NULL"
            " WHERE c.type = 'encounters.joined'"
            " AND told(c.payload, c.entry)->'gaps' @> '[{\"explained\": \"officer\"}]' LIMIT 1"
        )
        return True if row is not None else None

    async with database_of(settings) as database:
        await until(lambda: told(database), "what the stop's clips show is not in the sealed log", PATIENCE)
