//! How long positions were without a stop, as the ledger has it.

use ripcord_core::coverage::Uncovered;
use ripcord_core::time::Span;
use ripcord_journal::Kind;
use rusqlite::{Connection, OptionalExtension, Row};

/// What an episode is called, and how long it was without a stop; `None` while it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpisodeUncovered {
    /// The episode, as the ledger writes it.
    pub episode: String,
    /// What the owner calls the position.
    pub position_id: Option<String>,
    /// How long, in all.
    pub uncovered: Option<Uncovered>,
}

/// Hands out every episode, those that ended in the order of their ends, then those that are held.
///
/// # Errors
/// When they cannot be read.
pub fn uncovered(connection: &Connection) -> rusqlite::Result<Vec<EpisodeUncovered>> {
    let mut statement = connection.prepare(
        "SELECT episode, position_id, unprotected_ns, unprotected_longest_ns, naked_ns, naked_longest_ns \
         FROM episodes ORDER BY closed_ns IS NULL, closed_ns, episode",
    )?;
    let rows = statement.query_map([], episode)?;
    rows.collect()
}

fn episode(row: &Row<'_>) -> rusqlite::Result<EpisodeUncovered> {
    let span = |column: usize| row.get::<_, Option<i64>>(column).map(|ns| ns.map(Span));
    let uncovered = match (span(2)?, span(3)?, span(4)?, span(5)?) {
        (Some(unprotected), Some(unprotected_longest), Some(naked), Some(naked_longest)) => {
            Some(Uncovered { naked, naked_longest, unprotected, unprotected_longest })
        }
        _ => None,
    };
    Ok(EpisodeUncovered { episode: row.get(0)?, position_id: row.get(1)?, uncovered })
}

/// The record from which on every position is told of that is held; none when none is.
///
/// # Errors
/// When it cannot be read.
pub fn first_held(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let sql = "SELECT min(seq) FROM journal WHERE kind = ?1 AND at_ns >= \
               (SELECT min(opened_ns) FROM episodes WHERE closed_ns IS NULL)";
    let found = connection.query_row(sql, [Kind::Opened.number()], |row| row.get(0)).optional();
    found.map(Option::flatten)
}
