//! Positions files: what is taken is sound, and each row has a plan.

use std::path::Path;

use ripcord_core::num::Decimal;
use ripcord_core::plan::PlanSpec;
use ripcord_sim::positions::{self, Options, ROWS_TOLD_MAX};

pub(crate) fn run(data: &[u8]) {
    let Some((&how, data)) = data.split_first() else { return };
    let options = Options {
        default_symbol: (how & 1 == 1).then(|| "BTCUSDT".to_owned()),
        rows: (how & 2 == 2).then_some(1_000),
    };
    let Ok(read) = positions::parse(data, Path::new("positions.csv"), &options) else { return };
    assert!(read.warnings.len() <= ROWS_TOLD_MAX);
    let base = PlanSpec::empty("base");
    let plans = positions::intern(&read.rows, |row| row.plan.is_some().then_some(&base), None);
    assert_eq!(plans.of_row.len(), read.rows.len());
    for (row, &place) in read.rows.iter().zip(&plans.of_row) {
        assert!(row.entry_price > Decimal::ZERO && row.qty > Decimal::ZERO, "{row:?}");
        assert!(row.entry_fees.is_none_or(|fees| fees >= Decimal::ZERO), "{row:?}");
        let own = positions::plan_for(row, row.plan.is_some().then_some(&base), None);
        assert_eq!(plans.plans[place], own, "{row:?}");
    }
}
