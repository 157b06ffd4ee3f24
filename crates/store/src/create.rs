//! New stores: made beside their name and renamed when whole, so that a crash leaves no half one.

use std::ffi::OsString;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ripcord_core::time::Timestamp;
use ripcord_journal::entry::Founded;
use ripcord_journal::{Chain, Head, JournalEntry};
use rusqlite::{Connection, OpenFlags};

use crate::connect::APPLICATION_ID;
use crate::error::StoreError;
use crate::lock::WriteLock;
use crate::store::Opening;
use crate::{migrate, rows};

/// Makes the file, with the record of its founding; the right to write to it.
pub(crate) fn create(path: &Path, founded: Founded, opening: &Opening<'_>) -> Result<WriteLock, StoreError> {
    refuse_existing(path)?;
    let path = &absolute(path)?;
    let mut lock = WriteLock::take(path)?;
    // Looked at again under the lock: another process may have been faster.
    refuse_existing(path)?;
    let beside = beside(path, ".new");
    remove_database(&beside)?;
    let head = fill(&beside, founded, opening.now).inspect_err(|_| {
        // The first error is the one to tell; what is left is removed by the next attempt, too.
        let _left = remove_database(&beside);
    })?;
    lock.forget()?;
    std::fs::rename(&beside, path).map_err(StoreError::io(path, "it cannot be given its name"))?;
    sync_folder(path)?;
    lock.note(head)?;
    Ok(lock)
}

fn refuse_existing(path: &Path) -> Result<(), StoreError> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Err(StoreError::Exists(path.to_owned())),
        Err(_) => Ok(()),
    }
}

/// The path from the root, through the real folder: the lock hangs on it.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, StoreError> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| StoreError::NoFile(path.to_owned()))?;
    let folder = std::fs::canonicalize(folder).map_err(|source| match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => StoreError::NoFolder(folder.to_owned()),
        _ => StoreError::Io { path: folder.to_owned(), doing: "the folder cannot be found", source },
    })?;
    Ok(folder.join(name))
}

/// `path` with `end` behind its name.
pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}

/// Removes a database and what SQLite keeps beside it; nothing there is as well.
pub(crate) fn remove_database(path: &Path) -> Result<(), StoreError> {
    for end in ["", "-wal", "-shm", "-journal"] {
        let file = beside(path, end);
        match std::fs::remove_file(&file) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::Io { path: file, doing: "a leftover cannot be removed", source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Has the folder of `path` remember its names across a loss of power.
pub(crate) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let Some(folder) = path.parent() else { return Ok(()) };
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(StoreError::io(folder, "the folder cannot be synced"))
}

fn fill(path: &Path, founded: Founded, now: Timestamp) -> Result<Head, StoreError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let fault = || StoreError::sqlite(path, "it cannot be made");
    let mut connection = Connection::open_with_flags(path, flags).map_err(|source| fault()(source))?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(|source| fault()(source))?;
    connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(|source| fault()(source))?;
    migrate::up(&mut connection).map_err(|why| StoreError::Migrate { path: path.to_owned(), why })?;
    let scope = founded.scope;
    let mut chain = Chain::new(scope, Head::default());
    let sealed = chain.seal(now, &JournalEntry::Founded(founded))?;
    let write = |connection: &mut Connection| {
        let tx = connection.transaction()?;
        rows::insert(&tx, &sealed)?;
        rows::set_head(&tx, scope, chain.head())?;
        tx.commit()
    };
    write(&mut connection).map_err(|source| fault()(source))?;
    connection.close().map_err(|(_, source)| fault()(source))?;
    Ok(chain.head())
}
