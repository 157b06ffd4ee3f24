//! Where the values of a plan are written, so that what is wrong with them can be told at its place.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as the caller named it.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Place {
    /// The place of a byte of a text.
    #[must_use]
    pub(super) fn of(file: &Arc<str>, text: &str, offset: usize) -> Self {
        let (line, column) = super::line_column(text, offset);
        Self { file: Arc::clone(file), line, column }
    }

    /// The beginning of a file.
    #[must_use]
    pub fn start(file: &Path) -> Self {
        Self { file: file.display().to_string().into(), line: 1, column: 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The places of a plan's values, by the path of their field, such as `ladder.legs[1].at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    fields: BTreeMap<String, Place>,
    /// Where the plan begins.
    whole: Place,
}

impl Places {
    pub(super) fn new(fields: BTreeMap<String, Place>, whole: Place) -> Self {
        Self { fields, whole }
    }

    /// The place of a field; of one that is not written, that of what it would stand in.
    #[must_use]
    pub fn of(&self, field: &str) -> &Place {
        let mut path = field;
        loop {
            if let Some(place) = self.fields.get(path) {
                return place;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return &self.whole,
            }
        }
    }
}
