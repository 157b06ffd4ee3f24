//! Starting from a snapshot is starting from the whole journal, or the snapshot is passed over.

use ripcord_core::Coordinator;
use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{Command, Event, Opening, Outbox, Probe, Tick};
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::plan::PlanSpec;
use ripcord_core::time::Timestamp;
use ripcord_journal::entry::{InstrumentEntry, PlanEntry};
use ripcord_journal::{Hash, JournalEntry, SealedSnapshot};
use ripcord_store::rusqlite::Connection;
use ripcord_store::{Reader, Store};

use crate::support::{Place, fact};

const PLAN: &str = r#"{"version":1,"name":"swing","stop_loss":{"distance":{"fraction":"0.02"}},
    "trailing":{"distance":{"fraction":"0.01"},"activation":"0.005"}}"#;

struct Session {
    core: Coordinator,
    store: Store,
    out: Outbox,
    now: i64,
}

impl Session {
    fn new(place: &Place) -> Self {
        let mut core = Coordinator::new();
        let rules = Instrument::from_decimals("BTCUSDT", 2, 3);
        let (sources, bars, instrument) = (vec![PriceSource::Last], BarOrigin::Ticks, InstrumentId(0));
        core.add_instrument(rules.clone(), &sources, bars).expect("an instrument");
        let spec: PlanSpec = serde_json::from_str(PLAN).expect("a plan");
        core.add_plan(spec.resolve(instrument, &rules).expect("sound")).expect("known");
        let entries = [
            JournalEntry::Instrument(Box::new(InstrumentEntry { rules, sources, bars })),
            JournalEntry::Plan(Box::new(PlanEntry { instrument, spec })),
        ];
        let mut store = place.create();
        store.append(Timestamp(0), &entries).expect("memory");
        Self { core, store, out: Outbox::default(), now: 0 }
    }

    fn handle(&mut self, event: Event) {
        self.core.handle(Timestamp(self.now), event, &mut self.out);
        self.write();
    }

    fn write(&mut self) {
        let entries: Vec<_> = self.out.records.drain(..).map(JournalEntry::Fact).collect();
        self.out.actions.clear();
        self.store.append(Timestamp(self.now), &entries).expect("memory");
    }

    /// Prices that rise, and a position for every tenth.
    fn trade(&mut self, steps: i64) {
        for step in 0..steps {
            self.now += 1_000_000_000;
            let price = Price(6_000_000 + self.now / 1_000_000 + step % 7 * 100);
            let (cell, at) = (ripcord_core::cell::CellId(0), Timestamp(self.now));
            self.handle(Event::Tick(Tick { at, price, qty: Qty(1), cell, probe: Probe::TICK }));
            if step % 10 == 0 {
                let key = PositionKey {
                    account: AccountId((self.now / 1_000_000_000) as u32),
                    instrument: InstrumentId(0),
                    side: Side::Long,
                };
                let (plan, qty, entry_fees) = (PlanId(0), Qty(1_000), Money(5));
                let opening = Opening { key, plan, qty, entry: price, entry_fees };
                self.handle(Event::Command(Command::Open(Box::new(opening))));
            }
        }
    }

    fn snapshot(&mut self) -> u64 {
        self.core.checkpoint(Timestamp(self.now), &mut self.out);
        self.write();
        self.store.keep_snapshot(&self.core.snapshot(), &[]).expect("durable")
    }
}

fn state(core: &Coordinator) -> String {
    serde_json::to_string(&core.snapshot()).expect("a snapshot is data")
}

fn rebuilt(place: &Place) -> (String, u64, Vec<String>) {
    let (rebuilt, passed_over) = Reader::open(&place.file()).expect("a store").rebuild().expect("whole");
    (state(&rebuilt.coordinator), rebuilt.facts_equal, passed_over)
}

fn edit(place: &Place, sql: &str) {
    let file = Connection::open(place.file()).expect("a database");
    assert_ne!(file.execute(sql, []).expect(sql), 0);
}

#[test]
fn the_newest_snapshot_that_holds_is_used_and_damaged_ones_are_passed_over() {
    let place = Place::new();
    let mut session = Session::new(&place);
    session.trade(40);
    let first = session.snapshot();
    session.trade(40);
    let second = session.snapshot();
    session.trade(40);
    session.snapshot();
    session.core.checkpoint(Timestamp(session.now), &mut session.out);
    session.write();
    session.store.commit().expect("durable");
    let meant = state(&session.core);
    drop(session);

    let (from_newest, facts, passed_over) = rebuilt(&place);
    assert_eq!((&from_newest, facts, passed_over.len()), (&meant, 0, 0), "nothing follows the newest");

    edit(
        &place,
        "UPDATE snapshots SET body = zeroblob(length(body)) WHERE seq = (SELECT max(seq) FROM snapshots)",
    );
    let (from_second, after_second, passed_over) = rebuilt(&place);
    assert_eq!((&from_second, passed_over.len()), (&meant, 1), "{passed_over:?}");
    assert!(after_second > 0 && passed_over[0].contains("its hash does not match"), "{passed_over:?}");

    edit(&place, &format!("UPDATE snapshots SET seq = {} WHERE seq = {second}", second - 1));
    let (from_first, after_first, passed_over) = rebuilt(&place);
    assert_eq!((&from_first, passed_over.len()), (&meant, 2), "{passed_over:?}");
    assert!(after_first > after_second);

    edit(&place, &format!("UPDATE snapshots SET record = zeroblob(32) WHERE seq = {first}"));
    let (from_start, after_start, passed_over) = rebuilt(&place);
    assert_eq!((&from_start, passed_over.len()), (&meant, 3), "{passed_over:?}");
    assert!(after_start > after_first);
}

#[test]
fn three_snapshots_are_kept() {
    let place = Place::new();
    let mut session = Session::new(&place);
    let kept: Vec<u64> = (0..5)
        .map(|_| {
            session.trade(10);
            session.snapshot()
        })
        .collect();
    let sql = "SELECT seq FROM snapshots ORDER BY seq";
    let mut statement = session.store.connection().prepare(sql).expect("sql");
    let found = statement.query_map([], |row| row.get(0)).expect("rows");
    assert_eq!(found.collect::<Result<Vec<u64>, _>>().expect("rows"), kept[2..]);
}

#[test]
fn a_snapshot_of_another_journal_is_passed_over() {
    let (place, other) = (Place::new(), Place::new());
    let mut session = Session::new(&place);
    session.trade(10);
    session.snapshot();
    drop(session);
    let mut session = Session::new(&other);
    session.trade(11);
    session.snapshot();
    session.store.append(Timestamp(0), &[fact(1)]).expect("memory");
    drop(session);
    let take = format!(
        "ATTACH '{}' AS other; UPDATE snapshots SET (seq, record, body, hash) = \
         (SELECT (SELECT max(seq) FROM main.journal), record, body, hash FROM other.snapshots)",
        other.file().display()
    );
    let file = Connection::open(place.file()).expect("a database");
    file.execute_batch(&take).expect("sql");
    drop(file);
    let (_, facts, passed_over) = rebuilt(&place);
    assert!(facts > 0 && passed_over.len() == 1, "{passed_over:?}");
}

/// A whole snapshot that stands behind a record which is not there: nothing vouches for it.
#[test]
fn a_snapshot_behind_a_record_that_is_missing_is_passed_over() {
    let (place, other) = (Place::new(), Place::new());
    let mut session = Session::new(&place);
    session.trade(10);
    session.snapshot();
    let (meant, head) = (state(&session.core), session.store.commit().expect("durable"));
    drop(session);
    let mut session = Session::new(&other);
    session.trade(25);
    let sealed =
        SealedSnapshot::seal(head.seq + 5, Hash::ZERO, &session.core.snapshot()).expect("a snapshot");
    let file = Connection::open(place.file()).expect("a database");
    file.execute(
        "INSERT INTO snapshots (seq, version, record, body, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
        (sealed.seq, sealed.version, sealed.record.0.as_slice(), &sealed.body, sealed.hash.0.as_slice()),
    )
    .expect("sql");
    drop(file);
    let (found, _, passed_over) = rebuilt(&place);
    assert_eq!(found, meant, "the positions of another journal are not ours");
    assert!(passed_over[0].contains("it does not belong to record"), "{passed_over:?}");
    let reader = Reader::open(&place.file()).expect("a store");
    let verified = reader.verify(|_, _| Ok::<_, ripcord_store::StoreError>(())).expect("whole");
    assert_eq!((verified.snapshots, verified.passed_over.len()), (1, 1), "{verified:?}");
}
