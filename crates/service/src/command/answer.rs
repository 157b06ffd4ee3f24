//! What the engine made of a command, for programs and people.

use ripcord_core::event::{Concluded, Entry, Record};
use ripcord_core::id::EpisodeId;
use ripcord_core::kill::KillLevel;
use ripcord_core::num::Price;
use ripcord_core::order::ExitOrder;
use ripcord_report::alarm;
use serde::Serialize;

use crate::names::Names;
use crate::tags::{kind_word, refusal};

/// What became of a command.
#[derive(Debug)]
pub enum Carried {
    /// The engine heard it.
    Heard(Box<Answer>),
    /// It could not be written down: nothing was sent, and the run ends. The reason.
    NotKept(String),
}

/// Whether the engine did what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It does, as far as each position says.
    Accepted,
    /// It does not, and nothing changed.
    Refused,
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Accepted or refused.
    pub outcome: Outcome,
    /// The word of the command.
    pub command: &'static str,
    /// What follows, or why not.
    pub text: String,
    /// Why it was refused, for programs.
    pub why: Option<&'static str>,
    /// Each position that was to be closed.
    pub positions: Vec<PositionAnswer>,
    /// Each account whose kill level was to change.
    pub accounts: Vec<AccountAnswer>,
    /// What happened in the same step, in order.
    pub followed: Vec<Followed>,
    /// Where the journal has it; none when nothing is kept, or nothing happened.
    pub journal: Option<Span>,
}

/// Records of the journal, both included; they are durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
}

/// What became of a position that was to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Its exit is sent.
    Closing,
    /// An exit was under way, and goes on.
    AlreadyClosing,
    /// Its exit is decided and could not be sent yet; it is an obligation until flat.
    NotSent,
    /// No exit was decided.
    NotClosed,
}

/// A position that was to be closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PositionAnswer {
    /// Its id, as in `/positions`.
    pub id: String,
    /// What became of it.
    pub outcome: Fate,
    /// How much is to be closed.
    pub qty: String,
    /// The orders that were sent for it.
    pub orders: Vec<String>,
    /// Why nothing was sent.
    pub why: Option<String>,
}

/// An account whose kill level was to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AccountAnswer {
    /// The account.
    pub account: u32,
    /// Its level before.
    pub before: Option<&'static str>,
    /// Its level now.
    pub level: Option<&'static str>,
    /// Whether the two differ.
    pub is_new: bool,
    /// Why it is not the level that was asked for.
    pub why: Option<&'static str>,
}

/// A fact that followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Followed {
    /// An exit was decided.
    ExitDecided {
        /// The position.
        position: String,
        /// The number of the exit.
        exit: u16,
        /// Why.
        reason: &'static str,
        /// Who.
        source: &'static str,
        /// How much.
        qty: String,
    },
    /// An exit was given up.
    ExitConcluded {
        /// The position.
        position: String,
        /// The number of the exit.
        exit: u16,
        /// Why.
        why: Concluded,
    },
    /// An order was handed out.
    OrderSent {
        /// Its id.
        order: String,
        /// How it meets the market.
        #[serde(rename = "type")]
        kind: &'static str,
        /// How much it may close.
        qty: String,
        /// Its limit or trigger.
        price: Option<String>,
        /// Why it exists.
        reason: &'static str,
    },
    /// The gate kept an order back.
    OrderHeldBack {
        /// Its id.
        order: String,
        /// Why.
        why: String,
    },
    /// A stop moved.
    StopMoved {
        /// The position.
        position: String,
        /// From where.
        from: Option<String>,
        /// Where to.
        to: String,
    },
    /// A kill level was set or released.
    KillLevel {
        /// The account.
        account: u32,
        /// The level now.
        level: Option<&'static str>,
    },
    /// A position was let go.
    Released {
        /// The position.
        position: String,
        /// What it held.
        qty: String,
        /// Whether its stop stays at the venue.
        keeps_stop: bool,
    },
    /// A position was handed over.
    HandedOver {
        /// The bucket: symbol, side, account.
        position: String,
    },
    /// Somebody must look.
    Alarm {
        /// The position.
        position: String,
        /// What is wrong, for programs.
        alarm: &'static str,
        /// The same, for people.
        text: &'static str,
    },
    /// The engine refused.
    Refused {
        /// Why, for programs.
        why: &'static str,
        /// The same, for people.
        text: String,
    },
}

impl Followed {
    /// What a record says to whoever gave the command; nothing of prices, fills and the command itself.
    #[must_use]
    pub fn of(entry: &Entry, names: &Names) -> Option<Self> {
        Some(match &entry.record {
            Record::ExitDecided(decided) => Self::ExitDecided {
                position: names.episode(decided.episode),
                exit: decided.exit,
                reason: decided.reason.word(),
                source: decided.source.word(),
                qty: names.qty(decided.episode, decided.qty),
            },
            Record::ExitConcluded { episode, exit, why } => {
                Self::ExitConcluded { position: names.episode(*episode), exit: *exit, why: *why }
            }
            Record::OrderIntended(order) => sent(order, names),
            Record::GateBlocked { id, why } => {
                Self::OrderHeldBack { order: names.order(*id), why: why.to_string() }
            }
            Record::StopMoved { episode, from, to, .. } => stop_moved(*episode, *from, *to, names),
            Record::KillLevel { account, level } => {
                Self::KillLevel { account: account.0, level: level.map(KillLevel::word) }
            }
            Record::Released { episode, qty, keeps_stop } => Self::Released {
                position: names.episode(*episode),
                qty: names.qty(*episode, *qty),
                keeps_stop: *keeps_stop,
            },
            Record::HandedOver(key) => Self::HandedOver { position: names.bucket(*key) },
            Record::Alarm { episode, what } => Self::Alarm {
                position: names.episode(*episode),
                alarm: alarm::code(*what),
                text: alarm::words(*what),
            },
            Record::CommandRefused(refused) => {
                let (why, text) = refusal(names, *refused);
                Self::Refused { why, text }
            }
            Record::Observed(_)
            | Record::Input(_)
            | Record::Opened(_)
            | Record::Added(_)
            | Record::PlanChanged { .. }
            | Record::TrailingActivated { .. }
            | Record::OrderAccepted(_)
            | Record::Filled(_)
            | Record::OrderEnded { .. }
            | Record::FundingPaid { .. }
            | Record::Signalled { .. }
            | Record::Deferred { .. }
            | Record::BracketTriggered { .. }
            | Record::Closed { .. }
            | Record::BarClosed(_)
            | Record::Suspected { .. }
            | Record::Confirmed { .. }
            | Record::Contradicted { .. }
            | Record::PriceDoubted(_)
            | Record::PricesStale { .. }
            | Record::PricesBack { .. }
            | Record::Jump(_)
            | Record::Diverged { .. }
            | Record::Converged { .. }
            | Record::Managed(_)
            | Record::ReadFailed { .. }
            | Record::Reconciled(_)
            | Record::Adopted(_)
            | Record::LeftOutside(_)
            | Record::OrdersListed(_)
            | Record::OrdersStale { .. }
            | Record::OrdersPaced { .. }
            | Record::Returned(_) => return None,
        })
    }
}

fn stop_moved(episode: EpisodeId, from: Option<Price>, to: Price, names: &Names) -> Followed {
    let text = |price: Price| names.price(episode, price);
    Followed::StopMoved { position: names.episode(episode), from: from.map(text), to: text(to) }
}

fn sent(order: &ExitOrder, names: &Names) -> Followed {
    let episode = order.id.episode;
    let price = order.kind.price().map(|price| names.price(episode, price));
    Followed::OrderSent {
        order: names.order(order.id),
        kind: kind_word(order.kind),
        qty: names.qty(episode, order.qty),
        price,
        reason: order.reason.word(),
    }
}
