"""What intake alone writes: dockings, declared bytes, enrolled keys. Each function is one step of its
transaction."""

from __future__ import annotations

from datetime import datetime, timedelta

from workers.database.engine import Connection, execute, fetch
from workers.errors import RuleBroken
from workers.fate.row import find_on
from workers.footage.recording import Inventory, Report
from workers.intake.admission import Known
from workers.keys.signing import EnrolledKey, Signed

URGENCY_LASTS = timedelta(hours=12)
"""How long a person's request keeps a camera in the urgent lane: one shift."""


async def look(connection: Connection, clip_id: str, report: Report) -> Known:
    """Read what is known of this camera and recording, and keep the camera's row locked until the end of
    the transaction, so that two reports of one camera are decided one after the other."""
    recording = report.recording
    row = (
        await fetch(
            connection,
            "SELECT (SELECT docking FROM cameras WHERE camera = %(camera)s FOR UPDATE) AS docking,"
            " EXISTS (SELECT FROM enrolled_keys WHERE role = 'camera' AND owner = %(camera)s"
            "   AND revoked_at IS NULL) AS enrolled",
            {"camera": recording.camera},
        )
    )[0]
    fate = await find_on(connection, clip_id, lock=True)
    conflict = None
    if fate is None:
        others = await fetch(
            connection,
            "SELECT d.clip_id, f.docking FROM declared d JOIN clip_fate f USING (clip_id)"
            " WHERE d.camera = %s AND d.recording = %s AND d.clip_id <> %s AND f.declaration IS NULL"
            " ORDER BY f.registered_at LIMIT 1",
            (recording.camera, recording.recording, clip_id),
        )
        conflict = others[0] if others else None
    return Known(
        enrolled=row["enrolled"],
        docking=row["docking"] or 0,
        fate=fate,
        conflict=conflict["clip_id"] if conflict else None,
        conflict_docking=conflict["docking"] if conflict else 0,
    )


async def note_docking(connection: Connection, report: Report | Inventory, camera: str) -> bool:
    """Remember where the camera stands; returns whether a person has asked for the urgent lane."""
    rows = await fetch(
        connection,
        "INSERT INTO cameras (camera, docking, dock, bay, docked_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (camera) DO UPDATE SET docking = EXCLUDED.docking, dock = EXCLUDED.dock,"
        " bay = EXCLUDED.bay, docked_at = EXCLUDED.docked_at WHERE cameras.docking <= EXCLUDED.docking"
        " RETURNING urgent_until > now() AS urgent",
        (camera, report.docking, report.dock, report.bay, report.docked_at),
    )
    return bool(rows and rows[0]["urgent"])


async def note_declared(connection: Connection, clip_id: str, report: Report) -> None:
    """Remember that these bytes were declared under this name."""
    recording = report.recording
    await execute(
        connection,
        "INSERT INTO declared (camera, recording, sha256, size, clip_id) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (recording.camera, recording.recording, recording.sha256, recording.size, clip_id),
    )


async def note_inventory(
    connection: Connection, inventory: Inventory, signed: Signed, sha256: str
) -> list[tuple[int, int]]:
    """Keep a signed inventory, verbatim, and return the gaps in the camera's running numbers.

    Returns:
        (first, last) of each run of numbers that no inventory of this camera ever listed.

    Raises:
        RuleBroken: another inventory has this docking counter already: a replay or a forgery.
    """
    newest = await fetch(connection, "SELECT docking FROM cameras WHERE camera = %s FOR UPDATE", (inventory.camera,))
    if newest and newest[0]["docking"] > inventory.docking:
        raise RuleBroken(
            f"inventory {inventory.docking} of {inventory.camera} came after docking {newest[0]['docking']}: a replay"
        )
    await execute(
        connection,
        "INSERT INTO dockings (camera, docking, dock, bay, docked_at, sha256, previous, inventory, key, signature)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (
            inventory.camera,
            inventory.docking,
            inventory.dock,
            inventory.bay,
            inventory.docked_at,
            sha256,
            inventory.previous_inventory,
            signed.body,
            signed.key,
            signed.signature,
        ),
    )
    kept = await fetch(
        connection,
        "SELECT sha256 FROM dockings WHERE camera = %s AND docking = %s",
        (inventory.camera, inventory.docking),
    )
    if kept[0]["sha256"] != sha256:
        raise RuleBroken(
            f"docking {inventory.docking} of {inventory.camera} has two different inventories: "
            f"{kept[0]['sha256'][:12]}… is kept, {sha256[:12]}… is refused; have the dock examined"
        )
    await note_docking(connection, inventory, inventory.camera)
    numbers = [item.sequence for item in inventory.recordings]
    await execute(
        connection,
        "UPDATE cameras SET inventory = %s, sequences = sequences + COALESCE((SELECT"
        " range_agg(int8range(n, n, '[]')) FROM unnest(%s::bigint[]) AS n), '{}') WHERE camera = %s",
        (sha256, numbers, inventory.camera),
    )
    gaps = await fetch(
        connection,
        "SELECT lower(gap) AS first, upper(gap) - 1 AS last FROM cameras,"
        " unnest(range_merge(sequences)::int8multirange - sequences) AS gap"
        " WHERE camera = %s AND NOT isempty(sequences)",
        (inventory.camera,),
    )
    return [(gap["first"], gap["last"]) for gap in gaps]


async def enrol(connection: Connection, key: EnrolledKey, by: str, at: datetime) -> None:
    """Enrol a key, or a camera that has none."""
    await execute(
        connection,
        "INSERT INTO enrolled_keys (id, role, owner, public, enrolled_at, enrolled_by)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (key.id, key.role.value, key.owner, key.public, at, by),
    )


async def revoke(connection: Connection, key: str, by: str, at: datetime, reason: str) -> None:
    """Revoke a key; a key that was never enrolled is remembered as revoked too."""
    role, owner = key.split(":", maxsplit=1)[0], key.split(":")[1]
    await execute(
        connection,
        "INSERT INTO enrolled_keys (id, role, owner, public, enrolled_at, enrolled_by, revoked_at, revoked_by, reason)"
        " VALUES (%(key)s, %(role)s, %(owner)s, '', %(at)s, %(by)s, %(at)s, %(by)s, %(reason)s)"
        " ON CONFLICT (id) DO UPDATE SET revoked_at = EXCLUDED.revoked_at, revoked_by = EXCLUDED.revoked_by,"
        " reason = EXCLUDED.reason WHERE enrolled_keys.revoked_at IS NULL",
        {"key": key, "role": role, "owner": owner, "at": at, "by": by, "reason": reason},
    )


async def hasten(connection: Connection, camera: str, at: datetime) -> list[str]:
    """Put a camera into the urgent lane for a shift; returns its clips that still wait for their bytes."""
    await execute(
        connection,
        "INSERT INTO cameras (camera, docking, dock, bay, docked_at, urgent_until)"
        " VALUES (%(camera)s, 0, '', '', %(at)s, %(until)s)"
        " ON CONFLICT (camera) DO UPDATE SET urgent_until = EXCLUDED.urgent_until",
        {"camera": camera, "at": at, "until": at + URGENCY_LASTS},
    )
    rows = await fetch(
        connection,
        "SELECT clip_id FROM clip_fate WHERE camera = %s AND standing = 'registered' AND NOT urgent",
        (camera,),
    )
    return [row["clip_id"] for row in rows]
