"""What the join of an encounter came to, told to the custody log: figures count what was told, never the join itself.

The join is made from clips, and most clips go after some weeks; what was told of it stays. It names no officer and no
clip: how many officers were present, how many of them have a clip, and which gaps there are.
"""

from __future__ import annotations

from workers.database.engine import Connection, Row, execute, fetch

PAGE = 500
"""Encounters that are told of in one transaction."""

JOINED = """
SELECT e.encounter_id, jsonb_build_object(
    'version', e.version, 'kind', e.kind, 'bcu', e.bcu, 'borough', e.borough,
    'at', to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'officers', officers.present, 'filmed', officers.present - gaps.unfilmed, 'gaps', gaps.listed) AS joined
FROM encounters e
CROSS JOIN LATERAL (
    SELECT count(*) AS present FROM encounter_officers o WHERE o.encounter_id = e.encounter_id
) officers
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE g.kind = 'none') AS unfilmed, COALESCE(jsonb_agg(jsonb_build_object('kind', g.kind,
        'explained', CASE WHEN g.explained_by IS NOT NULL THEN 'camera' WHEN g.reason IS NOT NULL THEN 'officer' END)
        ORDER BY g.officer, g.kind), '[]') AS listed
    FROM encounter_gaps g WHERE g.encounter_id = e.encounter_id
) gaps
WHERE e.encounter_id = ANY(%(encounters)s)
"""

TELL = f"""
INSERT INTO encounter_told AS told (encounter_id, telling, joined) SELECT encounter_id, 1, joined FROM ({JOINED}) now
ON CONFLICT (encounter_id) DO UPDATE SET telling = told.telling + 1, joined = EXCLUDED.joined
WHERE told.joined <> EXCLUDED.joined
RETURNING encounter_id, telling, joined
"""


async def untold(connection: Connection) -> tuple[int, list[Row]]:
    """A page of the encounters whose join was made anew, and of these what must be told, in the caller's transaction.

    Returns:
        How many were looked at, 0 when nothing is left; and `encounter_id`, `telling` and `joined` of each that is
        another now.
    """
    rows = await fetch(
        connection,
        "DELETE FROM encounter_untold WHERE encounter_id IN (SELECT encounter_id FROM encounter_untold"
        " ORDER BY encounter_id LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING encounter_id",
        (PAGE,),
    )
    looked = sorted(row["encounter_id"] for row in rows)
    if not looked:
        return 0, []
    changed = await fetch(connection, TELL, {"encounters": looked})
    return len(looked), sorted(changed, key=lambda row: str(row["encounter_id"]))


async def restore_told(connection: Connection) -> int:
    """What was told last of each encounter, from the custody log; of these nothing is left to tell. For a rebuild.

    A join that a rebuild makes lacks the clips that were disposed of since, so it does not replace what was told: only
    what changes afterwards is told.
    """
    told = await execute(
        connection,
        "INSERT INTO encounter_told (encounter_id, telling, joined)"
        " SELECT DISTINCT ON (body->>'encounter_id') body->>'encounter_id', (body->>'telling')::int,"
        "  body - 'encounter_id' - 'telling'"
        " FROM (SELECT index, told(payload, entry) AS body FROM custody WHERE type = 'encounters.joined'"
        "  AND payload IS NOT NULL AND conflicts_with IS NULL) joins"
        " WHERE body->>'encounter_id' IS NOT NULL AND pg_input_is_valid(body->>'telling', 'int')"
        " ORDER BY body->>'encounter_id', index DESC ON CONFLICT DO NOTHING",
    )
    await execute(
        connection, "DELETE FROM encounter_untold WHERE encounter_id IN (SELECT encounter_id FROM encounter_told)"
    )
    return told
