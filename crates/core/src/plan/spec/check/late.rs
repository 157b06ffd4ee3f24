//! The checks of signal exit, time limit and liquidation, and of the bounds of late exits.

use super::{Check, MULTIPLE_MAX};
use crate::market::PriceSource;
use crate::num::{Decimal, Ratio};
use crate::order::TriggerSource;
use crate::plan::spec::{BracketSpec, LiquidationSpec, OnlyWhenSpec, SignalExitSpec, TimeLimitSpec};
use crate::plan::{Bracket, ExitStyle, Liquidation, OnlyWhen, SignalExit, TimeLimit};
use crate::time::Span;

impl Check {
    pub(in crate::plan::spec) fn signal_exit(&mut self, spec: &SignalExitSpec) -> SignalExit {
        SignalExit {
            ttl: self.seconds("signal_exit.ttl_secs", spec.ttl_secs),
            profit_min: spec
                .profit_min
                .map_or(Ratio::ZERO, |least| self.profit("signal_exit.profit_min", least)),
            while_trailing: spec.while_trailing.0,
            exit: self.exit("signal_exit", spec.exit.as_ref(), ExitStyle::PATIENT),
            worst: self.worst("signal_exit", spec.worst),
            expires_after: self.expiry("signal_exit", spec.expires_secs),
        }
    }

    pub(in crate::plan::spec) fn time_limit(&mut self, spec: &TimeLimitSpec) -> TimeLimit {
        TimeLimit {
            after: self.seconds("time_limit.after_secs", spec.after_secs),
            only: spec.only.map(|only| match only {
                OnlyWhenSpec::Below(share) => OnlyWhen::Below(self.profit("time_limit.only.below", share)),
                OnlyWhenSpec::Above(share) => OnlyWhen::Above(self.profit("time_limit.only.above", share)),
            }),
            exit: self.exit("time_limit", spec.exit.as_ref(), ExitStyle::PATIENT),
            worst: self.worst("time_limit", spec.worst),
            expires_after: self.expiry("time_limit", spec.expires_secs),
        }
    }

    pub(in crate::plan::spec) fn liquidation(&mut self, spec: &LiquidationSpec) -> Liquidation {
        Liquidation {
            maintenance: self.fraction("liquidation.maintenance", spec.maintenance, false),
            buffer: spec
                .buffer
                .map_or(Ratio::ZERO, |buffer| self.fraction("liquidation.buffer", buffer, true)),
        }
    }

    pub(in crate::plan::spec) fn bracket(
        &mut self,
        spec: &BracketSpec,
        stop_loss: Option<PriceSource>,
    ) -> Bracket {
        let patience = spec.patience_ms.map_or(Bracket::DEFAULT.patience, |ms| {
            if ms == 0 {
                self.fault("bracket.patience_ms", ms, "must be at least 1 millisecond");
            }
            Span::from_millis(i64::from(ms.max(1)))
        });
        let band = spec.band.map_or(Bracket::DEFAULT.band, |band| self.fraction("bracket.band", band, true));
        let is_mark = stop_loss == Some(PriceSource::Mark);
        // A stop loss that looks at the mark is the same risk as a stop that the mark triggers, and no other.
        let wanted = spec.trigger.unwrap_or(if is_mark { TriggerSource::Mark } else { TriggerSource::Last });
        let trigger = if self.is_spot { TriggerSource::Last } else { wanted };
        if trigger != wanted {
            self.warn("bracket.trigger", "mark", "spot has no mark price: the last price triggers the stop");
        }
        Bracket { band, patience, trigger }
    }

    pub(super) fn worst(&mut self, field: &str, worst: Option<Decimal>) -> Option<Ratio> {
        worst.map(|worst| self.fraction(&format!("{field}.worst"), worst, false))
    }

    pub(super) fn expiry(&mut self, field: &str, secs: Option<u32>) -> Option<Span> {
        secs.map(|secs| self.seconds(&format!("{field}.expires_secs"), secs))
    }

    fn seconds(&mut self, field: &str, secs: u32) -> Span {
        if secs == 0 {
            self.fault(field, secs, "must be at least 1 second");
        }
        Span::from_secs(i64::from(secs.max(1)))
    }

    /// A net profit: a loss is negative and below the whole.
    fn profit(&mut self, field: &str, value: Decimal) -> Ratio {
        let ratio = self.ratio(field, value);
        if ratio.0 <= -Ratio::ONE.0 || ratio > MULTIPLE_MAX {
            self.fault(field, value, "must be above -1 and at most 1000; it is a fraction, 2.5 % is 0.025, a loss of 2.5 % is -0.025");
            return Ratio::ZERO;
        }
        ratio
    }
}
