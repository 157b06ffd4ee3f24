//! The checks of ladder and ratchet.

use super::Check;
use crate::num::{Decimal, Ratio, Round};
use crate::plan::dynamic::{Dynamic, Known};
use crate::plan::ladder::{LEGS_MAX, Ladder, Leg, LegKind, LegOf, LegTarget};
use crate::plan::ratchet::{Ratchet, RatchetOffset};
use crate::plan::spec::{DynamicSpec, LadderSpec, LegOfSpec, LegSpec, OffsetSpec, RatchetSpec};

impl Check {
    pub(in crate::plan::spec) fn ladder(
        &mut self,
        spec: &LadderSpec,
        has_stop: bool,
        leverage: Ratio,
    ) -> Ladder {
        let levels_max = self.levels_max(spec);
        if spec.legs.is_empty() || spec.legs.len() > levels_max {
            let must = format!("give one to {levels_max} legs");
            self.fault("ladder.legs", format!("{} legs", spec.legs.len()), &must);
        }
        let mut legs: Vec<Leg> =
            spec.legs.iter().enumerate().map(|(index, leg)| self.leg(index, leg, has_stop)).collect();
        legs.truncate(LEGS_MAX);
        self.ascending(spec);
        if let Some(fee) = spec.fee {
            let fee = self.fraction("ladder.fee", fee, true);
            legs.iter_mut().for_each(|leg| leg.target = with_fee(leg.target, fee));
        }
        self.told_if_far(&legs);
        let of = match spec.of {
            LegOfSpec::Remaining => LegOf::Remaining,
            LegOfSpec::Initial => LegOf::Initial,
        };
        self.not_more_than_all(of, &mut legs);
        let dynamic = spec.dynamic.as_ref().and_then(|rule| {
            let dynamic = self.dynamic(rule, &legs, leverage);
            dynamic.filter(|_| rule.enabled.0)
        });
        let ladder = Ladder {
            legs,
            of,
            gap_policy: spec.gap_policy,
            single_lot: spec.single_lot,
            sweep: spec.sweep,
            dynamic,
            worst: self.worst("ladder", spec.worst),
            expires_after: self.expiry("ladder", spec.expires_secs),
        };
        // What the plan knows by itself holds from the start.
        ladder.retargeted(Known::default())
    }

    fn levels_max(&mut self, spec: &LadderSpec) -> usize {
        match spec.levels_max {
            None => LEGS_MAX,
            Some(levels) if (1..=LEGS_MAX).contains(&usize::from(levels)) => usize::from(levels),
            Some(levels) => {
                self.fault("ladder.levels_max", levels, "must be 1 to 4");
                LEGS_MAX
            }
        }
    }

    /// Targets of the whole price and more: no short can gain that much.
    fn told_if_far(&mut self, legs: &[Leg]) {
        for (index, leg) in legs.iter().enumerate() {
            if let LegTarget::Share(share) = leg.target
                && share >= Ratio::ONE
            {
                let value = crate::num::shortest(i128::from(share.0), Ratio::DECIMALS).to_string();
                let what = "is as far as the entry price itself: a short never gets there; it is a fraction, 3.5 % is 0.035";
                self.warn(&format!("ladder.legs[{index}].at"), value, what);
            }
        }
    }

    /// Legs fire in order, so a nearer target behind a farther one would wait for it. A plan does
    /// not know its side: targets in price may rise (long) or fall (short), but not turn.
    fn ascending(&mut self, spec: &LadderSpec) {
        type Target = fn(&LegSpec) -> Option<Decimal>;
        let units: [(&str, Target); 3] =
            [("at", |leg| leg.at), ("at_r", |leg| leg.at_r), ("at_price", |leg| leg.at_price)];
        for (unit, target) in units {
            let mut before: Option<Decimal> = None;
            let targets: Vec<(usize, Decimal)> =
                spec.legs.iter().enumerate().filter_map(|(index, leg)| Some((index, target(leg)?))).collect();
            let falls = unit == "at_price" && targets.is_sorted_by(|a, b| a.1 > b.1);
            for &(index, value) in &targets {
                if let Some(before) = before.filter(|&before| !falls && value <= before) {
                    self.fault(
                        &format!("ladder.legs[{index}].{unit}"),
                        value,
                        &format!("must be farther than the leg before it ({before}); order the legs from the nearest target to the farthest, each target once"),
                    );
                }
                before = Some(value);
            }
        }
    }

    /// Fractions of a sum above 1 are divided by it. Fractions of the remaining are left alone where the
    /// last leg closes all of it: they never promise more than there is.
    fn not_more_than_all(&mut self, of: LegOf, legs: &mut [Leg]) {
        let one = i128::from(Ratio::ONE.0);
        let sum: i128 = legs.iter().map(|leg| i128::from(leg.fraction.0)).sum();
        let closes_rest = of == LegOf::Remaining && legs.last().is_some_and(|leg| leg.fraction == Ratio::ONE);
        if sum <= one || closes_rest || legs.iter().any(|leg| leg.fraction > Ratio::ONE) {
            return;
        }
        for leg in legs.iter_mut() {
            // Rounded down, so that the sum is never above 1 again.
            let share = Round::Down.divide(i128::from(leg.fraction.0) * one, sum);
            leg.fraction = Ratio(i64::try_from(share).unwrap_or(Ratio::ONE.0).max(1));
        }
        let sum = crate::num::shortest(sum, Ratio::DECIMALS).to_string();
        let what = format!("fractions of more than 1 in all; each was divided by {sum}");
        self.warn("ladder.legs", format!("closing {sum}"), &what);
    }

    /// Dynamic targets start from three legs whose targets are fractions.
    fn dynamic(&mut self, spec: &DynamicSpec, legs: &[Leg], leverage: Ratio) -> Option<Dynamic> {
        let min = spec.target_min.map_or(Dynamic::DEFAULT.target_min, |share| {
            self.fraction("ladder.dynamic.target_min", share, false)
        });
        let max = spec.target_max.map_or(Dynamic::DEFAULT.target_max, |share| {
            self.fraction("ladder.dynamic.target_max", share, false)
        });
        if min > max {
            let value = crate::num::shortest(i128::from(min.0), Ratio::DECIMALS).to_string();
            self.fault("ladder.dynamic.target_min", value, "must not be above target_max");
            return None;
        }
        let known = Known {
            leverage: (leverage > Ratio::ONE).then_some(leverage),
            notional: spec.notional.map(i64::from),
            volatility: spec.volatility.map(|share| self.fraction("ladder.dynamic.volatility", share, true)),
            regime: spec.regime,
            confidence: spec.confidence.map(|share| self.confidence(share)),
            liquidity: spec.liquidity.map(i64::from),
            profit: None,
        };
        let targets: Vec<Ratio> = legs
            .iter()
            .filter_map(|leg| match leg.target {
                LegTarget::Share(share) => Some(share),
                LegTarget::R(_) | LegTarget::Price(_) => None,
            })
            .collect();
        let fractions: Vec<Ratio> = legs.iter().map(|leg| leg.fraction).collect();
        let (Ok(targets), Ok(fractions)) = (targets.try_into(), fractions.try_into()) else {
            let value = format!("on a ladder of {} legs", legs.len());
            self.fault("ladder.dynamic", value, "needs exactly three legs, each with `at`");
            return None;
        };
        Some(Dynamic { targets, fractions, target_min: min, target_max: max, known, follows: spec.follow })
    }

    fn confidence(&mut self, value: Decimal) -> Ratio {
        let ratio = self.ratio("ladder.dynamic.confidence", value);
        if !(Ratio::ZERO..=Ratio::ONE).contains(&ratio) {
            self.fault("ladder.dynamic.confidence", value, "must be from 0 to 1");
        }
        ratio
    }

    fn leg(&mut self, index: usize, spec: &LegSpec, has_stop: bool) -> Leg {
        let field = format!("ladder.legs[{index}]");
        let fraction = self.positive(&format!("{field}.close"), spec.close);
        if fraction > Ratio::ONE {
            self.fault(&format!("{field}.close"), spec.close, "must be at most 1");
        }
        let target = match (spec.at, spec.at_r, spec.at_price) {
            (Some(at), None, None) => LegTarget::Share(self.positive(&format!("{field}.at"), at)),
            (None, Some(r), None) => {
                if !has_stop {
                    self.fault(&format!("{field}.at_r"), r, "needs a stop_loss: R is the distance to it");
                }
                LegTarget::R(self.positive(&format!("{field}.at_r"), r))
            }
            (None, None, Some(price)) => LegTarget::Price(self.price(&format!("{field}.at_price"), price)),
            _ => {
                self.fault(&field, "not one target", "give one of at, at_r, at_price");
                LegTarget::Share(Ratio::ONE)
            }
        };
        Leg { target, fraction, kind: if spec.soft { LegKind::Soft } else { LegKind::Hard } }
    }

    pub(in crate::plan::spec) fn ratchet(&mut self, spec: &RatchetSpec, has_ladder: bool) -> Ratchet {
        if !has_ladder {
            self.fault("ratchet", "given", "needs a ladder: its legs move the stop");
        }
        Ratchet {
            offset: match spec.offset {
                None => RatchetOffset::Share(Ratio::ZERO),
                Some(OffsetSpec::Fees) => RatchetOffset::Fees,
                Some(OffsetSpec::Fraction(offset)) => {
                    RatchetOffset::Share(self.fraction("ratchet.offset", offset, true))
                }
            },
            legs_max: spec.legs_max.unwrap_or(u8::try_from(LEGS_MAX).unwrap_or(u8::MAX)),
        }
    }
}

/// A target that leaves its gain after one fee on top of it: (1 + target) x (1 + fee) - 1, half up.
fn with_fee(target: LegTarget, fee: Ratio) -> LegTarget {
    match target {
        LegTarget::Share(share) => LegTarget::Share(Ratio(share.0 + fee.0 + fee.of(share.0, Round::HalfUp))),
        LegTarget::R(_) | LegTarget::Price(_) => target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::InstrumentId;
    use crate::instrument::Instrument;
    use crate::plan::spec::{DistanceSpec, PlanSpec, Resolved, StopLossSpec};

    fn leg(close: &str, unit: &str, target: &str) -> LegSpec {
        let target = Some(target.parse().expect("a target"));
        let mut leg = LegSpec {
            close: close.parse().expect("a share"),
            at: None,
            at_r: None,
            at_price: None,
            soft: false,
        };
        match unit {
            "at" => leg.at = target,
            "at_r" => leg.at_r = target,
            _ => leg.at_price = target,
        }
        leg
    }

    fn resolved(ladder: LadderSpec) -> Result<Resolved, Vec<String>> {
        let mut plan = PlanSpec::empty("p");
        plan.stop_loss = Some(StopLossSpec {
            distance: DistanceSpec { fraction: "0.02".parse().ok(), ..DistanceSpec::default() },
            ..StopLossSpec::default()
        });
        plan.ladder = Some(ladder);
        plan.resolve_with_warnings(InstrumentId(0), &Instrument::from_decimals("X", 2, 3))
            .map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    fn faults(legs: Vec<LegSpec>, of: LegOfSpec) -> Vec<String> {
        resolved(LadderSpec { legs, of, ..LadderSpec::default() }).err().unwrap_or_default()
    }

    fn fractions(closes: &[&str], of: LegOfSpec) -> (Vec<i64>, Vec<String>) {
        let targets = ["0.01", "0.02", "0.03", "0.04"];
        let legs = closes.iter().zip(targets).map(|(close, at)| leg(close, "at", at)).collect();
        let Resolved { plan, warnings } =
            resolved(LadderSpec { legs, of, ..LadderSpec::default() }).expect("a sound ladder");
        let legs = plan.ladder.expect("a ladder").legs;
        (legs.iter().map(|leg| leg.fraction.0).collect(), warnings.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn targets_of_one_unit_go_from_the_nearest_to_the_farthest() {
        for unit in ["at", "at_r", "at_price"] {
            let legs = |targets: &[&str]| targets.iter().map(|target| leg("0.25", unit, target)).collect();
            assert_eq!(faults(legs(&["1", "2", "3"]), LegOfSpec::Remaining), [""; 0], "{unit}");
            assert_eq!(faults(legs(&["2", "2"]), LegOfSpec::Remaining).len(), 1, "{unit}");
            assert_eq!(faults(legs(&["1", "3", "2"]), LegOfSpec::Remaining).len(), 1, "{unit}");
        }
        let told = faults(vec![leg("0.5", "at", "0.03"), leg("0.5", "at", "0.010")], LegOfSpec::Remaining);
        assert_eq!(
            told,
            [
                "ladder.legs[1].at is 0.01: must be farther than the leg before it (0.03); order the legs from the nearest target to the farthest, each target once"
            ]
        );
    }

    #[test]
    fn prices_may_fall_for_shorts_and_units_may_mix() {
        let falling = ["99", "98", "97"].map(|price| leg("0.25", "at_price", price)).to_vec();
        assert_eq!(faults(falling, LegOfSpec::Remaining), [""; 0]);
        let mixed = vec![leg("0.25", "at_r", "1"), leg("0.25", "at", "0.01"), leg("0.25", "at_r", "2")];
        assert_eq!(faults(mixed, LegOfSpec::Remaining), [""; 0]);
    }

    #[test]
    fn fractions_of_a_sum_above_one_are_divided_by_it() {
        let third = vec![333_333_333; 3];
        let told = vec![
            "ladder.legs is closing 1.2: fractions of more than 1 in all; each was divided by 1.2".to_owned(),
        ];
        for of in [LegOfSpec::Initial, LegOfSpec::Remaining] {
            assert_eq!(fractions(&["0.4", "0.4", "0.4"], of), (third.clone(), told.clone()), "{of:?}");
            assert_eq!(fractions(&["0.25", "0.25", "0.25"], of).1, [""; 0], "{of:?}");
            assert_eq!(fractions(&["0.5", "0.5"], of).1, [""; 0], "{of:?}");
        }
        // Half, and then all that remains.
        let halves = (vec![500_000_000, 1_000_000_000], Vec::new());
        assert_eq!(fractions(&["0.5", "1"], LegOfSpec::Remaining), halves);
    }

    #[test]
    fn one_fee_on_top_of_a_target() {
        let ladder = LadderSpec {
            legs: vec![leg("1", "at", "0.025")],
            fee: "0.0055".parse().ok(),
            ..LadderSpec::default()
        };
        let plan = resolved(ladder).expect("sound").plan;
        // 100 x 1.025 x 1.0055 is 103.06375.
        assert_eq!(plan.ladder.expect("a ladder").legs[0].target, LegTarget::Share(Ratio(30_637_500)));
    }

    #[test]
    fn a_ladder_has_at_most_its_levels() {
        let legs = || vec![leg("0.25", "at", "0.01"), leg("0.25", "at", "0.02")];
        let with = |levels_max| LadderSpec { legs: legs(), levels_max, ..LadderSpec::default() };
        assert!(resolved(with(Some(2))).is_ok());
        assert_eq!(
            resolved(with(Some(1))).expect_err("refused"),
            ["ladder.legs is 2 legs: give one to 1 legs"]
        );
        assert_eq!(resolved(with(Some(5))).expect_err("refused"), ["ladder.levels_max is 5: must be 1 to 4"]);
    }
}
