//! Samples of every version of the formats of this crate, read for ever; and what is done to them.

use std::path::Path;

use ripcord_core::event::{Entry, LeftOutside, Record};
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::reason::{Reason, Source};
use ripcord_report::exits::read_csv;
use ripcord_report::explain::{ExplainError, Story, explain};
use ripcord_report::records::{RecordsError, RecordsReader, RecordsWriter, exits_of};
use ripcord_report::render::{story, story_json};
use ripcord_report::summary::{By, Summary};

fn sample(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/v1").join(name);
    std::fs::read(path).expect("the sample is in the tree")
}

/// Reads to the end.
fn read(bytes: &[u8]) -> Result<usize, RecordsError> {
    let mut records = RecordsReader::new("r", bytes)?;
    let mut lines = 0;
    while records.next_line()?.is_some() {
        lines += 1;
    }
    Ok(lines)
}

fn story_of(id: &str) -> Result<Story, ExplainError> {
    let bytes = sample("records.jsonl");
    explain(&mut RecordsReader::new("r", bytes.as_slice())?, id)
}

#[test]
fn version_1_of_records_is_read() {
    let bytes = sample("records.jsonl");
    let lines = bytes.split(|&byte| byte == b'\n').count() - 1;
    assert_eq!(read(&bytes).expect("the sample is whole"), lines - 2, "all but the first and the last");
    let told = story_of("trail").expect("it is there");
    assert_eq!(told.position.strategy.as_deref(), Some("swing"));
    assert_eq!(told.fills.len(), 1);
    assert!(story_of("held").expect("it is there").end.closed.is_none());
}

#[test]
fn version_1_of_exits_is_read_and_agrees_with_the_records() {
    let of_file = read_csv("e", sample("exits.csv").as_slice()).expect("the sample is whole");
    let bytes = sample("records.jsonl");
    let mut records = RecordsReader::new("r", bytes.as_slice()).expect("a header");
    let of_records = exits_of(&mut records).expect("the sample is whole");
    assert_eq!(of_file.len(), of_records.len());
    for (file, record) in of_file.iter().zip(&of_records) {
        assert_eq!((&file.position_id, file.net), (&record.position_id, record.net));
    }
    let sum = of_file.iter().fold(Money::ZERO, |sum, row| sum + row.net);
    assert_ne!(sum, Money::ZERO);
}

#[test]
fn written_again_it_is_the_same_file() {
    let bytes = sample("records.jsonl");
    let mut records = RecordsReader::new("r", bytes.as_slice()).expect("a header");
    let mut copy = RecordsWriter::new(Vec::new(), &records.header().clone()).expect("memory");
    while let Some(line) = records.next_line().expect("a line") {
        copy.write(line.index, &line.entry).expect("memory");
    }
    assert_eq!(String::from_utf8(copy.finish().expect("memory")), String::from_utf8(bytes));
}

#[test]
fn a_file_that_was_cut_anywhere_is_refused() {
    let bytes = sample("records.jsonl");
    for end in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        let error = read(&bytes[..end]).expect_err("cut short").to_string();
        assert!(error.starts_with("r: line "), "{end}: {error}");
    }
    let last = bytes[..bytes.len() - 1].iter().rposition(|&byte| byte == b'\n').expect("lines") + 1;
    let error = read(&bytes[..last]).expect_err("no last line").to_string();
    assert!(error.contains("before its last line"), "{error}");
}

#[test]
fn a_header_whose_market_cannot_be_computed_with_is_refused() {
    let text = String::from_utf8(sample("records.jsonl")).expect("text");
    let end = text.find('\n').expect("a header");
    let mut header: serde_json::Value = serde_json::from_str(&text[..end]).expect("JSON");
    for (field, value, told) in [
        ("lot_size", 0, "lot_size is 0; it must be greater than 0"),
        ("tick_size", -1, "tick_size is -1; it must be greater than 0"),
        ("qty_decimals", 255, "qty_decimals 255 is more than"),
    ] {
        let rules = &mut header["instruments"][0]["rules"];
        let was = std::mem::replace(&mut rules[field], value.into());
        assert_ne!(was, serde_json::Value::Null, "the sample has {field}");
        let error = read(format!("{header}\n").as_bytes()).expect_err("no such market").to_string();
        assert!(error.starts_with("r: line 1: the header: ") && error.contains(told), "{error}");
        header["instruments"][0]["rules"][field] = was;
    }
}

/// Somebody else's program may write right checksums around numbers that no run writes.
#[test]
fn a_record_with_a_number_that_no_run_writes_is_refused_by_field() {
    let bytes = sample("records.jsonl");
    let refused = |bend: &dyn Fn(&mut Record)| {
        let mut records = RecordsReader::new("r", bytes.as_slice()).expect("a header");
        let mut bent = RecordsWriter::new(Vec::new(), &records.header().clone()).expect("memory");
        while let Some(mut line) = records.next_line().expect("a line") {
            bend(&mut line.entry.record);
            bent.write(line.index, &line.entry).expect("memory");
        }
        read(&bent.finish().expect("memory")).expect_err("no run wrote this").to_string()
    };
    let told = refused(&|record| {
        if let Record::Opened(opened) = record {
            opened.qty = Qty(0);
        }
    });
    assert!(told.contains("its qty is a number that no run writes"), "{told}");
    let told = refused(&|record| {
        if let Record::Filled(filled) = record {
            filled.cost = i128::MAX;
        }
    });
    assert!(told.contains("its cost is a number that no run writes"), "{told}");
    let told = refused(&|record| {
        if let Record::Filled(filled) = record {
            filled.price = Price(-1);
        }
    });
    assert!(told.contains("its price is a number that no run writes"), "{told}");
}

#[test]
fn a_changed_byte_is_found_in_its_line() {
    let bytes = sample("records.jsonl");
    for at in (0..bytes.len() - 1).step_by(61).filter(|&at| bytes[at] != b'\n') {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        // A change within the header is seen by the checksum of the line behind it.
        let line = (bytes[..at].iter().filter(|&&byte| byte == b'\n').count() + 1).max(1);
        let error = read(&changed).expect_err("a changed byte").to_string();
        let named = [format!("r: line {line}: "), "r: line 2: ".to_owned()];
        assert!(error.starts_with(&named[0]) || (line == 1 && error.starts_with(&named[1])), "{at}: {error}");
    }
}

#[test]
fn a_missing_line_is_found() {
    let text = String::from_utf8(sample("records.jsonl")).expect("text");
    let without: Vec<&str> =
        text.lines().enumerate().filter(|(at, _)| *at != 4).map(|(_, line)| line).collect();
    let error = read((without.join("\n") + "\n").as_bytes()).expect_err("a line is missing").to_string();
    assert!(error.starts_with("r: line 5: the checksum does not match"), "{error}");
    let more = text.clone() + "{}\n";
    let error = read(more.as_bytes()).expect_err("a line too much").to_string();
    assert!(error.contains("something stands behind the last line"), "{error}");
}

#[test]
fn newer_versions_and_other_files_are_refused_by_name() {
    let text = String::from_utf8(sample("records.jsonl")).expect("text");
    for (bytes, wanted) in [
        (
            text.replacen("\"version\":1", "\"version\":2", 1),
            "r: line 1: version is 2; this program reads up to 1, use a newer one",
        ),
        (
            text.replacen("ripcord-records", "other", 1),
            "r: line 1: this is no records file (its format is \"other\")",
        ),
        ("id,symbol\n1,X\n".to_owned(), "r: line 1: this is no records file (its header: "),
        (String::new(), "r: line 1: this is no records file (its header: "),
    ] {
        let error = read(bytes.as_bytes()).expect_err("refused").to_string();
        assert!(error.starts_with(wanted), "{error}");
    }
}

#[test]
fn an_unknown_position_lists_close_names() {
    let error = story_of("trial").expect_err("a slip").to_string();
    assert!(error.contains("trial"), "{error}");
    let error = story_of("trai").expect_err("a slip").to_string();
    assert_eq!(error, "no position is named trai; did you mean trail?");
    let error = story_of("nothing-like-it").expect_err("a stranger").to_string();
    assert!(error.contains("3 positions"), "{error}");
}

#[test]
fn a_part_that_left_at_an_unknown_price_makes_the_result_unknown() {
    let bytes = sample("records.jsonl");
    let mut records = RecordsReader::new("r", bytes.as_slice()).expect("a header");
    let mut copy = RecordsWriter::new(Vec::new(), &records.header().clone()).expect("memory");
    while let Some(line) = records.next_line().expect("a line") {
        copy.write(line.index, &line.entry).expect("memory");
        let Record::Filled(filled) = &line.entry.record else { continue };
        if filled.qty == Qty(2) {
            let left = LeftOutside {
                episode: filled.id.episode,
                reason: Reason::Unknown,
                source: Source::Unknown,
                qty: Qty(3),
                price: None,
                fee: Money::ZERO,
                cost: 3_000,
                entry_fees: Money::ZERO,
                funding: Money::ZERO,
                remaining: Qty(0),
            };
            let record = Record::LeftOutside(Box::new(left));
            copy.write(line.index, &Entry { at: line.entry.at, record }).expect("memory");
        }
    }
    let bytes = copy.finish().expect("memory");
    let mut records = RecordsReader::new("r", bytes.as_slice()).expect("a header");
    let told = explain(&mut records, "trail").expect("it is there");
    assert_eq!((told.unpriced(), told.end.headline), (Qty(3), Some(Reason::Unknown)));
    let text = story::story(&told, 100, false);
    assert!(
        text.contains("result unknown: 3 left at a price that nobody told\nknown of it 5.6971 net"),
        "{text}"
    );
    assert!(text.contains(": UNKNOWN\n") && !text.contains("result 5.6971"), "{text}");
    let json = story_json::story(&told);
    assert!(json["net_pnl"].is_null() && json["net_known"] == "5.6971", "{json}");
    let mut records = RecordsReader::new("r", bytes.as_slice()).expect("a header");
    let total = Summary::of(&exits_of(&mut records).expect("whole"), By::Reason).total;
    assert_eq!((total.positions, total.unknown, total.wins, total.losses), (2, 1, 0, 1));
}
