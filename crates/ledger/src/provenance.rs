//! Where a field came from decides who may write it: late data never overwrites a good field.

/// The better of a known source and one that comes later. A source that says something is
/// immutable; `unknown`, `reconciled` and nothing may be upgraded to one that does.
#[must_use]
pub fn source<'a>(known: &'a str, late: &'a str) -> &'a str {
    if is_vague(known) && !is_vague(late) { late } else { known }
}

/// Whether a source says nothing about who traded.
#[must_use]
pub fn is_vague(source: &str) -> bool {
    let word = source.trim();
    word.is_empty() || word.eq_ignore_ascii_case("unknown") || word.eq_ignore_ascii_case("reconciled")
}

/// The known text if there is one, else the later one.
#[must_use]
pub fn first<'a>(known: &'a str, late: &'a str) -> &'a str {
    if known.trim().is_empty() { late } else { known }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_says_something_never_changes() {
        for (known, late, wanted) in [
            ("webhook", "reconciled", "webhook"),
            ("webhook", "websocket", "webhook"),
            ("reconciled", "webhook", "webhook"),
            ("Unknown", "sighook", "sighook"),
            ("", "manual", "manual"),
            ("reconciled", "unknown", "reconciled"),
            ("", "", ""),
        ] {
            assert_eq!(source(known, late), wanted, "{known} then {late}");
        }
    }
}
