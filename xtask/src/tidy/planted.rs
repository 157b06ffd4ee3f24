//! Nothing that is installed can go wrong on purpose: no manifest turns `planted` on, and no release binary
//! holds its mark.

use std::path::Path;

use super::Fault;
use super::source::Source;

/// Stands in every binary that holds planted bugs (crates/core/src/planted.rs).
const MARK: &str = "ripcord: bugs are planted in this binary";
/// The one crate whose feature may pass the word on; its own feature is off by default.
const MAY_PASS: &[&str] = &["crates/core/Cargo.toml", "crates/storm/Cargo.toml"];
/// What is installed.
const BINARY: &str = "target/release/ripcord";

/// Faults of a manifest.
pub(super) fn manifest(source: &Source) -> Vec<Fault> {
    if !source.path.ends_with("Cargo.toml") {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(source.text.lines()) {
        let line = line.split('#').next().unwrap_or_default();
        let names_it = line.contains("\"planted\"") || line.contains("/planted\"");
        let is_default = line.trim_start().starts_with("default") && names_it;
        let passes_it = names_it && !MAY_PASS.contains(&source.path.as_str());
        if is_default || passes_it {
            let text = "`planted` may not be turned on here: bugs planted on purpose are for the storm alone";
            faults.push(Fault::error(source, number, text.to_owned()));
        }
    }
    faults
}

/// A fault when the release binary, if there is one, holds planted bugs.
pub(super) fn binary(root: &Path) -> Option<Fault> {
    let bytes = std::fs::read(root.join(BINARY)).ok()?;
    holds_mark(&bytes).then(|| {
        let text = "bugs are planted in it: build it without the feature `planted`".to_owned();
        Fault { path: BINARY.to_owned(), line: 1, text, is_error: true }
    })
}

fn holds_mark(bytes: &[u8]) -> bool {
    bytes.windows(MARK.len()).any(|window| window == MARK.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        manifest(&Source::new(path, text)).iter().map(|fault| fault.line).collect()
    }

    #[test]
    fn only_the_storm_passes_it_on_and_nobody_by_default() {
        let passes = "[features]\nplanted = [\"ripcord-core/planted\"]\n";
        assert_eq!(lines("crates/storm/Cargo.toml", passes), []);
        assert_eq!(lines("crates/cli/Cargo.toml", passes), [2]);
        assert_eq!(lines("crates/storm/Cargo.toml", "[features]\ndefault = [\"planted\"]\n"), [2]);
        let depends = "ripcord-core = { path = \"../core\", features = [\"planted\"] }\n";
        assert_eq!(lines("crates/service/Cargo.toml", depends), [1]);
        assert_eq!(lines("crates/core/Cargo.toml", "[features]\nplanted = []\n"), []);
    }

    #[test]
    fn the_mark_is_found_wherever_it_stands() {
        assert!(holds_mark(format!("\0\0{MARK}\0").as_bytes()));
        assert!(!holds_mark(b"ripcord") && !holds_mark(b""));
    }

    #[test]
    fn the_mark_is_the_one_of_the_core() {
        assert!(include_str!("../../../crates/core/src/planted.rs").contains(MARK));
    }
}
