"""The third act of `bwv demo --all`: a case, a batch of two exhibits, its receipt, the package, an outcome."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import httpx

from console.cli.common import console, database_of, run, until
from console.cli.demo_giving import give, say
from local.system import GATEWAY, gateway_url
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import PartUnreachable

URN = "01AB0012326"
INCIDENT = "INC-2026-1182"
EXHIBITED = (("BWC-0417", "JS/1", ()), ("TSR-0093", "JS/2", ("--from", "0:01", "--to", "0:03")))
"""Camera of a clip, its reference, and which part of it."""

PATIENCE = 60.0
"""Seconds for the receipt, and for the outcome."""


def show_prosecution(bwv: click.Command, settings: Settings) -> bool:
    """Give the commands that people would give, and say whether it ended as it must.

    Args:
        bwv: the command line itself.
    """
    out, home = console(), str(settings.home)
    clips = run(_first_clips(settings))
    hearing = f"{datetime.now(UTC) + timedelta(days=28):%Y-%m-%dT10:00}"
    out.print("\n[bold]Somebody is charged. The case holds every clip of its incident, docked now or later.[/]")
    give(bwv, home, "case", "open", URN, "--title", "R v Doe", "--officer", "PC-4711", "--incident", INCIDENT,
         "--clock", "charged", "--first-hearing", hearing)  # fmt: skip
    give(bwv, home, "case", "defendant", URN, "D1", "A. Doe", "--offence", "O1:assault by beating")
    for camera, reference, part in EXHIBITED:
        give(bwv, home, "case", "exhibit", "add", URN, reference, clips[camera], "--producer", "PC 4711 J. Smith",
             "--description", f"what {camera} recorded", *part)  # fmt: skip
    out.print("\n[bold]Both exhibits go to the prosecutor; the receipt is compared with what was sent.[/]")
    batch = settings.home / "batch.csv"
    batch.write_text(f"urn,exhibits,purpose,recipient\n{URN},JS/1;JS/2,first_hearing,cps\n")
    give(bwv, home, "submit", str(batch), "--wait", f"{PATIENCE:g}")
    submission = run(_submitted(settings))
    give(bwv, home, "submissions", "show", submission)
    out.print("\n[bold]The same as a folder that opens without network, checked without us.[/]")
    package = settings.home / "package"
    give(bwv, home, "package", "build", submission, "--out", str(package))
    proved = _checked_offline(settings, package)
    out.print("\n[bold]What became of it comes back.[/]")
    _send_outcome(settings)
    run(_outcome(settings))
    give(bwv, home, "case", "show", URN)
    return proved


async def _first_clips(settings: Settings) -> dict[str, str]:
    """The first recording of each camera."""
    async with database_of(settings) as database:
        rows = await database.fetch(
            "SELECT DISTINCT ON (camera) camera, clip_id FROM clip_fate WHERE disposal IS NULL"
            " AND standing <> 'quarantined' ORDER BY camera, recording"
        )
    return {row["camera"]: row["clip_id"] for row in rows}


async def _submitted(settings: Settings) -> str:
    async with database_of(settings) as database:
        row = await database.fetch_one("SELECT submission_id FROM submissions WHERE urn = %s", (URN,))
    assert row is not None  # it was acknowledged just now
    return str(row["submission_id"])


def _checked_offline(settings: Settings, package: Path) -> bool:
    """Run the package's own verifier: an isolated Python, another folder, nothing of ours on its path."""
    verifier = package / "verifier" / "bwv_verify.py"
    key = settings.keys / "custody" / "first.vkey"
    say(("python", "-I", "verifier/bwv_verify.py", "package", "--key", key.name), program="")
    argv = (sys.executable, "-I", str(verifier), str(package), "--key", str(key))
    return subprocess.run(argv, cwd="/", check=False).returncode == 0


def _send_outcome(settings: Settings) -> None:
    """Have the reference gateway say what the prosecutor's would say, some weeks later."""
    told = {
        "id": "outcome-1",
        "urn": URN,
        "defendant": "D1",
        "offence": "O1",
        "outcome": "plea_guilty",
        "on": f"{datetime.now(UTC):%Y-%m-%d}",
    }
    answer = httpx.post(f"{gateway_url(settings.home)}/script", json={"outcomes": [told]}, trust_env=False)
    if not answer.is_success:
        raise PartUnreachable(f"{GATEWAY} answers {answer.status_code}: {answer.text[:200]}")


async def _outcome(settings: Settings) -> None:
    async def come(database: Database) -> bool | None:
        row = await database.fetch_one("SELECT body -> 'outcomes' AS outcomes FROM cases WHERE urn = %s", (URN,))
        return True if row and row["outcomes"] else None

    async with database_of(settings) as database:
        await until(lambda: come(database), f"no outcome of {URN} has come", PATIENCE)
