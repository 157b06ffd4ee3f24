//! What is modelled: a market, a plan, the prices that come, and how often what may go wrong.

use ripcord_core::instrument::MarketKind;

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
    let one = Budget { losses: 1, silences: 1, timers: 2, parts: 1, ..NONE };
    vec![
        Setup { budget: one, ..FUTURES },
        Setup { budget: one, ..SPOT },
        Setup { budget: Budget { parts: 2, timers: 1, ..NONE }, ..OCO },
        Setup { budget: Budget { parts: 2, timers: 1, ..NONE }, ..OCO_SPOT },
        Setup { budget: Budget { losses: 1, refusals: 1, silences: 1, timers: 2, ..NONE }, ..MOVES },
        Setup { budget: Budget { overlaps: 1, late_steps: 2, timers: 1, ..NONE }, ..LEASE },
        Setup { budget: Budget { overlaps: 1, late_steps: 2, timers: 1, ..NONE }, ..LEASE_SPOT },
        Setup { budget: Budget { crashes: 1, timers: 1, ..NONE }, ..RECOVERY },
        Setup { budget: Budget { crashes: 1, timers: 1, ..NONE }, ..RECOVERY_SPOT },
    ]
}

/// Every model at its full bound: an hour or so.
#[must_use]
pub fn full() -> Vec<Setup> {
    small()
}

/// Something broken, the model that must show it, and what it must show.
#[must_use]
pub fn broken() -> Vec<Setup> {
    let again = Budget { silences: 1, ..NONE };
    let dies = Budget { crashes: 1, timers: 1, ..NONE };
    let late = Budget { silences: 1, timers: 14, ..NONE };
    vec![
        Setup { name: "no-reduce-only", flaw: Flaw::VenueIgnoresReduceOnly, ..FUTURES },
        Setup { name: "sends-again", flaw: Flaw::HostSendsAgain, takes_ids_again: true, budget: again, ..SPOT },
        Setup { name: "journal-loses-last", flaw: Flaw::JournalLosesLast, budget: dies, ..RECOVERY },
        Setup { name: "start-forgets-sent", flaw: Flaw::StartForgetsSent, budget: dies, ..RECOVERY },
        Setup { name: "old-requests", flaw: Flaw::VenueTakesOldRequests, budget: late, prices: &[95_00], ..SPOT },
        Setup { name: "confirms-unseen", flaw: Flaw::HostConfirmsUnseen, ..MOVES },
        Setup {
            name: "ends-without-fills",
            flaw: Flaw::EndsWithoutFills,
            budget: Budget { parts: 1, ..NONE },
            ..OCO_SPOT
        },
        Setup {
            name: "two-owners-uncapped",
            about: "two owners where coins that are not ours lie beside: the venue caps nothing",
            spare: 2,
            budget: Budget { overlaps: 1, late_steps: 2, ..NONE },
            ..LEASE_SPOT
        },
    ]
}
