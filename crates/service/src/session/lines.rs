//! Lines of a session that no record makes.

use ripcord_core::time::Timestamp;

use crate::line::{Line, Tag, Tone};
use crate::names::Names;
use crate::source::RegimeChange;

pub(super) fn passed_over_line(at: Timestamp, why: &str) -> Line {
    let text = format!("WARNING: {why}; it was passed over, and what stands before it was read in its place");
    Line::new(Tag::Bootstrap, at, text)
        .toned(Tone::Alarm)
        .with("warning", "snapshot_passed_over")
        .with("why", why)
}

pub(super) fn plan_of_before_line(at: Timestamp, plan: &str) -> Line {
    let text = format!(
        "plan {plan} was kept before plans said which prices they trust: it goes on as it was, without a limit of \
         silence and without a wait for a second price; a new --db has both"
    );
    Line::new(Tag::Bootstrap, at, text).with("warning", "plan_of_before").with("plan", plan)
}

pub(super) fn regime_line(names: &Names, change: RegimeChange) -> Line {
    let symbol = names.instruments[change.instrument].symbol.as_str();
    let word = change.regime.word();
    Line::new(Tag::Market, change.at, format!("{symbol}: {word} begins"))
        .with("symbol", symbol)
        .with("regime", word.replace(' ', "_"))
}
