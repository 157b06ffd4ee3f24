//! Whole sessions, without a clock.

use std::collections::BTreeMap;

use ripcord_core::market::PriceSource;
use ripcord_core::reason::Reason;
use ripcord_core::time::{Span, Timestamp};
use ripcord_service::line::{Line, Style, Tag};
use ripcord_service::plans::RunPlans;
use ripcord_service::session::{Advance, Session, SessionSpec};
use ripcord_service::source::Market;
use ripcord_sim::generator::Script;
use ripcord_sim::tape::{Columns, Tape, TapeMeta};

pub(crate) const START: Timestamp = Timestamp(1_767_225_600_000_000_000);

pub(crate) fn session(seed: u64, script: Script, positions_max: u32) -> Session {
    let market = Market::Generated { seed, script };
    let plans = RunPlans::demo().expect("the demo's plans are sound");
    Session::new(SessionSpec {
        market,
        seed,
        positions_max,
        start: START,
        plans: &plans,
        kept: None,
        budget: None,
    })
    .expect("the demo is sound")
}

/// Lets `seconds` pass in steps of `step`; all lines.
fn pass(session: &mut Session, seconds: i64, step: Span) -> Vec<Line> {
    let (mut lines, mut to) = (Vec::new(), START);
    while to < START.after(Span::from_secs(seconds)) {
        to = to.after(step);
        while session.advance(to, 1_000).expect("no tape") == Advance::More {}
        lines.append(&mut session.take_lines());
        check_books(session);
    }
    lines
}

/// What the venue holds is what we believe to hold, or less by fills that are on their way to us;
/// it is never less than nothing, and nothing was closed that was not held.
fn check_books(session: &Session) {
    let desk = session.desk();
    for position in session.positions() {
        let held = desk.venue.books().expect("they are here").held(position.episode.key);
        assert!(held <= position.qty && held.0 >= 0, "venue {held:?}, ours {position:?}");
        assert!(position.qty <= position.initial && position.qty.0 > 0, "{position:?}");
    }
}

fn count(lines: &[Line], tag: Tag) -> usize {
    lines.iter().filter(|line| line.tag == tag).count()
}

#[test]
fn a_long_session_has_every_reason_and_never_closes_more_than_is_held() {
    let mut session = session(7, Script::Mixed, 6);
    let lines = pass(&mut session, 600, Span::from_millis(100));
    let tally = session.tally();
    for reason in [
        Reason::HardStop,
        Reason::LossGuard,
        Reason::StopLoss,
        Reason::SoftStop,
        Reason::TrailingStop,
        Reason::TakeProfit,
    ] {
        assert!(tally.reason(reason).exits > 0, "{} did not come", reason.word());
    }
    assert!(tally.total().exits > 100, "{} exits", tally.total().exits);
    assert_eq!(tally.total().trades.all() + tally.open_now() as u64, tally.opened());
    assert_eq!(tally.open_now(), session.positions().len());
    // Nothing went wrong on the way.
    for tag in [Tag::Alarm, Tag::CommandRefused, Tag::ExitGuard] {
        let odd: Vec<&Line> = lines.iter().filter(|line| line.tag == tag).collect();
        assert!(odd.is_empty(), "{odd:?}");
    }
}

#[test]
fn quantities_of_the_lines_sum_to_what_was_opened() {
    let mut session = session(3, Script::Crash, 6);
    let lines = pass(&mut session, 300, Span::from_millis(250));
    let mut open: BTreeMap<String, i64> = BTreeMap::new();
    let number = |line: &Line, name: &str| -> i64 {
        let text = line.field(name).and_then(|value| value.as_str()).expect("a number");
        text.replace('.', "").parse().expect("digits")
    };
    let mut closed = 0;
    for line in &lines {
        let Some(episode) = line.field("episode").and_then(|value| value.as_str()) else { continue };
        match line.tag {
            Tag::PositionOpened => assert_eq!(open.insert(episode.to_owned(), number(line, "qty")), None),
            Tag::ExitOrder if line.field("outcome") == Some(&"executed".into()) => {
                let left = open.get_mut(episode).expect("only open positions are closed");
                *left -= number(line, "qty");
                assert!(*left >= 0, "more was closed than held: {}", line.text);
                assert_eq!(*left, number(line, "remaining_size"), "{}", line.text);
            }
            Tag::PositionClosed => {
                assert_eq!(open.remove(episode), Some(0), "{}", line.text);
                closed += 1;
            }
            _ => {}
        }
    }
    assert!(closed > 50, "{closed} closed");
    assert_eq!(open.len(), session.positions().len());
}

#[test]
fn the_same_seed_gives_the_same_lines_at_every_step() {
    let text = |seed, step| -> String {
        let lines = pass(&mut session(seed, Script::Mixed, 4), 60, step);
        lines.iter().map(|line| Style::Json.render(line)).collect()
    };
    let slow = text(7, Span::from_millis(3));
    assert!(slow.lines().count() > 100);
    assert_eq!(slow, text(7, Span::from_secs(5)));
    assert_ne!(slow, text(8, Span::from_secs(5)));
}

#[test]
fn the_first_two_seconds_show_something() {
    let lines = pass(&mut session(7, Script::Mixed, 6), 2, Span::from_millis(50));
    assert!(count(&lines, Tag::PositionOpened) >= 2, "{lines:?}");
    let lines = pass(&mut session(7, Script::Mixed, 6), 20, Span::from_millis(50));
    for tag in [Tag::ExitTpTrigger, Tag::ExitRatchetSl, Tag::ExitTrailing, Tag::ExitOrder, Tag::Market] {
        assert!(count(&lines, tag) > 0, "no {} within 20 s", tag.word());
    }
}

#[test]
fn no_more_positions_than_asked_for_and_none_after_stop() {
    let mut session = session(1, Script::Trend, 2);
    for second in 1..120 {
        if second == 60 {
            session.stop_opening();
        }
        let to = START.after(Span::from_secs(second));
        while session.advance(to, 1_000).expect("no tape") == Advance::More {}
        assert!(session.positions().len() <= 2);
        let lines = session.take_lines();
        assert!(second <= 60 || count(&lines, Tag::PositionOpened) == 0);
    }
}

fn tape(rows: usize) -> Tape {
    let columns = Columns {
        ts: (0..rows).map(|row| START.0 + row as i64 * 50_000_000).collect(),
        // A saw: up by a percent, down by two.
        price: (0..rows)
            .map(|row| 600_000 + [0, 2_000, 4_000, 6_000, 0, -6_000][row / 40 % 6] + row as i64 % 7)
            .collect(),
        qty: vec![5; rows],
        source: vec![PriceSource::Last as u8; rows],
    };
    let meta = TapeMeta { symbol: "BTC-PERP".to_owned(), price_decimals: 1, qty_decimals: 3 };
    Tape::from_columns(meta, columns).expect("a sound tape")
}

#[test]
fn a_recorded_market_runs_to_its_end() {
    let market = Market::Recorded(Box::new(tape(3_000)));
    let plans = RunPlans::demo().expect("the demo's plans are sound");
    let spec = SessionSpec {
        market,
        seed: 1,
        positions_max: 3,
        start: Timestamp(0),
        plans: &plans,
        kept: None,
        budget: None,
    };
    let mut session = Session::new(spec).expect("a sound tape");
    assert_eq!(session.now(), START);
    let mut turns = 0;
    while session.advance(Timestamp::NEVER, 100).expect("a sound tape") != Advance::Ended {
        turns += 1;
    }
    assert_eq!((turns, session.rows(), session.next_wake()), (30, 3_000, None));
    assert!(session.tally().total().exits > 5, "{:?}", session.tally().total());
    let lines = session.take_lines();
    assert!(lines.iter().any(|line| line.text.starts_with("BTC-PERP LONG")), "{lines:?}");
}

#[test]
fn a_tape_without_rows_is_refused() {
    let meta = TapeMeta { symbol: "NONE".to_owned(), price_decimals: 1, qty_decimals: 3 };
    let tape = Tape::from_columns(meta, Columns::default()).expect("an empty tape");
    let market = Market::Recorded(Box::new(tape));
    let plans = RunPlans::demo().expect("the demo's plans are sound");
    let spec = SessionSpec {
        market,
        seed: 1,
        positions_max: 1,
        start: START,
        plans: &plans,
        kept: None,
        budget: None,
    };
    let refused = Session::new(spec).err();
    let text = refused.map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(text, "the tape NONE has no rows; build it from a file that has some");
}
