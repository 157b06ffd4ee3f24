//! Lines about prices that were not acted on as they came.

use ripcord_core::event::Record;
use ripcord_core::time::Timestamp;
use ripcord_report::prices::{Concerned, PriceChange};

use super::Narrator;
use crate::line::{Line, Tag};
use crate::names::price_text;

impl Narrator {
    /// What a record says of prices.
    pub(super) fn prices(&self, at: Timestamp, record: &Record) -> Option<Line> {
        let (concerned, of) = PriceChange::of(record)?;
        let names = &self.names;
        Some(match concerned {
            Concerned::Episode(episode) => {
                let words = of.words(|price| names.price(episode, price));
                let text = format!("{words} | id={}", names.episode(episode));
                self.line(Tag::Prices, at, episode, &text).with("what", of.code())
            }
            Concerned::Instrument(instrument) => {
                let rules = names.instrument(instrument);
                let text = format!("{}: {}", rules.symbol, of.words(|price| price_text(rules, price)));
                Line::new(Tag::Prices, at, text).with("symbol", rules.symbol.as_str()).with("what", of.code())
            }
        })
    }
}
