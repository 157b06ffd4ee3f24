//! Plans of cases, written as any plan is written.

use ripcord_core::instrument::Side;
use ripcord_core::plan::PlanSpec;
use ripcord_core::plan::spec::{
    AtrText, CurvePointSpec, DistanceSpec, LadderSpec, LegOfSpec, LegSpec, LossLimitSpec, RatchetSpec,
    StopLossSpec, TrailingSpec,
};

use crate::case::Fields;
use crate::drive::BAR_SECS;
use crate::number::Number;

/// A plan without rules.
pub(crate) fn empty() -> PlanSpec {
    PlanSpec::empty("case")
}

/// The side of a case; `BUY` and `SELL` are words for it too.
pub(crate) fn side_of(fields: &Fields) -> Result<Side, String> {
    match fields.text("side").unwrap_or("LONG").to_ascii_uppercase().as_str() {
        "LONG" | "BUY" => Ok(Side::Long),
        "SHORT" | "SELL" => Ok(Side::Short),
        other => Err(format!("input side is {other}; it must be LONG or SHORT")),
    }
}

/// A number with the sign of a gain of the side.
pub(crate) fn signed(side: Side, number: Number) -> Number {
    match side {
        Side::Long => number,
        Side::Short => Number::ZERO.minus(number),
    }
}

/// The price that is a move of `share` from `entry` in the direction that gains.
pub(crate) fn moved(side: Side, entry: Number, share: Number) -> Number {
    entry.times(Number::ONE.plus(signed(side, share)))
}

/// The least fraction above this one: how a comparison that excludes its bound is written.
pub(crate) fn beyond(fraction: Number) -> Number {
    fraction.plus(Number::scaled(1, 9))
}

pub(crate) fn fraction(of: Number) -> Result<DistanceSpec, String> {
    Ok(DistanceSpec { fraction: Some(of.decimal()?), ..DistanceSpec::default() })
}

pub(crate) fn price(of: Number) -> Result<DistanceSpec, String> {
    Ok(DistanceSpec { price: Some(of.decimal()?), ..DistanceSpec::default() })
}

/// A multiple of ATR, and the fraction that stands in.
pub(crate) fn atr(multiple: Number, fallback: Number) -> Result<DistanceSpec, String> {
    Ok(DistanceSpec { fraction: Some(fallback.decimal()?), price: None, atr: Some(multiple.decimal()?) })
}

/// The last bar's range is the ATR.
pub(crate) const fn last_bar() -> AtrText {
    AtrText { bar_secs: BAR_SECS, period: 1 }
}

pub(crate) fn stop(distance: DistanceSpec) -> StopLossSpec {
    StopLossSpec { distance, ..StopLossSpec::default() }
}

pub(crate) fn loss(fraction: Number, net: bool) -> Result<LossLimitSpec, String> {
    let fraction = fraction.decimal()?;
    Ok(LossLimitSpec { fraction, net, ..LossLimitSpec::default() })
}

pub(crate) fn trailing(activation: Option<Number>, distance: DistanceSpec) -> Result<TrailingSpec, String> {
    Ok(TrailingSpec {
        activation: activation.map(Number::decimal).transpose()?,
        distance,
        ..TrailingSpec::default()
    })
}

/// Where a leg closes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    Fraction(Number),
    R(Number),
    Price(Number),
}

pub(crate) fn leg(close: Number, target: Target) -> Result<LegSpec, String> {
    let mut leg = LegSpec { close: close.decimal()?, at: None, at_r: None, at_price: None, soft: false };
    match target {
        Target::Fraction(at) => leg.at = Some(at.decimal()?),
        Target::R(at) => leg.at_r = Some(at.decimal()?),
        Target::Price(at) => leg.at_price = Some(at.decimal()?),
    }
    Ok(leg)
}

pub(crate) fn ladder(legs: Vec<LegSpec>, of: LegOfSpec) -> LadderSpec {
    LadderSpec { legs, of, ..LadderSpec::default() }
}

/// One leg that closes everything.
pub(crate) fn target(target: Target) -> Result<LadderSpec, String> {
    Ok(ladder(vec![leg(Number::ONE, target)?], LegOfSpec::Remaining))
}

/// Legs of these fractions at these prices.
pub(crate) fn price_ladder(
    prices: &[Number],
    fractions: &[Number],
    of: LegOfSpec,
) -> Result<LadderSpec, String> {
    if prices.len() != fractions.len() {
        return Err(format!("{} levels but {} fractions", prices.len(), fractions.len()));
    }
    let legs = prices.iter().zip(fractions).map(|(&price, &close)| leg(close, Target::Price(price)));
    Ok(ladder(legs.collect::<Result<_, _>>()?, of))
}

pub(crate) fn ratchet(legs_max: Option<u8>) -> RatchetSpec {
    RatchetSpec { legs_max, ..RatchetSpec::default() }
}

/// Points of a tightening curve.
pub(crate) fn curve(points: &[(Number, Number)]) -> Result<Vec<CurvePointSpec>, String> {
    let point = |&(r, fraction): &(Number, Number)| {
        Ok(CurvePointSpec { r: r.decimal()?, fraction: fraction.decimal()? })
    };
    points.iter().map(point).collect()
}
