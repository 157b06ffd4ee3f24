//! The wall clock, and how market time runs beside it.

use std::time::{SystemTime, UNIX_EPOCH};

use ripcord_core::time::{Span, Timestamp};

/// A loop that is later than this gives the lost time up: the market goes on from where it was.
const LATE_MAX: Span = Span::from_secs(2);

/// The wall clock. It is read from the system once and then runs on by itself, so that a clock that is set back
/// does not stop a market. It goes on while the machine sleeps: the market does.
#[derive(Debug, Clone, Copy)]
pub struct WallClock {
    started: Steady,
    started_at: Timestamp,
}

/// A clock that is never set.
#[cfg(target_os = "linux")]
#[derive(Debug, Clone, Copy)]
struct Steady(rustix::time::Timespec);

#[cfg(target_os = "linux")]
impl Steady {
    /// The clock of the standard library stands still while the machine sleeps; this one does not.
    fn now() -> Self {
        Self(rustix::time::clock_gettime(rustix::time::ClockId::Boottime))
    }

    fn elapsed_nanos(self) -> i64 {
        let now = Self::now().0;
        let seconds = now.tv_sec.saturating_sub(self.0.tv_sec);
        seconds.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec - self.0.tv_nsec)
    }
}

/// A clock that is never set.
#[cfg(not(target_os = "linux"))]
#[derive(Debug, Clone, Copy)]
struct Steady(std::time::Instant);

#[cfg(not(target_os = "linux"))]
impl Steady {
    fn now() -> Self {
        Self(std::time::Instant::now())
    }

    fn elapsed_nanos(self) -> i64 {
        i64::try_from(self.0.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }
}

impl WallClock {
    /// A clock that is right now.
    #[must_use]
    pub fn start() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanos = i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX);
        Self { started: Steady::now(), started_at: Timestamp(nanos) }
    }

    /// The time it was started.
    #[must_use]
    pub const fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.started_at.after(Span(self.started.elapsed_nanos()))
    }
}

/// How fast market time runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// This many times as fast as the wall clock; at least 1.
    Times(u32),
    /// As fast as the machine can.
    Max,
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Times(times) => times.fmt(f),
            Self::Max => f.write_str("max"),
        }
    }
}

/// Market time beside wall time.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    speed: Speed,
    wall: Timestamp,
    market: Timestamp,
    /// The market goes on whether we look or not.
    is_the_world: bool,
}

impl Pace {
    /// From `wall` on the market runs at `speed`, beginning at `market`.
    #[must_use]
    pub const fn new(speed: Speed, wall: Timestamp, market: Timestamp) -> Self {
        Self { speed, wall, market, is_the_world: false }
    }

    /// Market time is the wall clock's: the market is somebody else's, and waits for nobody.
    #[must_use]
    pub const fn of_the_world(wall: Timestamp, market: Timestamp) -> Self {
        Self { speed: Speed::Times(1), wall, market, is_the_world: true }
    }

    /// How far the market has come.
    #[must_use]
    pub fn market_at(&self, wall: Timestamp) -> Timestamp {
        match self.speed {
            Speed::Max => Timestamp::NEVER,
            Speed::Times(times) => {
                let passed = i128::from(wall.since(self.wall).0) * i128::from(times);
                self.market.after(Span(i64::try_from(passed).unwrap_or(i64::MAX)))
            }
        }
    }

    /// When the market comes to `market`; `None` when it does so as fast as it can.
    #[must_use]
    pub fn wall_at(&self, market: Timestamp) -> Option<Timestamp> {
        match self.speed {
            Speed::Max => None,
            Speed::Times(_) if market == Timestamp::NEVER => Some(Timestamp::NEVER),
            Speed::Times(times) => {
                // Rounded up: a moment too late is in time, a moment too early is a turn for nothing.
                let passed = i128::from(market.since(self.market).0);
                let wall = -(-passed).div_euclid(i128::from(times.max(1)));
                Some(self.wall.after(Span(i64::try_from(wall).unwrap_or(i64::MAX))))
            }
        }
    }

    /// How late the market is at `wall` when `next` has not come yet.
    #[must_use]
    pub fn late(&self, wall: Timestamp, next: Timestamp) -> Span {
        let due = self.wall_at(next).unwrap_or(wall);
        Span(wall.since(due).0.max(0))
    }

    /// Gives up time that cannot be caught up with (the machine slept, the process was stopped);
    /// whether it did.
    pub fn give_up(&mut self, wall: Timestamp, next: Timestamp) -> bool {
        if self.is_the_world || self.late(wall, next) <= LATE_MAX {
            return false;
        }
        (self.wall, self.market) = (wall, next);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Timestamp = Timestamp(1_000_000_000_000);
    const MARKET: Timestamp = Timestamp(5_000_000_000);

    #[test]
    fn ten_times_as_fast_is_a_tenth_of_the_wait() {
        let pace = Pace::new(Speed::Times(10), WALL, MARKET);
        assert_eq!(pace.market_at(WALL.after(Span::from_secs(1))), MARKET.after(Span::from_secs(10)));
        assert_eq!(pace.wall_at(MARKET.after(Span(1))), Some(WALL.after(Span(1))));
        assert_eq!(pace.wall_at(MARKET.after(Span::from_secs(10))), Some(WALL.after(Span::from_secs(1))));
        assert_eq!(pace.wall_at(Timestamp::NEVER), Some(Timestamp::NEVER));
    }

    #[test]
    fn at_full_speed_everything_is_due() {
        let pace = Pace::new(Speed::Max, WALL, MARKET);
        assert_eq!((pace.market_at(WALL), pace.wall_at(MARKET)), (Timestamp::NEVER, None));
        assert_eq!(pace.late(WALL, MARKET), Span::ZERO);
    }

    #[test]
    fn a_machine_that_slept_goes_on_where_the_market_was() {
        let mut pace = Pace::new(Speed::Times(1), WALL, MARKET);
        let next = MARKET.after(Span::from_millis(10));
        assert!(!pace.give_up(WALL.after(Span::from_secs(2)), next));
        let woken = WALL.after(Span::from_secs(3_600));
        assert_eq!(pace.late(woken, next), Span(3_600_000_000_000 - 10_000_000));
        assert!(pace.give_up(woken, next));
        assert_eq!((pace.late(woken, next), pace.market_at(woken)), (Span::ZERO, next));
    }
}
