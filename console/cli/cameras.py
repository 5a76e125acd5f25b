"""`bwv cameras` and `bwv urgent`: who holds a camera, and whose footage cannot wait."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from console.cli.common import (
    announce,
    ask,
    database_of,
    json_option,
    run,
    settings_of,
    show_json,
    show_table,
    signed_by_person,
)
from local.ffmpeg import find_ffmpeg
from local.sample import Camera, encode
from streams.messages import CameraIssued, CameraReturned, UrgencyRequested
from workers.footage.clip import check_enrolled_id
from workers.footage.recording import SourceType
from workers.keys.statements import Issue, Urgency, now_iso


@click.group()
def cameras() -> None:
    """Issue a camera to an officer and take it back; list cameras."""


def _hand_over(context: click.Context, camera: str, officer: str, *, issued: bool) -> None:
    settings = settings_of(context)
    check_enrolled_id("camera", camera)
    check_enrolled_id("officer", officer)
    at = now_iso()
    issue = signed_by_person(settings, Issue(camera, officer, settings.person, at))
    topic, message = (
        ("cameras.issued", CameraIssued(camera, officer, issue))
        if issued
        else ("cameras.returned", CameraReturned(camera, officer, issue))
    )
    run(announce(settings, topic, message, key=camera, cause=(camera, officer, at)))
    click.echo(f"{camera} {'issued to' if issued else 'returned by'} {officer} at {at}")


@cameras.command()
@click.argument("camera")
@click.argument("officer")
@click.pass_context
def issue(context: click.Context, camera: str, officer: str) -> None:
    """OFFICER takes CAMERA: clips recorded from now on are the officer's."""
    _hand_over(context, camera, officer, issued=True)


@cameras.command("return")
@click.argument("camera")
@click.argument("officer")
@click.pass_context
def return_(context: click.Context, camera: str, officer: str) -> None:
    """OFFICER gives CAMERA back: what it records from now on has no known officer."""
    _hand_over(context, camera, officer, issued=False)


@cameras.command("list")
@json_option
@click.pass_context
def list_cameras(context: click.Context, as_json: bool) -> None:
    """Cameras that were ever docked or issued: where, who holds them, how many recordings are missing."""
    settings = settings_of(context)

    rows = ask(
        settings,
        "SELECT COALESCE(c.camera, h.camera) AS camera, c.dock, c.bay, c.docked_at, h.officer,"
        " (SELECT sum(last - first + 1) FROM gaps g WHERE g.camera = c.camera) AS missing"
        " FROM cameras c FULL JOIN (SELECT DISTINCT ON (camera) camera, officer FROM camera_holders"
        " ORDER BY camera, time DESC) h ON h.camera = c.camera ORDER BY 1",
    )
    if as_json:
        show_json(rows)
        return
    show_table(
        "Cameras",
        ("camera", "last docked at", "when", "held by", "recordings missing"),
        [(r["camera"], f"{r['dock'] or '-'}/{r['bay'] or '-'}", r["docked_at"], r["officer"] or "nobody known",
          r["missing"]) for r in rows],
    )  # fmt: skip


@click.command()
@click.argument("where")
@click.option("--reason", required=True, help="Why it cannot wait; it is recorded.")
@click.pass_context
def urgent(context: click.Context, where: str, reason: str) -> None:
    """Put WHERE into the urgent lane for a shift: a CAMERA, or DOCK/BAY for whatever stands there."""
    settings = settings_of(context)

    async def work() -> str:
        camera = where
        if "/" in where:
            dock, bay = where.split("/", 1)
            async with database_of(settings) as database:
                row = await database.fetch_one(
                    "SELECT camera FROM cameras WHERE dock = %s AND bay = %s ORDER BY docked_at DESC LIMIT 1",
                    (dock, bay),
                )
            if row is None:
                raise click.UsageError(f"no camera was ever docked in {where}; see: bwv cameras list")
            camera = row["camera"]
        check_enrolled_id("camera", camera)
        at = now_iso()
        request = signed_by_person(settings, Urgency(camera, reason, settings.person, at))
        await announce(settings, "urgency.requested", UrgencyRequested(camera, request), key=camera, cause=(camera, at))
        return camera

    click.echo(f"{run(work())} goes first for the next 12 hours")


@cameras.command()
@click.argument("camera")
@click.option("--bay", required=True, help="Bay of the local dock to put it into, like BAY-01.")
@click.option(
    "--source",
    type=click.Choice([s.value for s in SourceType]),
    default="body_worn",
    show_default=True,
    help="Kind of device.",
)
@click.option("--recordings", default=2, show_default=True, help="How many, of two seconds and more.")
@click.pass_context
def sample(context: click.Context, camera: str, bay: str, source: str, recordings: int) -> None:
    """Make a CAMERA's folder with real recordings and put it into a bay of the local dock, to try things."""
    settings = settings_of(context)
    check_enrolled_id("camera", camera)
    check_enrolled_id("bay", bay)
    place = settings.dock_folder / bay / camera
    if place.exists():
        raise click.UsageError(f"{place} exists: that camera stands there")
    with tempfile.TemporaryDirectory(dir=settings.home) as outside:
        made = Camera(Path(outside) / camera, SourceType(source))
        for number in range(recordings):
            draft = Path(outside) / f"{number}.mp4"
            encode(find_ffmpeg().ffmpeg, draft, made.source, seconds=2 + number, bits_per_second=2_000_000)
            made.record(draft)
        place.parent.mkdir(parents=True, exist_ok=True)
        # One rename: a dock never sees half a camera.
        made.folder.replace(place)
    click.echo(f"{camera} with {recordings} recordings stands in {place}")
