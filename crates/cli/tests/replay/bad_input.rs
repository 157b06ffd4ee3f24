//! Runs that are refused: the message names what, where, which value, and what to do; nothing is left half written.

use crate::support::{Folder, HEADER, Ran, market};

fn replay(positions: &str, market_text: &str) -> (Folder, Ran) {
    let folder = Folder::new();
    folder.write("m.csv", market_text).write("p.csv", positions);
    let ran = folder.run(&[
        "replay",
        "--market",
        "m.csv",
        "--symbol",
        "X",
        "--positions",
        "p.csv",
        "--exits",
        "e.csv",
    ]);
    (folder, ran)
}

#[track_caller]
fn refused(ran: &Ran, words: &[&str]) {
    assert_eq!(ran.code, 2, "out: {}\nerr: {}", ran.out, ran.err);
    for word in words {
        assert!(ran.err.contains(word), "`{word}` is missing in: {}", ran.err);
    }
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
}

#[test]
fn positions_that_cannot_be_are_named_by_line_column_and_value() {
    for (row, words) in [
        ("a,X,long,0,100.00,1,1.5,,,\n", ["stop_pct", "1.5"]),
        ("a,X,long,0,NaN,1,0.1,,,\n", ["entry_price", "NaN"]),
        ("a,X,long,0,100,-1,0.1,,,\n", ["qty", "-1"]),
        ("a,X,up,0,100,1,0.1,,,\n", ["side", "up"]),
        ("a,X,long,0,0,1,0.1,,,\n", ["entry_price", "0"]),
        ("a,X,long,999999,100,1,0.1,,,\n", ["entry_index", "999999"]),
        ("a,Y,long,0,100,1,0.1,,,\n", ["symbol", "Y"]),
        ("a,X,long,0,100,1,,,,\n", ["no exit rule", "stop_pct"]),
        ("a,X,long,0,100\n", ["p.csv", "2"]),
    ] {
        let (folder, ran) = replay(&format!("{HEADER}{row}"), &market());
        refused(&ran, &words);
        assert!(ran.err.contains("p.csv"), "{row} names the file: {}", ran.err);
        assert_eq!(folder.names(), ["m.csv", "p.csv"], "{row} leaves nothing behind");
    }
}

#[test]
fn prices_that_cannot_be_are_named_by_row_column_and_value() {
    let head = "ts_ns,price,qty,side\n1767225600000000000,100.0,1,buy\n";
    for (row, words) in [
        ("1767225600000000001,NaN,1,buy\n", ["price", "NaN"]),
        ("1767225600000000001,-3,1,buy\n", ["price", "-3"]),
        ("1767225600000000001,0,1,buy\n", ["price", "0"]),
        ("1767225600000000001,99999999999999999999,1,buy\n", ["price", "99999999999999999999"]),
        ("1767225500000000000,100.0,1,buy\n", ["ts_ns", "1767225500000000000"]),
        ("1767225600000000001,100.0\n", ["m.csv", "3"]),
    ] {
        let (folder, ran) = replay(&format!("{HEADER}a,X,long,0,100.0,1,0.1,,,\n"), &format!("{head}{row}"));
        refused(&ran, &words);
        assert!(ran.err.contains("m.csv"), "{row} names the file: {}", ran.err);
        assert_eq!(folder.names(), ["m.csv", "p.csv"]);
    }
}

#[test]
fn unknown_columns_and_files_are_named_with_what_is_known() {
    let (_, ran) = replay(&format!("{HEADER}a,X,long,0,100.0,1,0.1,,,\n"), "time,value\n1,2\n");
    refused(&ran, &["m.csv", "time"]);
    let folder = Folder::new();
    folder.write("m.csv", &market());
    let ran = folder.run(&["replay", "--market", "m.csv", "--symbol", "X", "--positions", "missing.csv"]);
    refused(&ran, &["missing.csv"]);
    let ran = folder.run(&["replay", "--market", "nothing.parquet", "--positions", "m.csv"]);
    refused(&ran, &["nothing.parquet"]);
}

#[test]
fn a_plan_with_faults_is_refused_with_all_of_them() {
    let folder = Folder::new();
    let plan = "version = 1\n[hard_stop]\nfraction = 0.01\n[soft_stop]\nfraction = 0.02\n[stop_loss]\ndistance = { fraction = 1.2 }\n";
    folder
        .write("m.csv", &market())
        .write("plan.toml", plan)
        .write("p.csv", "id,symbol,side,entry_index,entry_price,qty\na,X,long,0,100.00,1\n");
    let ran = folder.run(&[
        "replay",
        "--market",
        "m.csv",
        "--symbol",
        "X",
        "--positions",
        "p.csv",
        "--plan",
        "plan.toml",
    ]);
    refused(&ran, &["stop_loss", "1.2", "hard_stop.fraction", "soft_stop"]);
    folder.write("plan.toml", "version = 1\nstop = 0.1\n");
    let ran = folder.run(&[
        "replay",
        "--market",
        "m.csv",
        "--symbol",
        "X",
        "--positions",
        "p.csv",
        "--plan",
        "plan.toml",
    ]);
    refused(&ran, &["plan.toml", "stop"]);
}

#[test]
fn a_damaged_tape_is_refused_wherever_it_is_cut_or_flipped() {
    let folder = Folder::new();
    folder.write("m.csv", &market()).write("p.csv", &format!("{HEADER}a,X,long,0,100.0,1,0.01,,,\n"));
    assert_eq!(folder.run(&["tape", "build", "m.csv", "-o", "m.tape", "--symbol", "X"]).code, 0);
    let sound = std::fs::read(folder.path("m.tape")).expect("the tape was built");
    for cut in [0, 7, 100, sound.len() / 2, sound.len() - 1] {
        std::fs::write(folder.path("m.tape"), &sound[..cut]).expect("a shorter file");
        let ran = folder.run(&["replay", "--market", "m.tape", "--positions", "p.csv"]);
        // Nothing at all may never have been a tape.
        assert_eq!(ran.code, if cut == 0 { 2 } else { 1 }, "out: {}\nerr: {}", ran.out, ran.err);
        assert!(ran.err.contains("m.tape") && !ran.err.contains("panicked"), "{}", ran.err);
    }
    for at in (0..sound.len()).step_by(sound.len() / 37) {
        let mut flipped = sound.clone();
        flipped[at] ^= 0x10;
        std::fs::write(folder.path("m.tape"), &flipped).expect("a flipped file");
        assert_ne!(folder.run(&["tape", "verify", "m.tape"]).code, 0, "a flip at byte {at} is found");
    }
}

#[test]
fn contradicting_options_are_refused() {
    let folder = Folder::new();
    let ran = folder.run(&["replay", "--market", "m.csv", "--positions", "p.csv", "--scan", "--leap"]);
    refused(&ran, &["--scan", "--leap"]);
    let ran = folder.run(&["replay", "--market", "m.csv", "--positions", "p.csv", "--fills", "dream"]);
    refused(&ran, &["dream", "honest", "tape"]);
}

#[test]
fn nothing_that_is_read_is_written_over() {
    let folder = Folder::new();
    let positions = format!("{HEADER}a,X,long,0,100.00,1,0.02,,,\n");
    folder.write("m.csv", &market()).write("p.csv", &positions);
    let base = ["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv"];
    for output in ["p.csv", "m.csv", "./p.csv"] {
        for option in ["--exits", "--records"] {
            let ran = folder.run(&[&base[..], &[option, output]].concat());
            assert_eq!(ran.code, 2, "{option} {output}: {}", ran.err);
            assert!(ran.err.contains("would destroy it"), "{}", ran.err);
        }
    }
    let ran = folder.run(&["tape", "build", "m.csv", "-o", "m.csv", "--symbol", "X"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert_eq!((folder.read("p.csv"), folder.read("m.csv")), (positions, market()));
}

#[test]
fn a_position_that_makes_no_sense_is_refused_before_the_first_price() {
    for (row, told) in [
        ("a,X,long,0,100.00,1000000000000000,0.02,,,", "beyond what can be computed"),
        ("a,X,long,0,999999999999.1,1000000000.001,0.02,,,", "beyond what can be computed"),
    ] {
        let folder = Folder::new();
        folder.write("m.csv", &market()).write("p.csv", &format!("{HEADER}{row}\n"));
        let ran = folder.run(&["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv"]);
        assert_eq!(ran.code, 2, "{row}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(told) && ran.err.contains("qty"), "{row}: {}", ran.err);
    }
    let folder = Folder::new();
    let late =
        "id,symbol,side,entry_ts,entry_price,qty,stop_pct\na,X,long,2030-01-01T00:00:00Z,100.00,1,0.02\n";
    folder.write("m.csv", &market()).write("p.csv", late);
    let ran = folder.run(&["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("entry_ts") && ran.err.contains("after the last price"), "{}", ran.err);
    let plan = "version = 1\nname = \"p\"\n[stop_loss]\ndistance = { price = 150 }\n";
    let wrong = "version = 1\nname = \"p\"\n[[ladder.legs]]\nclose = 1\nat_price = 90\n";
    for (plan, told) in [(plan, "no price reaches it"), (wrong, "no gain for a long")] {
        folder
            .write("plan.toml", plan)
            .write("p.csv", "id,symbol,side,entry_index,entry_price,qty\na,X,long,0,100.00,1\n");
        let args =
            ["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv", "--plan", "plan.toml"];
        let ran = folder.run(&args);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains(told), "{}", ran.err);
    }
}
