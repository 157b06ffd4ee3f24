//! Why a file cannot be read, in words that lead to the place and to the remedy.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::schema::KNOWN_SCHEMAS;
use crate::tape::{TapeError, names_the_wrong_file};

/// Why a market record is refused.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The operating system refused.
    #[error("{}: cannot read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file name has no known extension.
    #[error(
        "{}: unknown kind of file; known are .parquet, .csv, .feather and .json, and .tape where tapes are read (unpack \
         .zip and .gz files first)",
        path.display()
    )]
    UnknownType {
        /// The file.
        path: PathBuf,
    },
    /// A folder where a file is read.
    #[error("{}: this is a folder; name a file in it", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// The columns are those of no known schema.
    #[error("{}: unknown columns: found {}; known are\n{}", path.display(), listed(found), KNOWN_SCHEMAS)]
    UnknownColumns {
        /// The file.
        path: PathBuf,
        /// The columns, in file order.
        found: Vec<String>,
    },
    /// A column holds another type than its schema asks for.
    #[error(
        "{}: column {column} holds {found}; write it as {wanted}",
        path.display()
    )]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The type in the file.
        found: String,
        /// The types that are read.
        wanted: &'static str,
    },
    /// A value that cannot be.
    #[error("{place}: {fault}")]
    Value {
        /// Where it is.
        place: Place,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The bytes are not a whole file of their kind.
    #[error("{}: damaged or cut short: {what}; download or export it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder met.
        what: String,
    },
    /// There is not one row.
    #[error("{}: no rows", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A tape was asked for, but the file holds no single prices.
    #[error(
        "{}: holds {holds}, not trades or quotes, so it cannot become a tape; replay reads it directly, without one",
        path.display()
    )]
    NotTicks {
        /// The file.
        path: PathBuf,
        /// What it holds.
        holds: &'static str,
    },
    /// The tape cannot be built.
    #[error(transparent)]
    Tape(#[from] TapeError),
}

impl ImportError {
    /// Whether the request was at fault: another file was meant, or its content was never what is read here. Else
    /// the file is, or the work: it was cut short or changed, or the system failed.
    #[must_use]
    pub fn is_request(&self) -> bool {
        match self {
            Self::Io { source, .. } => names_the_wrong_file(source.kind()),
            Self::Tape(error) => error.is_request(),
            Self::Damaged { .. } => false,
            // A text that was changed cannot be told from one that was written so.
            Self::UnknownType { .. }
            | Self::Folder { .. }
            | Self::UnknownColumns { .. }
            | Self::ColumnType { .. }
            | Self::Value { .. }
            | Self::Empty { .. }
            | Self::NotTicks { .. } => true,
        }
    }

    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(super) fn damaged(path: &Path, what: impl fmt::Display) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.to_string() }
    }
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The data row, counted from 1 (a header is not a row).
    pub row: u64,
    /// The line of a text file, counted from 1.
    pub line: Option<u64>,
    /// The column.
    pub column: String,
    /// The value as it stands there, cut when long.
    pub value: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: row {}", self.path.display(), self.row)?;
        if let Some(line) = self.line {
            write!(f, " (line {line})")?;
        }
        write!(f, ", {} `{}`", self.column, self.value)
    }
}

/// What is wrong with a value, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is nothing.
    #[error("the value is missing; fill it in or remove the row")]
    Missing,
    /// Not a number, or one of the words for none.
    #[error("not a decimal number like 58800.10; correct it or remove the row")]
    NotANumber,
    /// Not a whole number where a time is expected.
    #[error("not a time as a whole number since 1970; export times as integers")]
    NotATime,
    /// A time outside 1970 to 2262.
    #[error("not a time from 1970 to 2262 in the unit of this file; check the unit of the column")]
    TimeOutOfRange,
    /// Bytes that are no text.
    #[error("not UTF-8 text; save the file as UTF-8")]
    NotUtf8,
    /// More digits than 64 bits hold.
    #[error("more digits than 64 bits hold; round it or remove the row")]
    TooFine,
    /// Does not fit next to the finest value of the file.
    #[error(
        "does not fit 64 bits with {decimals} decimals, which other rows of this column have; one of them is a \
         stray value"
    )]
    BeyondScale {
        /// Decimals of the finest value.
        decimals: u8,
    },
    /// A price of zero or less.
    #[error("a price is positive; remove the row or check the column order")]
    NotPositive,
    /// A quantity below zero.
    #[error("a quantity is not negative; export the side in a column of its own")]
    Negative,
    /// More than any market has seen.
    #[error("more than 1e15; check the column order and the unit")]
    Absurd,
    /// An earlier time than in the row before.
    #[error("time runs backwards (the row before has {before}); sort the file by time and id")]
    TimeBackwards {
        /// Time of the row before, in nanoseconds.
        before: i64,
    },
    /// A bar that begins when the one before did.
    #[error("this bar begins no later than the one before ({before}); remove the repetition")]
    BarRepeated {
        /// Time of the bar before, in nanoseconds.
        before: i64,
    },
    /// A high below another price of its bar, or a low above one.
    #[error(
        "a high is the highest and a low the lowest of its bar (other price: {other}); check the column order"
    )]
    BarDisorder {
        /// The price that contradicts.
        other: String,
    },
    /// A line with too many or too few fields.
    #[error("the line has {found} fields and should have {expected}; a field is missing or holds a comma")]
    FieldCount {
        /// Fields of the line.
        found: usize,
        /// Fields of the header or the first line.
        expected: usize,
    },
    /// A rate finer than is kept.
    #[error("finer than 1e-9; round it")]
    RateTooFine,
    /// A line longer than any record.
    #[error("the line is longer than 64 KiB; this is not a table of market records")]
    LineTooLong,
}

/// Names for an error: a file that is no table may have very long ones, and many.
fn listed(names: &[String]) -> String {
    const NAMES_MAX: usize = 24;
    const LETTERS_MAX: usize = 40;
    let shown: Vec<String> =
        names.iter().take(NAMES_MAX).map(|name| name.chars().take(LETTERS_MAX).collect()).collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > NAMES_MAX => format!("{} and {} more", shown.join(", "), count - NAMES_MAX),
        _ => shown.join(", "),
    }
}
