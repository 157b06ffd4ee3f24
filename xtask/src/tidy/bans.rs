//! Words that may not stand in some parts of the product, because what they do does not belong there.
//!
//! Clippy knows types and methods (`clippy.toml` of each crate); this knows folders.

use super::Fault;
use super::source::{Source, find_words, line_of};

struct Ban {
    word: &'static str,
    instead: &'static str,
}

/// What would make two runs of the core differ, or let it fail without a word.
const PURE: &[Ban] = &[
    Ban { word: "f32", instead: "money and prices are integers: see num.rs" },
    Ban { word: "f64", instead: "money and prices are integers: see num.rs" },
    Ban { word: "HashMap", instead: "its order differs from run to run: BTreeMap or a dense Vec" },
    Ban { word: "HashSet", instead: "its order differs from run to run: BTreeSet" },
    Ban { word: "SystemTime", instead: "the time is passed in" },
    Ban { word: "Instant::now", instead: "the time is passed in" },
    Ban { word: ".unwrap()", instead: "expect(\"why it cannot be\"), or an outcome for the odd case" },
    Ban { word: "rand::", instead: "chance is passed in as a seed, from outside" },
    Ban { word: "thread::", instead: "one state, one owner: parallel work is between coordinators" },
    Ban { word: "std::thread", instead: "one state, one owner: parallel work is between coordinators" },
    Ban { word: "rayon", instead: "one state, one owner: parallel work is between coordinators" },
    Ban { word: "async", instead: "nothing waits here: async begins at the venues and the service" },
    Ban { word: "tokio", instead: "nothing waits here: async begins at the venues and the service" },
];

/// Folders that must stay pure.
const PURE_FOLDERS: &[&str] = &["crates/core/src/", "crates/ledger/src/", "crates/sim/src/"];

/// Where a pure folder may use a word after all.
struct Exception {
    words: &'static [&'static str],
    /// A file, or a folder if it ends in `/`.
    place: &'static str,
    /// For the reader of this list.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by people, and by the test that demands it"))]
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        words: &["thread::", "std::thread", "rayon"],
        place: "crates/sim/src/import/",
        reason: "a file is parsed in parallel chunks; the rows leave in file order",
    },
    Exception {
        words: &["f64"],
        place: "crates/sim/src/import/decimal.rs",
        reason: "files of the trade hold prices as doubles; each becomes its shortest decimal at once",
    },
    Exception {
        words: &["f32", "f64"],
        place: "crates/sim/src/plan_file/exact.rs",
        reason: "names the kinds of numbers it refuses to the deserializer; it holds none",
    },
    Exception {
        words: &["f64"],
        place: "crates/sim/src/vectorbt.rs",
        reason: "reports the price another program would print; no decision reads it",
    },
    Exception {
        words: &["rayon"],
        place: "crates/sim/src/tape/pyramid.rs",
        reason: "blocks are summarised in parallel; the result does not depend on the order",
    },
];

/// Pure folders hold no word of [`PURE`] outside comments, strings and tests.
pub(super) fn purity(source: &Source) -> Vec<Fault> {
    if !source.is_rust() || !PURE_FOLDERS.iter().any(|folder| source.path.starts_with(folder)) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for ban in PURE.iter().filter(|ban| !is_excepted(ban.word, &source.path)) {
        let mut places = find_words(&source.product, ban.word);
        places.extend(suffixed_literals(&source.product, ban.word));
        for at in places {
            let text = format!("`{}` may not stand here: {}", ban.word, ban.instead);
            faults.push(Fault::error(source, line_of(&source.product, at), text));
        }
    }
    faults
}

fn is_excepted(word: &str, path: &str) -> bool {
    EXCEPTIONS.iter().filter(|exception| exception.words.contains(&word)).any(|exception| {
        if exception.place.ends_with('/') {
            path.starts_with(exception.place)
        } else {
            path == exception.place
        }
    })
}

/// `1.5_f64` and `2f64`: the type is there without being a word.
fn suffixed_literals(code: &str, word: &str) -> Vec<usize> {
    if word != "f32" && word != "f64" {
        return Vec::new();
    }
    let is_suffix = |at: usize| {
        let digits = code[..at].trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
        let literal = &code[digits.len()..at];
        literal.starts_with(|c: char| c.is_ascii_digit()) && !digits.ends_with(super::source::is_word)
    };
    code.match_indices(word).map(|(at, _)| at).filter(|at| is_suffix(*at)).collect()
}

/// No `if` asks for the mode below the binary: the mode is chosen once, by passing values.
pub(super) fn mode_switches(source: &Source) -> Vec<Fault> {
    let below_cli = source.path.starts_with("crates/") && !source.path.starts_with("crates/cli/");
    if !source.is_rust() || !below_cli {
        return Vec::new();
    }
    let lines = source.product.lines().enumerate().filter(|(_, line)| asks_mode(line));
    lines
        .map(|(index, _)| {
            let text =
                "the mode is chosen once, in crates/cli: pass the value that differs, do not ask for `live`";
            Fault::error(source, index + 1, text.to_owned())
        })
        .collect()
}

fn asks_mode(line: &str) -> bool {
    let Some(condition) = find_words(line, "if").first().map(|at| &line[*at..]) else { return false };
    let is_switch = |at: usize, word: &str| !is_counted(&condition[..at], &condition[at + word.len()..]);
    ["live", "Mode::Live"]
        .iter()
        .any(|word| find_words(condition, word).iter().any(|at| is_switch(*at, word)))
}

/// Whether the word between the two is a number, as in `entries > 2 * live`: then it counts what is alive.
fn is_counted(before: &str, after: &str) -> bool {
    // The formatter puts spaces around operators with two sides: `2 * live` is a product, `*live` is not.
    let left =
        ["+ ", "- ", "* ", "/ ", "% ", "< ", "> ", "<= ", ">= "].iter().any(|sign| before.ends_with(sign));
    let after = after.strip_prefix("()").unwrap_or(after);
    left || [" +", " -", " *", " /", " %", " <", " >"].iter().any(|sign| after.starts_with(sign))
}

/// Nothing is left for later: no macros that panic in place of work, no notes to oneself.
pub(super) fn leftovers(source: &Source) -> Vec<Fault> {
    let kinds = [".rs", ".md", ".toml", ".ts", ".css", ".html", ".yml", ".yaml", ".sh", ".service"];
    if !kinds.iter().any(|kind| source.path.ends_with(kind)) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for word in ["todo!", "unimplemented!"] {
        for at in find_words(&source.code, word) {
            let text = format!("`{word}` is left: do it, or take the unfinished part out");
            faults.push(Fault::error(source, line_of(&source.code, at), text));
        }
    }
    // Written in two parts, or this file would be at fault.
    for word in [concat!("FIX", "ME"), concat!("XX", "X")] {
        for at in find_words(&source.text, word) {
            let text = format!("`{word}` is left: mend it, or say in a sentence why it is as it is");
            faults.push(Fault::error(source, line_of(&source.text, at), text));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORE: &str = "crates/core/src/a.rs";
    const SIM: &str = "crates/sim/src/venue.rs";

    fn lines(check: fn(&Source) -> Vec<Fault>, path: &str, text: &str) -> Vec<usize> {
        check(&Source::new(path, text)).iter().map(|fault| fault.line).collect()
    }

    #[test]
    fn every_banned_word_is_found_in_both_pure_crates() {
        for ban in PURE {
            let text = format!("use a;\nlet x = y{} ;\n", format_args!(" {}", ban.word));
            assert!(lines(purity, CORE, &text).contains(&2), "{}", ban.word);
            assert!(lines(purity, SIM, &text).contains(&2), "{}", ban.word);
            assert!(lines(purity, "crates/service/src/a.rs", &text).is_empty(), "{}", ban.word);
        }
    }

    #[test]
    fn real_lines_that_are_at_fault() {
        assert_eq!(lines(purity, CORE, "fn a(x: f64) {}\n"), [1]);
        assert_eq!(lines(purity, CORE, "let a = 1.5_f64;\nlet b = 2f32;\n"), [2, 1]);
        assert_eq!(lines(purity, CORE, "a.get(0).unwrap();\n"), [1]);
        assert_eq!(lines(purity, CORE, "let t = Instant::now();\n"), [1]);
    }

    #[test]
    fn comments_strings_and_tests_may_name_them() {
        assert_eq!(lines(purity, CORE, "// no f64\nlet a = \"HashMap\"; /* async */\n"), []);
        assert_eq!(lines(purity, CORE, "#[cfg(test)]\nmod tests {\n fn a() { b.unwrap(); }\n}\n"), []);
        assert_eq!(lines(purity, "crates/core/tests/core/main.rs", "b.unwrap();\n"), []);
    }

    #[test]
    fn words_that_only_look_alike_pass() {
        assert_eq!(lines(purity, CORE, "a.unwrap_or(0); let buf64 = 1; operand::x; asynchronous();\n"), []);
        assert_eq!(lines(purity, CORE, "let 0x1f64_u64 = Side53;\n"), []);
    }

    #[test]
    fn an_exception_holds_where_it_says_and_has_a_reason() {
        assert!(EXCEPTIONS.iter().all(|exception| exception.reason.len() > 10));
        let parallel = "use rayon::prelude;\nstd::thread::scope();\n";
        assert_eq!(lines(purity, "crates/sim/src/import/csv.rs", parallel), []);
        assert!(!lines(purity, SIM, parallel).is_empty());
        assert_eq!(lines(purity, "crates/sim/src/import/decimal.rs", "let x: f64;\n"), []);
        assert_eq!(lines(purity, "crates/sim/src/import/csv.rs", "let x: f64;\n"), [1]);
    }

    #[test]
    fn nobody_below_the_binary_asks_for_the_mode() {
        assert_eq!(lines(mode_switches, "crates/service/src/host.rs", "a();\nif self.live { b() }\n"), [2]);
        assert_eq!(lines(mode_switches, CORE, "    } else if mode == Mode::Live {\n"), [1]);
        assert_eq!(lines(mode_switches, "crates/cli/src/serve.rs", "if live { a() }\n"), []);
        assert_eq!(lines(mode_switches, CORE, "if order.lives { a() } // live\nlet live = 1;\n"), []);
        assert_eq!(
            lines(mode_switches, CORE, "if entries > 2 * live {\nif live > 3 {\nif a.live() < 4 {\n"),
            []
        );
        assert_eq!(
            lines(mode_switches, CORE, "if *live && x {\nif a && !b.live {\nif live() {\n"),
            [1, 2, 3]
        );
    }

    #[test]
    fn nothing_is_left_for_later() {
        assert_eq!(lines(leftovers, CORE, "fn a() { todo!() }\nfn b() { unimplemented!(\"x\") }\n"), [1, 2]);
        let note = concat!("# Title\n\nFIX", "ME: write this\n");
        assert_eq!(lines(leftovers, "docs/a.md", note), [3]);
        assert_eq!(lines(leftovers, CORE, "let s = \"todo!\"; // what the macro todo! does\n"), []);
        assert_eq!(lines(leftovers, "crates/sim/tests/data/a.csv", note), []);
    }
}
