-- Projection made by record: who looked at a clip on the board, and why they might.
CREATE TABLE consultations (
    event_id text PRIMARY KEY,
    clip_id text NOT NULL,
    person text NOT NULL,
    what text NOT NULL,                 -- look, play, fetch, reason
    relation text NOT NULL,             -- own, case, incident, named, work, reason
    reason text,                        -- as it was typed
    time timestamptz NOT NULL,
    restricted boolean NOT NULL         -- professional standards alone learn of it
);

CREATE INDEX consultations_by_clip ON consultations (clip_id, time);

-- What supervisors and professional standards read: looks that needed a reason.
CREATE INDEX consultations_with_reason ON consultations (time DESC, event_id) WHERE what = 'reason';

CREATE INDEX consultations_by_person ON consultations (person, time DESC, event_id) WHERE what = 'reason';

-- Projection made by record: who alone may see a clip, and locks on viewing.
CREATE TABLE viewings (
    event_id text PRIMARY KEY,
    clip_id text NOT NULL,
    kind text NOT NULL,                 -- named, open; lock, unlock: of each pair the newest counts
    people text[] NOT NULL,             -- named: these alone
    reason text NOT NULL,
    person text NOT NULL,
    time timestamptz NOT NULL
);

CREATE INDEX viewings_by_clip ON viewings (clip_id, time);

-- Projection made by record: locks on viewing that are not of one clip; a row for each lock and for its end.
CREATE TABLE viewing_locks (
    event_id text PRIMARY KEY,
    lock_id text NOT NULL,
    kind text NOT NULL,                 -- lock, unlock
    incident text,
    officers text[] NOT NULL,
    since timestamptz,
    until timestamptz,
    people text[] NOT NULL,             -- who may play them all the same
    reason text NOT NULL,
    person text NOT NULL,
    time timestamptz NOT NULL
);

CREATE INDEX viewing_locks_by_lock ON viewing_locks (lock_id, kind);

-- Written by the board alone: who is signed in, how often somebody tried, and reasons, each for one session.
CREATE TABLE web_sessions (
    session text PRIMARY KEY,           -- SHA-256 of the cookie's value
    person text NOT NULL,
    stamp text NOT NULL,                -- of the password that opened it
    opened_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    via text NOT NULL DEFAULT 'password',   -- password, directory
    name text NOT NULL DEFAULT '',          -- as the directory told it
    roles text[] NOT NULL DEFAULT '{}'      -- as the directory told them; none: the file of people has them
);

CREATE TABLE web_tries (
    person text NOT NULL,
    address text NOT NULL,
    at timestamptz NOT NULL
);

CREATE INDEX web_tries_by_person ON web_tries (person, at);

CREATE INDEX web_tries_by_address ON web_tries (address, at);

-- Answers of the directory that opened a session, so that none opens two; kept for as long as one could.
CREATE TABLE web_answers (
    answer text PRIMARY KEY,
    at timestamptz NOT NULL
);

CREATE TABLE web_token_uses (
    token text PRIMARY KEY,
    used_at timestamptz NOT NULL
);

CREATE TABLE web_reasons (
    session text NOT NULL,
    clip_id text NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (session, clip_id)
);

-- What the board's questions need: an officer's clips, and clips by time or category.
CREATE INDEX camera_holders_by_officer ON camera_holders (officer, camera);

CREATE INDEX attributions_by_clip ON attributions (clip_id, time);

CREATE INDEX attributions_by_officer ON attributions (officer);

CREATE INDEX clips_by_time ON clips (recorded_at DESC NULLS LAST, clip_id);

CREATE INDEX schedule_by_category ON schedule (category, recorded_at DESC NULLS LAST, clip_id);

DROP INDEX clips_by_camera;

CREATE INDEX clips_by_camera ON clips (camera, recorded_at DESC NULLS LAST, clip_id);

-- What people said that clips show: a row has it among its facts.
CREATE INDEX clip_fate_incident ON clip_fate USING gin (facts jsonb_path_ops)
    WHERE facts @> '[{"type": "incident"}]';

-- Written by the stage alarms alone: what stands open, what was told of it, and how far each channel has been told.
CREATE TABLE alarms (
    alarm text NOT NULL,                -- workers/operations/alarms/table.py
    subject text NOT NULL,
    since timestamptz NOT NULL,
    says text NOT NULL,
    fired_at timestamptz,               -- null: it has not lasted long enough to be told
    quiet_since timestamptz,            -- not seen any more since then
    behind text,                        -- the alarm from which it follows and which holds it back
    acknowledged_by text,               -- who has it in hand, and what they say of it
    acknowledged_at timestamptz,
    acknowledged_reason text,
    PRIMARY KEY (alarm, subject)
);

CREATE TABLE alarm_tellings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,                 -- fired, over
    alarm text NOT NULL,
    subject text NOT NULL,
    says text NOT NULL,
    since timestamptz NOT NULL,
    at timestamptz NOT NULL,
    CHECK (kind IN ('fired', 'over', 'acknowledged'))
);

CREATE INDEX alarm_tellings_by_time ON alarm_tellings (at);

CREATE TABLE alarm_channels (
    channel text PRIMARY KEY,           -- mail:ADDRESS, webhook
    upto bigint NOT NULL,               -- the last telling that it took
    sending bigint,                     -- the last of the message that it is being given
    sent_at timestamptz
);

-- When the stage alarms judged last: one that is old means that nobody would be told of anything.
CREATE TABLE alarm_rounds (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    judged_at timestamptz NOT NULL
);

-- What the alarms ask: the clips verified within an hour, clocks that are off, cases by their deadline.
CREATE INDEX clips_verified ON clips (verified_at) WHERE verified_at IS NOT NULL;

CREATE INDEX clips_clock_off ON clips (camera, docking) WHERE abs(clock_offset) > 30;

CREATE INDEX cases_deadline ON cases (LEAST(clock_ends, first_hearing)) WHERE closed_at IS NULL;

-- What the board counts and lists: each number from an index that holds only what is counted.
CREATE INDEX clip_fate_behind ON clip_fate (registered_at, clip_id) INCLUDE (standing, interrupted, attempt)
    WHERE standing IN ('registered', 'secured') AND (disposal IS NULL OR disposal = 'intended');

CREATE INDEX clip_fate_interrupted ON clip_fate (registered_at, clip_id)
    WHERE standing = 'registered' AND interrupted AND (disposal IS NULL OR disposal = 'intended');

CREATE INDEX clip_fate_failed ON clip_fate (registered_at, clip_id)
    WHERE standing = 'registered' AND attempt > 5 AND (disposal IS NULL OR disposal = 'intended');

CREATE INDEX clip_fate_on_camera ON clip_fate (moved_at)
    WHERE standing = 'released' AND camera_copy = 'present' AND disposal IS NULL;

CREATE INDEX schedule_dispose ON schedule (dispose_from, clip_id) WHERE dispose_from IS NOT NULL AND NOT held;

CREATE INDEX schedule_uncategorised ON schedule (COALESCE(ends_at, 'infinity'), clip_id)
    WHERE category = 'uncategorised';

CREATE INDEX rejections_by_time ON rejections (time);

-- Cases in the order of their work, an officer's own, and what was closed last.
CREATE INDEX cases_by_work ON cases (COALESCE(LEAST(clock_ends, first_hearing), 'infinity'), case_id)
    WHERE closed_at IS NULL;

CREATE INDEX cases_by_officer ON cases (officer);

CREATE INDEX cases_closed ON cases (closed_at DESC, case_id DESC) WHERE closed_at IS NOT NULL;

CREATE INDEX submissions_to_look_at ON submissions (requested_at)
    WHERE state IN ('refused', 'rejected', 'partial', 'contradicted');

-- Where traces are recorded: of which work an event tells (W3C traceparent). For people alone, and never on record.
ALTER TABLE outbox ADD COLUMN trace text;

-- Bytes as they were declared, so that what waits before a stage is added up from its rows alone.
ALTER TABLE clip_fate ADD COLUMN declared_size bigint;

UPDATE clip_fate f SET declared_size = d.size FROM declared d
WHERE d.clip_id = f.clip_id AND f.standing IN ('registered', 'secured', 'verified');
