"""What retention and holds own, made again from the custody log, failing long (docs/life-of-a-clip.md §4).

A fact counts if a person signed it. A hold counts by any sign of it, and is lifted only by as many signatures as its
reason asks for, or at the end that its own signed request names (scrutiny). What nobody can prove any more stands as a
hold that two people can lift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, execute
from workers.errors import Refused, SignatureInvalid
from workers.keys.proving import proved
from workers.keys.signing import EnrolledKey, Role, Signed, check_signer
from workers.retention import reviewing
from workers.retention.facts import Fact, Hold, HoldReason
from workers.retention.holding import State, enter
from workers.retention.lifting import people_needed
from workers.retention.own_end import own_end
from workers.retention.past import FACTS, Told
from workers.retention.scopes import HoldRow, check, enter_hold
from workers.retention.statements import (
    Categorisation,
    EarlyDisposalRequest,
    HoldLift,
    HoldRequest,
    Restoration,
    ReviewVerdict,
    TimeCorrection,
)

Keys = Mapping[str, EnrolledKey]
IsMessage = Callable[[str, bytes], bool]
Body = TypeVar("Body", bound=Struct)

SIGNED_BY_PEOPLE: Mapping[str, tuple[tuple[str, type[Struct]], ...]] = {
    "clips.categorised": (("categorisation", Categorisation),),
    "clips.time-corrected": (("correction", TimeCorrection),),
    "reviews.decided": (("verdict", ReviewVerdict),),
    "disposals.cancelled": (("restoration", Restoration),),
    "disposals.early-approved": (("asked", EarlyDisposalRequest), ("approved", EarlyDisposalRequest)),
}
"""Event type → what a person signed in it."""

CLIP_TYPES = (
    *SIGNED_BY_PEOPLE,
    "reviews.due",
    "holds.accepted",
    "holds.placed",
    "holds.refused",
    "holds.cleared",
    "holds.lifted",
)
"""Events about one clip that are read here."""


def facts_of(told: Iterable[Told], keys: Keys) -> tuple[Fact, ...]:
    """What people decided about a clip, oldest first.

    Args:
        told: events about the clip, in the order of time.
    """
    facts: list[Fact] = []
    for item in told:
        if item.type not in FACTS or item.content is None:
            continue
        names = SIGNED_BY_PEOPLE[item.type]
        if all(proved(item.content.get(name), body, Role.PERSON, keys) is not None for name, body in names):
            facts += FACTS[item.type](item, tuple(facts))
    return tuple(facts)


def holds_of(told: Iterable[Told], keys: Keys) -> tuple[str, ...]:
    """Entries of the holds that a clip is under, as `clip_fate.hold_reasons` has them."""
    standing: dict[str, str] = {}
    needed: dict[str, int] = {}
    ends: dict[str, datetime | None] = {}
    lifted: set[str] = set()
    for item in told:
        content = item.content or {}
        hold_id = str(content.get("hold_id", ""))
        if item.type == "holds.accepted":
            standing.setdefault(hold_id, Hold(hold_id, HoldReason(content["hold_reason"])).entry)
            needed[hold_id] = _people_for(content["request"], keys)
            ends[hold_id] = ends_by_itself(content["request"], keys)
        elif item.type == "holds.lifted" and (
            len(lifters(content, keys)) >= needed.get(hold_id, 2) or is_over(ends.get(hold_id), item.time)
        ):
            lifted.add(hold_id)
    return tuple(entry for hold_id, entry in standing.items() if hold_id not in lifted)


def _people_for(request: Any, keys: Keys) -> int:
    """How many people lift this hold; two, where its request proves nothing."""
    hold = asked_hold(request, keys)
    return people_needed(hold) if hold is not None else 2


def ends_by_itself(request: Any, keys: Keys) -> datetime | None:
    """When a hold ends by itself, as a known person signed; None: only people lift it."""
    hold = asked_hold(request, keys)
    return None if hold is None else own_end(hold.request.body)


def is_over(end: datetime | None, at: datetime) -> bool:
    """Whether a hold's own end had come; no event of a future that somebody wrote ends it early."""
    return end is not None and end <= min(at, datetime.now(UTC))


def asked_hold(request: Any, keys: Keys) -> HoldRow | None:
    """The hold that a known person asked for in their own name, or None."""
    asked = proved(request, HoldRequest, Role.PERSON, keys)
    if asked is None:
        return None
    try:
        signed = msgspec.convert(request, Signed)
        check_signer(asked.by, signed)
        return check(asked, signed)
    except (Refused, SignatureInvalid):
        return None


def lifters(content: Mapping[str, Any], keys: Keys) -> set[str]:
    """The people whose signed wish to lift this hold the event carries."""
    lifts = [proved(lift, HoldLift, Role.PERSON, keys) for lift in content.get("lifts", ())]
    return {lift.by for lift in lifts if lift is not None and lift.hold_id == content["hold_id"]}


async def restore_clip(
    connection: Connection, clip_id: str, told: Iterable[Told], standing: Iterable[str], keys: Keys
) -> None:
    """What a clip's holds mean for it, and its reviews.

    Args:
        told: events about the clip, in the order of time.
        standing: the entries of its row: a hold that stands there is not lifted here either.
    """
    stands = {entry.partition("/")[2] for entry in standing}
    for item in told:
        content = item.content
        if content is None:
            continue
        if item.type in STATES:
            state, says = STATES[item.type](content)
            if state is not State.LIFTED or content["hold_id"] not in stands:
                await enter(connection, content["hold_id"], clip_id, state, says)
        if item.type == "holds.accepted" and (hold := asked_hold(content["request"], keys)) is not None:
            await enter_again(connection, hold)
        elif item.type == "reviews.due":
            await execute(
                connection,
                "INSERT INTO reviews (clip_id, due_at, policy, category, rule, opened_at)"
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (clip_id, content["due_at"], content["policy"], content["category"], content["rule"], item.time),
            )
        elif item.type == "reviews.decided":
            verdict = proved(content.get("verdict"), ReviewVerdict, Role.PERSON, keys)
            if verdict is not None:
                await reviewing.close(connection, verdict)


STATES: Mapping[str, Callable[[Mapping[str, Any]], tuple[State, str]]] = {
    "holds.accepted": lambda c: (State.PENDING, "protected; the store's legal hold follows"),
    "holds.placed": lambda c: (State.ACTIVE, f"legal hold on {c['versions']} versions, each read back"),
    "holds.refused": lambda c: (State.REFUSED, c["reason"]),
    "holds.cleared": lambda c: (State.CLEARED, c["reason"]),
    "holds.lifted": lambda c: (State.LIFTED, "the hold was lifted"),
}
"""Event type → what the hold means for the clip from then on."""


async def enter_again(connection: Connection, hold: HoldRow) -> None:
    """Write a hold down; the first that was accepted under its id stands, as it did then."""
    try:
        await enter_hold(connection, hold)
    except Refused:
        return
