//! Whose price triggers a stop at the simulated venue, and at which it is filled.

use ripcord_core::Coordinator;
use ripcord_core::bars::BarOrigin;
use ripcord_core::cell::CellId;
use ripcord_core::event::{Entry, Opening, Probe, Record, Tick};
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::reason::Source;
use ripcord_core::time::{Span, Timestamp};
use ripcord_sim::desk::Desk;
use ripcord_sim::plan_file::parse_plan;
use ripcord_sim::venue::{FillModel, SimVenue};

const START: Timestamp = Timestamp(1_760_000_000_000_000_000);

/// A desk with a long, or short, of 2.00 at 100.00 under a stop at 2 % on the mark; and the fills as
/// (row, price) of what `rows` brings.
fn fills(side: Side, sources: &[PriceSource], rows: &[(PriceSource, i64)]) -> Vec<(usize, i64)> {
    let (mut coordinator, mut venue) = (Coordinator::new(), SimVenue::new(FillModel::TAPE));
    let rules = Instrument::from_decimals("BTC", 2, 2);
    let id = coordinator.add_instrument(rules.clone(), sources, BarOrigin::Ticks).expect("sound");
    let fed: Vec<(PriceSource, CellId)> =
        sources.iter().map(|&source| (source, coordinator.cell(id, source))).collect();
    venue.add_instrument(id, rules.clone(), &fed);
    let text =
        "version = 1\nstop_loss = { distance = { fraction = 0.02 } }\nbracket = { trigger = \"mark\" }\n";
    let plan = parse_plan(text, "plan").expect("sound").resolve(id, &rules).expect("it fits");
    coordinator.add_plan(plan).expect("its instrument is there");
    let mut desk = Desk::new(coordinator, venue);
    let mut entries: Vec<Entry> = Vec::new();
    let key = PositionKey { account: AccountId(1), instrument: InstrumentId(0), side };
    let opening =
        Opening { key, plan: PlanId(0), qty: Qty(200), entry: Price(10_000), entry_fees: Money::ZERO };
    let mut told = Vec::new();
    for (row, &(source, price)) in rows.iter().enumerate() {
        let at = START.after(Span::from_secs(row as i64));
        let cell = desk.coordinator.cell(id, source);
        let mut reader = |entry: &Entry| entries.push(entry.clone());
        desk.tick(&Tick { at, price: Price(price), qty: Qty(0), cell, probe: Probe::TICK }, &mut reader);
        if row == 0 {
            desk.open(at, opening, &mut reader);
        }
        for entry in entries.drain(..) {
            if let Record::Filled(filled) = entry.record {
                assert_eq!(filled.source, Source::ExchangeBracket);
                told.push((row, filled.price.0));
            }
        }
    }
    told
}

#[test]
fn the_mark_triggers_it_and_the_market_fills_it() {
    use PriceSource::{Bid, Last, Mark};
    let rows = [(Last, 10_000), (Mark, 10_000), (Last, 9_700), (Mark, 9_801), (Mark, 9_800)];
    assert_eq!(fills(Side::Long, &[Last, Mark], &rows), [(4, 9_700)]);
    // Where quotes are known, at the side that it trades against.
    let rows = [(Last, 10_000), (Bid, 9_650), (Mark, 10_000), (Last, 9_700), (Mark, 9_790)];
    assert_eq!(fills(Side::Long, &[Last, Bid, Mark], &rows), [(4, 9_650)]);
    let rows = [(Last, 10_000), (Mark, 10_000), (Last, 10_300), (Mark, 10_199), (Mark, 10_200)];
    assert_eq!(fills(Side::Short, &[Last, Mark], &rows), [(4, 10_300)]);
}

#[test]
fn without_a_mark_the_last_price_stands_in() {
    use PriceSource::Last;
    let rows = [(Last, 10_000), (Last, 9_801), (Last, 9_790)];
    assert_eq!(fills(Side::Long, &[Last], &rows), [(2, 9_790)]);
}
