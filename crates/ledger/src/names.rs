//! What names things: instruments with their scales, and what owners call their positions.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripcord_core::id::{InstrumentId, PositionKey};

use crate::fact::PositionName;
use crate::rows::Market;

/// What is registered and not yet used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    markets: BTreeMap<InstrumentId, Arc<Market>>,
    positions: BTreeMap<PositionKey, Arc<PositionName>>,
}

impl Names {
    pub(crate) const fn new() -> Self {
        Self { markets: BTreeMap::new(), positions: BTreeMap::new() }
    }

    /// Registers a market; positions that are open keep the one they were opened with.
    pub(crate) fn register(&mut self, id: InstrumentId, market: Market) -> Arc<Market> {
        let market = Arc::new(market);
        self.markets.insert(id, market.clone());
        market
    }

    pub(crate) fn market(&self, id: InstrumentId) -> Option<&Arc<Market>> {
        self.markets.get(&id)
    }

    /// Names the position that is opened next in a bucket.
    pub(crate) fn expect(&mut self, key: PositionKey, name: PositionName) {
        self.positions.insert(key, Arc::new(name));
    }

    /// The name of the position that is opened now.
    pub(crate) fn take(&mut self, key: PositionKey) -> Arc<PositionName> {
        self.positions.remove(&key).unwrap_or_default()
    }
}
