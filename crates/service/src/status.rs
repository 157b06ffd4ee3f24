//! What a look from outside sees: a copy of the state, published by the host now and then.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripcord_core::reason::Reason;
use ripcord_core::time::{Span, Timestamp};
use ripcord_core::view::PositionView;

use crate::names::Names;
use crate::protection::{Guarded, Standing};
use crate::session::Session;
use crate::source::SHADOW;
use crate::wire::link::Link;

/// The host's state at a moment. All times are the wall clock's, unless it says otherwise.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// When it was published.
    pub published: Timestamp,
    /// Market time.
    pub market_at: Timestamp,
    /// When the newest price was handed over.
    pub last_quote: Timestamp,
    /// How late the loop is with the next price.
    pub late: Span,
    /// When the loop last gave up time it could not catch up with, and how much.
    pub gave_up: Option<(Timestamp, Span)>,
    /// When the next order, answer or timer is due; none when nothing is.
    pub deadline: Option<Timestamp>,
    /// How the conversation with the venue goes.
    pub link: Link,
    /// Whether the run is stopping.
    pub is_stopping: bool,
    /// The positions held.
    pub positions: Vec<PositionView>,
    /// How each of them is covered.
    pub guarded: Vec<Guarded>,
    /// What is managed, stopped and let go.
    pub standing: Standing,
    /// The store that everything is kept in, and its last durable record.
    pub kept: Option<(String, u64)>,
    /// Exits that got a fill, by reason.
    pub exits: BTreeMap<Reason, u64>,
    /// Positions taken over so far.
    pub opened: u64,
    /// Alarms so far.
    pub alarms: u64,
    /// Lines that were left out because the output is slow.
    pub lines_dropped: u64,
}

impl Status {
    /// Copies what a session knows by itself.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        let tally = session.tally();
        Self {
            market_at: session.now(),
            positions: session.positions(),
            guarded: session.guarded(),
            standing: Standing::of(&session.desk().coordinator),
            kept: session.kept(),
            link: session.link().clone(),
            exits: tally.reasons().map(|(reason, by_reason)| (reason, by_reason.exits)).collect(),
            opened: tally.opened(),
            alarms: tally.alarms(),
            ..Self::default()
        }
    }

    /// Exits of one reason.
    #[must_use]
    pub fn exits_of(&self, reason: Reason) -> u64 {
        self.exits.get(&reason).copied().unwrap_or(0)
    }
}

/// What the orders of a run are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Sent to a simulation.
    Paper,
    /// Sent to nobody: what would have been done beside an account that somebody else trades.
    Shadow,
}

impl Mode {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Shadow => "shadow",
        }
    }

    /// Of a run with these settings.
    #[must_use]
    pub fn of_settings(settings: &serde_json::Value) -> Self {
        if settings[SHADOW] == true { Self::Shadow } else { Self::Paper }
    }
}

/// What does not change while a host runs.
#[derive(Debug, Clone)]
pub struct About {
    /// Instruments and plans.
    pub names: Arc<Names>,
    /// When it was started.
    pub started: Timestamp,
    /// How old the newest price may become.
    pub quote_age_max: Span,
    /// Which venue it trades at.
    pub venue: String,
    /// What its orders are.
    pub mode: Mode,
}
