//! The small values alone: a few orders of one position, each with the real [`OrderLife`], let through
//! by the real gate, and what the venue says of them in any order, lost or twice.
//!
//! A state is a handful of bytes, so that far more of them can be seen than of whole coordinators.

use ripcord_core::gate::{Exposure, approve};
use ripcord_core::id::{EpisodeId, OrderId};
use ripcord_core::num::{Price, Qty};
use ripcord_core::order::{CancelState, ExitOrder, OrderAnswer, OrderKind, OrderLife, OrderState};
use ripcord_core::reason::Reason;
use stateright::{Model, Property};

use crate::owner::KEY;

/// Orders at most.
pub const ORDERS_MAX: usize = 3;

/// What the venue says of one order, each kind at most once on its way; a fill says how much in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Words {
    accepted: bool,
    refused: bool,
    cancelled: bool,
    expired: bool,
    cancel_refused: bool,
    /// Bit n is "n traded in all".
    fills: u8,
}

/// One order: as we follow it, as it is, and what is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct One {
    life: OrderLife,
    truth: Truth,
    traded: i64,
    words: Words,
    cancel_is_on_its_way: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Truth {
    OnTheWay,
    Working,
    Ended(OrderState),
}

/// Something that happens to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// We send a new order for so much.
    Send(i64),
    /// The venue takes it.
    Take(u8),
    /// The venue refuses it.
    Refuse(u8),
    /// It trades a lot.
    Trade(u8),
    /// The venue takes it away by itself.
    Expire(u8),
    /// We ask for its end.
    Cancel(u8),
    /// That arrives.
    CancelArrives(u8),
    /// Nobody answered in time.
    Silence(u8),
    /// We hear a word.
    Hear(u8, OrderAnswer),
    /// We hear it, and will once more.
    HearAgain(u8, OrderAnswer),
    /// It is lost.
    Lose(u8, OrderAnswer),
}

/// A state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lives {
    orders: [Option<One>; ORDERS_MAX],
    held: i64,
    /// What we believe that is held.
    open: i64,
    repeats: u8,
    losses: u8,
}

/// Orders of a position whose venue caps nothing.
#[derive(Debug, Clone, Copy)]
pub struct OrderLives {
    /// Lots held at first.
    pub qty: i64,
    /// Orders.
    pub orders: usize,
    /// Words that are heard twice.
    pub repeats: u8,
    /// Words that are lost.
    pub losses: u8,
}

impl OrderLives {
    /// For every change.
    pub const SMALL: Self = Self { qty: 2, orders: 2, repeats: 1, losses: 1 };
    /// To be explored once.
    pub const FULL: Self = Self { qty: 3, orders: 3, repeats: 1, losses: 1 };

    /// Its bound in words.
    #[must_use]
    pub fn bound(&self) -> String {
        let Self { qty, orders, repeats, losses } = self;
        format!("{qty} lots, {orders} orders, {repeats} repeats, {losses} losses")
    }
}

impl Lives {
    fn one(&mut self, at: u8) -> &mut One {
        self.orders[usize::from(at)].as_mut().expect("an order that was sent")
    }

    fn all(&self) -> impl Iterator<Item = &One> {
        self.orders.iter().flatten()
    }

    /// A new order, if the gate lets it pass.
    fn send(&mut self, qty: i64) -> bool {
        let Some(at) = self.orders.iter().position(Option::is_none) else { return false };
        let claims = self.all().map(|one| one.life.open().0).sum();
        let episode = EpisodeId { key: KEY, generation: 1 };
        let id = OrderId { episode, exit: 1, leg: 0, slice: 0, attempt: u16::try_from(at).expect("few") };
        let order = ExitOrder {
            id,
            qty: Qty(qty),
            kind: OrderKind::Market,
            trigger: Price(1),
            reason: Reason::HardStop,
        };
        let exposure =
            Exposure { episode, open: Qty(self.open), uncapped_claims: Qty(claims), is_silent: false };
        let Ok(approved) = approve(order, &exposure) else { return false };
        self.orders[at] = Some(One {
            life: OrderLife::sent(approved.order().qty),
            truth: Truth::OnTheWay,
            traded: 0,
            words: Words::default(),
            cancel_is_on_its_way: false,
        });
        true
    }

    fn hear(&mut self, at: u8, answer: OrderAnswer) {
        let one = self.one(at);
        // Whoever tells an end has told what traded.
        let mut new = 0;
        if matches!(answer, OrderAnswer::Cancelled | OrderAnswer::Expired) && one.traded > 0 {
            new = one.life.hear(OrderAnswer::Filled(Qty(one.traded))).0;
        }
        new += one.life.hear(answer).0;
        self.open -= new;
    }
}

impl One {
    /// The words on their way.
    fn words(&self) -> impl Iterator<Item = OrderAnswer> {
        let Words { accepted, refused, cancelled, expired, cancel_refused, fills } = self.words;
        let ends = [
            (accepted, OrderAnswer::Accepted),
            (refused, OrderAnswer::Refused),
            (cancelled, OrderAnswer::Cancelled),
            (expired, OrderAnswer::Expired),
            (cancel_refused, OrderAnswer::CancelRefused),
        ];
        let ends = ends.into_iter().filter(|(is_said, _)| *is_said).map(|(_, word)| word);
        let fills = (1..8).filter(move |n| fills & (1 << n) != 0).map(|n| OrderAnswer::Filled(Qty(n)));
        ends.chain(fills)
    }

    fn unsay(&mut self, answer: OrderAnswer) {
        match answer {
            OrderAnswer::Accepted => self.words.accepted = false,
            OrderAnswer::Refused => self.words.refused = false,
            OrderAnswer::Cancelled => self.words.cancelled = false,
            OrderAnswer::Expired => self.words.expired = false,
            OrderAnswer::CancelRefused => self.words.cancel_refused = false,
            OrderAnswer::Filled(total) => self.words.fills &= !(1 << total.0),
            OrderAnswer::Silence => {}
        }
    }

    fn is_ended(&self) -> bool {
        matches!(self.truth, Truth::Ended(_))
    }
}

impl Model for OrderLives {
    type State = Lives;
    type Action = Act;

    fn init_states(&self) -> Vec<Lives> {
        let Self { qty, repeats, losses, .. } = *self;
        vec![Lives { orders: [None; ORDERS_MAX], held: qty, open: qty, repeats, losses }]
    }

    fn actions(&self, state: &Lives, acts: &mut Vec<Act>) {
        if state.all().count() < self.orders {
            acts.extend((1..=self.qty).map(Act::Send));
        }
        for (at, one) in (0_u8..).zip(state.all()) {
            match one.truth {
                Truth::OnTheWay => acts.extend([Act::Take(at), Act::Refuse(at)]),
                Truth::Working => acts.extend([Act::Trade(at), Act::Expire(at)]),
                Truth::Ended(_) => {}
            }
            if !one.life.state.is_final() && one.life.cancel != CancelState::Sent {
                acts.push(Act::Cancel(at));
            }
            if one.cancel_is_on_its_way {
                acts.push(Act::CancelArrives(at));
            }
            if one.life.state == OrderState::Sent {
                acts.push(Act::Silence(at));
            }
            for word in one.words() {
                acts.push(Act::Hear(at, word));
                if state.repeats > 0 {
                    acts.push(Act::HearAgain(at, word));
                }
                if state.losses > 0 {
                    acts.push(Act::Lose(at, word));
                }
            }
        }
    }

    fn next_state(&self, last: &Lives, act: Act) -> Option<Lives> {
        let mut state = last.clone();
        match act {
            Act::Send(qty) => return state.send(qty).then_some(state),
            Act::Take(at) => {
                let one = state.one(at);
                (one.truth, one.words.accepted) = (Truth::Working, true);
            }
            Act::Refuse(at) => {
                let one = state.one(at);
                (one.truth, one.words.refused) = (Truth::Ended(OrderState::Refused), true);
            }
            Act::Trade(at) => {
                state.held -= 1;
                let one = state.one(at);
                one.traded += 1;
                one.words.fills |= 1 << one.traded;
                if one.traded == one.life.qty.0 {
                    one.truth = Truth::Ended(OrderState::Filled);
                }
            }
            Act::Expire(at) => {
                let one = state.one(at);
                (one.truth, one.words.expired) = (Truth::Ended(OrderState::Expired), true);
            }
            Act::Cancel(at) => {
                let one = state.one(at);
                one.life.cancel = CancelState::Sent;
                one.cancel_is_on_its_way = true;
            }
            Act::CancelArrives(at) => {
                let one = state.one(at);
                one.cancel_is_on_its_way = false;
                if one.truth == Truth::Working {
                    (one.truth, one.words.cancelled) = (Truth::Ended(OrderState::Cancelled), true);
                } else {
                    one.words.cancel_refused = true;
                }
            }
            Act::Silence(at) => state.hear(at, OrderAnswer::Silence),
            Act::Hear(at, word) => {
                state.one(at).unsay(word);
                state.hear(at, word);
            }
            Act::HearAgain(at, word) => {
                state.repeats -= 1;
                state.hear(at, word);
            }
            Act::Lose(at, word) => {
                state.losses -= 1;
                state.one(at).unsay(word);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("never sold more than held", |_, state| state.held >= 0),
            Property::<Self>::always("never believed less than is held", |_, state| state.open >= state.held),
            Property::<Self>::always("never more filled than traded, nor than ordered", |_, state| {
                state.all().all(|one| {
                    one.life.filled.0 <= one.traded && one.traded <= one.life.qty.0 && one.life.open().0 >= 0
                })
            }),
            Property::<Self>::always("what we hold for ended has ended", |_, state| {
                state.all().all(|one| !one.life.state.is_final() || one.is_ended())
            }),
            Property::<Self>::always("when all is heard we know what traded", |model, state| {
                let is_all_heard = state.losses == model.losses;
                let silent = |one: &One| one.words().next().is_none();
                !is_all_heard
                    || state.all().all(|one| {
                        !silent(one)
                            || (one.life.filled.0 == one.traded
                                && (one.life.state.is_final() == one.is_ended()))
                    })
            }),
        ]
    }
}
