//! Tape files, raw and with checksums that are right: then rows and pyramid are whatever chance wrote.

use std::path::Path;

use ripcord_core::market::PriceSource;
use ripcord_sim::tape::{Bands, Tape};

use crate::scratch;

/// Rows of a repaired tape: three levels of the pyramid.
const ROWS_MAX: u64 = 4_200;
const HEADER_BYTES: usize = 192;

pub(crate) fn run(data: &[u8]) {
    let Some((&how, data)) = data.split_first() else { return };
    let mut file = data.to_vec();
    match how % 4 {
        0 => {}
        1 => seal_header(&mut file),
        2 => repair(&mut file, false),
        _ => repair(&mut file, true),
    }
    let path = scratch::file("fuzz.tape", &file);
    look(&path, how);
    scratch::remove(&path);
}

fn look(path: &Path, how: u8) {
    let Ok(tape) = Tape::open(path) else { return };
    let rows = tape.rows();
    let sound = tape.verify().is_ok();
    assert!(!sound || tape.verify_rows(0, rows).is_ok());
    assert!(!sound || tape.first_at_or_after(0, i64::MIN) == 0);
    let some = [tape.price().first(), tape.price().last()].map(|price| price.copied().unwrap_or(1));
    for (from, to) in [(0, rows), (0, rows + 9), (usize::from(how), rows / 2), (rows, rows), (rows + 1, 0)] {
        for (lo, hi) in [(0, i64::MAX), (some[0].min(some[1]), some[0].max(some[1])), (i64::MIN, 5), (9, 3)] {
            let bands = PriceSource::ALL.into_iter().fold(Bands::OPEN, |bands, of| bands.with(of, lo, hi));
            let (scanned, leapt) = (tape.scan(from, to, &bands), tape.leap(from, to, &bands));
            assert!(
                !sound || scanned == leapt,
                "{from}..{to} in {lo}..{hi}: {scanned}, by the pyramid {leapt}"
            );
        }
        for source in PriceSource::ALL {
            let span = tape.span(from, to, source);
            assert!(!sound || span.is_none_or(|span| span.min <= span.last && span.last <= span.max));
            let gap = tape.longest_gap(from, to, source);
            assert!(!sound || gap.is_none_or(|gap| gap >= 0));
        }
    }
}

fn seal_header(file: &mut [u8]) {
    if let Some(head) = file.first_chunk_mut::<HEADER_BYTES>() {
        let crc = crc32c::crc32c(&head[..188]);
        head[188..].copy_from_slice(&crc.to_le_bytes());
    }
}

/// Makes all that the header says of the file true, as `docs/formats.md` lays it out; `is_sound` makes the
/// rows sound as well, so that only the pyramid is chance.
fn repair(file: &mut Vec<u8>, is_sound: bool) {
    if file.len() < HEADER_BYTES {
        return;
    }
    let sources = file[15] & 31;
    let rows =
        if sources == 0 { 0 } else { 1 + u64::from_le_bytes(file[16..24].try_into().expect("8")) % ROWS_MAX };
    let part = |start: u64, bytes: u64| (start + bytes).next_multiple_of(64);
    let (price, qty) = (part(192, rows * 8), part(part(192, rows * 8), rows * 8));
    let source = part(qty, rows * 8);
    let table = part(source, rows);
    let pyramid = part(table, rows.div_ceil(65_536) * 4);
    let (mut nodes, mut below) = (0, rows);
    while below > 1 || (nodes == 0 && below > 0) {
        below = below.div_ceil(64);
        nodes += below;
    }
    let end = pyramid + nodes * 32 * u64::from(sources.count_ones());
    file.resize(end as usize, 7);
    if is_sound {
        make_rows(file, rows as usize, [price, qty, source].map(|at| at as usize), sources);
    }
    let (rows_at, table_at) = (rows as usize, table as usize);
    let mut crc = 0;
    for (at, bytes) in [
        (192, rows_at * 8),
        (price as usize, rows_at * 8),
        (qty as usize, rows_at * 8),
        (source as usize, rows_at),
    ] {
        crc = crc32c::crc32c_append(crc, &file[at..at + bytes]);
    }
    for (from, to) in [
        (192 + rows * 8, price),
        (price + rows * 8, qty),
        (qty + rows * 8, source),
        (source + rows, table),
        (table + rows.div_ceil(65_536) * 4, pyramid),
    ] {
        file[from as usize..to as usize].fill(0);
    }
    if rows > 0 {
        file[table_at..table_at + 4].copy_from_slice(&crc.to_le_bytes());
    }
    let kind = match sources {
        0 => 0,
        1 => 1,
        2 | 4 | 6 => 2,
        8 => 3,
        16 => 4,
        _ => 5,
    };
    let table_crc = crc32c::crc32c(&file[table_at..table_at + rows.div_ceil(65_536) as usize * 4]);
    let pyramid_crc = crc32c::crc32c(&file[pyramid as usize..]);
    let symbol = usize::from(file[88]) % 65;
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"RIPTAPE\0\x01\0\xc0\0");
    put(14, &[kind, sources]);
    put(16, &rows.to_le_bytes());
    put(24, &65_536_u32.to_le_bytes());
    put(28, &64_u32.to_le_bytes());
    put(32, &end.to_le_bytes());
    put(40, &[0; 48]);
    put(88, &[symbol as u8]);
    put(89 + symbol, &[0; 91][symbol..]);
    put(180, &table_crc.to_le_bytes());
    put(184, &pyramid_crc.to_le_bytes());
    seal_header(file);
}

fn make_rows(file: &mut [u8], rows: usize, [price, qty, source]: [usize; 3], sources: u8) {
    let codes: Vec<u8> = (0..5).filter(|code| sources & 1 << code != 0).collect();
    let mut time = 0_i64;
    for row in 0..rows {
        let word = |file: &[u8], at: usize| i64::from_le_bytes(file[at..at + 8].try_into().expect("8"));
        time += word(file, 192 + row * 8) & 0xff_ffff;
        let (cost, much) = (1 + (word(file, price + row * 8) & 0xfff), word(file, qty + row * 8) & 0xffff);
        file[192 + row * 8..][..8].copy_from_slice(&time.to_le_bytes());
        file[price + row * 8..][..8].copy_from_slice(&cost.to_le_bytes());
        file[qty + row * 8..][..8].copy_from_slice(&much.to_le_bytes());
        file[source + row] = codes[usize::from(file[source + row]) % codes.len()];
    }
}
