"""The end of `bwv demo --all`: the month's figures, again from the vault alone, and the page for the public."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from console.cli.common import console, database_of, run, until
from console.cli.demo_giving import give
from streams.settings import Settings
from workers.database.engine import Database
from workers.statistics.months import month_of

COUNTED = ("recorded", "kept", "outcomes", "deleted", "filmed", "gaps")
"""What this demonstration has something to tell of."""

PATIENCE = 30.0
"""Seconds until what the join came to stands in the sealed log."""


def show_figures(bwv: click.Command, settings: Settings) -> bool:
    """Give the commands that people would give, and say whether the page is there; a figure that differs raises.

    Args:
        bwv: the command line itself.
    """
    out, home = console(), str(settings.home)
    run(_sealed(settings))
    out.print(
        "\n[bold]The month's figures, as the force counts them; and again from the sealed log in the vault alone.[/]"
    )
    give(bwv, home, "stats", "reproduce", *COUNTED)
    out.print(
        "\n[bold]The public reads less: what rests on fewer than five could point at a person, and all of this does.[/]"
    )
    give(bwv, home, "stats", "--figure", "recorded", "--figure", "filmed")
    out.print(
        "\n[bold]A page for any web server: without script, with its tables, its queries and the signed checkpoint.[/]"
    )
    page = settings.home / "figures"
    give(bwv, home, "stats", "publish", "--month", month_of(datetime.now(UTC)).name, "--out", str(page))
    return (page / "index.html").is_file()


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
