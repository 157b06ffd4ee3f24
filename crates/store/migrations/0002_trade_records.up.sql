-- Trade records, of this ledger and of tables that were adopted: one definition for both.
CREATE TABLE trade_records (
    order_id              TEXT PRIMARY KEY,
    parent_id             TEXT,
    parent_ids            TEXT NOT NULL CHECK (json_type(parent_ids) = 'array'),
    symbol                TEXT NOT NULL,
    side                  TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
    position_side         TEXT NOT NULL CHECK (position_side IN ('long', 'short')),
    order_time            TEXT NOT NULL,
    order_time_ns         INTEGER NOT NULL,
    price                 TEXT,
    size                  TEXT,
    pnl_usd               TEXT,
    realized_profit       TEXT GENERATED ALWAYS AS (pnl_usd) VIRTUAL,
    total_fees_usd        TEXT,
    "trigger"             TEXT NOT NULL CHECK (coalesce(json_type("trigger", '$.trigger'), '') = 'text'),
    order_type            TEXT NOT NULL,
    status                TEXT NOT NULL,
    source                TEXT NOT NULL,
    cost_basis_usd        TEXT,
    sale_proceeds_usd     TEXT,
    net_sale_proceeds_usd TEXT,
    remaining_size        TEXT,
    ingest_via            TEXT NOT NULL,
    last_reconciled_at    TEXT,
    last_reconciled_via   TEXT,
    exit_reason           TEXT,
    exit_source           TEXT,
    exit_type             TEXT,
    closes                INTEGER NOT NULL CHECK (closes IN (0, 1)),
    account               INTEGER,
    episode               TEXT,
    position_id           TEXT,
    strategy              TEXT,
    snapshot_id           TEXT,
    fills                 INTEGER NOT NULL,
    funding_usd           TEXT,
    pnl_nano              INTEGER,
    pnl_atto              INTEGER,
    gross_nano            INTEGER,
    gross_atto            INTEGER,
    fees_nano             INTEGER,
    fees_atto             INTEGER,
    funding_nano          INTEGER,
    funding_atto          INTEGER,
    note                  TEXT,
    -- Only a row from before the column closes without a reason; an opening has none.
    CHECK (closes = (exit_reason IS NOT NULL) OR (closes = 1 AND ingest_via = 'adopted')),
    CHECK (ingest_via = 'adopted' OR (price IS NOT NULL AND size IS NOT NULL)),
    CHECK (ingest_via = 'adopted' OR pnl_usd IS NULL OR closes = 1)
) STRICT, WITHOUT ROWID;
CREATE INDEX trade_records_symbol ON trade_records (symbol, order_time_ns);
CREATE INDEX trade_records_exit_reason ON trade_records (exit_reason, order_time_ns)
    WHERE exit_reason IS NOT NULL;
-- A report reads this index alone, position by position.
CREATE INDEX trade_records_report ON trade_records (episode, exit_reason, exit_source, symbol, strategy,
    order_time_ns, fills, pnl_nano, pnl_atto, gross_nano, gross_atto, fees_nano, fees_atto, funding_nano, funding_atto)
    WHERE exit_reason IS NOT NULL;

-- The words of earlier systems over (reason, source).
CREATE VIEW exit_vocabulary AS
SELECT order_id, order_time, symbol, position_side, pnl_usd, pnl_nano, exit_reason, exit_source, exit_type,
    CASE WHEN exit_reason IN ('HARD_STOP', 'SOFT_STOP', 'SIGNAL_EXIT', 'TRAILING_STOP', 'TAKE_PROFIT')
        THEN exit_reason ELSE 'MANUAL' END AS exit_code,
    CASE WHEN exit_source <> 'EXCHANGE_BRACKET' THEN exit_reason
        WHEN exit_reason = 'TAKE_PROFIT' THEN 'BRACKET_TP' ELSE 'BRACKET_STOP' END AS log_reason,
    CASE WHEN exit_source = 'EXCHANGE_BRACKET' AND exit_reason = 'TAKE_PROFIT' THEN 'EXCHANGE_BRACKET_TP'
        WHEN exit_source = 'EXCHANGE_BRACKET' THEN 'EXCHANGE_BRACKET_STOP'
        WHEN exit_source = 'EMERGENCY_STOP' THEN 'POSITION_MONITOR_HARD'
        WHEN exit_source <> 'POSITION_MONITOR' THEN 'UNKNOWN'
        WHEN exit_reason IN ('SOFT_STOP', 'STOP_LOSS') THEN 'POSITION_MONITOR_SOFT'
        WHEN exit_reason = 'TRAILING_STOP' THEN 'POSITION_MONITOR_TRAILING'
        WHEN exit_reason = 'SIGNAL_EXIT' THEN 'POSITION_MONITOR_SIGNAL'
        WHEN exit_reason = 'TAKE_PROFIT' THEN 'POSITION_MONITOR_TP'
        ELSE 'UNKNOWN' END AS exit_source_code
FROM trade_records
WHERE exit_reason IS NOT NULL;
