-- gaps: what the footage of stops and uses of force lacks, and why
-- Counts:  gaps in the footage of the encounters of the figure "filmed", one for each officer present and kind of gap:
--          no clip at all, begun late, ended early, without sound. Explained by the camera's own event log (a flat battery
--          is not switched off), by the reason that the officer gave, or open at the checkpoint.
-- Unit:    gaps
-- Reads:   encounters_at, gaps_at (entries encounters.joined of the custody log)
WITH found AS (
    SELECT coalesce(bcu, '') AS bcu, coalesce(borough, '') AS borough, gap.kind, coalesce(gap.explained, 'open') AS why
    FROM encounters_at(:size) AS one JOIN gaps_at(:size) AS gap USING (index)
    WHERE one.at >= :'since' AND one.at < :'until'
)
SELECT bcu, borough, 'gap_' || kind AS measure, count(*) AS number FROM found GROUP BY 1, 2, 3
UNION ALL
SELECT bcu, borough, 'explained_' || why, count(*) FROM found GROUP BY 1, 2, 3
