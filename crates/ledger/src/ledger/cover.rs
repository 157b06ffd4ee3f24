//! How long positions are without a stop: the core's own fold, beside that of the money.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripcord_core::coverage::{Known, Uncovered, Wants};
use ripcord_core::event::Record;
use ripcord_core::id::{InstrumentId, PlanId};
use ripcord_core::num::Qty;
use ripcord_core::time::Timestamp;

use super::Ledger;
use crate::rows::Market;

/// What the fold of coverage asks for.
struct Registered<'a> {
    markets: &'a BTreeMap<InstrumentId, Arc<Market>>,
    wants: &'a BTreeMap<PlanId, Wants>,
}

impl Known for Registered<'_> {
    fn closable(&self, instrument: InstrumentId, qty: Qty) -> Qty {
        self.markets.get(&instrument).map_or(qty, |market| market.rules.closable(qty))
    }

    fn wants(&self, plan: PlanId) -> Wants {
        self.wants.get(&plan).copied().unwrap_or_default()
    }
}

impl Ledger {
    /// Follows how positions are covered; of one that ended, how long it was not.
    pub(super) fn cover(&mut self, at: Timestamp, record: &Record) -> Option<Uncovered> {
        if let Record::Opened(opened) = record
            && (self.lives.contains_key(&opened.episode)
                || !self.markets.contains_key(&opened.episode.key.instrument))
        {
            // It is refused as a fault; what is held stays covered as it was.
            return None;
        }
        let known = Registered { markets: &self.markets, wants: &self.wants };
        let (_, covered) = self.coverage.record(at, record, &known)?;
        Some(covered.uncovered(at))
    }
}
