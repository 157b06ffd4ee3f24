//! What a file name says: symbol, length of a bar, which price.
//!
//! Three habits are known: `venue-SYMBOL-kind-firstday-lastday`, `SYMBOL-1m-2025-01-01` (Binance's
//! public archive) and `BTC_USDT_USDT-1h-mark` (freqtrade).

use std::path::Path;

use ripcord_core::market::PriceSource;

/// What a file name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileName {
    /// In lower case, without the point.
    pub(super) extension: String,
    /// The whole stem when no habit is recognised.
    pub(super) symbol: String,
    pub(super) about: About,
}

/// What the kind of a record says about its bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct About {
    pub(super) span_ns: Option<i64>,
    pub(super) source: Option<PriceSource>,
    pub(super) is_funding: bool,
}

const KINDS: &[&str] =
    &["candles", "mark", "index", "funding", "trades", "aggtrades", "bbo", "ticker", "quotebars"];

impl FileName {
    pub(super) fn of(path: &Path) -> Self {
        let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let stem = text(path.file_stem());
        let words: Vec<&str> = stem.split('-').collect();
        let is_kind = |word: &&str| KINDS.contains(&word.to_lowercase().as_str()) || span(word).is_some();
        let symbol = words.iter().skip(1).position(is_kind).map(|at| &words[..=at]).map(without_venue);
        Self {
            extension: text(path.extension()).to_lowercase(),
            about: About::of_words(words.iter().copied().skip(1)),
            symbol: symbol.filter(|symbol| !symbol.is_empty()).unwrap_or(stem),
        }
    }
}

impl About {
    /// What a kind like `mark-1h` says.
    pub(super) fn of_kind(kind: &str) -> Self {
        Self::of_words(kind.split('-'))
    }

    fn of_words<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let mut about = Self::default();
        for word in words {
            about.span_ns = about.span_ns.or_else(|| span(word));
            match word.to_lowercase().as_str() {
                "mark" => about.source = Some(PriceSource::Mark),
                "index" => about.source = Some(PriceSource::Index),
                "funding" | "funding_rate" => about.is_funding = true,
                _ => {}
            }
        }
        about
    }
}

/// Venues are written in lower case before the symbol: `binance-spot-BTCUSDT`, `coinbase-BTC-USD`.
fn without_venue(words: &[&str]) -> String {
    let is_venue =
        |word: &&&str| word.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    let venue = words.iter().take_while(is_venue).count();
    words[venue..].join("-")
}

/// The length of a bar, written `1s`, `5m`, `1h`, `1d` or `1w`, in nanoseconds.
fn span(word: &str) -> Option<i64> {
    let (count, unit) = word.split_at_checked(word.len().checked_sub(1)?)?;
    let seconds: i64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    let count = count.bytes().all(|byte| byte.is_ascii_digit()).then(|| count.parse::<i64>().ok())??;
    count.checked_mul(seconds * 1_000_000_000).filter(|&span| span > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_symbol_span_and_price() {
        let minute = Some(60_000_000_000);
        for (name, symbol, span_ns, source, is_funding) in [
            ("binance-spot-BTCUSDT-candles-1m-20210420-20210520.parquet", "BTCUSDT", minute, None, false),
            (
                "coinbase-BTC-USD-candles-1s-20161007-20161009.parquet",
                "BTC-USD",
                Some(1_000_000_000),
                None,
                false,
            ),
            (
                "binance-usdm-DOGEUSDT-mark-1h-2025.csv",
                "DOGEUSDT",
                Some(3_600_000_000_000),
                Some(PriceSource::Mark),
                false,
            ),
            ("binance-usdm-BTCUSDT-funding-2019-2026.parquet", "BTCUSDT", None, None, true),
            ("BTCUSDT-1m-2025-01-01.csv", "BTCUSDT", minute, None, false),
            ("BTCUSDT-aggTrades-2024-10.csv", "BTCUSDT", None, None, false),
            ("BTC_USDT_USDT-1m-futures.feather", "BTC_USDT_USDT", minute, None, false),
            ("BTC_USDT_USDT-1m-funding_rate.feather", "BTC_USDT_USDT", minute, None, true),
            ("ticks.csv", "ticks", None, None, false),
            ("1m.csv", "1m", None, None, false),
        ] {
            let found = FileName::of(Path::new(name));
            assert_eq!(found.symbol, symbol, "{name}");
            assert_eq!(found.about, About { span_ns, source, is_funding }, "{name}");
        }
    }
}
