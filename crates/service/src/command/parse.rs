//! Bodies of requests become commands, or a fault that names field, value and limit.

use std::fmt;

use ripcord_core::id::{AccountId, InstrumentId};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::kill::KillLevel;
use ripcord_core::num::{Decimal, DecimalError, Price, Qty};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, de::DeserializeOwned};

use super::{Kind, Target, Wish};
use crate::names::Names;

/// Why a body is no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The word for programs.
    pub code: &'static str,
    /// What is wrong, with field, value and limit.
    pub text: String,
}

/// An error is at most about so many bytes long.
const TEXT_MAX: usize = 600;

impl Fault {
    /// A body may hold anything, and errors repeat some of it: what no terminal should see is escaped, and of a
    /// long text beginning and end are kept.
    fn new(code: &'static str, text: impl Into<String>) -> Self {
        let mut text: String = text.into();
        if text.contains(char::is_control) {
            let escaped =
                |at: char| if at.is_control() { at.escape_default().to_string() } else { at.to_string() };
            text = text.chars().map(escaped).collect();
        }
        if text.len() > TEXT_MAX {
            let (head, tail) =
                (text.floor_char_boundary(TEXT_MAX / 2), text.ceil_char_boundary(text.len() - TEXT_MAX / 2));
            text = format!("{} .. {}", &text[..head], &text[tail..]);
        }
        Self { code, text }
    }
}

/// A decimal number in quotes: a JSON number would pass through a double somewhere.
#[derive(Debug)]
struct DecimalText(String);

impl<'de> Deserialize<'de> for DecimalText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Quoted;
        impl Visitor<'_> for Quoted {
            type Value = DecimalText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number in quotes, such as \"0.25\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<DecimalText, E> {
                Ok(DecimalText(text.to_owned()))
            }
        }
        from.deserialize_str(Quoted)
    }
}

/// How a body names a position: by its id, or by symbol and side, with the account where there are several.
#[derive(Debug)]
struct Named {
    position: Option<String>,
    symbol: Option<String>,
    side: Option<String>,
    account: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseBody {
    position: Option<String>,
    symbol: Option<String>,
    side: Option<String>,
    account: Option<u32>,
    qty: Option<DecimalText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PanicBody {
    account: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KillBody {
    level: String,
    account: Option<u32>,
    #[serde(default)]
    confirmed: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReleaseBody {
    position: Option<String>,
    symbol: Option<String>,
    side: Option<String>,
    account: Option<u32>,
    #[serde(default)]
    keep_stop: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HandOverBody {
    position: Option<String>,
    symbol: Option<String>,
    side: Option<String>,
    account: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveStopBody {
    position: Option<String>,
    symbol: Option<String>,
    side: Option<String>,
    account: Option<u32>,
    to: DecimalText,
}

/// The command that a body asks for.
///
/// # Errors
/// When it is no JSON object of the fields of this command, or names what is not there.
pub fn wish(kind: Kind, body: &[u8], names: &Names) -> Result<Wish, Fault> {
    match kind {
        Kind::Close => {
            let CloseBody { position, symbol, side, account, qty } = read(body)?;
            let target = target(Named { position, symbol, side, account }, names)?;
            let qty = qty.map(|qty| parse_qty(&qty.0, names.instrument(target.instrument))).transpose()?;
            Ok(Wish::Close { target, qty })
        }
        Kind::Panic => {
            let PanicBody { account } = read(body)?;
            Ok(Wish::Panic { account: account.map(AccountId) })
        }
        Kind::Kill => {
            let KillBody { level, account, confirmed } = read(body)?;
            Ok(Wish::Kill { account: account.map(AccountId), level: parse_level(&level)?, confirmed })
        }
        Kind::Release => {
            let ReleaseBody { position, symbol, side, account, keep_stop } = read(body)?;
            let target = target(Named { position, symbol, side, account }, names)?;
            Ok(Wish::Release { target, keeps_stop: keep_stop })
        }
        Kind::HandOver => {
            let HandOverBody { position, symbol, side, account } = read(body)?;
            Ok(Wish::HandOver { target: target(Named { position, symbol, side, account }, names)? })
        }
        Kind::MoveStop => {
            let MoveStopBody { position, symbol, side, account, to } = read(body)?;
            let target = target(Named { position, symbol, side, account }, names)?;
            let to = parse_price(&to.0, names.instrument(target.instrument))?;
            Ok(Wish::MoveStop { target, to })
        }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    // A list would be taken for the fields in their order.
    if body.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(Fault::new("bad_body", "the body is refused: it must be a JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| {
        // Not the body itself: it may hold anything.
        Fault::new("bad_body", format!("the body is refused: {error}"))
    })
}

fn target(named: Named, names: &Names) -> Result<Target, Fault> {
    let (id, symbol, side) = (named.position, named.symbol, named.side);
    match (id, symbol, side) {
        (Some(id), None, None) if named.account.is_none() => by_id(&id, names),
        (Some(_), _, _) => Err(Fault::new(
            "bad_body",
            "position names one position; symbol, side and account are for requests without it",
        )),
        (None, Some(symbol), Some(side)) => Ok(Target {
            instrument: instrument(&symbol, names)?,
            side: parse_side(&side)?,
            account: named.account.map(AccountId),
            generation: None,
        }),
        (None, _, _) => Err(Fault::new(
            "bad_body",
            "which position? give position (an id of /positions), or symbol and side",
        )),
    }
}

/// `BTCUSDT-L-3-2` (symbol, side, account, life), or `BTCUSDT-L-3` for whatever lives there.
fn by_id(id: &str, names: &Names) -> Result<Target, Fault> {
    let no_id = || {
        let text = format!("{} is no position; an id of /positions looks like BTCUSDT-L-3-2", quoted(id));
        Fault::new("bad_position", text)
    };
    let number = |text: &str| -> Option<u32> {
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_plain)
    };
    let (rest, last) = id.rsplit_once('-').ok_or_else(no_id)?;
    let last = number(last).ok_or_else(no_id)?;
    let (rest, middle) = rest.rsplit_once('-').ok_or_else(no_id)?;
    let (symbol, side, account, generation) = match side_letter(middle) {
        Some(side) => (rest, side, last, None),
        None => {
            let (symbol, letter) = rest.rsplit_once('-').ok_or_else(no_id)?;
            let side = side_letter(letter).ok_or_else(no_id)?;
            (symbol, side, number(middle).ok_or_else(no_id)?, Some(last))
        }
    };
    Ok(Target { instrument: instrument(symbol, names)?, side, account: Some(AccountId(account)), generation })
}

const fn side_letter(letter: &str) -> Option<Side> {
    match letter.as_bytes() {
        b"L" => Some(Side::Long),
        b"S" => Some(Side::Short),
        _ => None,
    }
}

fn parse_side(text: &str) -> Result<Side, Fault> {
    let side = [Side::Long, Side::Short].into_iter().find(|side| side.word() == text);
    side.ok_or_else(|| Fault::new("bad_body", format!("side is {}; it is long or short", quoted(text))))
}

fn instrument(symbol: &str, names: &Names) -> Result<InstrumentId, Fault> {
    let place = names.instruments.iter().position(|known| known.symbol == symbol);
    let id = place.and_then(|place| u32::try_from(place).ok()).map(InstrumentId);
    id.ok_or_else(|| {
        let known: Vec<&str> = names.instruments.iter().map(|known| known.symbol.as_str()).collect();
        let text = format!("{} is not traded here; known are {}", quoted(symbol), known.join(", "));
        Fault::new("unknown_symbol", text)
    })
}

fn parse_level(text: &str) -> Result<Option<KillLevel>, Fault> {
    if text == "release" {
        return Ok(None);
    }
    let level = KillLevel::ALL.into_iter().find(|level| level.word() == text);
    level.map(Some).ok_or_else(|| {
        Fault::new("bad_level", format!("level is {}; it is K1, K2, K3, K4 or release", quoted(text)))
    })
}

fn parse_qty(text: &str, instrument: &Instrument) -> Result<Qty, Fault> {
    let step = (instrument.lot_size.0, instrument.qty_decimals, "lot");
    on_step(text, "qty", step, &instrument.symbol).map(Qty)
}

fn parse_price(text: &str, instrument: &Instrument) -> Result<Price, Fault> {
    let step = (instrument.tick_size.0, instrument.price_decimals, "tick");
    on_step(text, "to", step, &instrument.symbol).map(Price)
}

/// A positive number that is a whole number of steps; the step in units, their decimals and its name.
fn on_step(text: &str, field: &str, step: (i64, u8, &str), symbol: &str) -> Result<i64, Fault> {
    let (units, decimals, name) = step;
    let bad = |why: String| Fault::new("bad_number", format!("{field}: {why}"));
    let finer = || {
        let shown = ripcord_core::num::shortest(i128::from(units), decimals);
        bad(format!("{} is finer than the {name} {shown} of {symbol}", quoted(text)))
    };
    let decimal = Decimal::parse(text.as_bytes()).map_err(|error| bad(error.to_string()))?;
    let value = match decimal.to_scale(decimals) {
        Ok(value) => value,
        Err(DecimalError::FinerThanScale { .. }) => return Err(finer()),
        Err(error) => return Err(bad(error.to_string())),
    };
    if value <= 0 {
        return Err(bad(format!("{} is not above 0", quoted(text))));
    }
    if value % units != 0 {
        return Err(finer());
    }
    Ok(value)
}

/// A foreign text in a message: short, and without what a terminal would obey.
fn quoted(text: &str) -> String {
    const SHOWN_MAX: usize = 40;
    let shown: String = text.chars().take(SHOWN_MAX).filter(|letter| !letter.is_control()).collect();
    let more = if text.chars().nth(SHOWN_MAX).is_some() { ".." } else { "" };
    format!("`{shown}{more}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let mut btc = Instrument::from_decimals("BTCUSDT", 2, 4);
        (btc.tick_size, btc.lot_size) = (Price(10), Qty(10));
        let perp = Instrument::from_decimals("BTC-PERP", 1, 3);
        Names { instruments: vec![btc, perp], plans: Vec::new() }
    }

    fn target(instrument: u32, side: Side, account: Option<u32>, generation: Option<u32>) -> Target {
        let account = account.map(AccountId);
        Target { instrument: InstrumentId(instrument), side, account, generation }
    }

    #[test]
    fn commands_are_read() {
        let all = target(0, Side::Long, Some(3), Some(2));
        let some = target(1, Side::Short, None, None);
        let (one, k3) = (Some(AccountId(1)), Some(KillLevel::Silent));
        for (kind, body, wished) in [
            (Kind::Close, r#"{"position":"BTCUSDT-L-3-2"}"#, Wish::Close { target: all, qty: None }),
            (
                Kind::Close,
                r#"{"symbol":"BTC-PERP","side":"short","qty":"0.25"}"#,
                Wish::Close { target: some, qty: Some(Qty(250)) },
            ),
            (Kind::Panic, "{}", Wish::Panic { account: None }),
            (Kind::Panic, r#"{"account":1}"#, Wish::Panic { account: one }),
            (
                Kind::Kill,
                r#"{"level":"K3","account":1,"confirmed":true}"#,
                Wish::Kill { account: one, level: k3, confirmed: true },
            ),
            (
                Kind::Kill,
                r#"{"level":"release"}"#,
                Wish::Kill { account: None, level: None, confirmed: false },
            ),
            (
                Kind::Release,
                r#"{"position":"BTCUSDT-L-3-2","keep_stop":true}"#,
                Wish::Release { target: all, keeps_stop: true },
            ),
            (
                Kind::HandOver,
                r#"{"position":"BTC-PERP-S-0"}"#,
                Wish::HandOver { target: target(1, Side::Short, Some(0), None) },
            ),
            (
                Kind::MoveStop,
                r#"{"position":"BTCUSDT-L-3-2","to":"58800.10"}"#,
                Wish::MoveStop { target: all, to: Price(5_880_010) },
            ),
        ] {
            assert_eq!(wish(kind, body.as_bytes(), &names()), Ok(wished), "{body}");
        }
    }

    #[test]
    fn what_is_no_command_is_told_with_what_is_wrong() {
        for (kind, body, says) in [
            (Kind::Panic, "", "EOF"),
            (Kind::Panic, "{}x", "trailing"),
            (Kind::Panic, "[null]", "must be a JSON object"),
            (Kind::Panic, " \"account\"", "must be a JSON object"),
            (Kind::Panic, r#"{"acount":1}"#, "unknown field `acount`"),
            (Kind::Panic, r#"{"account":1,"account":1}"#, "duplicate field `account`"),
            (Kind::Panic, r#"{"account":-1}"#, "-1"),
            (Kind::Panic, r#"{"account":1.0}"#, "1.0"),
            (Kind::Kill, "{}", "missing field `level`"),
            (Kind::Kill, r#"{"level":"K5"}"#, "`K5`; it is K1, K2, K3, K4 or release"),
            (Kind::Kill, r#"{"level":"K3","confirmed":"yes"}"#, "expected a boolean"),
            (Kind::Close, "{}", "which position?"),
            (Kind::Close, r#"{"symbol":"BTCUSDT"}"#, "which position?"),
            (Kind::Close, r#"{"position":"BTCUSDT-L-0-1","side":"long"}"#, "without it"),
            (Kind::Close, r#"{"position":"BTCUSDT-L-0-1","account":0}"#, "without it"),
            (
                Kind::Close,
                r#"{"symbol":"DOGEUSDT","side":"long"}"#,
                "`DOGEUSDT` is not traded here; known are BTCUSDT",
            ),
            (Kind::Close, r#"{"symbol":"BTCUSDT","side":"LONG"}"#, "`LONG`; it is long or short"),
            (Kind::Close, r#"{"position":"BTCUSDT-L-0-1","qty":0.001}"#, "in quotes"),
            (
                Kind::Close,
                r#"{"position":"BTCUSDT-L-0-1","qty":"0.0005"}"#,
                "finer than the lot 0.001 of BTCUSDT",
            ),
            (Kind::Close, r#"{"position":"BTCUSDT-L-0-1","qty":"0.00001"}"#, "finer than the lot 0.001"),
            (Kind::Close, r#"{"position":"BTCUSDT-L-0-1","qty":"0"}"#, "not above 0"),
            (Kind::Close, r#"{"position":"BTCUSDT-L-0-1","qty":"-1"}"#, "not above 0"),
            (Kind::Close, r#"{"position":"BTCUSDT-L-0-1","qty":"all"}"#, "is not a decimal number"),
            (Kind::Close, r#"{"position":"BTCUSDT-L-0-1","qty":"99999999999999999"}"#, "beyond"),
            (Kind::MoveStop, r#"{"position":"BTCUSDT-L-0-1"}"#, "missing field `to`"),
            (Kind::MoveStop, r#"{"position":"BTCUSDT-L-0-1","to":"1.05"}"#, "finer than the tick 0.1"),
            (Kind::Release, r#"{"position":"BTCUSDT-X-0-1"}"#, "is no position"),
            (Kind::Release, r#"{"position":"BTCUSDT-L-0-99999999999"}"#, "is no position"),
            (Kind::Release, r#"{"position":"-L-0-1"}"#, "`` is not traded here"),
            (Kind::Release, r#"{"position":"L"}"#, "is no position"),
            (Kind::Release, "{\"position\":\"\\u001b[2J\"}", "`[2J` is no position"),
        ] {
            let fault = wish(kind, body.as_bytes(), &names()).expect_err(body);
            assert!(fault.text.contains(says), "{body}: {fault:?}");
        }
    }

    #[test]
    fn an_error_repeats_little_of_a_body_and_nothing_that_a_terminal_acts_on() {
        let long = format!(r#"{{"{}":1}}"#, "a".repeat(5_000));
        let fault = wish(Kind::Close, long.as_bytes(), &names()).expect_err("no such field");
        assert!(fault.text.len() < TEXT_MAX + 20, "{} bytes", fault.text.len());
        assert!(fault.text.contains("unknown field") && fault.text.contains("expected"), "{}", fault.text);
        let coloured = br#"{"\u001b[31mred":1}"#;
        let fault = wish(Kind::Close, coloured, &names()).expect_err("no such field");
        assert!(!fault.text.contains(char::is_control) && fault.text.contains("red"), "{:?}", fault.text);
    }
}
