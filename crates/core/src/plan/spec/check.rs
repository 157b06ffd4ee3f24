//! The checks of a plan: what is written becomes numbers, or faults.

use super::{
    AtrText, BasisSpec, CurvePointSpec, DistanceSpec, ExitSpec, LossLimitSpec, PlanFault, PlanWarning,
    StopLossSpec, TrailingSpec,
};
use crate::instrument::{Instrument, MarketKind};
use crate::num::{Decimal, Price, Ratio, Round};
use crate::plan::loss_limit::{Basis, LossLimit, Pnl};
use crate::plan::stop_loss::StopLoss;
use crate::plan::trailing::{CurvePoint, Trailing};
use crate::plan::{AtrSpec, Distance, ExitStyle, Plan};
use crate::time::Span;

mod ladder;
mod late;

/// The greatest gain, multiple of R or multiple of ATR: levels stay within the range of prices.
const MULTIPLE_MAX: Ratio = Ratio(1_000 * Ratio::ONE.0);

/// Turns what is written into numbers, and remembers every fault on the way.
pub(super) struct Check {
    pub(super) faults: Vec<PlanFault>,
    pub(super) warnings: Vec<PlanWarning>,
    decimals: u8,
    is_spot: bool,
}

impl Check {
    pub(super) const fn new(instrument: &Instrument) -> Self {
        Self {
            faults: Vec::new(),
            warnings: Vec::new(),
            decimals: instrument.price_decimals,
            is_spot: matches!(instrument.kind, MarketKind::Spot),
        }
    }

    pub(super) fn fault(&mut self, field: &str, value: impl std::fmt::Display, must: &str) {
        let (field, value) = (field.to_owned(), value.to_string());
        self.faults.push(PlanFault { field, value, must: must.to_owned() });
    }

    fn warn(&mut self, field: &str, value: impl std::fmt::Display, what: &str) {
        let (field, value) = (field.to_owned(), value.to_string());
        self.warnings.push(PlanWarning { field, value, what: what.to_owned() });
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
        let mut share = |name: &str, value: Option<Decimal>| {
            value.map_or(Ratio::ZERO, |value| self.fraction(&format!("stop_loss.{name}"), value, true))
        };
        let (minimum, cushion, fee) =
            (share("minimum", spec.minimum), share("cushion", spec.cushion), share("fee", spec.fee));
        let risk_floor = spec.risk_floor.map(|floor| self.fraction("stop_loss.risk_floor", floor, false));
        let distance_min =
            spec.distance_min.map(|least| self.fraction("stop_loss.distance_min", least, false));
        if let (Some(least), None) = (spec.distance_min, risk_floor) {
            self.fault("stop_loss.distance_min", least, "needs a risk_floor: it is the least that the floor may allow; for the least distance of the stop use minimum");
        }
        let stop = StopLoss {
            distance: self.distance("stop_loss.distance", &spec.distance),
            minimum,
            cushion,
            fee,
            risk_floor,
            distance_min,
            source: spec.source,
            exit: self.exit("stop_loss", spec.exit.as_ref(), ExitStyle::Market),
        };
        let share = match stop.distance {
            Distance::Share(share) | Distance::Atr { fallback: share, .. } => share,
            Distance::Price(_) => Ratio::ZERO,
        };
        let whole = i128::from(share.max(minimum).0) + i128::from(cushion.0) + i128::from(fee.0);
        if whole >= i128::from(Ratio::ONE.0) && self.faults.is_empty() {
            let whole = crate::num::shortest(whole, Ratio::DECIMALS).to_string();
            self.fault(
                "stop_loss.distance",
                format!("{whole} with minimum, cushion and fee"),
                "must be below 1 in all; it is a fraction, 2.5 % is 0.025",
            );
        }
        stop
    }

    pub(super) fn trailing(
        &mut self,
        spec: &TrailingSpec,
        stop: Option<&StopLoss>,
        leverage: Ratio,
    ) -> Trailing {
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
        if !curve.is_empty() && stop.is_none() {
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
            activation: self.activation_of(spec, stop, leverage),
            distance,
            distance_min: min,
            distance_max: max,
            step: spec.step.as_ref().map(|step| self.distance("trailing.step", step)),
            curve,
            exit: self.exit("trailing", spec.exit.as_ref(), ExitStyle::MARKETABLE),
        }
    }

    /// In R it is turned into a share of the entry, which needs a stop whose share the plan knows.
    fn activation_of(
        &mut self,
        spec: &TrailingSpec,
        stop: Option<&StopLoss>,
        leverage: Ratio,
    ) -> Option<Ratio> {
        let (at, r) = (spec.activation, spec.activation_r);
        if let (Some(_), Some(r)) = (at, r) {
            self.fault("trailing.activation_r", r, "give one of activation and activation_r");
        }
        let Some(r) = r else { return at.map(|at| self.activation(at)) };
        let multiple = self.positive("trailing.activation_r", r);
        let Some(risk) = stop.and_then(|stop| stop.share(leverage)) else {
            self.fault(
                "trailing.activation_r",
                r,
                "needs a stop_loss whose distance is a fraction; give activation as a fraction instead",
            );
            return Some(Ratio::ZERO);
        };
        Some(Ratio(multiple.of(risk.0, Round::HalfUp)))
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
}

/// The emergency stop stands behind the soft stop, or it would be the only one to act.
pub(super) fn hard_not_wider(plan: &Plan) -> Option<PlanFault> {
    let (hard, soft) = (plan.hard_stop?, plan.soft_stop?);
    (hard.basis == soft.basis && hard.share <= soft.share).then(|| PlanFault {
        field: "hard_stop.fraction".to_owned(),
        value: crate::num::shortest(i128::from(hard.share.0), Ratio::DECIMALS).to_string(),
        must: "must be wider than soft_stop.fraction".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use crate::id::InstrumentId;
    use crate::instrument::Instrument;
    use crate::plan::spec::{CurvePointSpec, DistanceSpec, PlanSpec, StopLossSpec, TrailingSpec};

    #[test]
    fn points_of_a_curve_are_put_in_the_order_of_r() {
        let fraction = |text: &str| DistanceSpec { fraction: text.parse().ok(), ..DistanceSpec::default() };
        let resolve = |points: &[(&str, &str)]| {
            let curve = points.iter().map(|(r, fraction)| CurvePointSpec {
                r: r.parse().expect("a multiple"),
                fraction: fraction.parse().expect("a fraction"),
            });
            let mut spec = PlanSpec::empty("p");
            spec.stop_loss = Some(StopLossSpec { distance: fraction("0.02"), ..StopLossSpec::default() });
            spec.trailing = Some(TrailingSpec {
                distance: fraction("0.02"),
                curve: curve.collect(),
                ..TrailingSpec::default()
            });
            spec.resolve(InstrumentId(0), &Instrument::from_decimals("X", 2, 3))
        };
        let sorted = resolve(&[("2", "0.018"), ("3", "0.015"), ("5", "0.01")]);
        assert!(sorted.is_ok());
        assert_eq!(resolve(&[("3", "0.015"), ("5", "0.01"), ("2", "0.018")]), sorted);
        assert!(resolve(&[("3", "0.01"), ("2", "0.01"), ("3", "0.01")]).is_err());
        assert!(resolve(&[("3", "0.015"), ("2", "0.01")]).is_err());
    }
}
