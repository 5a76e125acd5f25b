-- deleted: what was deleted in the month, by the rule that allowed it
-- Counts:  clips whose deletion was certified in the month, whenever they were recorded; the rule is the retention
--          policy's own name.
-- Unit:    clips
-- Reads:   deeds_at (entries clips.disposed of the custody log), recordings_at, areas (where docks stand)
SELECT coalesce(bcu, '') AS bcu, coalesce(borough, '') AS borough, 'rule: ' || coalesce(rule, 'not named') AS measure,
    count(DISTINCT clip_id) AS number
FROM deeds_at(:size) AS deed LEFT JOIN (SELECT clip_id, dock FROM recordings_at(:size)) AS one USING (clip_id)
    LEFT JOIN areas USING (dock)
WHERE type = 'clips.disposed' AND at >= :'since' AND at < :'until'
GROUP BY 1, 2, 3
