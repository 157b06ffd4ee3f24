//! Plan files: read, resolved against an instrument, shown as levels, and written again as the same plan.

use std::path::Path;

use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::Price;
use ripcord_sim::plan_file::checked::{check_plan, check_written, listed, sample_entry, sample_instrument};
use ripcord_sim::plan_file::{parse_written_plan, plan_toml};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let written = match parse_written_plan(text, "plan.toml") {
        Ok(written) => written,
        Err(error) => {
            let lines = 1..=text.lines().count() + 1;
            assert!(!error.0.is_empty() && error.0.iter().all(|fault| lines.contains(&fault.line)), "{error}");
            return;
        }
    };
    let plan = &written.plan;
    let again = plan_toml(plan);
    let read = parse_written_plan(&again, "again.toml").unwrap_or_else(|fault| panic!("{fault}\n{again}"));
    assert_eq!(read.plan, *plan, "what was written is another plan:\n{again}");
    for (instrument, entry) in [
        (sample_instrument(), sample_entry()),
        (Instrument::from_decimals("DEAR", 1, 5), Price(1_000_000)),
        (Instrument::from_decimals("CHEAP", 8, 0), Price(1)),
    ] {
        let checked = check_plan(plan, &instrument, entry);
        for side in [Side::Long, Side::Short] {
            assert!(checked.levels(side).iter().all(|row| row.price.0 > 0));
        }
    }
    assert!(
        Path::new("plan.toml").is_relative()
            && listed(&check_written(plan, &written.places, "p")).len() < 1 << 20
    );
}
