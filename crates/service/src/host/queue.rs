//! The way from a request to the session: bounded, and never waited at by the market.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::command::Wish;
use crate::command::answer::Carried;

/// So many commands wait to be carried out at most.
pub const WAITING_MAX: usize = 64;

/// What a host is asked for.
#[derive(Debug)]
pub enum Ask {
    /// End the run.
    Stop,
    /// Carry out a command.
    Carry(Order),
    /// Somebody has something to say: turn.
    Wake(Arc<AtomicBool>),
}

/// A command, and who waits for its answer.
#[derive(Debug)]
pub struct Order {
    pub(super) wish: Wish,
    pub(super) answer: oneshot::Sender<Carried>,
    /// Given back when the command is answered or dropped.
    _seat: OwnedSemaphorePermit,
}

/// Why a command does not reach the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// [`WAITING_MAX`] others wait.
    Full,
    /// The run is over.
    Gone,
}

/// Hands commands to a host.
#[derive(Debug, Clone)]
pub struct Queue {
    asks: Sender<Ask>,
    seats: Arc<Semaphore>,
    /// A wake is under way; another one would say no more.
    wakes: Arc<AtomicBool>,
}

/// A way to a host, and its end.
#[must_use]
pub fn queue() -> (Queue, Receiver<Ask>) {
    let (asks, asked) = channel();
    let (seats, wakes) = (Arc::new(Semaphore::new(WAITING_MAX)), Arc::default());
    (Queue { asks, seats, wakes }, asked)
}

impl Queue {
    /// Hands over a command; what comes out of the receiver is its answer, or nothing when the run ended first.
    ///
    /// # Errors
    /// When it is not taken; then it is not carried out.
    pub fn carry(&self, wish: Wish) -> Result<oneshot::Receiver<Carried>, NotTaken> {
        let seat = Arc::clone(&self.seats).try_acquire_owned().map_err(|_| NotTaken::Full)?;
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask::Carry(Order { wish, answer, _seat: seat })).map_err(|_| NotTaken::Gone)?;
        Ok(answered)
    }

    /// Has the host turn soon: what wakes it is at hand already.
    pub fn wake(&self) {
        if !self.wakes.swap(true, Ordering::AcqRel) {
            // A host that is gone hears nothing.
            let _gone = self.asks.send(Ask::Wake(Arc::clone(&self.wakes)));
        }
    }

    /// Asks the host to end the run. It never waits behind a bound.
    pub fn stop(&self) {
        // A host that is gone has stopped.
        let _gone = self.asks.send(Ask::Stop);
    }
}
