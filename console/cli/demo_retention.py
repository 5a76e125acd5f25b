"""The second act of `bwv demo --all`: a policy is adopted, one clip goes with its certificate, a hold saves another."""

from __future__ import annotations

from datetime import datetime

import click
from msgspec import Struct

from console.cli.common import console, database_of, run, until
from console.cli.demo_giving import give, give_as
from streams.settings import Settings
from workers.database.engine import Database
from workers.retention.shipped import shipped

POLICY = "demo"
CATEGORY = "passing"
SECOND_PERSON = "RECORDS"

MORE_SETTINGS = """\
seal_after = 1.0        # seconds; what a clip's last entries say is locked too, and it goes once that has ended
sweep_every = 1.0       # seconds; a minute in production
lease = 12.0            # seconds; a month in production
lease_renew = 6.0       # seconds
lease_every = 1.0       # seconds; minutes in production
encounter_every = 1.0   # seconds between two looks for clips and records to set against each other
"""

FIRST_LOCK = 6.0
"""Seconds that footage is locked on arrival: the clip that goes waits for the end of its locks."""

PATIENCE = 90.0
"""Seconds that the clip may take from its category to its certificate."""

STEPS = {
    None: "its time comes",
    "intended": "in the bin: still whole, a person can take it out",
    "committed": "decided for good: every version of it is deleted now",
    "done": "gone, and certified",
}
"""What the disposal column of the row means to somebody who watches."""


class Closing(Struct, frozen=True):
    """What became of every clip.

    Attributes:
        leaving: in the bin or being deleted; none is, at the end.
        certified: disposals that the custody log has.
    """

    clips: int
    kept: int
    held: int
    gone: int
    leaving: int
    certified: int

    @property
    def adds_up(self) -> bool:
        """Whether each clip is kept, held or gone with its certificate, one of each at least."""
        return (
            self.clips == self.kept + self.held + self.gone
            and not self.leaving
            and self.gone == self.certified == 1
            and self.held == 1
        )


def show_retention(bwv: click.Command, settings: Settings) -> bool:
    """Give the commands that people would give, and say whether it ended as it must.

    Args:
        bwv: the command line itself.
    """
    out = console()
    home = str(settings.home)
    saved, going = run(_two_clips(settings))
    policy, sheet = settings.home / "policy.toml", settings.home / "passing.csv"
    policy.write_text(shipped(POLICY))
    sheet.write_text(
        "clip,category,reason\n" + "".join(f"{clip},{CATEGORY},a demonstration\n" for clip in (saved, going))
    )
    out.print("\n[bold]A policy is adopted, by a person, after its dry run.[/]")
    give(bwv, home, "keys", "new", "person", SECOND_PERSON)
    give(bwv, home, "keys", "enrol", "person", SECOND_PERSON)
    give(bwv, home, "retention", "dry-run", str(policy))
    give(bwv, home, "retention", "adopt", str(policy), "--reason", "a demonstration")
    out.print("\n[bold]Two clips are of no use. About one of them somebody complains.[/]")
    give(bwv, home, "hold", "place", "--reason", "complaint", "--clip", saved, "--reference", "CO/2026/117")
    give(bwv, home, "categorise", "--file", str(sheet))
    out.print("\n[bold]That is a shorter period than before: a second person confirms it.[/]")
    give_as(SECOND_PERSON, home, "categorise", "--file", str(sheet), "--confirm")
    run(_watch(settings, going))
    out.print("\n[bold]Why is one gone, and the other still there?[/]")
    give(bwv, home, "explain", going)
    give(bwv, home, "explain", saved)
    out.print("\n[bold]What was deleted today, and the proof for somebody who does not trust us.[/]")
    today = f"{datetime.now().astimezone():%Y-%m-%d}"
    give(bwv, home, "disposals", "list", "--day", today, "--out", str(settings.home / "evidence"))
    closing = run(_closing(settings))
    kept = f"kept {closing.kept} + held {closing.held}"
    click.echo(f"\nclips {closing.clips} = {kept} + deleted with a certificate {closing.gone}")
    return closing.adds_up


async def _two_clips(settings: Settings) -> tuple[str, str]:
    """The clips of the van."""
    async with database_of(settings) as database:
        rows = await database.fetch("SELECT clip_id FROM clip_fate WHERE camera = 'VEH-0031' ORDER BY recording")
    return rows[0]["clip_id"], rows[1]["clip_id"]


async def _watch(settings: Settings, clip: str) -> None:
    """Tell each step of the disposal, until its certificate stands in the sealed log."""
    told: set[str | None] = set()
    click.echo("")

    async def certified(database: Database) -> bool | None:
        row = await database.fetch_one("SELECT disposal FROM clip_fate WHERE clip_id = %s", (clip,))
        step = row["disposal"] if row else None
        if step not in told:
            told.add(step)
            click.echo(f"  {clip}: {STEPS[step]}")
        found = await database.fetch_one(
            "SELECT FROM custody c JOIN custody_seals s ON s.size > c.index AND s.sealed_at IS NOT NULL"
            " WHERE c.clip_id = %s AND c.type = 'clips.disposed' LIMIT 1",
            (clip,),
        )
        return None if found is None else True

    async with database_of(settings) as database:
        await until(lambda: certified(database), f"{clip} has no certificate", PATIENCE)


async def _closing(settings: Settings) -> Closing:
    async with database_of(settings) as database:
        row = await database.fetch_one(
            "SELECT count(*) AS clips, count(*) FILTER (WHERE disposal IS NULL AND NOT held) AS kept,"
            " count(*) FILTER (WHERE disposal IS NULL AND held) AS held,"
            " count(*) FILTER (WHERE disposal = 'done') AS gone,"
            " count(*) FILTER (WHERE disposal IN ('intended', 'committed')) AS leaving,"
            " (SELECT count(*) FROM custody WHERE type = 'clips.disposed') AS certified FROM clip_fate"
        )
    assert row is not None
    return Closing(**row)
