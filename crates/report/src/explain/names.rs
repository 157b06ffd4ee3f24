//! Names that somebody may have meant.

/// Most names that are suggested.
const SUGGESTED_MAX: usize = 5;

/// The known names closest to `wanted`, best first; only those that a slip could have made of it.
#[must_use]
pub fn close_names<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let wanted: Vec<char> = wanted.to_lowercase().chars().collect();
    let slips_max = (wanted.len() / 3).max(1);
    let mut close: Vec<(usize, &str)> = known
        .filter_map(|name| {
            let lower: Vec<char> = name.to_lowercase().chars().collect();
            let begins = !wanted.is_empty() && (lower.starts_with(&wanted) || wanted.starts_with(&lower));
            // Letters beyond the bound cannot be made up for: most names need no table.
            let slips = if lower.len().abs_diff(wanted.len()) > slips_max {
                usize::MAX
            } else {
                slips(&wanted, &lower)
            };
            (begins || slips <= slips_max).then_some((slips, name))
        })
        .collect();
    close.sort_unstable();
    close.into_iter().take(SUGGESTED_MAX).map(|(_, name)| name.to_owned()).collect()
}

/// Letters to change, add or leave out to make `b` of `a`.
fn slips(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, letter) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_forgiven_and_a_stranger_is_not() {
        let known = ["trend", "trend-2", "fade", "late", "Crash"];
        for (wanted, close) in [
            ("tredn", vec![]),
            ("trent", vec!["trend"]),
            ("tren", vec!["trend", "trend-2"]),
            ("crash", vec!["Crash"]),
            ("fad", vec!["fade"]),
            ("zzz", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(close_names(wanted, known.into_iter()), close, "{wanted}");
        }
        assert_eq!(slips(&['a', 'b'], &['b', 'a']), 2);
    }
}
