//! What a session is made of: accounts, instruments and plans, known to both sides of the trade.

use ripcord_core::account::{AccountMode, Managed, Management};
use ripcord_core::bars::BarOrigin;
use ripcord_core::cell::CellId;
use ripcord_core::coordinator::Coordinator;
use ripcord_core::id::{AccountId, InstrumentId, PlanId};
use ripcord_core::instrument::Instrument;
use ripcord_core::market::PriceSource;
use ripcord_journal::entry::{InstrumentEntry, PlanEntry};
use ripcord_sim::desk::Venue;

use super::{Reads, SessionError};
use crate::names::Names;
use crate::plans::{RunPlan, RunPlans};
use crate::source::instrument_id;

/// Each slot of the demo is an account. What is found there is taken over under its instrument's first plan.
pub(super) fn managed_accounts(plans: &[Vec<PlanId>], positions_max: u32, reads: Reads) -> Vec<Management> {
    let of_instrument = |(index, plans): (usize, &Vec<PlanId>)| {
        let plan = *plans.first()?;
        Some(Managed { instrument: instrument_id(index), plan, grant: None })
    };
    let instruments: Vec<Managed> = plans.iter().enumerate().filter_map(of_instrument).collect();
    let given = |account| Management {
        account: AccountId(account),
        mode: AccountMode::Hedge,
        instruments: instruments.clone(),
        read_every: Some(reads.every),
        confirm_after: reads.confirm_after,
    };
    (0..positions_max).map(given).collect()
}

/// The accounts that the demo leaves alone: they hold something, or something of theirs was let go.
pub(super) fn accounts_taken(coordinator: &Coordinator) -> Vec<AccountId> {
    let view = coordinator.view();
    let holding = view.positions().map(|position| position.episode.key);
    let let_go = view.accounts().flat_map(|account| account.released);
    holding.chain(let_go).map(|key| key.account).collect()
}

/// Has both sides know the instruments; their cells, one for each source.
pub(super) fn add_instruments(
    coordinator: &mut Coordinator,
    venue: &mut impl Venue,
    instruments: &[Instrument],
    sources: &[PriceSource],
) -> Result<Vec<[CellId; 5]>, SessionError> {
    let mut cells = Vec::with_capacity(instruments.len());
    for instrument in instruments {
        let id = coordinator.add_instrument(instrument.clone(), sources, BarOrigin::Ticks)?;
        let fed: Vec<(PriceSource, CellId)> =
            sources.iter().map(|&source| (source, coordinator.cell(id, source))).collect();
        venue.add_instrument(id, instrument.clone(), &fed);
        cells.push(PriceSource::ALL.map(|source| coordinator.cell(id, source)));
    }
    Ok(cells)
}

/// Instruments as a journal lists them.
pub(super) fn listed(instruments: &[Instrument], sources: &[PriceSource]) -> Vec<InstrumentEntry> {
    let entry = |rules: &Instrument| InstrumentEntry {
        rules: rules.clone(),
        sources: sources.to_vec(),
        bars: BarOrigin::Ticks,
    };
    instruments.iter().map(entry).collect()
}

/// Registers the plans of each instrument. What does not fit is told of all plans at once.
pub(super) fn add_plans(
    coordinator: &mut Coordinator,
    plans: &RunPlans,
    names: &mut Names,
) -> Result<(Vec<Vec<PlanId>>, Vec<PlanEntry>), SessionError> {
    let mut written = Vec::new();
    let mut ids = Vec::with_capacity(names.instruments.len());
    let mut refused = Vec::new();
    for (index, instrument) in names.instruments.iter().enumerate() {
        let id: InstrumentId = instrument_id(index);
        let symbol = &instrument.symbol;
        let mut of_instrument = Vec::new();
        for place in plans.of_symbol(symbol) {
            let RunPlan { spec, places } = &plans.plans[place];
            // Prices that come live may be alone, late or missing.
            let spec = spec.for_live();
            match spec.resolve(id, instrument) {
                Ok(resolved) => {
                    of_instrument.push(coordinator.add_plan(resolved)?);
                    names.plans.push(spec.name.clone());
                    written.push(PlanEntry { instrument: id, spec });
                }
                Err(faults) => refused.extend(faults.iter().map(|fault| {
                    format!("{}: plan {} does not fit {symbol}: {fault}", places.of(&fault.field), spec.name)
                })),
            }
        }
        ids.push(of_instrument);
    }
    if !refused.is_empty() {
        return Err(SessionError::Plans(refused));
    }
    if ids.iter().all(Vec::is_empty) {
        let symbols: Vec<&str> = names.instruments.iter().map(|known| known.symbol.as_str()).collect();
        return Err(SessionError::NoPlan { symbols: symbols.join(", ") });
    }
    Ok((ids, written))
}
