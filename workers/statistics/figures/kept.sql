-- kept: what has become of the month's recordings
-- Counts:  the recordings of the figure "recorded". Kept for a reason: still there at the checkpoint, and with a category
--          other than "uncategorised", under a hold, or submitted. Deleted: with a certificate. Waiting: neither yet.
-- Unit:    recordings
-- Reads:   recordings_at, deeds_at (entries clips.categorised, clips.disposed, clips.submitted and those of holds of the
--          custody log), areas (where docks stand)
WITH recorded AS (
    SELECT clip_id, dock FROM recordings_at(:size)
    WHERE docked_at >= :'since' AND docked_at < :'until' AND kind IS DISTINCT FROM 'event_log'
), done AS (
    SELECT clip_id, bool_or(type = 'clips.disposed') AS deleted, bool_or(type = 'clips.submitted') AS submitted,
        count(*) FILTER (WHERE type = 'holds.accepted')
            - count(*) FILTER (WHERE type IN ('holds.lifted', 'holds.cleared')) AS holds,
        (array_agg(category ORDER BY index DESC) FILTER (WHERE type = 'clips.categorised'))[1] AS category
    FROM recorded JOIN deeds_at(:size) USING (clip_id)
    WHERE type IN ('clips.categorised', 'clips.disposed', 'clips.submitted', 'holds.accepted', 'holds.lifted',
        'holds.cleared')
    GROUP BY clip_id
)
SELECT coalesce(bcu, '') AS bcu, coalesce(borough, '') AS borough,
    CASE WHEN deleted THEN 'deleted' WHEN submitted OR holds > 0 OR category <> 'uncategorised' THEN 'kept'
        ELSE 'waiting' END AS measure,
    count(*) AS number
FROM recorded LEFT JOIN done USING (clip_id) LEFT JOIN areas USING (dock)
GROUP BY 1, 2, 3
