//! How the venue misbehaves: what really happens to engines, drawn from a seed.

use ripcord_sim::generator::Chance;

/// How much goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// Nothing; answers come at once.
    #[default]
    None,
    /// Now and then.
    Some,
    /// All the time.
    Much,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// A request never arrives.
    RequestLost,
    /// An answer is never told.
    AnswerLost,
    /// An answer is told twice.
    AnswerDoubled,
    /// An order is refused, because the venue is busy.
    Busy,
    /// An order trades in parts.
    Parts,
    /// A stop is triggered, and nothing comes of it for a while.
    Stuck,
    /// What is held, or what rests, cannot be told.
    Unread,
    /// The connection ends.
    Dropped,
}

/// Draws what goes wrong.
#[derive(Debug)]
pub struct Trouble {
    chance: Chance,
    level: Level,
}

impl Trouble {
    /// So much of it, from a seed.
    #[must_use]
    pub const fn new(seed: u64, level: Level) -> Self {
        Self { chance: Chance::new(seed), level }
    }

    /// From here on nothing goes wrong.
    pub const fn end(&mut self) {
        self.level = Level::None;
    }

    /// Whether it goes wrong now.
    pub const fn happens(&mut self, what: Mishap) -> bool {
        let permille = match (self.level, what) {
            (Level::None, _) => return false,
            (Level::Some, Mishap::Dropped) => 1,
            (Level::Much, Mishap::Dropped) => 4,
            (Level::Some, Mishap::RequestLost | Mishap::AnswerLost) => 10,
            (Level::Much, Mishap::RequestLost | Mishap::AnswerLost) => 40,
            (Level::Some, Mishap::Busy | Mishap::Unread) => 20,
            (Level::Much, Mishap::Busy | Mishap::Unread) => 60,
            (Level::Some, Mishap::AnswerDoubled | Mishap::Parts | Mishap::Stuck) => 100,
            (Level::Much, Mishap::AnswerDoubled | Mishap::Parts | Mishap::Stuck) => 250,
        };
        self.chance.permille(permille)
    }

    /// How long a line is on its way, in milliseconds.
    pub fn latency_ms(&mut self) -> i64 {
        match self.level {
            Level::None => 0,
            Level::Some => self.chance.between(0, 20),
            // Now and then much longer than usual.
            Level::Much if self.chance.permille(20) => self.chance.between(60, 400),
            Level::Much => self.chance.between(0, 40),
        }
    }
}
