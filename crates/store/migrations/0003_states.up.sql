-- What folds besides the core remember behind a record, so that a start need not read everything:
-- the ledger's fold, and what the service tells. Derived from the journal, and derivable again.
CREATE TABLE states (
    name    TEXT NOT NULL,
    seq     INTEGER NOT NULL CHECK (seq > 0),
    version INTEGER NOT NULL,
    record  BLOB NOT NULL CHECK (length(record) = 32),
    body    BLOB NOT NULL,
    hash    BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (name, seq)
) STRICT;
