//! Scenarios: text that reads like a trader's notes. Left of the bar what happens, right of it
//! what comes out. `UPDATE=1 cargo test` writes the right-hand sides anew; read the difference.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{
    Action, Addition, Command, Event, Opening, Outbox, Probe, ProbeFill, RefusedWhy, VenueEvent,
};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, MarketKind, Side};
use ripcord_core::kill::KillLevel;
use ripcord_core::market::{Bar, PriceSource};
use ripcord_core::num::{Decimal, Money, Price, Qty, Ratio, fixed};
use ripcord_core::order::Fill;
use ripcord_core::pacing::OrderBudget;
use ripcord_core::plan::PlanSpec;
use ripcord_core::time::{Span, Timestamp};
use ripcord_core::{Coordinator, snapshot::Snapshot};

pub(crate) mod cover;
mod lists;
mod prices;
mod reads;
mod telling;

use crate::plan_words::plan_spec;
use crate::world::World;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/core/scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the scenarios")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    files
}

/// Plays every story; how many there are, and what came out otherwise than written.
fn play(ends_with_each_step: bool, writes: bool) -> (usize, String) {
    let (mut stories, mut faults) = (0, String::new());
    for file in files() {
        let text = std::fs::read_to_string(&file).expect("a text file");
        let checked = check(&text, ends_with_each_step);
        assert!(checked.stories > 0, "{} has no story in it", file.display());
        stories += checked.stories;
        if writes {
            if checked.text != text {
                std::fs::write(&file, checked.text).expect("written");
            }
        } else {
            for (line, expected, got) in checked.mismatches {
                writeln!(faults, "{}:{line}\n  expected | {expected}\n  got      | {got}", file.display())
                    .expect("text");
            }
        }
    }
    (stories, faults)
}

#[test]
fn every_scenario_comes_out_as_written() {
    let (stories, faults) = play(false, is_update());
    assert!(stories >= 150, "only {stories} stories were found");
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn every_scenario_comes_out_the_same_when_the_process_ends_behind_every_step() {
    let (_, faults) = play(true, false);
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn a_wrong_right_hand_side_is_told_with_its_line() {
    let checked =
        check("== a title\nplan      hard 5%\nopen      long 1 at 100 | nothing of the kind\n", false);
    assert_eq!(checked.stories, 1);
    let [(line, expected, got)] = &checked.mismatches[..] else { panic!("one mismatch") };
    assert_eq!((*line, expected.as_str(), got.as_str()), (3, "nothing of the kind", "opened 1 at 100.00"));
}

#[allow(clippy::disallowed_methods, reason = "the test's own switch; the core never reads it")]
fn is_update() -> bool {
    std::env::var("UPDATE").is_ok_and(|value| value == "1")
}

struct Checked {
    stories: usize,
    /// Line, expected, got.
    mismatches: Vec<(usize, String, String)>,
    /// The text with the right-hand sides that came out.
    text: String,
}

/// Runs every story of a text.
fn check(text: &str, ends_with_each_step: bool) -> Checked {
    let mut checked = Checked { stories: 0, mismatches: Vec::new(), text: String::new() };
    let mut story = Story::new(ends_with_each_step);
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("==") {
            checked.stories += 1;
            story = Story::new(ends_with_each_step);
        }
        if line.is_empty() || line.starts_with("==") || line.starts_with('#') {
            checked.text.push_str(line);
            checked.text.push('\n');
            continue;
        }
        let (left, expected) = match line.split_once('|') {
            Some((left, right)) => (left.trim_end(), right.trim()),
            None => (line.trim_end(), ""),
        };
        let got = story.run(left).unwrap_or_else(|fault| panic!("line {}: {fault}: {line}", number + 1));
        if got != expected {
            checked.mismatches.push((number + 1, expected.to_owned(), got.clone()));
        }
        let line = if got.is_empty() { left.to_owned() } else { format!("{left:<30}| {got}") };
        checked.text.push_str(&line);
        checked.text.push('\n');
    }
    checked
}

struct Story {
    world: World,
    instruments: Vec<(String, Instrument)>,
    plan: Option<PlanSpec>,
    names: BTreeMap<String, PositionKey>,
    /// The current position's key.
    at: Option<PositionKey>,
    entries: usize,
    acts: usize,
    bars: i64,
    /// A state, and how many records there were.
    remembered: Option<(Snapshot, usize)>,
}

impl Story {
    fn new(ends_with_each_step: bool) -> Self {
        let mut world = World::new();
        world.ends_with_each_step = ends_with_each_step;
        Self {
            world,
            instruments: Vec::new(),
            plan: None,
            names: BTreeMap::new(),
            at: None,
            entries: 0,
            acts: 0,
            bars: 0,
            remembered: None,
        }
    }

    fn run(&mut self, left: &str) -> Result<String, String> {
        let words: Vec<&str> = left.split_whitespace().collect();
        let rest = &words[1..];
        // A story that names no market is told on one in cents.
        let needs_market = !["market", "plan", "venue"].contains(&words[0]) || rest.first() == Some(&"parts");
        if self.instruments.is_empty() && needs_market {
            self.market(&["X"]);
        }
        match words[0] {
            "market" => self.market(rest),
            "plan" => {
                let text = left.split_once("plan").expect("the word").1;
                self.plan = Some(plan_spec(text)?);
            }
            "open" => self.open(rest)?,
            "tick" => self.tick(rest, Probe::TICK)?,
            "probe" => self.probe(rest)?,
            "bar" => self.bar(rest)?,
            "again" => self.again(rest),
            "time" | "away" => {
                let secs = Decimal::parse(rest[0].trim_matches(['+', 's']).as_bytes()).map_err(told)?;
                self.world.now = self.world.now.after(Span(secs.to_scale(9).map_err(told)?));
                self.world.handle(if words[0] == "away" { Event::Resumed } else { Event::Timer });
            }
            "close" => self.close(rest)?,
            "add" => self.add(rest)?,
            "funding" => {
                let paid = Decimal::parse(rest[0].as_bytes()).and_then(|d| d.to_scale(18)).map_err(told)?;
                let event = VenueEvent::FundingPaid(self.key(None)?, Box::new(Money(i128::from(paid))));
                self.world.handle(Event::Venue(event));
            }
            "signal" => {
                let ago: i64 = rest.first().map_or(0, |word| word.parse().expect("seconds ago"));
                let (key, at) = (self.key(None)?, Timestamp(self.world.now.0 - ago * 1_000_000_000));
                self.world.handle(Event::Command(Command::Signal { key, at }));
            }
            "liquidation" => {
                let key = self.key(None)?;
                let at = self.price(key.instrument, rest[0])?;
                self.world.handle(Event::Venue(VenueEvent::LiquidationAt(key, at)));
            }
            "move" => {
                let key = self.key(None)?;
                let to = self.price(key.instrument, rest[0])?;
                self.world.handle(Event::Command(Command::MoveStop { key, to }));
            }
            "replan" => {
                let (key, spec) =
                    (self.key(None)?, plan_spec(left.split_once("replan").expect("the word").1)?);
                let faults = |faults: Vec<_>| format!("{faults:?}");
                let plan = spec.resolve(key.instrument, self.rules(key.instrument)).map_err(faults)?;
                let plan = self.world.core.add_plan(plan).map_err(|error| error.to_string())?;
                self.world.handle(Event::Command(Command::ChangePlan { key, plan }));
            }
            "panic" | "kill" | "lag" | "budget" => self.circumstance(words[0], rest)?,
            "manage" | "read" | "outside" | "release" | "hand" => self.past_us(words[0], rest)?,
            "list" | "someone" => self.lists(words[0], rest)?,
            "venue" => self.mood(rest)?,
            "say" => self.say(rest)?,
            "restart" => self.restart(),
            "remember" => self.remembered = Some((self.world.core.snapshot(), self.world.records.len())),
            "recover" => self.recover()?,
            "show" => return self.show(rest.first()),
            "cover" => return self.cover(rest.first()),
            "covered" => return self.covered(rest.first()),
            "totals" => return Ok(self.totals()),
            word => return Err(format!("unknown word `{word}`")),
        }
        Ok(self.told())
    }

    /// `panic`; `kill K1`, `kill K3 twice`, `kill off`; `lag 2s`: how far the venue's clock is behind.
    fn circumstance(&mut self, word: &str, rest: &[&str]) -> Result<(), String> {
        if word == "panic" {
            let account = self.key(rest.first())?.account;
            self.world.handle(Event::Command(Command::Panic(account)));
            return Ok(());
        }
        if word == "lag" {
            let secs = Decimal::parse(rest[0].trim_end_matches('s').as_bytes()).map_err(told)?;
            self.world.lag = Span(secs.to_scale(9).map_err(told)?);
            return Ok(());
        }
        if word == "budget" {
            return self.budget(rest);
        }
        let level = KillLevel::ALL.into_iter().find(|level| level.word() == rest[0]);
        let (account, confirmed) = (self.at.map_or(AccountId(0), |key| key.account), rest.len() > 1);
        self.world.handle(Event::Command(Command::Kill { account, level, confirmed }));
        Ok(())
    }

    /// `budget 4 per 10s reserve 50% [pause 5s]`, `budget off`
    fn budget(&mut self, rest: &[&str]) -> Result<(), String> {
        let find = |name: &str| rest.iter().position(|word| *word == name).map(|at| rest[at + 1]);
        let number = |text: &str| text.trim_end_matches(['s', '%']).parse::<i64>().map_err(told);
        let secs = |name: &str| find(name).map_or(Ok(Span(0)), |text| number(text).map(Span::from_secs));
        let budget = match rest[0] {
            "off" => None,
            orders => Some(OrderBudget {
                orders: orders.parse().map_err(told)?,
                window: secs("per")?,
                reserve: Ratio::from_bps(100 * find("reserve").map_or(Ok(0), number)?),
                pause: secs("pause")?,
            }),
        };
        let account = self.at.map_or(AccountId(0), |key| key.account);
        self.world.handle(Event::Command(Command::Budget { account, budget }));
        Ok(())
    }

    /// `market BTC tick 0.05 lot 0.001 min 0.01 decimals 2 3 on last,mark bars`
    fn market(&mut self, words: &[&str]) {
        let (mut decimals, mut sources, mut bars) = ((2, 3), vec![PriceSource::Last], BarOrigin::Ticks);
        let find = |name: &str| words.iter().position(|word| *word == name).map(|at| words[at + 1]);
        if let Some(at) = words.iter().position(|word| *word == "decimals") {
            decimals = (words[at + 1].parse().expect("decimals"), words[at + 2].parse().expect("decimals"));
        }
        if let Some(list) = find("on") {
            sources = list.split(',').map(|word| source(word).expect("a source")).collect();
        }
        if words.contains(&"bars") {
            bars = BarOrigin::Bars;
        }
        let mut instrument = Instrument::from_decimals(words[0], decimals.0, decimals.1);
        let scaled =
            |text: &str, decimals| Decimal::parse(text.as_bytes()).and_then(|d| d.to_scale(decimals));
        if let Some(tick) = find("tick") {
            instrument.tick_size = Price(scaled(tick, decimals.0).expect("a tick"));
        }
        if let Some(lot) = find("lot") {
            instrument.lot_size = Qty(scaled(lot, decimals.1).expect("a lot"));
        }
        if let Some(min) = find("min") {
            instrument.qty_min = Qty(scaled(min, decimals.1).expect("a minimum"));
        }
        if words.contains(&"spot") {
            instrument.kind = MarketKind::Spot;
        }
        if let Some(max) = find("max") {
            instrument.market_qty_max = Qty(scaled(max, decimals.1).expect("a maximum"));
        }
        let id = self.world.core.add_instrument(instrument.clone(), &sources, bars);
        self.world.venue.list(id.expect("a sound instrument"), &instrument);
        self.instruments.push((words[0].to_owned(), instrument));
    }

    /// `open [NAME] long 2 at 100 [fees 0.1] [in ETH]`
    fn open(&mut self, words: &[&str]) -> Result<(), String> {
        let (name, words) =
            if ["long", "short"].contains(&words[0]) { ("", words) } else { (words[0], &words[1..]) };
        let find = |name: &str| words.iter().position(|word| *word == name).map(|at| words[at + 1]);
        let instrument = self.instrument(find("in"))?;
        let side = if words[0] == "long" { Side::Long } else { Side::Short };
        let account = AccountId(name.bytes().next().map_or(0, u32::from));
        let key = PositionKey { account, instrument, side };
        self.names.insert(name.to_owned(), key);
        self.at = Some(key);
        let plan = match &self.plan {
            Some(spec) => {
                let faults = |faults: Vec<_>| format!("{faults:?}");
                let plan = spec.resolve(instrument, self.rules(instrument)).map_err(faults)?;
                self.world.core.add_plan(plan).map_err(|error| error.to_string())?
            }
            None => PlanId(999),
        };
        let fees =
            find("fees").map_or(Ok(0), |text| Decimal::parse(text.as_bytes()).and_then(|d| d.to_scale(18)));
        self.world.open(Opening {
            key,
            plan,
            qty: self.qty(instrument, words[1])?,
            entry: self.price(instrument, words[3])?,
            entry_fees: Money(i128::from(fees.map_err(told)?)),
        });
        Ok(())
    }

    /// `close [NAME] [1]`
    fn close(&mut self, words: &[&str]) -> Result<(), String> {
        let qty = words.last().filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let name = words.first().filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
        let key = self.key(name)?;
        let qty = qty.map(|text| self.qty(key.instrument, text)).transpose()?;
        self.world.handle(Event::Command(Command::Close { key, qty }));
        Ok(())
    }

    /// `add 1 at 105 [fees 0.1]`
    fn add(&mut self, words: &[&str]) -> Result<(), String> {
        let key = self.key(None)?;
        let (qty, price) = (self.qty(key.instrument, words[0])?, self.price(key.instrument, words[2])?);
        let fees = match words.get(4) {
            Some(text) => Decimal::parse(text.as_bytes()).and_then(|d| d.to_scale(18)).map_err(told)?,
            None => 0,
        };
        self.world.add(Addition { key, qty, price, fees: Money(i128::from(fees)) });
        Ok(())
    }

    /// `tick 100 [mark] [of ETH]`
    fn tick(&mut self, words: &[&str], probe: Probe) -> Result<(), String> {
        let of = words.iter().position(|word| *word == "of").map(|at| words[at + 1]);
        let instrument = self.instrument(of)?;
        let source =
            words.get(1).filter(|word| **word != "of").map_or(Ok(PriceSource::Last), |word| source(word))?;
        let price = self.price(instrument, words[0])?;
        self.world.price(instrument, source, price, probe);
        Ok(())
    }

    /// `probe 100 stop,extreme [long]`
    fn probe(&mut self, words: &[&str]) -> Result<(), String> {
        let mut probe = Probe { classes: 0, sides: Probe::LONG | Probe::SHORT, fill: ProbeFill::Market };
        for class in words[1].split(',') {
            probe.classes |= match class {
                "stop" => Probe::STOP,
                "target" => Probe::TARGET,
                "extreme" => Probe::EXTREME,
                "time" => Probe::TIME,
                "signal" => Probe::SIGNAL,
                "level" => {
                    probe.fill = ProbeFill::Level;
                    0
                }
                word => return Err(format!("unknown class `{word}`")),
            };
        }
        match words.get(2) {
            Some(&"long") => probe.sides = Probe::LONG,
            Some(&"short") => probe.sides = Probe::SHORT,
            _ => {}
        }
        // A price that only some rules look at is one of a candle: no process ends between two of those.
        self.world.ends_with_each_step = false;
        self.tick(&words[..1], probe)
    }

    /// `bar HIGH LOW CLOSE`: a closed bar of a minute, one after the other.
    fn bar(&mut self, words: &[&str]) -> Result<(), String> {
        let instrument = InstrumentId(0);
        let span = Span::from_secs(60);
        let [high, low, close] = [words[0], words[1], words[2]].map(|word| self.price(instrument, word));
        let start = Timestamp(self.world.now.0.div_euclid(span.0) * span.0 + self.bars * span.0);
        self.bars += 1;
        let bar = Bar { instrument, span, start, high: high?, low: low?, close: close? };
        self.world.handle(Event::Bar(bar));
        Ok(())
    }

    /// `again [N]`: the last bar, or the N-th from the end, is told once more.
    fn again(&mut self, words: &[&str]) {
        let back: usize = words.first().map_or(1, |word| word.parse().expect("a number"));
        let bars: Vec<_> =
            self.world.log.iter().filter(|(_, event)| matches!(event, Event::Bar(_))).collect();
        let bar = bars[bars.len() - back].1.clone();
        self.world.handle(bar);
    }

    fn mood(&mut self, words: &[&str]) -> Result<(), String> {
        let number = |at: usize| words.get(at).map_or(0, |word| word.parse().expect("a number"));
        let part = if words[0] == "parts" { self.qty(InstrumentId(0), words[1])?.0 } else { 0 };
        let mood = &mut self.world.venue.mood;
        match words[0] {
            "refuses" => mood.refuse = number(1),
            "delays" => mood.delay = number(1),
            "cancels-late" => mood.cancel_delay = number(1),
            "drops" => mood.drop = number(1),
            "loses" => mood.lose = number(1),
            "keeps" => mood.keep = number(1),
            "blind" => mood.blind = true,
            "mute" => mood.mute = true,
            "bans" => mood.ban = number(1),
            "doubles" => mood.double = true,
            "thin" => mood.thin = true,
            "stuck" => mood.stuck = true,
            "parts" => mood.part = part,
            "well" => *mood = crate::venue::Mood::default(),
            word => return Err(format!("unknown mood `{word}`")),
        }
        Ok(())
    }

    /// What the venue says of the last order (or of `leg N`): `say accepted|refused|cancelled|expired|silence`,
    /// `say fill 2 at 100` (in all so far).
    fn say(&mut self, words: &[&str]) -> Result<(), String> {
        let leg = words
            .iter()
            .position(|word| *word == "leg")
            .map(|at| words[at + 1].parse::<u8>().expect("a leg"));
        let mut submits = self.world.actions.iter().rev().filter_map(|action| match action {
            Action::Submit(approved) => Some(*approved.order()),
            Action::Cancel(_)
            | Action::Query(_)
            | Action::ReadPositions(_)
            | Action::ListOrders(_)
            | Action::CancelForeign(..) => None,
        });
        let order = submits.find(|order| leg.is_none_or(|leg| order.id.leg == leg)).ok_or("no order")?;
        let id = order.id;
        let event = match words[0] {
            "accepted" => VenueEvent::Accepted(id),
            "refused" => {
                let is_busy = words.get(1) == Some(&"busy");
                VenueEvent::Refused(id, if is_busy { RefusedWhy::Busy } else { RefusedWhy::Other })
            }
            "triggered" => VenueEvent::Triggered(id),
            "cancelled" => VenueEvent::Cancelled(id),
            "expired" => VenueEvent::Expired(id),
            "silence" => VenueEvent::Silence(id),
            "fill" => {
                let instrument = id.episode.key.instrument;
                let filled_total = self.qty(instrument, words[1])?;
                let price = self.price(instrument, words[3])?;
                VenueEvent::Filled(Box::new(Fill { id, filled_total, price, fee: Money::ZERO }))
            }
            word => return Err(format!("unknown answer `{word}`")),
        };
        self.world.handle(Event::Venue(event));
        Ok(())
    }

    /// The state goes through its text and back.
    fn restart(&mut self) {
        let text = serde_json::to_string(&self.world.core.snapshot()).expect("a snapshot is data");
        let snapshot: Snapshot = serde_json::from_str(&text).expect("what was written can be read");
        self.world.core = Coordinator::restore(snapshot, []).expect("our own version");
    }

    /// `remember`, and later `recover`: from the state then and the journal since.
    fn recover(&mut self) -> Result<(), String> {
        let (snapshot, from) = self.remembered.take().ok_or("nothing is remembered")?;
        let mut out = Outbox::default();
        self.world.core.checkpoint(self.world.now, &mut out);
        let journal = self.world.records[from..].iter().cloned().chain(out.records);
        self.world.core = Coordinator::restore(snapshot, journal).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn show(&self, name: Option<&&str>) -> Result<String, String> {
        let key = self.key(name)?;
        let Some(view) = self.world.core.view().position(key) else { return Ok("flat".to_owned()) };
        let mut text = format!("{} {}", view.side.word(), self.show_qty(key, view.qty));
        if let Some((stop, origin)) = view.stop {
            write!(text, ", stop {} {}", self.show_price(key, stop), word(&origin)).expect("text");
        }
        if let Some(stop) = view.trailing_stop {
            write!(text, ", trail {}", self.show_price(key, stop)).expect("text");
        }
        if let Some(stop) = view.hard_stop {
            write!(text, ", hard {}", self.show_price(key, stop)).expect("text");
        }
        if let Some(reason) = view.closing {
            write!(text, ", closing {}", reason.word()).expect("text");
        }
        Ok(text)
    }

    fn prefix(&self, episode: EpisodeId) -> String {
        if self.names.len() < 2 {
            return String::new();
        }
        let name = self.names.iter().find(|(_, key)| **key == episode.key);
        name.filter(|(name, _)| !name.is_empty()).map_or_else(String::new, |(name, _)| format!("{name}: "))
    }

    fn key(&self, name: Option<&&str>) -> Result<PositionKey, String> {
        match name {
            Some(name) => self.names.get(*name).copied().ok_or_else(|| format!("no position `{name}`")),
            None => self.at.ok_or_else(|| "no position".to_owned()),
        }
    }

    fn instrument(&self, symbol: Option<&str>) -> Result<InstrumentId, String> {
        let at = match symbol {
            Some(symbol) => {
                self.instruments.iter().position(|(name, _)| name == symbol).ok_or("no such market")?
            }
            None => 0,
        };
        Ok(InstrumentId(u32::try_from(at).expect("few markets")))
    }

    fn rules(&self, instrument: InstrumentId) -> &Instrument {
        &self.instruments[instrument.0 as usize].1
    }

    fn price(&self, instrument: InstrumentId, text: &str) -> Result<Price, String> {
        let decimals = self.rules(instrument).price_decimals;
        Decimal::parse(text.as_bytes()).and_then(|value| value.to_scale(decimals)).map(Price).map_err(told)
    }

    fn qty(&self, instrument: InstrumentId, text: &str) -> Result<Qty, String> {
        let decimals = self.rules(instrument).qty_decimals;
        Decimal::parse(text.as_bytes()).and_then(|value| value.to_scale(decimals)).map(Qty).map_err(told)
    }

    fn show_price(&self, key: PositionKey, price: Price) -> String {
        fixed(i128::from(price.0), self.rules(key.instrument).price_decimals).to_string()
    }

    fn show_qty(&self, key: PositionKey, qty: Qty) -> String {
        let decimals = self.rules(key.instrument).qty_decimals;
        ripcord_core::num::shortest(i128::from(qty.0), decimals).to_string()
    }
}

fn order_name(id: OrderId) -> String {
    if id.leg > 0 { format!("leg {}", id.leg) } else { format!("exit {} try {}", id.exit, id.attempt + 1) }
}

fn source(word: &str) -> Result<PriceSource, String> {
    serde_json::from_value(serde_json::Value::String(word.to_owned()))
        .map_err(|_| format!("no source `{word}`"))
}

/// The word of an enum in files.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => panic!("a word, not {other:?}"),
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
