//! The process around the engine: what it keeps, how it dies, and how it starts again.

use ripcord_core::bars::BarOrigin;
use ripcord_core::coordinator::Coordinator;
use ripcord_core::event::{Entry, Outbox};
use ripcord_core::id::InstrumentId;
use ripcord_core::time::Timestamp;
use ripcord_journal::entry::{InstallationId, InstrumentEntry, PlanEntry, Taken};
use ripcord_journal::{Chain, Hash, Head, JournalEntry, RebuildError, Rebuilder, Sealed, SealedSnapshot};

use crate::config::Config;

/// A snapshot behind this many records.
const SNAPSHOT_EVERY: usize = 500;

/// A journal in memory, of which a part is durable.
#[derive(Debug)]
pub(crate) struct Log {
    chain: Chain,
    /// Records that are no facts, as they were read back: the installation, instruments, plans.
    ground: Vec<(u64, JournalEntry)>,
    /// Facts behind the older snapshot.
    tail: Vec<Sealed>,
    /// How many of them are durable.
    durable: usize,
    head: Head,
    /// The last two that are whole, the older first.
    snapshots: Vec<SealedSnapshot>,
    /// The newest, when it is not whole.
    torn: Option<SealedSnapshot>,
    since_snapshot: usize,
}

/// Why a process cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    #[error("a record cannot be read: {0}")]
    Payload(#[from] ripcord_journal::PayloadError),
    #[error("a snapshot cannot be read: {0}")]
    Snapshot(String),
}

impl Log {
    /// A journal that was founded, with instruments and plans.
    pub(crate) fn found(config: &Config, now: Timestamp) -> Self {
        let mut log = Self {
            chain: Chain::new(0, Head::default()),
            ground: Vec::new(),
            tail: Vec::new(),
            durable: 0,
            head: Head::default(),
            snapshots: Vec::new(),
            torn: None,
            since_snapshot: 0,
        };
        let founded = ripcord_journal::entry::Founded {
            installation: InstallationId([7; 16]),
            scope: 0,
            program: "storm".to_owned(),
        };
        log.lay(now, &JournalEntry::Founded(founded));
        for market in &config.markets {
            let entry = InstrumentEntry {
                rules: market.rules.clone(),
                sources: market.sources.clone(),
                bars: BarOrigin::Ticks,
            };
            log.lay(now, &JournalEntry::Instrument(Box::new(entry)));
        }
        for plan in &config.plans {
            let entry = PlanEntry { instrument: plan.instrument, spec: plan.spec.clone() };
            log.lay(now, &JournalEntry::Plan(Box::new(entry)));
        }
        log
    }

    fn lay(&mut self, now: Timestamp, entry: &JournalEntry) {
        let sealed = self.chain.seal(now, entry).expect("it has a binary form");
        let read = sealed.envelope.entry().expect("what was just written can be read");
        self.ground.push((sealed.envelope.seq, read));
        self.head = self.chain.head();
    }

    /// Adds facts, not durable yet.
    pub(crate) fn append(&mut self, facts: &[Entry]) {
        let sealed = facts.iter().map(|fact| self.chain.seal_fact(fact).expect("it has a binary form"));
        self.tail.extend(sealed);
    }

    /// What was added is durable.
    pub(crate) fn commit(&mut self) {
        self.since_snapshot += self.tail.len() - self.durable;
        self.durable = self.tail.len();
        self.head = self.chain.head();
    }

    /// Whether something is not durable yet.
    pub(crate) const fn is_behind(&self) -> bool {
        self.durable < self.tail.len()
    }

    /// The first bytes of the hash of the last record: they depend on every record.
    pub(crate) fn digest(&self) -> u64 {
        let hash = self.head.hash.0;
        u64::from_le_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
    }

    /// Whether it is time for a snapshot.
    pub(crate) const fn wants_snapshot(&self) -> bool {
        self.since_snapshot >= SNAPSHOT_EVERY
    }

    /// Writes a snapshot behind what is durable, which must be everything. One that is torn is not whole.
    pub(crate) fn snapshot(&mut self, core: &Coordinator, is_torn: bool) {
        let sealed = SealedSnapshot::seal(self.head.seq, self.head.hash, &core.snapshot());
        let mut sealed = sealed.expect("a state has a binary form");
        if is_torn {
            let half = sealed.body.len() / 2;
            sealed.body.truncate(half);
        }
        self.since_snapshot = 0;
        // What is torn takes nothing's place.
        self.torn = is_torn.then(|| sealed.clone());
        if is_torn {
            return;
        }
        self.snapshots.push(sealed);
        if self.snapshots.len() > 2 {
            self.snapshots.remove(0);
            let seq = self.snapshots[0].seq;
            self.tail.retain(|sealed| sealed.envelope.seq > seq);
            self.durable = self.tail.len();
        }
    }

    /// The process died: what was not durable is gone.
    pub(crate) fn roll_back(&mut self) {
        self.tail.truncate(self.durable);
        self.chain = Chain::new(0, self.head);
    }

    /// The state behind the last durable record, by the way that every start takes.
    pub(crate) fn rebuild(&self) -> Result<Coordinator, StartError> {
        let whole = self
            .torn
            .iter()
            .chain(self.snapshots.iter().rev())
            .find_map(|snapshot| Some((snapshot.seq, snapshot.open(self.hash_of(snapshot.seq)).ok()?)));
        let (included, mut rebuilder) = match whole {
            Some((seq, snapshot)) => (seq, Rebuilder::from_snapshot(seq, snapshot)?),
            None if self.snapshots.len() < 2 => (0, Rebuilder::new()),
            None => return Err(StartError::Snapshot("both are damaged".to_owned())),
        };
        for (seq, entry) in &self.ground {
            rebuilder.next(*seq, entry.clone())?;
        }
        let behind = self.tail.partition_point(|sealed| sealed.envelope.seq <= included);
        for sealed in &self.tail[behind..] {
            rebuilder.next(sealed.envelope.seq, sealed.envelope.entry()?)?;
        }
        Ok(rebuilder.finish()?.coordinator)
    }

    /// The hash of the record that a snapshot stands behind.
    fn hash_of(&self, seq: u64) -> Hash {
        match self.tail.binary_search_by_key(&seq, |sealed| sealed.envelope.seq) {
            Ok(place) => self.tail[place].hash,
            // The record behind the older snapshot is not kept; its hash is the next one's.
            Err(_) => self.tail.first().map_or(self.head.hash, |next| next.envelope.previous),
        }
    }

    /// Another process takes it over.
    pub(crate) fn take_over(&mut self, now: Timestamp) {
        let taken = Taken { epoch: self.head.epoch + 1, program: "storm".to_owned() };
        let sealed = self.chain.seal(now, &JournalEntry::Taken(taken)).expect("epochs rise");
        self.tail.push(sealed);
        self.commit();
    }
}

/// The process.
#[derive(Debug)]
pub(crate) struct Host {
    /// The engine, while the process lives.
    pub(crate) core: Option<Coordinator>,
    pub(crate) log: Log,
    pub(crate) out: Outbox,
    /// Our clock is this far from the world's.
    pub(crate) clock_off: i64,
    /// Ours never goes back.
    pub(crate) clock: Timestamp,
    /// It hears nothing before.
    pub(crate) busy_until: Timestamp,
    /// It lives since.
    pub(crate) up_since: Timestamp,
    /// It starts again then.
    pub(crate) starts_at: Timestamp,
    /// What is not durable by then is made so.
    pub(crate) commit_at: Timestamp,
}

impl Host {
    pub(crate) fn new(config: &Config, now: Timestamp) -> Self {
        Self {
            core: None,
            log: Log::found(config, now),
            out: Outbox::default(),
            clock_off: 0,
            clock: now,
            busy_until: now,
            up_since: now,
            starts_at: now,
            commit_at: Timestamp::NEVER,
        }
    }

    /// What our clock says.
    pub(crate) fn now(&mut self, world: Timestamp) -> Timestamp {
        self.clock = self.clock.max(Timestamp(world.0 + self.clock_off));
        self.clock
    }

    /// When the engine wants to be called, by the world's clock.
    pub(crate) fn next_deadline(&self) -> Timestamp {
        let Some(core) = &self.core else { return Timestamp::NEVER };
        let deadline = core.next_deadline();
        if deadline == Timestamp::NEVER {
            return deadline;
        }
        Timestamp(deadline.0 - self.clock_off).max(self.busy_until)
    }

    /// Instruments of which a price is kept.
    pub(crate) fn cell(
        &self,
        instrument: InstrumentId,
        source: ripcord_core::market::PriceSource,
    ) -> Option<ripcord_core::cell::CellId> {
        self.core.as_ref().map(|core| core.cell(instrument, source))
    }
}
