//! The story of a position as one JSON document: prices, quantities and amounts as decimal text.

use ripcord_core::num::{Price, Qty};
use ripcord_core::order::OrderKind;
use ripcord_core::time::Timestamp;
use serde_json::{Value, json};

use super::json::exit;
use super::words::{percent_of, rule, source, utc};
use crate::alarm;
use crate::explain::{
    Approach, Change, Move, MoveWhy, OrderEvent, OrderStory, RuleNow, Story, Verdict, Wake, Watching, When,
};
use crate::number::{fixed, money};

/// The whole story.
#[must_use]
pub fn story(story: &Story) -> Value {
    let teller = Teller(story);
    let Story { position, opening, end, .. } = story;
    let unpriced = story.unpriced();
    json!({
        "position": {
            "id": position.id,
            "symbol": position.symbol,
            "side": position.side.word(),
            "strategy": position.strategy,
            "snapshot_id": position.snapshot_id,
        },
        "plan": story.plan,
        "candles": story.candles,
        "opening": {
            "at": utc(opening.at),
            "at_ns": opening.at.0,
            "index": opening.index,
            "price": teller.price(opening.entry),
            "qty": teller.qty(opening.qty),
            "fees": money(opening.fees),
        },
        "levels": story.levels.iter().map(|now| teller.rule_now(now)).collect::<Vec<_>>(),
        "moves": story.moves.iter().map(|moved| teller.moved(moved)).collect::<Vec<_>>(),
        "decisions": story.wakes.iter().map(|wake| teller.wake(wake)).collect::<Vec<_>>(),
        "orders": story.orders.iter().map(|order| teller.order(order)).collect::<Vec<_>>(),
        "fills": story.fills.iter().map(|fill| {
            let mut value = exit(fill);
            value["slippage"] = json!(story.slippage(fill).map(|worse| teller.price(Price(worse))));
            value
        }).collect::<Vec<_>>(),
        "changes": story.changes.iter().map(|(at, change)| change_json(*at, *change, story)).collect::<Vec<_>>(),
        "funding": story.funding.iter().map(|(at, paid)| json!({ "at": utc(*at), "at_ns": at.0, "paid": money(*paid) })).collect::<Vec<_>>(),
        "alarms": story.alarms.iter().map(|(at, what)| json!({ "at": utc(*at), "at_ns": at.0, "what": alarm::code(*what), "text": alarm::words(*what) })).collect::<Vec<_>>(),
        "naked_ms": story.uncovered.naked.0 / 1_000_000,
        "unprotected_ms": story.uncovered.unprotected.0 / 1_000_000,
        "mfe": story.excursion.best.map(|extreme| teller.extreme(extreme)),
        "mae": story.excursion.worst.map(|extreme| teller.extreme(extreme)),
        "approaches": story.approaches.iter().map(|approach| teller.approach(approach)).collect::<Vec<_>>(),
        "net_pnl": (unpriced.0 == 0).then(|| money(story.net())),
        "net_known": money(story.net()),
        "unpriced_qty": teller.qty(unpriced),
        "remaining": teller.qty(end.remaining),
        "closed": end.closed.map(|(at, index)| json!({
            "at": utc(at), "at_ns": at.0, "index": index, "reason": end.headline.map(|reason| reason.word()),
        })),
        "open": if end.closed.is_none() { teller.open() } else { Value::Null },
    })
}

struct Teller<'a>(&'a Story);

impl Teller<'_> {
    fn price(&self, price: Price) -> String {
        fixed(price.0, self.0.instrument.price_decimals)
    }

    fn qty(&self, qty: Qty) -> String {
        fixed(qty.0, self.0.instrument.qty_decimals)
    }

    fn rule_now(&self, now: &RuleNow) -> Value {
        json!({
            "reason": now.reason.word(),
            "leg": leg(now.leg),
            "is_activation": now.watching == Watching::Activation,
            "level": now.level.map(|level| self.price(level)),
            "looks_at": source(&self.0.cells, now.cell),
            "price": now.price.map(|price| self.price(price)),
            "distance": now.gap().map(|gap| self.price(Price(gap))),
            "plan": rule(&self.0.plan, now.reason, now.leg),
        })
    }

    fn moved(&self, moved: &Move) -> Value {
        let (best, times) = match moved.why {
            MoveWhy::Stop(_) => (None, None),
            MoveWhy::Activated { best } => (Some(best), None),
            MoveWhy::Followed { best, times } => (Some(best), Some(times)),
        };
        json!({
            "when": when(moved.when),
            "index": moved.index,
            "from": moved.from.map(|from| self.price(from)),
            "to": self.price(moved.to),
            "why": moved.why.word(),
            "best": best.map(|best| self.price(best)),
            "times": times,
        })
    }

    fn wake(&self, wake: &Wake) -> Value {
        let rules = wake.rules.iter().map(|rule| {
            let (verdict, by, distance) = match rule.verdict {
                Verdict::Acted => ("acted", None, None),
                Verdict::Outranked(by) => ("outranked", Some(by.word()), None),
                Verdict::NotReached(gap) => ("not_reached", None, Some(self.price(Price(gap)))),
                Verdict::NotAsked => ("not_asked", None, None),
                Verdict::AtVenue(gap) => ("at_venue", None, Some(self.price(Price(gap)))),
                Verdict::Done => ("done", None, None),
                Verdict::NotActive => ("not_active", None, None),
                Verdict::Nothing => ("nothing", None, None),
            };
            json!({
                "reason": rule.reason.word(),
                "leg": leg(rule.leg),
                "level": rule.level.map(|level| self.price(level)),
                "price": rule.price.map(|price| self.price(price)),
                "verdict": verdict,
                "outranked_by": by,
                "distance": distance,
            })
        });
        json!({
            "at": utc(wake.at),
            "at_ns": wake.at.0,
            "index": wake.index,
            "exit": wake.exit,
            "reason": wake.reason.word(),
            "source": wake.source.word(),
            "exit_type": wake.exit_type.word(),
            "origin": wake.origin.map(|origin| MoveWhy::Stop(origin).word()),
            "qty": self.qty(wake.qty),
            "trigger_price": self.price(wake.trigger),
            "price": self.price(wake.price),
            "best": wake.best.map(|best| self.price(best)),
            "rules": rules.collect::<Vec<_>>(),
        })
    }

    fn order(&self, order: &OrderStory) -> Value {
        let (kind, price) = match order.kind {
            OrderKind::Market => ("market", None),
            OrderKind::MarketableLimit(limit) => ("marketable_limit", Some(limit)),
            OrderKind::RestingLimit(limit) => ("resting_limit", Some(limit)),
            OrderKind::Stop(trigger) => ("stop", Some(trigger)),
            OrderKind::ImmediateLimit(limit) => ("immediate_limit", Some(limit)),
            OrderKind::MarkStop(trigger) => ("mark_stop", Some(trigger)),
        };
        let events = order.events.iter().map(|&(at, event)| {
            let (word, qty) = match event {
                OrderEvent::Intended => ("intended", None),
                OrderEvent::Blocked => ("blocked", None),
                OrderEvent::Accepted => ("accepted", None),
                OrderEvent::Filled(qty) => ("filled", Some(self.qty(qty))),
                OrderEvent::Refused => ("refused", None),
                OrderEvent::Expired => ("expired", None),
                OrderEvent::Cancelled => ("cancelled", None),
                OrderEvent::Unknown => ("unknown", None),
                OrderEvent::NotFound => ("not_found", None),
            };
            json!({ "at": utc(at), "at_ns": at.0, "what": word, "qty": qty })
        });
        json!({
            "exit": order.exit,
            "leg": leg(order.leg),
            "attempt": order.attempt,
            "kind": kind,
            "price": price.map(|price| self.price(price)),
            "reason": order.reason.word(),
            "qty": self.qty(order.qty),
            "filled": self.qty(order.filled),
            "events": events.collect::<Vec<_>>(),
        })
    }

    fn extreme(&self, (price, at): (Price, When)) -> Value {
        let entry = self.0.opening.entry;
        let move_ = self.0.position.side.sign() * (price.0 - entry.0);
        json!({
            "price": self.price(price),
            "move": self.price(Price(move_)),
            "percent": percent_of(move_, entry).trim_end_matches('%').trim_start_matches('+'),
            "when": when(at),
        })
    }

    fn approach(&self, approach: &Approach) -> Value {
        json!({
            "reason": approach.reason.word(),
            "leg": leg(approach.leg),
            "is_activation": approach.watching == Watching::Activation,
            "level": self.price(approach.level),
            "price": self.price(approach.price),
            "distance": self.price(Price(approach.gap)),
            "distance_min": self.price(Price(approach.gap_min)),
            "when": when(approach.when),
            "outranked_by": approach.outranked_by.map(|by| by.word()),
        })
    }

    fn open(&self) -> Value {
        let end = &self.0.end;
        json!({
            "price": end.last.map(|(price, _)| self.price(price)),
            "at": end.last.map(|(_, at)| utc(at)),
            "closing": end.closing.map(|reason| reason.word()),
            "rules": end.standing.iter().map(|now| self.rule_now(now)).collect::<Vec<_>>(),
            "nearest": self.0.nearest().map(|(now, _)| self.rule_now(now)),
        })
    }
}

/// A ladder leg; `null` when it is none.
fn leg(leg: u8) -> Option<u8> {
    (leg > 0).then_some(leg)
}

/// A moment; the two ends are equal when it is known.
fn when(when: When) -> Value {
    json!({ "from": utc(when.from), "from_ns": when.from.0, "to": utc(when.to), "to_ns": when.to.0 })
}

fn change_json(at: Timestamp, change: Change, story: &Story) -> Value {
    let (price, qty) = (
        |p: Price| fixed(p.0, story.instrument.price_decimals),
        |q: Qty| fixed(q.0, story.instrument.qty_decimals),
    );
    let mut value = match change {
        Change::Added { qty: added, price: paid, open, entry } => json!({
            "what": "added", "qty": qty(added), "price": price(paid), "open": qty(open), "entry": price(entry),
        }),
        Change::Plan => json!({ "what": "plan_changed" }),
        Change::Signalled { until } => json!({ "what": "signalled", "until": utc(until) }),
        Change::Deferred { reason, bracket } => {
            json!({ "what": "deferred", "reason": reason.word(), "bracket": price(bracket) })
        }
        Change::BracketTriggered { trigger, price: seen } => {
            json!({ "what": "bracket_triggered", "trigger": price(trigger), "price": price(seen) })
        }
        Change::Prices(of) => json!({ "what": of.code(), "text": of.words(price) }),
        Change::Concluded { exit, why } => json!({ "what": "exit_concluded", "exit": exit, "why": why }),
        Change::Adopted { seen, held_back } => {
            json!({ "what": "adopted", "price": price(seen), "held_back": held_back })
        }
        Change::LeftOutside { qty: left, price: paid, reason, remaining } => json!({
            "what": "left_outside",
            "qty": qty(left),
            "price": paid.map(price),
            "reason": reason.word(),
            "remaining": qty(remaining),
        }),
        Change::Differs { theirs, ours } => {
            json!({ "what": "differs", "venue": qty(theirs), "held": qty(ours) })
        }
        Change::Released { keeps_stop } => json!({ "what": "released", "keeps_stop": keeps_stop }),
        Change::HandedOver => json!({ "what": "handed_over" }),
        Change::Listed { missing, back, edited, strays } => json!({
            "what": "orders_listed", "missing": missing, "back": back, "edited": edited, "strays": strays,
        }),
        Change::Returned { qty: back } => json!({ "what": "returned", "qty": qty(back) }),
        Change::OrdersStale => json!({ "what": "orders_stale" }),
    };
    value["at"] = utc(at).into();
    value
}
