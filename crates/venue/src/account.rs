//! The venue's account of what it did: one JSON object a line, only ever appended to, written before
//! anybody is told. Whoever judges an engine reads this and nothing of the engine's.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use ripcord_core::instrument::Side;
use serde::{Deserialize, Serialize};

use crate::line::{self, Kind, LineError, Lines, Why};

/// The name of the format, in its first line.
pub const FORMAT: &str = "ripcord-venue-account";
/// Its version.
pub const VERSION: u16 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The venue's time, in nanoseconds since 1970 UTC.
    pub at: i64,
    /// What happened.
    pub fact: Fact,
}

/// One position's place: an account's side of an instrument.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// The account.
    pub account: u32,
    /// The instrument's symbol.
    pub instrument: String,
    /// The side.
    pub side: Side,
}

/// What happened at the venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fact {
    /// The first line.
    Began {
        /// [`FORMAT`].
        format: String,
        /// [`VERSION`].
        version: u16,
        /// The venue's name.
        venue: String,
        /// The seed of its chance.
        seed: u64,
    },
    /// Somebody beside the engine opened a position.
    Opened {
        /// Its number: positions are numbered from 1.
        life: u64,
        /// Where.
        bucket: Bucket,
        /// How much.
        qty: i64,
        /// At which price.
        price: i64,
    },
    /// An order was taken.
    Placed {
        /// Its id.
        order: String,
        /// The position it may reduce.
        life: u64,
        /// How much of it at most.
        qty: i64,
        /// How it meets the market.
        kind: Kind,
    },
    /// An order was not taken.
    Refused {
        /// Its id.
        order: String,
        /// Why.
        why: Why,
    },
    /// An order was taken away; nothing more comes of it.
    Ended {
        /// Its id.
        order: String,
        /// Whether the engine asked for it.
        by_engine: bool,
    },
    /// An order traded.
    Filled {
        /// The trade's number: trades are numbered from 1.
        trade: u64,
        /// The order.
        order: String,
        /// The position it reduced.
        life: u64,
        /// By how much.
        qty: i64,
        /// At which price.
        price: i64,
        /// What was held before it.
        held: i64,
    },
    /// Between which prices an instrument traded since the last such line.
    Range {
        /// The instrument's symbol.
        instrument: String,
        /// The lowest.
        low: i64,
        /// The highest.
        high: i64,
    },
    /// An engine said hello.
    Joined {
        /// The connection's number.
        connection: u64,
    },
    /// A read of what is held was answered for the first time on a connection.
    Served {
        /// The connection's number.
        connection: u64,
    },
    /// A connection ended.
    Left {
        /// Its number.
        connection: u64,
    },
    /// From here on nothing misbehaves, and nobody opens anything.
    Calm,
    /// From here on prices go through every level.
    Sweep,
}

/// Writes the account.
#[derive(Debug)]
pub struct Writer {
    to: Option<BufWriter<File>>,
}

impl Writer {
    /// A new account at `path`; without one nothing is written.
    ///
    /// # Errors
    /// When there is a file already, or it cannot be made.
    pub fn create(path: Option<&Path>) -> std::io::Result<Self> {
        let file = |path| File::options().create_new(true).append(true).open(path);
        Ok(Self { to: path.map(file).transpose()?.map(BufWriter::new) })
    }

    /// Appends what happened, and hands it to the system.
    ///
    /// # Errors
    /// The file.
    pub fn append(&mut self, entries: &[Entry]) -> std::io::Result<()> {
        let Some(to) = self.to.as_mut().filter(|_| !entries.is_empty()) else { return Ok(()) };
        for entry in entries {
            to.write_all(line::text(entry).as_bytes())?;
        }
        to.flush()
    }
}

/// Reads an account, all of it.
///
/// # Errors
/// The file, a line that is none, or another format.
pub fn read(path: &Path) -> Result<Vec<Entry>, LineError> {
    read_from(BufReader::new(File::open(path)?))
}

/// See [`read`].
///
/// # Errors
/// As there.
pub fn read_from(from: impl BufRead) -> Result<Vec<Entry>, LineError> {
    let mut lines = Lines::new(from);
    let mut entries: Vec<Entry> = Vec::new();
    while let Some(entry) = lines.read::<Entry>()? {
        entries.push(entry);
    }
    match entries.first().map(|entry| &entry.fact) {
        Some(Fact::Began { format, version, .. }) if format == FORMAT && *version == VERSION => Ok(entries),
        Some(_) | None => {
            let why = format!("an account begins with {FORMAT} version {VERSION}, and this one does not");
            Err(LineError::Meant { line: 1, why })
        }
    }
}
