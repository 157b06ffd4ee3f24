//! Whether the files that a store writes to still have their names. A file that was removed or
//! replaced takes writes and syncs without a word, and nobody can ever open it again.

use std::io;
use std::path::{Path, PathBuf};

use crate::create::beside;
use crate::error::StoreError;
use crate::lock::lock_path;

/// The files of an open store, as they were.
#[derive(Debug)]
pub(crate) struct Files {
    files: [(PathBuf, (u64, u64)); 3],
}

impl Files {
    /// The files of the store at `path`, which is open and in which something was written.
    pub(crate) fn of(path: &Path) -> Result<Self, StoreError> {
        let seen = |file: PathBuf| {
            let which = identity(&file).map_err(StoreError::io(&file, "it cannot be looked at"))?;
            Ok::<_, StoreError>((file, which))
        };
        Ok(Self { files: [seen(path.to_owned())?, seen(beside(path, "-wal"))?, seen(lock_path(path))?] })
    }

    /// Refuses when one of them is another file now, or none.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        for (file, was) in &self.files {
            if identity(file).ok() != Some(*was) {
                return Err(StoreError::Gone { path: self.files[0].0.clone(), file: file.clone() });
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn identity(file: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(file).map(|meta| (meta.dev(), meta.ino()))
}

/// Elsewhere an open file cannot be removed: that there is one is enough.
#[cfg(not(unix))]
fn identity(file: &Path) -> io::Result<(u64, u64)> {
    std::fs::metadata(file).map(|_| (0, 0))
}
