-- Projections made by record: the manifest of the newest stored attempt, and what re-reading found.
ALTER TABLE clips
    ADD COLUMN stored_attempt int,
    ADD COLUMN manifest_version text,
    ADD COLUMN reread_at timestamptz,
    ADD COLUMN damaged_at timestamptz,
    ADD COLUMN damage jsonb;

-- What was recorded before these columns were: the newest attempt of each clip.
UPDATE clips SET stored_attempt = s.attempt, manifest_version = s.manifest_version
FROM (
    SELECT DISTINCT ON (clip_id) clip_id, (content->>'attempt')::int AS attempt,
           content->>'manifest_version' AS manifest_version
    FROM (SELECT clip_id, convert_from(payload, 'UTF8')::jsonb AS content FROM custody
          WHERE type IN ('clips.secured', 'clips.secured.urgent') AND conflicts_with IS NULL
            AND payload IS NOT NULL AND entry::jsonb->>'unreadable' IS NULL) told
    ORDER BY clip_id, (content->>'attempt')::int DESC
) s
WHERE s.clip_id = clips.clip_id;

-- The clip that was not read for the longest time comes first.
CREATE INDEX clips_oldest_unread ON clips (COALESCE(reread_at, verified_at))
WHERE verified_at IS NOT NULL AND damaged_at IS NULL
