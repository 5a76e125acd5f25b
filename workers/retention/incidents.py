"""Which clips show an incident: those whose camera carried its reference, and those of which a person said so.

What a person said stands in the clip's own row and nowhere else, so that a hold, a case and the search never wait for
a projection to know it.
"""

from __future__ import annotations

GIVEN = (
    """f.facts @> '[{{"type": "incident"}}]'"""
    " AND f.facts @> jsonb_build_array(jsonb_build_object('type', 'incident', 'incident', {0}))"
)
"""In SQL: whether a person said that the clip of the row `f` shows this incident; answered by an index."""

CLIPS_OF = f"SELECT clip_id FROM clips WHERE incident = {{0}} UNION SELECT f.clip_id FROM clip_fate f WHERE {GIVEN}"
"""In SQL: the clips of one incident."""

SAID = (
    "SELECT c.incident, NULL::text AS by FROM clips c WHERE c.clip_id = {0} AND c.incident IS NOT NULL"
    " UNION ALL SELECT said->>'incident', said->>'by' FROM clip_fate g, jsonb_array_elements(g.facts) said"
    " WHERE g.clip_id = {0} AND said->>'type' = 'incident'"
    " AND said->>'incident' IS DISTINCT FROM (SELECT incident FROM clips WHERE clip_id = {0})"
)
"""In SQL: each incident of one clip with the person who said so; none where the camera did."""
