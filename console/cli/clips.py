"""`bwv trace`, `bwv attribute`, `bwv ledger`: what became of a clip, and of everything declared."""

from __future__ import annotations

from typing import Any

import click

from console.cli.as_of import as_of_option, size_at
from console.cli.common import (
    announce,
    database_of,
    json_option,
    run,
    settings_of,
    show_json,
    show_table,
    signed_by_person,
    until,
)
from console.cli.complaint_access import holds_named, not_their_own, standards_only
from console.cli.timeline import Moment, moments
from streams.engine.tracing import trace_of
from streams.messages import ClipAttributed
from workers.catalogue.queries import clip_facts, find_clip, history, officer_of
from workers.database.engine import Database
from workers.footage.clip import check_enrolled_id
from workers.keys.statements import Attribution, now_iso
from workers.operations.ledger import Ledger, read_ledger

OUT_OF_THE_CAMERA = ("wiped", "quarantined", "damaged", "unexplained")
"""Standings that the ledger's sum counts by themselves."""


async def one_clip(database: Database, words: str) -> str:
    """The one clip that `words` mean."""
    found = await find_clip(database, words)
    if len(found) == 1:
        return found[0]
    if not found:
        raise click.UsageError(f"no clip {words!r}: expected a clip id, its beginning, or CAMERA/RECORDING")
    raise click.UsageError(f"{words!r} may mean {', '.join(found)}; give more of the id")


@click.command()
@click.argument("clip")
@as_of_option
@click.option("--restricted", is_flag=True, help="Also the looks of professional standards; for them alone.")
@json_option
@click.pass_context
def trace(context: click.Context, clip: str, as_of: str | None, restricted: bool, as_json: bool) -> None:
    """The continuity record (audit trail) of CLIP: a clip id, its beginning, or CAMERA/RECORDING.

    With --as-of it ends where the sealed log ended then, and says nothing of what is known today.
    """
    settings = settings_of(context)
    if restricted:
        standards_only(settings)

    async def work() -> tuple[str, dict[str, Any], list[Moment], int | None]:
        async with database_of(settings) as database:
            clip_id = await one_clip(database, clip)
            officer = await officer_of(database, clip_id)
            if restricted:
                not_their_own(settings, officer)
            size = await size_at(database, settings, as_of) if as_of else None
            rows = [row for row in await history(database, clip_id) if size is None or row["index"] < size]
            timeline = moments(rows, restricted=restricted, holds=holds_named(settings, officer))
            return clip_id, await clip_facts(database, clip_id) or {}, timeline, size

    clip_id, facts, timeline, size = run(work())
    if size is not None:
        _show_as_of(clip_id, timeline, size, as_json)
        return
    if as_json:
        show_json({"clip": facts, "timeline": timeline, "trace": trace_of(clip_id) if settings.otlp_endpoint else None})
        return
    officer = facts["officer"] or "officer unknown"
    click.echo(f"{facts['clip_id']}  {facts['camera']}/{facts['recording']}  {officer}")
    disposal = f", disposal {facts['disposal']}; why: bwv explain {facts['clip_id']}" if facts["disposal"] else ""
    click.echo(f"now: {facts['standing']}, camera's copy {facts['camera_copy']}{disposal}")
    if settings.otlp_endpoint:
        click.echo(f"where its time went: trace {trace_of(clip_id)} at the collector")
    _show_timeline(timeline)


def _show_as_of(clip_id: str, timeline: list[Moment], size: int, as_json: bool) -> None:
    if as_json:
        show_json({"clip_id": clip_id, "as_of": size, "timeline": timeline})
        return
    click.echo(f"{clip_id} as the log stood at {size} entries")
    _show_timeline(timeline)


def _show_timeline(timeline: list[Moment]) -> None:
    show_table(
        "", ("local time", "UTC", "who", "verb", "what"), [(m.local, m.utc, m.who, m.verb, m.what) for m in timeline]
    )


@click.command()
@click.argument("clip")
@click.argument("officer")
@click.option("--reason", required=True, help="Why; it is signed and recorded.")
@click.pass_context
def attribute(context: click.Context, clip: str, officer: str, reason: str) -> None:
    """Say that CLIP is OFFICER's. What the camera recorded and who was issued it stay as they are."""
    settings = settings_of(context)
    check_enrolled_id("officer", officer)

    async def work() -> str:
        async with database_of(settings) as database:
            clip_id = await one_clip(database, clip)
            body = Attribution(clip_id, officer, reason, settings.person, now_iso())
            message = ClipAttributed(clip_id, signed_by_person(settings, body))
            await announce(settings, "clips.attributed", message, key=clip_id, cause=(clip_id, body.at))
            await until(
                lambda: database.fetch_one(
                    "SELECT 1 FROM attributions WHERE clip_id = %s AND officer = %s AND time = %s",
                    (clip_id, officer, body.at),
                ),
                "the record has not taken the correction",
            )
            return clip_id

    click.echo(f"{run(work())} is {officer}'s, signed by {settings.person}")


@click.command()
@click.argument("cameras", nargs=-1)
@json_option
@click.pass_context
def ledger(context: click.Context, cameras: tuple[str, ...], as_json: bool) -> None:
    """Set what CAMERAS (or all) ever declared against what became of it. Exit 1 when it does not add up."""
    settings = settings_of(context)

    async def work() -> Ledger:
        async with database_of(settings) as database:
            return await read_ledger(database, cameras or None)

    result = run(work())
    if as_json:
        show_json({"lines": result.lines, "counts": result.counts(), "adds_up": result.adds_up})
    else:
        show_ledger(result)
    context.exit(0 if result.adds_up else 1)


def show_ledger(result: Ledger) -> None:
    """Print the ledger with its sum."""
    show_table(
        "Ledger",
        ("camera", "recording", "bytes", "standing", "camera's copy", "reason"),
        [
            (x.camera, x.recording, f"{x.size:,}", x.standing, "on the camera" if x.on_camera else "erased", x.reason)
            for x in result.lines
        ],
    )
    counts = result.counts()
    left = sum(n for standing, n in counts.items() if standing not in OUT_OF_THE_CAMERA)
    click.echo(
        f"\ndeclared {result.declared} = wiped {counts.get('wiped', 0)} + quarantined {counts.get('quarantined', 0)}"
        f" + left on the camera {left}"
        + "".join(f" + {name.upper()} {counts[name]}" for name in ("damaged", "unexplained") if name in counts)
    )
    if result.unsettled:
        click.echo(f"{len(result.unsettled)} still on their way")
