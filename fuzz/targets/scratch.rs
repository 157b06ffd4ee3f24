//! One file that is written again for each input: some readers take a path, because they map the file.

use std::path::{Path, PathBuf};

/// Writes the bytes to a file of this name, in a folder of this process, and returns its path.
pub(crate) fn file(name: &str, bytes: &[u8]) -> PathBuf {
    // In memory where the system has such a place: a disk would be most of the time.
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = base.join(format!("ripcord-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the input");
    let path = folder.join(name);
    // Another file each time: one that is mapped still must not change.
    drop(std::fs::remove_file(&path));
    std::fs::write(&path, bytes).expect("room for the input");
    path
}

/// Takes the file away, and the folder if it was the last.
pub(crate) fn remove(path: &Path) {
    drop(std::fs::remove_file(path));
    if let Some(folder) = path.parent() {
        drop(std::fs::remove_dir(folder));
    }
}
