-- recorded: what came from the cameras
-- Counts:  recordings that docks declared and that became clips, by the device that made them: each once, on the day on
--          which it was first docked. The cameras' own event logs are no recordings.
-- Unit:    recordings
-- Reads:   recordings_at (entries clips.registered of the custody log), areas (where docks stand)
SELECT coalesce(bcu, '') AS bcu, coalesce(borough, '') AS borough, 'recorded_' || coalesce(device, 'unknown') AS measure,
    count(*) AS number
FROM recordings_at(:size) LEFT JOIN areas USING (dock)
WHERE docked_at >= :'since' AND docked_at < :'until' AND kind IS DISTINCT FROM 'event_log'
GROUP BY 1, 2, 3
