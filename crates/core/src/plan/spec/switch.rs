//! Whether a rule is on.

use serde::{Deserialize, Serialize};

/// Whether a rule acts. A rule that is off is as if it were absent, but still has to be sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Enabled(pub bool);

impl Default for Enabled {
    fn default() -> Self {
        Self(true)
    }
}
