"""A force's rows for the benchmark of the board: clips of six years, what is behind, who holds which camera, cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from benchmarks.retention import load
from workers.database.engine import Database
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.prosecution.cases.case import Case
from workers.prosecution.statements import CaseKind, Clock, OrderedItem, Purpose, Recipient, SubmissionOrder

BEHIND = 9000
"""Clips that are not verified: a store outage of six hours at peak."""

PER_CASE = 30
"""Clips for each case: 4,500 clips a month go to the CPS."""

CAMERAS = 22_000

CATALOGUE = """
INSERT INTO clips (clip_id, source_type, kind, camera, recording, recorded_at, docked_at, registered_at, secured_at,
    verified_at, size, sha256, incident, reread_at)
SELECT clip_id, 'body_worn', 'footage', camera, recording, registered_at, registered_at, registered_at, registered_at,
    registered_at + interval '5 minutes', 300000000, md5(clip_id),
    CASE WHEN facts <> '[]' THEN 'INC-' || left(clip_id, 9) END,
    CASE WHEN registered_at < now() - interval '60 days'
        THEN now() - interval '30 days' + hashtext(clip_id) %% 20000 * interval '1 minute' END
FROM clip_fate
"""

CLIPS = """
INSERT INTO declared SELECT camera, recording, md5(clip_id), 300000000, clip_id FROM clip_fate;

UPDATE clip_fate SET standing = CASE WHEN n %% 3 = 0 THEN 'secured' ELSE 'registered' END, camera_copy = 'present',
    registered_at = now() - n * interval '2 seconds', interrupted = n %% 50 = 0, disposal = NULL,
    declared_size = 300000000
FROM (SELECT clip_id, row_number() OVER () AS n FROM clip_fate LIMIT %(behind)s) w
WHERE w.clip_id = clip_fate.clip_id;

UPDATE schedule SET verdict = 'never', ends_at = NULL, dispose_from = NULL, intend_from = NULL
WHERE dispose_from < now() - interval '3 days';

INSERT INTO cameras (camera, docking, dock, bay, docked_at)
SELECT 'BWC-' || n, 1, 'DOCK-' || lpad((n / 8 %% 62)::text, 3, '0'), 'BAY-0' || n %% 8 + 1,
    now() - n * interval '4 seconds'
FROM generate_series(1, %(cameras)s) n;

INSERT INTO dockings (camera, docking, dock, bay, docked_at, sha256, inventory, key, signature)
SELECT 'BWC-' || n, n, 'DOCK-' || lpad((n / 8 %% 62)::text, 3, '0'), 'BAY-01', now() - n * interval '18 seconds',
    '', '', '', ''
FROM generate_series(1, 150000) n;

INSERT INTO reconciliations (event_id, day, stated_at, declared, stored, verified, unexplained, statement)
SELECT 'r-' || n, current_date - n, now() - n * interval '1 day' + interval '30 hours', 25000, 25000, 25000, 0, '{}'
FROM generate_series(1, 365) n;

INSERT INTO camera_holders SELECT 'h-' || n, 'BWC-' || n, 'PC-' || n, now() - interval '7 years', 'ADMIN'
FROM generate_series(1, %(cameras)s) n;

INSERT INTO reviews (clip_id, due_at, policy, category, rule, opened_at)
SELECT clip_id, now() - n * interval '5 minutes', 1, 'complaint', 'complaint', now()
FROM (SELECT clip_id, row_number() OVER () AS n FROM schedule WHERE verdict = 'review' LIMIT 5000) w;
"""
"""What retention's rows lack."""

CASES = """
INSERT INTO cases (case_id, urn, kind, version, officer, clock, clock_ends, incidents, opened_at, closed_at, body)
SELECT id, urn, 'prosecution', 1, 'PC-' || n, 'bail', CASE WHEN n %% 2 = 0 THEN now() + n * interval '7 minutes' END,
    ARRAY['INC-' || left(clip_id, 9)], now() - n * interval '1 hour',
    CASE WHEN n %% 3 = 0 THEN now() - n * interval '1 minute' END,
    %(case)s::jsonb || jsonb_build_object('case_id', id, 'urn', urn, 'officer', 'PC-' || n,
        'incidents', jsonb_build_array('INC-' || left(clip_id, 9)))
FROM (SELECT clip_id, row_number() OVER () AS n FROM clip_fate WHERE facts <> '[]' LIMIT %(cases)s) f,
    LATERAL (SELECT 'case-' || translate(md5(n::text), '0189', 'ghij') AS id, '01AB' || lpad(n::text, 7, '0') AS urn) i;

INSERT INTO exhibits SELECT c.case_id, 'JS/1', 'JS/1', f.clip_id, false
FROM (SELECT case_id, row_number() OVER () AS n FROM cases) c
JOIN (SELECT clip_id, row_number() OVER () AS n FROM clip_fate WHERE facts <> '[]' LIMIT %(cases)s) f USING (n);

INSERT INTO submissions (submission_id, case_id, urn, purpose, recipient, state, ordered, items, urgent, requested_at,
    sent_at, due_at, answered_at)
SELECT 'submission-' || translate(md5(n::text), '0189', 'ghij'), case_id, urn, 'charging', 'cps',
    CASE WHEN n %% 50 = 0 THEN 'rejected' WHEN n %% 20 = 0 THEN 'sent' ELSE 'acknowledged' END, %(ordered)s::jsonb, 1,
    false, now() - n * interval '10 minutes', now() - n * interval '9 minutes',
    now() - n * interval '9 minutes' + interval '3 days', now() - n * interval '5 minutes'
FROM (SELECT case_id, urn, row_number() OVER () AS n FROM cases) c;
"""

TABLES = ("clip_fate", "clips", "declared", "cameras", "dockings", "camera_holders", "cases", "exhibits", "submissions",
          "reviews")  # fmt: skip


async def fill(database: Database, clips: int) -> None:
    """Rows of `clips` clips and of everything beside them."""
    now = datetime.now(UTC)
    await load(database, clips, CATALOGUE, now)
    signer = Signer.new(Role.PERSON, "PC-1")
    order = SubmissionOrder(
        "submission-x", "case-x", "01AB", Purpose.CHARGING, Recipient.CPS, (OrderedItem("JS/1", "clip-x"),), "PC-1",
        now_iso(now),
    )  # fmt: skip
    case = Case("case-x", CaseKind.PROSECUTION, "01AB", "R v Smith", "PC-1", 1, now_iso(now), "PC-1", Clock.BAIL,
                clock_ends=now_iso(now + timedelta(days=9)))  # fmt: skip
    given: dict[str, Any] = {
        "behind": min(BEHIND, clips // 10), "cameras": CAMERAS, "cases": clips // PER_CASE,
        "case": msgspec.json.encode(case).decode(),
        "ordered": msgspec.json.encode(signer.sign(PURPOSES[SubmissionOrder], order)).decode(),
    }  # fmt: skip
    for statement in f"{CLIPS}{CASES}".strip().split(";\n"):
        if statement.strip():
            await database.execute(statement.rstrip(";\n"), given)
    for table in TABLES:
        await database.execute(f"VACUUM (ANALYZE) {table}")
