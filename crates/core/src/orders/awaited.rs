//! Orders that the venue has not answered yet, and until when it may take its time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::OrderId;
use crate::time::Timestamp;

/// Orders without an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<(OrderId, Timestamp)>", into = "Vec<(OrderId, Timestamp)>")]
pub(crate) struct Awaited(BTreeMap<OrderId, Timestamp>);

impl Awaited {
    /// An order was sent, and is answered until `due`.
    pub(crate) fn add(&mut self, order: OrderId, due: Timestamp) {
        self.0.insert(order, due);
    }

    /// An order was heard of.
    pub(crate) fn answered(&mut self, order: &OrderId) {
        self.0.remove(order);
    }

    /// The orders that were not answered in time, which are waited for no longer.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Vec<OrderId> {
        self.0.extract_if(.., |_, due| *due <= now).map(|(order, _)| order).collect()
    }
}

impl From<Vec<(OrderId, Timestamp)>> for Awaited {
    fn from(list: Vec<(OrderId, Timestamp)>) -> Self {
        Self(list.into_iter().collect())
    }
}

impl From<Awaited> for Vec<(OrderId, Timestamp)> {
    fn from(awaited: Awaited) -> Self {
        awaited.0.into_iter().collect()
    }
}
