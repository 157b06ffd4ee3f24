//! The judge: reads a venue's account, and believes nobody else.
//!
//! It shares no code with the engine and none with the venue's books: what was held is counted again, from
//! what was opened and what was traded.

use std::collections::BTreeMap;

use ripcord_core::instrument::Side;
use ripcord_venue::account::{Bucket, Entry, Fact};
use ripcord_venue::line::{Kind, Why};

const SECOND: i64 = 1_000_000_000;
/// A range of prices that began before a stop was placed says nothing about the stop.
const RANGE: i64 = SECOND / 4;

/// What is demanded.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the market's passing of a level to the end of the position.
    pub flat_within: i64,
    /// How long an engine that was served may leave a position without a stop or an exit under way, its deaths
    /// not counted, in one stretch.
    pub naked_max: i64,
    /// The least share of the time that positions were held and an engine was served, in percent, in which a
    /// stop or an exit under way stood for them.
    pub covered_least: i64,
}

impl Limits {
    /// What this repository promises under kills and a venue that misbehaves all the time: that an order was
    /// lost is believed after ten seconds, and that a position is another one than ours, while an order of
    /// ours may explain it, after sixty.
    pub const PROMISED: Self = Self { flat_within: 75 * SECOND, naked_max: 75 * SECOND, covered_least: 50 };
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// What must not be, each with its place in the account.
    pub violations: Vec<String>,
    /// Positions that were opened.
    pub opened: usize,
    /// Positions that ended.
    pub closed: usize,
    /// Trades.
    pub fills: usize,
    /// Exit orders that were taken, stops not counted.
    pub exits: usize,
    /// Stops that were taken.
    pub stops: usize,
    /// Orders that arrived when nothing was left to reduce: what a venue without reduce-only would have sold.
    pub found_nothing: usize,
    /// Orders refused because the venue was busy.
    pub busy: usize,
    /// From the passing of a level to the end of the position, in nanoseconds.
    pub to_flat: Vec<i64>,
    /// Stretches without a stop, while an engine was served.
    pub naked: Vec<i64>,
    /// For how long positions were held while an engine was served, added up.
    pub held_for: i64,
    /// When an engine was served first on each connection.
    pub served: Vec<i64>,
}

impl Verdict {
    /// The share of the time that positions were held and an engine was served in which they were covered, in
    /// percent.
    #[must_use]
    pub fn covered(&self) -> Option<i64> {
        let naked: i64 = self.naked.iter().sum();
        ((self.held_for - naked) * 100).checked_div(self.held_for)
    }
}

#[derive(Debug)]
struct Life {
    bucket: Bucket,
    qty: i64,
    held: i64,
    /// The tightest stop that was taken, and when: stops only tighten, so that from there on the obligation is
    /// the venue's knowledge, too.
    stop: Option<(i64, i64)>,
    passed_at: Option<i64>,
    naked_for: i64,
}

#[derive(Debug)]
struct Order {
    life: u64,
    qty: i64,
    filled: i64,
    kind: Kind,
    is_over: bool,
}

#[derive(Debug, Default)]
struct Judge {
    verdict: Verdict,
    lives: BTreeMap<u64, Life>,
    orders: BTreeMap<String, Order>,
    /// Connections on which an engine was served.
    served: Vec<u64>,
    trades: u64,
    last_at: i64,
}

/// Judges an account from its beginning to its end; at the end everything must be closed.
#[must_use]
pub fn judge(account: &[Entry], limits: &Limits) -> Verdict {
    let mut judge = Judge::default();
    for (line, entry) in (1..).zip(account) {
        judge.pass_time(entry.at);
        if let Err(what) = judge.take(entry) {
            judge.verdict.violations.push(format!("line {line}: {what}"));
        }
    }
    judge.end(limits)
}

impl Judge {
    /// While an engine is served, what is held must be covered.
    fn pass_time(&mut self, at: i64) {
        let passed = (at - self.last_at).max(0);
        let is_served = !self.served.is_empty() && self.last_at > 0;
        self.last_at = self.last_at.max(at);
        for (&number, life) in &mut self.lives {
            if life.held == 0 {
                continue;
            }
            let living = self.orders.values().filter(|order| order.life == number && !order.is_over);
            let (mut stopped, mut is_closing) = (0, false);
            for order in living {
                match order.kind {
                    Kind::Stop(_) | Kind::MarkStop(_) => stopped += order.qty - order.filled,
                    Kind::Market(_) | Kind::MarketableLimit(_) | Kind::ImmediateLimit(_) => is_closing = true,
                    Kind::RestingLimit(_) => {}
                }
            }
            if is_served {
                self.verdict.held_for += passed;
            }
            if stopped >= life.held || is_closing {
                if life.naked_for > 0 {
                    self.verdict.naked.push(std::mem::take(&mut life.naked_for));
                }
            } else if is_served {
                life.naked_for += passed;
            }
        }
    }

    fn take(&mut self, entry: &Entry) -> Result<(), String> {
        match &entry.fact {
            Fact::Opened { life, bucket, qty, .. } => {
                let (bucket, qty) = (bucket.clone(), *qty);
                self.verdict.opened += 1;
                let fresh = Life { bucket, qty, held: qty, stop: None, passed_at: None, naked_for: 0 };
                let is_known = self.lives.insert(*life, fresh).is_some();
                if is_known { Err(format!("position {life} was opened twice")) } else { Ok(()) }
            }
            Fact::Placed { order, life, qty, kind } => self.place(entry.at, order, (*life, *qty, *kind)),
            Fact::Refused { order, why } => match why {
                Why::Duplicate => Err(format!("order {order} was sent twice")),
                Why::NothingToReduce => {
                    self.verdict.found_nothing += 1;
                    Ok(())
                }
                Why::Busy => {
                    self.verdict.busy += 1;
                    Ok(())
                }
                Why::MarketRefused | Why::CoinsMissing | Why::Other => Ok(()),
            },
            Fact::Ended { order, .. } => {
                let known = self.orders.get_mut(order).filter(|order| !order.is_over);
                known
                    .map(|order| order.is_over = true)
                    .ok_or_else(|| format!("order {order} ended, and did not live"))
            }
            Fact::Filled { trade, order, life, qty, held, .. } => {
                self.fill(entry.at, *trade, order, (*life, *qty, *held))
            }
            Fact::Range { instrument, low, high } => {
                self.range(entry.at, instrument, (*low, *high));
                Ok(())
            }
            Fact::Served { connection } => {
                self.served.push(*connection);
                self.verdict.served.push(entry.at);
                Ok(())
            }
            Fact::Left { connection } => {
                self.served.retain(|of| of != connection);
                Ok(())
            }
            Fact::Began { .. } | Fact::Joined { .. } | Fact::Calm | Fact::Sweep => Ok(()),
        }
    }

    fn place(&mut self, at: i64, id: &str, (life, qty, kind): (u64, i64, Kind)) -> Result<(), String> {
        let of =
            self.lives.get_mut(&life).ok_or_else(|| format!("order {id} is for position {life}, unknown"))?;
        if let Kind::Stop(trigger) | Kind::MarkStop(trigger) = kind {
            let is_tighter = of.stop.is_none_or(|(before, _)| match of.bucket.side {
                Side::Long => trigger > before,
                Side::Short => trigger < before,
            });
            if is_tighter {
                of.stop = Some((trigger, at));
            }
            self.verdict.stops += 1;
        } else {
            self.verdict.exits += 1;
        }
        let order = Order { life, qty, filled: 0, kind, is_over: false };
        let is_known = self.orders.insert(id.to_owned(), order).is_some();
        if is_known { Err(format!("order {id} was taken twice")) } else { Ok(()) }
    }

    fn fill(
        &mut self,
        at: i64,
        trade: u64,
        id: &str,
        (life, qty, held): (u64, i64, i64),
    ) -> Result<(), String> {
        self.verdict.fills += 1;
        self.trades += 1;
        if trade != self.trades {
            return Err(format!("trade {trade} stands where trade {} should", self.trades));
        }
        let order =
            self.orders.get_mut(id).ok_or_else(|| format!("trade {trade}: order {id} was never taken"))?;
        if order.is_over {
            return Err(format!("trade {trade}: order {id} was over"));
        }
        if order.life != life {
            let was = order.life;
            return Err(format!("trade {trade}: order {id} was for position {was} and sold position {life}"));
        }
        order.filled += qty;
        if order.filled > order.qty || qty <= 0 {
            let (filled, of) = (order.filled, order.qty);
            return Err(format!("trade {trade}: order {id} traded {filled} of {of}"));
        }
        order.is_over = order.filled == order.qty;
        let of =
            self.lives.get_mut(&life).ok_or_else(|| format!("trade {trade}: position {life} is unknown"))?;
        let before = of.held;
        of.held -= qty;
        if before != held {
            return Err(format!("trade {trade}: the account says that {held} was held, and {before} was"));
        }
        if of.held < 0 {
            return Err(format!("trade {trade}: {qty} of position {life} was sold, and {before} was held"));
        }
        if of.held == 0 {
            self.verdict.closed += 1;
            if let Some(passed_at) = of.passed_at {
                self.verdict.to_flat.push(at - passed_at);
            }
            if of.naked_for > 0 {
                self.verdict.naked.push(std::mem::take(&mut of.naked_for));
            }
        }
        Ok(())
    }

    /// Whether the market passed a level at which a position was to end.
    fn range(&mut self, at: i64, instrument: &str, (low, high): (i64, i64)) {
        for life in
            self.lives.values_mut().filter(|life| life.held > 0 && life.bucket.instrument == instrument)
        {
            let Some((trigger, placed_at)) = life.stop.filter(|_| life.passed_at.is_none()) else { continue };
            let is_passed = match life.bucket.side {
                Side::Long => low <= trigger,
                Side::Short => high >= trigger,
            };
            if is_passed && at - placed_at > RANGE {
                life.passed_at = Some(at);
            }
        }
    }

    fn end(mut self, limits: &Limits) -> Verdict {
        let seconds = |ns: i64| format!("{}.{:03} s", ns / SECOND, ns % SECOND / 1_000_000);
        for (number, life) in &mut self.lives {
            let Bucket { account, instrument, side } = &life.bucket;
            let what = format!("position {number} ({instrument} {} of account {account})", side.word());
            if life.held > 0 {
                let passed = life.passed_at.map_or_else(String::new, |at| {
                    format!(", {} after its level was passed", seconds(self.last_at - at))
                });
                let left =
                    format!("{what} is open at the end: {} of {} is left{passed}", life.held, life.qty);
                self.verdict.violations.push(left);
            }
            if life.naked_for > 0 {
                self.verdict.naked.push(std::mem::take(&mut life.naked_for));
            }
        }
        for slow in self.verdict.to_flat.iter().filter(|&&took| took > limits.flat_within) {
            let (took, most) = (seconds(*slow), seconds(limits.flat_within));
            self.verdict
                .violations
                .push(format!("a position ended {took} after its level was passed; the limit is {most}"));
        }
        for bare in self.verdict.naked.iter().filter(|&&bare| bare > limits.naked_max) {
            let (bare, most) = (seconds(*bare), seconds(limits.naked_max));
            self.verdict
                .violations
                .push(format!("a position was without a stop for {bare}; the limit is {most}"));
        }
        if let Some(covered) = self.verdict.covered().filter(|&covered| covered < limits.covered_least) {
            self.verdict.violations.push(format!(
                "positions were covered for {covered} % of the time that an engine was served; {} % must be",
                limits.covered_least
            ));
        }
        self.verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket() -> Bucket {
        Bucket { account: 1, instrument: "BTCUSDT".to_owned(), side: Side::Long }
    }

    fn placed(order: &str, qty: i64, kind: Kind) -> Fact {
        Fact::Placed { order: order.to_owned(), life: 1, qty, kind }
    }

    fn filled(trade: u64, order: &str, qty: i64, held: i64) -> Fact {
        Fact::Filled { trade, order: order.to_owned(), life: 1, qty, price: 100, held }
    }

    /// An account, a fact each tenth of a second.
    fn account(facts: Vec<Fact>) -> Vec<Entry> {
        (1..).zip(facts).map(|(at, fact)| Entry { at: at * SECOND / 10, fact }).collect()
    }

    fn sound() -> Vec<Fact> {
        let opened = Fact::Opened { life: 1, bucket: bucket(), qty: 10, price: 100 };
        let market = Kind::Market(ripcord_venue::line::Subscribe {});
        vec![
            opened,
            Fact::Served { connection: 1 },
            placed("stop", 10, Kind::Stop(90)),
            placed("exit", 10, market),
            filled(1, "exit", 4, 10),
            filled(2, "exit", 6, 6),
            Fact::Ended { order: "stop".to_owned(), by_engine: false },
        ]
    }

    fn violations(facts: Vec<Fact>) -> Vec<String> {
        judge(&account(facts), &Limits { flat_within: 5 * SECOND, naked_max: SECOND, covered_least: 0 })
            .violations
    }

    #[test]
    fn what_was_closed_once_is_sound() {
        assert_eq!(violations(sound()), Vec::<String>::new());
        let verdict = judge(&account(sound()), &Limits::PROMISED);
        assert_eq!((verdict.opened, verdict.closed, verdict.fills), (1, 1, 2));
        assert_eq!((verdict.exits, verdict.stops), (1, 1));
    }

    #[test]
    fn a_second_fill_that_was_forged_is_found() {
        let mut forged = sound();
        forged.insert(6, filled(3, "stop", 10, 0));
        let found = violations(forged);
        assert!(
            found.iter().any(|what| what.contains("10 of position 1 was sold, and 0 was held")),
            "{found:?}"
        );
        let mut twice = sound();
        twice.insert(6, filled(2, "exit", 6, 6));
        assert!(violations(twice)[0].contains("trade 2 stands where trade 3 should"));
        let mut beyond = sound();
        beyond[5] = filled(2, "exit", 7, 6);
        assert!(violations(beyond)[0].contains("traded 11 of 10"));
        let mut lied = sound();
        lied[5] = filled(2, "exit", 6, 60);
        assert!(violations(lied)[0].contains("says that 60 was held, and 6 was"));
    }

    #[test]
    fn an_exit_that_was_lost_is_found() {
        let mut lost = sound();
        lost.remove(5);
        assert!(violations(lost).iter().any(|what| what.contains("is open at the end: 6 of 10 is left")));
        let mut late = sound();
        let quiet = Fact::Range { instrument: "BTCUSDT".to_owned(), low: 95, high: 99 };
        let passing = Fact::Range { instrument: "BTCUSDT".to_owned(), low: 90, high: 99 };
        late.splice(3..3, [vec![quiet.clone(); 2], vec![passing], vec![quiet; 60]].concat());
        let found = violations(late);
        assert!(found[0].contains("6.3") && found[0].contains("after its level was passed"), "{found:?}");
    }

    #[test]
    fn the_tightest_stop_is_what_was_promised() {
        let passing = Fact::Range { instrument: "BTCUSDT".to_owned(), low: 94, high: 99 };
        let mut late = sound();
        let tighter = placed("tighter", 10, Kind::Stop(95));
        late.splice(3..3, [vec![tighter], vec![passing; 70]].concat());
        late.push(Fact::Ended { order: "tighter".to_owned(), by_engine: false });
        assert!(violations(late)[0].contains("after its level was passed"));
    }

    #[test]
    fn an_order_that_is_sent_twice_is_found() {
        let mut again = sound();
        again.insert(4, Fact::Refused { order: "exit".to_owned(), why: Why::Duplicate });
        assert!(violations(again)[0].contains("order exit was sent twice"));
        let mut taken = sound();
        taken.insert(4, placed("stop", 10, Kind::Stop(90)));
        assert!(violations(taken)[0].contains("order stop was taken twice"));
    }

    #[test]
    fn an_engine_that_places_no_stop_is_found_however_short_its_positions_are() {
        let limits = Limits { covered_least: 50, ..Limits::PROMISED };
        assert_eq!(judge(&account(sound()), &limits).violations, Vec::<String>::new());
        let quiet = Fact::Range { instrument: "BTCUSDT".to_owned(), low: 95, high: 99 };
        let mut bare = sound();
        bare.splice(2..2, vec![quiet; 20]);
        let found = judge(&account(bare), &limits).violations;
        assert!(found[0].contains("% of the time that an engine was served; 50 % must be"), "{found:?}");
    }

    #[test]
    fn bare_time_is_found_while_an_engine_is_served_and_only_then() {
        let quiet = Fact::Range { instrument: "BTCUSDT".to_owned(), low: 95, high: 99 };
        let mut bare = sound();
        bare.splice(2..2, vec![quiet; 20]);
        assert!(violations(bare.clone())[0].contains("without a stop for 2.1"));
        bare.insert(2, Fact::Left { connection: 1 });
        assert_eq!(violations(bare), Vec::<String>::new());
    }
}
