//! Which rows a change of the ledger's state makes, and when an episode leaves.

use std::collections::BTreeSet;
use std::sync::Arc;

use ripcord_core::num::Qty;

use super::{AccountId, Change, EpisodeId, InstrumentId, Ledger, LedgerFault, Method, OrderId, Owner};
use super::{Touched, Worth, imports};
use crate::episode::Life;
use crate::{spot, trades};

impl Ledger {
    /// The rows of every order that a spot book touched, and of their episodes.
    pub(super) fn tell_touched(&self, touched: &Touched, changes: &mut Vec<Change>) {
        let mut episodes = BTreeSet::new();
        for order in touched.buys.iter().chain(&touched.sells) {
            match self.spot.owner(order) {
                Some(Owner::Opening(id, place)) => self.tell_opening(id, place, changes),
                Some(Owner::Exit(id)) => {
                    self.tell_exit(&id, changes);
                    episodes.insert(id.episode);
                }
                // A row that was told once has no fault the second time.
                Some(Owner::Import) => drop(self.tell_import(order, changes)),
                None => {}
            }
        }
        for id in episodes {
            self.tell_episode(id, changes);
        }
    }

    /// Every row that carries an episode's name.
    pub(super) fn tell_life(&self, id: EpisodeId, changes: &mut Vec<Change>) {
        let Some(life) = self.lives.get(&id) else { return };
        (0..life.openings.len()).for_each(|place| self.tell_opening(id, place, changes));
        for (order, _) in life.orders.iter().filter(|(_, sent)| sent.fills > 0) {
            self.tell_exit(order, changes);
        }
        self.tell_episode(id, changes);
    }

    pub(super) fn tell_opening(&self, id: EpisodeId, place: usize, changes: &mut Vec<Change>) {
        let Some(life) = self.lives.get(&id) else { return };
        let opening = &life.openings[place];
        let left = if life.is_fifo() {
            let book = self.spot.book((id.key.account, id.key.instrument));
            book.map(|book| book.left(&opening.order_id)).unwrap_or_default()
        } else {
            Qty(opening.qty.0 - opening.closed.0)
        };
        changes.push(Change::Trade(Box::new(trades::opening(life, opening, left))));
    }

    /// The trade record of an exit order, and its allocations.
    pub(super) fn tell_exit(&self, id: &OrderId, changes: &mut Vec<Change>) {
        let Some(life) = self.lives.get(&id.episode) else { return };
        let Some(sent) = life.orders.get(id) else { return };
        if !life.is_fifo() {
            let parents = sent.parents.iter().map(|&place| life.openings[place].order_id.clone()).collect();
            let row = trades::closing(life, sent, parents, Some(trades::by_average(life, sent)));
            changes.push(Change::Trade(Box::new(row)));
            return;
        }
        let key = (id.episode.key.account, id.episode.key.instrument);
        let rows = self.spot.allocations(key, &sent.order_id);
        let money = trades::by_fifo(rows, sent.funding);
        changes.push(Change::Trade(Box::new(trades::closing(life, sent, spot::parents(rows), money))));
        changes.push(Change::Allocations {
            sell: sent.order_id.clone(),
            market: life.market.clone(),
            rows: rows.to_vec(),
        });
    }

    /// The row of an episode's bracket, if an order that belongs to it changed.
    pub(super) fn tell_bracket(&self, id: EpisodeId, order: Option<&OrderId>, changes: &mut Vec<Change>) {
        if order.is_some_and(|order| order.exit > 0) {
            return;
        }
        if let Some(row) = self.lives.get(&id).and_then(Life::bracket) {
            changes.push(Change::Bracket(Box::new(row)));
        }
    }

    pub(super) fn tell_episode(&self, id: EpisodeId, changes: &mut Vec<Change>) {
        let Some(life) = self.lives.get(&id) else { return };
        let worth = if life.is_fifo() { self.by_fifo(id) } else { life.by_average() };
        changes.push(Change::Episode(Box::new(life.row(worth))));
    }

    /// What the exits of a spot episode were worth together; none while one of them is not known.
    fn by_fifo(&self, id: EpisodeId) -> Option<Worth> {
        let life = self.lives.get(&id).filter(|life| !life.left_outside())?;
        let key: (AccountId, InstrumentId) = (id.key.account, id.key.instrument);
        let mut sum = Worth::default();
        for sent in life.orders.values().filter(|sent| sent.fills > 0) {
            let rows = self.spot.allocations(key, &sent.order_id);
            sum = sum.and(&trades::by_fifo(rows, sent.funding)?.worth);
        }
        Some(sum)
    }

    pub(super) fn tell_import(&self, order: &Arc<str>, changes: &mut Vec<Change>) -> Result<(), LedgerFault> {
        let Some(trade) = self.imports.get(order) else { return Ok(()) };
        let market = self.markets.get(&trade.instrument);
        let market = market.ok_or(LedgerFault::UnknownInstrument(trade.instrument))?;
        let key = (trade.account, trade.instrument);
        let rows = self.spot.allocations(key, order);
        let left = self.spot.book(key).map(|book| book.left(order));
        let row = imports::row(trade, market, rows, left)?;
        changes.push(Change::Trade(Box::new(row)));
        if trade.closes && market.method == Method::Fifo {
            let (sell, market) = (order.clone(), market.clone());
            changes.push(Change::Allocations { sell, market, rows: rows.to_vec() });
        }
        Ok(())
    }

    /// Forgets an episode to which nothing can happen any more. Spot episodes stay: a trade that
    /// comes late may change what they cost.
    pub(super) fn let_go(&mut self, id: EpisodeId) {
        if self.lives.get(&id).is_some_and(|life| life.is_over() && !life.is_fifo()) {
            self.lives.remove(&id);
        }
    }
}
