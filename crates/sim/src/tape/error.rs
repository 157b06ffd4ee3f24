//! What can be wrong with a tape, in words that name the file and the place.

use std::io;
use std::path::{Path, PathBuf};

/// Whether what the system says is that another file should have been named.
pub(crate) fn names_the_wrong_file(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{AlreadyExists, IsADirectory, NotADirectory, NotFound, PermissionDenied};
    matches!(kind, NotFound | NotADirectory | IsADirectory | PermissionDenied | AlreadyExists)
}

/// Why a tape cannot be opened, built, verified or written.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// The operating system refused.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not begin like a tape.
    #[error(
        "{}: not a tape (its first bytes are not `RIPTAPE`); build one from a trade or quote file with `ripcord tape build`",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a later program.
    #[error(
        "{}: tape format {found}, but this program reads up to {known}; update the program or build the tape again",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: u16,
        /// Latest version that is understood.
        known: u16,
    },
    /// The file is shorter or longer than its header says.
    #[error(
        "{}: {found} bytes, but a tape of its row count has {expected}; it was cut short or appended to, build it again",
        path.display()
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes in the file.
        found: u64,
        /// Bytes that its header calls for (the header's own length when not even that is there).
        expected: u64,
    },
    /// A part of the file is not what was written.
    #[error("{}: damaged: {what}; build the tape again from its source", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which part, and how it was noticed.
        what: String,
    },
    /// The columns have different lengths.
    #[error("{}: the {column} column has {found} rows, but ts has {expected}", path.display())]
    Ragged {
        /// The file, or a stand-in for a tape in memory.
        path: PathBuf,
        /// The odd column.
        column: &'static str,
        /// Its rows.
        found: usize,
        /// Rows of the ts column.
        expected: usize,
    },
    /// A row breaks a rule of tapes.
    #[error("{}: row {row}, {column} {value}: {rule}", path.display())]
    Row {
        /// The file, or a stand-in for a tape in memory.
        path: PathBuf,
        /// The row, counted from 1.
        row: usize,
        /// The column.
        column: &'static str,
        /// The value, as stored.
        value: i64,
        /// The rule that is broken.
        rule: &'static str,
    },
    /// Symbol or scale cannot be stored.
    #[error("{}: {what}", path.display())]
    Meta {
        /// The file, or a stand-in for a tape in memory.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
}

impl TapeError {
    /// Whether the request was at fault: another file was meant. Else the file is, or the work: it was cut short or
    /// changed, or the system failed.
    #[must_use]
    pub fn is_request(&self) -> bool {
        match self {
            Self::Io { source, .. } => names_the_wrong_file(source.kind()),
            Self::Foreign { .. } | Self::Newer { .. } | Self::Meta { .. } => true,
            Self::Length { .. } | Self::Damaged { .. } | Self::Ragged { .. } | Self::Row { .. } => false,
        }
    }

    pub(super) fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, action, source }
    }

    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }
}
