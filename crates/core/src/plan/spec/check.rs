//! The checks of a plan: what is written becomes numbers, or faults.

use super::{
    AtrText, BasisSpec, CurvePointSpec, DistanceSpec, ExitSpec, LadderSpec, LegOfSpec, LegSpec,
    LossLimitSpec, PlanFault, RatchetSpec, StopLossSpec, TrailingSpec,
};
use crate::instrument::Instrument;
use crate::num::{Decimal, Price, Ratio, Round};
use crate::plan::ladder::{LEGS_MAX, Ladder, Leg, LegKind, LegOf, LegTarget};
use crate::plan::loss_limit::{Basis, LossLimit, Pnl};
use crate::plan::ratchet::Ratchet;
use crate::plan::stop_loss::StopLoss;
use crate::plan::trailing::{CurvePoint, Trailing};
use crate::plan::{AtrSpec, Distance, ExitStyle, Plan};
use crate::time::Span;

/// The greatest gain, multiple of R or multiple of ATR: levels stay within the range of prices.
const MULTIPLE_MAX: Ratio = Ratio(1_000 * Ratio::ONE.0);

/// Turns what is written into numbers, and remembers every fault on the way.
pub(super) struct Check {
    pub(super) faults: Vec<PlanFault>,
    decimals: u8,
}

impl Check {
    pub(super) const fn new(instrument: &Instrument) -> Self {
        Self { faults: Vec::new(), decimals: instrument.price_decimals }
    }

    pub(super) fn fault(&mut self, field: &str, value: impl std::fmt::Display, must: &str) {
        let (field, value) = (field.to_owned(), value.to_string());
        self.faults.push(PlanFault { field, value, must: must.to_owned() });
    }

    /// A number in units of 10^-9; more digits are rounded half up.
    fn ratio(&mut self, field: &str, value: Decimal) -> Ratio {
        match value.to_scale_rounded(Ratio::DECIMALS, Round::HalfUp) {
            Ok(units) => Ratio(units),
            Err(error) => {
                self.fault(field, value, &error.to_string());
                Ratio::ONE
            }
        }
    }

    /// A loss, stop or distance: above 0 (or from 0, if allowed) and below 1.
    pub(super) fn fraction(&mut self, field: &str, value: Decimal, zero_allowed: bool) -> Ratio {
        let ratio = self.ratio(field, value);
        if ratio.0 < 0 || (ratio.0 == 0 && !zero_allowed) || ratio.0 >= Ratio::ONE.0 {
            let least = if zero_allowed { "at least 0" } else { "above 0" };
            self.fault(
                field,
                value,
                &format!("must be {least} and below 1; it is a fraction, 2.5 % is 0.025"),
            );
        }
        ratio
    }

    fn positive(&mut self, field: &str, value: Decimal) -> Ratio {
        let ratio = self.ratio(field, value);
        if ratio.0 <= 0 || ratio > MULTIPLE_MAX {
            self.fault(field, value, "must be above 0 and at most 1000");
            return Ratio::ONE;
        }
        ratio
    }

    pub(super) fn leverage(&mut self, value: Decimal) -> Ratio {
        let ratio = self.ratio("leverage", value);
        if ratio < Ratio::ONE {
            self.fault("leverage", value, "must be at least 1");
            return Ratio::ONE;
        }
        ratio
    }

    fn price(&mut self, field: &str, value: Decimal) -> Price {
        match value.to_scale(self.decimals) {
            Ok(units) if units > 0 => Price(units),
            Ok(_) => {
                self.fault(field, value, "must be above 0");
                Price(1)
            }
            Err(error) => {
                self.fault(field, value, &format!("{error}; round it to the instrument's decimals"));
                Price(1)
            }
        }
    }

    pub(super) fn atr(&mut self, atr: &AtrText) -> AtrSpec {
        if atr.bar_secs == 0 {
            self.fault("atr.bar_secs", atr.bar_secs, "must be at least 1 second");
        }
        if atr.period == 0 {
            self.fault("atr.period", atr.period, "must be at least 1 bar");
        }
        AtrSpec { bar: Span::from_secs(i64::from(atr.bar_secs.max(1))), period: atr.period.max(1) }
    }

    fn distance(&mut self, field: &str, spec: &DistanceSpec) -> Distance {
        match (spec.fraction, spec.price, spec.atr) {
            (Some(share), None, None) => {
                Distance::Share(self.fraction(&format!("{field}.fraction"), share, false))
            }
            (None, Some(price), None) => Distance::Price(self.price(&format!("{field}.price"), price).0),
            (Some(fallback), None, Some(multiple)) => Distance::Atr {
                multiple: self.positive(&format!("{field}.atr"), multiple),
                fallback: self.fraction(&format!("{field}.fraction"), fallback, false),
            },
            (None, None, Some(multiple)) => {
                self.fault(
                    field,
                    format!("atr {multiple} alone"),
                    "add `fraction`: it stands in while there is no ATR",
                );
                Distance::Share(Ratio::from_bps(1))
            }
            _ => {
                self.fault(field, "not one distance", "give one of fraction, price, or atr with fraction");
                Distance::Share(Ratio::from_bps(1))
            }
        }
    }

    fn exit(&mut self, field: &str, spec: Option<&ExitSpec>, default: ExitStyle) -> ExitStyle {
        match spec {
            None => default,
            Some(ExitSpec::Market) => ExitStyle::Market,
            Some(ExitSpec::Limit { through, market_after_ms }) => ExitStyle::MarketableLimit {
                offset: self.fraction(&format!("{field}.exit.limit.through"), *through, true),
                market_after: Span::from_millis(i64::from(*market_after_ms)),
            },
        }
    }

    pub(super) fn loss_limit(&mut self, field: &str, spec: &LossLimitSpec, default: ExitStyle) -> LossLimit {
        LossLimit {
            share: self.fraction(&format!("{field}.fraction"), spec.fraction, false),
            basis: match spec.basis {
                BasisSpec::Price => Basis::Price,
                BasisSpec::Margin => Basis::Margin,
            },
            pnl: if spec.net { Pnl::Net } else { Pnl::Gross },
            source: spec.source,
            exit: self.exit(field, spec.exit.as_ref(), default),
        }
    }

    pub(super) fn stop_loss(&mut self, spec: &StopLossSpec) -> StopLoss {
        StopLoss {
            distance: self.distance("stop_loss.distance", &spec.distance),
            source: spec.source,
            exit: self.exit("stop_loss", spec.exit.as_ref(), ExitStyle::Market),
        }
    }

    pub(super) fn trailing(&mut self, spec: &TrailingSpec, has_stop: bool) -> Trailing {
        let distance = self.distance("trailing.distance", &spec.distance);
        let min = spec.distance_min.map(|min| self.fraction("trailing.distance_min", min, false));
        let max = spec.distance_max.map(|max| self.fraction("trailing.distance_max", max, false));
        if let (Some(least), Some(most)) = (min, max)
            && least > most
        {
            let value = spec.distance_min.map_or_else(String::new, |min| min.to_string());
            self.fault("trailing.distance_min", value, "must not be above distance_max");
        }
        if matches!(distance, Distance::Share(_)) && (min.is_some() || max.is_some()) {
            self.fault(
                "trailing.distance_min",
                "given",
                "bounds need a distance in price or atr; a fraction needs none",
            );
        }
        let mut curve: Vec<CurvePoint> = spec.curve.iter().map(|point| self.curve_point(point)).collect();
        curve.sort_by_key(|point| point.r);
        if !curve.is_empty() && matches!(distance, Distance::Price(_)) {
            self.fault("trailing.curve", "given", "a curve needs a distance that is a fraction");
        }
        if !curve.is_empty() && !has_stop {
            self.fault("trailing.curve", "given", "a curve in R needs a stop_loss: R is the distance to it");
        }
        if !curve.is_sorted_by(|a, b| a.r < b.r && a.share >= b.share) {
            self.fault(
                "trailing.curve",
                "not a tightening curve",
                "give each r once, and let no fraction be wider than that of a smaller r",
            );
        }
        Trailing {
            // An activation of zero is the first price at or beyond the entry; it is not "always active".
            activation: spec.activation.map(|at| self.activation(at)),
            distance,
            distance_min: min,
            distance_max: max,
            step: spec.step.as_ref().map(|step| self.distance("trailing.step", step)),
            curve,
            exit: self.exit("trailing", spec.exit.as_ref(), ExitStyle::MARKETABLE),
        }
    }

    fn activation(&mut self, at: Decimal) -> Ratio {
        let ratio = self.ratio("trailing.activation", at);
        if ratio.0 < 0 || ratio > MULTIPLE_MAX {
            self.fault("trailing.activation", at, "must be at least 0 and at most 1000");
            return Ratio::ZERO;
        }
        ratio
    }

    fn curve_point(&mut self, point: &CurvePointSpec) -> CurvePoint {
        CurvePoint {
            r: self.positive("trailing.curve.r", point.r),
            share: self.fraction("trailing.curve.fraction", point.fraction, false),
        }
    }

    pub(super) fn ladder(&mut self, spec: &LadderSpec, has_stop: bool) -> Ladder {
        if spec.legs.is_empty() || spec.legs.len() > LEGS_MAX {
            self.fault("ladder.legs", format!("{} legs", spec.legs.len()), "give one to four legs");
        }
        let mut legs: Vec<Leg> =
            spec.legs.iter().enumerate().map(|(index, leg)| self.leg(index, leg, has_stop)).collect();
        legs.truncate(LEGS_MAX);
        self.ascending(spec);
        self.not_more_than_all(spec.of, &legs);
        Ladder {
            legs,
            of: match spec.of {
                LegOfSpec::Remaining => LegOf::Remaining,
                LegOfSpec::Initial => LegOf::Initial,
            },
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

    fn not_more_than_all(&mut self, of: LegOfSpec, legs: &[Leg]) {
        let sum: i128 = legs.iter().map(|leg| i128::from(leg.fraction.0)).sum();
        match of {
            LegOfSpec::Initial if sum > i128::from(Ratio::ONE.0) => {
                let sum = crate::num::shortest(sum, Ratio::DECIMALS).to_string();
                self.fault(
                    "ladder.legs",
                    format!("closing {sum} of the initial quantity"),
                    &format!(
                        "the fractions must sum to at most 1; divide each by {sum}, or use of = \"remaining\""
                    ),
                );
            }
            LegOfSpec::Initial | LegOfSpec::Remaining => {}
        }
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

    pub(super) fn ratchet(&mut self, spec: &RatchetSpec, has_ladder: bool) -> Ratchet {
        if !has_ladder {
            self.fault("ratchet", "given", "needs a ladder: its legs move the stop");
        }
        Ratchet {
            offset: spec.offset.map_or(Ratio::ZERO, |offset| self.fraction("ratchet.offset", offset, true)),
            legs_max: spec.legs_max.unwrap_or(u8::try_from(LEGS_MAX).unwrap_or(u8::MAX)),
        }
    }

    /// The emergency stop stands behind the soft stop, or it would be the only one to act.
    pub(super) fn not_wider(&mut self, plan: &Plan) {
        let (Some(hard), Some(soft)) = (plan.hard_stop, plan.soft_stop) else { return };
        if hard.basis == soft.basis && hard.share <= soft.share {
            let value = crate::num::shortest(i128::from(hard.share.0), Ratio::DECIMALS).to_string();
            self.fault("hard_stop.fraction", value, "must be wider than soft_stop.fraction");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::PlanSpec;
    use super::*;
    use crate::id::InstrumentId;

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

    fn faults(legs: Vec<LegSpec>, of: LegOfSpec) -> Vec<String> {
        let mut plan = PlanSpec::empty("p");
        plan.stop_loss = Some(StopLossSpec {
            distance: DistanceSpec { fraction: "0.02".parse().ok(), ..DistanceSpec::default() },
            source: None,
            exit: None,
        });
        plan.ladder = Some(LadderSpec { legs, of });
        match plan.resolve(InstrumentId(0), &Instrument::from_decimals("X", 2, 3)) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.iter().map(ToString::to_string).collect(),
        }
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
    fn fractions_of_the_initial_quantity_sum_to_at_most_one() {
        let legs = || vec![leg("0.6", "at", "0.01"), leg("0.6", "at", "0.02")];
        assert_eq!(
            faults(legs(), LegOfSpec::Initial),
            [
                "ladder.legs is closing 1.2 of the initial quantity: the fractions must sum to at most 1; divide each by 1.2, or use of = \"remaining\""
            ]
        );
        assert_eq!(faults(legs(), LegOfSpec::Remaining), [""; 0]);
        let whole = vec![leg("0.5", "at", "0.01"), leg("0.5", "at", "0.02")];
        assert_eq!(faults(whole, LegOfSpec::Initial), [""; 0]);
    }
}
