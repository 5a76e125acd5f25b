"""Projects an event into the catalogue.

Topics arrive in any order among each other, so each event fills columns of its own and the state is derived
from them: projections commute.
"""

from __future__ import annotations

from typing import Any

import msgspec

from workers.custody.entry import Recorded
from workers.database.engine import Connection, execute
from workers.footage.camera_log import CameraEvent
from workers.footage.recording import Report
from workers.keys.statements import Attribution, Issue, Viewing, ViewingLock
from workers.operations.statement import Reconciliation

Columns = dict[str, Any]

# An event can come twice for one clip (a second attempt, another docking) and out of order; what is kept must
# not depend on the order.
REPLACED = "EXCLUDED.{0}"
LATEST = "GREATEST(clips.{0}, EXCLUDED.{0})"
NEWEST_DOCKING = "CASE WHEN EXCLUDED.docking >= COALESCE(clips.docking, 0) THEN EXCLUDED.{0} ELSE clips.{0} END"
NEWEST_ATTEMPT = (
    "CASE WHEN EXCLUDED.stored_attempt >= COALESCE(clips.stored_attempt, 0) THEN EXCLUDED.{0} ELSE clips.{0} END"
)
MERGED = {
    "registered_at": "LEAST(clips.{0}, EXCLUDED.{0})",
    "dock": NEWEST_DOCKING,
    "bay": NEWEST_DOCKING,
    "docking": NEWEST_DOCKING,
    "docked_at": NEWEST_DOCKING,
    "clock_offset": NEWEST_DOCKING,
    "recorded_at": REPLACED,
    "ended_at": REPLACED,
    "stored_attempt": NEWEST_ATTEMPT,
    "stored_version": NEWEST_ATTEMPT,
    "manifest_version": NEWEST_ATTEMPT,
}


async def project(connection: Connection, event: Recorded) -> None:
    """Write what this event says into the catalogue; an event of an unknown type changes nothing."""
    kind = event.type.removesuffix(".urgent")
    if event.unreadable:
        return
    if kind in CLIP_COLUMNS and event.clip_id:
        await _fill(connection, event.clip_id, CLIP_COLUMNS[kind](event))
        if kind == "clips.probed":
            await _logged(connection, event)
    elif kind == "uploads.rejected":
        content = event.content
        await execute(
            connection,
            "INSERT INTO rejections VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (event.event_id, event.time, content.get("dock"), event.camera, content.get("recording"),
             content.get("code"), content.get("reason"), content.get("action")),
        )  # fmt: skip
    elif kind in ("cameras.issued", "cameras.returned"):
        issue = msgspec.json.decode(event.content["issue"]["body"], type=Issue)
        officer = issue.officer if kind == "cameras.issued" else None
        await execute(
            connection,
            "INSERT INTO camera_holders VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (event.event_id, issue.camera, officer, issue.at, issue.by),
        )
    elif kind == "clips.attributed":
        attribution = msgspec.json.decode(event.content["attribution"]["body"], type=Attribution)
        await execute(
            connection,
            "INSERT INTO attributions VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (event.event_id, attribution.clip_id, attribution.officer, attribution.reason, attribution.by,
             attribution.at),
        )  # fmt: skip
    elif kind in CONSULTED:
        await CONSULTED[kind](connection, event)
    elif kind == "reconciliations.stated":
        stated = msgspec.json.decode(event.content["statement"]["body"], type=Reconciliation)
        await execute(
            connection,
            "INSERT INTO reconciliations VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (event.event_id, stated.day, stated.dock, stated.stated_at, stated.declared.files, stated.stored.files,
             stated.verified.files, stated.unexplained, _json(event.content["statement"])),
        )  # fmt: skip
    elif kind == "cameras.gap-found":
        content = event.content
        await execute(
            connection,
            "INSERT INTO gaps VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (event.event_id, event.camera, content["docking"], content["first"], content["last"], event.time),
        )


async def _fill(connection: Connection, clip_id: str, columns: Columns) -> None:
    names = list(columns)
    updates = ", ".join(f"{name} = {MERGED.get(name, LATEST if name.endswith('_at') else REPLACED).format(name)}"
                        for name in names)  # fmt: skip
    await execute(
        connection,
        f"INSERT INTO clips (clip_id, {', '.join(names)}) VALUES (%s, {', '.join(['%s'] * len(names))})"
        f" ON CONFLICT (clip_id) DO UPDATE SET {updates}",
        (clip_id, *columns.values()),
    )


async def _logged(connection: Connection, event: Recorded) -> None:
    """The camera's own event log; another probe of the same log says the same."""
    said = event.content.get("events") or []
    for number, line in enumerate(msgspec.convert(said, tuple[CameraEvent, ...])):
        await execute(
            connection,
            "INSERT INTO camera_events VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (event.clip_id, number, event.camera, line.at, line.event, line.value),
        )


async def _consulted(connection: Connection, event: Recorded) -> None:
    content = event.content
    await execute(
        connection,
        "INSERT INTO consultations VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (event.event_id, event.clip_id, content["person"], content["what"], content["relation"],
         content.get("reason"), content["at"], bool(content.get("restricted"))),
    )  # fmt: skip


async def _viewing_set(connection: Connection, event: Recorded) -> None:
    viewing = msgspec.json.decode(event.content["viewing"]["body"], type=Viewing)
    await execute(
        connection,
        "INSERT INTO viewings VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (event.event_id, viewing.clip_id, viewing.kind, list(viewing.people), viewing.reason, viewing.by, viewing.at),
    )


async def _lock_set(connection: Connection, event: Recorded) -> None:
    lock = msgspec.json.decode(event.content["lock"]["body"], type=ViewingLock)
    await execute(
        connection,
        "INSERT INTO viewing_locks VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (event.event_id, lock.lock_id, lock.kind, lock.incident, list(lock.officers), lock.since, lock.until,
         list(lock.people), lock.reason, lock.by, lock.at),
    )  # fmt: skip


CONSULTED = {"clips.consulted": _consulted, "clips.viewing-set": _viewing_set, "viewings.set": _lock_set}
"""Event type → what it writes of looks at clips, and of who may look."""


def _registered(event: Recorded) -> Columns:
    report = msgspec.json.decode(event.content["report"]["body"], type=Report)
    recording = report.recording
    return {
        "camera": recording.camera,
        "recording": recording.recording,
        "source_type": recording.source_type.value,
        "kind": recording.kind.value,
        "dock": report.dock,
        "bay": report.bay,
        "docking": report.docking,
        "docked_at": report.docked_at,
        "size": recording.size,
        "sha256": recording.sha256,
        "recorded_at": recording.recorded_at,
        "ended_at": recording.ended_at,
        "clock_offset": recording.clock_offset,
        "owner": recording.owner,
        "incident": recording.incident,
        "trigger": recording.trigger,
        "incomplete": recording.incomplete,
        "preroll": _json(recording.preroll),
        "registered_at": event.time,
    }


def _quarantined(event: Recorded) -> Columns:
    kept = ("reason", "expected_sha256", "expected_size", "found_sha256", "found_size", "key", "version_id",
            "conflict_with")  # fmt: skip
    return {
        "quarantined_at": event.time,
        "quarantine": _json({name: event.content.get(name) for name in kept}),
    }


def _probed(event: Recorded) -> Columns:
    facts = {name: value for name, value in event.content.items() if name not in ("clip_id", "camera", "events")}
    return {"probed_at": event.time, "probe": _json(facts)}


def _secured(event: Recorded) -> Columns:
    return {
        "secured_at": event.time,
        "stored_attempt": event.content.get("attempt"),
        "stored_version": event.content.get("version_id"),
        "manifest_version": event.content.get("manifest_version"),
    }


def _damaged(event: Recorded) -> Columns:
    kept = ("version_id", "reason", "expected_sha256", "found_sha256", "found_size", "chunks")
    return {"damaged_at": event.time, "damage": _json({name: event.content.get(name) for name in kept})}


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


CLIP_COLUMNS = {
    "clips.registered": _registered,
    "clips.secured": _secured,
    "clips.transfer-interrupted": lambda e: {"interrupted_at": e.time},
    "clips.readback-failed": lambda e: {"readback_failed_at": e.time},
    "clips.verified": lambda e: {"verified_at": e.time, "verified_version": e.content.get("version_id")},
    "clips.released": lambda e: {"released_at": e.time},
    "clips.wiped": lambda e: {"wiped_at": e.time},
    "clips.quarantined": _quarantined,
    "quarantine.decided": lambda e: {"decided_at": e.time, "decision": _json(e.content.get("decision"))},
    "clips.probed": _probed,
    "clips.reread": lambda e: {"reread_at": e.content.get("reread_at")},
    "clips.damaged": _damaged,
}
"""Event type → the columns that it fills, and no other event does."""
