"""I9, first form: the custody log has no gaps and tells every state change once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from workers.fate.moves import MOST_ATTEMPTS, CameraCopy, Standing
from workers.fate.row import Fate
from workers.operations.violation import Kind, Violation
from workers.operations.world import Told, World, lane_free

Change = tuple[str, int | None]
"""A topic and the attempt that it was about."""


def check_custody(world: World) -> list[Violation]:
    """I9, first form: no gap, every leaf is that of its entry, every state change is told, each event once."""
    found = []
    if world.custody_whole and [leaf.index for leaf in world.custody] != list(range(world.custody_size)):
        found.append(
            Violation(
                "I9", "custody", f"the head says {world.custody_size} entries; the indexes have gaps", Kind.CUSTODY
            )
        )
    for line in world.custody:
        subject = f"entry {line.index}"
        entry = msgspec.json.decode(line.entry)
        if hashlib.sha256(b"\x00" + line.entry.encode()).digest() != line.leaf:
            found.append(Violation("I9", subject, "its leaf is not the hash of its entry", Kind.CUSTODY))
        if (entry["index"], entry["event_id"], entry["type"]) != (line.index, line.event_id, line.type):
            found.append(
                Violation("I9", subject, f"the entry says {entry['index']}, {entry['event_id']}", Kind.CUSTODY)
            )
        if line.payload is not None and hashlib.sha256(line.salt + line.payload).hexdigest() != entry["payload"]:
            reason = "its payload is not the one whose digest the entry has"
            found.append(Violation("I9", subject, reason, Kind.CUSTODY))
    first = Counter(line.event_id for line in world.custody if line.conflicts_with is None)
    twice = [(event, count) for event, count in first.items() if count > 1]
    found += [Violation("I9", event, f"is on record {count} times", Kind.CUSTODY) for event, count in twice]
    missing = [event for event in world.events if event.recorded and event.event_id not in first]
    found += [Violation("I9", e.event_id, f"{e.topic} of {e.clip_id} {_lost(e)}", Kind.EVENT) for e in missing]
    on_record: dict[str, set[Change]] = {}
    for line in world.custody:
        if line.clip_id:
            on_record.setdefault(line.clip_id, set()).update(_changes(line.type, line.payload))
    for row in world.fates:
        lacking = _state_changes(row) - on_record.get(row.clip_id, set())
        found += [
            Violation("I9", row.clip_id, f"{topic} (attempt {n}) is not on record", Kind.EVENT)
            for topic, n in sorted(lacking)
        ]
    return found


def _lost(event: Told) -> str:
    return "is not on record" if event.sent else "waits in the outbox and was never sent"


def _changes(kind: str, payload: bytes | None) -> Iterable[Change]:
    """The state changes that an entry tells of; one whose payload was erased tells of any attempt."""
    topic = lane_free(kind)
    content: Any = msgspec.json.decode(payload) if payload else {}
    attempts = [content["attempt"]] if "attempt" in content else range(1, MOST_ATTEMPTS + 1)
    return [(topic, attempt) for attempt in attempts]


def _state_changes(row: Fate) -> set[Change]:
    due: set[Change] = {("clips.registered", number) for number in range(1, min(row.attempt, MOST_ATTEMPTS) + 1)}
    reached = {
        Standing.SECURED: ("secured",),
        Standing.VERIFIED: ("secured", "verified"),
        Standing.RELEASED: ("secured", "verified", "released"),
        Standing.DAMAGED: ("secured", "verified", "damaged"),
        Standing.QUARANTINED: ("quarantined",),
    }.get(Standing(row.standing), ())
    due |= {(f"clips.{what}", row.attempt) for what in reached}
    if row.camera_copy == CameraCopy.WIPED:
        due.add(("clips.wiped", row.attempt))
    return due
