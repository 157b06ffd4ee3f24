//! The host's turns, at wall times that the test gives.

use std::io::Write;
use std::sync::{Arc, Mutex};

use ripcord_core::time::{Span, Timestamp};
use ripcord_service::clock::{Pace, Speed};
use ripcord_service::health::Health;
use ripcord_service::host::{Ended, Host, Turn};
use ripcord_service::line::Style;
use ripcord_service::printer::Printer;
use ripcord_service::status::{About, Status};
use ripcord_sim::generator::Script;
use tokio::sync::watch;

use crate::session::{START, session};

const WALL: Timestamp = Timestamp(1_800_000_000_000_000_000);

/// An output that keeps what is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no writer panicked").clone()).expect("text")
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no writer panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Stage {
    host: Host,
    status: watch::Receiver<Arc<Status>>,
    about: About,
    output: Kept,
}

fn stage(speed: Speed, ends: Timestamp) -> Stage {
    let session = session(7, Script::Mixed, 6);
    let (published, status) = watch::channel(Arc::new(Status::default()));
    let output = Kept::default();
    let printer = Printer::start(Box::new(output.clone()), Style::Plain, false, Speed::Max);
    let about = About {
        names: Arc::new(session.names().clone()),
        started: WALL,
        quote_age_max: session.quote_age_max(),
        venue: String::new(),
        mode: ripcord_service::status::Mode::Paper,
    };
    let pace = Pace::new(speed, WALL, START);
    Stage { host: Host::new(session, pace, printer, published, WALL, ends), status, about, output }
}

fn later(ms: i64) -> Timestamp {
    WALL.after(Span::from_millis(ms))
}

#[test]
fn it_sleeps_until_the_next_price_and_publishes_ten_times_a_second() {
    let mut stage = stage(Speed::Times(1), Timestamp::NEVER);
    let (mut wall, mut turns, mut published) = (WALL, 0, Vec::new());
    while wall < later(1_000) {
        match stage.host.turn(wall) {
            Turn::SleepUntil(until) => {
                assert!(until > wall, "it would turn for nothing at {wall:?}");
                assert!(until <= wall.after(Span::from_millis(100)));
                wall = until;
            }
            Turn::Again => {}
            Turn::Ended(ended) => unreachable!("it ended: {ended:?}"),
        }
        turns += 1;
        let at = stage.status.borrow().published;
        if published.last() != Some(&at) {
            published.push(at);
        }
    }
    // Three markets, a quote every 15 ms or so, and the answers of the venue.
    assert!((100..400).contains(&turns), "{turns} turns");
    assert_eq!(published.len(), 10, "{published:?}");
    assert_eq!(Health::of(&stage.status.borrow(), &stage.about, wall), Health::Healthy);
    stage.host.finish(wall, Ended::Asked);
}

#[test]
fn a_machine_that_slept_is_degraded_and_goes_on() {
    let mut stage = stage(Speed::Times(1), Timestamp::NEVER);
    stage.host.turn(WALL);
    let woken = later(3_600_000);
    stage.host.turn(woken);
    let health = Health::of(&stage.status.borrow(), &stage.about, woken);
    let reasons = health.reasons().join("; ");
    assert_eq!(health.word(), "degraded", "{reasons}");
    assert!(reasons.contains("gave up"), "{reasons}");
    stage.host.finish(woken, Ended::Asked);
    assert!(stage.output.text().contains("the market goes on from where it was"));
}

#[test]
fn its_time_is_up_when_it_is_up_and_the_summary_adds_up() {
    let mut stage = stage(Speed::Times(50), later(10_000));
    for ms in (0..10_000).step_by(20) {
        while !matches!(stage.host.turn(later(ms)), Turn::SleepUntil(_)) {}
    }
    assert!(matches!(stage.host.turn(later(10_000)), Turn::Ended(Ended::TimeUp)));
    stage.host.finish(later(10_000), Ended::TimeUp);
    assert_eq!(Health::of(&stage.status.borrow(), &stage.about, later(10_000)), Health::Stopping);
    let text = stage.output.text();
    let summary: Vec<&str> = text.lines().filter(|line| line.contains(" SUMMARY ")).collect();
    let column = |line: &str, at: usize| -> i64 {
        line.split_whitespace().nth(at).and_then(|cell| cell.parse().ok()).unwrap_or(-1)
    };
    let total = summary.iter().find(|line| line.contains(" all ")).expect("a line for all");
    let rows =
        summary.iter().filter(|line| ["STOP", "GUARD", "PROFIT"].iter().any(|word| line.contains(word)));
    for at in 3..8 {
        let sum: i64 =
            rows.clone().filter(|line| !line.contains("left open")).map(|line| column(line, at)).sum();
        assert_eq!(sum, column(total, at), "column {at} of\n{}", summary.join("\n"));
    }
    assert!(column(total, 3) > 50, "{total}");
    assert_eq!(column(total, 4), (5..8).map(|at| column(total, at)).sum::<i64>());
}
