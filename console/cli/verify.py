"""`bwv verify`: read stored clips again in full, now, and compare them with what the dock signed."""

from __future__ import annotations

import re

import click

from console.cli.clips import one_clip
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table
from console.cli.verifying import Result, verify_share
from workers.catalogue.rereads import Coverage, Share

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SUBSET = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})")


def seconds_of(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """A duration such as 90d, 12h, 30m or 45s, in seconds."""
    if value is None:
        return None
    found = _DURATION.fullmatch(value)
    if not found:
        raise click.BadParameter(f"{value!r}: expected a number and a unit, such as 90d, 12h, 30m or 45s")
    return float(found[1]) * UNITS[found[2]]


def subset_of(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int]:
    """A share such as 1/7."""
    found = _SUBSET.fullmatch(value or "1/1")
    if not found or int(found[1]) > int(found[2]):
        raise click.BadParameter(f"{value!r}: expected i/n with i from 1 to n, such as 1/7")
    return int(found[1]), int(found[2])


def duration(seconds: float) -> str:
    """Seconds in the largest unit of which there are at least two."""
    for unit in ("d", "h", "m"):
        if seconds >= 2 * UNITS[unit]:
            return f"{seconds / UNITS[unit]:.1f} {unit}"
    return f"{seconds:.1f} s"


@click.command()
@click.argument("clip", required=False)
@click.option("--subset", callback=subset_of, help="Only a share of the clips, such as 1/7; always the same ones.")
@click.option("--max-age", callback=seconds_of, help="Only clips not read in full for so long: 90d, 12h, 30m, 45s.")
@json_option
@click.pass_context
def verify(
    context: click.Context, clip: str | None, subset: tuple[int, int], max_age: float | None, as_json: bool
) -> None:
    """Read CLIP (an id, its beginning, or CAMERA/RECORDING), or all clips, again and compare them with what the dock
    signed: every byte, by version id, with verification's credentials. What is found goes on record. Exit 1 when
    something is damaged, missing, or less locked than it should be.

    A clip that cannot be read while others can is read a second time after `scrub_confirm` before it counts as damaged.
    """
    settings = settings_of(context)

    async def work() -> tuple[Result, Coverage]:
        async with database_of(settings) as database:
            clip_id = await one_clip(database, clip) if clip else None
            share = Share(*subset, max_age or 0.0, clip_id)
            return await verify_share(settings, database, share, max_age or settings.scrub_cycle, hidden=as_json)

    result, covered = run(work())
    _show(result, covered, max_age or settings.scrub_cycle, as_json)
    context.exit(1 if result.troubles else 0)


def _show(result: Result, covered: Coverage, within: float, as_json: bool) -> None:
    rate = result.bytes / result.seconds if result.seconds else 0.0
    if as_json:
        show_json(
            {
                "clips": result.clips,
                "whole": result.whole,
                "bytes": result.bytes,
                "seconds": round(result.seconds, 3),
                "bytes_per_second": round(rate),
                "troubles": result.troubles,
                "coverage": round(covered.ratio, 6),
                "within_seconds": within,
                "oldest_unread_seconds": covered.oldest,
                "damaged_in_all": covered.damaged,
            }
        )
        return
    if result.troubles:
        rows = [(t.clip_id, f"{t.camera}/{t.recording}", t.condition, t.reason) for t in result.troubles]
        show_table("Not as it should be", ("clip", "recording", "condition", "what"), rows)
        click.echo("\n" + "\n".join(_advice({trouble.condition for trouble in result.troubles})) + "\n")
    oldest = "-" if covered.oldest is None else duration(covered.oldest)
    click.echo(
        f"read {result.clips} clips, {result.bytes:,} bytes at {rate / 1e6:.0f} MB/s; "
        f"coverage {100 * covered.ratio:.1f} % within {duration(within)}; oldest unread {oldest}"
    )


def _advice(conditions: set[str]) -> list[str]:
    lines = {
        "damaged": "damaged: nothing is deleted, and a recording still on its camera stays there. Examine the store's "
        "disks, restore the object from a replica or backup; bwv verify CLIP says whether it is whole again",
        "missing": "missing: look who may delete at the store (its own log, deploy/policies) and restore the version",
        "weaker lock": "weaker lock: the bytes are whole; see who changed the lock: bwv store-check",
        "unjudged": "unjudged: the report in the database is not the one that was signed: bwv custody verify",
    }
    return [line for condition, line in lines.items() if condition in conditions]
