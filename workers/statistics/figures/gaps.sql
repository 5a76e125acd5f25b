-- gaps: what the footage of stops and uses of force lacks, and why
-- Counts:  gaps in the footage of the encounters of the figure "filmed", one for each officer present and kind of gap:
--          no clip at all, begun late, ended early, without sound. Explained by the camera's own event log (a flat battery
--          is not switched off), by the reason that the officer gave, or unexplained at the checkpoint. Five officers at
--          one stop are one encounter, and withheld with it.
-- Unit:    gaps
-- Reads:   encounters_at, gaps_at (entries encounters.joined of the custody log), areas (which areas there are)
WITH boroughs AS (
    SELECT borough, min(bcu) AS bcu FROM areas GROUP BY borough
), bcus AS (
    SELECT DISTINCT bcu FROM areas
), found AS (
    SELECT coalesce(boroughs.bcu, bcus.bcu, '') AS bcu, coalesce(boroughs.borough, '') AS borough, one.encounter_id,
        gap.kind, CASE WHEN gap.explained IN ('camera', 'officer') THEN gap.explained ELSE 'open' END AS why
    FROM encounters_at(:size) AS one JOIN gaps_at(:size) AS gap USING (index)
        LEFT JOIN boroughs ON boroughs.borough = one.borough LEFT JOIN bcus ON bcus.bcu = one.bcu
    WHERE one.at >= :'since' AND one.at < :'until'
)
SELECT bcu, borough, measure, count(*) AS number, count(DISTINCT encounter_id) AS behind
FROM found CROSS JOIN LATERAL (VALUES
    ('gaps'),
    ('gap_' || kind),
    (CASE WHEN kind <> 'none' THEN 'gap_partial' END),
    (CASE kind WHEN 'none' THEN 'unrecorded_' ELSE 'partial_' END || why)
) AS told (measure)
WHERE measure IS NOT NULL
GROUP BY 1, 2, 3
