-- The journal: every record with its hash, never changed, never deleted.
CREATE TABLE journal (
    seq      INTEGER PRIMARY KEY CHECK (seq > 0),
    scope    INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    at_ns    INTEGER NOT NULL,
    kind     INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    config   BLOB NOT NULL CHECK (length(config) = 32),
    payload  BLOB NOT NULL,
    previous BLOB NOT NULL CHECK (length(previous) = 32),
    hash     BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- All fills, all orders, without reading the rest.
CREATE INDEX journal_kind ON journal (kind, seq);

-- Where the journal ends, written with its last record: a lost end is seen.
CREATE TABLE meta (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    scope      INTEGER NOT NULL,
    head_seq   INTEGER NOT NULL,
    head_epoch INTEGER NOT NULL,
    head_hash  BLOB NOT NULL CHECK (length(head_hash) = 32)
) STRICT;

-- The core's state behind a record, so that a start need not read everything.
CREATE TABLE snapshots (
    seq     INTEGER PRIMARY KEY CHECK (seq > 0),
    version INTEGER NOT NULL,
    record  BLOB NOT NULL CHECK (length(record) = 32),
    body    BLOB NOT NULL,
    hash    BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
