//! Commands: a session carries them out in virtual time, and the queue in front of it is bounded.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use ripcord_core::kill::KillLevel;
use ripcord_core::reason::Reason;
use ripcord_core::time::Span;
use ripcord_service::command::answer::{Answer, Carried, Fate, Outcome};
use ripcord_service::command::parse::wish;
use ripcord_service::command::{Kind, Wish};
use ripcord_service::host::{Ask, WAITING_MAX};
use ripcord_service::keeper::{Keeper, KeptAt};
use ripcord_service::line::Tag;
use ripcord_service::plans::RunPlans;
use ripcord_service::session::{Advance, Session, SessionSpec};
use ripcord_service::source::Market;
use ripcord_sim::generator::Script;

use crate::api::{TOKEN, serve};
use crate::session::{START, session};
use crate::vfs::{Failure, Vfs};

fn pass(session: &mut Session, span: Span) {
    let to = session.now().after(span);
    while session.advance(to, 1_000).expect("no tape") == Advance::More {}
}

fn ask(session: &mut Session, kind: Kind, body: &str) -> Answer {
    let wish = wish(kind, body.as_bytes(), session.names()).expect(body);
    match session.carry_out(&wish) {
        Carried::Heard(answer) => *answer,
        Carried::NotKept(why) => unreachable!("{why}"),
    }
}

/// A session that holds something.
fn holding() -> Session {
    let mut session = session(7, Script::Calm, 6);
    while session.positions().len() < 3 {
        pass(&mut session, Span::from_secs(1));
    }
    session
}

fn first_id(session: &Session) -> String {
    session.names().episode(session.positions()[0].episode)
}

#[test]
fn a_panic_with_nothing_held_says_so_and_a_second_one_changes_nothing() {
    let mut session = session(7, Script::Calm, 6);
    let answer = ask(&mut session, Kind::Panic, "{}");
    assert_eq!((answer.outcome, answer.positions.len(), answer.journal), (Outcome::Accepted, 0, None));
    assert!(answer.text.contains("nothing is held"), "{answer:?}");
    let mut session = holding();
    let held = session.positions().len();
    let answer = ask(&mut session, Kind::Panic, "{}");
    assert_eq!(answer.positions.len(), held);
    assert!(
        answer.positions.iter().all(|of| of.outcome == Fate::Closing && of.orders.len() == 1),
        "{answer:?}"
    );
    let again = ask(&mut session, Kind::Panic, "{}");
    assert!(again.positions.iter().all(|of| of.outcome == Fate::AlreadyClosing), "{again:?}");
    assert!(again.followed.is_empty(), "{again:?}");
    pass(&mut session, Span::from_millis(500));
    assert!(session.positions().is_empty());
    let reasons: Vec<Reason> = session.tally().reasons().map(|(reason, _)| reason).collect();
    assert!(reasons.contains(&Reason::PanicClose), "{reasons:?}");
}

#[test]
fn a_panic_of_one_account_leaves_the_others() {
    let mut session = holding();
    let held = session.positions();
    let account = held[0].episode.key.account.0;
    let answer = ask(&mut session, Kind::Panic, &format!("{{\"account\":{account}}}"));
    assert_eq!(answer.positions.len(), 1, "{answer:?}");
    let answer = ask(&mut session, Kind::Panic, "{\"account\":99}");
    assert_eq!((answer.outcome, answer.why), (Outcome::Refused, Some("unknown_account")));
    pass(&mut session, Span::from_millis(300));
    assert_eq!(session.positions().len(), held.len() - 1);
}

#[test]
fn k3_needs_a_second_word_and_then_says_what_it_keeps_back() {
    let mut session = holding();
    let answer = ask(&mut session, Kind::Kill, r#"{"level":"K3"}"#);
    assert_eq!((answer.outcome, answer.why), (Outcome::Refused, Some("not_confirmed")));
    let answer = ask(&mut session, Kind::Kill, r#"{"level":"K3","confirmed":true}"#);
    assert_eq!((answer.outcome, answer.accounts.len()), (Outcome::Accepted, 6));
    assert!(answer.accounts.iter().all(|account| account.is_new && account.level == Some("K3")));
    let again = ask(&mut session, Kind::Kill, r#"{"level":"K3","confirmed":true}"#);
    assert!(again.accounts.iter().all(|account| !account.is_new), "{again:?}");
    assert!(again.text.ends_with("6 accounts, 6 had K3 before"), "{again:?}");
    let answer = ask(&mut session, Kind::Panic, "{}");
    assert!(!answer.positions.is_empty());
    for position in &answer.positions {
        assert_eq!((position.outcome, position.orders.len()), (Fate::NotSent, 0), "{answer:?}");
        assert!(position.why.as_deref().is_some_and(|why| why.contains("kill level") || why.contains("K3")));
    }
    let kills: Vec<KillLevel> =
        session.desk().coordinator.view().kill_levels().map(|(_, level)| level).collect();
    assert_eq!(kills, [KillLevel::Silent; 6]);
    ask(&mut session, Kind::Kill, r#"{"level":"release"}"#);
    pass(&mut session, Span::from_millis(300));
    assert!(session.tally().reasons().any(|(reason, _)| reason == Reason::PanicClose), "sent on release");
}

#[test]
fn a_weaker_level_leaves_a_stronger_one_and_says_where() {
    let mut session = holding();
    let account = session.positions()[0].episode.key.account;
    let one = |level: &str| format!("{{\"level\":\"{level}\",\"account\":{},\"confirmed\":true}}", account.0);
    ask(&mut session, Kind::Kill, &one("K3"));
    let answer = ask(&mut session, Kind::Kill, &one("K1"));
    assert_eq!((answer.outcome, answer.why), (Outcome::Refused, Some("stronger_level")), "{answer:?}");
    let answer = ask(&mut session, Kind::Kill, r#"{"level":"K2"}"#);
    assert_eq!((answer.outcome, answer.accounts.len()), (Outcome::Accepted, 6), "{answer:?}");
    assert!(
        answer.text.contains("; 5 accounts; 1 account not, K3 is stronger: release it first"),
        "{answer:?}"
    );
    let kept: Vec<_> = answer.accounts.iter().filter(|of| of.why == Some("stronger_level")).collect();
    assert_eq!(kept.len(), 1, "{answer:?}");
    assert_eq!((kept[0].account, kept[0].level, kept[0].is_new), (account.0, Some("K3"), false));
    ask(&mut session, Kind::Kill, &one("release"));
    let answer = ask(&mut session, Kind::Kill, &one("K1"));
    assert_eq!(answer.outcome, Outcome::Accepted, "{answer:?}");
}

#[test]
fn names_mean_one_living_position_or_none() {
    let mut session = holding();
    let view = session.positions()[0].clone();
    let id = first_id(&session);
    let next = format!("{}-{}", session.names().bucket(view.episode.key), view.episode.generation + 1);
    let body = format!("{{\"position\":\"{next}\"}}");
    for kind in [Kind::Close, Kind::Release, Kind::HandOver] {
        let answer = ask(&mut session, kind, &body);
        assert_eq!((answer.outcome, answer.why), (Outcome::Refused, Some("not_open")), "{answer:?}");
        assert!(answer.text.contains(&id), "{answer:?}");
    }
    let mut by_side = std::collections::BTreeMap::<_, usize>::new();
    for position in session.positions() {
        *by_side
            .entry((session.names().symbol(position.episode).to_owned(), position.side.word()))
            .or_default() += 1;
    }
    for symbol in ["BTCUSDT", "ETHUSDT", "SOLUSDT"] {
        for side in ["long", "short"] {
            let body = format!("{{\"symbol\":\"{symbol}\",\"side\":\"{side}\"}}");
            let answer = ask(&mut session, Kind::HandOver, &body);
            let wanted = match by_side.get(&(symbol.to_owned(), side)) {
                None => (Outcome::Refused, Some("not_open")),
                Some(1) => (Outcome::Accepted, None),
                Some(_) => (Outcome::Refused, Some("ambiguous")),
            };
            assert_eq!((answer.outcome, answer.why), wanted, "{answer:?}");
        }
    }
}

#[test]
fn a_part_is_closed_and_the_rest_is_held() {
    let mut session = holding();
    let view = session.positions()[0].clone();
    let half = ripcord_core::num::Qty(view.qty.0 / 2);
    let body = format!(
        "{{\"position\":\"{}\",\"qty\":\"{}\"}}",
        first_id(&session),
        session.names().qty(view.episode, half)
    );
    let answer = ask(&mut session, Kind::Close, &body);
    assert_eq!(
        (answer.outcome, answer.positions[0].outcome),
        (Outcome::Accepted, Fate::Closing),
        "{answer:?}"
    );
    pass(&mut session, Span::from_millis(300));
    let left = session.desk().coordinator.view().position(view.episode.key).expect("the rest is held");
    assert_eq!(left.qty.0, view.qty.0 - half.0);
}

#[test]
fn what_is_let_go_is_left_alone_and_taken_over_again() {
    let mut session = holding();
    let key = session.positions()[0].episode.key;
    let id = first_id(&session);
    let answer = ask(&mut session, Kind::Release, &format!("{{\"position\":\"{id}\"}}"));
    assert_eq!(answer.outcome, Outcome::Accepted, "{answer:?}");
    pass(&mut session, Span::from_secs(130));
    let view = session.desk().coordinator.view();
    assert_eq!(view.position(key), None, "two reads found it, and left it alone");
    let bucket = session.names().bucket(key);
    let answer = ask(&mut session, Kind::HandOver, &format!("{{\"position\":\"{bucket}\"}}"));
    assert!(answer.text.contains("the venue is read"), "{answer:?}");
    pass(&mut session, Span::from_secs(1));
    let view = session.desk().coordinator.view();
    assert!(view.position(key).is_some_and(|position| position.episode.generation > 1));
}

fn kept(at: &KeptAt) -> Session {
    let plans = RunPlans::demo().expect("the demo's plans are sound");
    let kept = Some(Keeper::open(at, START).expect("a store"));
    let market = Market::Generated { seed: 7, script: Script::Calm };
    Session::new(SessionSpec {
        market,
        seed: 7,
        positions_max: 4,
        start: START,
        plans: &plans,
        kept,
        budget: None,
    })
    .expect("the demo is sound")
}

fn place(folder: &Path) -> PathBuf {
    folder.join("paper.db")
}

#[test]
fn a_command_is_durable_when_it_is_answered_and_holds_in_the_next_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = KeptAt::file(place(folder.path()));
    let mut running = kept(&at);
    pass(&mut running, Span::from_secs(5));
    let key = running.positions()[0].episode.key;
    let body = format!("{{\"position\":\"{}\"}}", first_id(&running));
    let released = ask(&mut running, Kind::Release, &body).journal.expect("it is kept");
    let answer = ask(&mut running, Kind::Kill, r#"{"level":"K2"}"#);
    let killed = answer.journal.expect("it is kept");
    assert!(released.from <= released.to && killed.from > released.to, "{released:?} {killed:?}");
    assert!(killed.to - killed.from + 1 >= 8, "four commands, four levels: {answer:?}");
    // No checkpoint: as if it was killed here.
    drop(running);
    let mut resumed = kept(&at);
    let levels = |session: &Session| {
        let view = session.desk().coordinator.view();
        view.kill_levels().map(|(_, level)| level.word()).collect::<Vec<_>>()
    };
    assert_eq!(levels(&resumed), ["K2"; 4]);
    pass(&mut resumed, Span::from_secs(130));
    let view = resumed.desk().coordinator.view();
    assert!(view.accounts().any(|account| account.released == [key]), "it stays let go");
    assert_eq!(view.position(key), None);
    ask(&mut resumed, Kind::Kill, r#"{"level":"release"}"#);
    assert!(levels(&resumed).is_empty());
    // The next life reads the snapshot; the venue on paper still has what was let go.
    resumed.conclude();
    drop(resumed);
    let mut resumed = kept(&at);
    let bucket = resumed.names().bucket(key);
    ask(&mut resumed, Kind::HandOver, &format!("{{\"position\":\"{bucket}\"}}"));
    pass(&mut resumed, Span::from_secs(1));
    let view = resumed.desk().coordinator.view();
    assert!(view.position(key).is_some_and(|position| position.episode.generation == 2));
}

#[test]
fn a_stop_that_was_kept_rests_in_the_next_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = KeptAt::file(place(folder.path()));
    let mut running = kept(&at);
    let has_stop = |session: &Session| {
        let view = session.desk().coordinator.view();
        let stop = view.protections().find(|of| of.stop.is_some())?;
        Some((stop.episode, stop.held))
    };
    while has_stop(&running).is_none() {
        pass(&mut running, Span::from_millis(500));
    }
    let (episode, held) = has_stop(&running).expect("one that is confirmed");
    let body = format!("{{\"position\":\"{}\",\"keep_stop\":true}}", running.names().episode(episode));
    ask(&mut running, Kind::Release, &body);
    drop(running);
    let mut resumed = kept(&at);
    for _ in 0..2 {
        let kept_stop = |session: &Session| {
            let living = session.desk().coordinator.view().living_orders().find(|of| of.let_go.is_some());
            living.map(|of| (of.order.id.episode, of.let_go))
        };
        assert_eq!(kept_stop(&resumed), Some((episode, Some(held))));
        assert_eq!(resumed.desk().venue.books().expect("its own").held(episode.key), held);
        // A list asks what rests, and finds it.
        pass(&mut resumed, Span::from_secs(12));
        assert_eq!(kept_stop(&resumed), Some((episode, Some(held))));
        resumed.conclude();
        drop(resumed);
        resumed = kept(&at);
    }
}

#[test]
fn what_cannot_be_written_down_is_not_done_and_said_so() {
    for (number, failure) in [Failure::Full, Failure::Error].into_iter().enumerate() {
        let folder = tempfile::tempdir().expect("a folder");
        let vfs = Vfs::register(&format!("command-{number}"));
        let mut running = kept(&KeptAt { path: place(folder.path()), vfs: Some(vfs.name.clone()) });
        pass(&mut running, Span::from_secs(5));
        running.checkpoint();
        vfs.with(|state| state.fail = Some((state.count + 1, failure, true)));
        let told = running.carry_out(&Wish::Panic { account: None });
        assert!(matches!(&told, Carried::NotKept(why) if why.contains("paper.db")), "{told:?}");
        assert!(running.desk().is_halted(), "nothing is sent");
        let held = running.positions().len();
        pass(&mut running, Span::from_secs(5));
        assert!(running.positions().len() >= held, "nothing trades");
    }
}

#[test]
fn a_command_is_told_as_a_line() {
    let mut session = holding();
    session.take_lines();
    ask(&mut session, Kind::Panic, "{}");
    let lines = session.take_lines();
    assert!(lines.iter().any(|line| line.tag == Tag::Command && line.text.contains("closing")), "{lines:?}");
}

fn post(addr: std::net::SocketAddr, key: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).expect("a connection");
    write!(
        stream,
        "POST /v1/commands/panic HTTP/1.0\r\nHost: here\r\nAuthorization: Bearer {TOKEN}\r\nIdempotency-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    )
    .expect("sent");
    stream
}

fn answered(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    text
}

#[test]
fn a_full_queue_says_so_at_once_and_a_run_that_ends_too() {
    let served = serve();
    let waiting: Vec<TcpStream> = (0..WAITING_MAX).map(|n| post(served.addr, &format!("key-{n}"))).collect();
    let taken: Vec<Ask> = (0..WAITING_MAX).map(|_| served.asked.recv().expect("they come")).collect();
    let full = answered(post(served.addr, "one-more"));
    assert!(full.starts_with("HTTP/1.0 503") && full.to_lowercase().contains("retry-after: 1"), "{full}");
    assert!(full.contains("queue_full"), "{full}");
    let same = answered(post(served.addr, "key-0"));
    assert!(same.starts_with("HTTP/1.0 409") && same.contains("key_under_way"), "{same}");
    drop(taken);
    for stream in waiting {
        let gone = answered(stream);
        assert!(gone.starts_with("HTTP/1.0 503") && gone.contains("stopping"), "{gone}");
    }
    // Nothing was done: the same key may be used again.
    let stream = post(served.addr, "one-more");
    assert!(matches!(served.asked.recv(), Ok(Ask::Carry(_))));
    assert!(answered(stream).contains("stopping"));
}
