//! The life of one position, told from the records of a run: what it was opened with, how its
//! levels moved, what woke it, what was decided and why, what was paid; and why not earlier.
//!
//! Nothing here decides or computes a rule: levels are those of the records, or what the plan's
//! own functions in `ripcord_core` say. Start at [`explain`]; it makes a [`Story`].

use std::io::BufRead;

use ripcord_core::event::{AlarmKind, Concluded};
use ripcord_core::instrument::Instrument;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::OrderKind;
use ripcord_core::plan::PlanSpec;
use ripcord_core::position::SourceCells;
use ripcord_core::reason::{ExitType, Reason, Source, StopOrigin};
use ripcord_core::time::Timestamp;

use crate::exits::ExitRow;
use crate::prices::PriceChange;
use crate::records::{Header, Line, PositionEntry, RecordsError, RecordsReader};
use crate::uncovered::Uncovered;

mod approach;
mod fold;
mod levels;
mod names;
mod path;
mod wakes;

pub use approach::{Approach, When};
pub use levels::{RuleNow, Watching};
pub use names::close_names;
pub use path::{Excursion, Path, Stretch};

/// Everything worth telling of one position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// Its name, symbol, side, strategy.
    pub position: PositionEntry,
    /// Its instrument.
    pub instrument: Instrument,
    /// The cells of the instrument's price sources.
    pub cells: SourceCells,
    /// Its plan as written.
    pub plan: PlanSpec,
    /// How candles were read.
    pub candles: String,
    /// How it began.
    pub opening: Opening,
    /// Its levels at the opening.
    pub levels: Vec<RuleNow>,
    /// How its stops moved, in order.
    pub moves: Vec<Move>,
    /// The wakes on which something was decided.
    pub wakes: Vec<Wake>,
    /// Its orders, in the order in which they were intended.
    pub orders: Vec<OrderStory>,
    /// Its fills, in order.
    pub fills: Vec<ExitRow>,
    /// Funding that was settled.
    pub funding: Vec<(Timestamp, Money)>,
    /// What else changed, in order.
    pub changes: Vec<(Timestamp, Change)>,
    /// Alarms.
    pub alarms: Vec<(Timestamp, AlarmKind)>,
    /// How long it was without a stop.
    pub uncovered: Uncovered,
    /// How far the price went for and against it.
    pub excursion: Excursion,
    /// How close each rule came that did not close anything.
    pub approaches: Vec<Approach>,
    /// How it ended, or how it stands.
    pub end: End,
    /// Prices, stop and time, for a picture.
    pub path: Path,
}

/// Something that changed about a position besides its stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// More of it came.
    Added {
        /// How much.
        qty: Qty,
        /// At which price.
        price: Price,
        /// What was held then.
        open: Qty,
        /// The average entry then.
        entry: Price,
    },
    /// Another plan held from then on.
    Plan,
    /// A rule left its exit to the stop at the venue.
    Deferred {
        /// The rule's reason.
        reason: Reason,
        /// The trigger of the stop at the venue.
        bracket: Price,
    },
    /// The trigger of the stop at the venue traded.
    BracketTriggered {
        /// The trigger.
        trigger: Price,
        /// The price that passed it.
        price: Price,
    },
    /// A price was not acted on as it came.
    Prices(PriceChange),
    /// An exit signal stood.
    Signalled {
        /// Until when.
        until: Timestamp,
    },
    /// An exit was given up.
    Concluded {
        /// Its number.
        exit: u16,
        /// Why.
        why: Concluded,
    },
    /// It was found at the venue and taken over.
    Adopted {
        /// The price that stop and extremes were measured from.
        seen: Price,
        /// Rules that held already, and wait until it is handed over.
        held_back: u32,
    },
    /// A quantity left it, and no order of ours did it.
    LeftOutside {
        /// How much.
        qty: Qty,
        /// At which price; `None` when nobody told.
        price: Option<Price>,
        /// Why.
        reason: Reason,
        /// What was held then.
        remaining: Qty,
    },
    /// A read of the venue said another size, and waits for a second one.
    Differs {
        /// What the venue said.
        theirs: Qty,
        /// What was held.
        ours: Qty,
    },
    /// It was let go.
    Released {
        /// Whether its stop stayed at the venue.
        keeps_stop: bool,
    },
    /// It was handed over: rules that waited act from then on.
    HandedOver,
    /// A quantity that had left unseen is told after all: its trade follows.
    Returned {
        /// How much.
        qty: Qty,
    },
    /// A list of open orders said something new of its orders: how many of each.
    Listed {
        /// Should rest at the venue, and do not.
        missing: usize,
        /// Were missing, and rest there after all.
        back: usize,
        /// Somebody changed them.
        edited: usize,
        /// Served nobody any more, and were cancelled.
        strays: usize,
    },
    /// Open orders were not listed for too long: its rules did not rely on the stop at the venue.
    OrdersStale,
}

/// How a position began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// When it was taken over.
    pub at: Timestamp,
    /// At which record of the market.
    pub index: u64,
    /// Average entry price.
    pub entry: Price,
    /// Quantity.
    pub qty: Qty,
    /// Fees paid for the entry.
    pub fees: Money,
}

/// A move of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// When; for a stop that followed the price, the first and the last time.
    pub when: When,
    /// At which record of the market it was known.
    pub index: u64,
    /// The stop before.
    pub from: Option<Price>,
    /// The stop now.
    pub to: Price,
    /// Why.
    pub why: MoveWhy,
}

/// Why a stop moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveWhy {
    /// The stop, by a ladder leg or by somebody.
    Stop(StopOrigin),
    /// The trailing stop became active at this best price.
    Activated {
        /// The best price it starts from.
        best: Price,
    },
    /// The trailing stop followed the best price.
    Followed {
        /// The best price now.
        best: Price,
        /// Stretches of prices that brought a better one.
        times: u32,
    },
}

/// A wake on which something was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wake {
    /// When.
    pub at: Timestamp,
    /// At which record of the market.
    pub index: u64,
    /// Number of the exit, from 1.
    pub exit: u16,
    /// The rule that acted.
    pub reason: Reason,
    /// Who.
    pub source: Source,
    /// How the order was to be sent.
    pub exit_type: ExitType,
    /// What set the level of a stop.
    pub origin: Option<StopOrigin>,
    /// How much was to be closed.
    pub qty: Qty,
    /// The level of the rule that acted.
    pub trigger: Price,
    /// The price that set it off.
    pub price: Price,
    /// The best price of the trailing stop, if it was active.
    pub best: Option<Price>,
    /// All rules of the plan, in rank order.
    pub rules: Vec<RuleAt>,
}

/// A rule at a wake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleAt {
    /// The rule.
    pub reason: Reason,
    /// The ladder leg, from 1; 0 when it is none.
    pub leg: u8,
    /// Its level.
    pub level: Option<Price>,
    /// The price it looked at.
    pub price: Option<Price>,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a rule at a wake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It held and acted.
    Acted,
    /// It held; a rule of higher rank acted.
    Outranked(Reason),
    /// The price was this far from its level, in price units.
    NotReached(i64),
    /// It held and was not looked at: a full close was under way, or the price may not fire it.
    NotAsked,
    /// The leg rested at the venue as a limit order, with the price this far from it.
    AtVenue(i64),
    /// The leg had closed its part.
    Done,
    /// The trailing stop was not active yet; its level is that of its activation.
    NotActive,
    /// It had no level, or no price had come.
    Nothing,
}

/// An order and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderStory {
    /// Number of the exit; 0 for legs that rest.
    pub exit: u16,
    /// The ladder leg; 0 when it is none.
    pub leg: u8,
    /// Which try, from 0.
    pub attempt: u16,
    /// How it met the market.
    pub kind: OrderKind,
    /// Why it was sent.
    pub reason: Reason,
    /// How much it may close.
    pub qty: Qty,
    /// How much it closed.
    pub filled: Qty,
    /// What happened to it, in order.
    pub events: Vec<(Timestamp, OrderEvent)>,
}

/// Something that happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderEvent {
    /// It was intended, and handed out.
    Intended,
    /// The gate let it not pass.
    Blocked,
    /// The venue has it.
    Accepted,
    /// It traded this much.
    Filled(Qty),
    /// The venue refused it.
    Refused,
    /// The venue took it away by its own rules.
    Expired,
    /// It was cancelled on our word.
    Cancelled,
    /// No answer came.
    Unknown,
    /// The venue was asked, and does not know it.
    NotFound,
}

/// How a position ended, or how it stands at the end of the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// When it was closed, and at which record of the market.
    pub closed: Option<(Timestamp, u64)>,
    /// What it holds.
    pub remaining: Qty,
    /// The reason of the largest closed quantity.
    pub headline: Option<Reason>,
    /// The rules as they stand, with the last price each looks at; only of a position that is open.
    pub standing: Vec<RuleNow>,
    /// The last price of the records that it would trade at, and its time.
    pub last: Option<(Price, Timestamp)>,
    /// A close was decided and is not finished.
    pub closing: Option<Reason>,
}

/// Why a position cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The file is at fault.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The file knows no such position.
    #[error("no position is named {id}; {}", hint(close, *known))]
    Unknown {
        /// What was asked for.
        id: String,
        /// Names that are close to it.
        close: Vec<String>,
        /// How many positions the file has.
        known: usize,
    },
    /// The position was never taken over.
    #[error(
        "position {id} was never opened in this run: its entry lies behind the last price, or its opening was refused"
    )]
    NeverOpened {
        /// The position.
        id: String,
    },
}

fn hint(close: &[String], known: usize) -> String {
    if close.is_empty() {
        format!(
            "the records are of {known} positions, none with a name like it; names are those of the positions file"
        )
    } else {
        format!("did you mean {}?", close.join(", "))
    }
}

/// Tells the story of one position from lines that somebody else reads: of a journal, say.
pub struct Teller<'a>(fold::Fold<'a>);

impl<'a> Teller<'a> {
    /// Of `position`, whose account holds nothing else in the lines that follow.
    #[must_use]
    pub fn new(header: &'a Header, position: &PositionEntry) -> Self {
        Self(fold::Fold::new(header, position))
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// In words, what cannot be made sense of.
    pub fn take(&mut self, line: &Line) -> Result<(), String> {
        self.0.take(line)
    }

    /// The story; none when the position was never opened.
    #[must_use]
    pub fn finish(self) -> Option<Story> {
        self.0.finish()
    }
}

impl std::fmt::Debug for Teller<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teller").finish_non_exhaustive()
    }
}

/// The story of the position named `id`.
///
/// # Errors
/// A file that is not what was written, or a position that it does not know.
pub fn explain<R: BufRead>(records: &mut RecordsReader<R>, id: &str) -> Result<Story, ExplainError> {
    let header = records.header().clone();
    let Some(position) = header.position(id) else {
        let names = header.positions.iter().map(|position| position.id.as_str());
        return Err(ExplainError::Unknown {
            id: id.to_owned(),
            close: close_names(id, names),
            known: header.positions.len(),
        });
    };
    let mut fold = fold::Fold::new(&header, position);
    while let Some(line) = records.next_line()? {
        fold.take(&line).map_err(|why| records.damaged(why))?;
    }
    fold.finish().ok_or_else(|| ExplainError::NeverOpened { id: id.to_owned() })
}

impl Story {
    /// Net of all fills so far.
    #[must_use]
    pub fn net(&self) -> Money {
        self.fills.iter().fold(Money::ZERO, |sum, fill| sum + fill.net)
    }

    /// How much left at a price that nobody told: what it was worth is not known, nor the whole result.
    #[must_use]
    pub fn unpriced(&self) -> Qty {
        let sum = self.changes.iter().fold(0_i64, |sum, (_, change)| match change {
            Change::LeftOutside { qty, price: None, .. } => sum.saturating_add(qty.0),
            Change::Returned { qty } => sum.saturating_sub(qty.0).max(0),
            _ => sum,
        });
        Qty(sum)
    }

    /// The rule whose level is nearest to the price that it looks at, and the distance in price units.
    #[must_use]
    pub fn nearest(&self) -> Option<(&RuleNow, i64)> {
        let gaps = self.end.standing.iter().filter_map(|rule| Some((rule, rule.gap()?)));
        gaps.min_by_key(|&(_, gap)| gap)
    }
}

impl Story {
    /// How much worse than its trigger a fill was, in price units; better is negative. None for a
    /// price that is text.
    #[must_use]
    pub fn slippage(&self, fill: &ExitRow) -> Option<i64> {
        match &fill.price {
            crate::exits::ExitPrice::Scaled(price) => {
                Some(self.position.side.sign() * (fill.trigger.0 - price.0))
            }
            crate::exits::ExitPrice::Text(_) => None,
        }
    }
}
