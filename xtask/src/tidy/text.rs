//! What holds for every text file: clean ends, and no path of the machine it was written on.

use super::Fault;
use super::source::{Source, line_of};

/// Lines end without white space, the file ends with one line end. Data that tests read is as it came.
pub(super) fn white_space(source: &Source) -> Vec<Fault> {
    if source.text.is_empty() || source.is_test_file() && !source.is_rust() && !source.is_markdown() {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (index, line) in source.text.split('\n').enumerate() {
        if line.ends_with([' ', '\t', '\r']) {
            faults.push(Fault::error(
                source,
                index + 1,
                "white space at the end of the line: delete it".to_owned(),
            ));
        }
    }
    let last = source.text.lines().count();
    if !source.text.ends_with('\n') {
        faults.push(Fault::error(source, last, "the last line has no end: add a line end".to_owned()));
    } else if source.text.ends_with("\n\n") {
        faults.push(Fault::error(source, last, "empty lines at the end of the file: delete them".to_owned()));
    }
    faults
}

/// Beginnings of paths that exist on somebody's machine only. In two parts, or this file would be at fault.
const MACHINE_PATHS: &[&str] = &[concat!("/", "work/"), concat!("/", "home/"), concat!("/", "tmp/")];

pub(super) fn machine_paths(source: &Source) -> Vec<Fault> {
    if source.is_test_file() {
        return Vec::new();
    }
    let text = source.text_without_tests();
    let mut faults = Vec::new();
    for start in MACHINE_PATHS {
        // `https://a.example/home/` and `$DIR/tmp/` continue something; only a path that begins here counts.
        let begins =
            |at: &usize| !text[..*at].ends_with(|c: char| c.is_alphanumeric() || "._-~/}".contains(c));
        for at in text.match_indices(start).map(|(at, _)| at).filter(begins) {
            let what =
                format!("`{start}..` exists on one machine only: use a path from the repository's root");
            faults.push(Fault::error(source, line_of(&text, at), what));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(check: fn(&Source) -> Vec<Fault>, path: &str, text: &str) -> Vec<usize> {
        check(&Source::new(path, text)).iter().map(|fault| fault.line).collect()
    }

    #[test]
    fn clean_text_passes() {
        assert_eq!(lines(white_space, "README.md", "# A\n\nb\n"), []);
        assert_eq!(lines(white_space, "empty.txt", ""), []);
    }

    #[test]
    fn white_space_at_ends_is_found() {
        assert_eq!(lines(white_space, "a.rs", "a\x20\nb\t\nc\n"), [1, 2]);
        assert_eq!(lines(white_space, "a.toml", "a\r\nb\n"), [1]);
        assert_eq!(lines(white_space, "a.md", "a\nb"), [2]);
        assert_eq!(lines(white_space, "a.md", "a\n\n"), [2]);
    }

    #[test]
    fn data_of_tests_is_left_as_it_came() {
        assert_eq!(lines(white_space, "crates/sim/tests/data/a.csv", "a\r\nb"), []);
        assert_eq!(lines(white_space, "crates/sim/tests/sim/main.rs", "a\x20\n"), [1]);
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        assert_eq!(lines(machine_paths, "README.md", "see\n`/work/x`\n"), [2]);
        assert_eq!(lines(machine_paths, "crates/sim/src/a.rs", "let a = \"/tmp/x\"; // /home/me\n"), [1, 1]);
        assert_eq!(lines(machine_paths, ".ci/run", "cd /home/me\n"), [1]);
    }

    #[test]
    fn other_paths_and_tests_pass() {
        assert_eq!(lines(machine_paths, "README.md", "https://a.example/home/ $TMPDIR/tmp/ ../work/\n"), []);
        assert_eq!(lines(machine_paths, "crates/sim/tests/sim/main.rs", "\"/tmp/x\"\n"), []);
        assert_eq!(
            lines(
                machine_paths,
                "crates/sim/src/a.rs",
                "#[cfg(test)]\nmod t { const A: &str = \"/tmp/x\"; }\n"
            ),
            []
        );
    }
}
