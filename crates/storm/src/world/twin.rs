//! A process that starts from a snapshot is the twin of the one that wrote it.

use ripcord_core::coordinator::Coordinator;
use ripcord_core::event::{Event, Outbox, Probe, Tick};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Price, Qty};
use ripcord_core::time::Timestamp;

use super::World;

/// Prices of so many thousandths of the last one are tried.
const SHARES: std::ops::RangeInclusive<i64> = 970..=1_030;

impl World<'_> {
    /// Both make the same of any price near the market. One of them may wake for nothing.
    pub(super) fn check_twin(&mut self, now: Timestamp) {
        let Some(core) = &self.host.core else { return };
        let Ok(mut twin) = Coordinator::restore(core.snapshot(), []) else {
            self.oracle.fail(self.now, None, "R8", "its snapshot is none");
            return;
        };
        let mut out = Outbox::default();
        twin.handle(now, Event::Timer, &mut out);
        if !out.is_empty() {
            // It does not know when late prices were heard, and takes their source to be silent.
            return;
        }
        for instrument in (0..self.config.markets.len()).map(super::ask::instrument) {
            let Some(near) = self.exchange.price(instrument) else { continue };
            for source in [PriceSource::Last, PriceSource::Mark] {
                let cell = core.cell(instrument, source);
                for share in SHARES.step_by(3) {
                    let price = Price(near * share / 1_000);
                    let tick = Tick { at: now, price, qty: Qty(1), cell, probe: Probe::TICK };
                    if core.is_quiet(now, &tick) == twin.is_quiet(now, &tick) || same(core, &twin, &tick) {
                        continue;
                    }
                    let what = format!("a start from its snapshot makes something else of {}", price.0);
                    self.oracle.fail(self.now, None, "R8", &what);
                    return;
                }
            }
        }
    }
}

/// Whether two cores say and do the same when a price comes.
fn same(one: &Coordinator, other: &Coordinator, tick: &Tick) -> bool {
    let told = [one, other].map(|core| {
        let (mut core, mut out) = (core.clone(), Outbox::default());
        core.handle(tick.at, Event::Tick(*tick), &mut out);
        (out.records, out.actions)
    });
    told[0] == told[1]
}
