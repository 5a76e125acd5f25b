"""Reads the histories that the rules of misuse look at, from the catalogue and the custody log."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from workers.database.engine import Connection, fetch
from workers.encounters.hands import hands
from workers.encounters.seen import clips as clips_of
from workers.scrutiny.misuse import NEAR, Finding, Force, Look, What, Wish, of_looks, of_stops, of_wishes

LONGEST = timedelta(hours=6)
"""How long before a use of force a recording may have begun that ended near it."""

_LOOKS = """
SELECT l.clip_id, l.person, l.reason, l.time AS at, (
    EXISTS (SELECT FROM cases k LEFT JOIN exhibits x ON x.case_id = k.case_id AND NOT x.withdrawn
        WHERE k.opened_at <= l.time AND (k.closed_at IS NULL OR k.closed_at >= l.time)
        AND (x.clip_id = l.clip_id OR c.incident = ANY(k.incidents)))
    OR EXISTS (SELECT FROM hold_clips y JOIN holds h USING (hold_id) WHERE y.clip_id = l.clip_id
        AND y.state IN ('active', 'pending', 'lifted') AND h.reason NOT IN ('manual', 'same-incident', 'restored')
        AND h.placed_at <= l.time AND (h.lifted_at IS NULL OR h.lifted_at >= l.time))
) AS case
FROM consultations l LEFT JOIN clips c USING (clip_id)
WHERE l.what = 'reason' AND l.reason IS NOT NULL AND l.time >= %(since)s AND l.time < %(until)s
AND (%(reader)s::text IS NULL OR NOT EXISTS (SELECT FROM clip_officers o WHERE o.clip_id = l.clip_id
    AND o.officer = %(reader)s)) ORDER BY l.time
"""

_FORCE = """
SELECT e.encounter_id, e.reference, p.officer, e.at, e.until, EXISTS (SELECT FROM encounter_gaps g
    WHERE g.encounter_id = e.encounter_id AND g.officer = p.officer AND g.explained_by IS NOT NULL) AS explained
FROM encounters e JOIN encounter_officers p USING (encounter_id)
WHERE e.kind = 'use_of_force' AND e.at >= %(since)s AND e.at < %(until)s ORDER BY e.at, e.encounter_id, p.officer
"""

_EARLY = """
SELECT r.clip_id, r.asked_by AS person, o.officer AS recorder, r.asked_at AS at,
    'asked that the clip goes before its time' AS says
FROM early_requests r LEFT JOIN clip_officers o USING (clip_id)
WHERE r.asked_at >= %(since)s AND r.asked_at < %(until)s
UNION ALL
SELECT f.clip_id, fact->>'asked_by', o.officer, (fact->>'at')::timestamptz,
    'asked that the clip goes before its time; ' || (fact->>'approved_by') || ' approved'
FROM clip_fate f CROSS JOIN jsonb_array_elements(f.facts) fact LEFT JOIN clip_officers o USING (clip_id)
WHERE f.facts @> '[{"type": "early"}]' AND fact->>'type' = 'early'
AND (fact->>'at')::timestamptz >= %(since)s AND (fact->>'at')::timestamptz < %(until)s
UNION ALL
SELECT f.clip_id, fact->>'approved_by', o.officer, (fact->>'at')::timestamptz,
    'approved that the clip goes before its time; ' || (fact->>'asked_by') || ' asked'
FROM clip_fate f CROSS JOIN jsonb_array_elements(f.facts) fact LEFT JOIN clip_officers o USING (clip_id)
WHERE f.facts @> '[{"type": "early"}]' AND fact->>'type' = 'early'
AND (fact->>'at')::timestamptz >= %(since)s AND (fact->>'at')::timestamptz < %(until)s
"""

_IN_VAIN = """
SELECT c.clip_id, said.told->>'by' AS person, o.officer AS recorder, c.time AS at,
    'asked in vain that the clip goes before its time: ' || (said.told->>'reason') AS says
FROM custody c CROSS JOIN LATERAL (SELECT told(c.payload, c.entry) AS told) said
LEFT JOIN clip_officers o USING (clip_id)
WHERE c.type = 'requests.refused' AND c.payload IS NOT NULL AND c.conflicts_with IS NULL AND c.clip_id IS NOT NULL
AND c.time >= %(since)s AND c.time < %(until)s AND said.told->>'what' = 'early disposal'
"""

_SHORTER = """
SELECT c.clip_id, said.person, o.officer AS recorder, c.time AS at, 'gave it ' || (said.told->>'category')
    || '; ' || (said.told->>'counts') || ', which is kept longer, counts until another person confirms' AS says
FROM custody c CROSS JOIN LATERAL (
    SELECT told(c.payload, c.entry) AS told,
        (told(c.payload, c.entry)->'categorisation'->>'body')::jsonb->>'by' AS person
) said LEFT JOIN clip_officers o USING (clip_id)
WHERE c.type = 'clips.categorised' AND c.payload IS NOT NULL AND c.conflicts_with IS NULL
AND c.time >= %(since)s AND c.time < %(until)s AND said.told->>'category' <> said.told->>'counts'
"""


async def findings(
    connection: Connection,
    since: datetime,
    until: datetime,
    near: timedelta = NEAR,
    *,
    reader: str | None = None,
) -> list[Finding]:
    """What the rules see in a span, oldest first.

    Args:
        near: how near to a use of force a camera's stop is listed.
        reader: who reads. Their own doings, and looks at clips of theirs, are for a colleague: also somebody of
            professional standards may be looked into.
    """
    span = {"since": since, "until": until, "reader": reader}
    looks = msgspec.convert(await fetch(connection, _LOOKS, span), list[Look])
    found = [*of_looks(looks), *await _stops(connection, since, until, near)]
    wishes = ((_EARLY, What.DELETION_ASKED), (_IN_VAIN, What.DELETION_ASKED), (_SHORTER, What.SHORTER_CATEGORY))
    for statement, what in wishes:
        rows = await fetch(connection, statement, span)
        found += of_wishes(msgspec.convert([{**row, "what": what.value} for row in rows], list[Wish]))
    found = [one for one in found if one.person != reader]
    return sorted(found, key=lambda one: (one.at, one.what, one.person, one.clip_id or ""))


async def _stops(connection: Connection, since: datetime, until: datetime, near: timedelta) -> list[Finding]:
    force = msgspec.convert(await fetch(connection, _FORCE, {"since": since, "until": until}), list[Force])
    if not force:
        return []
    officers = sorted({one.officer for one in force})
    first, last = force[0].at - LONGEST, max(one.until or one.at for one in force) + near
    worn = await clips_of(connection, first, last, officers, await hands(connection, first, last, officers))
    return [stop for one in force for stop in of_stops(one, worn.get(one.officer, ()), near)]
