-- The RFC 9162 tree over custody.leaf in C2SP tiles: 256 hashes each, the last of each level may be partial.
CREATE TABLE custody_tiles (
    level smallint NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0),
    PRIMARY KEY (level, number)
);

-- Each size at which the log was, or is being, sealed into the vault. One at a time is unfinished.
CREATE TABLE custody_seals (
    size bigint PRIMARY KEY,
    previous bigint NOT NULL,           -- the size sealed before; 0 at first
    root bytea NOT NULL,
    offsets jsonb NOT NULL,             -- (topic, partition, next offset), as they stood at this size
    decided_at timestamptz NOT NULL DEFAULT now(),
    checkpoint text,                    -- the signed note, once it lies in the vault
    sealed_at timestamptz
);

CREATE UNIQUE INDEX custody_seals_unfinished ON custody_seals ((true)) WHERE sealed_at IS NULL;

-- RFC 3161: one token a day over a sealed checkpoint; token is null while the authority has not answered.
CREATE TABLE custody_timestamps (
    day date PRIMARY KEY,
    size bigint NOT NULL,
    checkpoint text NOT NULL,
    token bytea,
    taken_at timestamptz
);

-- An entry whose payload went with its clip: what only the payload's object knew is gone too.
ALTER TABLE custody ALTER salt DROP NOT NULL, ALTER topic DROP NOT NULL, ALTER partition DROP NOT NULL,
    ALTER "offset" DROP NOT NULL;

-- Each time that the database was made again from the vault. Until it is found green, nothing is disposed of.
CREATE TABLE rebuilds (
    at timestamptz PRIMARY KEY DEFAULT now(),
    sealed bigint NOT NULL,             -- entries that came from the vault
    size bigint NOT NULL,               -- entries after Kafka's tail
    green_at timestamptz
);
