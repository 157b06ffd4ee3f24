//! Where prices come from: a generated market, a recorded one, or a venue that streams them.

use std::collections::VecDeque;
use std::sync::mpsc::Receiver;

use ripcord_core::cell::CellId;
use ripcord_core::event::{Probe, Tick};
use ripcord_core::id::InstrumentId;
use ripcord_core::instrument::Instrument;
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Price, Qty};
use ripcord_core::time::{Span, Timestamp};
use ripcord_sim::generator::{Generator, MarketSpec, Regime, Script, demo_markets};
use ripcord_sim::tape::{Tape, TapeError};

use ripcord_venue::line::{self, Opened, PriceOf};

use crate::demo::Book;
use crate::keeper::Past;
use crate::wire::clock::VenueClock;
use crate::wire::connection::News;

/// Rows of a recorded market are compared with their checksums this many at a time.
const VERIFY_ROWS: usize = 65_536;
/// The field of the settings of a run that only shadows an account.
pub(crate) const SHADOW: &str = "shadow";

/// A market, row by row.
#[derive(Debug)]
pub struct Source {
    rows: Rows,
    /// Cells of bid, ask and last of each generated market; cells of each price source of a tape.
    cells: Vec<[CellId; 5]>,
}

#[derive(Debug)]
enum Rows {
    Generated {
        generator: Box<Generator>,
        regimes: Vec<Option<Regime>>,
    },
    Recorded {
        tape: Box<Tape>,
        next: usize,
        verified: usize,
    },
    Streamed {
        symbols: Vec<String>,
        news: Receiver<News>,
        waiting: VecDeque<(Timestamp, News)>,
        is_shadow: bool,
        clock: VenueClock,
    },
}

/// What a market is made of, before the desk knows it.
#[derive(Debug)]
pub enum Market {
    /// Generated from a seed.
    Generated {
        /// The seed.
        seed: u64,
        /// Which regimes follow one another.
        script: Script,
    },
    /// Read from a tape.
    Recorded(Box<Tape>),
    /// Told by a venue.
    Streamed {
        /// The venue's name.
        venue: String,
        /// What is traded there.
        instruments: Vec<Instrument>,
        /// What it says.
        news: Receiver<News>,
        /// What is done there is somebody else's business: reads find it.
        is_shadow: bool,
        /// How far its clock is from ours.
        clock: VenueClock,
    },
}

/// What a venue says beside its prices.
#[derive(Debug)]
pub enum Said {
    /// The conversation began, for the first time or again.
    Up,
    /// It broke off.
    Down(String),
    /// Somebody beside us opened a position.
    Opened(Opened),
    /// Its clock is so far behind ours; ahead of it where that is negative.
    Clock(Span),
}

/// Why a recorded market cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum MarketError {
    /// The file.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// There is nothing in it.
    #[error("the tape {symbol} has no rows; build it from a file that has some")]
    NoRows {
        /// Its symbol.
        symbol: String,
    },
}

/// Something the market itself says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegimeChange {
    /// Which instrument.
    pub instrument: usize,
    /// From when on it holds.
    pub at: Timestamp,
    /// What it goes through now.
    pub regime: Regime,
}

impl Market {
    /// Its instruments.
    #[must_use]
    pub fn instruments(&self) -> Vec<Instrument> {
        match self {
            Self::Generated { .. } => demo_markets().into_iter().map(|market| market.instrument).collect(),
            Self::Recorded(tape) => {
                let meta = tape.meta();
                vec![Instrument::from_decimals(&meta.symbol, meta.price_decimals, meta.qty_decimals)]
            }
            Self::Streamed { instruments, .. } => instruments.clone(),
        }
    }

    /// What it is made of, for the store: another market is another run.
    #[must_use]
    pub fn settings(&self, seed: u64) -> serde_json::Value {
        match self {
            Self::Generated { script, .. } => {
                serde_json::json!({"market": "generated", "regime": format!("{script:?}").to_lowercase(), "seed": seed})
            }
            Self::Recorded(tape) => {
                let first = tape.ts().first();
                serde_json::json!({"market": "recorded", "symbol": tape.meta().symbol, "rows": tape.rows(), "first_ns": first, "seed": seed})
            }
            Self::Streamed { venue, is_shadow: false, .. } => {
                serde_json::json!({"market": "venue", "venue": venue})
            }
            Self::Streamed { venue, is_shadow: true, .. } => {
                serde_json::json!({"market": "venue", "venue": venue, SHADOW: true})
            }
        }
    }

    /// The price sources that feed each instrument.
    #[must_use]
    pub fn sources(&self) -> Vec<PriceSource> {
        match self {
            Self::Generated { .. } | Self::Streamed { .. } => {
                vec![PriceSource::Last, PriceSource::Bid, PriceSource::Ask]
            }
            Self::Recorded(tape) => tape.sources().iter().collect(),
        }
    }

    /// When it begins, if it is generated now.
    ///
    /// # Errors
    /// When a tape has no rows.
    pub fn start(&self, now: Timestamp) -> Result<Timestamp, MarketError> {
        match self {
            Self::Generated { .. } | Self::Streamed { .. } => Ok(now),
            Self::Recorded(tape) => match tape.ts().first() {
                Some(&first) => Ok(Timestamp(first)),
                None => Err(MarketError::NoRows { symbol: tape.meta().symbol.clone() }),
            },
        }
    }

    /// When a run goes on of which `past` is known: a market of ours waited for us, the world did not.
    #[must_use]
    pub fn goes_on_at(&self, past: &Past, now: Timestamp) -> Timestamp {
        match self {
            Self::Generated { .. } | Self::Recorded(_) => past.now,
            // What others say of the time sets no clock of ours.
            Self::Streamed { .. } => past.last.max(now),
        }
    }

    /// Whether the demo opens its positions. At a venue others do.
    #[must_use]
    pub const fn has_demo(&self) -> bool {
        match self {
            Self::Generated { .. } | Self::Recorded(_) => true,
            Self::Streamed { .. } => false,
        }
    }

    /// Its rows, from `start` on, for a desk that gave its instruments these cells.
    #[must_use]
    pub fn open(self, start: Timestamp, cells: Vec<[CellId; 5]>) -> Source {
        let rows = match self {
            Self::Generated { seed, script } => {
                let markets: Vec<MarketSpec> = demo_markets();
                let generator = Box::new(Generator::new(seed, script, start, &markets));
                Rows::Generated { generator, regimes: vec![None; markets.len()] }
            }
            Self::Recorded(tape) => Rows::Recorded { tape, next: 0, verified: 0 },
            Self::Streamed { instruments, news, is_shadow, clock, .. } => Rows::Streamed {
                symbols: instruments.into_iter().map(|of| of.symbol).collect(),
                news,
                waiting: VecDeque::new(),
                is_shadow,
                clock,
            },
        };
        Source { rows, cells }
    }
}

impl Source {
    /// The time of the next row; none when a recorded market has ended.
    #[inline]
    #[must_use]
    pub fn next_at(&self) -> Option<Timestamp> {
        match &self.rows {
            Rows::Generated { generator, .. } => Some(generator.peek().at),
            Rows::Recorded { tape, next, .. } => tape.ts().get(*next).map(|&at| Timestamp(at)),
            // It never ends; when the next one comes nobody knows.
            Rows::Streamed { waiting, .. } => Some(waiting.front().map_or(Timestamp::NEVER, |(at, _)| *at)),
        }
    }

    /// Hears what was said until `now`.
    pub fn listen(&mut self, now: Timestamp) {
        if let Rows::Streamed { news, waiting, is_shadow, .. } = &mut self.rows {
            let told = std::iter::from_fn(|| news.try_recv().ok());
            let told = told.filter(|news| !(*is_shadow && matches!(news, News::Opened(_))));
            waiting.extend(told.map(|news| (now, news)));
        }
    }

    /// What comes next, if it is no price.
    pub fn take_said(&mut self) -> Option<Said> {
        let Rows::Streamed { waiting, clock, .. } = &mut self.rows else { return None };
        if let Some(behind) = clock.news() {
            return Some(Said::Clock(behind));
        }
        match waiting.pop_front_if(|(_, news)| !matches!(news, News::Price(_)))?.1 {
            News::Price(_) => None,
            News::Up => Some(Said::Up),
            News::Down(why) => Some(Said::Down(why)),
            News::Opened(opened) => Some(Said::Opened(opened)),
        }
    }

    /// Passes over the rows up to `to`, inclusive, which were lived through before; `books` is told the
    /// last of their prices.
    pub fn skip_past(&mut self, to: Timestamp, books: &mut [Book]) {
        match &mut self.rows {
            Rows::Generated { generator, .. } => {
                while generator.peek().at <= to
                    && let Some(quote) = generator.next()
                {
                    books[quote.market] =
                        Book { bid: Some(quote.bid), ask: Some(quote.ask), last: Some(quote.last) };
                }
            }
            Rows::Recorded { tape, next, .. } => {
                *next = tape.ts().partition_point(|&at| at <= to.0);
                // The newest price of each source that a book knows, from the last row backwards.
                for row in (0..*next).rev() {
                    let Some(source) = PriceSource::from_code(tape.source()[row]) else { continue };
                    let price = Price(tape.price()[row]);
                    books[0].recall(source, price);
                    if books[0].is_complete(&tape.sources().iter().collect::<Vec<_>>()) {
                        break;
                    }
                }
            }
            Rows::Streamed { .. } => {}
        }
    }

    /// Whether it goes on without us.
    #[must_use]
    pub const fn is_the_world(&self) -> bool {
        matches!(self.rows, Rows::Streamed { .. })
    }

    /// How old the newest price may become before something is wrong. A generated market speaks
    /// every 30 ms; a recorded one may be silent as long as the plan's own patience, 30 s.
    #[must_use]
    pub const fn quote_age_max(&self) -> Span {
        match self.rows {
            Rows::Generated { .. } | Rows::Streamed { .. } => Span::from_secs(5),
            Rows::Recorded { .. } => Span::from_secs(30),
        }
    }

    /// A change of regime that the next row brings, told once.
    pub fn regime_change(&mut self) -> Option<RegimeChange> {
        let Rows::Generated { generator, regimes } = &mut self.rows else { return None };
        let quote = generator.peek();
        let regime = generator.regime(quote.market);
        if regimes[quote.market] == Some(regime) {
            return None;
        }
        regimes[quote.market] = Some(regime);
        Some(RegimeChange { instrument: quote.market, at: quote.at, regime })
    }

    /// The prices of the next row: quotes before the trade. `book` is told as well.
    ///
    /// # Errors
    /// When the rows of a tape are not what was written.
    pub fn next(&mut self, books: &mut [Book]) -> Result<Prices, TapeError> {
        match &mut self.rows {
            Rows::Generated { generator, .. } => {
                let Some(quote) = generator.next() else { return Ok(Prices::default()) };
                let cells = &self.cells[quote.market];
                books[quote.market] =
                    Book { bid: Some(quote.bid), ask: Some(quote.ask), last: Some(quote.last) };
                let tick = |source: PriceSource, price, qty| Tick {
                    at: quote.at,
                    price,
                    qty,
                    cell: cells[source as usize],
                    probe: Probe::TICK,
                };
                let mut prices = Prices::default();
                prices.push(tick(PriceSource::Bid, quote.bid, Qty(0)));
                prices.push(tick(PriceSource::Ask, quote.ask, Qty(0)));
                prices.push(tick(PriceSource::Last, quote.last, quote.qty));
                Ok(prices)
            }
            Rows::Recorded { tape, next, verified } => {
                if *next >= *verified {
                    let to = (*next + VERIFY_ROWS).min(tape.rows());
                    tape.verify_rows(*next, to)?;
                    *verified = to;
                }
                let row = *next;
                *next += 1;
                let mut prices = Prices::default();
                let price = Price(tape.price()[row]);
                let Some(source) = PriceSource::from_code(tape.source()[row]) else { return Ok(prices) };
                match source {
                    PriceSource::Bid => books[0].bid = Some(price),
                    PriceSource::Ask => books[0].ask = Some(price),
                    PriceSource::Last => books[0].last = Some(price),
                    PriceSource::Mark | PriceSource::Index => {}
                }
                prices.push(Tick {
                    at: Timestamp(tape.ts()[row]),
                    price,
                    qty: Qty(tape.qty()[row]),
                    cell: self.cells[0][source as usize],
                    probe: Probe::TICK,
                });
                Ok(prices)
            }
            Rows::Streamed { symbols, waiting, clock, .. } => {
                let Some((heard, News::Price(price))) = waiting.pop_front() else {
                    return Ok(Prices::default());
                };
                let at = clock.price(Timestamp(price.at), heard);
                let known = symbols.iter().position(|symbol| *symbol == price.instrument);
                let told = known.map(|known| told_price(&price, at, &self.cells[known], &mut books[known]));
                Ok(Prices { ticks: [told, None, None] })
            }
        }
    }
}

/// A price that a venue told, for the cell of its source.
fn told_price(price: &line::Price, at: Timestamp, cells: &[CellId; 5], book: &mut Book) -> Tick {
    let (source, known) = match price.source {
        PriceOf::Last => (PriceSource::Last, &mut book.last),
        PriceOf::Bid => (PriceSource::Bid, &mut book.bid),
        PriceOf::Ask => (PriceSource::Ask, &mut book.ask),
    };
    let cell = cells[source as usize];
    let (price, qty) = (Price(price.price), Qty(price.qty.max(0)));
    *known = Some(price);
    Tick { at, price, qty, cell, probe: Probe::TICK }
}

/// The prices of one row: at most one of each of bid, ask and last.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prices {
    ticks: [Option<Tick>; 3],
}

impl Prices {
    fn push(&mut self, tick: Tick) {
        if let Some(place) = self.ticks.iter_mut().find(|place| place.is_none()) {
            *place = Some(tick);
        }
    }

    /// In the order in which they are passed on.
    pub fn iter(&self) -> impl Iterator<Item = &Tick> {
        self.ticks.iter().flatten()
    }
}

/// The instrument with this number.
#[must_use]
pub fn instrument_id(index: usize) -> InstrumentId {
    InstrumentId(u32::try_from(index).expect("a run has few instruments"))
}
