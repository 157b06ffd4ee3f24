//! What is done to a store that nobody writes to: other versions of its schema, copies, and going
//! back to a copy. Nothing is changed before a copy of it was made and found whole.

use std::fs::File;
use std::path::{Path, PathBuf};

use ripcord_core::time::Timestamp;
use ripcord_journal::entry::{InstallationId, Restored};
use ripcord_journal::{Chain, Head, JournalEntry};
use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use crate::create::{absolute, beside, remove_database, sync_folder};
use crate::error::StoreError;
use crate::lock::WriteLock;
use crate::read::Reader;
use crate::verify::Verified;
use crate::{connect, ledger, migrate, rows};

/// What a migration or its way back did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The version before.
    pub from: u32,
    /// The version now.
    pub to: u32,
    /// The names of the steps, in the order in which they were taken.
    pub steps: Vec<&'static str>,
    /// The copy that was made and checked before; `None` when there was nothing to do.
    pub backup: Option<PathBuf>,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restoration {
    /// The end of the journal now; its last record says that it was restored.
    pub head: Head,
    /// The installation before.
    pub former: Option<InstallationId>,
    /// The file that was replaced, under its dated name; `None` when there was none.
    pub replaced: Option<PathBuf>,
}

/// Copies the store at `path` to `to`, while a writer may be at work, and checks the copy.
///
/// # Errors
/// No store, something stands at `to` already, or the copy is not whole: then there is none.
pub fn backup(path: &Path, to: &Path) -> Result<Verified, StoreError> {
    connect::known(path)?;
    let to = absolute(to)?;
    if std::fs::symlink_metadata(&to).is_ok() {
        return Err(StoreError::Exists(to));
    }
    copy(path, &to)
}

/// Brings the schema forward, behind a checked copy.
///
/// # Errors
/// No store, a newer one, another writer, or a step that was not taken: the steps before it were.
pub fn migrate(path: &Path, now: Timestamp) -> Result<Migrated, StoreError> {
    let (path, _lock, from) = hold(path)?;
    if from == migrate::newest() {
        return Ok(Migrated { from, to: from, steps: Vec::new(), backup: None });
    }
    let (backup, mut connection) = prepare(&path, now)?;
    let failed = |why| StoreError::Migrate { path: path.clone(), why };
    let steps = migrate::up(&mut connection).map_err(failed)?;
    let to = migrate::version(&connection).map_err(failed)?;
    // What the new columns hold the journal has said already.
    ledger::catch_up(&mut connection).map_err(|why| StoreError::Projection { seq: 0, why })?;
    Ok(Migrated { from, to, steps, backup: Some(backup) })
}

/// Takes the schema back by one version, behind a checked copy.
///
/// # Errors
/// No store, the first version, another writer, or a step that was not taken.
pub fn rollback(path: &Path, now: Timestamp) -> Result<Migrated, StoreError> {
    let (path, _lock, from) = hold(path)?;
    let failed = |why| StoreError::Migrate { path: path.clone(), why };
    if from <= 1 {
        return Err(failed(migrate::MigrateError::First(from)));
    }
    let (backup, mut connection) = prepare(&path, now)?;
    let step = migrate::down(&mut connection).map_err(failed)?;
    let to = migrate::version(&connection).map_err(failed)?;
    Ok(Migrated { from, to, steps: vec![step], backup: Some(backup) })
}

/// The right to write to a store of any known version.
fn hold(path: &Path) -> Result<(PathBuf, WriteLock, u32), StoreError> {
    connect::known(path)?;
    let path = connect::canonical(path)?;
    let lock = WriteLock::take(&path)?;
    connect::alone(&path)?;
    let connection = connect::writing(&path, None)?;
    let version =
        migrate::version(&connection).map_err(|why| StoreError::Migrate { path: path.clone(), why })?;
    if version > migrate::newest() {
        return Err(StoreError::Newer { path, version, known: migrate::newest() });
    }
    Ok((path, lock, version))
}

/// A checked copy under a dated name, and a connection to the store.
fn prepare(path: &Path, now: Timestamp) -> Result<(PathBuf, Connection), StoreError> {
    let copied = dated(path, now, "backup");
    copy(path, &copied)?;
    Ok((copied, connect::writing(path, None)?))
}

/// Puts the copy `from` in the place of the store at `path`, as another installation: what was
/// sent after the copy was taken carries the ids of the former one. `installation` is 128 random bits.
///
/// # Errors
/// The copy is not whole, or another process writes to the store; nothing was replaced then.
pub fn restore(
    path: &Path,
    from: &Path,
    installation: InstallationId,
    program: &str,
    now: Timestamp,
) -> Result<Restoration, StoreError> {
    connect::known(from)?;
    let path = absolute(path)?;
    match std::fs::metadata(&path) {
        Ok(meta) if !meta.is_file() => return Err(StoreError::NoFile(path)),
        _ => {}
    }
    let path = std::fs::canonicalize(&path).unwrap_or(path);
    if connect::canonical(from)? == path {
        return Err(StoreError::Itself(path));
    }
    let mut lock = WriteLock::take(&path)?;
    let new = beside(&path, ".new");
    remove_database(&new)?;
    copy(from, &new)?;
    let (head, former) = renew(&new, installation, program, now)?;
    let replaced = if path.exists() { Some(set_aside(&path, now)?) } else { None };
    // What was durable is that of the former file: a crash behind the next line must not hold it against this one.
    lock.forget()?;
    std::fs::rename(&new, &path).map_err(StoreError::io(&path, "it cannot be given its name"))?;
    sync_folder(&path)?;
    lock.note(head)?;
    Ok(Restoration { head, former, replaced })
}

/// Writes down that the journal goes on as another installation.
fn renew(
    path: &Path,
    installation: InstallationId,
    program: &str,
    now: Timestamp,
) -> Result<(Head, Option<InstallationId>), StoreError> {
    let former = Reader::open_any(path)?.installation()?;
    let restored = Restored {
        installation,
        former: former.unwrap_or(InstallationId([0; 16])),
        program: program.to_owned(),
    };
    let fault = || StoreError::sqlite(path, "the copy cannot be written");
    let mut connection = Connection::open(path).map_err(|source| fault()(source))?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(|source| fault()(source))?;
    let (scope, head) = rows::head(&connection).map_err(|source| fault()(source))?;
    let mut chain = Chain::new(scope, head);
    let sealed = chain.seal(now, &JournalEntry::Restored(restored))?;
    let write = |connection: &mut Connection| {
        let tx = connection.transaction()?;
        rows::insert(&tx, &sealed)?;
        rows::set_head(&tx, scope, chain.head())?;
        tx.commit()
    };
    write(&mut connection).map_err(|source| fault()(source))?;
    connection.close().map_err(|(_, source)| fault()(source))?;
    Ok((chain.head(), former))
}

/// Gives the file that is replaced its dated name, with the write-ahead log that belongs to it: left
/// behind, the log would be taken for that of the next file.
fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let kept = dated(path, now, "replaced");
    let fault = || StoreError::io(path, "the former file cannot be kept under another name");
    // A second name first: at no moment is there no file of the store's name.
    if std::fs::hard_link(path, &kept).is_err() {
        std::fs::rename(path, &kept).map_err(|source| fault()(source))?;
    }
    let log = beside(path, "-wal");
    if log.exists() {
        std::fs::rename(&log, beside(&kept, "-wal")).map_err(|source| fault()(source))?;
    }
    for end in ["-shm", "-journal"] {
        match std::fs::remove_file(beside(path, end)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fault()(error)),
            _ => {}
        }
    }
    sync_folder(path)?;
    Ok(kept)
}

/// `path.20260102T030405Z.word`, with a number behind it if that is taken.
fn dated(path: &Path, now: Timestamp, word: &str) -> PathBuf {
    let date = compact_utc(now);
    let first = beside(path, &format!(".{date}.{word}"));
    let others = (2..).map(|number| beside(path, &format!(".{date}-{number}.{word}")));
    std::iter::once(first)
        .chain(others)
        .find(|name| std::fs::symlink_metadata(name).is_err())
        .unwrap_or_else(|| unreachable!("the numbers do not end"))
}

/// A moment as `20260102T030405Z`.
fn compact_utc(at: Timestamp) -> String {
    let seconds = at.0.div_euclid(1_000_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Counted from March in eras of 400 years, so that leap days come last.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Copies one moment of a store, checks the copy, and gives it its name.
fn copy(from: &Path, to: &Path) -> Result<Verified, StoreError> {
    let partial = beside(to, ".partial");
    remove_database(&partial)?;
    let copied = write_copy(from, &partial)
        .and_then(|()| Reader::open_any(&partial)?.verify(|_, _| Ok::<(), StoreError>(())));
    let verified = match copied {
        Ok(verified) => verified,
        Err(error) => {
            remove_database(&partial)?;
            return Err(error.of(&partial, from));
        }
    };
    std::fs::rename(&partial, to).map_err(StoreError::io(to, "the copy cannot be given its name"))?;
    sync_folder(to)?;
    Ok(verified)
}

fn write_copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let source = connect::reading(&connect::canonical(from)?)?;
    let fault = || StoreError::sqlite(to, "the copy cannot be written");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut target = Connection::open_with_flags(to, flags).map_err(|source| fault()(source))?;
    let copied = Backup::new(&source, &mut target).and_then(|backup| backup.step(-1));
    copied.map_err(StoreError::sqlite(from, "it cannot be copied"))?;
    // One file, without a log beside it: what is copied elsewhere by hand is whole.
    let alone = target.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0));
    alone.map_err(|source| fault()(source))?;
    target.close().map_err(|(_, source)| fault()(source))?;
    let synced = File::open(to).and_then(|file| file.sync_all());
    synced.map_err(StoreError::io(to, "the copy cannot be synced"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dated_names_sort_by_time() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_767_225_599, "20251231T235959Z"),
            (4_102_444_800, "21000101T000000Z"),
        ] {
            assert_eq!(compact_utc(Timestamp(seconds * 1_000_000_000)), text);
        }
    }
}
