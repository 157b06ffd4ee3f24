//! How long files and functions may be.
//!
//! A function over the bound is listed in `xtask/tidy-exceptions.txt` with its present length and a
//! reason. The length may shrink, and then the list has to say so; it may not grow.

use std::collections::BTreeMap;

use super::Fault;
use super::source::{Source, closing_brace, find_words, first_outside_brackets, is_word, line_of};

const FILE_LINES_SOFT: usize = 500;
const FILE_LINES_HARD: usize = 800;
const FUNCTION_LINES: usize = 70;

/// Where exceptions are written down.
pub(super) const EXCEPTIONS: &str = "xtask/tidy-exceptions.txt";

pub(super) fn files(source: &Source) -> Vec<Fault> {
    if !source.is_rust() {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let lines = source.text.lines().count();
    let product = lines.saturating_sub(source.test_lines());
    let what_to_do = "move one idea into a file of its own (x.rs and x/)";
    if product > FILE_LINES_HARD && !source.is_test_file() {
        let text = format!("{product} lines without tests, the limit is {FILE_LINES_HARD}: {what_to_do}");
        faults.push(Fault::error(source, FILE_LINES_HARD + 1, text));
    } else if lines > FILE_LINES_SOFT {
        let text = format!("{lines} lines, {FILE_LINES_SOFT} is a good limit: {what_to_do}");
        faults.push(Fault::warning(source, FILE_LINES_SOFT + 1, text));
    }
    if source.path.ends_with("/mod.rs") {
        let text = "name the file after its module: x.rs beside the folder x/".to_owned();
        faults.push(Fault::error(source, 1, text));
    }
    faults
}

/// A function that is longer than the bound.
#[derive(Debug, PartialEq, Eq)]
struct Long {
    name: String,
    line: usize,
    lines: usize,
}

fn long_functions(source: &Source) -> Vec<Long> {
    let code = &source.code;
    let mut found = Vec::new();
    for at in find_words(code, "fn") {
        let rest = code[at + 2..].trim_start();
        let name: String = rest.chars().take_while(|c| is_word(*c)).collect();
        // `fn(u8) -> u8` is a type, and a declaration in a trait ends without a body.
        let body = first_outside_brackets(code, at, b"{;").filter(|at| code.as_bytes()[*at] == b'{');
        let (false, Some(open)) = (name.is_empty(), body) else { continue };
        let lines = code[at..closing_brace(code, open)].lines().count();
        if lines > FUNCTION_LINES {
            found.push(Long { name, line: line_of(code, at), lines });
        }
    }
    found
}

/// Long functions of all files against the list of exceptions.
pub(super) fn functions(sources: &[Source], exceptions: &Source) -> Vec<Fault> {
    let (mut listed, mut faults) = read_exceptions(exceptions);
    for source in sources.iter().filter(|source| source.is_rust()) {
        let mut longest: BTreeMap<String, Long> = BTreeMap::new();
        for long in long_functions(source) {
            let key = format!("{}:{}", source.path, long.name);
            if longest.get(&key).is_none_or(|known| known.lines < long.lines) {
                longest.insert(key, long);
            }
        }
        for (key, long) in longest {
            let Long { name, line, lines } = long;
            match listed.remove(&key) {
                None => faults.push(Fault::error(
                    source,
                    line,
                    format!("fn {name} has {lines} lines, the limit is {FUNCTION_LINES}: move arithmetic into leaves"),
                )),
                Some((allowed, _)) if lines > allowed => faults.push(Fault::error(
                    source,
                    line,
                    format!("fn {name} grew from {allowed} to {lines} lines: an exception may shrink, not grow"),
                )),
                Some((allowed, at)) if lines < allowed => faults.push(Fault::error(
                    exceptions,
                    at,
                    format!("fn {name} shrank to {lines} lines: write {lines} instead of {allowed}"),
                )),
                Some(_) => {}
            }
        }
    }
    faults.extend(listed.into_iter().map(|(key, (_, at))| {
        Fault::error(
            exceptions,
            at,
            format!("{key} is not over {FUNCTION_LINES} lines (any more): delete this line"),
        )
    }));
    faults
}

/// `path:function lines  # reason`, one a line; other lines start with `#`.
fn read_exceptions(list: &Source) -> (BTreeMap<String, (usize, usize)>, Vec<Fault>) {
    let mut listed = BTreeMap::new();
    let mut faults = Vec::new();
    for (index, line) in list.text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let parsed = line.split_once('#').and_then(|(entry, reason)| {
            let (key, lines) = entry.trim().split_once(' ')?;
            let lines: usize = lines.trim().parse().ok()?;
            (!reason.trim().is_empty()).then_some((key.to_owned(), lines))
        });
        match parsed {
            Some((key, lines)) => {
                listed.insert(key, (lines, index + 1));
            }
            None => {
                let text = "an exception is written `path:function lines  # reason`".to_owned();
                faults.push(Fault::error(list, index + 1, text));
            }
        }
    }
    (listed, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust(path: &str, lines: usize) -> Source {
        Source::new(path, "// line\n".repeat(lines))
    }

    fn function(name: &str, lines: usize) -> Source {
        let body = "    let x = 1;\n".repeat(lines - 2);
        Source::new(
            "crates/core/src/a.rs",
            format!("use b::c;\npub fn {name}(x: [u8; 4]) -> u8 {{\n{body}}}\n"),
        )
    }

    fn judge(source: Source, list: &str) -> Vec<String> {
        let faults = functions(&[source], &Source::new(EXCEPTIONS, list));
        faults.iter().map(Fault::to_string).collect()
    }

    #[test]
    fn file_lengths() {
        assert!(files(&rust("crates/core/src/a.rs", 500)).is_empty());
        assert!(!files(&rust("crates/core/src/a.rs", 501))[0].is_error);
        assert!(files(&rust("crates/core/src/a.rs", 801))[0].is_error);
        assert!(!files(&rust("crates/core/tests/core/main.rs", 900))[0].is_error);
        assert!(files(&Source::new("docs/long.md", "x\n".repeat(900))).is_empty());
    }

    #[test]
    fn tests_inside_a_file_do_not_count_for_the_hard_limit() {
        let text =
            format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "a!();\n".repeat(300), "b!();\n".repeat(600));
        let faults = files(&Source::new("crates/core/src/a.rs", text));
        assert_eq!(faults.len(), 1);
        assert!(!faults[0].is_error);
    }

    #[test]
    fn folders_are_modules_without_mod_rs() {
        assert!(files(&Source::new("crates/core/src/plan/mod.rs", "//! Plan.\n"))[0].is_error);
        assert!(files(&Source::new("crates/core/src/plan.rs", "//! Plan.\n")).is_empty());
    }

    #[test]
    fn functions_up_to_the_limit_pass() {
        assert!(judge(function("short", 70), "# nothing\n").is_empty());
        let types = "struct A { f: fn(u8) -> u8 }\ntrait B { fn c(&self, x: [u8; 2]); }\n";
        let long_struct = format!("{types}struct D {{\n{}}}\n", "    x: u8,\n".repeat(80));
        assert!(judge(Source::new("crates/core/src/a.rs", long_struct), "").is_empty());
    }

    #[test]
    fn a_long_function_is_an_error_unless_listed_at_its_length() {
        let faults = judge(function("long", 71), "");
        assert_eq!(faults.len(), 1);
        assert!(faults[0].starts_with("crates/core/src/a.rs:2: fn long has 71 lines"), "{faults:?}");
        assert!(judge(function("long", 71), "crates/core/src/a.rs:long 71  # a table\n").is_empty());
    }

    #[test]
    fn an_exception_may_shrink_not_grow() {
        let list = "crates/core/src/a.rs:long 80  # a table\n";
        assert!(judge(function("long", 81), list)[0].contains("grew from 80 to 81"));
        assert!(judge(function("long", 75), list)[0].contains("write 75 instead of 80"));
        assert!(judge(function("long", 60), list)[0].contains("delete this line"));
    }

    #[test]
    fn an_exception_needs_a_reason() {
        assert!(judge(function("a", 60), "crates/core/src/a.rs:long 80\n")[0].contains("# reason"));
    }
}
