"""The fourth act of `bwv demo --all`: two stops, one that was filmed and one that was not, and why."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from console.cli.common import console, database_of, run
from console.cli.demo_giving import give
from streams.settings import Settings
from workers.keys.statements import now_iso

FILMED, UNFILMED = "UF/2026/90021", "SS/2026/118204"
WITHOUT = "PC-2203"
"""Who searched and filmed nothing: the officer of the van."""

COLUMNS = "reference,kind,at,until,place,borough,officers,power,object,grounds,ethnicity,outcome,tactics,ced\n"


def show_encounters(bwv: click.Command, settings: Settings) -> bool:
    """Give the commands that people would give, and say whether it ended as it must.

    Args:
        bwv: the command line itself.
    """
    out = console()
    home = str(settings.home)
    began = run(_first_clip(settings))
    sheet = settings.home / "encounters.csv"
    at, until = now_iso(began + timedelta(minutes=1)), now_iso(began + timedelta(minutes=4))
    sheet.write_text(
        COLUMNS
        + f"{FILMED},use_of_force,{at},{until},Market Street,Newham,PC-4711,,,,,arrest,ced,drawn;red_dotted\n"
        + f"{UNFILMED},stop_search,{at},{until},Station forecourt,Newham,{WITHOUT},pace_s1,stolen_property,"
        "seen to try the doors of three cars,NS,no_further_action,,\n"
    )
    out.print("\n[bold]A Taser was drawn, and a van's crew searched somebody. What do their cameras show of it?[/]")
    give(bwv, home, "encounters", "load", str(sheet))
    reason = ("--gap", "none", "--officer", WITHOUT, "--reason", "body-worn camera left on charge at the station")
    give(bwv, home, "encounters", "reason", UNFILMED, *reason)
    give(bwv, home, "encounters", "gaps", "--officer", WITHOUT)
    page = settings.home / "copy-for-the-person.html"
    give(bwv, home, "encounters", "record", UNFILMED, "--for-person", "--out", str(page))
    gaps = run(_gaps(settings))
    return gaps == [(UNFILMED, "none", True)] and "left on charge" in page.read_text(encoding="utf-8")


async def _first_clip(settings: Settings) -> datetime:
    """When the body-worn camera of the demo began to record."""
    async with database_of(settings) as database:
        row = await database.fetch_one("SELECT min(recorded_at) AS began FROM clips WHERE camera = 'BWC-0417'")
    assert row is not None
    began: datetime = row["began"]
    return began


async def _gaps(settings: Settings) -> list[tuple[str, str, bool]]:
    async with database_of(settings) as database:
        rows = await database.fetch(
            "SELECT e.reference, g.kind, g.reason IS NOT NULL AS explained FROM encounter_gaps g"
            " JOIN encounters e USING (encounter_id) ORDER BY 1, 2"
        )
    return [(row["reference"], row["kind"], row["explained"]) for row in rows]
