//! What a run keeps: a start goes on from a snapshot, and what cannot be kept is not done.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ripcord_core::event::{Entry, Event, Record};
use ripcord_core::num::Decimal;
use ripcord_core::plan::PlanSpec;
use ripcord_core::time::Span;
use ripcord_journal::JournalEntry;
use ripcord_journal::entry::InstallationId;
use ripcord_service::clock::Speed;
use ripcord_service::keeper::{Keeper, KeptAt, Past};
use ripcord_service::line::{Line, Style, Tag};
use ripcord_service::names::Names;
use ripcord_service::plans::RunPlans;
use ripcord_service::run::{MarketChoice, PlanChoice, RunError};
use ripcord_service::session::{Advance, Session, SessionSpec};
use ripcord_service::source::Market;
use ripcord_service::tags::{Memory, Narrator};
use ripcord_service::{RunConfig, run};
use ripcord_sim::generator::Script;
use ripcord_store::rusqlite::Connection;
use ripcord_store::{Opening, Reader, Store, StoreError};
use tempfile::TempDir;

use crate::host::Kept;
use crate::session::START;
use crate::vfs::{Failure, Vfs};

const SEED: u64 = 7;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("paper.db");
    (folder, file)
}

fn session(at: &KeptAt) -> Session {
    let market = Market::Generated { seed: SEED, script: Script::Crash };
    let plans = RunPlans::demo().expect("the demo's plans are sound");
    let kept = Some(Keeper::open(at, START).expect("a store"));
    let spec =
        SessionSpec { market, seed: SEED, positions_max: 8, start: START, plans: &plans, kept, budget: None };
    Session::new(spec).expect("the demo is sound")
}

/// Lets market time pass, with a checkpoint a second; the lines.
fn pass(session: &mut Session, seconds: i64) -> Vec<Line> {
    let mut lines = Vec::new();
    for _ in 0..seconds {
        let to = session.now().after(Span::from_secs(1));
        while session.advance(to, 1_000).expect("no tape") == Advance::More {}
        session.checkpoint();
        lines.append(&mut session.take_lines());
    }
    lines
}

/// What a start knows: the core, what the narrator remembers, and the time.
fn known(past: &Past, names: &Names) -> (String, Memory, i64) {
    let mut narrator = Narrator::going_on(names.clone(), past.memory.clone());
    for fact in &past.facts {
        narrator.read(fact, &mut Vec::new());
    }
    let core = serde_json::to_string(&past.coordinator.snapshot()).expect("a snapshot is data");
    (core, narrator.memory(), past.now.0)
}

fn open(file: &Path) -> Past {
    Keeper::open(&KeptAt::file(file.to_owned()), START).expect("a store").1.expect("it was a run")
}

fn edit(file: &Path, sql: &str) {
    Connection::open(file).expect("a database").execute_batch(sql).expect(sql);
}

#[test]
fn a_start_from_a_snapshot_knows_what_a_start_from_all_records_knows() {
    for (before, behind) in [(1, 0), (1, 40), (20, 1), (45, 30), (90, 0), (60, 90)] {
        let (_folder, file) = place();
        let mut running = session(&KeptAt::file(file.clone()));
        pass(&mut running, before);
        running.conclude();
        pass(&mut running, behind);
        let (names, live) = (running.names().clone(), running.tally().clone());
        drop(running);
        let short = open(&file);
        let from_snapshot = known(&short, &names);
        edit(&file, "DELETE FROM snapshots; DELETE FROM states");
        let long = open(&file);
        assert_eq!(known(&long, &names), from_snapshot, "{before} s before, {behind} s behind");
        assert!(short.passed_over.is_empty() && long.passed_over.is_empty());
        assert!(short.facts.len() < long.facts.len() || before <= 1, "{} facts are read", short.facts.len());
        if behind == 0 {
            assert!(short.facts.is_empty(), "a clean stop leaves nothing to read");
        }
        let resumed = session(&KeptAt::file(file));
        assert_eq!(resumed.tally(), &live);
    }
}

#[test]
fn damaged_snapshots_are_passed_over_and_said_so() {
    let (_folder, file) = place();
    let at = KeptAt::file(file.clone());
    let mut running = session(&at);
    pass(&mut running, 30);
    running.conclude();
    pass(&mut running, 5);
    let names = running.names().clone();
    drop(running);
    let sound = known(&open(&file), &names);
    edit(
        &file,
        "UPDATE snapshots SET body = zeroblob(length(body)); UPDATE states SET body = zeroblob(length(body))",
    );
    let past = open(&file);
    assert_eq!(known(&past, &names), sound);
    assert_eq!(past.passed_over.len(), 3, "core, ledger and service: {:?}", past.passed_over);
    let lines = session(&at).take_lines();
    let warnings: Vec<&Line> = lines.iter().filter(|line| line.tag == Tag::Bootstrap).collect();
    assert_eq!(warnings.len(), 3, "{lines:?}");
    assert!(warnings[0].text.starts_with("WARNING: the snapshot behind record "), "{warnings:?}");
    assert!(
        warnings[0].text.contains("its hash does not match its content; it was passed over"),
        "{warnings:?}"
    );
}

/// A run that goes on for long keeps snapshots by itself: a start after a kill reads the rest only.
#[test]
fn a_long_run_keeps_snapshots_by_itself() {
    let (_folder, file) = place();
    let mut running = session(&KeptAt::file(file.clone()));
    let mut seconds = 0;
    while records(&file) < 21_000 {
        pass(&mut running, 60);
        seconds += 60;
        assert!(seconds < 36_000, "the market is too quiet");
    }
    drop(running);
    let past = open(&file);
    assert!(past.facts.len() < 12_000, "{} facts are read of {}", past.facts.len(), records(&file));
}

fn records(file: &Path) -> u64 {
    Reader::open(file).and_then(|reader| reader.head()).expect("a store").1.seq
}

/// The orders whose intent is durable, by their names in the lines.
fn intents(file: &Path, names: &Names) -> BTreeSet<String> {
    let mut intents = BTreeSet::new();
    let reader = Reader::open(file).expect("a store");
    let read = reader.entries::<StoreError>(|_, entry| {
        if let JournalEntry::Fact(fact) = entry
            && let Record::OrderIntended(order) = &fact.record
        {
            intents.insert(names.order(order.id));
        }
        Ok(())
    });
    read.expect("what was acknowledged is whole");
    intents
}

fn field(line: &Line, name: &str) -> Option<String> {
    line.fields
        .iter()
        .find(|(field, _)| *field == name)
        .and_then(|(_, value)| Some(value.as_str()?.to_owned()))
}

#[test]
fn no_order_trades_whose_intent_was_not_durable_before() {
    for (number, failure) in
        [Failure::Full, Failure::Error, Failure::Torn, Failure::Lied].into_iter().enumerate()
    {
        let (_folder, file) = place();
        let vfs = Vfs::register(&format!("kept-{number}"));
        let mut running = session(&KeptAt { path: file.clone(), vfs: Some(vfs.name.clone()) });
        let mut lines = pass(&mut running, 60);
        vfs.with(|state| state.fail = Some((state.count + 1, failure, true)));
        // The market goes on through crashes, with stops that would fire.
        lines.extend(pass(&mut running, 300));
        let why = running.kept_badly().expect("it cannot be kept");
        assert!(why.contains("paper.db") && running.desk().is_halted(), "{failure:?}: {why}");
        let names = running.names().clone();
        drop(running);
        let intents = intents(&file, &names);
        let executed = lines.iter().filter(|line| field(line, "outcome").as_deref() == Some("executed"));
        let executed: Vec<String> = executed.filter_map(|line| field(line, "order_id")).collect();
        assert!(executed.len() > 3, "{failure:?}: too quiet");
        for order in &executed {
            assert!(intents.contains(order), "{failure:?}: {order} traded, and nobody knows of it");
        }
        let sent = lines.iter().filter(|line| line.tag == Tag::ExitSent).count();
        assert!(sent > executed.len(), "{failure:?}: exits were decided, and none of them left");
    }
}

#[test]
fn a_run_whose_store_fails_ends_with_the_file_and_what_to_do() {
    let (_folder, file) = place();
    let vfs = Vfs::register("kept-run");
    vfs.with(|state| state.fail = Some((400, Failure::Full, true)));
    let output = Kept::default();
    let config = RunConfig {
        market: MarketChoice::Generated(Script::Crash),
        plans: PlanChoice::Demo,
        seed: SEED,
        speed: Speed::Times(200),
        listen: "127.0.0.1:0".parse().expect("an address"),
        positions_max: 8,
        lasts: Some(Duration::from_secs(120)),
        store: Some(KeptAt { path: file.clone(), vfs: Some(vfs.name.clone()) }),
        token_file: None,
        style: Style::Json,
        is_quiet: false,
    };
    let error = run(&config, Box::new(output.clone())).expect_err("the disk is full");
    assert!(matches!(error, RunError::NotKept(_)) && !error.is_request(), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("paper.db") && text.contains("disk is full") && text.contains("Make room"),
        "{text}"
    );
    let (mut sent, mut stopping) = (0, String::new());
    for line in output.text().lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        sent += u64::from(line["tag"] == "EXIT_SENT");
        if line["tag"] == "STOPPING" {
            stopping = line["text"].as_str().unwrap_or_default().to_owned();
        }
    }
    assert!(stopping.contains("can no longer be kept"), "{stopping}");
    let mut intended = 0;
    let reader = Reader::open(&file).expect("a store");
    let read = reader.entries::<StoreError>(|_, entry| {
        let is_intent =
            matches!(&entry, JournalEntry::Fact(fact) if matches!(fact.record, Record::OrderIntended(_)));
        intended += u64::from(is_intent);
        Ok(())
    });
    read.expect("what was acknowledged is whole");
    assert!(sent <= intended, "{sent} lines tell of orders, {intended} are in the journal");
}

/// The same journal in another file, with plans as they were written before they said which prices they trust.
fn with_plans_of_before(file: &Path, to: &Path, change: impl Fn(&mut PlanSpec)) {
    let opening = Opening { now: START, program: "ripcord test", vfs: None };
    let (mut store, _) = Store::create(to, 0, InstallationId([7; 16]), &opening).expect("a new store");
    let reader = Reader::open(file).expect("a store");
    let read = reader.entries::<StoreError>(|_, mut entry| {
        if let JournalEntry::Plan(plan) = &mut entry {
            change(&mut plan.spec);
        }
        let belongs_to_file = matches!(entry, JournalEntry::Founded(_) | JournalEntry::Taken(_));
        if belongs_to_file { Ok(()) } else { store.append(START, &[entry]) }
    });
    read.expect("whole");
    store.commit().expect("durable");
}

#[test]
fn a_store_whose_plans_are_written_otherwise_and_mean_the_same_is_taken_up() {
    let (folder, file) = place();
    drop(session(&KeptAt::file(file.clone())));
    let before = folder.path().join("before.db");
    with_plans_of_before(&file, &before, |plan| plan.prices = None);
    let mut resumed = session(&KeptAt::file(before.clone()));
    let lines = resumed.take_lines();
    let told = lines.iter().filter(|line| line.text.contains("was kept before plans said which prices"));
    assert!(told.count() > 0, "{lines:?}");
    pass(&mut resumed, 5);
    drop(resumed);
    drop(session(&KeptAt::file(before)));

    let filled = folder.path().join("filled.db");
    with_plans_of_before(&file, &filled, |plan| *plan = plan.filled());
    let mut resumed = session(&KeptAt::file(filled));
    let lines = resumed.take_lines();
    assert!(lines.iter().all(|line| !line.text.contains("was kept before")), "{lines:?}");
}

#[test]
fn a_store_whose_plans_have_the_same_names_and_other_rules_is_refused_by_what_differs() {
    let (folder, file) = place();
    drop(session(&KeptAt::file(file.clone())));
    let other = folder.path().join("other.db");
    with_plans_of_before(&file, &other, |plan| plan.leverage = Some(Decimal::new(7, 0).expect("seven")));
    let market = Market::Generated { seed: SEED, script: Script::Crash };
    let plans = RunPlans::demo().expect("the demo's plans are sound");
    let kept = Some(Keeper::open(&KeptAt::file(other), START).expect("a store"));
    let spec =
        SessionSpec { market, seed: SEED, positions_max: 8, start: START, plans: &plans, kept, budget: None };
    let error = Session::new(spec).expect_err("other plans").to_string();
    assert!(error.contains("other plans") && error.contains("leverage \"7\""), "{error}");
}

/// For a month in which nobody trades only bars end: records, and no order that would make them durable.
#[test]
fn a_long_time_without_orders_is_made_durable_in_groups() {
    let (_folder, file) = place();
    let (mut keeper, past) = Keeper::open(&KeptAt::file(file.clone()), START).expect("a store");
    assert!(past.is_none());
    let names = Names { instruments: Vec::new(), plans: Vec::new() };
    for second in 0..45_000 {
        let at = START.after(Span::from_secs(second));
        keeper.take(&Entry { at, record: Record::Input(Event::Timer) }, &names);
    }
    assert!(keeper.error().is_none() && keeper.durable() >= 40_000, "{}", keeper.durable());
    assert_eq!(records(&file), keeper.durable());
}
