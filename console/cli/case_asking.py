"""How a command changes a case: one signed change with the holds that go with it, and what the stages answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
import msgspec
from msgspec import Struct

from console.cli.asking import Request, answered, request, say
from console.cli.common import database_of, run, settings_of, show_json, signed_by_person, until
from streams.messages import CaseRequested, event_id
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import Refused
from workers.fate.row import find
from workers.keys.signing import Signed
from workers.keys.statements import now_iso
from workers.prosecution.cases import checks
from workers.prosecution.cases.case import Case
from workers.prosecution.cases.case_holds import lift_of, wanted_holds
from workers.prosecution.cases.clips import needs_hold
from workers.prosecution.cases.cpia import not_before
from workers.prosecution.cases.queries import HoldOfCase, holds_of_case
from workers.prosecution.cases.rows import find_case
from workers.prosecution.identity import case_id
from workers.prosecution.statements import CaseChange, CaseKind, CaseReviewed, Change, ExhibitAdded, Opened
from workers.retention.answers import Answer, Verdict, answer_to
from workers.retention.hold_queries import clips_under
from workers.retention.statements import HoldLift, HoldRequest

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

HOLDS_WITHIN = 10.0
"""Seconds that a command waits for the store's legal holds to follow."""

LOOK_EVERY = 0.2

reason_option = click.option(
    "--reason", default="as the case file says", show_default=True, help="Why; it is signed and recorded."
)
reason_needed = click.option("--reason", required=True, help="Why; it is signed and recorded.")


class HoldSoFar(Struct, frozen=True):
    """How far a hold that was placed, or is to be lifted, with a change has come: active, pending, refused, lifted."""

    hold_id: str
    state: str
    says: str
    clips: dict[str, int]


async def case_named(database: Database, words: str) -> Case:
    """The case of this Unique Reference Number, or id."""
    async with database.connection() as connection:
        found = await find_case(connection, words)
    if found is None:
        raise click.UsageError(f"no case {words!r}; see: bwv case list, or open it: bwv case open {words}")
    return found


def right(work: Callable[[], T]) -> T:
    """What a check of the command's own words gives; a fault in them is wrong use."""
    try:
        return work()
    except Refused as refused:
        raise click.UsageError(refused.reason) from refused


def open_case(context: click.Context, opened: Opened, reason: str, as_json: bool) -> None:
    """Ask that a case is opened, and tell what was answered; ends with the exit code."""
    settings = settings_of(context)
    urn = right(lambda: checks.urn(opened.urn, opened.kind))
    change = msgspec.structs.replace(opened, urn=urn)

    async def work() -> tuple[Answer, list[HoldSoFar]]:
        async with database_of(settings) as database:
            return await _ask(settings, database, None, change, reason)

    _tell(context, *run(work()), as_json)


def change_case(
    context: click.Context,
    words: str,
    change: Change | Callable[[Database, Case], Any],
    reason: str,
    as_json: bool,
) -> None:
    """Ask for a change of a case, and tell what was answered; ends with the exit code.

    Args:
        words: its Unique Reference Number, or id.
        change: or a coroutine function that makes it from the case.
    """
    settings = settings_of(context)

    async def work() -> tuple[Answer, list[HoldSoFar]]:
        async with database_of(settings) as database:
            case = await case_named(database, words)
            made = await change(database, case) if callable(change) else change
            return await _ask(settings, database, case, made, reason)

    _tell(context, *run(work()), as_json)


async def _ask(
    settings: Settings, database: Database, case: Case | None, change: Change, reason: str
) -> tuple[Answer, list[HoldSoFar]]:
    at, by = now_iso(), settings.person
    urn, kind = (case.urn, case.kind) if case is not None else _of(change)
    bare = False
    if isinstance(change, ExhibitAdded) and case is not None:
        fate = await find(database, change.clip_id)
        bare = fate is not None and needs_hold(case, fate)
    holds = wanted_holds(urn, kind, change, by=by, at=at, bare_clip=bare)
    lifts: Sequence[HoldLift] = ()
    if case is not None and isinstance(change, CaseReviewed) and change.keep_until is None:
        lifts = await _lifts(database, case, reason, by, at)
    body = CaseChange(
        case_id=case.case_id if case is not None else case_id(settings.namespace, urn),
        change=change,
        reason=reason,
        by=by,
        at=at,
        holds=tuple(signed_by_person(settings, hold) for hold in holds),
        lifts=tuple(signed_by_person(settings, lift) for lift in lifts),
    )
    signed = signed_by_person(settings, body)
    asked = Request("cases.requested", CaseRequested(body.case_id, signed), body.case_id, (signed.signature,))
    [made] = await request(settings, [asked])
    given = await answered(database, made, "cases")
    if given.verdict is Verdict.REFUSED:
        return given, []
    lifted = [await _lifted(database, signed) for signed in body.lifts]
    return given, [*lifted, *[await _come_so_far(database, hold) for hold in holds]]


def _of(change: Change) -> tuple[str, CaseKind]:
    assert isinstance(change, Opened)  # everything else is about a case that is there
    return change.urn, change.kind


async def _lifts(database: Database, case: Case, reason: str, by: str, at: str) -> Sequence[HoldLift]:
    """Wishes to lift the case's holds that still stand, once holds knows their end."""
    end = not_before(case)

    async def ready() -> list[HoldOfCase] | None:
        async with database.connection() as connection:
            standing = [hold for hold in await holds_of_case(connection, case) if hold.lifted_at is None]
        late = end is not None and any(hold.earliest_end != end for hold in standing)
        return None if late else standing

    standing = await until(ready, "holds has not taken over the end of the case")
    return [HoldLift(hold.hold_id, reason, by, at) for hold in standing]


async def _lifted(database: Database, signed: Signed) -> HoldSoFar:
    """What holds answers to a wish to lift."""
    asked = event_id("holds.lift-requested", signed.signature)
    given = await answered(database, asked, "holds")
    hold_id = lift_of(signed).hold_id
    state = "lifted" if given.verdict is Verdict.DONE else given.verdict.value
    return HoldSoFar(hold_id, state, given.says, await clips_under(database, hold_id))


async def _come_so_far(database: Database, hold: HoldRequest) -> HoldSoFar:
    """Wait until the store has followed, for some seconds at most. What is pending is protected all the same."""
    asked = event_id("holds.requested", hold.hold_id)  # as the stage derives it; its module brings the store's client
    first = await answered(database, asked, "holds")
    end = time.monotonic() + HOLDS_WITHIN
    while True:
        given = await answer_to(database, asked) or first
        clips = await clips_under(database, hold.hold_id)
        settled = given.verdict is Verdict.REFUSED or (given.verdict is Verdict.DONE and not clips["pending"])
        if hold.clip_id is not None:
            settled = given.verdict is Verdict.REFUSED or not clips["pending"]
        if settled or time.monotonic() > end:
            if given.verdict is Verdict.REFUSED:
                return HoldSoFar(hold.hold_id, "refused", given.says, clips)
            known = ", ".join(f"{n} {state}" for state, n in clips.items() if n) or "no clip yet"
            return HoldSoFar(hold.hold_id, "active" if settled else "pending", known, clips)
        await asyncio.sleep(LOOK_EVERY)


def _tell(context: click.Context, answer: Answer, holds: list[HoldSoFar], as_json: bool) -> None:
    if as_json:
        show_json({**msgspec.structs.asdict(answer), "holds": holds})
    else:
        say(answer)
        for hold in holds:
            click.echo(f"{hold.state.upper()}  {hold.hold_id}: {hold.says}")
    context.exit(int(answer.verdict is Verdict.REFUSED or any(hold.state == "refused" for hold in holds)))
