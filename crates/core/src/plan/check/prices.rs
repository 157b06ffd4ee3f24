//! Whether what a plan asks of its prices is of any use to its rules.

use super::{Finding, Look, Severity, shown};
use crate::num::Ratio;
use crate::plan::Rule;

/// The least spike that is not told: ordinary prices move by less from one to the next.
const SPIKE_MIN: Ratio = Ratio::from_bps(20);

impl Look<'_> {
    /// Everything about a plan's prices that contradicts its rules, or is worth knowing.
    pub(super) fn prices(&self) -> Vec<Finding> {
        let (plan, prices) = (self.plan, self.plan.prices);
        let mut findings = Vec::new();
        let urgent = plan.hard_stop.is_some() || plan.loss_guard.is_some() || plan.stop_loss.is_some();
        if prices.act_on_stale && !urgent {
            findings.push(Finding {
                code: "ACT_ON_STALE_ALONE",
                severity: Severity::Fault,
                field: "prices.act_on_stale".to_owned(),
                value: "true".to_owned(),
                limit: "a hard_stop, loss_guard or stop_loss".to_owned(),
                what: "no other rule acts on a price that is too old; give one of them, or drop it"
                    .to_owned(),
            });
        }
        let told = |code, field: &str, value: String, limit: &str, what: &str| Finding {
            code,
            severity: Severity::Warning,
            field: field.to_owned(),
            value,
            limit: limit.to_owned(),
            what: what.to_owned(),
        };
        if let Some(spike) = prices.spike.filter(|&spike| spike < SPIKE_MIN) {
            let limit = format!("at least {}", shown(SPIKE_MIN));
            let what = "ordinary prices would wait for a second one; make it wider";
            findings.push(told("SPIKE_TOO_SMALL", "prices.spike", shown(spike), &limit, what));
        }
        let confirms = [Rule::HardStop, Rule::LossGuard].iter().any(|&rule| plan.confirms(rule).is_some());
        if let Some(confirm) = prices.confirm.filter(|_| !confirms) {
            let value = (confirm.0 / 1_000_000).to_string();
            let limit = "a hard_stop or loss_guard with source bid, ask or last";
            let what = "nothing waits for a second price: the mark acts at once";
            findings.push(told("CONFIRM_NEVER_WAITS", "prices.confirm_ms", value, limit, what));
        }
        let at_leisure = plan.ladder.is_some() || plan.signal_exit.is_some() || plan.time_limit.is_some();
        if let Some(divergence) = prices.divergence.filter(|_| !at_leisure) {
            let limit = "a ladder, signal_exit or time_limit";
            let what = "it holds nothing up: stops never wait for it";
            findings.push(told("DIVERGENCE_UNUSED", "prices.divergence", shown(divergence), limit, what));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use crate::id::InstrumentId;
    use crate::instrument::{Instrument, Side};
    use crate::market::PriceSource;
    use crate::num::Price;
    use crate::plan::spec::{LossLimitSpec, PlanSpec, PricesSpec};
    use crate::plan::stack::Sample;

    fn plan(source: Option<PriceSource>, prices: PricesSpec) -> PlanSpec {
        let mut spec = PlanSpec::empty("p");
        let fraction = "0.02".parse().expect("a number");
        spec.hard_stop = Some(LossLimitSpec { fraction, source, ..LossLimitSpec::default() });
        spec.prices = Some(prices);
        spec
    }

    fn codes(spec: &PlanSpec) -> Vec<&'static str> {
        let instrument = Instrument::from_decimals("X", 2, 3);
        let plan = spec.resolve(InstrumentId(0), &instrument).expect("a sound plan");
        let atr = crate::num::Ratio::from_bps(50);
        let sample = Sample { side: Side::Long, entry: Price(10_000), atr };
        super::super::check(&plan, &instrument, &sample).iter().map(|found| found.code).collect()
    }

    #[test]
    fn what_is_asked_of_prices_and_serves_no_rule_is_told() {
        let confirm = PricesSpec { confirm_ms: Some(300), ..PricesSpec::default() };
        assert_eq!(codes(&plan(None, confirm.clone())), ["CONFIRM_NEVER_WAITS"]);
        assert_eq!(codes(&plan(Some(PriceSource::Mark), confirm.clone())), ["CONFIRM_NEVER_WAITS"]);
        assert_eq!(codes(&plan(Some(PriceSource::Last), confirm)), [""; 0]);
        let share = |text: &str| text.parse().ok();
        let spike = |text| PricesSpec { spike: share(text), ..PricesSpec::default() };
        assert_eq!(codes(&plan(None, spike("0.0019"))), ["SPIKE_TOO_SMALL"]);
        assert_eq!(codes(&plan(None, spike("0.002"))), [""; 0]);
        let divergence = PricesSpec { divergence: share("0.01"), ..PricesSpec::default() };
        assert_eq!(codes(&plan(None, divergence)), ["DIVERGENCE_UNUSED"]);
        let stale = PricesSpec { act_on_stale: true, ..PricesSpec::default() };
        let mut alone = plan(None, stale.clone());
        assert_eq!(codes(&alone), [""; 0]);
        alone.soft_stop = alone.hard_stop.take();
        assert_eq!(codes(&alone), ["ACT_ON_STALE_ALONE"]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let instrument = Instrument::from_decimals("X", 2, 3);
        let share = |text: &str| text.parse().ok();
        let none = PricesSpec::default;
        for (field, prices) in [
            ("prices.stale_after_ms", PricesSpec { stale_after_ms: Some(0), ..none() }),
            ("prices.silence_secs", PricesSpec { silence_secs: Some(9), ..none() }),
            ("prices.confirm_ms", PricesSpec { confirm_ms: Some(5_001), ..none() }),
            ("prices.spike", PricesSpec { spike: share("0"), ..none() }),
            ("prices.spike", PricesSpec { spike: share("1"), ..none() }),
            ("prices.divergence", PricesSpec { divergence: share("-0.1"), ..none() }),
        ] {
            let faults = plan(None, prices).resolve(InstrumentId(0), &instrument).expect_err(field);
            assert_eq!(faults[0].field, field, "{faults:?}");
        }
        let off = PricesSpec { silence_secs: Some(0), confirm_ms: Some(0), ..none() };
        let plan = plan(None, off).resolve(InstrumentId(0), &instrument).expect("both are off");
        assert_eq!((plan.prices.silence, plan.prices.confirm), (None, None));
    }

    #[test]
    fn a_running_engine_writes_its_defaults_out_and_keeps_what_the_plan_says() {
        let live = PlanSpec::empty("p").for_live().prices.expect("they are written out");
        assert_eq!((live.silence_secs, live.confirm_ms, live.spike), (Some(30), Some(300), None));
        let said = PricesSpec { silence_secs: Some(0), confirm_ms: Some(50), ..PricesSpec::default() };
        assert_eq!(plan(None, said.clone()).for_live().prices, Some(said));
    }
}
