//! Scenario files: kept ones hold, bad ones are told with their line.

use std::path::PathBuf;

use ripcord_core::time::Span;
use ripcord_storm::{Config, Scenario, run};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

#[test]
fn every_scenario_that_was_kept_holds() {
    let mut read = 0;
    for file in std::fs::read_dir(folder()).expect("the folder is there") {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("text");
        let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(scenario.moves.len() <= 30, "{}: {} events", path.display(), scenario.moves.len());
        assert_eq!(scenario.play().violation, None, "{}", path.display());
        read += 1;
    }
    assert!(read >= 1, "nothing was kept");
}

#[test]
fn a_world_comes_back_from_its_file_as_it_was() {
    let config = Config::of(3, None, Span::from_secs(3_600), true);
    let drawn = Scenario::drawn(&config);
    let read = Scenario::parse(&drawn.text()).expect("its own text");
    assert_eq!(read, drawn);
    assert_eq!(read.play(), run(&config));
}

#[test]
fn what_is_no_scenario_is_told_with_its_line() {
    let config = Config::of(3, None, Span::from_secs(3_600), true);
    let text = Scenario::drawn(&config).text();
    let lines: Vec<&str> = text.lines().collect();
    let told = |text: &str| Scenario::parse(text).map(|_| ()).expect_err("it is none").to_string();
    assert_eq!(told(""), "it is empty; the first line must be the configuration of a world");
    assert!(told("nonsense").starts_with("line 1: "));
    assert!(told(&format!("{}\n{{\"at\":1}}", lines[0])).starts_with("line 2: missing field `what`"));
    let turned = format!("{}\n{}\n{}", lines[0], lines[lines.len() - 1], lines[1]);
    assert_eq!(told(&turned), "line 3: it is earlier than the line before");
    let newer = text.replacen("\"ripcord_storm\":1", "\"ripcord_storm\":9", 1);
    assert_eq!(told(&newer), "line 1: ripcord_storm is 9; this program reads 1");
    let nowhere = format!("{}\n{}", lines[0], r#"{"at":1760000000000000000,"what":{"price":[99,5]}}"#);
    assert_eq!(told(&nowhere), "line 2: it names a market, an account or a plan that is not there");
}
