"""Writes the restored rows of all clips, slice by slice, and then what the vault says of holds and disposal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, Database, execute, fetch
from workers.fate.restoring import FATE_TYPES, Keys, Restored, restore_row, told
from workers.fate.row import JSON_COLUMNS, announce
from workers.footage.recording import Report
from workers.retention.restoring import CLIP_TYPES, restore_clip
from workers.retention.restoring_shared import restored_hold
from workers.retention.scopes import enter_hold

AT_ONCE = 500
"""Clips in memory together."""

TYPES = [*FATE_TYPES, *(f"{kind}.urgent" for kind in FATE_TYPES), *CLIP_TYPES]


async def restore_fates(
    database: Database, keys: Keys, is_message: Callable[[str, bytes], bool], *, progress: Callable[[int], None]
) -> tuple[int, int]:
    """Restore every clip's row; returns how many clips there are, and how many events are told again.

    Args:
        is_message: whether bytes are a message of the type that a topic carries; what is not had no effect.
    """
    clips = again = 0
    after = ""
    while True:
        async with database.transaction() as connection:
            chosen = await fetch(
                connection,
                "SELECT DISTINCT clip_id FROM custody WHERE clip_id > %s ORDER BY clip_id LIMIT %s",
                (after, AT_ONCE),
            )
            if not chosen:
                return clips, again
            ids = [row["clip_id"] for row in chosen]
            rows = await fetch(
                connection,
                "SELECT clip_id, index, event_id, type, topic, time, entry, payload FROM custody"
                " WHERE clip_id = ANY(%s) AND type = ANY(%s) AND conflicts_with IS NULL AND payload IS NOT NULL"
                " ORDER BY clip_id, index",
                (ids, TYPES),
            )
            for clip_id, group in groupby(rows, key=lambda row: row["clip_id"]):
                sound = [told(row) for row in group if is_message(row["topic"], row["payload"])]
                restored = restore_row(clip_id, sound, keys)
                if restored is None:
                    continue
                clips += 1
                again += len(restored.again)
                await _write(connection, restored)
                await restore_clip(connection, clip_id, restored.told, restored.columns["hold_reasons"], keys)
        after = ids[-1]
        progress(clips)


async def _write(connection: Connection, restored: Restored) -> None:
    columns = restored.columns
    names = list(columns)
    values = [_stored(name, columns[name]) for name in names]
    await execute(
        connection,
        f"INSERT INTO clip_fate ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})",
        values,
    )
    if columns["declaration"] is None:
        await _declare(connection, columns)
    await announce(connection, restored.again)


def _stored(name: str, value: Any) -> Any:
    return msgspec.json.encode(value).decode() if name in JSON_COLUMNS and value is not None else value


async def _declare(connection: Connection, columns: Mapping[str, Any]) -> None:
    recording = msgspec.json.decode(columns["report"].body, type=Report).recording
    await execute(
        connection,
        "INSERT INTO declared (camera, recording, sha256, size, clip_id) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (recording.camera, recording.recording, recording.sha256, recording.size, columns["clip_id"]),
    )


class Listed(Struct, frozen=True):
    """What lies in the vault of one clip: a footage version, or its certificate of disposal.

    Attributes:
        version_id: of the footage; None for the certificate.
        held: whether the version is under legal hold.
    """

    clip_id: str
    version_id: str | None
    held: bool = False


async def apply_vault(database: Database, listed: Iterable[Listed]) -> dict[str, int]:
    """Correct the restored rows by what lies in the vault, failing long; returns how many rows each rule touched.

    Any sign of a hold is a hold. A certificate is the end. A verified version that is missing was disposed of
    after a commit that nobody can tell of any more: it is never active again, disposal finishes it. A loss that
    the scrub has found is on record as damage, and stays that.
    """
    async with database.transaction() as connection:
        await execute(connection, "CREATE TEMPORARY TABLE listed (clip_id text, version_id text, held boolean)")
        async with connection.cursor() as cursor, cursor.copy(b"COPY listed FROM STDIN") as copy:
            for item in listed:
                await copy.write_row((item.clip_id, item.version_id, item.held))
        await execute(connection, "CREATE INDEX ON listed (clip_id, version_id)")
        held = await _hold_again(connection)
        touched = {what: await execute(connection, statement) for what, statement in VAULT_RULES.items()}
        await execute(connection, "DROP TABLE listed")
    return {"held": held, **touched}


async def _hold_again(connection: Connection) -> int:
    """Hold whatever the vault holds and no hold in the log explains, lifted ones too: nobody knows what came after."""
    rows = await fetch(
        connection,
        "SELECT clip_id FROM clip_fate f WHERE NOT held AND disposal IS NULL"
        " AND EXISTS (SELECT FROM listed l WHERE l.clip_id = f.clip_id AND l.held) ORDER BY clip_id",
    )
    for row in rows:
        hold = restored_hold(row["clip_id"])
        await enter_hold(connection, hold)
        await execute(
            connection, "UPDATE clip_fate SET hold_reasons = %s WHERE clip_id = %s", ([hold.hold.entry], hold.clip_id)
        )
    return len(rows)


VAULT_RULES = {
    "disposed": "UPDATE clip_fate f SET disposal = 'done',"
                " camera_copy = CASE camera_copy WHEN 'present' THEN 'unknown' ELSE camera_copy END"
                " WHERE EXISTS (SELECT FROM listed l WHERE l.clip_id = f.clip_id AND l.version_id IS NULL)",
    "missing": "UPDATE clip_fate f SET disposal = 'committed' WHERE disposal IS NULL AND hold_reasons = '{}'"
               " AND standing IN ('verified', 'released') AND NOT EXISTS"
               " (SELECT FROM listed l WHERE l.clip_id = f.clip_id AND l.version_id = f.verified_version)",
    "not told again": "DELETE FROM outbox o USING clip_fate f WHERE o.key = f.clip_id AND f.disposal IS NOT NULL"
                      " AND NOT (f.disposal = 'committed' AND o.topic = 'disposals.committed')",
}  # fmt: skip
"""What is done to the rows, in this order."""
