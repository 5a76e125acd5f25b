-- submitted: what went to the prosecutor
-- Counts:  the recordings of the figure "recorded": those that are part of a submission prepared by the checkpoint, to the
--          CPS or to anybody else, and those that are not. A recording that went twice is one. Sixty recordings of one
--          case rest on one case, and are withheld with it; a case counts in the area of its first recording.
-- Unit:    recordings
-- Reads:   recordings_at, deeds_at (entries clips.submitted of the custody log), items_at, submissions_at (entries
--          submissions.prepared), areas (where docks stand)
WITH recorded AS (
    SELECT clip_id, dock FROM recordings_at(:size)
    WHERE docked_at >= :'since' AND docked_at < :'until' AND kind IS DISTINCT FROM 'event_log'
), submitted AS (
    SELECT DISTINCT clip_id, true AS went FROM recorded JOIN deeds_at(:size) USING (clip_id)
    WHERE type = 'clips.submitted'
), firsts AS (
    SELECT DISTINCT ON (case_id) case_id, clip_id
    FROM submitted JOIN items_at(:size) AS item USING (clip_id) JOIN submissions_at(:size) AS prepared
        ON prepared.submission_id = item.submission_id AND prepared.what = 'prepared'
    ORDER BY case_id, clip_id
), cases AS (
    SELECT clip_id, count(*) AS cases FROM firsts GROUP BY clip_id
)
SELECT coalesce(bcu, '') AS bcu, coalesce(borough, '') AS borough,
    CASE WHEN went THEN 'submitted' ELSE 'not_submitted' END AS measure, count(*) AS number,
    CASE WHEN went THEN coalesce(sum(cases), 0)::bigint ELSE count(*) END AS behind
FROM recorded LEFT JOIN submitted USING (clip_id) LEFT JOIN cases USING (clip_id) LEFT JOIN areas USING (dock)
GROUP BY 1, 2, 3, went
