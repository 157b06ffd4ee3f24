//! The areas: which keys each knows, and who answers it.

use serde_json::{Map, Value};

use crate::areas::{atr, exits, foreign, formulas, guards, ladder, levels, money, monitor};
use crate::case::Case;

/// What a runner says to a case.
#[derive(Debug)]
pub(crate) enum Answer {
    /// What came out of the core.
    Got(Box<Answered>),
    /// The core does not have this yet.
    Waits(&'static str),
}

/// What came out of the core, under the names that cases use.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    pub(crate) got: Map<String, Value>,
    pub(crate) steps: Vec<Map<String, Value>>,
    pub(crate) rulings: Vec<Ruling>,
}

/// A field about which Ripcord decides otherwise than the source of the case.
#[derive(Debug)]
pub(crate) struct Ruling {
    pub(crate) path: String,
    /// What Ripcord's design expects there; `None` when the field has no meaning in it.
    pub(crate) is: Option<Value>,
    pub(crate) why: &'static str,
}

impl Answered {
    /// Adds one field.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.got.insert(key.to_owned(), value.into());
        self
    }

    /// Adds a decision of Ripcord against the source.
    pub(crate) fn ruled(mut self, path: &str, is: Option<Value>, why: &'static str) -> Self {
        self.rulings.push(Ruling { path: path.to_owned(), is, why });
        self
    }

    pub(crate) fn done(self) -> Result<Answer, String> {
        Ok(Answer::Got(Box::new(self)))
    }
}

/// Who answers the cases of an area.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Handling {
    /// This function, through the core.
    Runs(fn(&Case) -> Result<Answer, String>),
    /// Nobody yet: it joins with the part named.
    Later(&'static str),
    /// Nobody: the product decided against it.
    Never(&'static str),
}

/// An area of cases.
#[derive(Debug)]
pub(crate) struct Area {
    pub(crate) name: &'static str,
    pub(crate) handling: Handling,
    /// Every input key, `object.key` for those inside; empty when nobody reads them.
    pub(crate) inputs: &'static [&'static str],
    /// Every key of a step.
    pub(crate) steps: &'static [&'static str],
}

const fn runs(
    name: &'static str,
    run: fn(&Case) -> Result<Answer, String>,
    inputs: &'static [&'static str],
) -> Area {
    Area { name, handling: Handling::Runs(run), inputs, steps: &[] }
}

const fn later(name: &'static str, with: &'static str) -> Area {
    Area { name, handling: Handling::Later(with), inputs: &[], steps: &[] }
}

const fn never(name: &'static str, why: &'static str) -> Area {
    Area { name, handling: Handling::Never(why), inputs: &[], steps: &[] }
}

/// Every area that is known; another one in a file is an error.
pub(crate) const AREAS: &[Area] = &[
    Area {
        name: "tp_ladder",
        handling: Handling::Runs(ladder::tp_ladder),
        inputs: &[
            "side",
            "entry",
            "size",
            "tp_levels",
            "tp_fractions",
            "initial_sl",
            "fraction_basis",
            "set_remaining_sequence",
            "prices_per_cycle",
        ],
        steps: &["tick_price"],
    },
    runs("tp_fractions", ladder::tp_fractions, &["tp_levels", "tp_fractions"]),
    runs(
        "sl_ratchet",
        ladder::sl_ratchet,
        &[
            "side",
            "entry",
            "active_sl",
            "tp_hits_count",
            "tp_levels",
            "triggered_legs",
            "remaining_size",
            "ratchet_enabled",
        ],
    ),
    runs(
        "loss_guard",
        guards::loss_guard,
        &[
            "side",
            "entry",
            "price",
            "size",
            "unrealized_pnl_pct",
            "threshold_pct",
            "already_triggered",
            "pnl_basis",
            "leverage",
        ],
    ),
    runs("trigger", levels::trigger, &["side", "price", "active_sl", "tp_price"]),
    runs(
        "risk_floor",
        formulas::risk_floor,
        &["side", "entry", "leverage", "strategic_sl", "max_margin_loss_pct", "min_stop_distance_pct"],
    ),
    runs(
        "tp_profile",
        levels::tp_profile,
        &[
            "side",
            "entry",
            "r_multiple",
            "sl_distance_pct",
            "profile",
            "leg",
            "leg.r",
            "leg.fraction",
            "symbol",
            "strategy",
            "regime",
        ],
    ),
    runs(
        "trailing_profile",
        levels::trailing_profile,
        &["side", "entry", "callback_pct", "activation_r", "tightening_curve", "current_r"],
    ),
    runs(
        "dynamic_tp",
        formulas::dynamic_tp,
        &["leverage", "notional_usd", "volatility", "regime", "confidence", "unrealized_pnl_pct"],
    ),
    runs(
        "breakeven_trailing_adapter",
        exits::breakeven_trailing_adapter,
        &[
            "side",
            "entry",
            "price",
            "pnl_pct",
            "active_sl",
            "partial_leg",
            "partial_leg.price",
            "partial_leg.fraction",
        ],
    ),
    runs("sl_direction", levels::sl_direction, &["side", "entry", "stop_loss", "context", "sl_pct"]),
    runs(
        "exit_monitor",
        exits::exit_monitor,
        &[
            "side",
            "entry",
            "highest",
            "lowest",
            "price",
            "take_profit",
            "stop_loss",
            "trail_pct",
            "trail_arm_pct",
            "symbol",
            "tracked",
            "tracked.symbol",
            "tracked.side",
            "tracked.quantity",
            "tracked.entry_price",
            "tracked.leverage",
            "tracked.order_id",
            "tracked.opened_at",
            "tracked.highest_price",
            "tracked.lowest_price",
            "tracked.take_profit",
            "tracked.stop_loss",
            "exchange",
            "exchange.quantity",
            "exchange.entry_price",
            "exchange.leverage",
        ],
    ),
    runs("atr_levels", atr::atr_levels, &["side", "entry", "atr", "sl_mult", "tp_mults"]),
    runs(
        "forced_exit",
        exits::forced_exit,
        &["side", "entry", "size", "peak", "price", "sl_pct", "tp_pct", "trail_pct"],
    ),
    runs(
        "trailing_pct",
        exits::trailing_pct,
        &["side", "entry", "trail_pct", "arm_profit_pct", "initial_sl", "prices"],
    ),
    runs("precision", foreign::precision, &["price", "tick", "rounding", "qty", "step", "min_qty"]),
    runs("fee_aware_pnl", money::fee_aware_pnl, &["side", "entry", "price", "maker_fee", "taker_fee"]),
    runs(
        "position_monitor",
        monitor::position_monitor,
        &[
            "entry",
            "price",
            "maker_fee",
            "taker_fee",
            "signal",
            "signal_min_profit_pct",
            "pnl_net_pct",
            "max_loss_pct",
            "hard_stop_pct",
            "min_profit_pct",
            "trailing_enabled",
            "trailing_activation_pct",
            "signal_exit_enabled",
            "signal_exit_min_profit_pct",
            "bracket",
            "bracket.stop_price",
            "bracket.tp_price",
            "severe_loss_pct",
            "trailing_active",
            "trailing_stop_hit",
            "peak_tracking_enabled",
            "atr",
        ],
    ),
    runs("threshold", levels::threshold, &["side", "entry", "price", "sl_pct", "tp_pct"]),
    runs("peak_tracking", exits::peak_tracking, &["peak_roc", "current_roc", "drop_threshold"]),
    runs("time_exit", formulas::time_exit, &["held_hours", "max_hold_hours"]),
    runs(
        "pnl",
        money::pnl,
        &[
            "side",
            "entry",
            "exit",
            "size",
            "fee_rate",
            "buy_fee",
            "sell_fee",
            "price",
            "entry_fee",
            "pnl_each",
            "count",
        ],
    ),
    runs(
        "trailing_atr",
        atr::trailing_atr,
        &["avg_entry", "atr_pct", "atr_mult", "step_mult", "min_dist", "max_dist", "prices"],
    ),
    runs(
        "entry_stop",
        formulas::entry_stop,
        &[
            "side",
            "entry",
            "atr_pct",
            "spread_pct",
            "fee_pct",
            "atr_mult",
            "min_pct",
            "sl_mult",
            "tp_pct",
            "tp_mult",
        ],
    ),
    runs(
        "config_check",
        formulas::config_check,
        &[
            "atr_mult",
            "stop_min_pct",
            "typical_atr",
            "spread",
            "taker_fee",
            "max_loss_pct",
            "hard_stop_pct",
            "min_profit_pct",
        ],
    ),
    runs("exit_reason", foreign::exit_reason, &["reason_text"]),
    runs("safety", guards::safety, &["position", "close_qty"]),
    runs("staleness", guards::staleness, &["snapshot_age_sec", "threshold_sec", "action"]),
    runs("units", foreign::units, &["atr_value", "price", "declared_unit"]),
    runs("dust", guards::dust, &["qty", "price", "min_notional", "exit", "remaining", "fraction", "step"]),
    runs("state", guards::state, &["first_trade_high", "closed_by", "second_trade_entry"]),
    later("fifo", "the import of trades"),
    later("linkage", "the import of trades"),
    later("report", "the daily report"),
    later("orders", "the live order book of an account"),
    later("bracket", "brackets at the venue"),
    later("dedup", "live order identity"),
    later("execution", "adoption of fills"),
    later("positions", "reconciliation with the venue"),
    later("exchange_params", "venue adapters"),
    later("retry", "venue adapters"),
    never("harvest", "a scoring engine that the product does not take over"),
    never("adaptive_leverage", "a leverage engine that the product does not take over"),
    never("exit_agent_rules", "a rule agent that the product does not take over"),
    never("exit_math", "a formula engine that the product does not take over"),
];

/// The area of that name.
pub(crate) fn find(name: &str) -> Option<&'static Area> {
    AREAS.iter().find(|area| area.name == name)
}

impl Area {
    /// The keys of a case that this area does not know. Nobody reads those of an area without a runner.
    pub(crate) fn unknown_keys(&self, case: &Case) -> Vec<String> {
        if !matches!(self.handling, Handling::Runs(_)) {
            return Vec::new();
        }
        let mut unknown = Vec::new();
        let inputs = case.input.paths();
        unknown.extend(
            inputs
                .iter()
                .filter(|path| !self.inputs.contains(&path.as_str()))
                .map(|path| format!("input.{path}")),
        );
        for (at, step) in case.steps.iter().enumerate() {
            let paths = step.input.paths();
            let odd = paths.iter().filter(|path| !self.steps.contains(&path.as_str()));
            unknown.extend(odd.map(|path| format!("steps[{at}].{path}")));
        }
        unknown
    }
}
