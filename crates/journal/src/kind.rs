//! The kinds of records and their numbers: one table, which only grows.

use ripcord_core::event::Record;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal $word:literal v $version:literal,)*) => {
        /// What a record holds. The number stands in the envelope, so that all fills are found
        /// without decoding; a number is never given twice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Kind {
            $($(#[$doc])* $name = $number,)*
        }

        impl Kind {
            /// All kinds, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The kind with this number.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Its word in listings and on the command line.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// The version of the payload that is written; older ones are read.
            #[must_use]
            pub const fn version(self) -> u16 {
                match self {
                    $(Self::$name => $version,)*
                }
            }
        }
    };
}

kinds! {
    /// The journal begins.
    Founded = 1 "founded" v 1,
    /// A process took over.
    Taken = 2 "taken" v 1,
    /// An instrument.
    Instrument = 3 "instrument" v 2,
    /// A plan.
    Plan = 4 "plan" v 1,
    /// An account's name.
    Account = 5 "account" v 1,
    /// A position's name.
    Position = 6 "position" v 1,
    /// Settings of the simulation.
    Settings = 7 "settings" v 1,
    /// It goes on from a backup.
    Restored = 8 "restored" v 1,
    /// A trade of somebody else.
    Imported = 9 "imported" v 1,
    /// [`Record::Observed`].
    Observed = 101 "observed" v 1,
    /// [`Record::Input`].
    Input = 102 "input" v 1,
    /// [`Record::Opened`].
    Opened = 103 "opened" v 1,
    /// [`Record::Added`].
    Added = 104 "added" v 1,
    /// [`Record::PlanChanged`].
    PlanChanged = 105 "plan_changed" v 1,
    /// [`Record::StopMoved`].
    StopMoved = 106 "stop_moved" v 1,
    /// [`Record::TrailingActivated`].
    TrailingActivated = 107 "trailing_activated" v 1,
    /// [`Record::ExitDecided`].
    ExitDecided = 108 "exit_decided" v 1,
    /// [`Record::OrderIntended`].
    OrderIntended = 109 "order_intended" v 1,
    /// [`Record::GateBlocked`].
    GateBlocked = 110 "gate_blocked" v 1,
    /// [`Record::OrderAccepted`].
    OrderAccepted = 111 "order_accepted" v 1,
    /// [`Record::Filled`].
    Filled = 112 "filled" v 1,
    /// [`Record::OrderEnded`].
    OrderEnded = 113 "order_ended" v 1,
    /// [`Record::FundingPaid`].
    FundingPaid = 114 "funding_paid" v 1,
    /// [`Record::Signalled`].
    Signalled = 115 "signalled" v 1,
    /// [`Record::ExitConcluded`].
    ExitConcluded = 116 "exit_concluded" v 1,
    /// [`Record::Closed`].
    Closed = 117 "closed" v 1,
    /// [`Record::BarClosed`].
    BarClosed = 118 "bar_closed" v 1,
    /// [`Record::CommandRefused`].
    CommandRefused = 119 "command_refused" v 1,
    /// [`Record::Alarm`].
    Alarm = 120 "alarm" v 1,
    /// [`Record::Deferred`].
    Deferred = 121 "deferred" v 1,
    /// [`Record::BracketTriggered`].
    BracketTriggered = 122 "bracket_triggered" v 1,
    /// [`Record::KillLevel`].
    KillLevel = 123 "kill_level" v 1,
    /// [`Record::OrdersPaced`].
    OrdersPaced = 124 "orders_paced" v 1,
    /// [`Record::Suspected`].
    Suspected = 141 "suspected" v 1,
    /// [`Record::Confirmed`].
    Confirmed = 142 "confirmed" v 1,
    /// [`Record::Contradicted`].
    Contradicted = 143 "contradicted" v 1,
    /// [`Record::PriceDoubted`].
    PriceDoubted = 144 "price_doubted" v 1,
    /// [`Record::PricesStale`].
    PricesStale = 145 "prices_stale" v 1,
    /// [`Record::PricesBack`].
    PricesBack = 146 "prices_back" v 1,
    /// [`Record::Jump`].
    Jump = 147 "jump" v 1,
    /// [`Record::Diverged`].
    Diverged = 148 "diverged" v 1,
    /// [`Record::Converged`].
    Converged = 149 "converged" v 1,
    /// [`Record::Managed`].
    Managed = 131 "managed" v 1,
    /// [`Record::ReadFailed`].
    ReadFailed = 132 "read_failed" v 1,
    /// [`Record::Reconciled`].
    Reconciled = 133 "reconciled" v 1,
    /// [`Record::Adopted`].
    Adopted = 134 "adopted" v 1,
    /// [`Record::LeftOutside`].
    LeftOutside = 135 "left_outside" v 1,
    /// [`Record::Released`].
    Released = 136 "released" v 1,
    /// [`Record::HandedOver`].
    HandedOver = 137 "handed_over" v 1,
    /// [`Record::OrdersListed`].
    OrdersListed = 138 "orders_listed" v 1,
    /// [`Record::OrdersStale`].
    OrdersStale = 139 "orders_stale" v 1,
    /// [`Record::Returned`].
    Returned = 140 "returned" v 1,
}

impl Kind {
    /// The kind of a fact.
    #[must_use]
    pub const fn of(record: &Record) -> Self {
        match record {
            Record::Observed(_) => Self::Observed,
            Record::Input(_) => Self::Input,
            Record::Opened(_) => Self::Opened,
            Record::Added(_) => Self::Added,
            Record::PlanChanged { .. } => Self::PlanChanged,
            Record::StopMoved { .. } => Self::StopMoved,
            Record::TrailingActivated { .. } => Self::TrailingActivated,
            Record::ExitDecided(_) => Self::ExitDecided,
            Record::OrderIntended(_) => Self::OrderIntended,
            Record::GateBlocked { .. } => Self::GateBlocked,
            Record::OrderAccepted(_) => Self::OrderAccepted,
            Record::Filled(_) => Self::Filled,
            Record::OrderEnded { .. } => Self::OrderEnded,
            Record::FundingPaid { .. } => Self::FundingPaid,
            Record::Signalled { .. } => Self::Signalled,
            Record::ExitConcluded { .. } => Self::ExitConcluded,
            Record::Closed { .. } => Self::Closed,
            Record::BarClosed(_) => Self::BarClosed,
            Record::CommandRefused(_) => Self::CommandRefused,
            Record::Alarm { .. } => Self::Alarm,
            Record::Deferred { .. } => Self::Deferred,
            Record::BracketTriggered { .. } => Self::BracketTriggered,
            Record::KillLevel { .. } => Self::KillLevel,
            Record::Suspected { .. } => Self::Suspected,
            Record::Confirmed { .. } => Self::Confirmed,
            Record::Contradicted { .. } => Self::Contradicted,
            Record::PriceDoubted(_) => Self::PriceDoubted,
            Record::PricesStale { .. } => Self::PricesStale,
            Record::PricesBack { .. } => Self::PricesBack,
            Record::Jump(_) => Self::Jump,
            Record::Diverged { .. } => Self::Diverged,
            Record::Converged { .. } => Self::Converged,
            Record::Managed(_) => Self::Managed,
            Record::ReadFailed { .. } => Self::ReadFailed,
            Record::Reconciled(_) => Self::Reconciled,
            Record::Adopted(_) => Self::Adopted,
            Record::LeftOutside(_) => Self::LeftOutside,
            Record::Released { .. } => Self::Released,
            Record::HandedOver(_) => Self::HandedOver,
            Record::OrdersListed(_) => Self::OrdersListed,
            Record::Returned(_) => Self::Returned,
            Record::OrdersStale { .. } => Self::OrdersStale,
            Record::OrdersPaced { .. } => Self::OrdersPaced,
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }

    /// Whether it is a fact of the core.
    #[must_use]
    pub const fn is_fact(self) -> bool {
        self.number() > 100
    }
}
