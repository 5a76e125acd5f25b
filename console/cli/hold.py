"""`bwv hold`: keep clips whatever their period, until people lift the hold."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import click
import msgspec

from console.cli.asking import Request, answered, exit_code, request, say, settled
from console.cli.clips import one_clip
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table, signed_by_person
from console.cli.hold_scope import a_time, scope_of, scope_options
from streams.messages import HoldLiftRequested, HoldRequested
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import Refused
from workers.footage.canonical import derived_id
from workers.keys.statements import now_iso
from workers.retention.answers import Answer, Verdict, answer_to
from workers.retention.facts import HoldReason
from workers.retention.hold_queries import Listed, clips_of_hold, clips_under, held_clips, list_holds
from workers.retention.nearby import question_id
from workers.retention.scopes import GIVEN, check
from workers.retention.statements import HoldLift, HoldRequest

PLACED = [reason.value for reason in HoldReason if reason not in GIVEN]

WAIT = 10.0
LOOK_EVERY = 0.2
"""Seconds between two looks at how far a hold has come."""

restricted_option = click.option(
    "--restricted", is_flag=True, help="Say everything of restricted holds, for those who may know."
)


@click.group()
def hold() -> None:
    """Keep clips whatever their period, until people lift the hold."""


@hold.command()
@click.option("--reason", type=click.Choice(PLACED), required=True, help="Why; it decides who may lift it.")
@scope_options
@click.option("--reference", help="Number of the complaint, claim or case, as its owner writes it.")
@click.option("--restricted", is_flag=True, help="Whoever it concerns must not learn of it.")
@click.option("--earliest-end", help="Before this time nobody lifts it, as of a case.")
@click.option("--wait", default=WAIT, show_default=True, help="Seconds to wait for the store's legal hold.")
@json_option
@click.pass_context
def place(
    context: click.Context,
    /,
    reason: str,
    reference: str | None,
    restricted: bool,
    earliest_end: str | None,
    wait: float,
    as_json: bool,
    **scope: Any,
) -> None:
    """Place a hold. ACTIVE: every version is under legal hold. PENDING: protected, the store follows. REFUSED: why.

    All scopes but --clip also hold what is docked later. Exit 1 when it was refused, or came too late for a clip.
    """
    settings = settings_of(context)
    fields = scope_of(scope) | {
        "reference": reference,
        "restricted": restricted,
        "earliest_end": a_time("--earliest-end", earliest_end),
    }

    async def work() -> tuple[str, Answer, dict[str, int]]:
        async with database_of(settings) as database:
            if fields.get("clip_id"):
                fields["clip_id"] = await one_clip(database, fields["clip_id"])
            asked = _asked(settings, reason, fields)
            signed = signed_by_person(settings, asked)
            try:
                check(asked, signed)
            except Refused as refused:
                raise click.UsageError(refused.reason) from refused
            message = HoldRequested(asked.hold_id, signed)
            [made] = await request(settings, [Request("holds.requested", message, asked.hold_id, (asked.hold_id,))])
            first = await answered(database, made, "holds")
            return asked.hold_id, *await _come_so_far(database, asked.hold_id, made, first, wait)

    hold_id, answer, clips = run(work())
    state = _state(answer, clips)
    if as_json:
        show_json({"hold": hold_id, "state": state, "says": answer.says, "clips": clips})
    elif answer.verdict is Verdict.REFUSED or fields.get("clip_id"):
        click.echo(f"{state.upper()}  {hold_id}: {answer.says}")
    else:
        click.echo(f"{state.upper()}  {_so_far(hold_id, clips)}")
    context.exit(int(answer.verdict is Verdict.REFUSED or clips["refused"] > 0))


def _asked(settings: Settings, reason: str, fields: dict[str, Any]) -> HoldRequest:
    at = now_iso()
    hold_id = derived_id("hold", settings.namespace, settings.person, at, reason, msgspec.json.encode(fields).decode())
    body = {"hold_id": hold_id, "reason": reason, "by": settings.person, "at": at} | fields
    return msgspec.convert(body, HoldRequest)


async def _come_so_far(
    database: Database, hold_id: str, request: str, answer: Answer, wait: float
) -> tuple[Answer, dict[str, int]]:
    """Wait until the store has followed, for so many seconds at most.

    Args:
        request: event id of the request, and its `answer` so far.
    """
    end = time.monotonic() + wait
    while True:
        answer = await answer_to(database, request) or answer
        clips = await clips_under(database, hold_id)
        if answer.verdict is Verdict.REFUSED or (answer.verdict is Verdict.DONE and not clips["pending"]):
            return answer, clips
        if time.monotonic() > end:
            return answer, clips
        await asyncio.sleep(LOOK_EVERY)


def _state(answer: Answer, clips: dict[str, int]) -> str:
    if answer.verdict is Verdict.REFUSED:
        return "refused"
    return "pending" if answer.verdict is Verdict.PENDING or clips["pending"] else "active"


def _so_far(hold_id: str, clips: dict[str, int]) -> str:
    known = clips["active"] + clips["pending"] + clips["refused"]
    text = f"{hold_id} stands; {known} clips so far: {clips['active']} active, {clips['pending']} pending, "
    text += f"{clips['refused']} refused"
    return text + (f"; {clips['cleared']} looked at and cleared" if clips["cleared"] else "")


@hold.command()
@click.argument("hold_id", metavar="HOLD")
@click.option("--reason", required=True, help="Why; it is signed and recorded.")
@json_option
@click.pass_context
def lift(context: click.Context, hold_id: str, reason: str, as_json: bool) -> None:
    """Lift HOLD, or be the first of the two people whom its reason asks for.

    A manual hold takes one person, a case hold one after its earliest end, every other two. The other holds of its
    clips stay, and so does the store's legal hold until a disposal is committed. Exit 1 when it was refused.
    """
    settings = settings_of(context)
    signed = signed_by_person(settings, HoldLift(hold_id, reason, settings.person, now_iso()))
    asked = Request("holds.lift-requested", HoldLiftRequested(hold_id, signed), hold_id, (signed.signature,))
    [answer] = settled(settings, "holds", [asked])
    show_json(answer) if as_json else say(answer)
    context.exit(exit_code([answer]))


@hold.command()
@click.argument("hold_id", metavar="HOLD")
@click.argument("clip")
@click.argument("same", type=click.Choice(["yes", "no"]), metavar="yes|no")
@click.option("--reason", required=True, help="Why; it is signed and recorded.")
@json_option
@click.pass_context
def answer(context: click.Context, hold_id: str, clip: str, same: str, reason: str, as_json: bool) -> None:
    """Say whether CLIP, which lies near a clip of HOLD, shows the same incident. Yes: it falls under HOLD.

    Until somebody answers it is kept under the reason same-incident: bwv hold list --reason same-incident.
    """
    settings = settings_of(context)

    async def find() -> str:
        async with database_of(settings) as database:
            return await one_clip(database, clip)

    asked_of = question_id(hold_id, run(find()))
    signed = signed_by_person(settings, HoldLift(asked_of, reason, settings.person, now_iso(), same == "yes"))
    asked = Request("holds.lift-requested", HoldLiftRequested(asked_of, signed), asked_of, (signed.signature,))
    [given] = settled(settings, "holds", [asked])
    show_json(given) if as_json else say(given)
    context.exit(exit_code([given]))


@hold.command("list")
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
    """The holds, newest first."""
    if by_clip and (clip or any(only.values())):
        raise click.UsageError("--by-clip lists every held clip; give it alone, or with --restricted")
    settings = settings_of(context)

    async def work() -> list[Any]:
        async with database_of(settings) as database:
            if by_clip:
                return list(await held_clips(database, restricted=restricted))
            clip_id = await one_clip(database, clip) if clip else None
            return list(await list_holds(database, clip=clip_id, restricted=restricted, **only))

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


@hold.command()
@click.argument("hold_id", metavar="HOLD")
@restricted_option
@json_option
@click.pass_context
def show(context: click.Context, hold_id: str, restricted: bool, as_json: bool) -> None:
    """HOLD with each of its clips: active, pending, refused, cleared or lifted, and why."""
    settings = settings_of(context)

    async def work() -> tuple[list[Listed], list[dict[str, Any]]]:
        async with database_of(settings) as database:
            found = await list_holds(database, hold=hold_id, lifted=True, restricted=restricted)
            return found, await clips_of_hold(database, hold_id)

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
