//! Does a feather file claim more than it has? Its decoder reserves memory by what the file says,
//! so a damaged length would end the process. Asked before the decoder sees the file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use arrow_ipc::reader::read_footer_length;
use arrow_ipc::{Block, CompressionType, RecordBatch, root_as_footer, root_as_message};

/// The most bytes one column of one batch may unpack to: 2^28 rows of 8 bytes.
const UNPACKED_BYTES_MAX: i64 = 1 << 31;
/// Bytes of the magic at the end and of the footer length before it.
const TAIL_BYTES: u64 = 10;
/// Stands before the length of a message.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// What is wrong with the lengths in a file, if something is.
pub(super) fn lengths(file: &mut File) -> Result<(), String> {
    let end = file.seek(SeekFrom::End(0)).map_err(|refused| refused.to_string())?;
    let tail = bytes(file, end.checked_sub(TAIL_BYTES).ok_or("too short for a feather file")?, TAIL_BYTES)?;
    let tail: [u8; TAIL_BYTES as usize] = tail.try_into().map_err(|_| "the end is missing")?;
    let footer_bytes = read_footer_length(tail).map_err(|refused| refused.to_string())? as u64;
    let footer_at =
        (end - TAIL_BYTES).checked_sub(footer_bytes).ok_or("the footer is longer than the file")?;
    let footer = bytes(file, footer_at, footer_bytes)?;
    let footer = root_as_footer(&footer).map_err(|refused| format!("the footer: {refused}"))?;
    let dictionaries = footer.dictionaries().into_iter().flatten();
    for block in footer.recordBatches().into_iter().flatten().chain(dictionaries) {
        batch(file, block, end)?;
    }
    Ok(())
}

fn batch(file: &mut File, block: &Block, end: u64) -> Result<(), String> {
    let length = |length: i64| u64::try_from(length).map_err(|_| "a batch has a negative length");
    let (at, head, body) =
        (length(block.offset())?, length(block.metaDataLength().into())?, length(block.bodyLength())?);
    let is_inside = at.checked_add(head).and_then(|to| to.checked_add(body)).is_some_and(|to| to <= end);
    if !is_inside {
        return Err("a batch lies outside the file".to_owned());
    }
    let message = bytes(file, at, head)?;
    let start = if message.starts_with(&CONTINUATION) { 8 } else { 4 };
    let message = message.get(start..).ok_or("a batch has no head")?;
    let message = root_as_message(message).map_err(|refused| format!("the head of a batch: {refused}"))?;
    let dictionary = message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
    match message.header_as_record_batch().or(dictionary) {
        Some(batch) => columns(file, &batch, at + head, body),
        None => Err("a batch has another type than a batch".to_owned()),
    }
}

/// `body_at` and `body` say where the columns of the batch lie.
fn columns(file: &mut File, batch: &RecordBatch<'_>, body_at: u64, body: u64) -> Result<(), String> {
    let is_length = |rows: i64| (0..=UNPACKED_BYTES_MAX / 8).contains(&rows);
    let nodes = batch.nodes().into_iter().flatten();
    if !is_length(batch.length()) || !nodes.into_iter().all(|node| is_length(node.length())) {
        return Err("a batch claims too many rows".to_owned());
    }
    for buffer in batch.buffers().into_iter().flatten() {
        let (Ok(at), Ok(length)) = (u64::try_from(buffer.offset()), u64::try_from(buffer.length())) else {
            return Err("a column has a negative length".to_owned());
        };
        if at.checked_add(length).is_none_or(|to| to > body) {
            return Err("a column lies outside its batch".to_owned());
        }
        let Some(compression) = batch.compression().filter(|_| length >= 8) else { continue };
        // A packed column begins with the length that it unpacks to; -1 when it is not packed.
        let unpacked = bytes(file, body_at + at, 8)?.try_into().map(i64::from_le_bytes);
        let by_its_own =
            i64::try_from(length).unwrap_or(i64::MAX).saturating_mul(growth(compression.codec()));
        let most = by_its_own.min(UNPACKED_BYTES_MAX);
        if !unpacked.is_ok_and(|unpacked| (-1..=most).contains(&unpacked)) {
            return Err("a column unpacks to more than a batch may hold".to_owned());
        }
    }
    Ok(())
}

/// How many bytes one packed byte may stand for: LZ4 counts at most 255 with each, and a block of zstd is
/// 128 KiB and has at least four bytes.
const fn growth(codec: CompressionType) -> i64 {
    match codec {
        CompressionType::LZ4_FRAME => 255,
        _ => 32_768,
    }
}

/// Some bytes of the file. Callers have held the range against its length.
fn bytes(file: &mut File, at: u64, length: u64) -> Result<Vec<u8>, String> {
    file.seek(SeekFrom::Start(at)).map_err(|refused| refused.to_string())?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(|refused| refused.to_string())?;
    Ok(bytes)
}
