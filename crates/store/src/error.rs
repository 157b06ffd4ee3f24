//! What a store refuses, and what to do about it.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use ripcord_journal::{ChainError, Fault, RebuildError};
use rusqlite::ErrorCode;

use crate::migrate::MigrateError;
use crate::projection::ProjectionError;

/// Why a store cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such file.
    #[error("{}: there is no such file; name a store", .0.display())]
    Missing(PathBuf),
    /// Something is there already.
    #[error("{}: something is there already; name another file", .0.display())]
    Exists(PathBuf),
    /// A store cannot be restored from itself.
    #[error("{}: the backup is the store itself; name the backup's file", .0.display())]
    Itself(PathBuf),
    /// The file or its folder must not be written.
    #[error("{}: it must not be written to; check the rights of the file and its folder", .0.display())]
    ReadOnly(PathBuf),
    /// There is no folder that a file could be made in.
    #[error("{}: there is no such folder; make it first, or name another", .0.display())]
    NoFolder(PathBuf),
    /// The file has a second name, and a lock of its own beside each.
    #[error(
        "{}: this file has another name, too (a hard link), under which it could be written to at the same time; \
         remove the other name, or copy the store with `ripcord db backup`", .0.display()
    )]
    Linked(PathBuf),
    /// A folder, a socket or the like.
    #[error("{}: this is no plain file; name the store's file", .0.display())]
    NoFile(PathBuf),
    /// Its content is no SQLite database.
    #[error("{}: this is no SQLite file; name a store that ripcord made", .0.display())]
    NotSqlite(PathBuf),
    /// A SQLite database of another program.
    #[error("{}: this is a SQLite file of another program (application id {application_id}); name a store that ripcord made", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The number that the file gives.
        application_id: i32,
    },
    /// Written by a newer version of this program.
    #[error("{}: its schema has version {version}; this program knows up to {known}, use a newer one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
        /// The newest known.
        known: u32,
    },
    /// Written by an older version of this program.
    #[error("{}: its schema has version {version}, this program needs {known}; `ripcord db migrate {}` takes a backup and brings it forward", path.display(), path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
        /// The version needed.
        known: u32,
    },
    /// Another process writes to it.
    #[error("{}: another process writes to this store{}; stop that one first, two would trade twice", path.display(), told(*process))]
    Locked {
        /// The file.
        path: PathBuf,
        /// Who, if the lock file says it.
        process: Option<u32>,
    },
    /// The journal is not what was written.
    #[error("{}: {what}; see `ripcord journal verify {}`, and `ripcord db restore` for a backup", path.display(), path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A record of the journal is not what was written.
    #[error("{}: {fault}; see `ripcord journal verify {}`, and `ripcord db restore` for a backup", path.display(), path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// The first fault.
        fault: Fault,
    },
    /// Records that were durable are gone: the disk lost them, or the file was replaced by hand.
    #[error(
        "{}: record {acknowledged} was durable, and the journal ends with record {found} or holds another one there: \
         the disk lost records or the file was replaced by hand. Compare the venue's orders, then accept the loss by \
         removing {}, or use `ripcord db restore` for a backup",
        path.display(), lock.display()
    )]
    Lost {
        /// The file.
        path: PathBuf,
        /// The file that remembers.
        lock: PathBuf,
        /// The last record that was durable.
        acknowledged: u64,
        /// The last record found.
        found: u64,
    },
    /// It was removed or replaced while it was written to.
    #[error(
        "{}: {} was removed or replaced while this process wrote to the store; what it keeps from here on nobody \
         could read. Put the file back (`ripcord db restore` for a backup) or name another, and compare the venue's orders",
        path.display(), file.display()
    )]
    Gone {
        /// The store.
        path: PathBuf,
        /// The file: the store, its write-ahead log, or its lock.
        file: PathBuf,
    },
    /// It met an error before.
    #[error("{}: the store refuses everything since an error: {why}; open it again", path.display())]
    Poisoned {
        /// The file.
        path: PathBuf,
        /// The error.
        why: String,
    },
    /// More was added without a commit than a store holds in memory.
    #[error("{}: {count} records wait for a commit, the limit is {limit}; commit more often", path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// Records that wait, with those refused.
        count: usize,
        /// How many may wait.
        limit: usize,
    },
    /// An entry that cannot become a record.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Trade records of another program.
    #[error("{}: {why}", path.display())]
    Adopt {
        /// The file.
        path: PathBuf,
        /// Why.
        why: crate::adopt::AdoptError,
    },
    /// What is written with the journal refused.
    #[error("record {seq} could not be projected: {why}")]
    Projection {
        /// The record.
        seq: u64,
        /// Why.
        why: ProjectionError,
    },
    /// A journal that cannot be followed.
    #[error("{}: {why}", path.display())]
    Rebuild {
        /// The file.
        path: PathBuf,
        /// Why.
        why: Box<RebuildError>,
    },
    /// A step of the schema was not taken.
    #[error("{}: {why}", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// Why.
        why: MigrateError,
    },
    /// SQLite said no.
    #[error("{}: {doing}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The system said no.
    #[error("{}: {doing}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

fn told(process: Option<u32>) -> String {
    process.map_or_else(String::new, |process| format!(" (process {process})"))
}

impl StoreError {
    /// Whether the request was at fault, and not the work or the file's content.
    #[must_use]
    pub fn is_request(&self) -> bool {
        match self {
            Self::Missing(_)
            | Self::Exists(_)
            | Self::Itself(_)
            | Self::ReadOnly(_)
            | Self::NoFolder(_)
            | Self::Linked(_)
            | Self::NoFile(_)
            | Self::NotSqlite(_)
            | Self::Foreign { .. }
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::Locked { .. }
            | Self::Migrate { why: MigrateError::First(_), .. } => true,
            Self::Damaged { .. }
            | Self::Record { .. }
            | Self::Lost { .. }
            | Self::Gone { .. }
            | Self::Poisoned { .. }
            | Self::TooMany { .. }
            | Self::Chain(_)
            | Self::Adopt { .. }
            | Self::Projection { .. }
            | Self::Rebuild { .. }
            | Self::Migrate { .. }
            | Self::Sqlite { .. } => false,
            // The system says that nothing can be there.
            Self::Io { source, .. } => matches!(
                source.kind(),
                ErrorKind::NotFound
                    | ErrorKind::NotADirectory
                    | ErrorKind::PermissionDenied
                    | ErrorKind::ReadOnlyFilesystem
            ),
        }
    }

    pub(crate) fn sqlite(path: &Path, doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| match source.sqlite_error_code() {
            // A file that was cut short or changed: what to do is known.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::damaged(path, format!("{doing}: {source}"))
            }
            _ => Self::Sqlite { path: path.to_owned(), doing, source },
        }
    }

    pub(crate) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), doing, source }
    }

    /// The same of `source`: a copy at `copy` says what the file that it was made of holds, and is gone.
    pub(crate) fn of(self, copy: &Path, source: &Path) -> Self {
        let is_the_copys = |path: &Path| path == copy || path.file_name() == copy.file_name();
        match self {
            Self::Damaged { path, what } if is_the_copys(&path) => {
                Self::Damaged { path: source.to_owned(), what }
            }
            Self::Record { path, fault } if is_the_copys(&path) => {
                Self::Record { path: source.to_owned(), fault }
            }
            other => other,
        }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }
}
