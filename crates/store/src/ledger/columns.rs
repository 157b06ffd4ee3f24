//! The columns of each table, once: for writing, for comparing, for putting a refold in its place.

/// A table of the ledger.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// What names a row.
    pub(crate) key: &'static [&'static str],
    /// All columns that are written, the key among them.
    pub(crate) columns: &'static [&'static str],
    /// Which rows the fold owns.
    pub(crate) owned: &'static str,
}

macro_rules! table {
    ($name:literal, [$($key:literal),*], [$($column:literal),* $(,)?], $owned:literal) => {
        Table { name: $name, key: &[$($key),*], columns: &[$($column),*], owned: $owned }
    };
}

#[rustfmt::skip]
pub(crate) const INSTRUMENTS: Table = table!("instruments", ["id"],
    ["id", "symbol", "version", "price_decimals", "qty_decimals", "tick_size", "lot_size", "method"], "TRUE");
pub(crate) const ACCOUNTS: Table = table!("accounts", ["id"], ["id", "name"], "TRUE");
pub(crate) const PLANS: Table = table!("plans", ["id"], ["id", "name"], "TRUE");
#[rustfmt::skip]
pub(crate) const ORDERS: Table = table!("orders", ["order_id"],
    ["order_id", "episode", "exit_no", "leg", "slice", "attempt", "kind", "qty", "filled", "price",
     "trigger_price", "reason", "source", "exit_type", "state", "intended_ns", "intended_at", "accepted_ns",
     "traded_ns", "ended_ns"], "TRUE");
#[rustfmt::skip]
pub(crate) const FILLS: Table = table!("fills", ["order_id", "number"],
    ["order_id", "number", "episode", "at_ns", "at", "qty", "price", "fee", "cost", "entry_fees", "funding",
     "remaining", "reason", "source", "exit_type"], "TRUE");
#[rustfmt::skip]
pub(crate) const EPISODES: Table = table!("episodes", ["episode"],
    ["episode", "account", "symbol", "side", "generation", "plan", "position_id", "strategy", "snapshot_id",
     "opened_ns", "opened_at", "closed_ns", "closed_at", "initial_qty", "largest_qty", "entered_qty",
     "entry_cost", "entry_average", "closed_qty", "gross", "fees", "funding", "net_pnl", "net_nano", "net_atto",
     "headline", "unprotected_ns", "unprotected_longest_ns", "naked_ns", "naked_longest_ns"], "TRUE");
#[rustfmt::skip]
pub(crate) const TRADES: Table = table!("trade_records", ["order_id"],
    ["order_id", "parent_id", "parent_ids", "symbol", "side", "position_side", "order_time", "order_time_ns",
     "price", "size", "pnl_usd", "total_fees_usd", "trigger", "order_type", "status", "source",
     "cost_basis_usd", "sale_proceeds_usd", "net_sale_proceeds_usd", "remaining_size", "ingest_via",
     "last_reconciled_at", "last_reconciled_via", "exit_reason", "exit_source", "exit_type", "closes",
     "account", "episode", "position_id", "strategy", "snapshot_id", "fills", "funding_usd", "pnl_nano",
     "pnl_atto", "gross_nano", "gross_atto", "fees_nano", "fees_atto", "funding_nano", "funding_atto", "note"],
    "ingest_via <> 'adopted'");
#[rustfmt::skip]
pub(crate) const ALLOCATIONS: Table = table!("fifo_allocations", ["sell_order_id", "allocation_version", "part"],
    ["sell_order_id", "part", "buy_order_id", "symbol", "allocated_size", "buy_price", "sell_price",
     "buy_fees_per_unit", "sell_fees_per_unit", "cost_basis_usd", "proceeds_usd", "net_proceeds_usd", "pnl_usd",
     "buy_time_ns", "sell_time_ns", "allocation_version", "allocation_batch", "notes"], "TRUE");
#[rustfmt::skip]
pub(crate) const BRACKETS: Table = table!("brackets", ["entry_order_id"],
    ["entry_order_id", "episode", "stop_order_id", "tp_order_id", "stop_price", "tp_price", "entry_price",
     "entry_time_ns", "entry_time", "side", "status", "source", "verified_ns", "verified_at"], "TRUE");
pub(crate) const FAULTS: Table = table!("ledger_faults", ["seq"], ["seq", "fault"], "TRUE");

/// Every table that the fold writes.
pub(crate) const TABLES: [&Table; 10] =
    [&INSTRUMENTS, &ACCOUNTS, &PLANS, &ORDERS, &FILLS, &EPISODES, &TRADES, &ALLOCATIONS, &BRACKETS, &FAULTS];

/// Columns of a trade record that a fold does not give: they say who looked later.
const KEPT: [&str; 2] = ["last_reconciled_at", "last_reconciled_via"];

fn quoted(columns: &[&str]) -> String {
    columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ")
}

impl Table {
    /// All its columns, with commas.
    pub(crate) fn list(&self) -> String {
        quoted(self.columns)
    }

    /// Its key, with commas.
    pub(crate) fn key_list(&self) -> String {
        quoted(self.key)
    }

    /// Puts a row in.
    pub(crate) fn insert(&self) -> String {
        let marks = vec!["?"; self.columns.len()].join(", ");
        format!("INSERT INTO {} ({}) VALUES ({marks})", self.name, self.list())
    }

    /// Puts a row in, or in the place of the one with its key. A source that says something stays.
    pub(crate) fn upsert(&self) -> String {
        let set: Vec<String> = self
            .columns
            .iter()
            .filter(|column| !self.key.contains(column) && !KEPT.contains(column))
            .map(|column| match (self.name, *column) {
                ("trade_records", "source") => "source = CASE WHEN lower(trim(trade_records.source)) IN \
                     ('', 'unknown', 'reconciled') THEN excluded.source ELSE trade_records.source END"
                    .to_owned(),
                _ => format!("\"{column}\" = excluded.\"{column}\""),
            })
            .collect();
        // A row that the fold does not own stays as it is, whoever has the same id.
        let owned = self.owned.replace("ingest_via", "trade_records.ingest_via");
        format!(
            "{} ON CONFLICT ({}) DO UPDATE SET {} WHERE {owned}",
            self.insert(),
            self.key_list(),
            set.join(", ")
        )
    }
}
