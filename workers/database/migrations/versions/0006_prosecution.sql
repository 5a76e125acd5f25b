-- Written by cases alone. Each case as its changes made it; `body` is workers/prosecution/cases/case.Case.
CREATE TABLE cases (
    case_id text PRIMARY KEY,
    urn text NOT NULL,
    kind text NOT NULL,                 -- prosecution, subject_access, training
    version int NOT NULL,
    officer text NOT NULL,
    clock text NOT NULL,
    clock_ends timestamptz,
    first_hearing timestamptz,
    incidents text[] NOT NULL DEFAULT '{}',
    earliest_end timestamptz,           -- of its holds; null: not before an outcome is known
    review_from timestamptz,            -- a person looks at it from then on
    review_told_at timestamptz,         -- cases.review-due was published
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    body jsonb NOT NULL
);

CREATE INDEX cases_urn ON cases (urn);

CREATE INDEX cases_incidents ON cases USING gin (incidents);

CREATE INDEX cases_reviews ON cases (review_from) WHERE closed_at IS NULL AND review_from IS NOT NULL;

-- Written by cases alone. One row an exhibit; a reference is unique in its case, for ever.
CREATE TABLE exhibits (
    case_id text NOT NULL,
    plain text NOT NULL,                -- the reference without blanks, in capitals
    reference text NOT NULL,
    clip_id text NOT NULL,
    withdrawn boolean NOT NULL DEFAULT false,
    PRIMARY KEY (case_id, plain)
);

CREATE INDEX exhibits_by_clip ON exhibits (clip_id);

-- Written by holds alone: the end that a case gave its holds, whichever of both comes first.
CREATE TABLE hold_ends (
    hold_id text PRIMARY KEY,
    version int NOT NULL,               -- of the case; an older one changes nothing
    earliest_end timestamptz NOT NULL
);

-- Written by derivation alone.
CREATE TABLE derivatives (
    derivative_id text PRIMARY KEY,
    clip_id text NOT NULL,
    kind text NOT NULL,                 -- range, still, playback, redaction
    state text NOT NULL,                -- made, failed
    sha256 text,
    size bigint,
    media_type text,
    key text,
    version_id text,
    lineage jsonb,                      -- the signed lineage, verbatim
    reason text,                        -- why it cannot be made, for people
    action text,
    requested_by text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    CHECK (state IN ('made', 'failed'))
);

CREATE INDEX derivatives_by_clip ON derivatives (clip_id);

-- Written by prosecution and receipts, each move by compare-and-set on state and attempt.
CREATE TABLE submissions (
    submission_id text PRIMARY KEY,
    case_id text NOT NULL,
    urn text NOT NULL,
    purpose text NOT NULL,
    purpose_item int,
    recipient text NOT NULL,
    state text NOT NULL,                -- workers/prosecution/submission/states.py
    ordered jsonb NOT NULL,             -- the signed order, verbatim
    items int NOT NULL,
    manifest jsonb,
    manifest_sha256 text,
    attempt int NOT NULL DEFAULT 0,     -- how often it was sent
    waits_for text,                     -- what it waits for now, for people
    receipt jsonb,                      -- the gateway's, verbatim
    differences jsonb NOT NULL DEFAULT '[]',
    batch text,
    batch_row int,
    urgent boolean NOT NULL,
    requested_at timestamptz NOT NULL,
    prepared_at timestamptz,
    sent_at timestamptz,
    due_at timestamptz,                 -- when its receipt is overdue
    overdue_told_at timestamptz,
    asked_at timestamptz,               -- when the gateway was last asked for its receipt
    answered_at timestamptz,
    CHECK (state IN ('requested', 'refused', 'prepared', 'sent', 'acknowledged', 'rejected', 'partial', 'contradicted'))
);

CREATE INDEX submissions_by_case ON submissions (case_id);

CREATE INDEX submissions_by_batch ON submissions (batch) WHERE batch IS NOT NULL;

CREATE INDEX submissions_open ON submissions (state, sent_at) WHERE state IN ('requested', 'prepared', 'sent');

CREATE INDEX submissions_by_time ON submissions (requested_at DESC);

CREATE INDEX submissions_answered ON submissions (asked_at)
    WHERE state IN ('acknowledged', 'rejected', 'partial', 'contradicted');

-- Written by receipts alone: how far the gateway's list of outcomes was read.
CREATE TABLE gateway_cursor (
    gateway text PRIMARY KEY,
    cursor text NOT NULL
);

-- Written by prosecution (new ones) and links (the rest).
CREATE TABLE links (
    link_id text PRIMARY KEY,
    token_sha256 text NOT NULL UNIQUE,  -- of the secret part of its address, which is nowhere but in the manifest
    submission_id text NOT NULL,
    case_id text NOT NULL,
    address text,                       -- where codes are sent; null: "holder of the link"
    made_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_by text
);

CREATE INDEX links_by_submission ON links (submission_id);

-- Written by links alone: codes that were sent, as salted digests, and the sessions that they opened.
CREATE TABLE link_codes (
    link_id text NOT NULL,
    salt bytea NOT NULL,
    digest bytea NOT NULL,
    sent_at timestamptz NOT NULL,
    tries int NOT NULL DEFAULT 0,
    used_at timestamptz
);

CREATE INDEX link_codes_by_link ON link_codes (link_id, sent_at);

CREATE TABLE link_sessions (
    session text PRIMARY KEY,           -- SHA-256 of the cookie's value
    link_id text NOT NULL,
    holder text NOT NULL,
    opened_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL
);

-- Who looked at what a link leads to, without reading the whole log.
CREATE INDEX custody_links_opened ON custody (index) WHERE type = 'links.opened';
