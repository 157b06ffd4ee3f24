//! The words on the wire: one JSON object a line, each way. `docs/venue-lines.md` describes them.
//!
//! A line that is none is an error with its number, field and value; its length is bounded, and nothing a
//! peer sends makes the reader panic or remember without end.

use std::io::{BufRead, Read};

use ripcord_core::instrument::Side;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The name of the protocol, in the first line of each side.
pub const PROTOCOL: &str = "ripcord-venue-lines";
/// Its version. Another one is another conversation: neither side guesses.
pub const VERSION: u16 = 5;
/// The longest line, its end included.
pub const LINE_MAX: usize = 256 * 1024;
/// The longest client order id.
pub const ID_MAX: usize = 36;

/// What an engine says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Its first line.
    Hello(Hello),
    /// It wants prices from now on.
    Subscribe(Subscribe),
    /// An order that can only reduce.
    Submit(Order),
    /// Take an order away.
    Cancel(Named),
    /// What became of an order.
    Query(Named),
    /// What an account holds.
    Read(Asked),
    /// What rests in an account.
    List(Asked),
}

/// What a venue says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// Its first line.
    Hello(Welcome),
    /// A price.
    Price(Price),
    /// It has the order.
    Accepted(Named),
    /// It will not have the order.
    Refused(Refused),
    /// It triggered a stop.
    Triggered(Triggered),
    /// The order traded.
    Filled(Filled),
    /// It took the order away on the engine's word.
    Cancelled(Ended),
    /// It took the order away by its own rules.
    Expired(Ended),
    /// It cannot cancel the order.
    CancelRefused(Named),
    /// It has or had the order.
    Found(Found),
    /// It does not know the order.
    NotFound(Named),
    /// What an account holds, all of it; or that it cannot be read.
    Read(Reading),
    /// What rests in an account, all of it; or that it cannot be listed.
    Listed(Listing),
    /// Somebody beside the engine opened a position, and says so.
    Opened(Opened),
    /// A line of the engine's was none; the conversation ends.
    Error(Fault),
}

/// Who speaks, and in which version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// [`PROTOCOL`].
    pub protocol: String,
    /// [`VERSION`].
    pub version: u16,
    /// The program, for the venue's log.
    pub client: String,
}

/// Nothing to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {}

/// Which venue this is, and what is traded there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Welcome {
    /// [`PROTOCOL`].
    pub protocol: String,
    /// [`VERSION`].
    pub version: u16,
    /// The venue's name: another name is another venue, with other positions.
    pub venue: String,
    /// Its clock, in nanoseconds since 1970 UTC.
    pub now: i64,
    /// Accounts are numbered from 0 up to this.
    pub accounts: u32,
    /// What is traded.
    pub instruments: Vec<Traded>,
}

/// An instrument. Prices and quantities on the wire are whole numbers of its smallest decimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traded {
    /// Its name.
    pub symbol: String,
    /// Decimals of its prices.
    pub price_decimals: u8,
    /// Decimals of its quantities.
    pub qty_decimals: u8,
    /// Prices are multiples of this.
    pub tick: i64,
    /// Quantities are multiples of this.
    pub lot: i64,
}

/// An order that can only reduce a position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The engine's id of it.
    pub id: String,
    /// The account.
    pub account: u32,
    /// The instrument's symbol.
    pub instrument: String,
    /// The side of the position that it reduces.
    pub side: Side,
    /// How much at most.
    pub qty: i64,
    /// How it meets the market.
    pub kind: Kind,
}

/// How an order meets the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// Now, at any price.
    Market(Subscribe),
    /// Now, at the limit or better; what is left waits there.
    MarketableLimit(i64),
    /// Waits at the limit.
    RestingLimit(i64),
    /// Waits for the trigger, then goes to the market.
    Stop(i64),
    /// Now, at the limit or better; what is left is taken away.
    ImmediateLimit(i64),
    /// As a stop, by the mark price; a venue with one price has no other.
    MarkStop(i64),
}

/// An order by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The engine's id of it.
    pub id: String,
}

/// A question about an account. Its number comes back with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The question's number.
    pub n: u64,
    /// The account.
    pub account: u32,
}

/// One price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The instrument's symbol.
    pub instrument: String,
    /// Which price.
    pub source: PriceOf,
    /// The price.
    pub price: i64,
    /// The traded quantity; 0 when it is no trade.
    pub qty: i64,
    /// The venue's time.
    pub at: i64,
}

/// Which price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceOf {
    /// The last trade.
    Last,
    /// The best bid.
    Bid,
    /// The best ask.
    Ask,
}

/// Why an order is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// The order.
    pub id: String,
    /// Why.
    pub why: Why,
}

/// Why an order is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// There is nothing to reduce.
    NothingToReduce,
    /// The venue is busy.
    Busy,
    /// No market orders now.
    MarketRefused,
    /// Another order locks the coins.
    CoinsMissing,
    /// There was an order of this id before.
    Duplicate,
    /// Anything else.
    Other,
}

/// A stop was triggered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Triggered {
    /// The order.
    pub id: String,
    /// The id of the order that trades in its place, where the venue has one of its own for that: its trades and
    /// its end are told under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub became: Option<String>,
}

/// A trade of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filled {
    /// The order.
    pub id: String,
    /// What the order traded in all so far.
    pub total: i64,
    /// What this trade is of it. Words of trades may be lost: whoever knows of less before it asks. Not said
    /// before version 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qty: Option<i64>,
    /// The price of this trade.
    pub price: i64,
    /// Its fee in the quote currency, in units of 10^-18, as text.
    #[serde(with = "amount")]
    pub fee: i128,
}

/// An order ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// The order.
    pub id: String,
    /// What it traded in all. Words of trades may be lost: whoever knows of less asks. Not said in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
}

/// What the venue knows of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The order.
    pub id: String,
    /// The quantity it was placed with.
    pub qty: i64,
    /// When it was placed, by the venue's clock.
    pub placed_at: i64,
    /// Where it stands.
    pub state: State,
    /// What it traded in all, if anything.
    pub traded: Option<Total>,
    /// As in [`Triggered`]: what trades, or traded, in its place. Not said before version 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub became: Option<String>,
}

/// What an order traded in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Total {
    /// How much.
    pub total: i64,
    /// At which average price, rounded against the engine.
    pub price: i64,
    /// All its fees, as in [`Filled`].
    #[serde(with = "amount")]
    pub fee: i128,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits.
    Working,
    /// It waits, and part of it traded.
    PartFilled,
    /// It traded whole.
    Filled,
    /// It was not taken.
    Refused,
    /// The venue took it away.
    Expired,
    /// The engine took it away.
    Cancelled,
}

/// What an account holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// The question.
    pub n: u64,
    /// When it was drawn up, by the venue's clock.
    pub taken_at: i64,
    /// Everything; `null` when it cannot be read.
    pub held: Option<Vec<Holding>>,
}

/// One position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holding {
    /// The instrument's symbol.
    pub instrument: String,
    /// Its side.
    pub side: Side,
    /// How much.
    pub qty: i64,
    /// Its average entry.
    pub entry: i64,
    /// Where the venue would liquidate it, if it tells. Not said before version 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidation: Option<i64>,
    /// Its leverage in hundredths, if it tells. Not said before version 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leverage: Option<i64>,
}

/// What rests in an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// The question.
    pub n: u64,
    /// When it was drawn up, by the venue's clock.
    pub taken_at: i64,
    /// Everything; `null` when it cannot be listed.
    pub orders: Option<Vec<Resting>>,
}

/// One order that rests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resting {
    /// Its id, as whoever placed it gave it; of a stop that became another order, as in [`Triggered`], that one's.
    pub id: String,
    /// The instrument's symbol.
    pub instrument: String,
    /// The side of the position that it reduces.
    pub side: Side,
    /// The quantity it was placed with.
    pub qty: i64,
    /// What of it traded.
    pub filled: i64,
    /// How it meets the market, as it was placed.
    pub kind: Kind,
}

/// A position that somebody beside the engine opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// The account.
    pub account: u32,
    /// The instrument's symbol.
    pub instrument: String,
    /// Its side.
    pub side: Side,
    /// How much.
    pub qty: i64,
    /// At which price.
    pub entry: i64,
    /// The fee paid, as in [`Filled`].
    #[serde(with = "amount")]
    pub fee: i128,
}

/// A line that was none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What is wrong with it.
    pub why: String,
}

/// Amounts of money are larger than what every reader of JSON takes for a number.
mod amount {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(amount: &i128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(amount)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i128, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(|_| D::Error::custom(format!("`{text}` is not a whole number as text")))
    }
}

/// Why a line is none.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The connection.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// It is longer than [`LINE_MAX`].
    #[error("line {line} is longer than {LINE_MAX} bytes; a line is one JSON object, ended by a line feed")]
    TooLong {
        /// Counted from 1.
        line: u64,
    },
    /// The other side went away in the middle of it.
    #[error("line {line} is cut off: the other side went away before its end")]
    CutOff {
        /// Counted from 1.
        line: u64,
    },
    /// It is no word of this protocol.
    #[error("line {line}: {field}: {why}; it was {shown}; the words are in docs/venue-lines.md")]
    Word {
        /// Counted from 1.
        line: u64,
        /// The path to what is wrong.
        field: String,
        /// What is wrong, with the value.
        why: String,
        /// The start of the line.
        shown: String,
    },
    /// It can be read, and cannot be meant.
    #[error("line {line}: {why}")]
    Meant {
        /// Counted from 1.
        line: u64,
        /// What is wrong, and what to do.
        why: String,
    },
}

/// Reads lines of one side, of bounded length.
#[derive(Debug)]
pub struct Lines<R> {
    from: R,
    line: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Lines from here on.
    pub const fn new(from: R) -> Self {
        Self { from, line: 0, buffer: Vec::new() }
    }

    /// The number of the line that was read last.
    pub const fn number(&self) -> u64 {
        self.line
    }

    /// The next word; none when the other side has ended.
    ///
    /// # Errors
    /// A line that is too long, cut off, or no word.
    pub fn read<T: DeserializeOwned>(&mut self) -> Result<Option<T>, LineError> {
        self.buffer.clear();
        let read = (&mut self.from).take(LINE_MAX as u64).read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        if self.buffer.last() != Some(&b'\n') {
            let line = self.line;
            return Err(if read == LINE_MAX {
                LineError::TooLong { line }
            } else {
                LineError::CutOff { line }
            });
        }
        parse(&self.buffer[..read - 1], self.line).map(Some)
    }
}

/// The word that a line is.
///
/// # Errors
/// With the path to what is wrong and the value that is there.
pub fn parse<T: DeserializeOwned>(bytes: &[u8], line: u64) -> Result<T, LineError> {
    const SHOWN: usize = 160;
    let word = |field: String, why: String| {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
        let shown = format!("{text:?}{}", if bytes.len() > SHOWN { " .." } else { "" });
        LineError::Word { line, field, why, shown }
    };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read: T = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        word(if path == "." { "the word".to_owned() } else { path }, error.inner().to_string())
    })?;
    reader.end().map_err(|_| word("its end".to_owned(), "more than one JSON object".to_owned()))?;
    Ok(read)
}

/// A word as its line, with the line feed.
///
/// # Panics
/// Never: every word is data.
#[must_use]
pub fn text<T: Serialize>(word: &T) -> String {
    let mut text = serde_json::to_string(word).expect("a word is data");
    text.push('\n');
    text
}

impl Hello {
    /// Ours.
    #[must_use]
    pub fn of(client: &str) -> Self {
        Self { protocol: PROTOCOL.to_owned(), version: VERSION, client: client.to_owned() }
    }
}

/// Whether the other side speaks as we do.
///
/// # Errors
/// What it said, what is spoken here, and what to do.
pub fn agree(protocol: &str, version: u16) -> Result<(), String> {
    if protocol != PROTOCOL {
        return Err(format!("hello.protocol is {protocol:?}; this side speaks {PROTOCOL:?}"));
    }
    if version != VERSION {
        return Err(format!(
            "hello.version is {version}; this side speaks version {VERSION}: run the same release of ripcord on both"
        ));
    }
    Ok(())
}

impl Order {
    /// Whether it can be meant, apart from what is traded.
    ///
    /// # Errors
    /// The field, its value and its limit.
    pub fn check(&self) -> Result<(), String> {
        check_id(&self.id)?;
        if self.qty <= 0 {
            return Err(format!("submit.qty is {}; it must be above 0", self.qty));
        }
        match self.kind {
            Kind::MarketableLimit(at)
            | Kind::RestingLimit(at)
            | Kind::Stop(at)
            | Kind::MarkStop(at)
            | Kind::ImmediateLimit(at)
                if at <= 0 =>
            {
                Err(format!("submit.kind has the price {at}; it must be above 0"))
            }
            Kind::Market(_)
            | Kind::MarketableLimit(_)
            | Kind::RestingLimit(_)
            | Kind::Stop(_)
            | Kind::MarkStop(_)
            | Kind::ImmediateLimit(_) => Ok(()),
        }
    }
}

/// Whether a text can be a client order id.
///
/// # Errors
/// The id and the limit.
pub fn check_id(id: &str) -> Result<(), String> {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/');
    if id.is_empty() || id.len() > ID_MAX || !id.bytes().all(is_plain) {
        let shown: String = id.chars().take(60).collect();
        return Err(format!("id is {shown:?}; it must be 1 to {ID_MAX} of A-Z a-z 0-9 - _ . : /"));
    }
    Ok(())
}
