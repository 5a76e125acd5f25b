"""Makes `clip_fate` and what intake owns again from the custody log, failing long (docs/life-of-a-clip.md §4).

The row of a clip is what its events prove, never what they hint: a state is taken back only with its event, a
receipt only with its signature, and any sign of a hold or of a committed disposal counts. What was decided and
not yet told when the database was lost is decided again by the stages; an event that may not have reached its
stage goes into the outbox again, with the id that it had.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from workers.custody.entry import Entry
from workers.database.engine import Row
from workers.fate.moves import MOST_ATTEMPTS, CameraCopy, Disposal, Standing
from workers.fate.outbox import Event
from workers.footage.receipt import Receipt
from workers.footage.recording import Report
from workers.keys.proving import proved
from workers.keys.signing import EnrolledKey, Role, Signed
from workers.keys.statements import Decision, Wiped
from workers.retention import past
from workers.retention.restoring import facts_of, holds_of

FATE_TYPES = (
    "clips.registered",
    "clips.secured",
    "clips.verified",
    "clips.readback-failed",
    "clips.transfer-interrupted",
    "clips.quarantined",
    "quarantine.decided",
    "clips.released",
    "clips.wiped",
    "clips.damaged",
    "disposals.committed",
    "clips.disposed",
)
"""Events that say how far a clip has come; the urgent lane's twins count as their own."""

NOT_QUARANTINE_FACTS = ("clip_id", "attempt", "report")

Keys = Mapping[str, EnrolledKey]


class Told(Struct, frozen=True):
    """One event about a clip, as the custody log has it."""

    event: Event
    type: str
    index: int
    content: dict[str, Any]
    time: datetime
    header: Entry

    @property
    def past(self) -> past.Told:
        """The same, as retention reads it."""
        return past.Told(self.time, self.type, self.header, self.content)

    @property
    def attempt(self) -> int:
        """The attempt that it is about."""
        return int(self.content.get("attempt", 1))


class Restored(Struct, frozen=True):
    """A clip's row, and the events that must be told again so that its stages go on.

    Attributes:
        columns: of `clip_fate`.
        told: the events about it in the order of time, for the tables beside the row.
    """

    columns: dict[str, Any]
    again: tuple[Event, ...]
    told: tuple[past.Told, ...] = ()


def told(row: Row) -> Told:
    """An event from the custody log."""
    header = msgspec.json.decode(row["entry"], type=Entry)
    body = bytes(row["payload"])
    content = msgspec.json.decode(body)
    topic = row["topic"]
    key = content.get("clip_id") or row["clip_id"] or header.subject
    event = Event(topic, key, row["event_id"], header.subject, header.source, body)
    return Told(event, row["type"].removesuffix(".urgent"), row["index"], content, row["time"], header)


def restore_row(clip_id: str, events: Iterable[Told], keys: Keys) -> Restored | None:
    """The row that these events prove; None when none of them says what was declared.

    Args:
        events: about this clip, in the order of the log, which says little between topics.
        keys: enrolled keys by id, with those of the services; one that was revoked since still proves.
    """
    by_type: dict[str, list[Told]] = {}
    known = list(events)
    for item in known:
        by_type.setdefault(item.type, []).append(item)
    named = [item for kind in FATE_TYPES for item in by_type.get(kind, []) if "report" in item.content]
    if not named:
        return None
    newest = max((_report(item) for item in named), key=lambda pair: pair[1].docking)
    failed = [item.attempt + 1 for item in by_type.get("clips.readback-failed", [])]
    attempt = max([item.attempt for item in named] + failed)
    columns: dict[str, Any] = {
        "clip_id": clip_id,
        "camera": newest[1].recording.camera,
        "recording": newest[1].recording.recording,
        "attempt": attempt,
        "docking": newest[1].docking,
        "report": newest[0],
        "urgent": any(item.content.get("urgent") for item in by_type.get("clips.registered", [])),
        "conflict_with": _first(item.content.get("conflict_with") for item in named),
        "declaration": _first(item.content.get("declaration") for item in named),
        "declared_size": newest[1].recording.size,
        "camera_copy": CameraCopy.WIPED if _wiped(by_type, keys) else CameraCopy.PRESENT,
        "disposal": _disposal(by_type),
    }
    if columns["declaration"] is not None:
        columns["declared_size"] = None  # a person declared other bytes, in words that this need not read
    columns |= _standing(by_type, attempt, keys)
    if columns["disposal"] is not None:
        columns |= _of_disposal(by_type, columns, keys)
    in_time = tuple(item.past for item in sorted(known, key=lambda item: (item.time, item.index)))
    columns |= {"facts": facts_of(in_time, keys), "hold_reasons": list(holds_of(in_time, keys))}
    return Restored(columns, _again(by_type, columns), in_time)


def _report(item: Told) -> tuple[Signed, Report]:
    signed = msgspec.convert(item.content["report"], Signed)
    return signed, msgspec.json.decode(signed.body, type=Report)


def _first(values: Iterable[Any]) -> Any:
    return next((value for value in values if value is not None), None)


def _of(by_type: Mapping[str, list[Told]], kind: str, attempt: int) -> Told | None:
    return next((item for item in by_type.get(kind, []) if item.attempt == attempt), None)


def _standing(by_type: Mapping[str, list[Told]], attempt: int, keys: Keys) -> dict[str, Any]:
    """The furthest that is proved of this attempt, with the columns that belong to it."""
    secured, verified = _of(by_type, "clips.secured", attempt), _of(by_type, "clips.verified", attempt)
    apart = _first(by_type.get("clips.quarantined", []))
    found: dict[str, Any] = {"standing": Standing.REGISTERED, "interrupted": _interrupted(by_type, attempt)}
    if secured is not None:
        found |= {"standing": Standing.SECURED, "interrupted": False, "stored_version": secured.content["version_id"]}
    if verified is not None:
        version = verified.content["version_id"]
        found |= {"standing": Standing.VERIFIED, "interrupted": False, "stored_version": version,
                  "verified_version": version}  # fmt: skip
        receipt = _receipt(by_type.get("clips.released", []), verified, keys)
        if receipt is not None:
            found |= {"standing": Standing.RELEASED, "receipt": receipt}
        if _first(by_type.get("clips.damaged", [])) is not None:
            found |= {"standing": Standing.DAMAGED}
    elif apart is not None:
        facts = {name: value for name, value in apart.content.items() if name not in NOT_QUARANTINE_FACTS}
        found |= {"standing": Standing.QUARANTINED, "interrupted": False, "quarantine": facts}
        found |= {"decision": _decision(by_type.get("quarantine.decided", []), keys)}
    return found


def _interrupted(by_type: Mapping[str, list[Told]], attempt: int) -> bool:
    """Whether the dock had gone; True where it is not clear: the dock's next report then starts it again."""
    return _of(by_type, "clips.transfer-interrupted", attempt) is not None


def _receipt(released: Iterable[Told], verified: Told, keys: Keys) -> dict[str, Any] | None:
    """The receipt that release gave for the version that was verified; another clip's is none, however signed."""
    was = verified.content
    for item in released:
        receipt = proved(item.content.get("receipt"), Receipt, Role.SERVICE, keys)
        if (
            receipt is not None
            and receipt.clip_id == was["clip_id"]
            and any(copy.version_id == was["version_id"] for copy in receipt.copies)
        ):
            return dict(item.content["receipt"])
    return None


def _decision(decided: Iterable[Told], keys: Keys) -> dict[str, Any] | None:
    for item in decided:
        if proved(item.content.get("decision"), Decision, Role.PERSON, keys) is not None:
            return dict(item.content["decision"])
    return None


def _wiped(by_type: Mapping[str, list[Told]], keys: Keys) -> bool:
    told = by_type.get("clips.wiped", [])
    return any(proved(item.content.get("wiped"), Wiped, Role.DOCK, keys) is not None for item in told)


def _disposal(by_type: Mapping[str, list[Told]]) -> str | None:
    if by_type.get("clips.disposed"):
        return Disposal.DONE
    return Disposal.COMMITTED if by_type.get("disposals.committed") else None


def _of_disposal(by_type: Mapping[str, list[Told]], columns: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    """What the commit of its disposal says, which outlasts what was told of the clip before."""
    committed = _first(by_type.get("disposals.committed", []))
    if committed is None:
        return {}
    said = committed.content
    found: dict[str, Any] = {
        "intent": {name: said[name] for name in ("policy", "category", "rule", "reasons", "intended_at")},
        "intended_at": said["intended_at"],
    }
    receipt = proved(said.get("receipt"), Receipt, Role.SERVICE, keys)
    if columns["standing"] == Standing.REGISTERED and receipt and receipt.clip_id == columns["clip_id"]:
        copy = receipt.copies[0]
        # The footage's key ends with the attempt and its own name.
        found |= {"standing": Standing.RELEASED, "receipt": dict(said["receipt"]), "interrupted": False,
                  "attempt": int(copy.key.split("/")[-2]), "stored_version": copy.version_id,
                  "verified_version": copy.version_id}  # fmt: skip
    return found


def _again(by_type: Mapping[str, list[Told]], columns: Mapping[str, Any]) -> tuple[Event, ...]:
    """The event on which the clip's next stage acts: it may have been taken without its result being told."""
    if columns["disposal"] == Disposal.COMMITTED:
        return tuple(item.event for item in by_type["disposals.committed"][:1])
    if columns["disposal"] is not None or columns["attempt"] > MOST_ATTEMPTS:
        return ()
    kind = {
        Standing.REGISTERED: "clips.registered",
        Standing.SECURED: "clips.secured",
        Standing.VERIFIED: "clips.verified",
    }.get(columns["standing"])
    if kind is None or columns["interrupted"]:
        return ()
    item = _of(by_type, kind, columns["attempt"])
    return (item.event,) if item is not None else ()
