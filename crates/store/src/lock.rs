//! The file beside the store: whoever writes holds it, and it remembers what was durable.
//!
//! The note is written behind each commit, without a sync of its own: it may lag, it never runs
//! ahead of what was durable. A store that ends before it lost records (a disk that lies about
//! syncs, a changed byte in the write-ahead log) or was replaced by hand.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ripcord_journal::{Hash, Head};

use crate::error::StoreError;

/// `RIPLOCK1`, process, seq, epoch, record's hash, and the first 8 bytes of the hash of all that.
const NOTE_BYTES: usize = 8 + 4 + 8 + 8 + 32 + 8;
const MAGIC: &[u8; 8] = b"RIPLOCK1";

/// A look at the lock is over within this time ..
const LOOK_LASTS: Duration = Duration::from_millis(10);
/// .. and so many follow each other at most.
const LOOKS_MAX: u32 = 5;

/// The right to write to a store; given up when dropped or when the process ends.
#[derive(Debug)]
pub(crate) struct WriteLock {
    file: File,
    store: PathBuf,
}

/// The name of the file beside `store`.
pub(crate) fn lock_path(store: &Path) -> PathBuf {
    let mut name = OsString::from(store);
    name.push(".lock");
    PathBuf::from(name)
}

impl WriteLock {
    /// Takes the lock of `store`, which need not exist yet.
    ///
    /// # Errors
    /// Another process holds it, or the file cannot be made.
    pub(crate) fn take(store: &Path) -> Result<Self, StoreError> {
        let path = lock_path(store);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(StoreError::io(
            &path,
            "the lock file cannot be opened (a store needs a folder that may be written to)",
        ))?;
        let mut locked = file.try_lock();
        for _ in 0..LOOKS_MAX {
            if !matches!(locked, Err(TryLockError::WouldBlock)) {
                break;
            }
            // Whoever looks whether somebody writes holds the lock for that moment.
            std::thread::sleep(LOOK_LASTS);
            locked = file.try_lock();
        }
        match locked {
            Ok(()) => Ok(Self { file, store: store.to_owned() }),
            Err(TryLockError::WouldBlock) => {
                let process = read(&mut file).map(|(process, _)| process);
                Err(StoreError::Locked { path: store.to_owned(), process })
            }
            Err(TryLockError::Error(source)) => {
                Err(StoreError::Io { path, doing: "the lock file cannot be locked", source })
            }
        }
    }

    /// The last record that is known to have been durable.
    pub(crate) fn noted(&mut self) -> Option<Head> {
        read(&mut self.file).map(|(_, head)| head)
    }

    /// Forgets what was durable: another journal takes the place of the former.
    pub(crate) fn forget(&mut self) -> Result<(), StoreError> {
        let forgotten = self.file.set_len(0).and_then(|()| self.file.sync_all());
        forgotten.map_err(StoreError::io(&lock_path(&self.store), "the lock file cannot be written"))
    }

    /// Notes that everything up to `head` is durable.
    pub(crate) fn note(&mut self, head: Head) -> Result<(), StoreError> {
        let mut note = [0; NOTE_BYTES];
        note[0..8].copy_from_slice(MAGIC);
        note[8..12].copy_from_slice(&std::process::id().to_le_bytes());
        note[12..20].copy_from_slice(&head.seq.to_le_bytes());
        note[20..28].copy_from_slice(&head.epoch.to_le_bytes());
        note[28..60].copy_from_slice(&head.hash.0);
        let check = Hash::of(&note[..60]);
        note[60..].copy_from_slice(&check.0[..8]);
        let written = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.write_all(&note));
        written.map_err(StoreError::io(&lock_path(&self.store), "the lock file cannot be written"))
    }
}

/// Whether a process writes to `store` now, and which, if its lock says it.
#[must_use]
pub fn writer(store: &Path) -> Option<Option<u32>> {
    let store = std::fs::canonicalize(store).ok()?;
    let mut file = File::open(lock_path(&store)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(read(&mut file).map(|(process, _)| process)),
        // What cannot be asked is not known to be held. The lock goes with the file.
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

/// The note of `store`, for a reader.
pub(crate) fn noted(store: &Path) -> Option<Head> {
    let mut file = File::open(lock_path(store)).ok()?;
    read(&mut file).map(|(_, head)| head)
}

/// Process and record; `None` when nothing or nothing whole is noted.
fn read(file: &mut File) -> Option<(u32, Head)> {
    let mut note = [0; NOTE_BYTES];
    file.seek(SeekFrom::Start(0)).ok()?;
    file.read_exact(&mut note).ok()?;
    if &note[0..8] != MAGIC || Hash::of(&note[..60]).0[..8] != note[60..] {
        return None;
    }
    let number = |from: usize| u64::from_le_bytes(note[from..from + 8].try_into().expect("8 bytes"));
    let process = u32::from_le_bytes(note[8..12].try_into().expect("4 bytes"));
    let hash = Hash(note[28..60].try_into().expect("32 bytes"));
    Some((process, Head { seq: number(12), epoch: number(20), hash }))
}
