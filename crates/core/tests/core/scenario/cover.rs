//! How a position is covered, in words: `cover [NAME]`, and `covered [NAME]` for what the records say.

use std::fmt::Write as _;

use ripcord_core::coverage::{Coverage, Known, Wants};
use ripcord_core::id::{InstrumentId, PlanId};
use ripcord_core::num::{Money, Qty, shortest};
use ripcord_core::view::{Protection, Totals, View, WorstCase};

use super::Story;

/// Instruments and plans, as a coordinator knows them.
pub(crate) struct Registered<'a>(pub(crate) View<'a>);

impl Known for Registered<'_> {
    fn closable(&self, instrument: InstrumentId, qty: Qty) -> Qty {
        use ripcord_core::id::{AccountId, PositionKey};
        use ripcord_core::instrument::Side;
        let key = PositionKey { account: AccountId(0), instrument, side: Side::Long };
        self.0.instrument(key).closable(qty)
    }

    fn wants(&self, plan: PlanId) -> Wants {
        Wants::of(self.0.plan(plan))
    }
}

impl Story {
    /// What the state says.
    pub(super) fn cover(&self, name: Option<&&str>) -> Result<String, String> {
        let key = self.key(name)?;
        let found = self.world.core.view().protections().find(|of| of.episode.key == key);
        let Some(of) = found.map(|of| of.at(self.world.now)) else { return Ok("flat".to_owned()) };
        let qty = |qty| self.show_qty(key, qty);
        let mut text = format!("{} held", qty(of.held));
        for (part, words) in [
            (of.covered, "at the venue"),
            (of.armed_only, "by us only"),
            (of.naked, "naked"),
            (Qty(of.held.0 - of.closable.0), "of it dust"),
        ] {
            if part.0 > 0 {
                write!(text, ", {} {words}", qty(part)).expect("text");
            }
        }
        if let Some(stop) = of.stop {
            let waits = if stop.is_triggered { " triggered" } else { "" };
            write!(text, "; stop {}{waits}", self.show_price(key, stop.trigger)).expect("text");
        }
        if let Some(rule) = of.rule {
            let leaves = if rule.leaves_to_stop { " left to it" } else { "" };
            let level = self.show_price(key, rule.level);
            write!(text, "; {} {level}{leaves}", rule.reason.word()).expect("text");
        }
        if let Some(reason) = of.closing {
            write!(text, "; closing {}", reason.word()).expect("text");
        }
        if of.unknown_orders > 0 {
            write!(text, "; {} unknown", of.unknown_orders).expect("text");
        }
        let (without, with) = (worst(of.worst_without_us), worst(of.worst_with_us));
        write!(text, "; worst {without} without us, {with} with us: {}", of.cover.word()).expect("text");
        Ok(text)
    }

    /// What the records say.
    pub(super) fn covered(&self, name: Option<&&str>) -> Result<String, String> {
        let key = self.key(name)?;
        let (mut coverage, known) = (Coverage::default(), Registered(self.world.core.view()));
        let mut last = None;
        for entry in &self.world.records {
            last = coverage.take(entry, &known).filter(|(episode, _)| episode.key == key).or(last);
        }
        let now = self.world.now;
        let living = coverage.held().find(|(episode, _)| episode.key == key).map(|(_, of)| of.clone());
        let state = if living.is_some() { "held" } else { "closed" };
        let Some(of) = living.or(last.map(|(_, of)| of)) else { return Ok("never opened".to_owned()) };
        let secs = |span: ripcord_core::time::Span| shortest(i128::from(span.0), 9).to_string();
        let mut text = format!(
            "{state}: naked {} s, longest {} s; unprotected {} s",
            secs(of.naked.in_all(now)),
            secs(of.naked.longest(now)),
            secs(of.unprotected.in_all(now))
        );
        for (what, _) in &of.alarms {
            write!(text, "; stands: {}", super::word(what)).expect("text");
        }
        Ok(text)
    }

    /// The sums of everything that is held.
    pub(super) fn totals(&self) -> String {
        let all: Vec<Protection> = self.world.core.view().protections().collect();
        let of = Totals::of(&all);
        format!(
            "{} held worth {}, {} of it covered; {} short, {} closing, {} unknown; worst {} and {} unbounded without us, {} and {} with us",
            of.positions,
            money(of.value),
            money(of.value_covered),
            of.short,
            of.closing,
            of.unknown_orders,
            money(of.worst_without_us),
            of.unbounded_without_us,
            money(of.worst_with_us),
            of.unbounded_with_us
        )
    }
}

fn money(money: Money) -> String {
    shortest(money.0, ripcord_core::num::MONEY_DECIMALS).to_string()
}

fn worst(of: WorstCase) -> String {
    of.bounded().map_or_else(|| "unbounded".to_owned(), money)
}
