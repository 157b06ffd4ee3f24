//! Records about prices, in a story's words.

use ripcord_core::event::{ConfirmedBy, Doubt, Judged, Record};
use ripcord_core::id::{AccountId, InstrumentId, PositionKey};
use ripcord_core::instrument::Side;
use ripcord_core::num::Price;

use super::{Story, word};

impl Story {
    pub(super) fn of_prices(&self, record: &Record) -> String {
        match record {
            Record::Suspected { episode, reason, level, price, until } => {
                let [level, price] = [level, price].map(|price| self.show_price(episode.key, *price));
                let ms = (until.0 - self.world.now.0) / 1_000_000;
                let prefix = self.prefix(*episode);
                format!("{prefix}{} at {level} suspects {price} for {ms} ms", reason.word())
            }
            Record::Confirmed { episode, reason, by, price } => {
                let price = self.show_price(episode.key, *price);
                format!("{}{} confirmed by {} {price}", self.prefix(*episode), reason.word(), by_word(*by))
            }
            Record::Contradicted { episode, reason, source, price } => {
                let (price, source) = (self.show_price(episode.key, *price), word(source));
                format!("{}{} contradicted by {source} {price}", self.prefix(*episode), reason.word())
            }
            Record::PriceDoubted(doubted) => {
                let key = doubted.episode.key;
                let why = match doubted.why {
                    Doubt::Late => "late",
                    Doubt::Future => "future",
                    Doubt::OutOfOrder => "out of order",
                };
                let acts = if doubted.acted { "acts on" } else { "does not act on" };
                let (reason, price) = (doubted.reason.word(), self.show_price(key, doubted.price));
                format!("{}{reason} {acts} the {why} price {price}", self.prefix(doubted.episode))
            }
            Record::PricesStale { instrument, source, last, since } => {
                let last = last.map_or_else(|| "none".to_owned(), |last| self.show_of(*instrument, last));
                let secs = (self.world.now.0 - since.0) / 1_000_000_000;
                format!("{} silent for {secs} s, last {last}", word(source))
            }
            Record::PricesBack { instrument, source, price } => {
                format!("{} back at {}", word(source), self.show_of(*instrument, *price))
            }
            Record::Jump(jump) => {
                let [from, to] = [jump.from, jump.to].map(|price| self.show_of(jump.instrument, price));
                let judged = match jump.judged {
                    Judged::Suspected => "suspected".to_owned(),
                    Judged::Confirmed(by) => format!("confirmed by {}", by_word(by)),
                    Judged::Contradicted => "contradicted".to_owned(),
                };
                format!("{} jump {from} -> {to} {judged}", word(&jump.source))
            }
            Record::Diverged { instrument, mark, last } | Record::Converged { instrument, mark, last } => {
                let what = if matches!(record, Record::Diverged { .. }) { "differ" } else { "agree" };
                let [mark, last] = [mark, last].map(|price| self.show_of(*instrument, *price));
                format!("mark {mark} and last {last} {what}")
            }
            other => panic!("no record about prices: {other:?}"),
        }
    }

    fn show_of(&self, instrument: InstrumentId, price: Price) -> String {
        self.show_price(PositionKey { account: AccountId(0), instrument, side: Side::Long }, price)
    }
}

fn by_word(by: ConfirmedBy) -> String {
    match by {
        ConfirmedBy::SecondPrice => "a second price".to_owned(),
        ConfirmedBy::Source(source) => word(&source),
        ConfirmedBy::Silence => "silence".to_owned(),
    }
}
