//! A path as a story: what happened, and below it what the core wrote down and asked for.

use ripcord_core::event::{Action, Record};
use ripcord_core::id::OrderId;
use ripcord_core::num::Price;
use ripcord_core::order::{ExitOrder, OrderKind};
use stateright::Model;

use crate::model::{Act, Exits};
use crate::world::{Request, Told, Word, World};

/// Tells a path step by step.
#[must_use]
pub fn tell(model: &Exits, acts: &[Act]) -> Vec<String> {
    let mut world = World::new(&model.setup);
    let mut lines = vec![format!("at first: {} held at 100.00; {}", world.venue.held, orders(&world))];
    for (number, act) in acts.iter().enumerate() {
        let head = format!("{:>3}. {}", number + 1, act_words(model, &world, *act));
        world.told = Some(Vec::new());
        let Some(mut next) = model.next_state(&world, *act) else { continue };
        lines.push(head);
        for told in next.told.take().unwrap_or_default() {
            lines.extend(told_words(&told).map(|words| format!("       {words}")));
        }
        world = next;
    }
    let fault = world.fault.map_or("nothing is violated", |fault| fault.property());
    let (held, open) = (world.venue.held, world.owner.open());
    lines.push(format!("at last: {held} held, {open} believed; violated: {fault}"));
    lines
}

fn orders(world: &World) -> String {
    let orders = world.venue.orders.iter().map(|placed| order_words(&placed.order));
    orders.collect::<Vec<_>>().join(", ")
}

fn act_words(model: &Exits, world: &World, act: Act) -> String {
    let request = |at: u8| request_words(world, world.requests[usize::from(at)]);
    let word = |at: u8| word_words(world, &world.answers[usize::from(at)]);
    let order = |at: u8| order_words(&world.venue.orders[usize::from(at)].order);
    match act {
        Act::Arrive(at) => format!("the venue gets: {}", request(at)),
        Act::LoseRequest(at) => format!("lost on its way: {}", request(at)),
        Act::ArriveAgain(at) => format!("the venue gets, and will once more: {}", request(at)),
        Act::Refuse(at) => format!("the venue is busy and refuses: {}", request(at)),
        Act::Lie(at) => format!("the venue does not find what it has: {}", request(at)),
        Act::Hear(at) => format!("we hear: {}", word(at)),
        Act::LoseAnswer(at) => format!("we never hear: {}", word(at)),
        Act::HearAgain(at) => format!("we hear, and will once more: {}", word(at)),
        Act::Trade(at) => format!("trades: {}", order(at)),
        Act::Part(at) => format!("trades one lot: {}", order(at)),
        Act::Price => {
            format!("the price is {}", price_words(Price(model.setup.prices[usize::from(world.step)])))
        }
        Act::Timer => "the clock goes to the next deadline".to_owned(),
        Act::Silence(at) => format!("the host gives up waiting for: {}", order(at)),
        Act::Crash(sent) => {
            format!("the process dies; of its last {} words it sent {sent}", world.fresh.len())
        }
        Act::Start => "it starts again from its journal".to_owned(),
        Act::Overlap => "a second owner starts; the first one lives on".to_owned(),
        Act::LateTimer => "the first owner looks at the clock".to_owned(),
        Act::LatePrice => "the first owner sees the price".to_owned(),
        Act::LateEnds => "the first owner is gone".to_owned(),
        Act::HandTrade => "somebody sells one lot by hand".to_owned(),
        Act::HandCancel(at) => format!("somebody takes away: {}", order(at)),
    }
}

fn request_words(world: &World, request: Request) -> String {
    let order = |at: u8| order_words(&world.venue.orders[usize::from(at)].order);
    match request {
        Request::Submit(at, _) => order(at),
        Request::Cancel(at) => format!("cancel {}", order(at)),
        Request::Query(at) => format!("what became of {}?", order(at)),
        Request::Read => "what is held?".to_owned(),
        Request::List => "what rests?".to_owned(),
    }
}

fn word_words(world: &World, word: &Word) -> String {
    let order = |at: &u8| order_words(&world.venue.orders[usize::from(*at)].order);
    match word {
        Word::Accepted(at) => format!("accepted {}", order(at)),
        Word::Refused(at, why) => format!("refused {}: {why:?}", order(at)),
        Word::Filled(at, total, price) => {
            format!("{total} traded at {} of {}", price_words(*price), order(at))
        }
        Word::Cancelled(at, traded) => format!("cancelled {}, {traded} traded", order(at)),
        Word::Expired(at, traded) => format!("nothing left to reduce for {}, {traded} traded", order(at)),
        Word::CancelRefused(at) => format!("cannot cancel {}", order(at)),
        Word::Found(at, state, total) => format!("{} is {state:?}, {total} traded", order(at)),
        Word::NotFound(at, _) => format!("not found: {}", order(at)),
        Word::Read(held, _) => format!("{held} held"),
        Word::Listed(orders, _) => format!("{} orders rest", orders.len()),
        Word::ByHand(trade) => format!("one lot was sold by hand, trade {trade}"),
    }
}

fn told_words(told: &Told) -> Option<String> {
    match told {
        Told::Action(action) => action_words(action),
        Told::Record(entry) => match &entry.record {
            Record::ExitDecided(decided) => Some(format!(
                "decided: exit {} closes {}, {:?} at {}",
                decided.exit,
                decided.qty.0,
                decided.reason,
                price_words(decided.trigger)
            )),
            Record::Filled(filled) => Some(format!(
                "written: {} of {} filled, {} left",
                filled.qty.0,
                id_words(&filled.id),
                filled.remaining.0
            )),
            Record::OrderEnded { id, how } => Some(format!("written: {} {how:?}", id_words(id))),
            Record::ExitConcluded { exit, why, .. } => {
                Some(format!("written: exit {exit} given up, {why:?}"))
            }
            Record::Closed { .. } => Some("written: flat".to_owned()),
            Record::Opened(opened) => Some(format!("written: {} taken over", opened.qty.0)),
            Record::LeftOutside(left) => Some(format!("written: {} left past us", left.qty.0)),
            Record::Returned(back) => Some(format!("written: {} is told after all", back.qty.0)),
            Record::Alarm { what, .. } => Some(format!("alarm: {what:?}")),
            _ => None,
        },
    }
}

fn action_words(action: &Action) -> Option<String> {
    Some(match action {
        Action::Submit(approved) => format!("-> {}", order_words(approved.order())),
        Action::Cancel(id) => format!("-> cancel {}", id_words(id)),
        Action::Query(id) => format!("-> what became of {}?", id_words(id)),
        Action::ReadPositions(_) => "-> what is held?".to_owned(),
        Action::ListOrders(_) => "-> what rests?".to_owned(),
        Action::CancelForeign(..) => return None,
    })
}

/// `sell 2 stop 97.00 (exit 0 try 1)`.
fn order_words(order: &ExitOrder) -> String {
    let kind = match order.kind {
        OrderKind::Market => "market".to_owned(),
        OrderKind::MarketableLimit(at) | OrderKind::RestingLimit(at) | OrderKind::ImmediateLimit(at) => {
            format!("limit {}", price_words(at))
        }
        OrderKind::Stop(at) | OrderKind::MarkStop(at) => format!("stop {}", price_words(at)),
    };
    format!("sell {} {kind} ({})", order.qty.0, id_words(&order.id))
}

fn id_words(id: &OrderId) -> String {
    let leg = if id.leg > 0 { format!(" leg {}", id.leg) } else { String::new() };
    format!("exit {}{leg} try {}", id.exit, id.attempt + 1)
}

fn price_words(price: Price) -> String {
    format!("{}.{:02}", price.0 / 100, price.0 % 100)
}
