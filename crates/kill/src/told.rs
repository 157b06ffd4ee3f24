//! What came of the kills, as a table.

use crate::judge::{Limits, Verdict};
use crate::world::Lived;

/// All worlds together.
#[derive(Debug, Default)]
pub struct Total {
    /// What the judge says of all of them.
    pub verdict: Verdict,
    /// Kills.
    pub kills: usize,
    /// Kills by name of what struck.
    pub by_name: std::collections::BTreeMap<String, usize>,
    /// From the start of a process to its first read of what is held, in nanoseconds.
    pub recovery: Vec<i64>,
}

impl Total {
    /// One more world; what is wrong in it is told with its seed.
    pub fn add(&mut self, lived: &Lived, verdict: Verdict) {
        let seed = lived.seed;
        let own = verdict.violations.iter().map(|what| format!("seed {seed}: {what}"));
        let ended = lived.faults.iter().map(|what| format!("seed {seed}: {what}"));
        self.verdict.violations.extend(own.chain(ended));
        let (sum, of) = (&mut self.verdict, &verdict);
        sum.opened += of.opened;
        sum.closed += of.closed;
        sum.fills += of.fills;
        sum.exits += of.exits;
        sum.stops += of.stops;
        sum.found_nothing += of.found_nothing;
        sum.busy += of.busy;
        sum.to_flat.extend(&of.to_flat);
        sum.naked.extend(&of.naked);
        sum.held_for += of.held_for;
        for life in &lived.lives {
            self.kills += usize::from(life.was_killed);
            if life.was_killed {
                *self.by_name.entry(life.struck_by.clone()).or_default() += 1;
            }
            let served = of.served.iter().find(|at| (life.started..life.ended).contains(*at));
            self.recovery.extend(served.map(|at| at - life.started));
        }
    }

    /// The table.
    #[must_use]
    pub fn text(&self, limits: &Limits) -> String {
        let Verdict {
            violations,
            opened,
            closed,
            fills,
            exits,
            stops,
            found_nothing,
            busy,
            to_flat,
            naked,
            ..
        } = &self.verdict;
        let names: Vec<String> = self.by_name.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let seconds = |ns: i64| format!("{:.3} s", ns as f64 / 1e9);
        let spread = |values: &[i64]| {
            let (half, most, all) = (quantile(values, 50), quantile(values, 99), quantile(values, 100));
            format!("p50 {}, p99 {}, max {}", seconds(half), seconds(most), seconds(all))
        };
        let mut text = format!(
            "kills                      {}\n\
             \x20 struck at                {}\n\
             positions opened, closed   {opened}, {closed}\n\
             trades; exits, stops taken {fills}; {exits}, {stops}\n\
             orders that found nothing  {found_nothing} (capped by the venue; nothing was sold)\n\
             orders refused as busy     {busy}\n\
             level passed to flat       {} (limit {}, {} levels)\n\
             without a stop, alive      {} (limit {})\n\
             covered, while alive       {} of the time (least {} % in a world)\n\
             start to first read        {} ({} starts)\n\
             violations                 {}\n",
            self.kills,
            names.join(", "),
            spread(to_flat),
            seconds(limits.flat_within),
            to_flat.len(),
            spread(naked),
            seconds(limits.naked_max),
            self.verdict.covered().map_or_else(|| "-".to_owned(), |covered| format!("{covered} %")),
            limits.covered_least,
            spread(&self.recovery),
            self.recovery.len(),
            violations.len(),
        );
        for what in violations.iter().take(40) {
            text += &format!("  {what}\n");
        }
        text
    }
}

/// The value that so many of a hundred do not exceed; 0 of none.
fn quantile(values: &[i64], percent: usize) -> i64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(0)
}
