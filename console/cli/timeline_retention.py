"""The sentences of retention in a clip's timeline; of a restricted hold no more than that the force keeps the clip."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from workers.retention.explaining import BY_THE_FORCE
from workers.retention.facts import HoldReason
from workers.retention.statements import (
    Categorisation,
    Disposed,
    EarlyDisposalRequest,
    HoldRequest,
    Restoration,
    ReviewVerdict,
    TimeCorrection,
)

HOLD = "holds."
REFUSED = "requests.refused"
THE_FORCE = "the force"

Open = frozenset[str]
"""Ids of the holds whose request is at hand and does not restrict them."""


def open_holds(rows: Iterable[Mapping[str, Any]], reasons: Collection[HoldReason] = frozenset(HoldReason)) -> Open:
    """The holds of a timeline that may be named. One whose request is erased, or was refused, counts as restricted.

    Args:
        reasons: that the reader may know.
    """
    found = set()
    for row in rows:
        if row["type"] == "holds.accepted" and row["payload"] is not None:
            content = msgspec.json.decode(row["payload"])
            asked = msgspec.json.decode(content["request"]["body"], type=HoldRequest)
            if not asked.restricted and asked.reason in reasons:
                found.add(content["hold_id"])
    return frozenset(found)


def hidden(kind: str, payload: bytes | None, named: Open) -> bool:
    """Whether an event is about a hold that must not be named."""
    if kind == REFUSED:
        # Of a request nobody can tell any more whether it was for a restricted hold.
        return payload is not None and str(msgspec.json.decode(payload).get("what")).startswith("hold ")
    if not kind.startswith(HOLD):
        return False
    return payload is None or msgspec.json.decode(payload).get("hold_id") not in named


def without_repeats(rows: Iterable[dict[str, Any]], named: Open) -> list[dict[str, Any]]:
    """A timeline in which all holds that must not be named read as one: from when to when the force keeps it.

    Each further one, and that somebody looked whether a clip falls under one, would tell how many there are. Of a clip
    that is deleted every entry stays: which hold it was is erased, and a hold without its end would look broken.
    """
    told, stand, shown = list[dict[str, Any]](), set[str](), set[str]()
    for row in rows:
        kind, payload = row["type"], row["payload"]
        if payload is not None and hidden(kind, payload, named):
            hold = str(msgspec.json.decode(payload).get("hold_id"))
            if kind in TELLING:
                continue
            stand = stand - {hold} if kind == "holds.lifted" else stand | {hold}
            if kind in shown or (kind == "holds.lifted" and stand):
                continue
            shown = shown | {kind} if stand else set()
        told.append(row)
    return told


TELLING = frozenset({"holds.cleared", "holds.refused", REFUSED})
"""Entries that say no more than that there was a hold."""

HIDDEN = {
    "holds.accepted": f"{BY_THE_FORCE}: protected from now on",
    "holds.placed": f"{BY_THE_FORCE}: every version is under legal hold",
    "holds.refused": "a hold came after the disposal was committed",
    "holds.lifted": f"no longer {BY_THE_FORCE} for that; the store's legal hold stays until disposal",
}
"""What is said of an event about a hold that must not be named."""


def _day(said: str) -> str:
    return datetime.fromisoformat(said).strftime("%Y-%m-%d %H:%M:%S %Z")


def _categorised(c: dict[str, Any]) -> str:
    said = msgspec.json.decode(c["categorisation"]["body"], type=Categorisation)
    shown = f", shows incident {said.incident}" if said.incident is not None else ""
    text = f"category {said.category} {'confirmed' if said.confirms else 'given'}{shown}: {said.reason}"
    return text if c["counts"] == c["category"] else f"{text}; {c['counts']} counts until a second person confirms"


def _corrected(c: dict[str, Any]) -> str:
    said = msgspec.json.decode(c["correction"]["body"], type=TimeCorrection)
    word = "confirmed" if said.confirms else "corrected"
    return f"time of the recording {word}: {_day(said.recorded_at)}; {said.reason}"


def _reviewed(c: dict[str, Any]) -> str:
    said = msgspec.json.decode(c["verdict"]["body"], type=ReviewVerdict)
    return f"retention review: {said.verdict.value}; {said.reason}"


def _cancelled(c: dict[str, Any]) -> str:
    if c.get("restoration") is None:
        return f"out of the bin: {c['reason']}"
    said = msgspec.json.decode(c["restoration"]["body"], type=Restoration)
    return f"taken out of the bin, not before {said.not_before}: {said.reason}"


def _early(c: dict[str, Any]) -> str:
    asked = msgspec.json.decode(c["asked"]["body"], type=EarlyDisposalRequest)
    approved = msgspec.json.decode(c["approved"]["body"], type=EarlyDisposalRequest)
    return f"may go before its time: {asked.by} asked ({asked.reason}), {approved.by} approved ({approved.reason})"


def _rule(c: dict[str, Any]) -> str:
    return f"rule {c['rule']} of policy {c['policy']}, category {c['category']}"


def _reasons(c: dict[str, Any]) -> str:
    return f"{_rule(c)}: {'; '.join(c['reasons'])}"


def _disposed(c: dict[str, Any]) -> str:
    statement = msgspec.json.decode(c["certificate"]["body"], type=Disposed)
    return (
        f"nothing is left: {len(statement.versions)} versions deleted, {statement.uploads} uploads aborted, "
        f"rule {statement.rule} of policy {statement.policy}; certificate signed by {c['certificate']['key']}"
    )


RETENTION_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "clips.categorised": _categorised,
    "clips.time-corrected": _corrected,
    "reviews.due": lambda c: f"its period is over, a person decides: {_reasons(c)}",
    "reviews.decided": _reviewed,
    "disposals.early-approved": _early,
    "disposals.intended": lambda c: f"in the bin, deleted from {_day(c['dispose_from'])} on: {_reasons(c)}",
    "disposals.cancelled": _cancelled,
    "disposals.committed": lambda c: f"disposal decided for good: {_rule(c)}",
    "clips.disposed": _disposed,
    "holds.accepted": lambda c: f"held for {c['hold_reason']} ({c['hold_id']}): protected from now on",
    "holds.placed": lambda c: (
        f"held for {c['hold_reason']} ({c['hold_id']}): {c['versions']} versions under legal hold"
    ),
    "holds.lifted": lambda c: (
        f"hold for {c['hold_reason']} ({c['hold_id']}) lifted; the store's legal hold stays until disposal"
    ),
    REFUSED: lambda c: f"{c['what']} refused: {c['reason']}; {c['action']}",
}
"""Event type → its sentence."""
