//! The market files of a job, brought to one scale per instrument.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ripcord_core::Coordinator;
use ripcord_core::cell::CellId;
use ripcord_core::id::InstrumentId;
use ripcord_core::instrument::Instrument;
use ripcord_core::market::{Bar, PriceSource};
use ripcord_core::num::{Price, Ratio, fixed};
use ripcord_core::time::{Span, Timestamp};

use super::{Feed, JobError, PositionRow, Registered, bar_origin, in_order};
use crate::candles::{CandlePolicy, CandleProbe};
use crate::import::{self, Candles, ImportOptions, Market};
use crate::instruments;
use crate::replay::{Happening, Rank, Stream};
use crate::tape::{Columns, SourceSet, Tape, TapeMeta};
use crate::venue::SimVenue;

/// One file's prices, as a tape.
struct Prices {
    symbol: String,
    tape: Tape,
    probes: &'static [CandleProbe],
    /// The closed bars of a candle file.
    bars: Option<Candles>,
}

/// Everything the market files say.
pub(super) struct Markets {
    prices: Vec<Prices>,
    funding: Vec<(String, Vec<(i64, Ratio)>)>,
    instruments: BTreeMap<String, Instrument>,
}

impl Markets {
    pub(super) fn read(
        files: &[PathBuf],
        symbol: Option<&str>,
        policy: CandlePolicy,
        progress: &dyn Fn(&str),
    ) -> Result<Self, JobError> {
        let mut markets = Self { prices: Vec::new(), funding: Vec::new(), instruments: BTreeMap::new() };
        for file in files {
            progress(&format!("reading {}", file.display()));
            markets.read_file(file, symbol, policy)?;
        }
        if markets.prices.is_empty() {
            return Err(JobError::Market(
                "--market has no prices; give a tape, trades, quotes or candles".to_owned(),
            ));
        }
        Ok(markets)
    }

    fn read_file(&mut self, file: &Path, symbol: Option<&str>, policy: CandlePolicy) -> Result<(), JobError> {
        if file.extension().is_some_and(|extension| extension == "tape") {
            let tape = Tape::open(file)?;
            let symbol = symbol.map_or_else(|| tape.meta().symbol.clone(), str::to_owned);
            self.prices.push(Prices { symbol, tape, probes: &[], bars: None });
            return Ok(());
        }
        match import::read(file, &ImportOptions { symbol, progress: None })? {
            Market::Ticks(ticks) => {
                let symbol = ticks.meta.symbol.clone();
                let tape = Tape::from_columns(ticks.meta, ticks.columns)?;
                self.prices.push(Prices { symbol, tape, probes: &[], bars: None });
            }
            Market::Candles(candles) => self.add_candles(file, candles, policy)?,
            Market::QuoteBars { bid, ask } => {
                self.add_candles(file, bid, policy)?;
                self.add_candles(file, ask, policy)?;
            }
            Market::Funding(funding) => self.funding.push((funding.symbol, funding.rates)),
        }
        Ok(())
    }

    fn add_candles(&mut self, file: &Path, candles: Candles, policy: CandlePolicy) -> Result<(), JobError> {
        if candles.span_ns <= 0 {
            let text = "the length of its bars is not known; name the file like SYMBOL-candles-1m or give more than one bar";
            return Err(JobError::Market(format!("{}: {text}", file.display())));
        }
        let (ts, price) = candles.columns.probe_rows(policy, candles.span_ns);
        let rows = ts.len();
        let source = vec![candles.source as u8; rows];
        let tape =
            Tape::from_columns(candles.meta.clone(), Columns { ts, price, qty: vec![0; rows], source })?;
        let symbol = candles.meta.symbol.clone();
        self.prices.push(Prices { symbol, tape, probes: policy.probes(), bars: Some(candles) });
        Ok(())
    }

    /// Records of all files: ticks and candles.
    pub(super) fn records(&self) -> u64 {
        self.prices.iter().map(|p| (p.tape.rows() / p.probes.len().max(1)) as u64).sum()
    }

    pub(super) fn only_symbol(&self) -> Option<String> {
        let first = &self.prices.first()?.symbol;
        self.prices.iter().all(|prices| prices.symbol == *first).then(|| first.clone())
    }

    pub(super) fn has_candles(&self) -> bool {
        self.prices.iter().any(|prices| !prices.probes.is_empty())
    }

    /// One scale per instrument that covers its files, its definition and the positions' digits.
    pub(super) fn settle_scales(
        &mut self,
        defined: &[Instrument],
        rows: &[PositionRow],
        was_given: bool,
        notes: &mut Vec<String>,
    ) -> Result<(), JobError> {
        let symbols: Vec<String> = self.prices.iter().map(|prices| prices.symbol.clone()).collect();
        for symbol in symbols {
            if self.instruments.contains_key(&symbol) {
                continue;
            }
            let files = self.prices.iter().filter(|prices| prices.symbol == symbol);
            let scales = files.fold((0, 0), |(price, qty), file| {
                let meta = file.tape.meta();
                (price.max(meta.price_decimals), qty.max(meta.qty_decimals))
            });
            let held = rows.iter().filter(|row| row.symbol == symbol);
            let finest = held.fold(scales, |(price, qty), row| {
                (price.max(row.entry_price.decimals()), qty.max(row.qty.decimals()))
            });
            let instrument = match defined.iter().find(|instrument| instrument.symbol == symbol) {
                Some(known) => instruments::widen(known, finest.0, finest.1).ok_or_else(|| {
                    JobError::Market(format!("{symbol}: prices with {} and quantities with {} decimals cannot be multiplied exactly; give fewer digits", finest.0, finest.1))
                })?,
                None if was_given => {
                    let text = format!("{symbol}: the instruments file does not define it; add it, or leave the file out");
                    return Err(JobError::Market(text));
                }
                None => {
                    let inferred = instruments::infer(&symbol, finest.0, finest.1);
                    notes.push(self.inferred_note(&symbol, finest));
                    inferred
                }
            };
            self.rescale(&symbol, &instrument)?;
            self.instruments.insert(symbol, instrument);
        }
        Ok(())
    }

    /// What was inferred, from what, and how to say it.
    fn inferred_note(&self, symbol: &str, (price, qty): (u8, u8)) -> String {
        let mut files = self.prices.iter().filter(|prices| prices.symbol == symbol);
        let has_qty =
            files.any(|prices| prices.probes.is_empty() && prices.tape.qty().iter().any(|&q| q > 0));
        let (tick, lot) = (fixed(1, price), fixed(1, qty));
        let told = if has_qty {
            format!(
                "tick size {tick} and lot size {lot} are inferred from the digits of prices and quantities, closing zeros left out"
            )
        } else {
            format!(
                "tick size {tick} is inferred from the digits of the prices; the market has no quantities, so the lot size {lot} comes from the digits of the positions file, closing zeros left out"
            )
        };
        format!(
            "{symbol}: {told}; what is less than a lot is never sold, so give --instruments FILE with symbol = \"{symbol}\", tick_size and lot_size when ladder legs are small (docs/plans.md, Instruments)"
        )
    }

    fn rescale(&mut self, symbol: &str, instrument: &Instrument) -> Result<(), JobError> {
        for prices in self.prices.iter_mut().filter(|prices| prices.symbol == *symbol) {
            let meta = prices.tape.meta();
            let (price, qty) = (meta.price_decimals, meta.qty_decimals);
            if let Some(bars) = &mut prices.bars {
                let columns = &mut bars.columns;
                for column in [&mut columns.high, &mut columns.low, &mut columns.close] {
                    finer_column(symbol, column, price, instrument.price_decimals)?;
                }
            }
            // Candles carry no quantities; a tape of theirs only needs the price scale.
            let qty_to = if prices.probes.is_empty() { instrument.qty_decimals } else { qty };
            if (price, qty) == (instrument.price_decimals, qty_to) {
                continue;
            }
            prices.tape.verify_rows(0, prices.tape.rows())?;
            let mut columns = Columns {
                ts: prices.tape.ts().to_vec(),
                price: prices.tape.price().to_vec(),
                qty: prices.tape.qty().to_vec(),
                source: prices.tape.source().to_vec(),
            };
            finer_column(symbol, &mut columns.price, price, instrument.price_decimals)?;
            finer_column(symbol, &mut columns.qty, qty, qty_to)?;
            let meta = TapeMeta {
                symbol: symbol.to_owned(),
                price_decimals: instrument.price_decimals,
                qty_decimals: qty_to,
            };
            prices.tape = Tape::from_columns(meta, columns)?;
        }
        Ok(())
    }

    /// Registers every instrument on both sides of the desk.
    pub(super) fn register(
        &self,
        coordinator: &mut Coordinator,
        venue: &mut SimVenue,
        notes: &mut Vec<String>,
    ) -> Result<Registered, JobError> {
        let mut registered = Registered::new();
        for ((symbol, instrument), Feed { sources, bars }) in self.instruments.iter().zip(self.feeds()) {
            let id = coordinator.add_instrument(instrument.clone(), &sources, bars)?;
            let fed: Vec<(PriceSource, CellId)> =
                sources.iter().map(|&source| (source, coordinator.cell(id, source))).collect();
            venue.add_instrument(id, instrument.clone(), &fed);
            note_stand_ins(symbol, &sources, notes);
            registered.insert(symbol.clone(), (id, instrument.clone()));
        }
        for (symbol, _) in &self.funding {
            if !registered.contains_key(symbol) {
                notes.push(format!("{symbol}: funding is given but no prices; it is left out"));
            }
        }
        Ok(registered)
    }

    /// What feeds each instrument.
    pub(super) fn feeds(&self) -> Vec<Feed> {
        let feed = |symbol: &String| {
            let files = || self.prices.iter().filter(|prices| prices.symbol == *symbol);
            let sources = in_order(files().flat_map(|prices| occurring(prices.tape.sources())).collect());
            let has_bars =
                files().any(|p| p.bars.as_ref().is_some_and(|bars| bars.source != PriceSource::Mark));
            Feed { sources, bars: bar_origin(has_bars) }
        };
        self.instruments.keys().map(feed).collect()
    }

    pub(super) fn into_streams(
        self,
        ids: &Registered,
        coordinator: &Coordinator,
        wants_bars: bool,
    ) -> (Vec<Stream>, Vec<(Timestamp, Happening)>) {
        let (mut streams, mut happenings) = (Vec::new(), Vec::new());
        let mut has_bars: Vec<InstrumentId> = Vec::new();
        for prices in self.prices {
            let Some(&(id, _)) = ids.get(&prices.symbol) else { continue };
            if let Some(bars) = prices.bars.filter(|bars| wants_bars && bars.source != PriceSource::Mark)
                && !has_bars.contains(&id)
            {
                has_bars.push(id);
                happenings.extend(closed_bars(id, &bars));
            }
            streams.push(Stream {
                cells: PriceSource::ALL.map(|source| coordinator.cell(id, source)),
                rank: rank(prices.tape.sources()),
                probes: prices.probes,
                tape: prices.tape,
            });
        }
        for (symbol, rates) in self.funding {
            if let Some(&(id, _)) = ids.get(&symbol) {
                happenings.extend(
                    rates.into_iter().map(|(at, rate)| (Timestamp(at), Happening::Funding(id, rate))),
                );
            }
        }
        (streams, happenings)
    }
}

fn closed_bars(id: InstrumentId, bars: &Candles) -> Vec<(Timestamp, Happening)> {
    let span = Span(bars.span_ns);
    let columns = &bars.columns;
    (0..columns.len())
        .map(|index| {
            let bar = Bar {
                instrument: id,
                span,
                start: Timestamp(columns.ts[index]),
                high: Price(columns.high[index]),
                low: Price(columns.low[index]),
                close: Price(columns.close[index]),
            };
            (bar.start.after(span), Happening::Bar(bar))
        })
        .collect()
}

fn occurring(sources: SourceSet) -> Vec<PriceSource> {
    PriceSource::ALL.into_iter().filter(|&source| sources.contains(source)).collect()
}

fn rank(sources: SourceSet) -> Rank {
    if sources.contains(PriceSource::Last) {
        Rank::Trade
    } else if sources.contains(PriceSource::Bid) || sources.contains(PriceSource::Ask) {
        Rank::Quote
    } else {
        Rank::Mark
    }
}

fn note_stand_ins(symbol: &str, sources: &[PriceSource], notes: &mut Vec<String>) {
    let stand_in = if sources.contains(&PriceSource::Last) { PriceSource::Last } else { sources[0] };
    let word = |source: PriceSource| match source {
        PriceSource::Last => "last",
        PriceSource::Bid => "bid",
        PriceSource::Ask => "ask",
        PriceSource::Mark => "mark",
        PriceSource::Index => "index",
    };
    let missing = [PriceSource::Last, PriceSource::Bid, PriceSource::Ask, PriceSource::Mark];
    let missing: Vec<&str> =
        missing.into_iter().filter(|source| !sources.contains(source)).map(word).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        notes.push(format!(
            "{symbol}: no {missing} price in the files; the {} price stands in",
            word(stand_in)
        ));
    }
}

fn finer_column(symbol: &str, column: &mut [i64], from: u8, to: u8) -> Result<(), JobError> {
    if from >= to {
        return Ok(());
    }
    let factor = 10_i64.checked_pow(u32::from(to - from));
    for value in column {
        let scaled = factor.and_then(|factor| value.checked_mul(factor));
        *value = scaled.ok_or_else(|| {
            let shown = fixed(i128::from(*value), from);
            JobError::Market(format!("{symbol}: {shown} does not fit {to} decimals; give fewer digits"))
        })?;
    }
    Ok(())
}
