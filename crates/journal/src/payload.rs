//! The payload of a record: the binary form of its kind's content.
//!
//! The content stands alone, without the number of its kind: the envelope has that, and the order
//! of the variants of [`Record`] does not matter. Two contents hold JSON text inside: the plan,
//! because it grows by fields with defaults, and the settings, which belong to whoever wrote them.

use postcard::{Error as Postcard, take_from_bytes, to_extend};
use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{self, Record};
use ripcord_core::id::InstrumentId;
use ripcord_core::instrument::{Instrument, MarketKind};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::planted::planted;
use ripcord_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::entry::{InstrumentEntry, JournalEntry, PlanEntry};
use crate::kind::Kind;

/// Why a payload cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The kind is not in this program's table.
    #[error("kind {0} is not known to this program; a newer one wrote it, use that")]
    UnknownKind(u16),
    /// The content is of a newer version.
    #[error("kind {kind} has version {version}; this program reads up to {known}, use a newer one")]
    Newer {
        /// The kind's number.
        kind: u16,
        /// The version found.
        version: u16,
        /// The newest that is read.
        known: u16,
    },
    /// The bytes are not a content of this kind.
    #[error("the payload is no {word} (kind {kind}): {why}")]
    Undecodable {
        /// The kind's number.
        kind: u16,
        /// Its word.
        word: &'static str,
        /// What the decoder says.
        why: String,
    },
    /// The content cannot be written.
    #[error("a {word} cannot be written: {why}")]
    Unwritable {
        /// The kind's word.
        word: &'static str,
        /// What the encoder says.
        why: String,
    },
}

/// An instrument's content before it said what kind of market it is.
#[derive(Deserialize)]
struct InstrumentEntryV1 {
    rules: InstrumentV1,
    sources: Vec<PriceSource>,
    bars: BarOrigin,
}

#[derive(Deserialize)]
struct InstrumentV1 {
    symbol: String,
    version: u16,
    price_decimals: u8,
    qty_decimals: u8,
    tick_size: Price,
    lot_size: Qty,
    qty_min: Qty,
    notional_min: Money,
}

impl From<InstrumentEntryV1> for InstrumentEntry {
    fn from(entry: InstrumentEntryV1) -> Self {
        let InstrumentEntryV1 { rules, sources, bars } = entry;
        let rules = Instrument {
            symbol: rules.symbol,
            version: rules.version,
            price_decimals: rules.price_decimals,
            qty_decimals: rules.qty_decimals,
            tick_size: rules.tick_size,
            lot_size: rules.lot_size,
            qty_min: rules.qty_min,
            notional_min: rules.notional_min,
            kind: MarketKind::Futures,
            market_qty_max: Qty(0),
        };
        Self { rules, sources, bars }
    }
}

/// A plan's content: the plan itself is JSON.
#[derive(Serialize, Deserialize)]
struct PlanText<'a> {
    instrument: InstrumentId,
    #[serde(borrow)]
    spec: std::borrow::Cow<'a, str>,
}

/// Writes the payload of `entry` at the end of `out`.
///
/// # Errors
/// When a plan or text cannot be written; no entry that this program made is such.
pub fn encode(entry: &JournalEntry, out: Vec<u8>) -> Result<Vec<u8>, PayloadError> {
    let written = match entry {
        JournalEntry::Founded(founded) => to_extend(founded, out),
        JournalEntry::Taken(taken) => to_extend(taken, out),
        JournalEntry::Instrument(instrument) => to_extend(instrument, out),
        JournalEntry::Plan(plan) => {
            let spec = serde_json::to_string(&plan.spec).map_err(|why| unwritable(entry.kind(), &why))?;
            to_extend(&PlanText { instrument: plan.instrument, spec: spec.into() }, out)
        }
        JournalEntry::Account(account) => to_extend(account, out),
        JournalEntry::Position(position) => to_extend(position, out),
        JournalEntry::Settings(settings) => to_extend(settings, out),
        JournalEntry::Restored(restored) => to_extend(restored, out),
        JournalEntry::Imported(trade) => to_extend(trade, out),
        JournalEntry::Fact(fact) => write_fact(&fact.record, out),
    };
    written.map_err(|why| unwritable(entry.kind(), &why))
}

/// Writes the payload of a fact at the end of `out`.
///
/// # Errors
/// None that this program made is such.
pub fn encode_fact(record: &Record, out: Vec<u8>) -> Result<Vec<u8>, PayloadError> {
    write_fact(record, out).map_err(|why| unwritable(Kind::of(record), &why))
}

fn write_fact(record: &Record, out: Vec<u8>) -> Result<Vec<u8>, Postcard> {
    match record {
        Record::Observed(observed) => to_extend(observed, out),
        Record::Input(event) => to_extend(event, out),
        Record::Opened(opened) => to_extend(opened, out),
        Record::Added(added) => to_extend(added, out),
        Record::PlanChanged { episode, from, to } => to_extend(&(episode, from, to), out),
        Record::StopMoved { episode, from, to, origin } => to_extend(&(episode, from, to, origin), out),
        Record::TrailingActivated { episode, extreme, stop } => to_extend(&(episode, extreme, stop), out),
        Record::ExitDecided(decided) => to_extend(decided, out),
        Record::OrderIntended(order) => to_extend(order, out),
        Record::GateBlocked { id, why } => to_extend(&(id, why), out),
        Record::OrderAccepted(id) => to_extend(id, out),
        Record::Filled(filled) => to_extend(filled, out),
        Record::OrderEnded { id, .. } if planted(118) => to_extend(&(id, event::OrderEnd::Cancelled), out),
        Record::OrderEnded { id, how } => to_extend(&(id, how), out),
        Record::FundingPaid { episode, amount } => to_extend(&(episode, amount), out),
        Record::Signalled { episode, until } => to_extend(&(episode, until), out),
        Record::ExitConcluded { episode, exit, why } => to_extend(&(episode, exit, why), out),
        Record::Closed { episode } => to_extend(episode, out),
        Record::BarClosed(bar) => to_extend(bar, out),
        Record::CommandRefused(why) => to_extend(why, out),
        Record::Alarm { episode, what } => to_extend(&(episode, what), out),
        Record::Deferred { episode, reason, bracket, held } => {
            to_extend(&(episode, reason, bracket, held), out)
        }
        Record::BracketTriggered { episode, trigger, price } => to_extend(&(episode, trigger, price), out),
        Record::KillLevel { account, level } => to_extend(&(account, level), out),
        Record::Managed(given) => to_extend(given, out),
        Record::ReadFailed { account, in_a_row } => to_extend(&(account, in_a_row), out),
        Record::Reconciled(reconciled) => to_extend(reconciled, out),
        Record::Adopted(adopted) => to_extend(adopted, out),
        Record::LeftOutside(left) => to_extend(left, out),
        Record::Released { episode, qty, keeps_stop } => to_extend(&(episode, qty, keeps_stop), out),
        Record::HandedOver(key) => to_extend(key, out),
        Record::OrdersListed(listed) => to_extend(listed, out),
        Record::Returned(returned) => to_extend(returned, out),
        Record::OrdersStale { account, since } => to_extend(&(account, since), out),
        Record::OrdersPaced { account, pace, until } => to_extend(&(account, pace, until), out),
        Record::Suspected { .. }
        | Record::Confirmed { .. }
        | Record::Contradicted { .. }
        | Record::PriceDoubted(_)
        | Record::PricesStale { .. }
        | Record::PricesBack { .. }
        | Record::Jump(_)
        | Record::Diverged { .. }
        | Record::Converged { .. } => encode_of_prices(record, out),
    }
}

fn encode_of_prices(record: &Record, out: Vec<u8>) -> Result<Vec<u8>, Postcard> {
    match record {
        Record::Suspected { episode, reason, level, price, until } => {
            to_extend(&(episode, reason, level, price, until), out)
        }
        Record::Confirmed { episode, reason, by, price } => to_extend(&(episode, reason, by, price), out),
        Record::Contradicted { episode, reason, source, price } => {
            to_extend(&(episode, reason, source, price), out)
        }
        Record::PriceDoubted(doubted) => to_extend(doubted, out),
        Record::PricesStale { instrument, source, last, since } => {
            to_extend(&(instrument, source, last, since), out)
        }
        Record::PricesBack { instrument, source, price } => to_extend(&(instrument, source, price), out),
        Record::Jump(jump) => to_extend(jump, out),
        Record::Diverged { instrument, mark, last } | Record::Converged { instrument, mark, last } => {
            to_extend(&(instrument, mark, last), out)
        }
        _ => unreachable!("only records of prices come here"),
    }
}

/// Reads a payload; `at` is the time of its envelope.
///
/// # Errors
/// An unknown kind, a newer version, or bytes that are no such content.
pub fn decode(kind: u16, version: u16, at: Timestamp, bytes: &[u8]) -> Result<JournalEntry, PayloadError> {
    let Some(known) = Kind::from_number(kind) else { return Err(PayloadError::UnknownKind(kind)) };
    if version > known.version() {
        return Err(PayloadError::Newer { kind, version, known: known.version() });
    }
    if version == 0 {
        return Err(undecodable(known, &"its version is 0; the first is 1"));
    }
    let entry = match known {
        Kind::Founded => JournalEntry::Founded(whole(known, bytes)?),
        Kind::Taken => JournalEntry::Taken(whole(known, bytes)?),
        Kind::Instrument if version == 1 => {
            let entry: InstrumentEntryV1 = whole(known, bytes)?;
            JournalEntry::Instrument(Box::new(entry.into()))
        }
        Kind::Instrument => JournalEntry::Instrument(whole(known, bytes)?),
        Kind::Plan => JournalEntry::Plan(Box::new(plan(bytes)?)),
        Kind::Account => JournalEntry::Account(whole(known, bytes)?),
        Kind::Position => JournalEntry::Position(whole(known, bytes)?),
        Kind::Settings => JournalEntry::Settings(whole(known, bytes)?),
        Kind::Restored => JournalEntry::Restored(whole(known, bytes)?),
        Kind::Imported => JournalEntry::Imported(whole(known, bytes)?),
        _ => JournalEntry::Fact(event::Entry { at, record: decode_fact(known, bytes)? }),
    };
    Ok(entry)
}

fn plan(bytes: &[u8]) -> Result<PlanEntry, PayloadError> {
    let text: PlanText<'_> = whole(Kind::Plan, bytes)?;
    let spec = serde_json::from_str(&text.spec).map_err(|why| undecodable(Kind::Plan, &why))?;
    Ok(PlanEntry { instrument: text.instrument, spec })
}

fn decode_fact(kind: Kind, bytes: &[u8]) -> Result<Record, PayloadError> {
    Ok(match kind {
        Kind::Observed => Record::Observed(whole(kind, bytes)?),
        Kind::Input => Record::Input(whole(kind, bytes)?),
        Kind::Opened => Record::Opened(whole(kind, bytes)?),
        Kind::Added => Record::Added(whole(kind, bytes)?),
        Kind::PlanChanged => {
            let (episode, from, to) = whole(kind, bytes)?;
            Record::PlanChanged { episode, from, to }
        }
        Kind::StopMoved => {
            let (episode, from, to, origin) = whole(kind, bytes)?;
            Record::StopMoved { episode, from, to, origin }
        }
        Kind::TrailingActivated => {
            let (episode, extreme, stop) = whole(kind, bytes)?;
            Record::TrailingActivated { episode, extreme, stop }
        }
        Kind::ExitDecided => Record::ExitDecided(whole(kind, bytes)?),
        Kind::OrderIntended => Record::OrderIntended(whole(kind, bytes)?),
        Kind::GateBlocked => {
            let (id, why) = whole(kind, bytes)?;
            Record::GateBlocked { id, why }
        }
        Kind::OrderAccepted => Record::OrderAccepted(whole(kind, bytes)?),
        Kind::Filled => Record::Filled(whole(kind, bytes)?),
        Kind::OrderEnded => {
            let (id, how) = whole(kind, bytes)?;
            Record::OrderEnded { id, how }
        }
        Kind::FundingPaid => {
            let (episode, amount) = whole(kind, bytes)?;
            Record::FundingPaid { episode, amount }
        }
        Kind::Signalled => {
            let (episode, until) = whole(kind, bytes)?;
            Record::Signalled { episode, until }
        }
        Kind::ExitConcluded => {
            let (episode, exit, why) = whole(kind, bytes)?;
            Record::ExitConcluded { episode, exit, why }
        }
        Kind::Closed => Record::Closed { episode: whole(kind, bytes)? },
        Kind::BarClosed => Record::BarClosed(whole(kind, bytes)?),
        Kind::CommandRefused => Record::CommandRefused(whole(kind, bytes)?),
        Kind::Alarm => {
            let (episode, what) = whole(kind, bytes)?;
            Record::Alarm { episode, what }
        }
        _ => match kind.number() {
            121..=130 | 141..=149 => decode_later(kind, bytes)?,
            131..=140 => decode_read(kind, bytes)?,
            _ => return Err(undecodable(kind, &"it is no fact of the core")),
        },
    })
}

/// Reads what came after the first facts.
fn decode_later(kind: Kind, bytes: &[u8]) -> Result<Record, PayloadError> {
    Ok(match kind {
        Kind::Deferred => {
            let (episode, reason, bracket, held) = whole(kind, bytes)?;
            Record::Deferred { episode, reason, bracket, held }
        }
        Kind::BracketTriggered => {
            let (episode, trigger, price) = whole(kind, bytes)?;
            Record::BracketTriggered { episode, trigger, price }
        }
        Kind::KillLevel => {
            let (account, level) = whole(kind, bytes)?;
            Record::KillLevel { account, level }
        }
        Kind::OrdersPaced => {
            let (account, pace, until) = whole(kind, bytes)?;
            Record::OrdersPaced { account, pace, until }
        }
        Kind::Suspected => {
            let (episode, reason, level, price, until) = whole(kind, bytes)?;
            Record::Suspected { episode, reason, level, price, until }
        }
        Kind::Confirmed => {
            let (episode, reason, by, price) = whole(kind, bytes)?;
            Record::Confirmed { episode, reason, by, price }
        }
        Kind::Contradicted => {
            let (episode, reason, source, price) = whole(kind, bytes)?;
            Record::Contradicted { episode, reason, source, price }
        }
        Kind::PriceDoubted => Record::PriceDoubted(whole(kind, bytes)?),
        Kind::PricesStale => {
            let (instrument, source, last, since) = whole(kind, bytes)?;
            Record::PricesStale { instrument, source, last, since }
        }
        Kind::PricesBack => {
            let (instrument, source, price) = whole(kind, bytes)?;
            Record::PricesBack { instrument, source, price }
        }
        Kind::Jump => Record::Jump(whole(kind, bytes)?),
        Kind::Diverged => {
            let (instrument, mark, last) = whole(kind, bytes)?;
            Record::Diverged { instrument, mark, last }
        }
        Kind::Converged => {
            let (instrument, mark, last) = whole(kind, bytes)?;
            Record::Converged { instrument, mark, last }
        }
        _ => return Err(undecodable(kind, &"it is no later fact")),
    })
}

/// A fact about what the venue says is held.
fn decode_read(kind: Kind, bytes: &[u8]) -> Result<Record, PayloadError> {
    Ok(match kind {
        Kind::Managed => Record::Managed(whole(kind, bytes)?),
        Kind::ReadFailed => {
            let (account, in_a_row) = whole(kind, bytes)?;
            Record::ReadFailed { account, in_a_row }
        }
        Kind::Reconciled => Record::Reconciled(whole(kind, bytes)?),
        Kind::Adopted => Record::Adopted(whole(kind, bytes)?),
        Kind::LeftOutside => Record::LeftOutside(whole(kind, bytes)?),
        Kind::Released => {
            let (episode, qty, keeps_stop) = whole(kind, bytes)?;
            Record::Released { episode, qty, keeps_stop }
        }
        Kind::HandedOver => Record::HandedOver(whole(kind, bytes)?),
        Kind::OrdersListed => Record::OrdersListed(whole(kind, bytes)?),
        Kind::Returned => Record::Returned(whole(kind, bytes)?),
        Kind::OrdersStale => {
            let (account, since) = whole(kind, bytes)?;
            Record::OrdersStale { account, since }
        }
        _ => return Err(undecodable(kind, &"it is no fact about a read")),
    })
}

/// Reads a value that takes up all of `bytes`.
fn whole<'a, T: Deserialize<'a>>(kind: Kind, bytes: &'a [u8]) -> Result<T, PayloadError> {
    let (value, rest) = take_from_bytes(bytes).map_err(|why| undecodable(kind, &why))?;
    if rest.is_empty() {
        return Ok(value);
    }
    Err(undecodable(kind, &format_args!("{} of its {} bytes are left over", rest.len(), bytes.len())))
}

fn undecodable(kind: Kind, why: &dyn std::fmt::Display) -> PayloadError {
    PayloadError::Undecodable { kind: kind.number(), word: kind.word(), why: why.to_string() }
}

fn unwritable(kind: Kind, why: &dyn std::fmt::Display) -> PayloadError {
    PayloadError::Unwritable { word: kind.word(), why: why.to_string() }
}
