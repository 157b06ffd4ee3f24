//! Places at which a process can be made to die, as by a kill -9 at just that line. For tests alone: a
//! release build has no such places, unless it is built with the feature `crash-points`.

/// Where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Records are made durable because an action waits for them.
    BeforeCommit,
    /// They are durable, and no order has left.
    BeforeSend,
    /// An order left, and nobody heard an answer.
    AfterSend,
    /// A trade was heard, and its record is not durable.
    BeforeRecord,
    /// Of several actions of one step some have left.
    BetweenActions,
    /// A snapshot is being written.
    Snapshot,
    /// A start is reading what was before.
    Recovery,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::BeforeCommit,
        Self::BeforeSend,
        Self::AfterSend,
        Self::BeforeRecord,
        Self::BetweenActions,
        Self::Snapshot,
        Self::Recovery,
    ];

    /// Its name in [`VARIABLE`].
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::BeforeCommit => "before-commit",
            Self::BeforeSend => "before-send",
            Self::AfterSend => "after-send",
            Self::BeforeRecord => "before-record",
            Self::BetweenActions => "between-actions",
            Self::Snapshot => "snapshot",
            Self::Recovery => "recovery",
        }
    }
}

/// The environment variable that names a point and which pass of it: `after-send:3`. For a snapshot and a
/// recovery, which take a while, the number is tenths of a millisecond from its beginning.
pub const VARIABLE: &str = "RIPCORD_CRASH_AT";

/// Dies here, if it was asked for.
#[inline]
pub fn here(point: Point) {
    #[cfg(all(unix, any(debug_assertions, feature = "crash-points")))]
    armed::pass(point);
    #[cfg(not(all(unix, any(debug_assertions, feature = "crash-points"))))]
    let _nothing_to_do = point;
}

#[cfg(all(unix, any(debug_assertions, feature = "crash-points")))]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::{Point, VARIABLE};

    static ARMED: OnceLock<Option<(Point, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    pub(super) fn pass(point: Point) {
        let armed = ARMED.get_or_init(|| {
            let text = std::env::var(VARIABLE).ok()?;
            let (name, number) = text.split_once(':')?;
            let point = Point::ALL.into_iter().find(|of| of.word() == name)?;
            Some((point, number.parse().ok()?))
        });
        let Some((_, number)) = armed.filter(|(at, _)| *at == point) else { return };
        if matches!(point, Point::Snapshot | Point::Recovery) {
            // Somewhere inside: another thread strikes while this one goes on.
            let _strikes_or_not = std::thread::Builder::new().spawn(move || {
                std::thread::sleep(Duration::from_micros(100 * number));
                die();
            });
        } else if PASSED.fetch_add(1, Ordering::Relaxed) + 1 == number {
            die();
        }
    }

    /// Nothing is unwound, flushed or closed.
    fn die() {
        let me = rustix::process::getpid();
        let _dead = rustix::process::kill_process(me, rustix::process::Signal::KILL);
    }
}
