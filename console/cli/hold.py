"""`bwv hold`: keep clips whatever their period, until people lift the hold."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import click
import msgspec

from console.cli.asking import Request, answered, exit_code, request, say, settled
from console.cli.clips import one_clip
from console.cli.common import database_of, json_option, run, settings_of, show_json, signed_by_person
from console.cli.hold_listing import list_command, show
from console.cli.hold_scope import a_time, scope_of, scope_options
from streams.messages import HoldLiftRequested, HoldRequested
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import Refused
from workers.footage.canonical import derived_id
from workers.keys.statements import now_iso
from workers.retention.answers import Answer, Verdict, answer_to
from workers.retention.facts import HoldReason
from workers.retention.hold_queries import clips_under
from workers.retention.nearby import question_id
from workers.retention.scopes import GIVEN, check
from workers.retention.statements import HoldLift, HoldRequest

PLACED = [reason.value for reason in HoldReason if reason not in GIVEN]

WAIT = 10.0
LOOK_EVERY = 0.2
"""Seconds between two looks at how far a hold has come."""


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


hold.add_command(list_command)
hold.add_command(show)
