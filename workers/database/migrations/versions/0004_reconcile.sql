-- Written by record alone: what `bwv reconcile` stated, and signed.
CREATE TABLE reconciliations (
    event_id text PRIMARY KEY,
    day date,                           -- null: every day
    dock text,                          -- null: every dock
    stated_at timestamptz NOT NULL,
    declared bigint NOT NULL,           -- recordings that signed inventories list
    stored bigint NOT NULL,             -- of those, whole in the vault
    verified bigint NOT NULL,           -- of those, read back in full
    unexplained bigint NOT NULL,        -- differences; each has a name in the statement
    statement jsonb NOT NULL            -- with its signature, verbatim
);

CREATE INDEX reconciliations_by_time ON reconciliations (stated_at DESC);

CREATE INDEX dockings_by_time ON dockings (docked_at);

CREATE INDEX dockings_by_dock ON dockings (dock, docked_at);

CREATE INDEX outbox_by_key ON outbox (key);

CREATE INDEX rejections_by_recording ON rejections (camera, recording)
