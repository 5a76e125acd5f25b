-- Written by intake alone. Who may sign, and since when not.
CREATE TABLE enrolled_keys (
    id text PRIMARY KEY,
    role text NOT NULL,
    owner text NOT NULL,
    public text NOT NULL,               -- base64; empty for a camera that cannot sign
    enrolled_at timestamptz NOT NULL,
    enrolled_by text NOT NULL,
    revoked_at timestamptz,
    revoked_by text,
    reason text
);

CREATE INDEX enrolled_keys_by_owner ON enrolled_keys (role, owner);

-- Written by intake alone. The newest docking of each camera and every running number it ever declared.
CREATE TABLE cameras (
    camera text PRIMARY KEY,
    docking bigint NOT NULL,
    dock text NOT NULL,
    bay text NOT NULL,
    docked_at timestamptz NOT NULL,
    inventory text,                     -- SHA-256 of the newest inventory
    sequences int8multirange NOT NULL DEFAULT '{}',
    urgent_until timestamptz
);

-- Written by intake alone. Each signed inventory, verbatim: what conservation is checked against.
CREATE TABLE dockings (
    camera text NOT NULL,
    docking bigint NOT NULL,
    dock text NOT NULL,
    bay text NOT NULL,
    docked_at timestamptz NOT NULL,
    sha256 text NOT NULL,
    previous text,
    inventory text NOT NULL,            -- the signed body
    key text NOT NULL,
    signature text NOT NULL,
    PRIMARY KEY (camera, docking)
);

-- Written by intake alone. Which bytes were ever declared under which name.
CREATE TABLE declared (
    camera text NOT NULL,
    recording text NOT NULL,
    sha256 text NOT NULL,
    size bigint NOT NULL,
    clip_id text NOT NULL UNIQUE,
    PRIMARY KEY (camera, recording, sha256, size)
);

-- One row a clip: the row decides. Changed only by the moves of workers/fate/moves.py.
CREATE TABLE clip_fate (
    clip_id text PRIMARY KEY,
    camera text NOT NULL,
    recording text NOT NULL,
    standing text NOT NULL,
    attempt int NOT NULL DEFAULT 1,
    interrupted boolean NOT NULL DEFAULT false,
    urgent boolean NOT NULL DEFAULT false,
    docking bigint NOT NULL,
    report jsonb NOT NULL,              -- the signed report of the newest docking, verbatim
    declaration jsonb,                  -- a person's signed acceptance of other bytes
    conflict_with text,                 -- the clip that first had this camera and recording
    stored_version text,
    verified_version text,
    receipt jsonb,                      -- the signed receipt, so that a repeat is answered with the same bytes
    camera_copy text NOT NULL DEFAULT 'present',
    hold_reasons text[] NOT NULL DEFAULT '{}',
    disposal text,
    category_history jsonb NOT NULL DEFAULT '[]',
    dispose_from timestamptz,
    lease_end timestamptz,
    quarantine jsonb,                   -- what differed, and under which key the bytes lie
    decision jsonb,                     -- a person's signed decision about the quarantine
    registered_at timestamptz NOT NULL DEFAULT now(),
    moved_at timestamptz NOT NULL DEFAULT now(),
    CHECK (standing IN ('registered', 'secured', 'verified', 'released', 'quarantined', 'damaged')),
    CHECK (camera_copy IN ('present', 'wiped', 'unknown')),
    CHECK (disposal IN ('intended', 'committed', 'done'))
);

CREATE INDEX clip_fate_by_camera ON clip_fate (camera, recording);

CREATE INDEX clip_fate_unfinished ON clip_fate (standing, registered_at) WHERE standing NOT IN ('released');

-- Multipart uploads that transfer began, so that none is left behind.
CREATE TABLE open_uploads (
    key text PRIMARY KEY,
    upload_id text NOT NULL,
    clip_id text NOT NULL,
    attempt int NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now()
);

-- Events decided together with a move; the relay publishes them in order and marks them sent.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    event_id text NOT NULL UNIQUE,
    subject text NOT NULL,
    source text NOT NULL,
    time timestamptz NOT NULL DEFAULT now(),
    body bytea NOT NULL,
    sent_at timestamptz
);

CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;

-- Wakes the relay; one notification a statement, delivered at commit.
CREATE FUNCTION outbox_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify(TG_TABLE_SCHEMA || '.outbox', ''); RETURN NULL; END $$;

CREATE TRIGGER outbox_notify AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION outbox_notify();

-- Written by record alone: the append-only custody log.
CREATE TABLE custody (
    index bigint PRIMARY KEY,
    event_id text NOT NULL,
    type text NOT NULL,
    clip_id text,
    camera text,
    verb text NOT NULL,                 -- DPA 2018 s.62
    person text,
    time timestamptz NOT NULL,
    entry text NOT NULL,                -- canonical JSON: the header and the payload's digest
    leaf bytea NOT NULL,                -- SHA-256(0x00 || entry), RFC 9162
    payload bytea,                      -- the message's body; erased with the clip
    salt bytea NOT NULL,                -- keeps the digest of a short payload from being guessed
    topic text NOT NULL,
    partition int NOT NULL,
    "offset" bigint NOT NULL,
    conflicts_with bigint               -- the entry that has this event id with other bytes
);

CREATE UNIQUE INDEX custody_event ON custody (event_id) WHERE conflicts_with IS NULL;

CREATE UNIQUE INDEX custody_position ON custody (topic, partition, "offset");

CREATE INDEX custody_by_clip ON custody (clip_id, index);

CREATE INDEX custody_by_camera ON custody (camera, index);

CREATE RULE custody_keeps_entries AS ON DELETE TO custody DO INSTEAD NOTHING;

CREATE TABLE custody_head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    size bigint NOT NULL
);

INSERT INTO custody_head (size) VALUES (0);

CREATE TABLE record_offsets (
    topic text NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- The catalogue: projections made by record, each event filling columns of its own.
CREATE TABLE clips (
    clip_id text PRIMARY KEY,
    camera text,
    recording text,
    source_type text,
    kind text,
    dock text,
    bay text,
    docking bigint,
    docked_at timestamptz,
    size bigint,
    sha256 text,
    recorded_at timestamptz,
    ended_at timestamptz,
    clock_offset double precision,
    owner text,
    incident text,
    trigger text,
    incomplete boolean,
    preroll jsonb,
    registered_at timestamptz,
    secured_at timestamptz,
    stored_version text,
    interrupted_at timestamptz,
    readback_failed_at timestamptz,
    verified_at timestamptz,
    verified_version text,
    released_at timestamptz,
    wiped_at timestamptz,
    quarantined_at timestamptz,
    quarantine jsonb,
    decided_at timestamptz,
    decision jsonb,
    probed_at timestamptz,
    probe jsonb
);

CREATE INDEX clips_by_camera ON clips (camera, recorded_at);

CREATE TABLE rejections (
    event_id text PRIMARY KEY,
    time timestamptz NOT NULL,
    dock text,
    camera text,
    recording text,
    code text NOT NULL,
    reason text NOT NULL,
    action text NOT NULL
);

CREATE TABLE camera_holders (
    event_id text PRIMARY KEY,
    camera text NOT NULL,
    officer text,                       -- null: returned
    time timestamptz NOT NULL,
    person text NOT NULL
);

CREATE INDEX camera_holders_by_camera ON camera_holders (camera, time);

CREATE TABLE attributions (
    event_id text PRIMARY KEY,
    clip_id text NOT NULL,
    officer text NOT NULL,
    reason text NOT NULL,
    person text NOT NULL,
    time timestamptz NOT NULL
);

CREATE TABLE gaps (
    event_id text PRIMARY KEY,
    camera text NOT NULL,
    docking bigint NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    time timestamptz NOT NULL
);

-- The officer of a clip: a signed correction, else whoever held the camera when it recorded.
CREATE VIEW clip_officers AS
SELECT clip_id,
       COALESCE(
           (SELECT officer FROM attributions a WHERE a.clip_id = c.clip_id ORDER BY time DESC, event_id DESC LIMIT 1),
           (SELECT officer FROM camera_holders h WHERE h.camera = c.camera AND h.time <= c.recorded_at
            ORDER BY time DESC, event_id DESC LIMIT 1)
       ) AS officer
FROM clips c
