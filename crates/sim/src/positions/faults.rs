//! What is wrong with a positions file, where, and what to do.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a positions file is refused.
#[derive(Debug, thiserror::Error)]
pub enum PositionsError {
    /// The operating system refused.
    #[error("{}: cannot read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is nothing in it.
    #[error("{}: empty; it needs a header such as id,side,entry_index,entry_price,qty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A byte that UTF-8 does not have there.
    #[error("{}:{line}: cell {cell} is not UTF-8; save the file as UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Cell of the line, from 1.
        cell: u64,
    },
    /// The bytes are no CSV.
    #[error("{}: not CSV: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the reader met.
        what: String,
    },
    /// Columns that are missing, unknown or there twice.
    #[error("{}", listed(path, faults, 0))]
    Header {
        /// The file.
        path: PathBuf,
        /// Each of them.
        faults: Vec<RowFault>,
    },
    /// Rows that cannot be.
    #[error("{}", listed(path, faults, *rows_more))]
    Rows {
        /// The file.
        path: PathBuf,
        /// Faults of the first [`super::ROWS_TOLD_MAX`] faulty rows.
        faults: Vec<RowFault>,
        /// Faulty rows beyond those.
        rows_more: u64,
    },
}

/// One fault, or one warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// Line, from 1.
    pub line: u64,
    /// The column.
    pub column: String,
    /// The value as it stands there, cut when long; empty when there is none.
    pub value: String,
    /// What it must be, or what to do.
    pub must: String,
}

impl RowFault {
    /// A fault at a value, which is cut when long.
    pub(super) fn new(line: u64, column: &str, value: &str, must: String) -> Self {
        const CHARS_MAX: usize = 48;
        let mut shown: String = value.chars().take(CHARS_MAX).collect();
        if shown.len() < value.len() {
            shown.push_str("...");
        }
        Self { line, column: column.to_owned(), value: shown.escape_debug().to_string(), must }
    }
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, value, must } = self;
        match (column.is_empty(), value.is_empty()) {
            (true, _) => write!(f, "{line}: {must}"),
            (false, true) => write!(f, "{line}: {column}: {must}"),
            (false, false) => write!(f, "{line}: {column} is {value}: {must}"),
        }
    }
}

fn listed(path: &Path, faults: &[RowFault], rows_more: u64) -> String {
    let mut lines: Vec<String> = faults.iter().map(|fault| format!("{}:{fault}", path.display())).collect();
    if rows_more > 0 {
        let rows = if rows_more == 1 { "row is" } else { "rows are" };
        lines.push(format!("{}: {rows_more} more {rows} faulty", path.display()));
    }
    lines.join("\n")
}

pub(super) fn check_utf8(bytes: &[u8], path: &Path) -> Result<(), PositionsError> {
    let Err(error) = std::str::from_utf8(bytes) else { return Ok(()) };
    let before = &bytes[..error.valid_up_to()];
    let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let count = |bytes: &[u8], wanted: u8| bytes.iter().filter(|&&byte| byte == wanted).count() as u64 + 1;
    let (line, cell) = (count(before, b'\n'), count(&before[line_start..], b','));
    Err(PositionsError::NotUtf8 { path: path.to_owned(), line, cell })
}
