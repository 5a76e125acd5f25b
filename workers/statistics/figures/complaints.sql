-- complaints: footage that is kept for a complaint
-- Counts:  the recordings of the figure "recorded": those that came under a hold for a complaint, a conduct matter, or a
--          death or serious injury by the checkpoint, whether or not the hold has ended; and the others. Sixty recordings
--          of one hold rest on one, and are withheld with it; a hold counts in the area of its first recording.
-- Unit:    recordings
-- Reads:   recordings_at, deeds_at (entries holds.accepted of the custody log), areas (where docks stand)
WITH recorded AS (
    SELECT clip_id, dock FROM recordings_at(:size)
    WHERE docked_at >= :'since' AND docked_at < :'until' AND kind IS DISTINCT FROM 'event_log'
), held AS (
    SELECT DISTINCT clip_id, coalesce(hold, 'not named') AS hold FROM recorded JOIN deeds_at(:size) USING (clip_id)
    WHERE type = 'holds.accepted' AND hold_reason IN ('complaint', 'conduct', 'dsi')
), firsts AS (
    SELECT hold, min(clip_id) AS clip_id FROM held GROUP BY hold
), holds AS (
    SELECT clip_id, count(*) AS holds FROM firsts GROUP BY clip_id
), linked AS (
    SELECT DISTINCT clip_id, true AS is_linked FROM held
)
SELECT coalesce(bcu, '') AS bcu, coalesce(borough, '') AS borough,
    CASE WHEN is_linked THEN 'linked' ELSE 'not_linked' END AS measure, count(*) AS number,
    CASE WHEN is_linked THEN coalesce(sum(holds), 0)::bigint ELSE count(*) END AS behind
FROM recorded LEFT JOIN linked USING (clip_id) LEFT JOIN holds USING (clip_id) LEFT JOIN areas USING (dock)
GROUP BY 1, 2, 3, is_linked
