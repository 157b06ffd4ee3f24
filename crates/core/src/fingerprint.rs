//! The durable state in a few bytes, for those who ask whether two coordinators are in the same one:
//! model checkers, which look at a hundred million of them.
//!
//! What cannot be seen from outside is left out: in which slot something lies, what is free, what the
//! watch index holds besides, and quiet prices that are not reported yet.

use std::hash::{Hash, Hasher};

use crate::coordinator::Coordinator;
use crate::engine::Engine;
use crate::position::{Phase, Position, level};
use crate::watch::Moment;

impl Coordinator {
    /// Two coordinators with the same markets and plans that say the same here behave alike from now on.
    pub fn fingerprint(&self, into: &mut impl Hasher) {
        let Self { engine, orders, accounts, pacing, timers, .. } = self;
        for cell in &engine.cells {
            (cell.last, cell.at).hash(into);
        }
        engine.feeds.hash(into);
        for position in engine.positions.iter().filter(|position| position.phase != Phase::Vacant) {
            seen(engine, position).hash(into);
            for (_, order) in orders.list(position.first_order) {
                order.named(position.episode).hash(into);
                order.life().hash(into);
                (order.is_part(), order.legs(), order.protects(), order.is_left()).hash(into);
            }
        }
        for (key, lives) in engine.buckets.iter() {
            (key, lives.generation).hash(into);
        }
        engine.standing.hash(into);
        engine.trust.hash(into);
        (&orders.awaited, &orders.inquiries, &orders.waiting).hash(into);
        accounts.hash(into);
        pacing.hash(into);
        timers.all().hash(into);
    }
}

/// A position without its places in storage, and with its best price as a number instead of a moment.
fn seen(engine: &Engine, position: &Position) -> Position {
    let best = if position.is_held() { engine.terms_of(position).best.and_then(level) } else { None };
    Position { first_order: 0, best, best_since: Moment::default(), ..position.clone() }
}
