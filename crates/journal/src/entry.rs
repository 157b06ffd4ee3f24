//! What a journal holds: who keeps it, what the core was told of the world, and what happened.

use ripcord_core::bars::BarOrigin;
use ripcord_core::event;
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::plan::PlanSpec;
use ripcord_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kind::Kind;

/// One thing that is written down.
///
/// Instruments and plans get their ids by the order in which they stand in the journal, from 0: as
/// `Coordinator::add_instrument` and `Coordinator::add_plan` give them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalEntry {
    /// The journal begins; its first record, and no other.
    Founded(Founded),
    /// A process took the journal over.
    Taken(Taken),
    /// An instrument is known from here on.
    Instrument(Box<InstrumentEntry>),
    /// A plan is known from here on.
    Plan(Box<PlanEntry>),
    /// An account has a name.
    Account(AccountEntry),
    /// A position has a name.
    Position(Box<PositionEntry>),
    /// How the market and the venue are simulated from here on.
    Settings(Settings),
    /// The journal goes on from a backup, as another installation.
    Restored(Restored),
    /// A fact of the core; it carries its own time.
    Fact(event::Entry),
    /// An order of somebody else traded, or more is known of one: for the ledger, the core is not told.
    Imported(Box<ImportedTrade>),
}

/// Names an installation, so that no two ever use the same client order ids: 128 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstallationId(pub [u8; 16]);

/// The journal begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founded {
    /// Drawn once, when the store was created.
    pub installation: InstallationId,
    /// What the journal is of: an account, or a shard of one.
    pub scope: u32,
    /// The program that founded it, with its version.
    pub program: String,
}

/// A process took the journal over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Counts the processes that wrote, from 1; the epoch of this record and of those that follow.
    pub epoch: u64,
    /// The program, with its version.
    pub program: String,
}

/// An instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentEntry {
    /// The venue's rules; the decimals are the scales of all prices and quantities of it.
    pub rules: Instrument,
    /// The price sources that are fed; the others are stood in for.
    pub sources: Vec<PriceSource>,
    /// Where its bars come from.
    pub bars: BarOrigin,
}

/// A plan as written, and the instrument in whose units it is resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanEntry {
    /// The instrument.
    pub instrument: InstrumentId,
    /// The plan.
    pub spec: PlanSpec,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountEntry {
    /// Its number in the records.
    pub id: AccountId,
    /// Its name.
    pub name: String,
}

/// What people call a position. It follows the record that opened the episode, in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionEntry {
    /// The episode.
    pub episode: EpisodeId,
    /// The position's name.
    pub id: String,
    /// Its instrument's symbol.
    pub symbol: String,
    /// Long or short.
    pub side: Side,
    /// The strategy that opened it.
    pub strategy: Option<String>,
    /// The snapshot its entry was decided on.
    pub snapshot_id: Option<String>,
}

/// How the market and the venue are simulated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// A JSON document; its fields are those of the program that wrote it.
    pub json: String,
}

/// The journal goes on from a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// Drawn anew: what was sent after the backup was taken carries the former one.
    pub installation: InstallationId,
    /// The installation before.
    pub former: InstallationId,
    /// The program that restored it, with its version.
    pub program: String,
}

/// An order of somebody else that traded, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedTrade {
    /// When the venue or the other program said so.
    pub seen_at: Timestamp,
    /// The venue's or the other program's id.
    pub order_id: String,
    /// The account.
    pub account: AccountId,
    /// The instrument.
    pub instrument: InstrumentId,
    /// The side of the position that it opened or closed.
    pub side: Side,
    /// Whether it closed.
    pub closes: bool,
    /// When it traded.
    pub at: Timestamp,
    /// How much; positive.
    pub qty: Qty,
    /// Average price; positive.
    pub price: Price,
    /// Fees in all.
    pub fee: FeePaid,
    /// Why it was sent, in whatever shape it came.
    pub trigger: String,
    /// The order type as it came.
    pub order_type: String,
    /// Who traded, as it came; may be empty.
    pub source: String,
    /// Why it closed, as it came.
    pub reason: Option<String>,
    /// By which way it came here.
    pub via: String,
}

/// What a trade cost, in the coin in which it was paid. A rebate is negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeePaid {
    /// In the quote currency.
    Quote(Money),
    /// In the coin that was traded.
    Base(Qty),
    /// In another coin.
    Other {
        /// The coin.
        coin: String,
        /// How much of it, in 10^-18.
        amount: Money,
        /// What one of it was worth in the quote currency when the trade was filled.
        price: Money,
    },
}

impl JournalEntry {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Founded(_) => Kind::Founded,
            Self::Taken(_) => Kind::Taken,
            Self::Instrument(_) => Kind::Instrument,
            Self::Plan(_) => Kind::Plan,
            Self::Account(_) => Kind::Account,
            Self::Position(_) => Kind::Position,
            Self::Settings(_) => Kind::Settings,
            Self::Restored(_) => Kind::Restored,
            Self::Fact(fact) => Kind::of(&fact.record),
            Self::Imported(_) => Kind::Imported,
        }
    }
}

impl From<event::Entry> for JournalEntry {
    fn from(fact: event::Entry) -> Self {
        Self::Fact(fact)
    }
}

impl std::fmt::Display for InstallationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
