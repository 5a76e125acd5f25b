"""SQL that makes up a year: what its custody log is counted into, and a log itself. For `benchmarks.statistics`."""

from __future__ import annotations

LOAD = """
INSERT INTO counted_recordings
SELECT 'clip-' || n, {entries} * n, '2026-01-01Z'::timestamptz + n * ('365 days'::interval / {clips}),
    CASE WHEN n %% 50 = 0 THEN 'event_log' ELSE 'footage' END,
    CASE WHEN n %% 400 = 0 THEN 'taser' WHEN n %% 20 = 0 THEN 'vehicle' ELSE 'body_worn' END,
    'DOCK-' || lpad((n %% {docks})::text, 2, '0')
FROM generate_series(0, {clips} - 1) n;

INSERT INTO counted_deeds
SELECT {entries} * n + 1, 'clips.categorised', 'alteration', docked_at + interval '5 hours', 'clip-' || n,
    CASE n %% 3 WHEN 0 THEN 'uncategorised' ELSE 'evidential' END, NULL, NULL, NULL
FROM generate_series(0, {clips} - 1, 2) n JOIN counted_recordings r ON r.clip_id = 'clip-' || n
UNION ALL
SELECT {entries} * n + 2, 'clips.consulted', 'consultation', docked_at + interval '9 hours', 'clip-' || n, NULL, NULL,
    NULL, NULL
FROM generate_series(0, {clips} - 1, 2) n JOIN counted_recordings r ON r.clip_id = 'clip-' || n
UNION ALL
SELECT least({entries} * (n + {clips} / 12), {entries} * {clips} - 1 - n), 'clips.disposed', 'erasure',
    docked_at + interval '31 days', 'clip-' || n, 'uncategorised', 'uncategorised', NULL, NULL
FROM generate_series(0, {clips} * 2 / 3, 1) n JOIN counted_recordings r ON r.clip_id = 'clip-' || n
WHERE n %% 10 NOT IN (1, 2)
UNION ALL
SELECT {entries} * n + 3, 'clips.submitted', 'disclosure', docked_at + interval '3 days', 'clip-' || n, NULL, NULL,
    NULL, NULL
FROM generate_series(0, {clips} - 1, 30) n JOIN counted_recordings r ON r.clip_id = 'clip-' || n
UNION ALL
SELECT {entries} * n + 4, 'holds.accepted', 'alteration', docked_at + interval '4 days', 'clip-' || n, NULL, NULL,
    CASE n %% 3 WHEN 0 THEN 'complaint' ELSE 'case' END, 'hold-' || n / 120
FROM generate_series(0, {clips} - 1, 12) n JOIN counted_recordings r ON r.clip_id = 'clip-' || n
ON CONFLICT DO NOTHING;

INSERT INTO counted_submissions
SELECT {entries} * n + 5 + step, (ARRAY['prepared', 'sent', 'acknowledged'])[step + 1], docked_at + interval '3 days',
    's-' || n, 'case-' || n / 60, CASE step WHEN 0 THEN 'cps' END, CASE step WHEN 0 THEN 'recorded' END
FROM generate_series(0, {clips} - 1, 30) n JOIN counted_recordings r ON r.clip_id = 'clip-' || n,
    generate_series(0, 2) step;

INSERT INTO counted_items SELECT {entries} * n + 5, 's-' || n, 'clip-' || n FROM generate_series(0, {clips} - 1, 30) n;

INSERT INTO counted_outcomes
SELECT {entries} * n + 8, 'case-' || n / 60, 'D1', (ARRAY['charge', 'plea_guilty', 'conviction'])[n / 60 %% 3 + 1],
    (docked_at + interval '20 days')::date, false
FROM generate_series(0, {clips} - 1, 60) n JOIN counted_recordings r ON r.clip_id = 'clip-' || n;

INSERT INTO counted_encounters
SELECT {entries} * (n::bigint * {clips} / {encounters}) + 9 - telling, 'enc-' || n, 1,
    CASE WHEN n %% 6 = 0 THEN 'use_of_force' WHEN n %% 5 = 0 THEN 'stop_account' ELSE 'stop_search' END,
    '2026-01-01Z'::timestamptz + n * ('365 days'::interval / {encounters}), 'BCU-' || n %% {boroughs} %% {bcus},
    'Borough ' || n %% {boroughs}, 2, CASE WHEN telling = 1 AND n %% 9 = 0 THEN 0 WHEN n %% 15 = 0 THEN 1 ELSE 2 END
FROM generate_series(0, {encounters} - 1) n, generate_series(0, 1) telling ON CONFLICT DO NOTHING;

INSERT INTO counted_gaps
SELECT index, number, (ARRAY['none', 'late', 'early', 'muted'])[number],
    CASE index %% 3 WHEN 0 THEN 'camera' WHEN 1 THEN 'officer' END
FROM counted_encounters, generate_series(1, 4) number WHERE (index + number) %% 11 = 0;

VACUUM (ANALYZE) counted_recordings;

VACUUM (ANALYZE) counted_deeds;

VACUUM (ANALYZE) counted_submissions;

VACUUM (ANALYZE) counted_items;

VACUUM (ANALYZE) counted_outcomes;

VACUUM (ANALYZE) counted_encounters;

VACUUM (ANALYZE) counted_gaps
"""

LOG = """
INSERT INTO custody (index, event_id, type, clip_id, verb, time, entry, leaf, payload, salt, topic, partition, "offset")
SELECT n, 'evt-' || n, type, clip, 'collection', '2026-10-01Z'::timestamptz + n * interval '1 second',
    json_build_object('index', n, 'event_id', 'evt-' || n, 'type', type, 'clip_id', clip, 'payload', md5(n::text),
        'dock', 'DOCK-01', 'device', 'body_worn', 'kind', 'footage', 'category', 'evidential')::text,
    '\\x00', CASE type WHEN 'encounters.joined' THEN convert_to(json_build_object('encounter_id', 'enc-' || n,
        'version', 1, 'telling', 1, 'kind', 'stop_search', 'at', '2026-10-01T10:00:00Z', 'officers', 2, 'filmed', 1,
        'gaps', json_build_array(json_build_object('kind', 'none')))::text, 'UTF8')
        ELSE convert_to(repeat('x', 1500), 'UTF8') END,
    '\\x00', type, 0, n
FROM (SELECT n, CASE type WHEN 'encounters.joined' THEN NULL ELSE 'clip-' || n / 10 END AS clip, type FROM
    (SELECT n, (ARRAY['uploads.reported', 'clips.registered', 'clips.secured', 'clips.verified', 'clips.released',
        'clips.wiped', 'clips.probed', 'clips.categorised', 'clips.consulted', 'encounters.joined'])[n %% 10 + 1]
        AS type
     FROM generate_series(0, {entries} - 1) n) kinds) told
"""
