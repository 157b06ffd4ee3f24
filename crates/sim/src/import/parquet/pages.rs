//! What the pages of a Parquet file say of their sizes: the decoder makes room for all of it before it has read any.
//!
//! A page begins with a header in Thrift's compact form; only sizes and counts are looked at here.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// Writers cut pages at about a mebibyte.
const PAGE_BYTES_MAX: i64 = 16 << 20;
const PAGE_VALUES_MAX: i64 = 16 << 20;
/// No header of a page is longer; statistics are in it.
const HEADER_BYTES_MAX: u64 = 1 << 16;
/// Structures in a header are less deep.
const DEPTH_MAX: u8 = 8;

/// What a header says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Header {
    unpacked: i64,
    packed: i64,
    values: i64,
}

/// Goes through the pages of a column, which lies at a place of the file and is so long.
///
/// # Errors
/// What is wrong with the first page that no writer writes.
pub(super) fn check(file: &mut File, (start, length): (u64, u64)) -> Result<(), String> {
    let end = start.checked_add(length).ok_or("a column lies outside the file")?;
    let mut at = start;
    while at < end {
        let (header, bytes) =
            read_header(file, at, end - at).map_err(|why| format!("the page at byte {at}: {why}"))?;
        let Header { unpacked, packed, values } = header;
        for (what, value, most) in [
            ("unpacks to", unpacked, PAGE_BYTES_MAX),
            ("is", packed, PAGE_BYTES_MAX),
            ("holds", values, PAGE_VALUES_MAX),
        ] {
            if !(0..=most).contains(&value) {
                let of = if what == "holds" { "values" } else { "bytes" };
                return Err(format!(
                    "the page at byte {at} says that it {what} {value} {of}; write pages of at most {most}"
                ));
            }
        }
        at = at.saturating_add(bytes).saturating_add(packed.unsigned_abs());
    }
    Ok(())
}

/// A header, and how long it is.
fn read_header(file: &mut File, at: u64, rest: u64) -> io::Result<(Header, u64)> {
    file.seek(SeekFrom::Start(at))?;
    let most = rest.min(HEADER_BYTES_MAX);
    let mut thrift = Thrift { input: BufReader::with_capacity(256, file.take(most)), read: 0 };
    let mut header = Header::default();
    thrift.each_field(0, &mut |thrift, field, kind| match (field, kind) {
        (2, Kind::Int) => thrift.int().map(|value| header.unpacked = value),
        (3, Kind::Int) => thrift.int().map(|value| header.packed = value),
        // Data pages of both versions, and dictionaries: their first field counts values.
        (5 | 7 | 8, Kind::Struct) => thrift.each_field(1, &mut |thrift, field, kind| match (field, kind) {
            (1, Kind::Int) => thrift.int().map(|value| header.values = header.values.max(value)),
            _ => thrift.skip(kind, 2),
        }),
        _ => thrift.skip(kind, 1),
    })?;
    Ok((header, thrift.read))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Byte,
    Int,
    Double,
    Binary,
    List,
    Map,
    Struct,
}

impl Kind {
    fn of(code: u8) -> io::Result<Self> {
        Ok(match code {
            1 | 2 => Self::Bool,
            3 => Self::Byte,
            4..=6 => Self::Int,
            7 => Self::Double,
            8 => Self::Binary,
            9 | 10 => Self::List,
            11 => Self::Map,
            12 => Self::Struct,
            _ => return Err(bad("its header has a field of no known type")),
        })
    }
}

fn bad(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Reads Thrift's compact form.
struct Thrift<R> {
    input: R,
    read: u64,
}

type OnField<'a, R> = dyn FnMut(&mut Thrift<R>, i64, Kind) -> io::Result<()> + 'a;

impl<R: Read> Thrift<R> {
    fn byte(&mut self) -> io::Result<u8> {
        let mut one = [0];
        self.input.read_exact(&mut one)?;
        self.read += 1;
        Ok(one[0])
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(bad("its header has a number without an end"))
    }

    /// Signed numbers take turns: 0, -1, 1, -2, ..
    fn int(&mut self) -> io::Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn each_field(&mut self, depth: u8, take: &mut OnField<'_, R>) -> io::Result<()> {
        if depth > DEPTH_MAX {
            return Err(bad("its header is too deep"));
        }
        let mut field = 0_i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            field = match head >> 4 {
                0 => self.int()?,
                more => field.saturating_add(i64::from(more)),
            };
            take(self, field, Kind::of(head & 0x0f)?)?;
        }
    }

    fn skip(&mut self, kind: Kind, depth: u8) -> io::Result<()> {
        match kind {
            Kind::Bool => Ok(()),
            Kind::Byte => self.byte().map(drop),
            Kind::Int => self.varint().map(drop),
            Kind::Double => self.skip_bytes(8),
            Kind::Binary => {
                let length = self.varint()?;
                self.skip_bytes(length)
            }
            Kind::List => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                self.skip_all(count, &[Kind::of(head & 0x0f)?], depth)
            }
            Kind::Map => match self.varint()? {
                0 => Ok(()),
                count => {
                    let kinds = self.byte()?;
                    self.skip_all(count, &[Kind::of(kinds >> 4)?, Kind::of(kinds & 0x0f)?], depth)
                }
            },
            Kind::Struct => self.each_field(depth + 1, &mut |thrift, _, kind| thrift.skip(kind, depth + 1)),
        }
    }

    fn skip_all(&mut self, count: u64, kinds: &[Kind], depth: u8) -> io::Result<()> {
        if depth > DEPTH_MAX {
            return Err(bad("its header is too deep"));
        }
        for _ in 0..count {
            for &kind in kinds {
                // In a list a truth value is a byte of its own.
                let kind = if kind == Kind::Bool { Kind::Byte } else { kind };
                self.skip(kind, depth + 1)?;
            }
        }
        Ok(())
    }

    fn skip_bytes(&mut self, length: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.input.by_ref().take(length), &mut io::sink())?;
        self.read += skipped;
        if skipped == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes of a page with a data header of version 1 behind them.
    fn page(unpacked: u8, packed: u8, values: u8) -> Vec<u8> {
        // type 0; sizes; checksum; data header: values, encodings, statistics with a text.
        let mut page = vec![0x15, 0, 0x15, 2 * unpacked, 0x15, 2 * packed, 0x15, 1];
        page.extend([0x1c, 0x15, 2 * values, 0x15, 0, 0x15, 6, 0x15, 6, 0x1c, 0x18, 2, b'h', b'i', 0, 0, 0]);
        page
    }

    fn header(bytes: &[u8]) -> io::Result<(Header, u64)> {
        let mut file = tempfile::tempfile().expect("a scratch file");
        io::Write::write_all(&mut file, bytes).expect("a small file");
        read_header(&mut file, 0, bytes.len() as u64)
    }

    #[test]
    fn sizes_and_counts_are_read_and_the_rest_is_passed_over() {
        let bytes = page(40, 30, 20);
        let wanted = Header { unpacked: 40, packed: 30, values: 20 };
        assert_eq!(header(&bytes).expect("a header"), (wanted, bytes.len() as u64));
    }

    #[test]
    fn what_is_no_header_is_an_error_and_ends() {
        for bytes in [
            &[][..],
            &[0x1f],
            &[0x15, 0xff, 0xff],
            &[0x1c; 100],
            &[0x19, 0xff, 0xff, 0xff, 0xff, 0x0f],
            &[0x18, 50, 1],
        ] {
            assert!(header(bytes).is_err(), "{bytes:?}");
        }
        let cut = page(1, 1, 1);
        for length in 0..cut.len() {
            assert!(header(&cut[..length]).is_err(), "{length}");
        }
    }

    fn checked(bytes: &[u8]) -> Result<(), String> {
        let mut file = tempfile::tempfile().expect("a scratch file");
        io::Write::write_all(&mut file, bytes).expect("a small file");
        check(&mut file, (0, bytes.len() as u64))
    }

    #[test]
    fn a_page_that_unpacks_to_much_is_refused_before_it_is_unpacked() {
        let mut two = page(40, 3, 20);
        two.extend([0; 3]);
        two.extend(page(1, 0, 1));
        assert_eq!(checked(&two), Ok(()));
        let sound = two.len();
        // 20 MiB, in four bytes.
        two.extend([0x15, 0, 0x15, 0x80, 0x80, 0x80, 0x14, 0x15, 0, 0]);
        let told = checked(&two).expect_err("too much");
        assert!(
            told.starts_with(&format!("the page at byte {sound} says that it unpacks to 20971520 bytes")),
            "{told}"
        );
        let told = checked(&[0x15, 0, 0x15, 0x01, 0x15, 0, 0]).expect_err("less than nothing");
        assert!(told.contains("unpacks to -1 bytes"), "{told}");
    }
}
