-- What people decided about a clip's retention, and how far its disposal has come; changed by moves alone.
ALTER TABLE clip_fate RENAME COLUMN category_history TO facts;

ALTER TABLE clip_fate
    ADD COLUMN held boolean NOT NULL GENERATED ALWAYS AS (hold_reasons <> '{}') STORED,
    ADD COLUMN intended_at timestamptz,
    ADD COLUMN intent jsonb,                    -- the decision that put it into the bin, with its reasons
    ADD COLUMN lease_confirmed timestamptz;     -- end of the lock that every version was seen to have

CREATE INDEX clip_fate_in_disposal ON clip_fate (disposal, dispose_from) WHERE disposal IN ('intended', 'committed');

-- Whose lock ends first; before all others whose lease nobody confirmed.
CREATE INDEX clip_fate_lease ON clip_fate (
    COALESCE(CASE WHEN lease_confirmed >= lease_end THEN lease_end END, '-infinity'), clip_id
)
WHERE standing IN ('verified', 'released', 'damaged', 'quarantined') AND (disposal IS NULL OR disposal = 'intended');

-- The one row that orders what concerns many clips (standing holds, a policy) and every commit of a disposal.
CREATE TABLE guard (
    one boolean PRIMARY KEY DEFAULT true CHECK (one)
);

INSERT INTO guard DEFAULT VALUES;

-- Written by retention alone. Every policy that was adopted; the highest version is in force.
CREATE TABLE policies (
    version int PRIMARY KEY,
    name text NOT NULL,
    toml text NOT NULL,
    sha256 text NOT NULL,
    adopted_at timestamptz NOT NULL,
    adopted_by text NOT NULL,
    adoption jsonb NOT NULL             -- the signed adoption, verbatim
);

-- Written by retention alone: when each clip's time comes. An index, never the decision: who acts decides again.
CREATE TABLE schedule (
    clip_id text PRIMARY KEY,
    source_type text NOT NULL,
    recorded_at timestamptz,            -- null: the camera did not say anything that is a time
    docked_at timestamptz NOT NULL,
    size bigint NOT NULL,
    incident text,
    policy int NOT NULL,
    verdict text NOT NULL,              -- expire, review, never
    category text NOT NULL,
    rule text NOT NULL,
    ends_at timestamptz,                -- everything is gone by then
    dispose_from timestamptz,           -- null: never by itself
    intend_from timestamptz,
    review_from timestamptz,
    held boolean NOT NULL,
    exception text,                     -- why it is kept longer than its period
    waits text                          -- what it waits for in the bin, as the sweep saw it last
);

CREATE INDEX schedule_due ON schedule (intend_from) WHERE intend_from IS NOT NULL AND NOT held;

CREATE INDEX schedule_reviews ON schedule (review_from) WHERE review_from IS NOT NULL;

CREATE INDEX schedule_policy ON schedule (policy);

CREATE INDEX schedule_incident ON schedule (incident) WHERE incident IS NOT NULL;

CREATE INDEX schedule_recorded ON schedule (recorded_at);

-- Written by holds alone. Every hold that was ever asked for and accepted.
CREATE TABLE holds (
    hold_id text PRIMARY KEY,
    scope text NOT NULL,                -- clip, incident, officer, place, encounter
    reason text NOT NULL,
    clip_id text,
    incident text,
    officers text[] NOT NULL DEFAULT '{}',
    since timestamptz,
    until timestamptz,
    place jsonb,                        -- latitude, longitude, metres
    encounter text,
    restricted boolean NOT NULL,
    reference text,                     -- the complaint's or case's own number
    earliest_end timestamptz,
    request jsonb NOT NULL,             -- the signed request, verbatim
    placed_by text NOT NULL,
    placed_at timestamptz NOT NULL,
    lift jsonb,                         -- the first person's signed wish to lift it
    lifted_at timestamptz,
    lifted_by text[] NOT NULL DEFAULT '{}',
    CHECK (scope IN ('clip', 'incident', 'officer', 'place', 'encounter'))
);

CREATE INDEX holds_standing ON holds (scope) WHERE scope <> 'clip' AND lifted_at IS NULL;

-- Written by holds alone. What a hold means for one clip.
CREATE TABLE hold_clips (
    hold_id text NOT NULL,
    clip_id text NOT NULL,
    state text NOT NULL,                -- pending, active, refused, cleared, lifted
    says text NOT NULL,                 -- why, for people
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (hold_id, clip_id),
    CHECK (state IN ('pending', 'active', 'refused', 'cleared', 'lifted'))
);

CREATE INDEX hold_clips_by_clip ON hold_clips (clip_id);

-- What a hold looks for: the clips of an incident, and those whose time a person corrected.
CREATE INDEX clips_incident ON clips (incident) WHERE incident IS NOT NULL;

CREATE INDEX clip_fate_corrected ON clip_fate (clip_id) WHERE facts @> '[{"type": "time"}]';

CREATE INDEX hold_clips_pending ON hold_clips (at) WHERE state = 'pending';

-- Written by retention alone. A long period's end, and the person's decision.
CREATE TABLE reviews (
    clip_id text NOT NULL,
    due_at timestamptz NOT NULL,
    policy int NOT NULL,
    category text NOT NULL,
    rule text NOT NULL,
    opened_at timestamptz NOT NULL,
    decided_at timestamptz,
    verdict text,                       -- keep, dispose
    decided_by text,
    PRIMARY KEY (clip_id, due_at)
);

CREATE INDEX reviews_open ON reviews (due_at) WHERE decided_at IS NULL;

-- Written by the sweep alone. Each time that it wanted to dispose of something, and each time that it stopped.
CREATE TABLE sweeps (
    sweep_id text PRIMARY KEY,
    started_at timestamptz NOT NULL,
    policy int NOT NULL,
    due bigint NOT NULL,                -- clips whose time had come
    intended bigint NOT NULL,
    state text NOT NULL,                -- done, stopped, approved, refused (by a person, or while it must not run)
    cause text,                         -- of a stop: budget, record, catalogue, rebuild; null: it ran
    reason text,                        -- why it stopped, for people
    decided_by text,
    decided_at timestamptz,
    CHECK (state IN ('done', 'stopped', 'approved', 'refused'))
);

CREATE INDEX sweeps_by_time ON sweeps (started_at DESC);

CREATE INDEX sweeps_stopped ON sweeps (cause, started_at DESC) WHERE cause IS NOT NULL;

-- Written by retention alone. A wish that a clip goes before its time, until a second person agrees.
CREATE TABLE early_requests (
    clip_id text PRIMARY KEY,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL,
    request jsonb NOT NULL              -- the signed request, verbatim
);

-- Written by disposal alone: what each committed disposal found to delete, noted before the first delete so that its
-- certificate names it after any crash; the row goes once a later look has found nothing more.
CREATE TABLE disposals (
    clip_id text PRIMARY KEY,
    committed jsonb NOT NULL,           -- the event disposals.committed
    versions jsonb NOT NULL DEFAULT '[]',   -- (key, version id)
    uploads jsonb NOT NULL DEFAULT '[]',    -- (key, upload id)
    gone_at timestamptz,                -- everything was proved gone
    waits_for text,                     -- why it cannot be finished now, for people
    due_at timestamptz                  -- to be looked at again by the clock
);

CREATE INDEX disposals_due ON disposals (due_at) WHERE due_at IS NOT NULL;

-- Clips whose entries have lost their payloads.
CREATE INDEX custody_disposed ON custody (clip_id) WHERE topic = 'clips.disposed';

-- What a stage answered to a person's request, so that whoever asked is told.
CREATE TABLE answers (
    request text PRIMARY KEY,           -- the request's event id
    stage text NOT NULL,
    verdict text NOT NULL,              -- done, pending, refused
    says text NOT NULL,
    details jsonb,
    at timestamptz NOT NULL DEFAULT now(),
    CHECK (verdict IN ('done', 'pending', 'refused'))
);

-- What is asked of the whole log: the policies of a moment, and what a day deleted.
CREATE INDEX custody_decisions ON custody (type, time) WHERE type IN ('policies.adopted', 'clips.disposed');
