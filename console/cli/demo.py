"""`bwv demo`: the main job, from docked cameras to the closing ledger, on real parts."""

from __future__ import annotations

import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from console.cli.clips import show_ledger
from console.cli.common import announce, console, database_of, run, settings_of, signed_by_person
from console.cli.demo_encounters import show_encounters
from console.cli.demo_figures import show_figures
from console.cli.demo_prosecution import show_prosecution
from console.cli.demo_retention import FIRST_LOCK, MORE_SETTINGS, show_retention
from console.cli.keys import enrol_key
from console.cli.progress import watch
from console.cli.stack import start
from local.background import stop_background
from local.demo import LARGE, OFFICERS, make_cameras
from local.ffmpeg import find_ffmpeg
from local.sample import Camera
from local.system import INGEST, STAGES
from streams.messages import CameraIssued, UploadReported
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import PartUnreachable
from workers.fate.row import Fate, find
from workers.keys.signing import EnrolledKey, Role
from workers.keys.statements import Issue, now_iso
from workers.operations.ledger import Ledger, read_ledger

PATIENCE = 150.0
"""Seconds after which a demo that makes no progress gives up and says what it waits for."""

SETTINGS = """\
first_lock = {first_lock}      # seconds; days in production
dock_settle = 0.3      # its cameras appear by one rename
"""


@click.command()
@click.option("--keep", is_flag=True, help="Leave the system running, with its footage, to look around.")
@click.option("--all", "everything", is_flag=True, help="Retention, prosecution and encounters too. Two minutes.")
@click.option("--large", default=LARGE, show_default=True, help="Bytes of the large recording.")
@click.pass_context
def demo(context: click.Context, keep: bool, everything: bool, large: int) -> None:
    """Dock three cameras, watch seven recordings and an event log reach the vault, and close the ledger.

    With --all a retention policy is adopted then: one clip goes with its certificate, a complaint keeps another. Then
    two exhibits go to the prosecutor (a reference gateway), and their package is checked without this system. At last
    two stops are set against the clips of their officers: one was not filmed, and a reason is given; and the month's
    figures are made, and made again from the vault alone.
    Exit 0 when declared = wiped + quarantined + left on the camera, and what was stored = kept + held + deleted.
    """
    began = time.monotonic()
    home = settings_of(context).home / "demo"
    stop_background(home, at_once=True)
    shutil.rmtree(home, ignore_errors=True)
    try:
        settings, ledger = _run(home, large, everything)
        click.echo("")
        show_ledger(ledger)
        adds_up = ledger.adds_up
        if everything:
            bwv = context.find_root().command
            adds_up = show_retention(bwv, settings) and show_prosecution(bwv, settings) and adds_up
            adds_up = show_encounters(bwv, settings) and show_figures(bwv, settings) and adds_up
    except BaseException:
        stop_background(home)
        raise
    click.echo(f"\n{'it adds up' if adds_up else 'IT DOES NOT ADD UP'} · {time.monotonic() - began:.1f} s")
    if keep:
        click.echo(f"left running: bwv --home {os.path.relpath(home)} status | trace | quarantine list | down")
    else:
        stop_background(home, at_once=True)
        shutil.rmtree(home, ignore_errors=True)
    context.exit(0 if adds_up else 1)


def _run(home: Path, large: int, everything: bool) -> tuple[Settings, Ledger]:
    out = console()
    with ThreadPoolExecutor(1) as pool:
        out.print("[bold]Starting Kafka, an object store, PostgreSQL and the stages; three cameras are recording …[/]")
        making = pool.submit(
            make_cameras,
            home / "outside",
            find_ffmpeg(),
            large=large,
            tell=lambda line: out.print(f"  camera   {line}"),
        )
        settings = start(
            home,
            lambda part: out.print(f"  {part.name:14} {part.state}") if part.state == "ready" else None,
            *_parts(everything),
            gateway=everything,
        )
        cameras = making.result()
    run(_issue(settings, cameras))
    out.print("\n[bold]The cameras are docked.[/]")
    for number, camera in enumerate(cameras, 1):
        bay = settings.dock_folder / f"BAY-{number:02}"
        bay.mkdir(parents=True, exist_ok=True)
        os.replace(camera.folder, bay / camera.name)
    return settings, run(_watch(settings, cameras))


def _parts(everything: bool) -> tuple[str, tuple[str, ...]]:
    """Settings and stages; those of retention only where they are shown, so that the first act stays quick."""
    if everything:
        return SETTINGS.format(first_lock=FIRST_LOCK) + MORE_SETTINGS, STAGES
    return SETTINGS.format(first_lock=60.0), INGEST


async def _issue(settings: Settings, cameras: list[Camera]) -> None:
    for camera in cameras:
        await enrol_key(settings, EnrolledKey(f"camera:{camera.name}:none", Role.CAMERA, camera.name, ""))
        at = camera.began.isoformat()
        officer = OFFICERS[camera.name]
        issue = signed_by_person(settings, Issue(camera.name, officer, settings.person, at))
        await announce(
            settings,
            "cameras.issued",
            CameraIssued(camera.name, officer, issue),
            key=camera.name,
            cause=(camera.name, at),
        )


async def _watch(settings: Settings, cameras: list[Camera]) -> Ledger:
    declared = sum(camera.sequence for camera in cameras)
    async with database_of(settings) as database:
        twice = False

        async def settled() -> Ledger | None:
            nonlocal twice
            ledger = await read_ledger(database)
            if not twice:
                twice = await _report_again(settings, database)
            done = ledger.declared >= declared and not ledger.unsettled
            return ledger if done and twice else None

        ledger = await watch(settings.home, settled, patience=PATIENCE, live=sys.stdout.isatty())
        if ledger is None:
            raise PartUnreachable(f"no progress for {PATIENCE:g} s; the logs are under {settings.home}/logs")
        return ledger


async def _report_again(settings: Settings, database: Database) -> bool:
    """Send the van's first report once more, as a dock does whose answer was lost."""
    row = await database.fetch_one(
        "SELECT clip_id FROM clip_fate WHERE camera = 'VEH-0031' ORDER BY registered_at LIMIT 1"
    )
    fate: Fate | None = await find(database, row["clip_id"]) if row else None
    if fate is None:
        return False
    message = UploadReported(fate.camera, fate.recording, fate.report)
    await announce(settings, "uploads.reported", message, key=fate.camera, cause=(fate.clip_id, now_iso()))
    return True
