//! A file that appears under its name whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// A file under construction: written beside its name, and renamed when whole. A terminal, a pipe or a link
/// is written into and never replaced.
pub(crate) struct WholeFile {
    path: PathBuf,
    /// None for what is written into.
    beside: Option<PathBuf>,
}

impl WholeFile {
    pub(crate) fn create(path: &Path) -> io::Result<(Self, BufWriter<File>)> {
        const BUFFER: usize = 1 << 16;
        if !is_file_or_new(path) {
            let file = File::options().write(true).truncate(true).open(path)?;
            return Ok((
                Self { path: path.to_owned(), beside: None },
                BufWriter::with_capacity(BUFFER, file),
            ));
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(".partial");
        let beside = PathBuf::from(beside);
        let file = BufWriter::with_capacity(BUFFER, File::create(&beside)?);
        Ok((Self { path: path.to_owned(), beside: Some(beside) }, file))
    }

    /// Gives the file its name. Everything must have been flushed.
    pub(crate) fn keep(mut self) -> io::Result<()> {
        let Some(beside) = &self.beside else { return Ok(()) };
        std::fs::rename(beside, &self.path)?;
        self.beside = None;
        Ok(())
    }
}

impl Drop for WholeFile {
    /// A run that failed leaves nothing half written.
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            // The first error is the one to tell; the leftover may be gone already.
            let _gone = std::fs::remove_file(beside);
        }
    }
}

/// Whether a path may be written beside and renamed: nothing is there yet, or a plain file.
pub(crate) fn is_file_or_new(path: &Path) -> bool {
    std::fs::symlink_metadata(path).map_or(true, |meta| meta.is_file())
}

/// Why no file can be written at `path`, which the option `option` names; none when it is worth a try.
pub(crate) fn takes_no_file(option: &str, path: &Path) -> Option<String> {
    let shown = path.display();
    if path.is_dir() {
        return Some(format!("{option} {shown}: this is a folder; name a file in it"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    let told = folder.display();
    (!folder.is_dir())
        .then(|| format!("{option} {shown}: there is no folder {told}; make it first, or name another file"))
}
