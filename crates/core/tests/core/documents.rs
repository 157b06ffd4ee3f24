//! The tests that the documents name exist: a promise without its test is none.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every function of a Rust file under `folder` that is a test.
fn tests_under(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            tests_under(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).expect("a text file");
            for (at, _) in text.match_indices("#[test]") {
                let name = text[at..].split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
                found.extend(name.map(|(name, _)| name.trim().to_owned()));
            }
        }
    }
}

/// What stands between backticks in the last column of each table row that is not a heading.
fn named(text: &str) -> Vec<String> {
    let rows = text.lines().filter(|line| line.starts_with('|') && line.ends_with('|'));
    let last =
        rows.filter_map(|row| row.trim_end_matches('|').rsplit_once('|').map(|(_, last)| last.to_owned()));
    last.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn exists(name: &str, tests: &BTreeSet<String>) -> bool {
    let Some((file, title)) = name.split_once(".txt: ") else { return tests.contains(name) };
    let path = root().join("crates/core/tests/core/scenarios").join(format!("{file}.txt"));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().any(|line| line.strip_prefix("== ") == Some(title))
}

#[test]
fn every_test_that_a_document_names_exists() {
    let mut tests = BTreeSet::new();
    tests_under(&root().join("crates"), &mut tests);
    for (document, least) in [("incidents.md", 90), ("safety.md", 30)] {
        let text = std::fs::read_to_string(root().join("docs").join(document)).expect("the document");
        let names = named(&text);
        assert!(names.len() >= least, "{document} names {} tests only", names.len());
        let missing: Vec<&String> = names.iter().filter(|name| !exists(name, &tests)).collect();
        assert!(missing.is_empty(), "{document} names tests that do not exist: {missing:#?}");
    }
}

#[test]
fn a_test_that_does_not_exist_is_found_missing() {
    let tests = BTreeSet::from(["a_test".to_owned()]);
    assert_eq!(named("| x | `no` | `a_test`, `b.txt: c` |\n|---|---|\ntext `d`"), ["a_test", "b.txt: c"]);
    assert!(exists("a_test", &tests) && exists("bracket.txt: short", &tests));
    assert!(
        !exists("another", &tests) && !exists("bracket.txt: shor", &tests) && !exists("b.txt: c", &tests)
    );
}
