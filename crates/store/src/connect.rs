//! Files and connections: what a file is, and how SQLite is set for it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::create::beside;
use crate::error::StoreError;
use crate::migrate;

/// `RIPC`, in the header of each store.
pub const APPLICATION_ID: i32 = i32::from_be_bytes(*b"RIPC");

/// How long a statement waits for a reader or for a checkpoint of another connection.
const BUSY: Duration = Duration::from_secs(5);

/// What a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognised {
    /// A store, with the version of its schema.
    Store {
        /// The version.
        version: u32,
    },
    /// A SQLite file of another program.
    Foreign {
        /// Its application id; 0 for none.
        application_id: i32,
    },
    /// A file of nothing.
    Empty,
    /// Anything else.
    Other,
}

/// Looks at the header of a file. A version in a write-ahead log beside it is not looked at.
///
/// # Errors
/// There is no such file, it is no plain file, or it cannot be read.
pub fn recognise(path: &Path) -> Result<Recognised, StoreError> {
    let meta = std::fs::metadata(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => StoreError::Missing(path.to_owned()),
        _ => StoreError::Io { path: path.to_owned(), doing: "it cannot be looked at", source },
    })?;
    if !meta.is_file() {
        return Err(StoreError::NoFile(path.to_owned()));
    }
    let mut head = Vec::with_capacity(100);
    let file = File::open(path).map_err(StoreError::io(path, "it cannot be opened"))?;
    file.take(100).read_to_end(&mut head).map_err(StoreError::io(path, "it cannot be read"))?;
    if head.is_empty() {
        return Ok(Recognised::Empty);
    }
    if head.len() < 100 || !head.starts_with(b"SQLite format 3\0") {
        return Ok(Recognised::Other);
    }
    let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().expect("4 bytes"));
    let application_id = number(68).cast_signed();
    Ok(if application_id == APPLICATION_ID {
        Recognised::Store { version: number(60) }
    } else {
        Recognised::Foreign { application_id }
    })
}

/// Refuses what is no store of a version that this program knows. The version.
pub(crate) fn known(path: &Path) -> Result<u32, StoreError> {
    let known = migrate::newest();
    match recognise(path)? {
        Recognised::Store { version } if version > known => {
            Err(StoreError::Newer { path: path.to_owned(), version, known })
        }
        Recognised::Store { version } => Ok(version),
        Recognised::Foreign { application_id } => {
            Err(StoreError::Foreign { path: path.to_owned(), application_id })
        }
        Recognised::Empty | Recognised::Other => Err(StoreError::NotSqlite(path.to_owned())),
    }
}

/// Refuses what is no store of the present version.
pub(crate) fn present(path: &Path) -> Result<(), StoreError> {
    let (version, known) = (known(path)?, migrate::newest());
    if version < known {
        return Err(StoreError::Older { path: path.to_owned(), version, known });
    }
    Ok(())
}

/// One name for a file, however it was named: the lock hangs on it.
pub(crate) fn canonical(path: &Path) -> Result<PathBuf, StoreError> {
    std::fs::canonicalize(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => StoreError::Missing(path.to_owned()),
        _ => StoreError::Io { path: path.to_owned(), doing: "it cannot be found", source },
    })
}

/// Refuses a file with a second name: lock and write-ahead log stand beside each, so that two processes could
/// write to it, each under a name of its own.
#[cfg(unix)]
pub(crate) fn alone(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::metadata(path).map_err(StoreError::io(path, "it cannot be looked at"))?;
    if meta.nlink() > 1 { Err(StoreError::Linked(path.to_owned())) } else { Ok(()) }
}

/// Elsewhere names are not counted.
#[cfg(not(unix))]
pub(crate) fn alone(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// A connection that writes. The file exists.
pub(crate) fn writing(path: &Path, vfs: Option<&str>) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs),
        None => Connection::open_with_flags(path, flags),
    };
    let connection = connection.map_err(StoreError::sqlite(path, "it cannot be opened for writing"))?;
    // SQLite would open a file that may not be written, and fail at the first commit.
    if connection.is_readonly("main").map_err(StoreError::sqlite(path, "its rights cannot be asked"))? {
        return Err(StoreError::ReadOnly(path.to_owned()));
    }
    let set = |connection: &Connection| {
        common(connection)?;
        // A full sync behind each commit: what was acknowledged outlives a loss of power.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "fullfsync", true)?;
        // SQLite would swallow what goes wrong there; the store does it, and says so.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0))
    };
    let mode = set(&connection).map_err(StoreError::sqlite(path, "it cannot be set up for writing"))?;
    if mode != "wal" {
        return Err(StoreError::damaged(path, format!("its journal mode is {mode} and cannot be made wal")));
    }
    Ok(connection)
}

/// A connection that only reads; a writer may be at work.
pub(crate) fn reading(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
        common(&connection)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    });
    let opened = match opened {
        // In a folder that cannot be written there is no room for the files that readers share.
        // Without a write-ahead log nobody writes, and the file alone is all there is.
        Err(_) if !std::fs::exists(beside(path, "-wal")).unwrap_or(true) => {
            let name = format!("file:{}?immutable=1", escaped(path));
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(name, flags).and_then(|connection| {
                common(&connection)?;
                Ok(connection)
            })
        }
        opened => opened,
    };
    opened.map_err(StoreError::sqlite(path, "it cannot be opened for reading"))
}

/// A path within a URI.
fn escaped(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

fn common(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "foreign_keys", true)?;
    // A damaged page, or a schema that somebody put in, is an error and not a surprise.
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)
}
