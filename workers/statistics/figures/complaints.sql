-- complaints: footage that is kept for a complaint
-- Counts:  the recordings of the figure "recorded": those that came under a hold for a complaint, a conduct matter, or a
--          death or serious injury by the checkpoint, whether or not the hold has ended; and the others.
-- Unit:    recordings
-- Reads:   recordings_at, deeds_at (entries holds.accepted of the custody log), areas (where docks stand)
WITH recorded AS (
    SELECT clip_id, dock FROM recordings_at(:size)
    WHERE docked_at >= :'since' AND docked_at < :'until' AND kind IS DISTINCT FROM 'event_log'
), linked AS (
    SELECT DISTINCT clip_id, true AS is_linked FROM recorded JOIN deeds_at(:size) USING (clip_id)
    WHERE type = 'holds.accepted' AND hold_reason IN ('complaint', 'conduct', 'dsi')
)
SELECT coalesce(bcu, '') AS bcu, coalesce(borough, '') AS borough,
    CASE WHEN is_linked THEN 'linked' ELSE 'not_linked' END AS measure, count(*) AS number
FROM recorded LEFT JOIN linked USING (clip_id) LEFT JOIN areas USING (dock)
GROUP BY 1, 2, 3
