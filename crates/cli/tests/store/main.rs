//! `ripcord journal` and `ripcord db` as a person meets them: what they print, and their exit codes.

use std::path::{Path, PathBuf};
use std::process::Command;

use ripcord_core::Coordinator;
use ripcord_core::bars::BarOrigin;
use ripcord_core::cell::CellId;
use ripcord_core::event::{Command as Asked, Entry, Event, Opening as Position, Outbox, Probe, Record, Tick};
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::plan::PlanSpec;
use ripcord_core::time::Timestamp;
use ripcord_journal::JournalEntry;
use ripcord_journal::entry::{InstallationId, InstrumentEntry, PlanEntry};
use ripcord_store::rusqlite::Connection;
use ripcord_store::{Opening, Store};
use serde_json::Value;
use tempfile::TempDir;

mod refusals;

const PLAN: &str = r#"{"version":1,"name":"swing","stop_loss":{"distance":{"fraction":"0.02"}}}"#;

/// A store whose journal tells of one position that was stopped out.
fn stopped_out() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ripcord.db");
    let opening = Opening { now: Timestamp(1), program: "ripcord test", vfs: None };
    let (mut store, _) = Store::create(&path, 0, InstallationId([7; 16]), &opening).expect("a store");
    let (mut core, mut out) = (Coordinator::new(), Outbox::default());
    let (sources, bars, instrument) = (vec![PriceSource::Last], BarOrigin::Ticks, InstrumentId(0));
    let rules = Instrument::from_decimals("BTCUSDT", 2, 3);
    core.add_instrument(rules.clone(), &sources, bars).expect("an instrument");
    let spec: PlanSpec = serde_json::from_str(PLAN).expect("a plan");
    core.add_plan(spec.resolve(instrument, &rules).expect("sound")).expect("known");
    let tick = |at: i64, price| Tick {
        at: Timestamp(at),
        price: Price(price),
        qty: Qty(1),
        cell: CellId(0),
        probe: Probe::TICK,
    };
    core.tick(Timestamp(1), &tick(1, 6_000_000), &mut out);
    let key = PositionKey { account: AccountId(0), instrument, side: Side::Long };
    let (qty, entry, entry_fees) = (Qty(2_000), Price(6_000_000), Money(0));
    let position = Position { key, plan: PlanId(0), qty, entry, entry_fees };
    core.handle(Timestamp(2), Event::Command(Asked::Open(Box::new(position))), &mut out);
    core.tick(Timestamp(3), &tick(3, 5_880_000), &mut out);
    let mut entries = vec![
        JournalEntry::Instrument(Box::new(InstrumentEntry { rules, sources, bars })),
        JournalEntry::Plan(Box::new(PlanEntry { instrument, spec })),
    ];
    entries.extend(out.records.drain(..).map(JournalEntry::Fact));
    store.append(Timestamp(1), &entries).expect("memory");
    store.commit().expect("durable");
    (folder, path)
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

fn ripcord(arguments: &[&str]) -> Said {
    let done = Command::new(env!("CARGO_BIN_EXE_ripcord")).args(arguments).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Said {
        code: done.status.code().expect("it ends by itself"),
        out: text(done.stdout),
        err: text(done.stderr),
    }
}

fn on(group: &str, verb: &str, store: &Path, more: &[&str]) -> Said {
    ripcord(&[&[group, verb, store.to_str().expect("text")], more].concat())
}

fn edit(path: &Path, sql: &str) {
    let file = Connection::open(path).expect("a database");
    assert_eq!(file.execute(sql, []), Ok(1), "{sql}");
}

#[test]
fn dump_tells_every_record_or_those_of_a_kind() {
    let (_folder, store) = stopped_out();
    let all = on("journal", "dump", &store, &["--json"]);
    assert_eq!(all.code, 0, "{}", all.err);
    let lines: Vec<Value> = all.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kinds: Vec<&str> = lines.iter().map(|line| line["kind"].as_str().expect("a word")).collect();
    assert_eq!(kinds[..4], ["founded", "taken", "instrument", "plan"]);
    assert_eq!(lines[1]["entry"]["taken"]["epoch"], 1);
    for pair in lines.windows(2) {
        assert_eq!(pair[0]["hash"], pair[1]["previous"]);
    }
    let intended = on("journal", "dump", &store, &["--kind", "order_intended"]);
    assert_eq!(intended.out.lines().count(), 1, "{}", intended.out);
    assert!(intended.out.contains(" order_intended ") && intended.out.contains("\"qty\":2000"));
    let late = on("journal", "dump", &store, &["--from", &kinds.len().to_string()]);
    assert_eq!(late.out.lines().count(), 1);
    let slip = on("journal", "dump", &store, &["--kind", "fill"]);
    assert!(slip.code == 2 && slip.err.contains("choose one of: founded, taken"), "{}", slip.err);
}

#[test]
fn a_whole_journal_is_verified_and_replays_to_the_same_bytes() {
    let (_folder, store) = stopped_out();
    let whole = on("journal", "verify", &store, &["--json"]);
    let about: Value = serde_json::from_str(&whole.out).expect("JSON");
    assert_eq!((whole.code, &about["sound"]), (0, &Value::Bool(true)), "{}", whole.err);
    assert_eq!(about["installation"], "07".repeat(16));
    let again = on("journal", "replay", &store, &["--json"]);
    let about: Value = serde_json::from_str(&again.out).expect("JSON");
    assert_eq!(
        (again.code, &about["equal"], &about["orders_equal"]),
        (0, &Value::Bool(true), &Value::from(1))
    );
}

#[test]
fn a_damaged_journal_is_exit_code_1_and_names_the_first_bad_record() {
    let (_folder, store) = stopped_out();
    edit(&store, "UPDATE journal SET payload = x'00' WHERE seq = 6");
    let said = on("journal", "verify", &store, &["--json"]);
    let about: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!((said.code, &about["sound"], &about["record"]), (1, &Value::Bool(false), &Value::from(6)));
    assert!(said.err.contains("record 6: its hash does not match its content"), "{}", said.err);
    for verb in ["dump", "replay"] {
        let said = on("journal", verb, &store, &[]);
        assert!(said.code == 1 && said.err.contains("record 6: its hash does not match"), "{}", said.err);
    }
    let said = on("journal", "verify", &store, &[]);
    assert!(!said.err.contains("journal verify"), "it was just done: {}", said.err);
}

/// What was changed or taken out of a journal, no story and no sum of it is worth anything.
#[test]
fn nothing_is_told_of_a_journal_that_was_changed() {
    for (change, fault) in [
        ("UPDATE journal SET payload = x'00' WHERE seq = 7", "record 7: its hash does not match its content"),
        ("DELETE FROM journal WHERE seq = 7", "record 7: its number is 8: records are missing or were added"),
    ] {
        let (_folder, store) = stopped_out();
        assert_eq!(on("ledger", "rebuild", &store, &[]).code, 0);
        let name = store.to_str().expect("text").to_owned();
        let id = "BTCUSDT-L-0-1";
        let commands: [&[&str]; 5] = [
            &["explain", id, "--records", &name],
            &["report", &name],
            &["report", &name, "--unprotected", "--json"],
            &["ledger", "verify", &name],
            &["ledger", "rebuild", &name],
        ];
        for command in &commands[..4] {
            assert_eq!(ripcord(command).code, 0, "{command:?}");
        }
        edit(&store, change);
        for command in commands {
            let said = ripcord(command);
            assert_eq!((said.code, said.out.as_str()), (1, ""), "{command:?}: {}", said.err);
            assert!(said.err.contains(fault), "{command:?}: {}", said.err);
        }
    }
}

#[test]
fn a_damaged_copy_is_named_by_the_file_that_it_was_made_of() {
    let (folder, store) = stopped_out();
    let (copy, other) = (folder.path().join("damaged.db"), folder.path().join("other.db"));
    std::fs::copy(&store, &copy).expect("a copy");
    edit(&copy, "UPDATE journal SET payload = x'00' WHERE seq = 6");
    let copy_name = copy.to_str().expect("text");
    for said in [
        on("db", "restore", &store, &["--from", copy_name]),
        on("db", "backup", &copy, &[other.to_str().expect("text")]),
    ] {
        assert_eq!(said.code, 1, "{}", said.out);
        assert!(said.err.contains("damaged.db: record 6") && !said.err.contains("partial"), "{}", said.err);
    }
    assert!(!other.exists());
}

#[test]
fn files_that_are_no_stores_are_exit_code_2_and_say_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = folder.path().join("trades.csv");
    std::fs::write(&csv, "id,symbol\n").expect("written");
    let missing = folder.path().join("missing.db");
    for (path, wanted) in [
        (csv.as_path(), "this is no SQLite file"),
        (missing.as_path(), "there is no such file"),
        (folder.path(), "this is no plain file"),
    ] {
        for (group, verb) in [("journal", "verify"), ("journal", "dump"), ("db", "status"), ("db", "migrate")]
        {
            let said = on(group, verb, path, &[]);
            assert!(said.code == 2 && said.err.contains(wanted), "{group} {verb}: {}", said.err);
        }
    }
    assert!(!missing.exists(), "looking at a store makes none");
}

#[test]
fn a_backup_is_restored_as_another_installation() {
    let (folder, store) = stopped_out();
    let copy = folder.path().join("copy.db");
    let said = on("db", "backup", &store, &[copy.to_str().expect("text")]);
    assert!(said.code == 0 && said.out.contains("records, checked"), "{}{}", said.out, said.err);
    let said = on("db", "restore", &store, &["--from", copy.to_str().expect("text"), "--json"]);
    let about: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(
        (said.code, about["former_installation"].as_str()),
        (0, Some(&*"07".repeat(16))),
        "{}",
        said.err
    );
    assert_ne!(about["installation"], about["former_installation"]);
    let kept = PathBuf::from(about["replaced"].as_str().expect("there was one"));
    assert_eq!(on("journal", "verify", &kept, &[]).code, 0);
    let status = on("db", "status", &store, &["--json"]);
    let status: Value = serde_json::from_str(&status.out).expect("JSON");
    assert_eq!((&status["installation"], &status["records"]), (&about["installation"], &about["records"]));
    let said = on("db", "restore", &store, &["--from", store.to_str().expect("text")]);
    assert!(said.code == 2 && said.err.contains("the backup is the store itself"), "{}", said.err);
}

#[test]
fn a_store_that_is_written_to_is_neither_migrated_nor_restored() {
    let (folder, store) = stopped_out();
    let copy = folder.path().join("copy.db");
    assert_eq!(on("db", "backup", &store, &[copy.to_str().expect("text")]).code, 0);
    let opening = Opening { now: Timestamp(9), program: "ripcord test", vfs: None };
    let _writer = Store::open(&store, &opening).expect("a store");
    for (verb, more) in
        [("migrate", &[][..]), ("rollback", &[]), ("restore", &["--from", copy.to_str().expect("text")])]
    {
        let said = on("db", verb, &store, more);
        assert!(
            said.code == 2 && said.err.contains("another process writes to this store"),
            "{verb}: {}",
            said.err
        );
    }
    assert_eq!(on("db", "status", &store, &[]).code, 0);
}

/// The chain is whole, and no core ever wrote this.
#[test]
fn a_whole_chain_that_names_an_unknown_cell_is_refused_with_its_record() {
    let (_folder, path) = stopped_out();
    let opening = Opening { now: Timestamp(9), program: "ripcord test", vfs: None };
    let (mut store, _) = Store::open(&path, &opening).expect("a store");
    let (at, probe) = (Timestamp(10), Probe::TICK);
    let tick = Tick { at, price: Price(6_000_000), qty: Qty(1), cell: CellId(77), probe };
    let foreign = Entry { at, record: Record::Input(Event::Tick(tick)) };
    store.append(at, &[JournalEntry::Fact(foreign)]).expect("memory");
    let seq = store.commit().expect("durable").seq;
    drop(store);
    let sound = on("journal", "verify", &path, &[]);
    assert_eq!(sound.code, 0, "{}", sound.err);
    let said = on("journal", "replay", &path, &[]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains(&format!("record {seq}: it names cell 77")), "{}", said.err);
    assert!(!said.err.contains("panicked"), "{}", said.err);
}
