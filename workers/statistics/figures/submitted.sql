-- submitted: what went to the prosecutor
-- Counts:  the recordings of the figure "recorded": those that are part of a submission prepared by the checkpoint, to the
--          CPS or to anybody else, and those that are not. A recording that went twice is one.
-- Unit:    recordings
-- Reads:   recordings_at, deeds_at (entries clips.submitted of the custody log), areas (where docks stand)
WITH recorded AS (
    SELECT clip_id, dock FROM recordings_at(:size)
    WHERE docked_at >= :'since' AND docked_at < :'until' AND kind IS DISTINCT FROM 'event_log'
), submitted AS (
    SELECT DISTINCT clip_id, true AS went FROM recorded JOIN deeds_at(:size) USING (clip_id)
    WHERE type = 'clips.submitted'
)
SELECT coalesce(bcu, '') AS bcu, coalesce(borough, '') AS borough,
    CASE WHEN went THEN 'submitted' ELSE 'not_submitted' END AS measure, count(*) AS number
FROM recorded LEFT JOIN submitted USING (clip_id) LEFT JOIN areas USING (dock)
GROUP BY 1, 2, 3
