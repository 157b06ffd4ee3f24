//! A file as the checks see it: whole, without comments and strings, without tests.
//!
//! Not a parser. What is hidden becomes spaces, so that lines and columns stay where they are.

use std::ops::Range;

/// One text file of the tree.
#[derive(Debug)]
pub(super) struct Source {
    /// Path from the root, with forward slashes.
    pub(super) path: String,
    /// As it is on disk.
    pub(super) text: String,
    /// Rust only: comments, strings and characters blanked.
    pub(super) code: String,
    /// Rust only: `code` without `#[cfg(test)]` items; empty of code in test files.
    pub(super) product: String,
    /// The byte ranges of `#[cfg(test)]` items.
    test_items: Vec<Range<usize>>,
}

impl Source {
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let mut source =
            Self { path, text, code: String::new(), product: String::new(), test_items: Vec::new() };
        if source.is_rust() {
            source.code = without_comments_and_strings(&source.text);
            source.test_items = test_items(&source.code);
            if source.is_test_file() {
                source.test_items = std::iter::once(0..source.code.len()).collect();
            }
            source.product = blank(&source.code, &source.test_items);
        }
        source
    }

    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub(super) fn is_markdown(&self) -> bool {
        self.path.ends_with(".md")
    }

    /// Whether all of it is there for tests or benches: code, or the data they read.
    pub(super) fn is_test_file(&self) -> bool {
        let mut folders = self.path.split('/');
        let name = folders.next_back().unwrap_or_default();
        let by_name = name == "tests.rs" || name.ends_with("_tests.rs");
        by_name || folders.any(|folder| matches!(folder, "tests" | "benches" | "testdata" | "corpus"))
    }

    /// The text without tests, comments and strings kept.
    pub(super) fn text_without_tests(&self) -> String {
        blank(&self.text, &self.test_items)
    }

    /// Lines that belong to `#[cfg(test)]` items.
    pub(super) fn test_lines(&self) -> usize {
        self.test_items.iter().map(|item| self.text[item.clone()].lines().count()).sum()
    }
}

/// The number of the line that holds byte `at`, counted from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Where `needle` stands in `text` as a word of its own: next to an end of the needle that is a
/// letter, digit or `_` there is none of these.
pub(super) fn find_words(text: &str, needle: &str) -> Vec<usize> {
    let open_start = needle.starts_with(is_word);
    let open_end = needle.ends_with(is_word);
    text.match_indices(needle)
        .map(|(at, _)| at)
        .filter(|at| !open_start || !text[..*at].ends_with(is_word))
        .filter(|at| !open_end || !text[at + needle.len()..].starts_with(is_word))
        .collect()
}

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Spaces over the ranges; line ends stay.
fn blank(text: &str, ranges: &[Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for range in ranges {
        for byte in &mut bytes[range.clone()] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    // Ranges begin and end at ASCII characters, so what is left is whole characters.
    String::from_utf8_lossy(&bytes).into_owned()
}

fn without_comments_and_strings(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut hidden = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = hidden_length(&text[at..], text[..at].chars().next_back());
        if length > 0 {
            hidden.push(at..at + length);
            at += length;
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    blank(text, &hidden)
}

/// How many bytes of a comment, string or character start here; 0 if none does.
fn hidden_length(rest: &str, before: Option<char>) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment_length(rest);
    }
    if rest.starts_with('"') {
        return quoted_length(rest, '"');
    }
    if rest.starts_with('\'') {
        return character_length(rest);
    }
    // A prefix counts only at the start of a word: `r"..."`, `br#"..."#`, not `bar"`.
    let prefix = if before.is_some_and(is_word) { None } else { raw_prefix(rest) };
    prefix.map_or(0, |(prefix, hashes)| {
        let close = format!("\"{}", "#".repeat(hashes));
        rest[prefix..].find(&close).map_or(rest.len(), |end| prefix + end + close.len())
    })
}

/// The length of `r#"` (with `b` or `c` before it, any number of `#`), and how many `#` there are.
fn raw_prefix(rest: &str) -> Option<(usize, usize)> {
    let word =
        if rest.starts_with("br") || rest.starts_with("cr") { 2 } else { usize::from(rest.starts_with('r')) };
    let hashes = rest[word..].bytes().take_while(|byte| *byte == b'#').count();
    let quote = rest[word + hashes..].starts_with('"');
    (word > 0 && quote).then_some((word + hashes + 1, hashes))
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A character literal, or 0 for a lifetime: `'a'` and `'\n'` against `'a` and `'static`.
fn character_length(rest: &str) -> usize {
    let mut inside = rest.chars().skip(1);
    match (inside.next(), inside.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted_length(rest, '\''),
        _ => 0,
    }
}

/// Items under `#[cfg(test)]`, attribute included; the whole file under `#![cfg(test)]`.
fn test_items(code: &str) -> Vec<Range<usize>> {
    if code.contains("#![cfg(test)]") {
        return std::iter::once(0..code.len()).collect();
    }
    let mut items: Vec<Range<usize>> = Vec::new();
    for mark in ["#[cfg(test)]", "#[cfg(all(test,"] {
        for (start, _) in code.match_indices(mark) {
            items.push(start..item_end(code, start + mark.len()));
        }
    }
    items.sort_by_key(|item| item.start);
    items.dedup_by(|inner, outer| inner.end <= outer.end);
    items
}

/// The end of the item that follows: its closing brace, or the `;` or `,` that ends it without one.
fn item_end(code: &str, from: usize) -> usize {
    match first_outside_brackets(code, from, b"{;,") {
        Some(at) if code.as_bytes()[at] == b'{' => closing_brace(code, at),
        Some(at) => at + 1,
        None => code.len(),
    }
}

/// The first of `wanted` after `from` that stands in no round or square bracket.
pub(super) fn first_outside_brackets(code: &str, from: usize, wanted: &[u8]) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            _ if depth <= 0 && wanted.contains(&byte) => return Some(at),
            _ => {}
        }
    }
    None
}

/// Just behind the brace that closes the one at `open`.
pub(super) fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Source::new("crates/core/src/a.rs", text).code
    }

    #[test]
    fn comments_and_strings_are_blanked_in_place() {
        assert_eq!(code("a // f64\nb"), "a       \nb");
        assert_eq!(code("a /* x /* y */ z */ b"), "a                   b");
        assert_eq!(code(r#"f("f64 \" f64", 1)"#), format!("f({}, 1)", " ".repeat(12)));
        assert_eq!(code("r#\"a\"b\"# x"), "         x");
        assert_eq!(code("br\"\\\" x"), "      x");
        assert_eq!(code("\"é\" x"), "     x");
    }

    #[test]
    fn characters_are_strings_and_lifetimes_are_not() {
        assert_eq!(code("'\"' x '\\'' y"), "    x      y");
        assert_eq!(
            code("fn f<'a>(x: &'a str) -> &'static str {}"),
            "fn f<'a>(x: &'a str) -> &'static str {}"
        );
    }

    #[test]
    fn test_items_are_not_product() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { if x { y } }\n}\nfn c() {}\n";
        let source = Source::new("crates/core/src/a.rs", text);
        assert!(source.product.contains("fn a") && source.product.contains("fn c"));
        assert!(!source.product.contains("fn b"));
        assert!(source.code.contains("fn b"));
        assert_eq!(source.test_lines(), 4);
        assert_eq!(source.product.lines().count(), text.lines().count());
    }

    #[test]
    fn a_test_module_in_a_file_of_its_own_ends_at_its_semicolon() {
        let source =
            Source::new("crates/core/src/a.rs", "#[cfg(test)]\n#[path = \"x.rs\"]\nmod tests;\nfn c() {}\n");
        assert!(source.product.contains("fn c") && !source.product.contains("mod"));
        let negated = Source::new("crates/core/src/a.rs", "#[cfg(not(test))]\nfn c() {}\n");
        assert!(negated.product.contains("fn c"));
    }

    #[test]
    fn test_files_are_known_by_folder_and_name() {
        let is_test = |path: &str| Source::new(path, "").is_test_file();
        assert!(is_test("crates/core/tests/core/main.rs"));
        assert!(is_test("crates/sim/benches/j1.rs"));
        assert!(is_test("crates/core/src/engine/tests.rs"));
        assert!(!is_test("crates/core/src/engine.rs"));
        assert!(!is_test("crates/core/src/latests.rs"));
    }

    #[test]
    fn words_have_ends() {
        assert_eq!(find_words("f64 xf64 f64x (f64)", "f64"), [0, 15]);
        assert_eq!(find_words("a.unwrap() b.unwrap_or()", ".unwrap()"), [1]);
        assert_eq!(find_words("brand::x rand::y", "rand::"), [9]);
    }

    #[test]
    fn lines_count_from_one() {
        assert_eq!(line_of("a\nb\nc", 0), 1);
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }
}
