//! What a file is, by its content: names may say anything.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// A SQLite database: a store, or another program's.
    Sqlite,
    /// JSON: the records of a run.
    Records,
    /// Any other text: a CSV file.
    Text,
}

/// Looks at the first bytes of a file.
///
/// # Errors
/// It cannot be read.
pub(crate) fn content(path: &Path) -> Result<Content, String> {
    let mut head = Vec::with_capacity(16);
    let read = File::open(path).and_then(|file| file.take(16).read_to_end(&mut head));
    read.map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!("{}: there is no such file", path.display()),
        ErrorKind::IsADirectory => format!("{}: this is a folder; name a file", path.display()),
        _ => format!("{}: {error}", path.display()),
    })?;
    Ok(match head.first() {
        _ if head == b"SQLite format 3\0" => Content::Sqlite,
        Some(b'{') => Content::Records,
        _ => Content::Text,
    })
}
