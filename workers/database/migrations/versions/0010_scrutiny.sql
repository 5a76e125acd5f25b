-- Written by encounters alone. What was drawn by lot, for a panel or for a supervisor's sample.
CREATE TABLE scrutiny_draws (
    draw_id text PRIMARY KEY,
    kind text NOT NULL,                 -- panel, sample
    month text NOT NULL,                -- 2026-10
    unit text,                          -- of a sample: borough or basic command unit
    drawn_at timestamptz NOT NULL,
    drawn_by text NOT NULL,
    event_id text NOT NULL,             -- of scrutiny.recorded
    deed jsonb NOT NULL,                -- seed, checkpoint, digest of the list, what came out
    signed jsonb NOT NULL,              -- the signed deed, verbatim
    CHECK (kind IN ('panel', 'sample'))
);

CREATE INDEX scrutiny_draws_by_month ON scrutiny_draws (month, kind);

-- The same: the encounters of each draw, in the order of their ranks.
CREATE TABLE scrutiny_drawn (
    draw_id text NOT NULL,
    number int NOT NULL,
    encounter_id text NOT NULL,
    PRIMARY KEY (draw_id, encounter_id)
);

CREATE INDEX scrutiny_drawn_by_encounter ON scrutiny_drawn (encounter_id);

-- The same: every grade as it was given; of one encounter of a draw the newest counts.
CREATE TABLE scrutiny_grades (
    event_id text PRIMARY KEY,          -- of scrutiny.recorded
    draw_id text NOT NULL,
    encounter_id text NOT NULL,
    grade text NOT NULL,
    notes text NOT NULL,
    person text NOT NULL,
    time timestamptz NOT NULL,
    signed jsonb NOT NULL
);

CREATE INDEX scrutiny_grades_by_draw ON scrutiny_grades (draw_id, encounter_id, time);

-- The same: complaints, each the fold of its signed deeds.
CREATE TABLE complaints (
    complaint_id text PRIMARY KEY,
    reference text NOT NULL,
    version int NOT NULL,
    opened_at timestamptz NOT NULL,
    earliest_end timestamptz,           -- of its holds; null: nobody knows yet
    body jsonb NOT NULL
);

-- What gave a hold its end: a case cannot move that of a complaint, nor a complaint that of a case.
ALTER TABLE hold_ends ADD COLUMN given_by text NOT NULL DEFAULT 'case' CHECK (given_by IN ('case', 'complaint'));

ALTER TABLE hold_ends DROP CONSTRAINT hold_ends_pkey;

ALTER TABLE hold_ends ADD PRIMARY KEY (hold_id, given_by);

-- What the feed of possible misuse looks for: early disposals, categories given, and requests refused in a span.
CREATE INDEX clip_fate_early ON clip_fate (clip_id) WHERE facts @> '[{"type": "early"}]';

CREATE INDEX custody_categorised ON custody (time) WHERE type = 'clips.categorised';

CREATE INDEX custody_refused ON custody (time) WHERE type = 'requests.refused'
