//! What was made of prices that were not acted on as they came: one word for programs, one sentence for
//! people.

use ripcord_core::event::{ConfirmedBy, Doubt, Judged, Jump, PriceDoubted, Record};
use ripcord_core::id::{EpisodeId, InstrumentId};
use ripcord_core::market::PriceSource;
use ripcord_core::num::Price;
use ripcord_core::reason::Reason;
use ripcord_core::time::Timestamp;

use crate::render::utc;

/// Something about a price that was not acted on as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceChange {
    /// An emergency rule waits for a second price.
    Suspected {
        /// The rule's reason.
        reason: Reason,
        /// Its level.
        level: Price,
        /// The price that reached it.
        price: Price,
        /// Until when it waits.
        until: Timestamp,
    },
    /// The price was confirmed; the rule acts.
    Confirmed {
        /// The rule's reason.
        reason: Reason,
        /// What confirmed it.
        by: ConfirmedBy,
        /// The price that did.
        price: Price,
    },
    /// The price was contradicted; the rule goes on watching.
    Contradicted {
        /// The rule's reason.
        reason: Reason,
        /// The source of the price that did.
        source: PriceSource,
        /// That price.
        price: Price,
    },
    /// A price that a rule would have acted on was not to be trusted.
    Doubted(PriceDoubted),
    /// A source went silent.
    Stale {
        /// The source.
        source: PriceSource,
        /// Its last price.
        last: Option<Price>,
        /// Since when.
        since: Timestamp,
    },
    /// A silent source spoke again.
    Back {
        /// The source.
        source: PriceSource,
        /// Its first price.
        price: Price,
    },
    /// A price jumped, or what was made of it.
    Jump(Jump),
    /// Mark and last price differ too much, or agree again.
    Divergence {
        /// The mark price.
        mark: Price,
        /// The last price.
        last: Price,
        /// Whether they differ.
        differs: bool,
    },
}

/// Whom a record about prices concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concerned {
    /// One position.
    Episode(EpisodeId),
    /// Everything that is held of an instrument.
    Instrument(InstrumentId),
}

impl Concerned {
    /// Whether it concerns an episode.
    #[must_use]
    pub fn is(self, episode: EpisodeId) -> bool {
        match self {
            Self::Episode(concerned) => concerned == episode,
            Self::Instrument(instrument) => episode.key.instrument == instrument,
        }
    }
}

/// Whether a record says of the price right before it that it was not taken for the market's.
#[must_use]
pub const fn leaves_out_its_price(record: &Record) -> bool {
    match record {
        Record::PriceDoubted(_) => true,
        Record::Jump(jump) => matches!(jump.judged, Judged::Suspected),
        _ => false,
    }
}

impl PriceChange {
    /// What a record says of prices, and of whom; none for any other record.
    #[must_use]
    pub fn of(record: &Record) -> Option<(Concerned, Self)> {
        Some(match *record {
            Record::Suspected { episode, reason, level, price, until } => {
                (Concerned::Episode(episode), Self::Suspected { reason, level, price, until })
            }
            Record::Confirmed { episode, reason, by, price } => {
                (Concerned::Episode(episode), Self::Confirmed { reason, by, price })
            }
            Record::Contradicted { episode, reason, source, price } => {
                (Concerned::Episode(episode), Self::Contradicted { reason, source, price })
            }
            Record::PriceDoubted(ref doubted) => {
                (Concerned::Episode(doubted.episode), Self::Doubted(**doubted))
            }
            Record::PricesStale { instrument, source, last, since } => {
                (Concerned::Instrument(instrument), Self::Stale { source, last, since })
            }
            Record::PricesBack { instrument, source, price } => {
                (Concerned::Instrument(instrument), Self::Back { source, price })
            }
            Record::Jump(ref jump) => (Concerned::Instrument(jump.instrument), Self::Jump(**jump)),
            Record::Diverged { instrument, mark, last } => {
                (Concerned::Instrument(instrument), Self::Divergence { mark, last, differs: true })
            }
            Record::Converged { instrument, mark, last } => {
                (Concerned::Instrument(instrument), Self::Divergence { mark, last, differs: false })
            }
            _ => return None,
        })
    }

    /// Its word for programs. It never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Suspected { .. } => "price_suspected",
            Self::Confirmed { .. } => "price_confirmed",
            Self::Contradicted { .. } => "price_contradicted",
            Self::Doubted(_) => "price_doubted",
            Self::Stale { .. } => "prices_stale",
            Self::Back { .. } => "prices_back",
            Self::Jump(jump) => match jump.judged {
                Judged::Suspected => "jump_suspected",
                Judged::Confirmed(_) => "jump_confirmed",
                Judged::Contradicted => "jump_contradicted",
            },
            Self::Divergence { differs: true, .. } => "diverged",
            Self::Divergence { differs: false, .. } => "converged",
        }
    }

    /// What happened, for people; `shown` writes a price.
    #[must_use]
    pub fn words(&self, shown: impl Fn(Price) -> String) -> String {
        match *self {
            Self::Suspected { reason, level, price, until } => format!(
                "{} at {} is reached @ {}: waits for a second price until {}",
                reason.word(),
                shown(level),
                shown(price),
                utc(until)
            ),
            Self::Confirmed { reason, by, price } => {
                format!("{} is confirmed by {} @ {}", reason.word(), by_words(by), shown(price))
            }
            Self::Contradicted { reason, source, price } => format!(
                "{} is contradicted by the {} price @ {}: it goes on watching",
                reason.word(),
                source_word(source),
                shown(price)
            ),
            Self::Doubted(doubted) => doubted_words(&doubted, &shown),
            Self::Stale { source, last, since } => {
                let last = last
                    .map_or_else(|| "none came".to_owned(), |last| format!("the last was {}", shown(last)));
                let source = source_word(source);
                format!(
                    "no {source} price since {}, {last}: rules on it are blind, the stop at the venue stays",
                    utc(since)
                )
            }
            Self::Back { source, price } => {
                format!("the {} price is back @ {}", source_word(source), shown(price))
            }
            Self::Jump(jump) => jump_words(&jump, &shown),
            Self::Divergence { mark, last, differs } => {
                let what =
                    if differs { "differ: targets, signals and time limits wait" } else { "agree again" };
                format!("mark {} and last price {} {what}", shown(mark), shown(last))
            }
        }
    }
}

fn doubted_words(doubted: &PriceDoubted, shown: &impl Fn(Price) -> String) -> String {
    let why = match doubted.why {
        Doubt::Late => "too old",
        Doubt::Future => "of a time that has not come",
        Doubt::OutOfOrder => "older than the last one",
    };
    let acted = if doubted.acted { "the plan lets it act all the same" } else { "it does not act" };
    format!(
        "{} at {} is reached @ {} of {}, a price {why}: {acted}",
        doubted.reason.word(),
        shown(doubted.level),
        shown(doubted.price),
        utc(doubted.at)
    )
}

fn jump_words(jump: &Jump, shown: &impl Fn(Price) -> String) -> String {
    let source = source_word(jump.source);
    let what = format!("the {source} price jumped from {} to {}", shown(jump.from), shown(jump.to));
    match jump.judged {
        Judged::Suspected => format!("{what}: soft stop, trailing stop and targets wait for a second one"),
        Judged::Confirmed(by) => format!("{what}, confirmed by {}", by_words(by)),
        Judged::Contradicted => format!("{what}, and came back: it moved nothing"),
    }
}

fn by_words(by: ConfirmedBy) -> String {
    match by {
        ConfirmedBy::SecondPrice => "a second price".to_owned(),
        ConfirmedBy::Source(source) => format!("the {} price", source_word(source)),
        ConfirmedBy::Silence => "silence, for nothing contradicted it".to_owned(),
    }
}

const fn source_word(source: PriceSource) -> &'static str {
    match source {
        PriceSource::Last => "last",
        PriceSource::Bid => "bid",
        PriceSource::Ask => "ask",
        PriceSource::Mark => "mark",
        PriceSource::Index => "index",
    }
}

#[cfg(test)]
mod tests {
    use ripcord_core::id::{AccountId, PositionKey};
    use ripcord_core::instrument::Side;

    use super::*;

    const INSTRUMENT: InstrumentId = InstrumentId(3);
    const KEY: PositionKey = PositionKey { account: AccountId(1), instrument: INSTRUMENT, side: Side::Long };
    const EPISODE: EpisodeId = EpisodeId { key: KEY, generation: 2 };

    fn said(record: &Record) -> (&'static str, String) {
        let (concerned, of) = PriceChange::of(record).expect("it is about prices");
        assert!(concerned.is(EPISODE), "{record:?}");
        (of.code(), of.words(|price| price.0.to_string()))
    }

    fn tells(told: impl IntoIterator<Item = (Record, &'static str, &'static str)>) {
        for (record, code, words) in told {
            assert_eq!(said(&record), (code, words.to_owned()));
        }
    }

    fn jump(judged: Judged) -> Record {
        let (from, to) = (Price(100), Price(80));
        Record::Jump(Box::new(Jump { instrument: INSTRUMENT, source: PriceSource::Last, from, to, judged }))
    }

    #[test]
    fn suspicion_confirmation_and_contradiction_are_told_in_words() {
        let (episode, reason, source) = (EPISODE, Reason::HardStop, PriceSource::Last);
        let (level, price, until, at) = (Price(94), Price(93), Timestamp(300_000_000), Timestamp(0));
        let doubted = PriceDoubted { episode, reason, level, price, at, why: Doubt::Late, acted: false };
        let confirmed = |by| Record::Confirmed { episode, reason, by, price };
        tells([
            (
                Record::Suspected { episode, reason, level, price, until },
                "price_suspected",
                "HARD_STOP at 94 is reached @ 93: waits for a second price until 1970-01-01T00:00:00.300Z",
            ),
            (
                confirmed(ConfirmedBy::Source(PriceSource::Mark)),
                "price_confirmed",
                "HARD_STOP is confirmed by the mark price @ 93",
            ),
            (
                confirmed(ConfirmedBy::Silence),
                "price_confirmed",
                "HARD_STOP is confirmed by silence, for nothing contradicted it @ 93",
            ),
            (
                Record::Contradicted { episode, reason, source, price: Price(99) },
                "price_contradicted",
                "HARD_STOP is contradicted by the last price @ 99: it goes on watching",
            ),
            (
                Record::PriceDoubted(Box::new(doubted)),
                "price_doubted",
                "HARD_STOP at 94 is reached @ 93 of 1970-01-01T00:00:00.000Z, a price too old: it does not act",
            ),
        ]);
        assert_eq!(PriceChange::of(&Record::Closed { episode }), None);
    }

    #[test]
    fn silence_jumps_and_divergence_are_told_in_words() {
        let (instrument, source, last) = (INSTRUMENT, PriceSource::Last, Price(99));
        tells([
            (
                Record::PricesStale { instrument, source, last: Some(last), since: Timestamp(0) },
                "prices_stale",
                "no last price since 1970-01-01T00:00:00.000Z, the last was 99: rules on it are blind, the stop at the venue stays",
            ),
            (
                Record::PricesBack { instrument, source, price: Price(98) },
                "prices_back",
                "the last price is back @ 98",
            ),
            (
                jump(Judged::Suspected),
                "jump_suspected",
                "the last price jumped from 100 to 80: soft stop, trailing stop and targets wait for a second one",
            ),
            (
                jump(Judged::Confirmed(ConfirmedBy::SecondPrice)),
                "jump_confirmed",
                "the last price jumped from 100 to 80, confirmed by a second price",
            ),
            (
                jump(Judged::Contradicted),
                "jump_contradicted",
                "the last price jumped from 100 to 80, and came back: it moved nothing",
            ),
            (
                Record::Diverged { instrument, mark: Price(90), last },
                "diverged",
                "mark 90 and last price 99 differ: targets, signals and time limits wait",
            ),
            (
                Record::Converged { instrument, mark: Price(98), last },
                "converged",
                "mark 98 and last price 99 agree again",
            ),
        ]);
    }

    #[test]
    fn a_price_that_was_not_accepted_is_left_out_of_a_story() {
        let leaves_out = |judged| leaves_out_its_price(&jump(judged));
        assert!(leaves_out(Judged::Suspected));
        assert!(!leaves_out(Judged::Contradicted) && !leaves_out(Judged::Confirmed(ConfirmedBy::Silence)));
    }
}
