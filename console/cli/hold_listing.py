"""`bwv hold list` and `show`: which holds there are, and the clips of one; of restricted ones most read only that."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from console.cli.clips import one_clip
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table
from console.cli.complaint_access import holds_named, who_may_know
from workers.catalogue.queries import officer_of
from workers.retention.facts import HoldReason
from workers.retention.hold_queries import (
    Listed,
    as_named,
    clips_of_hold,
    held_clips,
    holds_about,
    list_holds,
)

restricted_option = click.option(
    "--restricted", is_flag=True, help="Say everything of restricted holds; for professional standards and records."
)


@click.command("list")
@click.option("--clip", help="Those that this clip is or was under.")
@click.option("--reason", type=click.Choice([reason.value for reason in HoldReason]), help="Those of this reason.")
@click.option("--standing", is_flag=True, help="Those that also hold what is docked later.")
@click.option("--lifted", is_flag=True, help="Lifted ones too.")
@click.option("--by-clip", is_flag=True, help="Every clip that is under a hold, and why.")
@restricted_option
@json_option
@click.pass_context
def list_command(
    context: click.Context, /, clip: str | None, by_clip: bool, restricted: bool, as_json: bool, **only: Any
) -> None:
    """The holds, newest first; of all restricted ones together one line."""
    if by_clip and (clip or any(only.values())):
        raise click.UsageError("--by-clip lists every held clip; give it alone, or with --restricted")
    settings = settings_of(context)
    if restricted:
        who_may_know(settings)

    async def work() -> list[Any]:
        async with database_of(settings) as database:
            # Whom a restricted hold concerns learns nothing of it, whatever their roles.
            but = await holds_about(database, settings.person) if restricted else ()
            if by_clip:
                named, person = holds_named(settings, None), settings.person
                return list(await held_clips(database, restricted=restricted, but=but, named=named, person=person))
            clip_id = await one_clip(database, clip) if clip else None
            found = await list_holds(database, clip=clip_id, restricted=restricted, but=but, **only)
            if clip_id is None:
                return list(found)
            return list(as_named(found, holds_named(settings, await officer_of(database, clip_id))))

    found = run(work())
    if as_json:
        show_json(found)
    elif by_clip:
        rows = [(row["clip_id"], row["camera"], row["recording"], ", ".join(row["holds"])) for row in found]
        show_table(f"Clips under hold: {len(rows)}", ("clip", "camera", "recording", "holds"), rows)
    else:
        show_table(
            f"Holds: {len(found)}",
            ("hold", "reason", "covers", "placed", "by", "clips", "ends"),
            [_line(listed) for listed in found],
        )


def _line(listed: Listed) -> tuple[str, ...]:
    clips = ", ".join(f"{n} {state}" for state, n in listed.clips.items() if n) or "-"
    asked = "lift asked for" if listed.lift_asked else ""
    ended = f"lifted {listed.lifted_at:%Y-%m-%d %H:%M}" if listed.lifted_at else listed.ends or asked
    placed = f"{listed.placed_at:%Y-%m-%d %H:%M}" if listed.placed_at else ""
    return listed.hold_id, listed.reason, listed.covers, placed, listed.placed_by, clips, ended


@click.command()
@click.argument("hold_id", metavar="HOLD")
@restricted_option
@json_option
@click.pass_context
def show(context: click.Context, hold_id: str, restricted: bool, as_json: bool) -> None:
    """HOLD with each of its clips: active, pending, refused, cleared or lifted, and why; none of a restricted one."""
    settings = settings_of(context)

    if restricted:
        who_may_know(settings)

    async def work() -> tuple[list[Listed], list[dict[str, Any]]]:
        async with database_of(settings) as database:
            but = await holds_about(database, settings.person) if restricted else ()
            found = await list_holds(database, hold=hold_id, lifted=True, restricted=restricted, but=but)
            return found, await clips_of_hold(database, hold_id, restricted=restricted, but=but)

    found, clips = run(work())
    if not found and not clips:
        raise click.UsageError(f"no hold {hold_id!r}; see: bwv hold list --lifted")
    if as_json:
        show_json({"hold": found[0] if found else None, "clips": clips})
        return
    for listed in found:
        for name, value in msgspec.structs.asdict(listed).items():
            if name not in ("clips", "earliest_end") and value not in (None, (), ""):
                click.echo(f"{name:>12}  {', '.join(value) if isinstance(value, tuple) else value}")
    show_table("", ("clip", "camera", "recording", "state", "why"),
               [(c["clip_id"], c["camera"], c["recording"], c["state"], c["says"]) for c in clips])  # fmt: skip
