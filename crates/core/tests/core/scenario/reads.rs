//! Reads of the venue in stories: `manage net every 60s confirm 5s`, `read long 2 at 60_000`,
//! `read nothing`, `read failed`, `outside liquidation 1 at 50_000`.

use std::fmt::Write as _;

use ripcord_core::account::{AccountMode, ClosedBy, Holding, Managed, Management, OutsideClose, Reading};
use ripcord_core::event::{Adopted, Command, Event, LeftOutside, Reconciled, Record, VenueEvent, Verdict};
use ripcord_core::id::{AccountId, InstrumentId, PositionKey};
use ripcord_core::instrument::Side;
use ripcord_core::num::{Money, Ratio};
use ripcord_core::pacing::Pace;
use ripcord_core::time::{Span, Timestamp};

use super::{Story, told};

/// The account of stories.
const ACCOUNT: AccountId = AccountId(0);

fn secs(word: &str) -> Result<Span, String> {
    word.trim_end_matches('s').parse().map(Span::from_secs).map_err(told)
}

fn side(word: &str) -> Result<Side, String> {
    match word {
        "long" => Ok(Side::Long),
        "short" => Ok(Side::Short),
        other => Err(format!("no side `{other}`")),
    }
}

impl Story {
    pub(super) fn past_us(&mut self, word: &str, rest: &[&str]) -> Result<(), String> {
        match word {
            "manage" => return self.manage(rest),
            "read" => return self.read(rest),
            "outside" => return self.outside(rest),
            "release" => {
                let (key, keeps_stop) = (self.key(None)?, rest == ["keep", "stop"]);
                self.world.handle(Event::Command(Command::Release { key, keeps_stop }));
            }
            _ => {
                let key = self.key(None)?;
                self.world.handle(Event::Command(Command::HandOver { key }));
            }
        }
        Ok(())
    }

    /// `manage net|hedge|spot [X,Y] [grant 2] [every 60s] [confirm 5s]`, under the plan of the moment.
    fn manage(&mut self, words: &[&str]) -> Result<(), String> {
        let find = |name: &str| words.iter().position(|word| *word == name).map(|at| words[at + 1]);
        let mode = match words[0] {
            "net" => AccountMode::Net,
            "hedge" => AccountMode::Hedge,
            "spot" => AccountMode::Spot,
            other => return Err(format!("no mode `{other}`")),
        };
        let spec = self.plan.clone().ok_or("no plan")?;
        let listed = find("only");
        let mut instruments = Vec::new();
        for (at, (symbol, rules)) in self.instruments.iter().enumerate() {
            if listed.is_some_and(|only| only.split(',').all(|one| one != symbol)) {
                continue;
            }
            let instrument = InstrumentId(u32::try_from(at).map_err(told)?);
            let faults = |faults: Vec<_>| format!("{faults:?}");
            let plan = spec.resolve(instrument, rules).map_err(faults)?;
            let plan = self.world.core.add_plan(plan).map_err(told)?;
            let grant = find("grant").map(|qty| self.qty(instrument, qty)).transpose()?;
            instruments.push(Managed { instrument, plan, grant });
        }
        let given = Management {
            account: ACCOUNT,
            mode,
            instruments,
            read_every: find("every").map(secs).transpose()?,
            confirm_after: find("confirm").map_or(Ok(Span::from_secs(5)), secs)?,
        };
        self.world.handle(Event::Command(Command::Manage(Box::new(given))));
        Ok(())
    }

    /// `read nothing`, `read failed`, or positions joined by `and`:
    /// `read [5s ago] long 2 at 60_000 [mark 61_000] [liquidation 50_000] [leverage 10] [in ETH]`.
    ///
    /// What is read is what the venue holds, unless it is old.
    fn read(&mut self, words: &[&str]) -> Result<(), String> {
        let (age, words) = match words {
            [age, "ago", rest @ ..] => (secs(age)?, rest),
            words => (Span::ZERO, words),
        };
        let at = Timestamp(self.world.now.0 - age.0);
        let held = match words {
            ["failed"] => None,
            ["nothing"] => Some(Vec::new()),
            words => {
                let parts = words.split(|word| *word == "and");
                Some(parts.map(|part| self.holding(part)).collect::<Result<Vec<_>, _>>()?)
            }
        };
        if let Some(held) = held.as_ref().filter(|_| age == Span::ZERO) {
            self.world.venue.has(ACCOUNT, held);
        }
        if let (None, Some(first)) = (self.at, held.as_ref().and_then(|held| held.first())) {
            self.at = Some(key(first));
        }
        let reading = Reading { account: ACCOUNT, taken_at: at, fills_until: at, held };
        self.world.handle(Event::Venue(VenueEvent::Read(Box::new(reading))));
        Ok(())
    }

    fn holding(&self, words: &[&str]) -> Result<Holding, String> {
        let find = |name: &str| words.iter().position(|word| *word == name).map(|at| words[at + 1]);
        let instrument = self.instrument(find("in"))?;
        let price = |name: &str| find(name).map(|text| self.price(instrument, text)).transpose();
        Ok(Holding {
            instrument,
            side: side(words[0])?,
            qty: self.qty(instrument, words[1])?,
            entry: price("at")?,
            leverage: find("leverage")
                .and_then(|text| text.parse().ok())
                .map(|times: i64| Ratio(times * Ratio::ONE.0)),
            liquidation: price("liquidation")?,
            mark: price("mark")?,
        })
    }

    /// `outside hand|liquidation|adl|settlement 1 [at 90] [trade 7]`
    fn outside(&mut self, words: &[&str]) -> Result<(), String> {
        let find = |name: &str| words.iter().position(|word| *word == name).map(|at| words[at + 1]);
        let key = self.key(None)?;
        let by = match words[0] {
            "hand" => ClosedBy::Hand,
            "liquidation" => ClosedBy::Liquidation,
            "adl" => ClosedBy::Adl,
            "settlement" => ClosedBy::Settlement,
            other => return Err(format!("nobody closes by `{other}`")),
        };
        let qty = self.qty(key.instrument, words[1])?;
        let price = find("at").map(|text| self.price(key.instrument, text)).transpose()?;
        let trade = find("trade").map_or(Ok(1), |number| number.parse().map_err(told))?;
        let closed = OutsideClose { key, trade, qty, price, fee: Money::ZERO, by };
        self.world.handle(Event::Venue(VenueEvent::ClosedOutside(Box::new(closed))));
        Ok(())
    }

    /// What came out about positions that others have a hand in.
    pub(super) fn past_us_record(&self, record: &Record) -> Option<String> {
        let (episode, text) = match record {
            Record::Managed(_) => return Some("managed".to_owned()),
            Record::ReadFailed { in_a_row, .. } => return Some(format!("no read, {in_a_row} in a row")),
            Record::Reconciled(read) => return Some(self.reconciled(read)),
            Record::HandedOver(_) => return Some("handed over".to_owned()),
            Record::OrdersListed(listed) => return Some(self.listed(listed)),
            Record::Returned(returned) => (
                returned.episode,
                format!("{} is told after all", self.show_qty(returned.episode.key, returned.qty)),
            ),
            Record::OrdersPaced { pace, until, .. } => {
                let wait = until.map(|until| until.since(self.world.now).0 / 1_000_000);
                let wait = wait.map_or_else(String::new, |ms| format!(" for {ms} ms"));
                let words = match pace {
                    Pace::Free => "orders go as decided",
                    Pace::ChoiceWaits => "choice waits",
                    Pace::Spent => "ALARM budget spent",
                };
                return Some(format!("{words}{wait}"));
            }
            Record::OrdersStale { .. } => return Some("orders not listed for too long".to_owned()),
            Record::Adopted(adopted) => (adopted.episode, self.adopted(adopted)),
            Record::LeftOutside(left) => (left.episode, self.left_outside(left)),
            Record::Released { episode, qty, keeps_stop } => {
                let stop = if *keeps_stop { ", its stop stays" } else { "" };
                (*episode, format!("let go of {}{stop}", self.show_qty(episode.key, *qty)))
            }
            _ => return None,
        };
        Some(format!("{}{text}", self.prefix(episode)))
    }

    fn reconciled(&self, read: &Reconciled) -> String {
        let mut text = if read.is_first { "first read".to_owned() } else { "read".to_owned() };
        write!(text, ": {} same", read.same).expect("text");
        for found in &read.found {
            let [ours, theirs] = [found.ours, found.theirs].map(|qty| self.show_qty(found.key, qty));
            let what = match found.verdict {
                Verdict::New => format!("new {} {theirs}", found.key.side.word()),
                Verdict::NotManaged => format!("{theirs} not managed"),
                Verdict::Released => format!("{theirs} let go"),
                verdict => format!("{ours} is {theirs}, {}", verdict.word()),
            };
            write!(text, ", {what}").expect("text");
        }
        text
    }

    fn adopted(&self, adopted: &Adopted) -> String {
        let key = adopted.episode.key;
        let mut text = format!("taken over at {}", self.show_price(key, adopted.seen));
        if !adopted.entry_known {
            text += ", entry unknown";
        }
        for held in &adopted.held {
            write!(text, ", {} holds already", held.reason.word()).expect("text");
            if held.leg > 0 {
                write!(text, " (leg {})", held.leg).expect("text");
            }
        }
        text
    }

    fn left_outside(&self, left: &LeftOutside) -> String {
        let key = left.episode.key;
        let [qty, remaining] = [left.qty, left.remaining].map(|qty| self.show_qty(key, qty));
        let price =
            left.price.map_or_else(|| "an unknown price".to_owned(), |price| self.show_price(key, price));
        format!("{qty} left at {price} by {} {}, {remaining} left", left.reason.word(), left.source.word())
    }
}

fn key(holding: &Holding) -> PositionKey {
    PositionKey { account: ACCOUNT, instrument: holding.instrument, side: holding.side }
}
