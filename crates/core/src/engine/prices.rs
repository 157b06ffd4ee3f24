//! What an instrument asks of its prices, and which of them rules may read.

use super::Engine;
use crate::cell::{Band, CellId};
use crate::id::InstrumentId;
use crate::market::PriceSource;
use crate::num::Price;
use crate::plan::{Plan, PriceRules, Rule};
use crate::position::{Position, SourceCells};
use crate::time::Timestamp;
use crate::trust::{AHEAD_MAX, exceeds};

impl Engine {
    /// Takes what one more plan asks of an instrument's prices into account.
    pub(super) fn ask(&mut self, instrument: InstrumentId, rules: PriceRules) {
        let market = &mut self.markets[instrument.0 as usize];
        let strictest = market.prices.map_or(rules, |prices| prices.strictest(rules));
        market.prices = Some(strictest);
        for at in 0..self.markets[instrument.0 as usize].fed.len() {
            let (_, cell) = self.markets[instrument.0 as usize].fed[at];
            let asks = &mut self.books[cell.0 as usize].asks;
            asks.stale_after = strictest.stale_after;
            asks.spike = strictest.spike;
        }
        self.restate_asks(instrument);
    }

    /// Brings in line which cells of an instrument want to see every price.
    pub(crate) fn restate_asks(&mut self, instrument: InstrumentId) {
        let waits = self.trust.suspects_any(instrument)
            || self.trust.spikes.keys().any(|&cell| self.owner(cell) == instrument);
        let compared = self.compared(instrument);
        for at in 0..self.markets[instrument.0 as usize].fed.len() {
            let (_, cell) = self.markets[instrument.0 as usize].fed[at];
            let is_compared = compared.is_some_and(|(mark, _)| mark == cell);
            let every = waits || is_compared || self.trust.silent.contains(&cell);
            self.books[cell.0 as usize].asks.every = every;
        }
        self.restate_bands(instrument);
    }

    /// The cells of mark and last price, if a plan compares them and both are fed.
    pub(crate) fn compared(&self, instrument: InstrumentId) -> Option<(CellId, CellId)> {
        let market = self.market(instrument);
        market.prices.and_then(|prices| prices.divergence)?;
        let fed = |wanted| market.fed.iter().find(|(source, _)| *source == wanted).map(|&(_, cell)| cell);
        fed(PriceSource::Mark).zip(fed(PriceSource::Last))
    }

    /// Mark and last price, and whether they differ by more than a plan of the instrument allows.
    pub(crate) fn divergence(&self, instrument: InstrumentId) -> Option<(Price, Price, bool)> {
        let (mark, last) = self.compared(instrument)?;
        let (mark, last) = (self.trusted_price(mark)?, self.trusted_price(last)?);
        let share = self.market(instrument).prices.and_then(|prices| prices.divergence)?;
        Some((mark, last, exceeds(share, last.0, mark.0)))
    }

    /// The last price of a cell, unless it has been silent for too long.
    pub(crate) fn trusted_price(&self, cell: CellId) -> Option<Price> {
        // Nothing is silent almost always, and that costs one look.
        let is_silent = !self.trust.silent.is_empty() && self.trust.silent.contains(&cell);
        self.last_price(cell).filter(|_| !is_silent)
    }

    /// As [`Engine::trusted_price`]; where silence is watched for it must not be too old either. It is for
    /// rules that no price of their own set off: a recording may pause, and its last price still holds.
    pub(crate) fn fresh(&self, now: Timestamp, cell: CellId) -> Option<Price> {
        let at = self.told_at(cell);
        let prices = self.market(self.owner(cell)).prices.filter(|prices| prices.silence.is_some());
        let is_old = prices.is_some_and(|prices| now.since(at) > prices.stale_after);
        self.trusted_price(cell).filter(|_| !is_old)
    }

    /// The time of a cell's last price.
    pub(crate) fn told_at(&self, cell: CellId) -> Timestamp {
        Timestamp(self.cells[cell.0 as usize].at)
    }

    /// The source of a cell.
    pub(crate) fn source_of(&self, cell: CellId) -> PriceSource {
        let fed = &self.market(self.owner(cell)).fed;
        let found = fed.iter().find(|&&(_, at)| at == cell).map(|&(source, _)| source);
        found.expect("every cell is a fed source of its instrument")
    }

    /// Another source of the instrument that is about as far from `from` as `to` is.
    pub(crate) fn agreeing(&self, now: Timestamp, cell: CellId, from: i64, to: i64) -> Option<PriceSource> {
        let share = self.books[cell.0 as usize].asks.spike?;
        let others = self.market(self.owner(cell)).fed.iter().filter(|&&(_, other)| other != cell);
        let mut agreeing = others.filter(|&&(_, other)| {
            let hot = &self.cells[other.0 as usize];
            let is_fresh = now.since(Timestamp(hot.at)) <= self.books[other.0 as usize].asks.stale_after;
            let accepted = self.trusted_price(other).filter(|_| is_fresh).map(|price| price.0);
            let waiting = self.trust.spikes.get(&other).map(|spike| spike.price.0);
            let near = |price: &i64| !exceeds(share, to, *price) && (price - to).abs() < (price - from).abs();
            accepted.is_some_and(|price| near(&price)) || waiting.is_some_and(|price| near(&price))
        });
        agreeing.next().map(|&(source, _)| source)
    }

    /// Whether a price of time `at` is older than the last one of its cell. A last price of the future
    /// says nothing: it would keep out every true one.
    pub(crate) fn is_out_of_order(&self, now: Timestamp, cell: CellId, at: Timestamp) -> bool {
        let last = self.cells[cell.0 as usize].at;
        at.0 < last && Timestamp(last) <= now.after(AHEAD_MAX)
    }

    /// The band of a cell that the spikes of its instrument leave.
    pub(super) fn within_spike(&self, cell: CellId) -> Band {
        let index = cell.0 as usize;
        match (self.books[index].asks.reach(self.cells[index].last), self.cells[index].price()) {
            (None, _) => Band::OPEN,
            (Some(_), None) => Band::SHUT,
            (Some(reach), Some(last)) => Band { lo: last.0 - reach, hi: last.0 + reach },
        }
    }
}

impl Position {
    /// Whether a rule of the plan looks at a cell.
    pub(crate) fn reads(&self, cell: CellId, plan: &Plan, cells: &SourceCells) -> bool {
        let has = |rule: Rule| match rule {
            Rule::HardStop => plan.hard_stop.is_some(),
            Rule::LossGuard => plan.loss_guard.is_some(),
            Rule::StopLoss => plan.stop_loss.is_some(),
            Rule::SoftStop => plan.soft_stop.is_some(),
            Rule::TrailingStop => plan.trailing.is_some(),
            Rule::TakeProfit => plan.ladder.is_some(),
            Rule::SignalExit => plan.signal_exit.is_some(),
            Rule::TimeLimit => plan.time_limit.is_some(),
        };
        Rule::ALL.into_iter().any(|rule| has(rule) && cells.of_rule(rule, self.side(), plan) == cell)
    }
}
