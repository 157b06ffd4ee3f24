//! A plan with every default written out.

use super::{ExitSpec, LossLimitSpec, OffsetSpec, PlanSpec};
use crate::market::PriceSource;
use crate::num::{Decimal, Ratio};
use crate::order::TriggerSource;
use crate::plan::ladder::LEGS_MAX;
use crate::plan::{Bracket, Dynamic, ExitStyle, TOLERANCE_DEFAULT};

impl PlanSpec {
    /// The same plan with its defaults written out. What has no word to write (the price that a rule would
    /// trade at, a bound that is not there) stays absent.
    #[must_use]
    pub fn filled(&self) -> Self {
        let mut plan = self.clone();
        plan.leverage.get_or_insert(decimal(Ratio::ONE));
        plan.taker_fee.get_or_insert(Decimal::ZERO);
        plan.tolerance.get_or_insert(decimal(TOLERANCE_DEFAULT));
        let limit = |rule: &mut Option<LossLimitSpec>, source: Option<PriceSource>, exit: ExitStyle| {
            if let Some(rule) = rule {
                rule.source = rule.source.or(source);
                rule.exit.get_or_insert_with(|| exit_spec(exit));
            }
        };
        limit(&mut plan.hard_stop, Some(PriceSource::Mark), ExitStyle::Market);
        limit(&mut plan.loss_guard, Some(PriceSource::Mark), ExitStyle::Market);
        limit(&mut plan.soft_stop, None, ExitStyle::MARKETABLE);
        if let Some(rule) = &mut plan.stop_loss {
            rule.minimum.get_or_insert(Decimal::ZERO);
            rule.cushion.get_or_insert(Decimal::ZERO);
            rule.fee.get_or_insert(Decimal::ZERO);
            rule.exit.get_or_insert(ExitSpec::Market);
        }
        if let Some(rule) = &mut plan.trailing {
            rule.exit.get_or_insert_with(|| exit_spec(ExitStyle::MARKETABLE));
        }
        plan.fill_ladder();
        if let Some(rule) = &mut plan.signal_exit {
            rule.profit_min.get_or_insert(Decimal::ZERO);
            rule.exit.get_or_insert_with(|| exit_spec(ExitStyle::PATIENT));
        }
        if let Some(rule) = &mut plan.time_limit {
            rule.exit.get_or_insert_with(|| exit_spec(ExitStyle::PATIENT));
        }
        if let Some(rule) = &mut plan.bracket {
            rule.band.get_or_insert(decimal(Bracket::DEFAULT.band));
            let patience = u32::try_from(Bracket::DEFAULT.patience.0 / 1_000_000);
            rule.patience_ms.get_or_insert(patience.expect("the default is a second or two"));
            let source = plan.stop_loss.as_ref().and_then(|stop| stop.source);
            let is_mark = source == Some(PriceSource::Mark);
            rule.trigger.get_or_insert(if is_mark { TriggerSource::Mark } else { TriggerSource::Last });
        }
        let bracket = plan.bracket.as_ref().filter(|rule| rule.enabled.0);
        let trigger = bracket.and_then(|rule| rule.trigger).unwrap_or_default();
        if let Some(rule) = &mut plan.stop_loss {
            rule.source.get_or_insert(trigger.source());
        }
        if let Some(rule) = &mut plan.liquidation {
            rule.buffer.get_or_insert(Decimal::ZERO);
        }
        plan
    }

    fn fill_ladder(&mut self) {
        let legs_max = u8::try_from(LEGS_MAX).unwrap_or(u8::MAX);
        if let Some(rule) = &mut self.ladder {
            rule.levels_max.get_or_insert(legs_max);
            rule.fee.get_or_insert(Decimal::ZERO);
            if let Some(dynamic) = &mut rule.dynamic {
                dynamic.target_min.get_or_insert(decimal(Dynamic::DEFAULT.target_min));
                dynamic.target_max.get_or_insert(decimal(Dynamic::DEFAULT.target_max));
            }
        }
        if let Some(rule) = &mut self.ratchet {
            rule.offset.get_or_insert(OffsetSpec::Fraction(Decimal::ZERO));
            rule.legs_max.get_or_insert(legs_max);
        }
    }
}

fn decimal(ratio: Ratio) -> Decimal {
    Decimal::new(ratio.0, Ratio::DECIMALS).expect("defaults are short numbers")
}

fn exit_spec(style: ExitStyle) -> ExitSpec {
    match style {
        ExitStyle::Market => ExitSpec::Market,
        ExitStyle::MarketableLimit { offset, market_after } => ExitSpec::Limit {
            through: decimal(offset),
            market_after_ms: u32::try_from(market_after.0 / 1_000_000).expect("defaults are seconds"),
        },
    }
}
