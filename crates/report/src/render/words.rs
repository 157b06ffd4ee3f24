//! Times, percentages and rules in words.

use ripcord_core::cell::CellId;
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Decimal, Price, Round, fixed, shortest};
use ripcord_core::plan::spec::{BasisSpec, DistanceSpec, LegOfSpec, LegSpec, LossLimitSpec, TrailingSpec};
use ripcord_core::plan::{PlanSpec, spec::ExitSpec};
use ripcord_core::position::SourceCells;
use ripcord_core::reason::Reason;
use ripcord_core::time::{Span, Timestamp};

const DAY_NS: i64 = 86_400_000_000_000;

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn utc(at: Timestamp) -> String {
    let (year, month, day) = civil(at.0.div_euclid(DAY_NS));
    let ms = at.0.rem_euclid(DAY_NS) / 1_000_000;
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", ms % 1_000)
}

/// Days since 1970-01-01 as year, month, day; the year begins in March, so that the leap day is its last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A length of time: its two largest parts.
pub(super) fn lasting(span: Span) -> String {
    let parts = [
        (DAY_NS, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "min"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
    ];
    let mut rest = span.0.max(0);
    let mut words = Vec::new();
    for (unit, word) in parts {
        if rest >= unit && words.len() < 2 {
            words.push(format!("{} {word}", rest / unit));
        }
        rest %= unit;
    }
    if words.is_empty() { "0 ms".to_owned() } else { words.join(" ") }
}

/// `move_ / of` in percent with two decimals and its sign, rounded half up.
pub(super) fn percent_of(move_: i64, of: Price) -> String {
    if of.0 <= 0 {
        return "-".to_owned();
    }
    let hundredths = Round::HalfUp.divide(i128::from(move_) * 10_000, i128::from(of.0));
    let sign = if hundredths > 0 { "+" } else { "" };
    format!("{sign}{}%", fixed(hundredths, 2))
}

/// A fraction of a plan in percent.
fn percent(fraction: Decimal) -> String {
    format!("{}%", shortest(i128::from(fraction.mantissa()) * 100, fraction.decimals()))
}

/// The source whose cell this is; of several that share it, the one that is fed.
pub(super) fn source(cells: &SourceCells, cell: CellId) -> &'static str {
    let found = PriceSource::ALL.into_iter().find(|&source| cells.0[source as usize] == cell);
    found.map_or("?", source_word)
}

const fn source_word(source: PriceSource) -> &'static str {
    match source {
        PriceSource::Last => "last",
        PriceSource::Bid => "bid",
        PriceSource::Ask => "ask",
        PriceSource::Mark => "mark",
        PriceSource::Index => "index",
    }
}

/// What a rule of a plan says, in words.
pub(super) fn rule(plan: &PlanSpec, reason: Reason, leg: u8) -> String {
    match reason {
        Reason::HardStop => plan.hard_stop.as_ref().map(|rule| loss_limit(plan, rule)),
        Reason::LossGuard => plan.loss_guard.as_ref().map(|rule| loss_limit(plan, rule)),
        Reason::SoftStop => plan.soft_stop.as_ref().map(|rule| loss_limit(plan, rule)),
        Reason::StopLoss => plan
            .stop_loss
            .as_ref()
            .map(|rule| format!("{} from the entry{}", distance(&rule.distance), exit(rule.exit.as_ref()))),
        Reason::TrailingStop => plan.trailing.as_ref().map(trailing),
        Reason::TakeProfit => plan.ladder.as_ref().and_then(|ladder| {
            let leg = ladder.legs.get(usize::from(leg).checked_sub(1)?)?;
            Some(ladder_leg(leg, ladder.of))
        }),
        Reason::PanicClose
        | Reason::Manual
        | Reason::SignalExit
        | Reason::TimeLimit
        | Reason::ProtectionFailed
        | Reason::Liquidation
        | Reason::Adl
        | Reason::Settlement
        | Reason::Unknown => None,
    }
    .unwrap_or_default()
}

fn loss_limit(plan: &PlanSpec, rule: &LossLimitSpec) -> String {
    let of = match (rule.basis, plan.leverage) {
        (BasisSpec::Price, _) => "of the entry price".to_owned(),
        (BasisSpec::Margin, Some(leverage)) => format!("of the margin at {leverage}x"),
        (BasisSpec::Margin, None) => "of the margin".to_owned(),
    };
    let net = if rule.net { ", fees counted" } else { "" };
    format!("a loss of {} {of}{net}{}", percent(rule.fraction), exit(rule.exit.as_ref()))
}

fn distance(distance: &DistanceSpec) -> String {
    match (distance.atr, distance.price, distance.fraction) {
        (Some(atr), _, Some(fraction)) => format!("{atr} ATR ({} without ATR)", percent(fraction)),
        (Some(atr), ..) => format!("{atr} ATR"),
        (None, Some(price), _) => price.to_string(),
        (None, None, Some(fraction)) => percent(fraction),
        (None, None, None) => "?".to_owned(),
    }
}

fn trailing(rule: &TrailingSpec) -> String {
    let from = rule.activation.map_or_else(
        || "active from the opening".to_owned(),
        |activation| format!("activates at {} profit", percent(activation)),
    );
    let step =
        rule.step.as_ref().map_or_else(String::new, |step| format!(", in steps of {}", distance(step)));
    format!(
        "{from}, then {} behind the best price{step}{}",
        distance(&rule.distance),
        exit(rule.exit.as_ref())
    )
}

fn ladder_leg(leg: &LegSpec, of: LegOfSpec) -> String {
    let at = match (leg.at, leg.at_r, leg.at_price) {
        (Some(fraction), ..) => format!("{} profit", percent(fraction)),
        (None, Some(multiple), _) => format!("{multiple} R"),
        (None, None, Some(price)) => price.to_string(),
        (None, None, None) => "?".to_owned(),
    };
    let of = match of {
        LegOfSpec::Remaining => "of what is left",
        LegOfSpec::Initial => "of the initial quantity",
    };
    let how = if leg.soft { ", rests as a limit" } else { "" };
    format!("at {at}, closes {} {of}{how}", percent(leg.close))
}

fn exit(exit: Option<&ExitSpec>) -> String {
    match exit {
        None => String::new(),
        Some(ExitSpec::Market) => ", at the market".to_owned(),
        Some(ExitSpec::Limit { through, market_after_ms }) => {
            format!(", by a limit {} through, at the market after {market_after_ms} ms", percent(*through))
        }
    }
}

/// A rule's name, with the ladder leg if it is one.
pub(super) fn rule_name(reason: Reason, leg: u8) -> String {
    if leg == 0 { reason.word().to_owned() } else { format!("{} {leg}", reason.word()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_a_calendar() {
        for (ns, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_767_225_653_895_000_000, "2026-01-01T00:00:53.895Z"),
            (951_827_696_789_000_000, "2000-02-29T12:34:56.789Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(utc(Timestamp(ns)), text);
        }
    }

    #[test]
    fn lengths_have_two_parts_at_most() {
        for (ns, text) in [
            (0, "0 ms"),
            (100_000_000, "100 ms"),
            (1_500_000_000, "1 s 500 ms"),
            (3_600_000_000_000, "1 h"),
            (90_061_000_000_000, "1 d 1 h"),
            (-5, "0 ms"),
        ] {
            assert_eq!(lasting(Span(ns)), text);
        }
    }

    #[test]
    fn percentages_are_rounded_half_up() {
        for (move_, of, text) in [
            (125, 100_000, "+0.13%"),
            (-125, 100_000, "-0.12%"),
            (0, 100, "0.00%"),
            (5, 0, "-"),
            (-200, 10_000, "-2.00%"),
        ] {
            assert_eq!(percent_of(move_, Price(of)), text);
        }
    }
}
