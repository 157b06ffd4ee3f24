//! Rules for prices at every pace: jumps, confirmation, silence and divergence leap as they walk.

use ripcord_core::event::Record;
use ripcord_core::market::PriceSource;
use ripcord_core::num::Decimal;
use ripcord_core::plan::spec::PricesSpec;

use crate::audit;
use crate::cases::Records;
use crate::random::Random;
use crate::world::Case;

const CASES: u64 = 800;

#[test]
fn every_pace_tells_the_same_story_with_rules_for_prices() {
    let (mut jumps, mut waits, mut silences, mut divergences) = (0, 0, 0, 0);
    for seed in 0..CASES {
        let random = &mut Random::new(seed);
        let mut case = Case::random(random, Records::TicksAndCandles);
        for (_, plan) in &mut case.plans {
            let share = |random: &mut Random| Decimal::new(random.within(2, 100), 4).ok();
            plan.prices = Some(PricesSpec {
                spike: share(random).filter(|_| random.one_in(2)),
                divergence: share(random).filter(|_| random.one_in(3)),
                silence_secs: random.one_in(2).then(|| u32::try_from(random.within(10, 60)).expect("few")),
                confirm_ms: random.one_in(2).then_some(300),
                ..PricesSpec::default()
            });
            for limit in [&mut plan.hard_stop, &mut plan.loss_guard].into_iter().flatten() {
                limit.source = random.pick(&[None, Some(PriceSource::Last), Some(PriceSource::Bid)]);
            }
        }
        let ran = case.run_all(&format!("seed {seed}"));
        audit::holdings(&case, &ran, &format!("seed {seed}"));
        for record in ran.records() {
            match record {
                Record::Jump(_) => jumps += 1,
                Record::Suspected { .. } | Record::Confirmed { .. } => waits += 1,
                Record::PricesStale { .. } | Record::PricesBack { .. } => silences += 1,
                Record::Diverged { .. } | Record::Converged { .. } => divergences += 1,
                _ => {}
            }
        }
    }
    assert!(
        jumps > 1_000 && waits > 50 && silences > 100 && divergences > 50,
        "too quiet: {jumps} jumps, {waits} waits, {silences} silences, {divergences} divergences"
    );
}
