//! Health that can say no: what is wrong, judged from a status and the time.

use ripcord_core::time::{Span, Timestamp};

use crate::status::{About, Status};
use crate::wire::link::BREAKS_MANY;

/// The host turns at least ten times a second; silent for this long, it hangs.
pub const SILENT_MAX: Span = Span::from_secs(2);
/// A price is handed over at most this late.
pub const LATE_MAX: Span = Span::from_millis(500);
/// A timer or an answer runs at most this late.
pub const OVERDUE_MAX: Span = Span::from_secs(1);
/// Time that was given up is told for this long.
pub const GAVE_UP_SHOWN: Span = Span::from_secs(30);

/// How the host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Nothing is wrong.
    Healthy,
    /// It runs, and these things are wrong.
    Degraded(Vec<String>),
    /// It is on its way out.
    Stopping,
}

impl Health {
    /// The word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded(_) => "degraded",
            Self::Stopping => "stopping",
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        match self {
            Self::Healthy => Vec::new(),
            Self::Degraded(reasons) => reasons.clone(),
            Self::Stopping => vec!["the run is stopping; no positions are opened".to_owned()],
        }
    }

    /// Judges.
    #[must_use]
    pub fn of(status: &Status, about: &About, now: Timestamp) -> Self {
        if status.is_stopping {
            return Self::Stopping;
        }
        let mut reasons = Vec::new();
        let mut limit = |what: &str, value: Span, most: Span| {
            if value > most {
                reasons.push(format!("{what} {} ms, limit {} ms", ms(value), ms(most)));
            }
        };
        limit("the last quote is old:", now.since(status.last_quote), about.quote_age_max);
        limit("the loop does not turn, since", now.since(status.published), SILENT_MAX);
        limit("the loop is late:", status.late, LATE_MAX);
        if let Some(deadline) = status.deadline {
            limit("a deadline is overdue:", now.since(deadline), OVERDUE_MAX);
        }
        if let Some((at, lost)) = status.gave_up
            && now.since(at) <= GAVE_UP_SHOWN
        {
            reasons.push(format!("the loop gave up {} ms that it could not catch up with", ms(lost)));
        }
        if let Some((since, why)) = status.link.away() {
            let age = ms(status.market_at.since(*since)) / 1_000;
            reasons.push(format!("the venue is not there, for {age} s: {why}"));
        }
        if status.link.is_loose(status.market_at) {
            reasons.push(format!("the venue broke off {BREAKS_MANY} times within a minute"));
        }
        if reasons.is_empty() { Self::Healthy } else { Self::Degraded(reasons) }
    }
}

/// Whole milliseconds.
#[must_use]
pub const fn ms(span: Span) -> i64 {
    span.0 / 1_000_000
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000_000);

    fn about() -> About {
        About {
            names: Arc::default(),
            started: Timestamp(0),
            quote_age_max: Span::from_secs(5),
            venue: String::new(),
            mode: crate::status::Mode::Paper,
        }
    }

    fn fine() -> Status {
        Status { published: NOW, last_quote: NOW, ..Status::default() }
    }

    fn seconds_ago(seconds: i64) -> Timestamp {
        NOW.after(Span::from_secs(-seconds))
    }

    fn says(status: &Status) -> (&'static str, String) {
        let health = Health::of(status, &about(), NOW);
        (health.word(), health.reasons().join("; "))
    }

    #[test]
    fn nothing_wrong_is_healthy_up_to_each_limit() {
        assert_eq!(says(&fine()), ("healthy", String::new()));
        let at_the_limits = Status {
            last_quote: seconds_ago(5),
            published: seconds_ago(2),
            late: LATE_MAX,
            deadline: Some(seconds_ago(1)),
            gave_up: Some((seconds_ago(31), Span::from_secs(9))),
            ..fine()
        };
        assert_eq!(says(&at_the_limits).0, "healthy");
    }

    #[test]
    fn each_fault_is_told_with_its_limit() {
        let old = Status { last_quote: seconds_ago(6), ..fine() };
        assert_eq!(says(&old), ("degraded", "the last quote is old: 6000 ms, limit 5000 ms".to_owned()));
        let silent = Status { published: seconds_ago(3), ..fine() };
        assert_eq!(
            says(&silent),
            ("degraded", "the loop does not turn, since 3000 ms, limit 2000 ms".to_owned())
        );
        let late = Status { late: Span::from_millis(501), ..fine() };
        assert_eq!(says(&late), ("degraded", "the loop is late: 501 ms, limit 500 ms".to_owned()));
        let overdue = Status { deadline: Some(seconds_ago(2)), ..fine() };
        assert_eq!(says(&overdue), ("degraded", "a deadline is overdue: 2000 ms, limit 1000 ms".to_owned()));
        let slept = Status { gave_up: Some((seconds_ago(10), Span::from_secs(60))), ..fine() };
        assert_eq!(
            says(&slept),
            ("degraded", "the loop gave up 60000 ms that it could not catch up with".to_owned())
        );
    }

    #[test]
    fn a_venue_that_is_away_or_breaks_off_again_and_again_is_told() {
        let mut status = Status { market_at: NOW, ..fine() };
        for n in (0..BREAKS_MANY as i64).rev() {
            status.link.up();
            status.link.down(seconds_ago(n * 10), "it closed the connection");
        }
        let (away, loose) = (
            "the venue is not there, for 0 s: it closed the connection",
            "the venue broke off 5 times within a minute",
        );
        assert_eq!(says(&status), ("degraded", format!("{away}; {loose}")));
        status.link.up();
        assert_eq!(says(&status), ("degraded", loose.to_owned()));
        status.market_at = NOW.after(Span::from_secs(60));
        assert_eq!(says(&status), ("healthy", String::new()));
    }

    #[test]
    fn stopping_goes_before_everything() {
        let status = Status { is_stopping: true, last_quote: Timestamp(0), ..fine() };
        assert_eq!(says(&status).0, "stopping");
    }
}
