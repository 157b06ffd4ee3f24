-- The ledger: derived from the journal, in the journal's own transaction, and derivable again.
-- Prices, quantities and money are decimal text, exact. Money that is summed stands beside it as two
-- integers: nanos (10^-9, rounded down) and attos (what is left, 10^-18); both sums together are exact.
-- Times are nanoseconds since 1970 UTC; where people ask by date, text stands beside them.

CREATE TABLE ledger_state (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    folded_seq INTEGER NOT NULL
) STRICT;
INSERT INTO ledger_state (id, folded_seq) VALUES (1, 0);

-- How an instrument's profit is counted, where it is not by average cost.
CREATE TABLE ledger_methods (
    symbol TEXT PRIMARY KEY,
    method TEXT NOT NULL CHECK (method IN ('average_cost', 'fifo'))
) STRICT, WITHOUT ROWID;

-- Facts that no row could be made of.
CREATE TABLE ledger_faults (
    seq   INTEGER PRIMARY KEY,
    fault TEXT NOT NULL
) STRICT;

CREATE TABLE instruments (
    id             INTEGER PRIMARY KEY,
    symbol         TEXT NOT NULL,
    version        INTEGER NOT NULL,
    price_decimals INTEGER NOT NULL,
    qty_decimals   INTEGER NOT NULL,
    tick_size      TEXT NOT NULL,
    lot_size       TEXT NOT NULL,
    method         TEXT NOT NULL
) STRICT;

CREATE TABLE accounts (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE plans (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE orders (
    order_id      TEXT PRIMARY KEY,
    episode       TEXT NOT NULL,
    exit_no       INTEGER NOT NULL,
    leg           INTEGER NOT NULL,
    slice         INTEGER NOT NULL,
    attempt       INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    qty           TEXT NOT NULL,
    filled        TEXT NOT NULL,
    price         TEXT,
    trigger_price TEXT NOT NULL,
    reason        TEXT NOT NULL,
    source        TEXT NOT NULL,
    exit_type     TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN
        ('sent', 'working', 'part_filled', 'filled', 'refused', 'expired', 'cancelled', 'unknown', 'blocked')),
    intended_ns   INTEGER NOT NULL,
    intended_at   TEXT NOT NULL,
    accepted_ns   INTEGER,
    traded_ns     INTEGER,
    ended_ns      INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_episode ON orders (episode);

CREATE TABLE fills (
    order_id   TEXT NOT NULL,
    number     INTEGER NOT NULL CHECK (number > 0),
    episode    TEXT NOT NULL,
    at_ns      INTEGER NOT NULL,
    at         TEXT NOT NULL,
    qty        TEXT NOT NULL,
    price      TEXT NOT NULL,
    fee        TEXT NOT NULL,
    cost       TEXT NOT NULL,
    entry_fees TEXT NOT NULL,
    funding    TEXT NOT NULL,
    remaining  TEXT NOT NULL,
    reason     TEXT NOT NULL,
    source     TEXT NOT NULL,
    exit_type  TEXT NOT NULL,
    PRIMARY KEY (order_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX fills_episode ON fills (episode);

-- A fill is a fact: whoever writes it again must write the same.
CREATE TRIGGER fills_are_facts BEFORE UPDATE ON fills
WHEN (old.episode, old.at_ns, old.qty, old.price, old.fee, old.cost, old.entry_fees, old.funding,
      old.remaining, old.reason, old.source, old.exit_type)
  IS NOT (new.episode, new.at_ns, new.qty, new.price, new.fee, new.cost, new.entry_fees, new.funding,
      new.remaining, new.reason, new.source, new.exit_type)
BEGIN
    SELECT RAISE(ABORT, 'a fill is a fact and cannot be changed');
END;

CREATE TABLE episodes (
    episode       TEXT PRIMARY KEY,
    account       INTEGER NOT NULL,
    symbol        TEXT NOT NULL,
    side          TEXT NOT NULL CHECK (side IN ('long', 'short')),
    generation    INTEGER NOT NULL,
    plan          INTEGER NOT NULL,
    position_id   TEXT,
    strategy      TEXT,
    snapshot_id   TEXT,
    opened_ns     INTEGER NOT NULL,
    opened_at     TEXT NOT NULL,
    closed_ns     INTEGER,
    closed_at     TEXT,
    initial_qty   TEXT NOT NULL,
    largest_qty   TEXT NOT NULL,
    entered_qty   TEXT NOT NULL,
    entry_cost    TEXT NOT NULL,
    entry_average TEXT,
    closed_qty    TEXT NOT NULL,
    gross         TEXT,
    fees          TEXT,
    funding       TEXT,
    net_pnl       TEXT,
    net_nano      INTEGER,
    net_atto      INTEGER,
    headline      TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX episodes_position ON episodes (position_id);

-- Protection at the exchange. Its rows come with the records of brackets.
CREATE TABLE brackets (
    entry_order_id TEXT PRIMARY KEY,
    episode        TEXT NOT NULL,
    stop_order_id  TEXT,
    tp_order_id    TEXT,
    stop_price     TEXT,
    tp_price       TEXT,
    entry_price    TEXT NOT NULL,
    entry_time_ns  INTEGER NOT NULL,
    entry_time     TEXT NOT NULL,
    side           TEXT NOT NULL CHECK (side IN ('long', 'short')),
    status         TEXT NOT NULL,
    source         TEXT NOT NULL,
    verified_ns    INTEGER,
    verified_at    TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE fifo_allocations (
    sell_order_id      TEXT NOT NULL,
    part               INTEGER NOT NULL,
    buy_order_id       TEXT,
    symbol             TEXT NOT NULL,
    allocated_size     TEXT NOT NULL,
    buy_price          TEXT,
    sell_price         TEXT,
    buy_fees_per_unit  TEXT,
    sell_fees_per_unit TEXT,
    cost_basis_usd     TEXT,
    proceeds_usd       TEXT NOT NULL,
    net_proceeds_usd   TEXT NOT NULL,
    pnl_usd            TEXT,
    buy_time_ns        INTEGER,
    sell_time_ns       INTEGER NOT NULL,
    allocation_version INTEGER NOT NULL,
    allocation_batch   INTEGER NOT NULL,
    notes              TEXT,
    PRIMARY KEY (sell_order_id, allocation_version, part),
    UNIQUE (sell_order_id, buy_order_id, allocation_version),
    CHECK (buy_time_ns IS NULL OR buy_time_ns <= sell_time_ns),
    CHECK (buy_order_id IS NOT NULL OR (pnl_usd IS NULL AND notes IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX fifo_allocations_buy ON fifo_allocations (buy_order_id);
