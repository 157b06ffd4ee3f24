//! The one place that asks for memory-mapped bytes.

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// Maps a file for reading.
///
/// A tape is written under another name and renamed when complete, so a file of this name is
/// never written to by us. Whoever cuts it short while it is mapped ends the process (SIGBUS).
#[allow(
    unsafe_code,
    reason = "a mapped file may change under the slice; every byte pattern is a valid i64 or u8, so wrong \
              bytes are wrong rows, which the block sums find, and nothing worse"
)]
pub(super) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: see above; the mapping is read-only and lives as long as the slices taken from it.
    unsafe { Mmap::map(file) }
}
