-- How far the custody log was counted: the tables below are the fold of the entries below this index, no more, no less.
CREATE TABLE counted_upto (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    size bigint NOT NULL
);

INSERT INTO counted_upto (size) VALUES (0);

-- Made by workers/statistics/fold.sql alone, from headers, which stay when a clip goes: each recording that became a
-- clip, once, by the entry that first said so.
CREATE TABLE counted_recordings (
    clip_id text PRIMARY KEY,
    index bigint NOT NULL,              -- of the custody entry, here and below
    docked_at timestamptz NOT NULL,
    kind text,                          -- footage, event_log; null: recorded before headers said so
    device text,                        -- body_worn, taser, vehicle
    dock text
);

CREATE INDEX counted_recordings_by_time ON counted_recordings (docked_at) INCLUDE (index, clip_id, kind, device, dock);

-- The same: what was done with clips, one row an entry.
CREATE TABLE counted_deeds (
    index bigint PRIMARY KEY,
    type text NOT NULL,
    verb text NOT NULL,                 -- DPA 2018 s.62
    at timestamptz NOT NULL,
    clip_id text,
    category text,
    rule text,
    hold_reason text,
    hold text                           -- which hold; null: recorded before headers said so
);

CREATE INDEX counted_deeds_by_clip ON counted_deeds (clip_id, type) INCLUDE (index, category, hold_reason, hold);

CREATE INDEX counted_deeds_by_time ON counted_deeds (type, at) INCLUDE (index, verb, clip_id, rule, hold_reason);

-- The same, from payloads that are about no clip and so stay: how far submissions came, and what was in them.
CREATE TABLE counted_submissions (
    index bigint PRIMARY KEY,
    what text NOT NULL,                 -- prepared, sent, acknowledged
    at timestamptz NOT NULL,
    submission_id text NOT NULL,
    case_id text NOT NULL,
    recipient text,                     -- of prepared, as the next
    footage text                        -- recorded, not_recorded
);

CREATE INDEX counted_submissions_by_time ON counted_submissions (what, at) INCLUDE (index, submission_id, case_id);

CREATE INDEX counted_submissions_by_id ON counted_submissions (submission_id, what);

CREATE TABLE counted_items (
    index bigint NOT NULL,
    submission_id text NOT NULL,
    clip_id text NOT NULL,
    PRIMARY KEY (submission_id, clip_id)
);

-- The same: what became of the defendants of a case, and what was taken back.
CREATE TABLE counted_outcomes (
    index bigint PRIMARY KEY,
    case_id text NOT NULL,
    of_whom text NOT NULL,              -- labels of defendant and offence, never a name
    outcome text NOT NULL,
    happened date NOT NULL,
    withdrawn boolean NOT NULL
);

CREATE INDEX counted_outcomes_by_case ON counted_outcomes (case_id);

-- The same: each time that an encounter was set against the clips of the officers present; the newest counts.
CREATE TABLE counted_encounters (
    index bigint PRIMARY KEY,
    encounter_id text NOT NULL,
    version int NOT NULL,
    kind text NOT NULL,                 -- stop_search, stop_account, use_of_force
    at timestamptz NOT NULL,
    bcu text,
    borough text,
    officers int NOT NULL,              -- who were present
    filmed int NOT NULL                 -- of them, those with a clip of their own
);

CREATE INDEX counted_encounters_by_id ON counted_encounters (encounter_id, version, index);

CREATE INDEX counted_encounters_by_time ON counted_encounters (at);

CREATE TABLE counted_gaps (
    index bigint NOT NULL,
    number int NOT NULL,
    kind text NOT NULL,                 -- none, late, early, muted
    explained text,                     -- camera (its event log), officer (a reason was given); null: open
    PRIMARY KEY (index, number)
);

-- What an entry's payload says; null where it says nothing that can be read.
CREATE FUNCTION told(payload bytea, entry text) RETURNS jsonb LANGUAGE sql IMMUTABLE
AS $$ SELECT CASE WHEN entry::jsonb->>'unreadable' IS NOT NULL THEN NULL
    WHEN pg_input_is_valid(convert_from(payload, 'UTF8'), 'jsonb') THEN convert_from(payload, 'UTF8')::jsonb END $$;

-- What figures read: each table as it was when the log had `size` entries.
CREATE FUNCTION recordings_at(size bigint) RETURNS SETOF counted_recordings LANGUAGE sql STABLE
AS $$ SELECT * FROM counted_recordings WHERE index < size $$;

CREATE FUNCTION deeds_at(size bigint) RETURNS SETOF counted_deeds LANGUAGE sql STABLE
AS $$ SELECT * FROM counted_deeds WHERE index < size $$;

CREATE FUNCTION submissions_at(size bigint) RETURNS SETOF counted_submissions LANGUAGE sql STABLE
AS $$ SELECT * FROM counted_submissions WHERE index < size $$;

CREATE FUNCTION items_at(size bigint) RETURNS SETOF counted_items LANGUAGE sql STABLE
AS $$ SELECT * FROM counted_items WHERE index < size $$;

-- Without what was taken back; recorded again, it counts again.
CREATE FUNCTION outcomes_at(size bigint) RETURNS SETOF counted_outcomes LANGUAGE sql STABLE
AS $$ SELECT * FROM (
    SELECT DISTINCT ON (case_id, of_whom, outcome, happened) * FROM counted_outcomes WHERE index < size
    ORDER BY case_id, of_whom, outcome, happened, index DESC
) newest WHERE NOT withdrawn $$;

-- A month has few encounters, so whether a row is the newest of its encounter is asked of each.
CREATE FUNCTION encounters_at(size bigint) RETURNS SETOF counted_encounters LANGUAGE sql STABLE
AS $$ SELECT * FROM counted_encounters one WHERE index < size AND NOT EXISTS (
    SELECT FROM counted_encounters other WHERE other.encounter_id = one.encounter_id AND other.index < size
    AND (other.version, other.index) > (one.version, one.index)
) $$;

CREATE FUNCTION gaps_at(size bigint) RETURNS SETOF counted_gaps LANGUAGE sql STABLE
AS $$ SELECT * FROM counted_gaps WHERE index < size $$;

-- Written by encounters alone: what was last told of each encounter's join, so that only changes are told.
CREATE TABLE encounter_told (
    encounter_id text PRIMARY KEY,
    telling int NOT NULL,               -- counts what was told of it, from 1
    joined jsonb NOT NULL
);

-- Marked by whatever changes an encounter's join, emptied by whoever tells of it.
CREATE TABLE encounter_untold (encounter_id text PRIMARY KEY);

CREATE FUNCTION encounter_untold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO encounter_untold SELECT DISTINCT encounter_id FROM changed ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER encounter_untold AFTER INSERT ON encounters REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION encounter_untold();

CREATE TRIGGER encounter_untold_again AFTER UPDATE ON encounters REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION encounter_untold();

CREATE TRIGGER encounter_untold AFTER INSERT ON encounter_gaps REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION encounter_untold();

CREATE TRIGGER encounter_untold_again AFTER UPDATE ON encounter_gaps REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION encounter_untold();

CREATE TRIGGER encounter_untold_over AFTER DELETE ON encounter_gaps REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION encounter_untold()
