//! The choices of a model: everything that may happen next.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ripcord_core::event::{Event, VenueEvent};
use ripcord_core::num::Price;
use ripcord_core::order::OrderState;
use stateright::{Model, Property};

use crate::digest::Digest;
use crate::faults::Fault;
use crate::setup::{Flaw, Setup};
use crate::venue::{Place, Placed};
use crate::world::{Request, Why, Word, World};

/// Something that happens. Numbers are places in the bags, or orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// A request arrives.
    Arrive(u8),
    /// It is lost.
    LoseRequest(u8),
    /// It arrives, and will once more.
    ArriveAgain(u8),
    /// The venue refuses a new order for no reason.
    Refuse(u8),
    /// It says that it does not know an order.
    Lie(u8),
    /// We hear a word of the venue.
    Hear(u8),
    /// It is lost.
    LoseAnswer(u8),
    /// We hear it, and will once more.
    HearAgain(u8),
    /// An order trades all it can.
    Trade(u8),
    /// It trades one lot.
    Part(u8),
    /// The next price comes.
    Price,
    /// The clock goes to the core's next deadline.
    Timer,
    /// The host gives up waiting for an answer about an order.
    Silence(u8),
    /// The process dies when it has sent so many of its last words.
    Crash(u8),
    /// It starts again.
    Start,
    /// A second owner is started while the first one lives.
    Overlap,
    /// The first owner looks at the clock.
    LateTimer,
    /// The first owner sees the price.
    LatePrice,
    /// The first owner is gone.
    LateEnds,
    /// Somebody sells a lot by hand.
    HandTrade,
    /// Somebody takes a stop away.
    HandCancel(u8),
}

/// A model: a setup, and what is counted beside it.
#[derive(Debug)]
pub struct Exits {
    /// What is modelled.
    pub setup: Setup,
    /// States from which it was tried that all ends well.
    pub healed: AtomicU64,
}

/// Quiet states whose end is remembered, per thread.
const REMEMBERED: usize = 1 << 18;

thread_local! {
    static WELL: RefCell<Vec<u64>> = RefCell::new(vec![0; REMEMBERED]);
}

impl Exits {
    /// A model of `setup`.
    #[must_use]
    pub const fn new(setup: Setup) -> Self {
        Self { setup, healed: AtomicU64::new(0) }
    }

    /// Does `act` in `world`; false where it changes nothing.
    pub fn act(&self, world: &mut World, act: Act) -> bool {
        let setup = &self.setup;
        if !matches!(act, Act::Crash(_)) {
            world.fresh.clear();
        }
        match act {
            Act::Arrive(at) => {
                let request = world.requests.remove(usize::from(at));
                world.arrive(setup, request);
            }
            Act::LoseRequest(at) => {
                world.left.losses -= 1;
                world.requests.remove(usize::from(at));
            }
            Act::ArriveAgain(at) => {
                world.left.repeats -= 1;
                let request = world.requests[usize::from(at)];
                world.arrive(setup, request);
            }
            Act::Refuse(at) => {
                world.left.refusals -= 1;
                let Request::Submit(order, _) = world.requests.remove(usize::from(at)) else { return false };
                world.venue.orders[usize::from(order)].place = Place::Ended(OrderState::Refused);
                world.venue.orders[usize::from(order)].placed_at = world.now;
                world.say(Word::Refused(order, Why::Busy));
            }
            Act::Lie(at) => {
                world.left.lies -= 1;
                let Request::Query(order) = world.requests.remove(usize::from(at)) else { return false };
                world.say(Word::NotFound(order, world.now));
            }
            Act::Hear(at) => {
                let word = world.answers.remove(usize::from(at));
                world.hear_word(setup, &word);
            }
            Act::LoseAnswer(at) => {
                world.left.losses -= 1;
                world.answers.remove(usize::from(at));
            }
            Act::HearAgain(at) => {
                world.left.repeats -= 1;
                let word = world.answers[usize::from(at)].clone();
                world.hear_word(setup, &word);
            }
            Act::Trade(at) => world.trade(setup, usize::from(at), i64::MAX),
            Act::Part(at) => {
                world.left.parts -= 1;
                world.trade(setup, usize::from(at), 1);
            }
            Act::Price => self.price(world),
            Act::Timer => {
                world.left.timers -= 1;
                let due = world.owner.core().next_deadline();
                world.advance(due.max(world.now.after(setup.leap)));
                world.hear(setup, Event::Timer);
            }
            Act::Silence(at) => self.silence(world, at),
            _ => self.act_rarely(world, act),
        }
        true
    }

    /// What happens to processes and by hand.
    fn act_rarely(&self, world: &mut World, act: Act) {
        let setup = &self.setup;
        match act {
            Act::Crash(sent) => {
                world.left.crashes -= 1;
                world.crash(usize::from(sent));
            }
            Act::Start => world.start(setup),
            Act::Overlap => {
                world.left.overlaps -= 1;
                world.late = Some(Arc::clone(&world.owner));
                world.overlapped = true;
                world.start(setup);
            }
            Act::LateTimer => {
                world.left.late_steps -= 1;
                if let Some(late) = &world.late {
                    let due = late.core().next_deadline();
                    world.advance(due);
                }
                world.late_hears(setup, Event::Timer);
            }
            Act::LatePrice => {
                world.left.late_steps -= 1;
                let tick = world.tick_now();
                world.late_hears(setup, tick);
            }
            Act::LateEnds => world.late = None,
            Act::HandTrade => {
                world.left.hand_trades -= 1;
                world.by_hand += 1;
                world.venue.held -= 1;
                let trade = world.by_hand;
                world.say(Word::ByHand(trade));
                world.sweep(setup);
            }
            Act::HandCancel(at) => {
                world.left.hand_cancels -= 1;
                world.venue.orders[usize::from(at)].place = Place::Ended(OrderState::Cancelled);
            }
            _ => unreachable!("{act:?} is done elsewhere"),
        }
    }

    /// The venue sees the next price first, then we do.
    fn price(&self, world: &mut World) {
        world.venue.price = Price(self.setup.prices[usize::from(world.step)]);
        world.step += 1;
        let price = world.venue.price;
        for order in &mut world.venue.orders {
            order.see(price);
        }
        world.tick(&self.setup);
    }

    fn silence(&self, world: &mut World, at: u8) {
        world.left.silences -= 1;
        if self.setup.flaw == Flaw::HostSendsAgain {
            let until = world.now.after(crate::venue::TAKES_REQUESTS_FOR);
            world.requests.push(Request::Submit(at, until));
            world.requests.sort_unstable();
            return;
        }
        let id = world.venue.orders[usize::from(at)].order.id;
        world.hear(&self.setup, Event::Venue(VenueEvent::Silence(id)));
    }

    /// Whether the venue lets an order trade; of what can only reduce, while there is something.
    fn may_trade(&self, world: &World, order: &Placed) -> bool {
        let is_capped = order.is_capped && self.setup.flaw != Flaw::VenueIgnoresReduceOnly;
        !is_capped || world.venue.held + self.setup.spare > 0
    }

    /// Whether a quiet state ends well; one that was looked at lately is not looked at again.
    fn ends_well(&self, world: &World) -> bool {
        let mut digest = Digest::default();
        (world.owner.print(), world.now, &world.venue).hash(&mut digest);
        let print = digest.finish();
        let place = print as usize % REMEMBERED;
        if WELL.with_borrow(|well| well[place] == print) {
            return true;
        }
        self.healed.fetch_add(1, Ordering::Relaxed);
        let is_well = world.heals(&self.setup);
        if is_well {
            WELL.with_borrow_mut(|well| well[place] = print);
        }
        is_well
    }
}

impl Model for Exits {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(&self.setup)]
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        if world.fault.is_some() {
            return;
        }
        on_the_way(world, acts);
        for (at, order) in (0_u8..).zip(&world.venue.orders) {
            if order.trades_at(world.venue.price) && self.may_trade(world, order) {
                acts.push(Act::Trade(at));
                if world.left.parts > 0 && order.left().min(world.venue.held) > 1 {
                    acts.push(Act::Part(at));
                }
            }
            if world.left.hand_cancels > 0 && order.is_stop() && order.is_working() {
                acts.push(Act::HandCancel(at));
            }
        }
        if usize::from(world.step) < self.setup.prices.len() {
            acts.push(Act::Price);
        }
        if world.left.hand_trades > 0 && world.venue.held > world.venue.locked_here(&self.setup) {
            acts.push(Act::HandTrade);
        }
        of_processes(world, acts);
    }

    fn next_state(&self, last: &World, act: Act) -> Option<World> {
        let mut world = last.clone();
        if !self.act(&mut world, act) {
            return None;
        }
        world.end_action();
        if world.fault.is_none() && world.is_quiet() && !self.ends_well(&world) {
            world.fault = Some(Fault::NotHealed);
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        macro_rules! never {
            ($($fault:ident),*) => {
                vec![$(Property::<Self>::always(Fault::$fault.property(), |_, world: &World| {
                    world.fault != Some(Fault::$fault)
                })),*]
            };
        }
        never![
            Flipped,
            MoreThanHeld,
            TradedTwice,
            OtherOrderUnderSameId,
            DecidedTwice,
            StopTakenFirst,
            BooksDiffer,
            NotHealed
        ]
    }
}

/// What may happen to requests and answers; of equal ones to one.
fn on_the_way(world: &World, acts: &mut Vec<Act>) {
    let left = &world.left;
    for (at, request) in (0_u8..).zip(&world.requests) {
        if at > 0 && world.requests[usize::from(at) - 1] == *request {
            continue;
        }
        acts.push(Act::Arrive(at));
        if left.losses > 0 {
            acts.push(Act::LoseRequest(at));
        }
        if left.repeats > 0 && !matches!(request, Request::Read | Request::List) {
            acts.push(Act::ArriveAgain(at));
        }
        match request {
            Request::Submit(order, _)
                if left.refusals > 0 && world.venue.orders[usize::from(*order)].place == Place::OnTheWay =>
            {
                acts.push(Act::Refuse(at));
            }
            Request::Query(_) if left.lies > 0 => acts.push(Act::Lie(at)),
            _ => {}
        }
    }
    for (at, word) in (0_u8..).zip(&world.answers) {
        if at > 0 && world.answers[usize::from(at) - 1] == *word {
            continue;
        }
        acts.push(Act::Hear(at));
        if left.losses > 0 {
            acts.push(Act::LoseAnswer(at));
        }
        if left.repeats > 0 {
            acts.push(Act::HearAgain(at));
        }
    }
}

/// What may happen to processes.
fn of_processes(world: &World, acts: &mut Vec<Act>) {
    let left = &world.left;
    if !world.is_alive {
        acts.push(Act::Start);
        return;
    }
    if left.timers > 0 {
        acts.push(Act::Timer);
    }
    if left.silences > 0 {
        for id in world.owner.unanswered() {
            if let Some(at) = world.venue.orders.iter().position(|placed| placed.order.id == id) {
                acts.push(Act::Silence(crate::world::number(at)));
            }
        }
    }
    if left.crashes > 0 && world.late.is_none() {
        for sent in 0..=crate::world::number(world.fresh.len()) {
            acts.push(Act::Crash(sent));
        }
    }
    if left.overlaps > 0 {
        acts.push(Act::Overlap);
    }
    if world.late.is_some() {
        if left.late_steps > 0 {
            acts.push(Act::LateTimer);
            acts.push(Act::LatePrice);
        }
        acts.push(Act::LateEnds);
    }
}
