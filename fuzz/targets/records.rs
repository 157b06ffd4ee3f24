//! Records files, raw and with checksums that are right; what is read is told as stories, exits and gaps.

use ripcord_report::explain;
use ripcord_report::records::{RecordsReader, exits_of};
use ripcord_report::uncovered::Uncovering;

pub(crate) fn run(data: &[u8]) {
    let Some((&how, data)) = data.split_first() else { return };
    let file = if how & 1 == 0 { data.to_vec() } else { repaired(data) };
    let Ok(mut reader) = RecordsReader::new("r", &file[..]) else { return };
    let names: Vec<String> = reader.header().positions.iter().map(|position| position.id.clone()).collect();
    for plan in 0..reader.header().plans.len().min(4) {
        drop(reader.header().plan(ripcord_core::id::PlanId(plan as u32)));
    }
    let header = reader.header().clone();
    let mut uncovered = Uncovering::default();
    while let Ok(Some(line)) = reader.next_line() {
        uncovered.take(&line.entry, &header);
    }
    assert!(uncovered.all().count() < 1 << 16);
    let again = || RecordsReader::new("r", &file[..]).expect("read just above");
    drop(exits_of(&mut again()));
    for name in names.iter().take(3).map(String::as_str).chain(["nobody"]) {
        drop(explain::explain(&mut again(), name));
    }
}

/// The lines as they are, each with the checksum that it must have.
fn repaired(data: &[u8]) -> Vec<u8> {
    let mut lines = data.split(|byte| *byte == b'\n');
    let head = lines.next().unwrap_or_default();
    let mut file = [head, b"\n"].concat();
    let mut crc = crc32c::crc32c(head);
    for line in lines {
        // Behind the checksum, where the line has one.
        let body = line.strip_prefix(b"{\"crc\":\"").and_then(|rest| rest.get(10..)).unwrap_or(line);
        let body = [b"{", body.strip_prefix(b"{").unwrap_or(body)].concat();
        crc = crc32c::crc32c_append(crc, &body);
        file.extend(format!("{{\"crc\":\"{crc:08x}\",").as_bytes());
        file.extend(&body[1..]);
        file.push(b'\n');
    }
    file
}
