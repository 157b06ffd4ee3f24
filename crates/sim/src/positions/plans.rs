//! The plan of each position: its base plan, overridden by the cells of its row.

use std::collections::BTreeMap;
use std::fmt::Write;

use ripcord_core::num::{Decimal, Ratio};
use ripcord_core::plan::Rounding;
use ripcord_core::plan::spec::{DistanceSpec, LadderSpec, LegSpec, PlanSpec, StopLossSpec, TrailingSpec};

use super::{Cells, PositionRow};

/// The plan of one position: cells override the base plan rule by rule, and the row's leverage
/// overrides the plan's. `rounding` overrides the base plan's, `None` keeps it.
#[must_use]
pub fn plan_for(row: &PositionRow, base: Option<&PlanSpec>, rounding: Option<Rounding>) -> PlanSpec {
    let Cells { stop, target, trail_arm, trail } = row.cells;
    let mut plan = base.cloned().unwrap_or_else(|| PlanSpec::empty(""));
    plan.name = name(row, base);
    plan.rounding = rounding.unwrap_or(plan.rounding);
    plan.leverage = row.leverage.or(plan.leverage);
    if let Some(stop) = stop {
        plan.stop_loss = Some(StopLossSpec { distance: distance(stop), ..StopLossSpec::default() });
    }
    if let Some(target) = target {
        let at = Some(decimal(target));
        let leg = LegSpec { close: decimal(Ratio::ONE), at, at_r: None, at_price: None, soft: true };
        plan.ladder = Some(LadderSpec { legs: vec![leg], ..LadderSpec::default() });
    }
    if let Some(trail) = trail {
        plan.trailing = Some(TrailingSpec {
            activation: trail_arm.map(decimal),
            distance: distance(trail),
            ..TrailingSpec::default()
        });
    }
    plan
}

/// The distinct plans of many rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlansOfRows {
    /// Each plan once, in the order of its first row.
    pub plans: Vec<PlanSpec>,
    /// For each row, the place of its plan in `plans`.
    pub of_row: Vec<usize>,
}

/// The plans of all rows; rows that share base plan, cells and leverage share the plan.
pub fn intern<'a>(
    rows: &[PositionRow],
    mut base_of: impl FnMut(&PositionRow) -> Option<&'a PlanSpec>,
    rounding: Option<Rounding>,
) -> PlansOfRows {
    let mut bases: Vec<&PlanSpec> = Vec::new();
    let mut places: BTreeMap<(Option<usize>, Cells, Option<Decimal>), usize> = BTreeMap::new();
    let mut found = PlansOfRows { plans: Vec::new(), of_row: Vec::with_capacity(rows.len()) };
    for row in rows {
        let base = base_of(row);
        let base_place = base.map(|base| place_of(base, &mut bases));
        let place = *places.entry((base_place, row.cells, row.leverage)).or_insert_with(|| {
            found.plans.push(plan_for(row, base, rounding));
            found.plans.len() - 1
        });
        found.of_row.push(place);
    }
    found
}

/// A file uses a handful of plans, so a search from the first is quick.
fn place_of<'a>(base: &'a PlanSpec, bases: &mut Vec<&'a PlanSpec>) -> usize {
    let same = |known: &&PlanSpec| std::ptr::eq(*known, base) || **known == *base;
    bases.iter().position(same).unwrap_or_else(|| {
        bases.push(base);
        bases.len() - 1
    })
}

fn distance(share: Ratio) -> DistanceSpec {
    DistanceSpec { fraction: Some(decimal(share)), price: None, atr: None }
}

fn decimal(ratio: Ratio) -> Decimal {
    scaled(ratio, Ratio::DECIMALS)
}

fn scaled(ratio: Ratio, decimals: u8) -> Decimal {
    Decimal::new(ratio.0, decimals)
        .unwrap_or_else(|error| unreachable!("cells hold at most 18 digits: {error}"))
}

/// `swing: stop 2.5%, target 3.5%, trail 1% after 1%, 5x`: what the plan is, told by its values.
fn name(row: &PositionRow, base: Option<&PlanSpec>) -> String {
    let Cells { stop, target, trail_arm, trail } = row.cells;
    let mut words = String::new();
    let mut word = |text: &str, value: &dyn std::fmt::Display, unit: &str| {
        let comma = if words.is_empty() || text == " after " { "" } else { ", " };
        write!(words, "{comma}{text}{value}{unit}").expect("text takes every word");
    };
    let percent = |ratio: Ratio| scaled(ratio, Ratio::DECIMALS - 2);
    if let Some(stop) = stop {
        word("stop ", &percent(stop), "%");
    }
    if let Some(target) = target {
        word("target ", &percent(target), "%");
    }
    if let Some(trail) = trail {
        word("trail ", &percent(trail), "%");
    }
    if let Some(arm) = trail_arm {
        word(" after ", &percent(arm), "%");
    }
    if let Some(leverage) = row.leverage {
        word("", &leverage, "x");
    }
    match base.map(|base| base.name.as_str()).filter(|name| !name.is_empty()) {
        None if words.is_empty() => "no exits".to_owned(),
        None => words,
        Some(base) if words.is_empty() => base.to_owned(),
        Some(base) => format!("{base}: {words}"),
    }
}
