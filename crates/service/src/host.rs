//! The host: one thread that owns one session and gives it time.
//!
//! A turn takes the wall time, lets the session catch up, prints, and publishes a copy of the state
//! for whoever looks from outside. Nobody else touches the session, and nothing in a turn waits for
//! a socket or a terminal that keeps time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use ripcord_core::time::{Span, Timestamp};
use ripcord_sim::tape::TapeError;
use tokio::sync::watch;

use crate::access::Denials;
use crate::clock::{Pace, WallClock};
use crate::command::answer::Carried;
use crate::line::{Line, Tag};
use crate::printer::Printer;
use crate::session::{Advance, Session};
use crate::status::Status;

mod queue;
mod summary;

pub use queue::{Ask, NotTaken, Order, Queue, WAITING_MAX, queue};

/// The state is published at most this often, and a quiet host turns at least this often.
pub const PUBLISH_EVERY: Span = Span::from_millis(100);
/// Prices that nothing has told are written down this often, so that extremes outlive the process.
const CHECKPOINT_EVERY: Span = Span::from_secs(1);
/// Requests without a valid token are told this often at most, however many there are.
const DENIALS_EVERY: Span = Span::from_secs(1);
/// Records that no action waits for are durable after this long.
const KEEP_EVERY: Span = Span::from_millis(50);
/// Rows handed over in one turn at most: about a millisecond of work, then somebody may stop us.
const ROWS_PER_TURN: usize = 2_048;

/// Why a run ended.
#[derive(Debug)]
pub enum Ended {
    /// Somebody asked for it.
    Asked,
    /// Its time was up.
    TimeUp,
    /// The recorded market ended.
    MarketEnded,
    /// Nobody reads the output any more.
    NobodyReads,
    /// The output refused lines.
    OutputFailed(std::io::Error),
    /// The recorded market is damaged.
    Damaged(TapeError),
    /// What happens can no longer be kept.
    NotKept(String),
}

impl Ended {
    fn text(&self) -> String {
        match self {
            Self::Asked => "stop was asked for".to_owned(),
            Self::TimeUp => "the time given with --for is up".to_owned(),
            Self::MarketEnded => "the recorded market has ended".to_owned(),
            Self::NobodyReads => "nobody reads the output".to_owned(),
            Self::OutputFailed(error) => format!("the output cannot be written: {error}"),
            Self::Damaged(error) => error.to_string(),
            Self::NotKept(why) => format!("what happens can no longer be kept: {why}"),
        }
    }
}

/// What a turn of the loop leads to.
#[derive(Debug)]
pub enum Turn {
    /// There is more to do at once.
    Again,
    /// Nothing is due before this wall time.
    SleepUntil(Timestamp),
    /// The run is over.
    Ended(Ended),
}

/// The owner of a session.
#[derive(Debug)]
pub struct Host {
    session: Session,
    pace: Pace,
    printer: Printer,
    status: watch::Sender<Arc<Status>>,
    ends: Timestamp,
    rows_seen: u64,
    last_quote: Timestamp,
    /// The latest that a price was since the last publishing.
    late: Span,
    gave_up: Option<(Timestamp, Span)>,
    next_publish: Timestamp,
    next_checkpoint: Timestamp,
    next_keep: Timestamp,
    denials: Arc<Denials>,
    denials_told: u64,
    next_denials: Timestamp,
}

impl Host {
    /// A host that begins at `wall` and ends by itself at `ends`.
    #[must_use]
    pub fn new(
        session: Session,
        pace: Pace,
        printer: Printer,
        status: watch::Sender<Arc<Status>>,
        wall: Timestamp,
        ends: Timestamp,
    ) -> Self {
        Self {
            session,
            pace,
            printer,
            status,
            ends,
            rows_seen: 0,
            last_quote: wall,
            late: Span::ZERO,
            gave_up: None,
            next_publish: wall,
            next_checkpoint: wall.after(CHECKPOINT_EVERY),
            next_keep: wall.after(KEEP_EVERY),
            denials: Arc::default(),
            denials_told: 0,
            next_denials: wall,
        }
    }

    /// The same, telling the requests that are counted here.
    #[must_use]
    pub fn telling(mut self, denials: Arc<Denials>) -> Self {
        self.denials = denials;
        self
    }

    /// Prints lines that are not the session's own.
    pub fn say(&mut self, lines: Vec<Line>) {
        self.printer.print(lines);
    }

    /// Turns until the run ends or somebody asks for it; says what it was worth. Commands are carried out
    /// between turns, one at a time.
    pub fn run(mut self, clock: WallClock, asked: &Receiver<Ask>) -> Ended {
        let ended = loop {
            let next = match self.turn(clock.now()) {
                Turn::Ended(ended) => break ended,
                Turn::Again => match asked.try_recv() {
                    Err(TryRecvError::Empty) => continue,
                    Err(TryRecvError::Disconnected) => break Ended::Asked,
                    Ok(ask) => ask,
                },
                Turn::SleepUntil(until) => {
                    let wait = u64::try_from(until.since(clock.now()).0).unwrap_or(0);
                    match asked.recv_timeout(Duration::from_nanos(wait)) {
                        Err(RecvTimeoutError::Timeout) => continue,
                        Err(RecvTimeoutError::Disconnected) => break Ended::Asked,
                        Ok(ask) => ask,
                    }
                }
            };
            match next {
                Ask::Stop => break Ended::Asked,
                // From here on whatever comes wakes again.
                Ask::Wake(is_under_way) => is_under_way.store(false, Ordering::Release),
                Ask::Carry(order) => {
                    // First everything that was due before the command.
                    if let Turn::Ended(ended) = self.turn(clock.now()) {
                        break ended;
                    }
                    self.carry_out(order, clock.now());
                }
            }
        };
        self.finish(clock.now(), ended)
    }

    /// Carries out a command; whoever looks after the answer sees what it did.
    fn carry_out(&mut self, order: Order, wall: Timestamp) {
        let carried = self.session.carry_out(&order.wish);
        if matches!(carried, Carried::Heard(_)) {
            self.printer.print(self.session.take_lines());
        }
        self.publish(wall, false);
        // Whoever asked may be gone; it is done all the same.
        let _gone = order.answer.send(carried);
    }

    /// One turn at a wall time.
    pub fn turn(&mut self, wall: Timestamp) -> Turn {
        if wall >= self.ends {
            return Turn::Ended(Ended::TimeUp);
        }
        if self.printer.is_gone() {
            return Turn::Ended(Ended::NobodyReads);
        }
        self.keep_pace(wall);
        let advance = self.session.advance(self.pace.market_at(wall), ROWS_PER_TURN);
        if self.session.rows() != self.rows_seen {
            (self.rows_seen, self.last_quote) = (self.session.rows(), wall);
        }
        self.keep(wall);
        if let Some(why) = self.session.kept_badly() {
            return Turn::Ended(Ended::NotKept(why));
        }
        self.printer.print(self.session.take_lines());
        self.tell_denials(wall);
        if wall >= self.next_publish {
            self.publish(wall, false);
        }
        match advance {
            Err(error) => Turn::Ended(Ended::Damaged(error)),
            Ok(Advance::Ended) => Turn::Ended(Ended::MarketEnded),
            Ok(Advance::More) => Turn::Again,
            Ok(Advance::Done) => {
                let due = self.session.next_wake().and_then(|next| self.pace.wall_at(next));
                Turn::SleepUntil(due.unwrap_or(wall).min(self.next_publish).min(self.ends))
            }
        }
    }

    /// Makes durable what no action waits for, and now and then the prices that nothing has told.
    fn keep(&mut self, wall: Timestamp) {
        if wall >= self.next_checkpoint {
            self.next_checkpoint = wall.after(CHECKPOINT_EVERY);
            self.session.checkpoint();
        } else if wall >= self.next_keep {
            self.session.keep();
        } else {
            return;
        }
        self.next_keep = wall.after(KEEP_EVERY);
    }

    /// Notes how late the next row is, and gives up what cannot be caught up with.
    fn keep_pace(&mut self, wall: Timestamp) {
        let Some(next) = self.session.next_wake() else { return };
        let late = self.pace.late(wall, next);
        self.late = self.late.max(late);
        if self.pace.give_up(wall, next) {
            self.gave_up = Some((wall, late));
            let text =
                format!("the loop was {} ms late; the market goes on from where it was", late.0 / 1_000_000);
            self.say(vec![Line::new(Tag::Alarm, self.session.now(), text).with("what", "loop_late")]);
        }
    }

    /// Says that somebody without a valid token asked for something; no more of it than how often.
    fn tell_denials(&mut self, wall: Timestamp) {
        let total = self.denials.total();
        if total == self.denials_told || wall < self.next_denials {
            return;
        }
        let new = total - std::mem::replace(&mut self.denials_told, total);
        self.next_denials = wall.after(DENIALS_EVERY);
        let text = format!("commands without a valid token were refused: {new} now, {total} since the start");
        let line = Line::new(Tag::AccessDenied, self.session.now(), text);
        self.say(vec![line.with("new", new).with("total", total)]);
    }

    fn publish(&mut self, wall: Timestamp, is_stopping: bool) {
        self.next_publish = wall.after(PUBLISH_EVERY);
        let status = Status {
            published: wall,
            last_quote: self.last_quote,
            late: std::mem::take(&mut self.late),
            gave_up: self.gave_up,
            deadline: self.pace.wall_at(self.session.next_deadline()),
            is_stopping,
            lines_dropped: self.printer.dropped(),
            ..Status::of(&self.session)
        };
        self.status.send_replace(Arc::new(status));
    }

    /// Stops opening, leaves the positions as they are, and says what the run was worth.
    pub fn finish(mut self, wall: Timestamp, ended: Ended) -> Ended {
        self.session.stop_opening();
        self.session.conclude();
        // The last checkpoint may be the first that cannot be kept.
        let ended = self.session.kept_badly().map_or(ended, Ended::NotKept);
        self.publish(wall, true);
        let mut lines = self.session.take_lines();
        if matches!(ended, Ended::NotKept(_)) {
            // What was not kept was not done, and is not told.
            lines.clear();
        }
        lines.push(Line::new(Tag::Stopping, self.session.now(), ended.text()));
        lines.extend(summary::lines(&self.session));
        match self.printer.finish(lines) {
            Ok(()) => ended,
            Err(error) => Ended::OutputFailed(error),
        }
    }
}
