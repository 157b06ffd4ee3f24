//! What is modelled: a market, a plan, the prices that come, and how often what may go wrong.

use ripcord_core::instrument::MarketKind;
use ripcord_core::time::Span;

use crate::faults::Fault;
use crate::run::Outcome;

/// How often each thing may still happen. All of it is part of a state: an exploration ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Budget {
    /// Requests and answers that are lost.
    pub losses: u8,
    /// Requests and answers that arrive twice.
    pub repeats: u8,
    /// Orders that the venue refuses for no reason.
    pub refusals: u8,
    /// Questions that the venue answers with "not found" though it has the order.
    pub lies: u8,
    /// Orders that the host gives up waiting for, lost or not.
    pub silences: u8,
    /// Trades of one lot where more could trade.
    pub parts: u8,
    /// Times that the clock goes to the core's next deadline.
    pub timers: u8,
    /// Deaths of the process, each followed by a start from the journal.
    pub crashes: u8,
    /// Second owners started while the first one lives.
    pub overlaps: u8,
    /// Timers and prices that a first owner acts on after the second one started.
    pub late_steps: u8,
    /// Trades by hand, of one lot.
    pub hand_trades: u8,
    /// Stops that a person takes away.
    pub hand_cancels: u8,
}

impl Budget {
    /// Every name.
    pub const NAMES: [&str; 12] = [
        "losses",
        "repeats",
        "refusals",
        "lies",
        "silences",
        "parts",
        "timers",
        "crashes",
        "overlaps",
        "late_steps",
        "hand_trades",
        "hand_cancels",
    ];

    /// The budget of that name, to change it.
    pub fn named(&mut self, name: &str) -> Option<&mut u8> {
        Some(match name {
            "losses" => &mut self.losses,
            "repeats" => &mut self.repeats,
            "refusals" => &mut self.refusals,
            "lies" => &mut self.lies,
            "silences" => &mut self.silences,
            "parts" => &mut self.parts,
            "timers" => &mut self.timers,
            "crashes" => &mut self.crashes,
            "overlaps" => &mut self.overlaps,
            "late_steps" => &mut self.late_steps,
            "hand_trades" => &mut self.hand_trades,
            "hand_cancels" => &mut self.hand_cancels,
            _ => return None,
        })
    }
}

/// What is broken on purpose, so that a model shows that it would be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// Nothing.
    None,
    /// The venue fills orders beyond what is held.
    VenueIgnoresReduceOnly,
    /// The host sends an order again when no answer came, instead of saying so.
    HostSendsAgain,
    /// A start does not know what the last step before the death wrote down.
    JournalLosesLast,
    /// A start does not say of orders without an answer that nobody answered.
    StartForgetsSent,
    /// The venue takes requests of any age: that it does not know an order proves nothing.
    VenueTakesOldRequests,
    /// The host takes it for confirmed that an order was sent.
    HostConfirmsUnseen,
    /// What the first of two owners sends is not reduce-only.
    LateOwnerUncapped,
    /// The host tells that an order was taken away, and not what it had traded until then.
    EndsWithoutFills,
}

/// One model at one bound.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Its name.
    pub name: &'static str,
    /// What it is about, in a few words.
    pub about: &'static str,
    /// Futures are reduce-only; coins are locked.
    pub market: MarketKind,
    /// Coins that the account holds besides, and that are not ours to sell: what the venue caps is more.
    pub spare: i64,
    /// The plan, as JSON.
    pub plan: &'static str,
    /// Lots held at first, at an entry of 100.
    pub qty: i64,
    /// The prices that come, one after the other, in hundredths.
    pub prices: &'static [i64],
    /// The clock goes at least this far at a time: who runs the timers may be late.
    pub leap: Span,
    /// What may go wrong how often.
    pub budget: Budget,
    /// Whether the venue takes an id again whose order has ended.
    pub takes_ids_again: bool,
    /// What is broken.
    pub flaw: Flaw,
}

/// Soft stop as a limit that goes to the market after 2 s, a stop at the venue, a hard stop.
const OVERRIDE: &str = r#"{"version":1,"name":"override",
    "hard_stop":{"fraction":"0.04"},"soft_stop":{"fraction":"0.01"},
    "stop_loss":{"distance":{"fraction":"0.03"}},"bracket":{}}"#;

/// One target that rests at half of the position, a stop at the venue.
const TARGET: &str = r#"{"version":1,"name":"target",
    "hard_stop":{"fraction":"0.04"},"stop_loss":{"distance":{"fraction":"0.02"}},"bracket":{},
    "ladder":{"legs":[{"close":"0.5","at":"0.01","soft":true}]}}"#;

/// A stop at the venue that follows the price.
const FOLLOWS: &str = r#"{"version":1,"name":"follows",
    "hard_stop":{"fraction":"0.04"},"trailing":{"distance":{"fraction":"0.01"}},
    "bracket":{}}"#;

const NONE: Budget = Budget {
    losses: 0,
    repeats: 0,
    refusals: 0,
    lies: 0,
    silences: 0,
    parts: 0,
    timers: 0,
    crashes: 0,
    overlaps: 0,
    late_steps: 0,
    hand_trades: 0,
    hand_cancels: 0,
};

const FUTURES: Setup = Setup {
    name: "futures",
    about: "our exit overrides the stop at the venue",
    market: MarketKind::Futures,
    spare: 0,
    plan: OVERRIDE,
    qty: 2,
    prices: &[99_00, 97_00, 95_00],
    leap: Span::ZERO,
    budget: NONE,
    takes_ids_again: false,
    flaw: Flaw::None,
};

const SPOT: Setup = Setup {
    name: "spot",
    about: "the same where the stop locks the coins",
    market: MarketKind::Spot,
    spare: 2,
    ..FUTURES
};

const OCO: Setup = Setup {
    name: "oco",
    about: "a target and a stop on the same lots, each in parts",
    plan: TARGET,
    qty: 4,
    prices: &[101_00, 98_00, 96_00],
    ..FUTURES
};

const OCO_SPOT: Setup =
    Setup { name: "oco-spot", about: "the same on coins", market: MarketKind::Spot, spare: 4, ..OCO };

const MOVES: Setup = Setup {
    name: "moves",
    about: "the stop follows the price: the new one first, then the old one goes",
    plan: FOLLOWS,
    prices: &[102_00, 104_00, 102_50],
    ..FUTURES
};

const LEASE: Setup = Setup { name: "lease", about: "two owners of the same account for a while", ..FUTURES };

const LEASE_SPOT: Setup =
    Setup { name: "lease-spot", about: "the same on coins", market: MarketKind::Spot, ..LEASE };

const RECOVERY: Setup =
    Setup { name: "recovery", about: "death between any two words, and a start from the journal", ..FUTURES };

const RECOVERY_SPOT: Setup = Setup {
    name: "recovery-spot",
    about: "the same on coins",
    market: MarketKind::Spot,
    spare: 2,
    ..RECOVERY
};

/// Every model at its small bound: seconds, for every change.
#[must_use]
pub fn small() -> Vec<Setup> {
    let with = |setup: Setup, budget: Budget| Setup { budget, ..setup };
    let first = |setup: Setup, prices: usize| Setup { prices: &setup.prices[..prices], ..setup };
    vec![
        with(FUTURES, Budget { refusals: 1, ..NONE }),
        with(SPOT, Budget { losses: 1, timers: 1, ..NONE }),
        first(with(OCO, Budget { parts: 1, ..NONE }), 2),
        first(with(OCO_SPOT, Budget { parts: 1, ..NONE }), 2),
        first(with(MOVES, Budget { refusals: 1, timers: 1, ..NONE }), 2),
        first(with(LEASE, Budget { overlaps: 1, ..NONE }), 1),
        first(with(LEASE_SPOT, Budget { overlaps: 1, ..NONE }), 1),
        first(with(RECOVERY, Budget { crashes: 1, ..NONE }), 1),
        first(with(RECOVERY_SPOT, Budget { crashes: 1, ..NONE }), 1),
    ]
}

/// Every model at its full bounds, the shorter explorations first: hours on a small machine.
#[must_use]
pub fn full() -> Vec<Setup> {
    let with = |setup: Setup, budget: Budget| Setup { budget, ..setup };
    let late = |setup: Setup| Setup { leap: Span::from_secs(11), ..setup };
    let again = |setup: Setup| Setup { takes_ids_again: true, ..setup };
    vec![
        with(SPOT, Budget { losses: 1, silences: 1, timers: 3, parts: 1, ..NONE }),
        with(SPOT, Budget { repeats: 1, refusals: 1, timers: 2, ..NONE }),
        late(with(SPOT, Budget { losses: 2, silences: 1, lies: 1, timers: 3, ..NONE })),
        with(Setup { spare: 0, ..SPOT }, Budget { hand_trades: 1, hand_cancels: 1, timers: 2, ..NONE }),
        with(OCO_SPOT, Budget { parts: 3, ..NONE }),
        with(OCO_SPOT, Budget { parts: 1, losses: 1, timers: 1, ..NONE }),
        with(RECOVERY_SPOT, Budget { crashes: 1, timers: 1, ..NONE }),
        with(RECOVERY_SPOT, Budget { crashes: 2, ..NONE }),
        with(FUTURES, Budget { losses: 1, ..NONE }),
        with(FUTURES, Budget { hand_trades: 1, ..NONE }),
        with(FUTURES, Budget { hand_cancels: 1, ..NONE }),
        with(FUTURES, Budget { refusals: 1, ..NONE }),
        with(FUTURES, Budget { repeats: 1, ..NONE }),
        again(with(FUTURES, Budget { repeats: 1, ..NONE })),
        with(FUTURES, Budget { parts: 1, ..NONE }),
        with(FUTURES, Budget { timers: 1, ..NONE }),
        with(MOVES, Budget { losses: 1, ..NONE }),
        with(MOVES, Budget { refusals: 1, timers: 1, ..NONE }),
        with(OCO, Budget { parts: 1, ..NONE }),
        with(OCO, Budget { losses: 1, ..NONE }),
        with(LEASE_SPOT, Budget { overlaps: 1, late_steps: 1, ..NONE }),
        with(LEASE, Budget { overlaps: 1, late_steps: 1, ..NONE }),
        with(RECOVERY, Budget { crashes: 1, ..NONE }),
        late(with(FUTURES, Budget { silences: 1, timers: 2, ..NONE })),
        with(OCO, Budget { parts: 2, timers: 1, ..NONE }),
        with(LEASE, Budget { overlaps: 1, late_steps: 2, timers: 1, ..NONE }),
        with(RECOVERY, Budget { crashes: 1, timers: 1, losses: 1, ..NONE }),
        with(FUTURES, Budget { losses: 1, repeats: 1, timers: 1, ..NONE }),
    ]
}

/// A model with something broken in it, and one of the things that it must show.
#[derive(Debug, Clone, Copy)]
pub struct Broken {
    /// The model.
    pub setup: Setup,
    /// What is violated first, on a shortest path.
    pub violates: Fault,
    /// What is broken, in a line.
    pub what: &'static str,
}

/// Negative controls: a model that does not find these finds nothing.
#[must_use]
pub fn broken() -> Vec<Broken> {
    let dies = Budget { crashes: 1, ..NONE };
    let control =
        |name, what, violates, setup: Setup| Broken { setup: Setup { name, ..setup }, violates, what };
    let ignores = Setup { flaw: Flaw::VenueIgnoresReduceOnly, ..FUTURES };
    let again = Setup {
        flaw: Flaw::HostSendsAgain,
        takes_ids_again: true,
        budget: Budget { silences: 1, ..NONE },
        prices: &[95_00],
        ..SPOT
    };
    let loses = Setup { flaw: Flaw::JournalLosesLast, budget: dies, ..RECOVERY };
    let forgets = Setup { flaw: Flaw::StartForgetsSent, budget: dies, prices: &[95_00], ..RECOVERY_SPOT };
    let old = Setup {
        flaw: Flaw::VenueTakesOldRequests,
        budget: Budget { silences: 1, timers: 3, ..NONE },
        leap: Span::from_secs(11),
        prices: &[95_00],
        ..SPOT
    };
    let unseen = Setup { flaw: Flaw::HostConfirmsUnseen, ..MOVES };
    let ends = Setup { flaw: Flaw::EndsWithoutFills, budget: Budget { parts: 1, ..NONE }, ..OCO_SPOT };
    let two = Setup {
        flaw: Flaw::LateOwnerUncapped,
        budget: Budget { overlaps: 1, late_steps: 1, ..NONE },
        prices: &[95_00],
        ..LEASE
    };
    vec![
        control("no-reduce-only", "a venue that ignores reduce-only", Fault::Flipped, ignores),
        control("sends-again", "a host that sends again what was not answered", Fault::TradedTwice, again),
        control("loses-last", "a journal that loses its last record", Fault::MoreThanHeld, loses),
        control("forgets-sent", "a start that does not say what was not answered", Fault::NotHealed, forgets),
        control("old-requests", "a venue that takes requests of any age", Fault::MoreThanHeld, old),
        control(
            "confirms-unseen",
            "a host that confirms a stop when it is sent",
            Fault::StopTakenFirst,
            unseen,
        ),
        control("ends-without-fills", "a host that tells an end without what traded", Fault::Flipped, ends),
        control("late-uncapped", "a first owner that is not reduce-only", Fault::Flipped, two),
    ]
}

impl Broken {
    /// Whether an exploration found what is broken.
    #[must_use]
    pub fn is_found(&self, outcome: &Outcome) -> bool {
        outcome.violated.as_ref().is_some_and(|(property, _)| *property == self.violates.property())
    }
}

impl Setup {
    /// Its bound in words.
    #[must_use]
    pub fn bound(&self) -> String {
        let mut words = vec![format!("{} lots", self.qty), format!("{} prices", self.prices.len())];
        let mut budget = self.budget;
        for name in Budget::NAMES {
            if let Some(&mut count @ 1..) = budget.named(name) {
                words.push(format!("{count} {}", name.replace('_', " ")));
            }
        }
        if self.leap > Span::ZERO {
            words.push(format!("timers {} s late", self.leap.0 / 1_000_000_000));
        }
        if self.spare > 0 {
            words.push(format!("{} coins beside", self.spare));
        }
        if self.takes_ids_again {
            words.push("ids of ended orders are taken again".to_owned());
        }
        words.join(", ")
    }
}
