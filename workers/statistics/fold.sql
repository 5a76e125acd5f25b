-- How the custody log becomes the tables that figures read: entries from :from up to, but without, :to.
--
-- Of a clip only the header of an entry is read, since its payload goes with the clip and the header stays. Payloads
-- are read where they are about no clip. So the same log gives the same tables, whenever it is counted.

-- Each recording that became a clip, once.
INSERT INTO counted_recordings (clip_id, index, docked_at, kind, device, dock)
SELECT DISTINCT ON (clip_id) clip_id, index, time, header->>'kind', header->>'device', header->>'dock'
FROM (
    SELECT clip_id, index, time, entry::jsonb AS header FROM custody
    WHERE index >= :from AND index < :to AND type IN ('clips.registered', 'clips.registered.urgent')
        AND clip_id IS NOT NULL AND conflicts_with IS NULL
) registered
ORDER BY clip_id, index
ON CONFLICT (clip_id) DO NOTHING;

-- What people, and the rules that they adopted, did with clips.
INSERT INTO counted_deeds (index, type, verb, at, clip_id, category, rule, hold_reason, hold)
SELECT index, type, verb, time, clip_id, header->>'category', header->>'rule', header->>'hold_reason',
    header->>'hold'
FROM (
    SELECT index, type, verb, time, clip_id, entry::jsonb AS header FROM custody
    WHERE index >= :from AND index < :to AND conflicts_with IS NULL AND type IN (
        'clips.attributed', 'clips.categorised', 'clips.consulted', 'clips.disposed', 'clips.submitted',
        'clips.time-corrected', 'clips.viewing-set', 'cases.changed', 'derivatives.made', 'disposals.early-approved',
        'holds.accepted', 'holds.cleared', 'holds.lifted', 'holds.standing-placed', 'links.changed', 'links.opened',
        'packages.built', 'quarantine.decided', 'reviews.decided'
    )
) deeds;

-- Submissions: what was in them, when they were sent, whether the receipt was the manifest.
INSERT INTO counted_submissions (index, what, at, submission_id, case_id, recipient, footage)
SELECT index, split_part(type, '.', 2), time, body->>'submission_id', body->>'case_id', body->>'recipient',
    body->'manifest'->'mme'->>'status'
FROM (
    SELECT index, type, time, told(payload, entry) AS body
    FROM custody
    WHERE index >= :from AND index < :to AND payload IS NOT NULL AND conflicts_with IS NULL
        AND type IN ('submissions.prepared', 'submissions.sent', 'submissions.acknowledged')
) told
WHERE body->>'submission_id' IS NOT NULL AND body->>'case_id' IS NOT NULL;

INSERT INTO counted_items (index, submission_id, clip_id)
SELECT DISTINCT ON (submission_id, clip_id) index, submission_id, clip_id
FROM (
    SELECT index, body->>'submission_id' AS submission_id, item->>'clip_id' AS clip_id
    FROM (
        SELECT index, told(payload, entry) AS body
        FROM custody
        WHERE index >= :from AND index < :to AND payload IS NOT NULL AND conflicts_with IS NULL
            AND type = 'submissions.prepared'
    ) prepared
    CROSS JOIN jsonb_array_elements(
        CASE WHEN jsonb_typeof(body->'manifest'->'items') = 'array' THEN body->'manifest'->'items' ELSE '[]' END
    ) AS item
) items
WHERE submission_id IS NOT NULL AND clip_id IS NOT NULL
ORDER BY submission_id, clip_id, index
ON CONFLICT DO NOTHING;

-- Outcomes, as a case's signed changes say them; labels of defendants, without their blanks and capitals.
INSERT INTO counted_outcomes (index, case_id, of_whom, outcome, happened, withdrawn)
SELECT index, case_id, upper(replace(concat_ws('/', said->>'defendant', said->>'offence'), ' ', '')),
    said->>'outcome', (said->>'on')::date, said->>'type' = 'outcome-withdrawn'
FROM (
    SELECT index, body->>'case_id' AS case_id,
        CASE WHEN pg_input_is_valid(body->'change'->>'body', 'jsonb')
            THEN (body->'change'->>'body')::jsonb->'change' END AS said
    FROM (
        SELECT index, told(payload, entry) AS body
        FROM custody
        WHERE index >= :from AND index < :to AND payload IS NOT NULL AND conflicts_with IS NULL
            AND type = 'cases.changed'
    ) changed
) changes
WHERE case_id IS NOT NULL AND said->>'type' IN ('outcome', 'outcome-withdrawn') AND said->>'outcome' IS NOT NULL
    AND pg_input_is_valid(said->>'on', 'date');

-- Encounters, each time that they were set against the clips of the officers present.
INSERT INTO counted_encounters (index, encounter_id, version, kind, at, bcu, borough, officers, filmed)
SELECT index, body->>'encounter_id', (body->>'version')::int, body->>'kind', (body->>'at')::timestamptz,
    body->>'bcu', body->>'borough', (body->>'officers')::int, (body->>'filmed')::int
FROM (
    SELECT index, told(payload, entry) AS body
    FROM custody
    WHERE index >= :from AND index < :to AND payload IS NOT NULL AND conflicts_with IS NULL
        AND type = 'encounters.joined'
) joined
WHERE body->>'encounter_id' IS NOT NULL AND body->>'kind' IS NOT NULL AND pg_input_is_valid(body->>'version', 'int')
    AND pg_input_is_valid(body->>'at', 'timestamptz') AND pg_input_is_valid(body->>'officers', 'int')
    AND pg_input_is_valid(body->>'filmed', 'int');

INSERT INTO counted_gaps (index, number, kind, explained)
SELECT index, number, gap->>'kind', gap->>'explained'
FROM (
    SELECT index, told(payload, entry) AS body
    FROM custody
    WHERE index >= :from AND index < :to AND payload IS NOT NULL AND conflicts_with IS NULL
        AND type = 'encounters.joined'
) joined
CROSS JOIN jsonb_array_elements(
    CASE WHEN jsonb_typeof(body->'gaps') = 'array' THEN body->'gaps' ELSE '[]' END
) WITH ORDINALITY AS listed (gap, number)
WHERE gap->>'kind' IS NOT NULL;
