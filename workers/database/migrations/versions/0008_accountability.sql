-- Written by encounters alone. Each record of a stop or of the use of force, in its newest version.
CREATE TABLE encounters (
    encounter_id text PRIMARY KEY,
    version int NOT NULL,
    reference text NOT NULL,            -- the force's own number of the record
    kind text NOT NULL,                 -- stop_search, stop_account, use_of_force
    at timestamptz NOT NULL,            -- when the person was first detained, spoken to or touched
    until timestamptz,                  -- null: the record does not say when it was over
    place text NOT NULL,                -- where it was; never somebody's home address
    lat double precision,
    lon double precision,
    incident text,
    borough text,
    bcu text,
    power text,                         -- of a search
    object text,                        -- what was searched for
    outcome text,
    ethnicity text,                     -- as the person concerned defines it
    age_band text,
    gender text,
    ced text,                           -- the gravest use of a Taser: drawn … fired
    signed jsonb NOT NULL,              -- the signed record, verbatim
    signed_by text NOT NULL,
    signed_at timestamptz NOT NULL,
    CHECK (kind IN ('stop_search', 'stop_account', 'use_of_force')),
    CHECK (until >= at)
);

CREATE INDEX encounters_by_time ON encounters (at);

CREATE INDEX encounters_by_reference ON encounters (reference);

-- A supervisor's unit is a borough or a basic command unit, whatever its capitals.
CREATE INDEX encounters_by_borough ON encounters (lower(borough), at);

CREATE INDEX encounters_by_bcu ON encounters (lower(bcu), at);

CREATE INDEX encounters_by_incident ON encounters (incident) WHERE incident IS NOT NULL;

-- Written by encounters alone. Every version of each record as it was signed: a correction adds one.
CREATE TABLE encounter_versions (
    encounter_id text NOT NULL,
    version int NOT NULL,
    event_id text NOT NULL,             -- of encounters.recorded
    signed jsonb NOT NULL,
    signed_by text NOT NULL,
    signed_at timestamptz NOT NULL,
    PRIMARY KEY (encounter_id, version)
);

-- Written by encounters alone. Who of the police was there, by the newest version.
CREATE TABLE encounter_officers (
    encounter_id text NOT NULL,
    officer text NOT NULL,
    role text NOT NULL,                 -- lead, present
    at timestamptz NOT NULL,            -- of the encounter: an officer's newest is one step into the index
    PRIMARY KEY (encounter_id, officer)
);

CREATE INDEX encounter_officers_by_officer ON encounter_officers (officer, at DESC, encounter_id);

-- Projection made by encounters, again at any time (workers/encounters/joining.py): whose clips show which encounter.
CREATE TABLE encounter_clips (
    encounter_id text NOT NULL,
    clip_id text NOT NULL,
    officer text NOT NULL,
    how text NOT NULL,                  -- time, with +incident and +place; incident
    source_type text NOT NULL,
    beside text,                        -- of a Taser's recording: the body-worn clip of the same moment
    PRIMARY KEY (encounter_id, clip_id, officer)
);

CREATE INDEX encounter_clips_by_clip ON encounter_clips (clip_id);

-- Projection made by encounters, again at any time from the sidecars in the vault: how near the track of a clip came
-- to an encounter of its time. One number of each pair, never a place of a clip; it goes when the clip is deleted.
CREATE TABLE encounter_places (
    encounter_id text NOT NULL,
    clip_id text NOT NULL,
    lat double precision NOT NULL,      -- of the record that the track was read for; never of the clip
    lon double precision NOT NULL,
    since timestamptz NOT NULL,         -- part of the track that was looked at, by the camera's clock
    until timestamptz NOT NULL,
    metres double precision,            -- from the record's place to the nearest point; null: no track to believe
    elsewhere boolean NOT NULL DEFAULT false, -- the clip is deleted, and was recorded elsewhere
    unread boolean NOT NULL DEFAULT true,
    PRIMARY KEY (encounter_id, clip_id)
);

CREATE INDEX encounter_places_by_clip ON encounter_places (clip_id);

CREATE INDEX encounter_places_unread ON encounter_places (since DESC) WHERE unread;

-- Written by encounters alone: no clip shows these, and clips that nobody signed out are to be looked for around them.
CREATE TABLE encounter_unsearched (encounter_id text PRIMARY KEY);

-- The same: what of an encounter the body-worn clips of an officer do not show, or do not let hear.
CREATE TABLE encounter_gaps (
    encounter_id text NOT NULL,
    officer text NOT NULL,
    kind text NOT NULL,                 -- none, late, early, muted
    seconds double precision,           -- that are missing; null: all of it, and nobody knows how long it was
    explained_by text,                  -- the camera's event log: battery_flat, power_lost; null: it does not
    note text,                          -- what the records say besides, for people
    reason text,                        -- the newest that was given
    reason_by text,
    reason_at timestamptz,
    open_since timestamptz NOT NULL,
    PRIMARY KEY (encounter_id, officer, kind),
    CHECK (kind IN ('none', 'late', 'early', 'muted'))
);

CREATE INDEX encounter_gaps_open ON encounter_gaps (open_since) WHERE explained_by IS NULL AND reason IS NULL;

-- The same: clips that say of themselves that they show an encounter, and of which there is no record.
CREATE TABLE encounter_unmatched (
    clip_id text PRIMARY KEY,
    officer text,                       -- null: nobody knows whose it is
    flagged_by text NOT NULL,           -- category stop-and-search …, trigger safety_off
    beside text,
    reason text,
    reason_by text,
    reason_at timestamptz,
    open_since timestamptz NOT NULL
);

CREATE INDEX encounter_unmatched_open ON encounter_unmatched (open_since) WHERE reason IS NULL;

CREATE INDEX encounter_unmatched_by_officer ON encounter_unmatched (officer, open_since);

-- Written by encounters alone. Why footage is missing, or its record, as people gave it; of one gap the newest counts.
CREATE TABLE encounter_reasons (
    event_id text PRIMARY KEY,          -- of encounters.reasoned
    encounter_id text,                  -- null: of a clip without a record
    clip_id text,
    officer text NOT NULL,
    kind text NOT NULL,                 -- none, late, early, muted, unmatched
    reason text NOT NULL,
    person text NOT NULL,
    time timestamptz NOT NULL,
    signed jsonb NOT NULL
);

CREATE INDEX encounter_reasons_by_encounter ON encounter_reasons (encounter_id, officer, kind);

CREATE INDEX encounter_reasons_by_clip ON encounter_reasons (clip_id) WHERE clip_id IS NOT NULL;

-- Written by encounters alone: of how much of the custody log the join is the fold.
CREATE TABLE encounter_cursor (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    upto bigint NOT NULL                -- entries below this index are in the join
);

INSERT INTO encounter_cursor (upto) VALUES (0);

-- Projection made by record, from clips.probed: what a camera's own event log says.
CREATE TABLE camera_events (
    clip_id text NOT NULL,              -- the recording that carried the log
    number int NOT NULL,
    camera text NOT NULL,
    at timestamptz NOT NULL,            -- by the camera's clock
    event text NOT NULL,                -- power_on, record, stop, mute, battery, … (workers/footage/camera_log.py)
    value text,
    PRIMARY KEY (clip_id, number)
);

CREATE INDEX camera_events_by_camera ON camera_events (camera, at);

CREATE INDEX camera_events_muted ON camera_events (at) WHERE event IN ('mute', 'unmute');

-- An officer's clips without a walk through everybody's.
CREATE INDEX clips_by_owner ON clips (owner, recorded_at) WHERE owner IS NOT NULL AND source_type <> 'vehicle'
