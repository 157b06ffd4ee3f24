//! The write-ahead log as a crash left it: how much of it belongs to no finished commit.
//!
//! SQLite drops that part without a word when it opens the file. Here it is counted before.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use crate::create::beside;
use crate::error::StoreError;
use crate::recover::Cut;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// What stands behind the last finished commit; `None` when nothing does.
pub(crate) fn unfinished(store: &Path) -> Result<Option<Cut>, StoreError> {
    let path = beside(store, "-wal");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(StoreError::Io { path, doing: "the write-ahead log cannot be opened", source });
        }
    };
    scan(BufReader::with_capacity(1 << 16, file))
        .map_err(StoreError::io(&path, "the write-ahead log cannot be read"))
}

fn scan(mut log: impl Read) -> io::Result<Option<Cut>> {
    let mut header = [0; HEADER_BYTES];
    let read = fill(&mut log, &mut header)?;
    if read == 0 {
        return Ok(None);
    }
    let magic = number(&header, 0);
    let page = number(&header, 8) as usize;
    let big = magic & 1 == 1;
    let sums = checksum(big, [0, 0], &header[..24]);
    let whole = read == HEADER_BYTES
        && magic & !1 == 0x377f_0682
        && page.is_power_of_two()
        && (512..=65_536).contains(&page)
        && sums == [number(&header, 24), number(&header, 28)];
    if !whole {
        let rest = io::copy(&mut log, &mut io::sink())?;
        return Ok(Some(Cut { pages: 0, bytes: read as u64 + rest }));
    }
    let salts = [number(&header, 16), number(&header, 20)];
    frames(&mut log, page, big, salts, sums)
}

fn frames(
    log: &mut impl Read,
    page: usize,
    big: bool,
    salts: [u32; 2],
    mut sums: [u32; 2],
) -> io::Result<Option<Cut>> {
    let mut frame = vec![0; FRAME_HEADER_BYTES + page];
    let (mut pages, mut bytes, mut sound) = (0, 0, true);
    loop {
        let read = fill(log, &mut frame)?;
        // Frames of an earlier round lie behind those of this one; they were finished long ago.
        let is_old = read >= 16 && [number(&frame, 8), number(&frame, 12)] != salts;
        if read == 0 || (sound && is_old) {
            break;
        }
        pages += 1;
        bytes += read as u64;
        if sound && read == frame.len() {
            let next = checksum(big, checksum(big, sums, &frame[..8]), &frame[FRAME_HEADER_BYTES..]);
            sound = next == [number(&frame, 16), number(&frame, 20)];
            sums = next;
            let ends_commit = number(&frame, 4) != 0;
            if sound && ends_commit {
                (pages, bytes) = (0, 0);
            }
        } else if is_old {
            (pages, bytes) = (pages - 1, bytes - read as u64);
            break;
        }
    }
    Ok((pages > 0).then_some(Cut { pages, bytes }))
}

/// Reads as much as there is, up to the length of `buffer`.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match log.read(&mut buffer[filled..])? {
            0 => break,
            more => filled += more,
        }
    }
    Ok(filled)
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

/// The log's running checksum, over words in the byte order that its magic number names.
fn checksum(big: bool, sums: [u32; 2], bytes: &[u8]) -> [u32; 2] {
    let [mut first, mut second] = sums;
    for pair in bytes.chunks_exact(8) {
        let word = |at: usize| {
            let word = pair[at..at + 4].try_into().expect("4 bytes");
            if big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
        };
        first = first.wrapping_add(word(0)).wrapping_add(second);
        second = second.wrapping_add(word(4)).wrapping_add(first);
    }
    [first, second]
}
