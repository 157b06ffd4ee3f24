//! What goes wrong, and under which numbers of the fault model it is counted.

use ripcord_core::id::PositionKey;
use ripcord_core::time::Span;
use serde::{Deserialize, Serialize};

use crate::config::VenueKind;

macro_rules! kinds {
    ($($name:ident, $word:literal, $model:literal, $what:literal;)*) => {
        /// A kind of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FaultKind {
            $(#[doc = $what] $name,)*
        }

        impl FaultKind {
            /// All of them, in the order of the matrix.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word in files and tables.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Its numbers in the fault model.
            #[must_use]
            pub const fn model(self) -> &'static str {
                match self { $(Self::$name => $model,)* }
            }

            /// What happens.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self { $(Self::$name => $what,)* }
            }
        }
    };
}

kinds! {
    LoseRequests, "lose_requests", "F1 F2", "Requests never arrive.";
    LoseAnswers, "lose_answers", "F1 F12 F53", "Requests arrive, their answers and events do not.";
    DoubleAnswers, "double_answers", "F10", "Answers are told twice.";
    DelayAnswers, "delay_answers", "F9 F11", "Answers come late and out of order.";
    DelayRequests, "delay_requests", "F1 F9", "Requests arrive late.";
    RefuseBusy, "refuse_busy", "F3 F4 F5", "The venue is busy: orders are refused.";
    RateLimit, "rate_limit", "F5 F6", "Everything is refused for a while: orders, reads and lists.";
    RefuseOther, "refuse_other", "F25 F29 F91", "Orders are refused for a cause that nobody knows.";
    RefuseMarket, "refuse_market", "F25 F27", "Market orders are refused: limits only.";
    RefuseStops, "refuse_stops", "F19 F25 F33", "Stops are refused.";
    Halt, "halt", "F27 F28", "The market is halted: nothing trades, nothing is taken.";
    Outage, "outage", "F30 F32 F52", "The venue cannot be reached at all, prices included.";
    Partial, "partial", "F14 F50", "Orders fill in small parts.";
    Thin, "thin", "F21 F50", "Orders find nobody for a while.";
    StuckStops, "stuck_stops", "F20 F21", "Stops are not triggered, or are and do not trade.";
    DropResting, "drop_resting", "F31", "What rests is taken away and nobody is told.";
    ExpireResting, "expire_resting", "F24 F31 F36", "What rests is taken away, and told.";
    KeepOrders, "keep_orders", "F15 F16", "Cancels are refused.";
    Blind, "blind", "F8", "The venue knows no order that it is asked about.";
    Mute, "mute", "F8 F53", "The venue answers no question.";
    FailReads, "fail_reads", "F35 F91", "Reads and lists fail.";
    LagReads, "lag_reads", "F8", "Reads say what was some seconds ago.";
    SilentFeed, "silent_feed", "F46 F47 F51", "Prices stop coming.";
    FrozenFeed, "frozen_feed", "F48", "The same price is told again and again.";
    LateFeed, "late_feed", "F51", "Prices come late.";
    Spike, "spike", "F49", "One price that nobody traded at.";
    BadPrice, "bad_price", "F35", "A price that cannot be.";
    Diverge, "diverge", "F43", "The mark price goes elsewhere.";
    Jump, "jump", "F21 F50", "The market jumps.";
    Tick, "tick", "F26", "Prices must lie on a coarser tick.";
    HandClose, "hand_close", "F87", "Somebody closes a position by hand, and it is told.";
    HandUntold, "hand_untold", "F87 F12", "Somebody trades by hand, and nobody is told.";
    HandCancel, "hand_cancel", "F87", "Somebody takes a stop away.";
    HandEdit, "hand_edit", "F87", "Somebody moves a stop.";
    HandFlip, "hand_flip", "F88 F4", "Somebody turns a position around.";
    Foreign, "foreign", "F89", "Orders of somebody else rest and go.";
    Liquidation, "liquidation", "F39 F42 F44", "The venue liquidates.";
    Adl, "adl", "F40", "The venue covers somebody else's loss.";
    Settlement, "settlement", "F45", "The contract is settled.";
    Funding, "funding", "F41", "Funding is settled.";
    Crash, "crash", "F57 F60 F61", "The process is killed at any moment.";
    CrashBeforeCommit, "crash_before_commit", "F56", "The process dies before what it decided is durable.";
    CrashBeforeSend, "crash_before_send", "F56", "The process dies when its intent is durable and some of it is sent.";
    CrashBeforeRecord, "crash_before_record", "F56", "The process dies with an answer in its hands.";
    CrashInSnapshot, "crash_in_snapshot", "F56 F69", "The process dies while it writes a snapshot.";
    CrashInRecovery, "crash_in_recovery", "F56", "The process dies again while it starts.";
    Pause, "pause", "F58 F60", "The process stands still, then goes on.";
    SlowDisk, "slow_disk", "F71", "What is written down is durable late.";
    FailDisk, "fail_disk", "F67 F70 F74", "The disk refuses: the process ends.";
    Clock, "clock", "F34 F63 F64", "Our clock is off from the next start on.";
    Kill, "kill", "F93", "Somebody sets a kill level while exits are in flight.";
    Panic, "panic", "F92", "Somebody closes everything, and asks twice.";
    Orders, "orders", "F82 F83", "Commands come twice, late, and for what is gone.";
}

impl FaultKind {
    /// Whether a venue of a kind can have it.
    #[must_use]
    pub fn has_meaning(self, venue: VenueKind) -> bool {
        let is_future = venue != VenueKind::Spot;
        match self {
            Self::Liquidation | Self::Adl | Self::Settlement | Self::Funding | Self::Diverge => is_future,
            Self::HandFlip => venue == VenueKind::Futures,
            _ => true,
        }
    }
}

/// One fault, when it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// How long; for those that are over at once it has no meaning.
    pub lasts: Span,
    /// How many, how much, or where in a step: what it means is the kind's.
    pub amount: i64,
    /// Which bucket, or which instrument, where it is about one.
    pub key: PositionKey,
}
