//! Every refusal: what is wrong, where it is, and what to do.

use ripcord_sim::import::{Fault, ImportError, Place};

use crate::support::{Scratch, dates, floats, ints, read, refusal, texts, write_feather, write_parquet};

const T: i64 = 1_700_000_000_000_000_000;

/// The place and fault of a refused value.
fn fault(name: &str, text: impl AsRef<[u8]>) -> (Place, Fault) {
    match refusal(name, text) {
        ImportError::Value { place, fault } => (place, fault),
        other => panic!("a value is refused: {other}"),
    }
}

/// Row, line, column and value are told, and the reason.
fn check_csv(text: &str, row: u64, line: u64, column: &str, value: &str, expected: &Fault) {
    let (place, fault) = fault("a.csv", text);
    assert_eq!(&fault, expected, "{place}");
    let told = (place.row, place.line, place.column.as_str(), place.value.as_str());
    assert_eq!(told, (row, Some(line), column, value), "{text}");
}

#[test]
fn values_that_cannot_be_in_trades() {
    let rows =
        |second: &str| format!("ts_ns,price,qty,side\n{T},5.5,1,buy\n\n{second}\n{},6,1,sell\n", T + 9);
    let later = T + 1;
    for (second, column, value, expected) in [
        (format!("{later},,1,buy"), "price", "", Fault::Missing),
        (format!("{later},nan,1,buy"), "price", "nan", Fault::NotANumber),
        (format!("{later},inf,1,buy"), "price", "inf", Fault::NotANumber),
        (format!("{later},12a,1,buy"), "price", "12a", Fault::NotANumber),
        (format!("{later},0,1,buy"), "price", "0", Fault::NotPositive),
        (format!("{later},-3.5,1,buy"), "price", "-3.5", Fault::NotPositive),
        (format!("{later},5,-1,buy"), "qty", "-1", Fault::Negative),
        (format!("{later},1000000000000001,1,buy"), "price", "1000000000000001", Fault::Absurd),
        (format!("{later},1e300,1,buy"), "price", "1e300", Fault::Absurd),
        (format!("{later},0.12345678901234567891,1,buy"), "price", "0.12345678901234567891", Fault::TooFine),
        (format!("{},5,1,buy", T - 1), "ts_ns", "1699999999999999999", Fault::TimeBackwards { before: T }),
        ("yesterday,5,1,buy".to_owned(), "ts_ns", "yesterday", Fault::NotATime),
        (",5,1,buy".to_owned(), "ts_ns", "", Fault::Missing),
        ("99999999999999999999,5,1,buy".to_owned(), "ts_ns", "99999999999999999999", Fault::NotATime),
        (format!("{later},5"), "line", &format!("{later},5"), Fault::FieldCount { found: 2, expected: 4 }),
        (
            format!("{later},5,1,a,b"),
            "line",
            &format!("{later},5,1,a,b"),
            Fault::FieldCount { found: 5, expected: 4 },
        ),
    ] {
        check_csv(&rows(&second), 2, 4, column, value, &expected);
        // Told the same where quotes stand before and in the line.
        if !matches!(expected, Fault::FieldCount { .. }) {
            let quoted =
                rows(&second).replace("5.5,1,buy", "\"5.5\",1,\"b,u,y\"").replace("buy\n", "\"b,\"\n");
            check_csv(&quoted, 2, 4, column, value, &expected);
        }
    }
}

#[test]
fn equal_times_are_allowed_in_trades_and_refused_in_bars() {
    let scratch = Scratch::new();
    assert!(read(&scratch.file("a.csv", format!("ts_ns,price,qty\n{T},5,1\n{T},6,1\n"))).is_ok());
    let text = "ts_ms,open,high,low,close\n1700000000000,1,1,1,1\n1700000000000,1,1,1,1\n";
    check_csv(text, 2, 3, "ts_ms", "1700000000000", &Fault::BarRepeated { before: 1_700_000_000_000 });
    let micros = "open_time,open,high,low,close\n1700000000000,1,1,1,1\n1700000000000001,1,1,1,1\n";
    check_csv(micros, 2, 3, "open_time", "1700000000000001", &Fault::TimeOutOfRange);
}

#[test]
fn bars_keep_their_order() {
    for (bar, column, value, other) in [
        ("5,4,3,4", "high", "4", "5"),
        ("5,5.5,3,6", "high", "5.5", "6"),
        ("5,6,5.5,5.25", "low", "5.5", "5"),
        ("5,6,5,4.5", "low", "5", "4.5"),
        ("5,4,6,5", "high", "4", "6"),
    ] {
        let text = format!("ts_ms,open,high,low,close\n1700000000000,1,1,1,1\n1700000060000,{bar}\n");
        check_csv(&text, 2, 3, column, value, &Fault::BarDisorder { other: other.to_owned() });
    }
}

#[test]
fn faults_far_into_a_file_name_their_row_and_line() {
    let mut text = String::from("ts_ns,price,qty,side\n");
    for row in 1..=100_000_i64 {
        let price = if row == 90_000 { "-1" } else { "10.5" };
        text += &format!("{},{price},1,buy\n", T + row);
        if row % 30_000 == 0 {
            text += "\n";
        }
    }
    check_csv(&text, 90_000, 90_003, "price", "-1", &Fault::NotPositive);
    let backwards = text.replace(&format!("{},-1,", T + 90_000), &format!("{},1,", T + 1));
    let before = T + 89_999;
    check_csv(&backwards, 90_000, 90_003, "ts_ns", &(T + 1).to_string(), &Fault::TimeBackwards { before });
    // One value so fine that another one no longer fits beside it.
    let fine = text.replace(",-1,", ",900000000000000,") + &format!("{},0.0000000001,1,buy\n", T + 200_000);
    let (place, fault) = fault("a.csv", fine);
    assert_eq!((place.row, place.value.as_str()), (100_001, "0.0000000001"), "{fault}");
    assert_eq!(fault, Fault::BeyondScale { decimals: 10 });
}

#[test]
fn a_message_says_where_what_and_what_to_do() {
    let refused = refusal("ticks.csv", format!("ts_ns,price,qty\n{T},5,1\n{T},abc,1\n")).to_string();
    assert!(refused.ends_with(
        "ticks.csv: row 2 (line 3), price `abc`: not a decimal number like 58800.10; correct it or remove the row"
    ), "{refused}");
}

#[test]
fn unknown_files_and_columns_are_listed() {
    let refused = refusal("a.csv", "when,how much\n1,2\n");
    assert!(matches!(refused, ImportError::UnknownColumns { .. }));
    let text = refused.to_string();
    assert!(text.contains("found when, how much;") && text.contains("ts_ns, bid_price, bid_qty"), "{text}");
    assert!(refusal("a.csv", "1,2,3\n").to_string().contains("no header and 3 columns"));
    assert!(refusal("a.csv", "x".repeat(200_000)).to_string().len() < 5_000);
    assert!(matches!(refusal("a.zip", "PK"), ImportError::UnknownType { .. }));
    assert!(matches!(refusal("a.csv", ""), ImportError::Empty { .. }));
    assert!(matches!(refusal("a.csv", "ts_ns,price,qty\n"), ImportError::Empty { .. }));
    assert!(matches!(refusal("a.json", "[]"), ImportError::Empty { .. }));
    assert!(matches!(read(&Scratch::new().path("none.csv")), Err(ImportError::Io { .. })));
    // Parquet integers without a unit are not read from text.
    assert!(matches!(
        refusal("a.csv", "ts_ns,price_ticks,qty_milli\n1,1,1\n"),
        ImportError::UnknownColumns { .. }
    ));
}

#[test]
fn bytes_that_are_no_text_and_lines_that_are_none() {
    let (place, fault) =
        fault("a.csv", [format!("ts_ns,price,qty\n{T},5").as_bytes(), b"\xff\xfe,1\n"].concat());
    assert_eq!((place.line, fault), (Some(2), Fault::NotUtf8));
    assert!(read(&Scratch::new().file("a.csv", b"ts_ns,pr\xffce,qty\n")).is_err());
    let (place, fault) =
        self::fault("a.csv", format!("ts_ns,price,qty\n{T},5,1\n{}\n", "9".repeat(3_000_000)));
    assert_eq!((place.row, place.line, fault), (2, Some(3), Fault::LineTooLong));
    assert!(read(&Scratch::new().file("a.csv", [0_u8; 5_000])).is_err());
}

#[test]
fn parquet_values_types_and_damage() {
    let scratch = Scratch::new();
    let path = scratch.path("a.parquet");
    let refused = |columns| {
        write_parquet(&path, columns, &[]);
        read(&path).expect_err("something is wrong").to_string()
    };
    let ts = || ("ts_ns", ints(&[T, T + 1, T + 2]));
    let qty = || ("qty", texts(&["1", "1", "1"]));
    let text = refused(vec![ts(), ("price", texts(&["1", "2", "n/a"])), qty()]);
    assert!(text.contains("row 3, price `n/a`: not a decimal number"), "{text}");
    let nulls = std::sync::Arc::new(arrow_array::StringArray::from(vec![Some("1"), None, Some("x")]));
    let text = refused(vec![ts(), ("price", nulls), qty()]);
    assert!(text.contains("row 2, price ``: the value is missing"), "{text}");
    let text = refused(vec![("ts_ns", ints(&[T, -5, 0])), ("price", texts(&["1", "2", "x"])), qty()]);
    assert!(text.contains("row 2, ts_ns `-5`: not a time from 1970"), "{text}");
    let text = refused(vec![ts(), ("price", floats(&[1.0, f64::NAN, 1.0])), qty()]);
    assert!(text.contains("row 2, price `NaN`: not a decimal number"), "{text}");
    let flags = std::sync::Arc::new(arrow_array::BooleanArray::from(vec![true; 3]));
    let text = refused(vec![ts(), ("price", flags), qty()]);
    assert!(text.contains("column price holds Boolean; write it as decimal text"), "{text}");
    let text = refused(vec![("ts_ns", texts(&["1", "2", "3"])), ("price", texts(&["1", "2", "3"])), qty()]);
    assert!(text.contains("column ts_ns holds Utf8"), "{text}");
    let text = refused(vec![("when", ints(&[1]))]);
    assert!(text.contains("found when;"), "{text}");
}

#[test]
fn cut_and_damaged_files_are_errors_not_panics() {
    let scratch = Scratch::new();
    let times: Vec<i64> = (0..120).map(|row| 1_700_000_000_000 + row * 60_000).collect();
    let prices = || floats(&(0..120).map(|row| 5.0 + f64::from(row) / 8.0).collect::<Vec<_>>());
    let bars = || {
        vec![
            ("date", dates(&times)),
            ("open", prices()),
            ("high", prices()),
            ("low", prices()),
            ("close", prices()),
        ]
    };
    let feather = scratch.path("whole.feather");
    write_feather(&feather, bars(), Some(arrow_ipc::CompressionType::ZSTD));
    let parquet = scratch.path("whole.parquet");
    write_parquet(&parquet, bars(), &[("symbol", "X")]);
    for (whole, name) in [(&feather, "cut.feather"), (&parquet, "cut.parquet")] {
        assert!(read(whole).is_ok());
        let bytes = std::fs::read(whole).expect("a file");
        for length in (0..bytes.len()).step_by(37) {
            let refused = read(&scratch.file(name, &bytes[..length]));
            assert!(
                matches!(refused, Err(ImportError::Damaged { .. })),
                "{name} of {length} bytes: {refused:?}"
            );
        }
        // Any answer will do for a changed byte (checksums are optional in both), but one must come.
        for at in (0..bytes.len()).step_by(29) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            drop(read(&scratch.file(name, changed)));
        }
    }
    // A column that says that it unpacks to 300 MB, of a few bytes: refused before anybody makes room for it.
    let lz4 = scratch.path("lz4.feather");
    write_feather(&lz4, bars(), Some(arrow_ipc::CompressionType::LZ4_FRAME));
    let bytes = std::fs::read(&lz4).expect("a file");
    let frame = bytes.windows(4).position(|word| word == [0x04, 0x22, 0x4d, 0x18]).expect("a packed column");
    let mut claims = bytes;
    claims[frame - 8..frame].copy_from_slice(&300_000_000_i64.to_le_bytes());
    let refused = refusal("claims.feather", claims).to_string();
    assert!(refused.contains("unpacks to more than a batch may hold"), "{refused}");
    let json = b"[[1700000000000,1,1,1,1,0],[1700000060000,1,1,1,1,0]]";
    for length in 0..json.len() {
        let refused = refusal("cut.json", &json[..length]);
        assert!(matches!(refused, ImportError::Damaged { .. }), "{length} bytes: {refused}");
    }
    for text in
        ["{}", "[[1700000000000,1,1,1,1,0]]]", "[[1700000000000,[1],1,1,1]]", "[5]", "[[]]", "[[\"a\\\"b\"]]"]
    {
        assert!(matches!(refusal("odd.json", text), ImportError::Damaged { .. }), "{text}");
    }
    let refused = refusal("a.json", "[[1700000000000,1,1,1,null,0]]").to_string();
    assert!(refused.contains("row 1, close `null`: the value is missing"), "{refused}");
    let refused = refusal("a.json", "[[1700000000000,1,1]]").to_string();
    assert!(refused.contains("row 1, low ``: the value is missing"), "{refused}");
}

#[test]
fn a_rate_finer_than_a_billionth_is_refused() {
    let (place, fault) =
        fault("a.csv", "ts_ms,funding_rate\n1700000000000,0.1\n1700028800000,0.0000000001\n");
    assert_eq!((place.row, place.value.as_str(), fault), (2, "0.0000000001", Fault::RateTooFine));
}
