"""A clip's retention as the custody log alone tells it, at any moment: what was declared, what people had decided,
which holds stood, how far its disposal had come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from workers.fate.moves import Disposal, Standing
from workers.footage.recording import Report
from workers.keys.proving import proved
from workers.keys.signing import EnrolledKey, Role, Signed
from workers.retention.clips import clip_from
from workers.retention.facts import Clip, Fact, Hold
from workers.retention.past import Told, facts_by, holds_by

STANDINGS = {
    "clips.registered": Standing.REGISTERED,
    "clips.secured": Standing.SECURED,
    "clips.readback-failed": Standing.REGISTERED,
    "clips.verified": Standing.VERIFIED,
    "clips.released": Standing.RELEASED,
    "clips.quarantined": Standing.QUARANTINED,
    "clips.damaged": Standing.DAMAGED,
}

OUT_OF_THE_BIN = frozenset(
    ("holds.accepted", "clips.categorised", "clips.time-corrected", "reviews.decided", "disposals.cancelled")
)
"""What takes a clip out of the bin, by workers/fate/moves.py."""

PAST_TYPES = (
    *STANDINGS,
    *(f"{kind}.urgent" for kind in ("clips.registered", "clips.secured")),
    *sorted(OUT_OF_THE_BIN),
    "uploads.reported",
    "holds.lifted",
    "disposals.early-approved",
    "disposals.intended",
    "disposals.committed",
    "clips.disposed",
)
"""Events that say anything about a clip's retention."""


class Decided(Struct, frozen=True):
    """What an event of a disposal says of the decision behind it; also what `clip_fate.intent` holds."""

    policy: int
    category: str
    rule: str
    reasons: tuple[str, ...] = ()
    dispose_from: str | None = None
    ends_at: str | None = None


class Past(Struct, frozen=True):
    """A clip's retention at a moment.

    Attributes:
        clip: None where nothing that is left says what was declared.
        disposal, since: how far it had come, and when it got there.
        decided: by which decision, while it is in disposal.
        certificate: of its disposal.
        entries: how many were read.
        unknown: what an erased payload said and a decision would have to know, one sentence each.
    """

    clip_id: str
    clip: Clip | None
    facts: tuple[Fact, ...] = ()
    holds: tuple[Hold, ...] = ()
    disposal: Disposal | None = None
    since: datetime | None = None
    decided: Decided | None = None
    certificate: Signed | None = None
    entries: int = 0
    unknown: tuple[str, ...] = ()


def past_of(clip_id: str, told: Iterable[Told], at: datetime, keys: Mapping[str, EnrolledKey]) -> Past | None:
    """What these entries say of the clip as it was at a moment; None before it was registered.

    Args:
        told: entries about this clip, in the order of time and, for ties, of the log; later ones are passed over,
            but what a disposal says of the declaration counts backwards too: it does not change.
        keys: of docks, by id.
    """
    known = list(told)
    then = [item for item in known if item.time <= at]
    if not any(item.type == "clips.registered" for item in then):
        return None
    disposal, since, decided = _disposal(then)
    certificate = next((item for item in then if item.type == "clips.disposed"), None)
    facts, unknown = facts_by(then)
    report = _report(then, keys) or _report([i for i in known if i.type == "disposals.committed"], keys)
    return Past(
        clip_id=clip_id,
        clip=clip_from(clip_id, report, _standing(then)) if report else None,
        facts=facts,
        holds=holds_by(then),
        disposal=disposal,
        since=since,
        decided=decided,
        certificate=_certificate(certificate),
        entries=len(then),
        unknown=unknown,
    )


def _standing(told: Iterable[Told]) -> Standing:
    standing = Standing.REGISTERED
    for item in told:
        standing = STANDINGS.get(item.type, standing)
    return standing


def _report(told: Iterable[Told], keys: Mapping[str, EnrolledKey]) -> Report | None:
    """The declaration that counts: that of the newest docking, but for those while it was released (RELOCATE)."""
    newest: Report | None = None
    standing = Standing.REGISTERED
    for item in told:
        carried = None if item.content is None else item.content.get("report")
        report = proved(carried, Report, Role.DOCK, keys) if carried and standing is not Standing.RELEASED else None
        if report is not None and (newest is None or report.docking > newest.docking):
            newest = report
        standing = STANDINGS.get(item.type, standing)
    return newest


def _disposal(told: Iterable[Told]) -> tuple[Disposal | None, datetime | None, Decided | None]:
    state: tuple[Disposal | None, datetime | None, Decided | None] = (None, None, None)
    for item in told:
        if item.type in OUT_OF_THE_BIN and state[0] is Disposal.INTENDED:
            state = (None, None, None)
        elif item.type in DISPOSALS:
            state = (DISPOSALS[item.type], item.time, _decided(item) or state[2])
    return state


DISPOSALS = {
    "disposals.intended": Disposal.INTENDED,
    "disposals.committed": Disposal.COMMITTED,
    "clips.disposed": Disposal.DONE,
}


def _decided(item: Told) -> Decided | None:
    """The decision behind a step. clips.disposed repeats only its name, so the step before tells the reasons; where
    the log was made again after the payloads went, the header still names it."""
    if item.content is not None:
        return None if item.type == "clips.disposed" else msgspec.convert(item.content, Decided)
    header = item.header
    if header.policy is None or header.category is None or header.rule is None:
        return None
    return Decided(header.policy, header.category, header.rule)


def _certificate(disposed: Told | None) -> Signed | None:
    if disposed is None or disposed.content is None:
        return None
    return msgspec.convert(disposed.content["certificate"], Signed)
