"""Questions that people ask of the catalogue and the custody log."""

from __future__ import annotations

from typing import Any

from workers.database.engine import Database, Row
from workers.retention.incidents import SAID


async def find_clip(database: Database, words: str) -> list[str]:
    """Clip ids that `words` may mean: an id, its beginning, or CAMERA/RECORDING."""
    camera, _, recording = words.partition("/")
    rows = await database.fetch(
        "SELECT clip_id FROM clip_fate WHERE clip_id = %(words)s OR (length(%(words)s) >= 9 AND"
        " starts_with(clip_id, %(words)s)) OR (camera = %(camera)s AND recording = %(recording)s)"
        " ORDER BY registered_at",
        {"words": words, "camera": camera, "recording": recording},
    )
    return [row["clip_id"] for row in rows]


async def history(database: Database, clip_id: str) -> list[Row]:
    """The clip's custody entries, and the reports of its recording that led to them, in the order of time."""
    columns = (
        "index, event_id, type, verb, person, time, entry::jsonb->>'source' AS source,"
        " entry::jsonb->>'category' AS category, payload, conflicts_with"
    )
    return await database.fetch(
        f"SELECT {columns} FROM custody WHERE clip_id = %(clip)s"
        f" UNION ALL SELECT {columns} FROM custody JOIN clip_fate f ON f.camera = custody.camera"
        "  WHERE f.clip_id = %(clip)s AND custody.clip_id IS NULL"
        "  AND type IN ('uploads.reported', 'uploads.rejected') AND entry::jsonb->>'unreadable' IS NULL"
        "  AND convert_from(payload, 'UTF8')::jsonb->>'recording' = f.recording"
        " ORDER BY time, index",
        {"clip": clip_id},
    )


async def clip_facts(database: Database, clip_id: str) -> Row | None:
    """What the catalogue knows of the clip, with its officer and its row's standing."""
    return await database.fetch_one(
        "SELECT f.clip_id, f.camera, f.recording, f.standing, f.attempt, f.camera_copy, f.disposal, f.interrupted,"
        " c.source_type, c.kind, c.dock, c.bay, c.size, c.sha256, c.recorded_at, c.ended_at, c.clock_offset,"
        f" c.incident, ARRAY(SELECT incident FROM ({SAID.format('f.clip_id')}) said) AS incidents, c.trigger,"
        " c.incomplete, c.preroll, c.probe, o.officer"
        " FROM clip_fate f LEFT JOIN clips c USING (clip_id) LEFT JOIN clip_officers o USING (clip_id)"
        " WHERE f.clip_id = %s",
        (clip_id,),
    )


async def officer_of(database: Database, clip_id: str) -> str | None:
    """Whose clip it is, if anybody knows."""
    row = await database.fetch_one("SELECT officer FROM clip_officers WHERE clip_id = %s", (clip_id,))
    return row["officer"] if row else None


async def counts(database: Database) -> dict[str, Any]:
    """How many clips stand where, what is oldest, and what waits in the outbox and the custody log."""
    standings = await database.fetch(
        "SELECT standing, count(*) AS n,"
        " sum(((report->>'body')::jsonb->'recording'->>'size')::bigint) AS bytes FROM clip_fate GROUP BY standing"
    )
    row = await database.fetch_one(
        "SELECT (SELECT count(*) FROM outbox WHERE sent_at IS NULL) AS outbox,"
        " (SELECT size FROM custody_head) AS custody,"
        " (SELECT count(*) FROM rejections) AS rejected,"
        " (SELECT count(*) FROM clip_fate WHERE standing = 'quarantined' AND decision IS NULL) AS undecided,"
        " (SELECT COALESCE(sum(last - first + 1), 0) FROM gaps) AS missing,"
        " (SELECT extract(epoch FROM now() - min(registered_at)) FROM clip_fate"
        "   WHERE standing IN ('registered', 'secured')) AS oldest_unverified_seconds"
    )
    return {"standing": {r["standing"]: {"clips": r["n"], "bytes": r["bytes"]} for r in standings}, **(row or {})}


async def retention_counts(database: Database) -> dict[str, int]:
    """What retention waits for: numbers that an index answers, whatever the number of clips."""
    row = await database.fetch_one(
        "SELECT (SELECT count(*) FROM clip_fate WHERE disposal = 'intended') AS in_bin,"
        " (SELECT count(*) FROM clip_fate WHERE disposal = 'committed') AS being_deleted,"
        " (SELECT count(*) FROM reviews WHERE decided_at IS NULL) AS reviews_open,"
        " (SELECT count(*) FROM sweeps WHERE state = 'stopped') AS sweeps_stopped,"
        " (SELECT count(*) FROM hold_clips WHERE state = 'pending') AS holds_pending,"
        " (SELECT count(*) FROM holds WHERE lifted_at IS NULL) AS holds_open,"
        " (SELECT max(version) FROM policies) AS policy"
    )
    return row or {}
