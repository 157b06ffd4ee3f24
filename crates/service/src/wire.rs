//! A venue behind a wire: it outlives us, and is asked what we do not know.
//!
//! [`join()`] begins the conversation, [`connection`] keeps it up on a thread of its own, and [`port`] is what
//! the desk trades at. Who reads the words decides nothing: a line becomes an event of the core, and a
//! request that nobody answered becomes its silence.

use std::io::{BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ripcord_core::instrument::Instrument;
use ripcord_core::num::{Price, Qty};
use ripcord_venue::line::{self, Answer, Hello, LineError, Lines, Request, Subscribe, Welcome};

pub mod clock;
pub mod connection;
pub mod ids;
pub mod link;
mod newest;
pub mod port;
mod ties;
mod totals;

/// A venue that does not take a connection within this time is not there.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// A venue speaks many times a second: silent for so long, the connection is dead.
const SILENT_MAX: Duration = Duration::from_secs(5);
/// A venue that takes no bytes for so long does not hear us.
const WRITE_WITHIN: Duration = Duration::from_millis(500);
/// So often a conversation that breaks off at once is begun.
const BREAKS_MAX: u32 = 4;
/// More accounts than this are no venue that anybody trades at.
const ACCOUNTS_MAX: u32 = 1_000;
/// More instruments than this, likewise.
const INSTRUMENTS_MAX: usize = 1_000;

/// Why there is no conversation.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Nobody listens there.
    #[error("no venue answers at {addr}: {source}; start one with `ripcord venue --listen {addr}`")]
    Nobody {
        /// The address.
        addr: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// What listens there speaks otherwise.
    #[error("{addr} is no venue that can be spoken to: {source}")]
    Line {
        /// The address.
        addr: SocketAddr,
        /// What is wrong.
        source: LineError,
    },
    /// It said nothing.
    #[error("the venue at {addr}: {}; see what it says of itself", no_word())]
    Silent {
        /// The address.
        addr: SocketAddr,
    },
    /// It closed the connection.
    #[error("the venue at {addr} closed the connection without a word; see what it says of itself")]
    BrokeOff {
        /// The address.
        addr: SocketAddr,
    },
    /// It said something, and not what it should.
    #[error("{addr} is no venue that can be spoken to: {why}")]
    Other {
        /// The address.
        addr: SocketAddr,
        /// What is wrong, and what to do.
        why: String,
    },
}

/// A conversation that has begun.
#[derive(Debug)]
pub struct Joined {
    /// Where.
    pub addr: SocketAddr,
    /// What the venue is.
    pub welcome: Welcome,
    /// When it was asked what it is, and when it said so.
    pub(crate) between: (Instant, Instant),
    pub(crate) stream: TcpStream,
    pub(crate) lines: Lines<BufReader<TcpStream>>,
}

/// Begins a conversation; one that breaks off before its first word is begun again, a few times.
///
/// # Errors
/// As [`join()`].
pub fn join_patiently(addr: SocketAddr) -> Result<Joined, JoinError> {
    for _ in 1..BREAKS_MAX {
        match join(addr) {
            Err(JoinError::Line { source: LineError::Io(_) | LineError::CutOff { .. }, .. }) => {}
            Err(JoinError::BrokeOff { .. } | JoinError::Silent { .. }) => {}
            joined_or_hopeless => return joined_or_hopeless,
        }
    }
    join(addr)
}

/// Begins a conversation: both sides say what they speak.
///
/// # Errors
/// Nobody is there, or it is no venue, or it speaks another version.
pub fn join(addr: SocketAddr) -> Result<Joined, JoinError> {
    let nobody = |source| JoinError::Nobody { addr, source };
    let stream = TcpStream::connect_timeout(&addr, CONNECT_WITHIN).map_err(nobody)?;
    stream.set_nodelay(true).map_err(nobody)?;
    stream.set_write_timeout(Some(WRITE_WITHIN)).map_err(nobody)?;
    stream.set_read_timeout(Some(SILENT_MAX)).map_err(nobody)?;
    let client = concat!("ripcord ", env!("CARGO_PKG_VERSION"));
    let asked = Instant::now();
    let hello = line::text(&Request::Hello(Hello::of(client)));
    let subscribe = line::text(&Request::Subscribe(Subscribe {}));
    (&stream).write_all((hello + &subscribe).as_bytes()).map_err(nobody)?;
    let mut lines = Lines::new(BufReader::new(stream.try_clone().map_err(nobody)?));
    let other = |why: String| JoinError::Other { addr, why };
    let unread = |source| match source {
        LineError::Io(error) if is_late(&error) => JoinError::Silent { addr },
        source => JoinError::Line { addr, source },
    };
    match lines.read::<Answer>().map_err(unread)? {
        Some(Answer::Hello(welcome)) => {
            line::agree(&welcome.protocol, welcome.version).map_err(other)?;
            check(&welcome).map_err(other)?;
            Ok(Joined { addr, welcome, between: (asked, Instant::now()), stream, lines })
        }
        Some(Answer::Error(fault)) => Err(other(fault.why)),
        Some(_) => Err(other("its first line is no hello".to_owned())),
        None => Err(JoinError::BrokeOff { addr }),
    }
}

/// Whether a wait was too long: the system has only a number for it.
fn is_late(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn no_word() -> String {
    format!("no word within {} s", SILENT_MAX.as_secs())
}

/// Why a line could not be heard.
fn unheard(error: &LineError) -> String {
    match error {
        LineError::Io(error) if is_late(error) => no_word(),
        error => error.to_string(),
    }
}

fn check(welcome: &Welcome) -> Result<(), String> {
    if !(1..=ACCOUNTS_MAX).contains(&welcome.accounts) {
        return Err(format!("hello.accounts is {}; it must be 1 to {ACCOUNTS_MAX}", welcome.accounts));
    }
    if welcome.instruments.is_empty() || welcome.instruments.len() > INSTRUMENTS_MAX {
        let count = welcome.instruments.len();
        return Err(format!("hello.instruments has {count}; it must have 1 to {INSTRUMENTS_MAX}"));
    }
    let rules = instruments(welcome);
    for (at, one) in rules.iter().enumerate() {
        one.validate().map_err(|why| format!("hello.instruments[{at}]: {why}"))?;
        if rules[..at].iter().any(|before| before.symbol == one.symbol) {
            return Err(format!("hello.instruments[{at}]: {} is told twice", one.symbol));
        }
    }
    Ok(())
}

/// What is traded there, in the order in which it was told.
#[must_use]
pub fn instruments(welcome: &Welcome) -> Vec<Instrument> {
    let rules = welcome.instruments.iter().map(|of| Instrument {
        tick_size: Price(of.tick),
        lot_size: Qty(of.lot),
        qty_min: Qty(of.lot),
        ..Instrument::from_decimals(&of.symbol, of.price_decimals, of.qty_decimals)
    });
    rules.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_venue_that_says_nothing_is_told_in_seconds() {
        for kind in [ErrorKind::WouldBlock, ErrorKind::TimedOut] {
            assert_eq!(unheard(&LineError::Io(kind.into())), "no word within 5 s");
        }
        let silent = JoinError::Silent { addr: "127.0.0.1:8010".parse().expect("an address") };
        assert!(
            silent.to_string().starts_with("the venue at 127.0.0.1:8010: no word within 5 s"),
            "{silent}"
        );
    }
}
