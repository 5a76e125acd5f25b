-- Projection made by record: who looked at a clip on the board, and why they might.
CREATE TABLE consultations (
    event_id text PRIMARY KEY,
    clip_id text NOT NULL,
    person text NOT NULL,
    what text NOT NULL,                 -- look, play, fetch, reason
    relation text NOT NULL,             -- own, case, incident, named, work, reason
    reason text,                        -- as it was typed
    time timestamptz NOT NULL
);

CREATE INDEX consultations_by_clip ON consultations (clip_id, time);

-- What supervisors and professional standards read: looks that needed a reason.
CREATE INDEX consultations_with_reason ON consultations (time DESC) WHERE reason IS NOT NULL;

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

-- Written by the board alone: who is signed in, how often somebody tried, and reasons, each for one session.
CREATE TABLE web_sessions (
    session text PRIMARY KEY,           -- SHA-256 of the cookie's value
    person text NOT NULL,
    stamp text NOT NULL,                -- of the password that opened it
    opened_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL
);

CREATE TABLE web_tries (
    person text NOT NULL,
    at timestamptz NOT NULL
);

CREATE INDEX web_tries_by_person ON web_tries (person, at);

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

CREATE INDEX schedule_by_category ON schedule (category, recorded_at);

-- Written by the stage alarms alone: what stands open, what was told of it, and how far each channel has been told.
CREATE TABLE alarms (
    alarm text NOT NULL,                -- workers/operations/alarms/table.py
    subject text NOT NULL,
    since timestamptz NOT NULL,
    says text NOT NULL,
    fired_at timestamptz,               -- null: it has not lasted long enough to be told
    quiet_since timestamptz,            -- not seen any more since then
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
    CHECK (kind IN ('fired', 'over'))
);

CREATE TABLE alarm_channels (
    channel text PRIMARY KEY,           -- mail, webhook
    upto bigint NOT NULL,               -- the last telling that it took
    sent_at timestamptz
);

-- What the alarms ask: the clips verified within an hour, clocks that are off, cases by their deadline.
CREATE INDEX clips_verified ON clips (verified_at) WHERE verified_at IS NOT NULL;

CREATE INDEX clips_clock_off ON clips (camera, docking) WHERE abs(clock_offset) > 30;

CREATE INDEX cases_deadline ON cases (LEAST(clock_ends, first_hearing)) WHERE closed_at IS NULL;

-- What the board counts and lists: each number from an index that holds only what is counted.
CREATE INDEX clip_fate_on_camera ON clip_fate (moved_at)
    WHERE standing = 'released' AND camera_copy = 'present' AND disposal IS NULL;

CREATE INDEX schedule_dispose ON schedule (dispose_from, clip_id) WHERE dispose_from IS NOT NULL AND NOT held;

CREATE INDEX schedule_uncategorised ON schedule (COALESCE(ends_at, 'infinity'), clip_id)
    WHERE category = 'uncategorised';

CREATE INDEX rejections_by_time ON rejections (time);

CREATE INDEX submissions_to_look_at ON submissions (requested_at)
    WHERE state IN ('refused', 'rejected', 'partial', 'contradicted');
