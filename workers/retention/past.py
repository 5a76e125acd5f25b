"""What custody entries say that people decided about a clip: facts, holds, and what only an erased payload said.

Headers stay when a clip goes and its payloads with it. What is not known any more is named, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from workers.custody.entry import Entry
from workers.retention.categorising import said_in
from workers.retention.facts import (
    Categorised,
    Confirmed,
    EarlyDisposal,
    Fact,
    Hold,
    HoldReason,
    NotBefore,
    Reviewed,
    TimeConfirmed,
    TimeCorrected,
    hold_entry,
)
from workers.retention.statements import (
    Categorisation,
    EarlyDisposalRequest,
    HoldRequest,
    Restoration,
    ReviewVerdict,
    TimeCorrection,
)

Body = TypeVar("Body", bound=Struct)


class Told(Struct, frozen=True):
    """One custody entry.

    Attributes:
        content: the payload; None once it is erased with its clip.
    """

    time: datetime
    type: str
    header: Entry
    content: dict[str, Any] | None


def _signed(told: Told, name: str, body: type[Body]) -> Body | None:
    """What a person signed in this event; None once it is erased."""
    return None if told.content is None else msgspec.json.decode(told.content[name]["body"], type=body)


def holds_by(told: Iterable[Told]) -> tuple[Hold, ...]:
    """The holds that stand. One whose request is erased counts as restricted: nobody can tell that it was not."""
    standing: list[Hold] = []
    for item in told:
        if item.type == "holds.accepted":
            hold = _hold(item)
            standing = [other for other in standing if other.hold_id != hold.hold_id or not hold.hold_id] + [hold]
        elif item.type == "holds.lifted":
            lifted = next((h for h in standing if _is_lifted(h, item)), None)
            standing = [hold for hold in standing if hold is not lifted]
    return tuple(standing)


def _is_lifted(hold: Hold, item: Told) -> bool:
    if item.content is None or not hold.hold_id:
        return hold.reason == item.header.hold_reason
    return bool(hold.hold_id == item.content["hold_id"])


def _hold(item: Told) -> Hold:
    asked = _signed(item, "request", HoldRequest)
    if asked is None or item.content is None:
        reason = hold_entry(f"{item.header.hold_reason}/").reason
        return Hold("", reason, item.time, item.header.person, restricted=True)
    return hold_of(item.content["hold_id"], item.content["hold_reason"], asked)


def hold_of(hold_id: str, reason: str, asked: HoldRequest) -> Hold:
    """A clip's hold by the request that a person signed."""
    return Hold(hold_id, HoldReason(reason), _moment(asked.at), asked.by, asked.restricted)


def _moment(said: str) -> datetime:
    return datetime.fromisoformat(said)


def facts_by(told: Iterable[Told]) -> tuple[tuple[Fact, ...], tuple[str, ...]]:
    """What people decided, oldest first, and what is not known of it any more."""
    facts: list[Fact] = []
    unknown: list[str] = []
    for item in told:
        reader = FACTS.get(item.type)
        if reader is None:
            continue
        said = reader(item, tuple(facts))
        facts += said
        if not said and item.content is None:
            unknown.append(f"what {item.header.person or 'a person'} decided on {item.time:%d %b %Y} ({item.type}) "
                           "is erased with the clip")  # fmt: skip
    return tuple(facts), tuple(unknown)


def _categorised(item: Told, before: tuple[Fact, ...]) -> tuple[Fact, ...]:
    said = _signed(item, "categorisation", Categorisation)
    if said is not None:
        return (Confirmed(said.category, said.by, _moment(said.at)),) if said.confirms else said_in(said, before)
    # The header keeps category and person. Whether the second person confirmed it or only named an incident is not
    # known any more; nobody gives a clip the category that it has.
    category, person = item.header.category, item.header.person
    if category is None or person is None:
        return ()
    newest = next((fact for fact in reversed(before) if isinstance(fact, Categorised)), None)
    again = newest is not None and newest.category == category and newest.by != person
    return ((Confirmed if again else Categorised)(category, person, item.time),)


def _corrected(item: Told, before: tuple[Fact, ...]) -> tuple[Fact, ...]:
    said = _signed(item, "correction", TimeCorrection)
    if said is None:
        return ()
    kind = TimeConfirmed if said.confirms else TimeCorrected
    return (kind(_moment(said.recorded_at), said.by, _moment(said.at)),)


def _reviewed(item: Told, before: tuple[Fact, ...]) -> tuple[Fact, ...]:
    said = _signed(item, "verdict", ReviewVerdict)
    return () if said is None else (Reviewed(said.verdict, said.by, _moment(said.at)),)


def _restored(item: Told, before: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """Nothing too where no person took it out of the bin: the sweep withdrew what was not due any more."""
    if item.content is None or item.content.get("restoration") is None:
        return ()
    said = _signed(item, "restoration", Restoration)
    return () if said is None else (NotBefore(date.fromisoformat(said.not_before), said.by, _moment(said.at)),)


def _early(item: Told, before: tuple[Fact, ...]) -> tuple[Fact, ...]:
    asked, approved = _signed(item, "asked", EarlyDisposalRequest), _signed(item, "approved", EarlyDisposalRequest)
    if asked is None or approved is None:
        return ()
    return (EarlyDisposal(asked.by, approved.by, _moment(approved.at)),)


FACTS: Mapping[str, Callable[[Told, tuple[Fact, ...]], tuple[Fact, ...]]] = {
    "clips.categorised": _categorised,
    "clips.time-corrected": _corrected,
    "reviews.decided": _reviewed,
    "disposals.cancelled": _restored,
    "disposals.early-approved": _early,
}
"""Event type → how its facts are read from it."""
