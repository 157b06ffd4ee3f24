//! Reads, hand trades and liquidations in random worlds, held against an oracle that knows only what
//! was told and what came out.

use std::collections::BTreeMap;

use ripcord_core::account::{AccountMode, ClosedBy, Holding, Managed, Management, Reading};
use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{
    Action, AlarmKind, Command, Entry, Event, Opening, Outbox, Probe, Record, VenueEvent, Verdict,
};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::time::{Span, Timestamp};

use crate::plan_words::plan_spec;
use crate::random::Random;
use crate::venue::Mood;
use crate::world::World;

const FUTURES: AccountId = AccountId(1);
const SPOT: AccountId = AccountId(2);
const CONFIRM: Span = Span::from_secs(4);
const GRANT: i64 = 2_000;
const PLANS: [&str; 4] = [
    "stop 2%; bracket; legs 25%@1% 50%@3%/soft; ratchet",
    "hard 4%; soft 2%; trail 1% after 1%; bracket",
    "hard 3%; stop 1%; time 300s",
    "trail 2%; legs 50%@2%; signal 60s",
];

struct Played {
    start: World,
    world: World,
    keys: Vec<PositionKey>,
}

/// What was seen of each kind, over all worlds.
type Seen = BTreeMap<&'static str, usize>;

fn world(random: &mut Random) -> (World, Vec<PositionKey>) {
    let mut world = World::new();
    world.venue.is_read = true;
    let mut instruments = Vec::new();
    for name in ["X", "Y"] {
        let instrument = Instrument::from_decimals(name, 2, 3);
        let id = world.core.add_instrument(instrument.clone(), &[PriceSource::Last], BarOrigin::Ticks);
        let id = id.expect("a sound instrument");
        world.venue.list(id, &instrument);
        let spec = plan_spec(random.pick(&PLANS)).expect("a plan in words");
        let plan = spec.resolve(id, &instrument).expect("a sound plan");
        world.core.add_plan(plan).expect("its instrument is there");
        instruments.push(id);
    }
    let keys = instruments.iter().flat_map(|&instrument| {
        [(FUTURES, Side::Long), (FUTURES, Side::Short), (SPOT, Side::Long)]
            .map(|(account, side)| PositionKey { account, instrument, side })
    });
    let keys = keys.collect();
    (world, keys)
}

fn manage(account: AccountId, mode: AccountMode) -> Event {
    let grant = (mode == AccountMode::Spot).then_some(Qty(GRANT));
    let managed = |n| Managed { instrument: InstrumentId(n), plan: PlanId(n), grant };
    let given = Management {
        account,
        mode,
        instruments: vec![managed(0), managed(1)],
        read_every: Some(Span::from_secs(20)),
        confirm_after: CONFIRM,
    };
    Event::Command(Command::Manage(Box::new(given)))
}

fn advance(world: &mut World, span: Span) {
    let to = world.now.after(span);
    while world.core.next_deadline() <= to {
        world.now = world.core.next_deadline();
        world.handle(Event::Timer);
    }
    world.now = to;
}

fn play(seed: u64) -> Played {
    let mut random = Random::new(seed);
    let (mut world, keys) = world(&mut random);
    let start = world.clone();
    let mut prices = [10_000_i64, 5_000];
    for (n, price) in prices.iter().enumerate() {
        world.price(InstrumentId(n as u32), PriceSource::Last, Price(*price), Probe::TICK);
    }
    world.handle(manage(FUTURES, AccountMode::Hedge));
    world.handle(manage(SPOT, AccountMode::Spot));
    for _ in 0..120 {
        advance(&mut world, Span::from_millis(random.within(0, 6_000)));
        let key = random.pick(&keys);
        match random.within(0, 40) {
            0..3 => past_us(&mut world, &mut random, key, &prices),
            3 | 4 => {
                let by = random.pick(&[ClosedBy::Hand, ClosedBy::Liquidation, ClosedBy::Adl]);
                world.venue.close_outside(key, Qty(random.within(1, 4_000)), by);
                world.deliver();
            }
            5 if key.account == FUTURES => {
                let (plan, entry) = (PlanId(key.instrument.0), Price(prices[key.instrument.0 as usize]));
                let qty = Qty(random.within(1, 9_000));
                world.open(Opening { key, plan, qty, entry, entry_fees: Money::ZERO });
            }
            6 => {
                let keeps_stop = random.one_in(2);
                world.handle(Event::Command(Command::Release { key, keeps_stop }));
            }
            7 | 8 => world.handle(Event::Command(Command::HandOver { key })),
            9 => world.handle(manage(FUTURES, AccountMode::Hedge)),
            10 => world.handle(manage(SPOT, AccountMode::Spot)),
            11 | 12 => world.venue.mood = mood(&mut random),
            13 | 14 => someone(&mut world, &mut random, key, &prices),
            _ => {
                let n = random.within(0, 1) as usize;
                prices[n] += prices[n] * random.within(-90, 90) / 10_000;
                let id = InstrumentId(n as u32);
                world.price(id, PriceSource::Last, Price(prices[n]), Probe::TICK);
            }
        }
    }
    calm(&mut world, &prices);
    Played { start, world, keys }
}

fn mood(random: &mut Random) -> Mood {
    let mut mood = Mood { unread: random.one_in(4), ..Mood::default() };
    match random.within(0, 6) {
        0 => mood.refuse = random.within(1, 4) as u32,
        1 | 5 => mood.delay = random.within(1, 12) as u32,
        2 => mood.part = random.within(1, 2_000),
        3 => mood.drop = random.within(1, 3) as u32,
        4 => mood.double = true,
        _ => {}
    }
    mood
}

fn past_us(world: &mut World, random: &mut Random, key: PositionKey, prices: &[i64; 2]) {
    let held = world.venue.held(key).0;
    let qty = random.pick(&[0, held / 2, held + 1_500, 3_000]);
    let price = Price(prices[key.instrument.0 as usize]);
    world.venue.by_hand(key, Qty(qty), random.one_in(2).then_some(price));
}

/// Somebody changes a stop, takes it away, or rests an order of their own: nobody is told.
fn someone(world: &mut World, random: &mut Random, key: PositionKey, prices: &[i64; 2]) {
    let price = prices[key.instrument.0 as usize];
    match random.within(0, 4) {
        0 => {
            let to = price - key.side.sign() * price * random.within(20, 500) / 10_000;
            world.venue.edit_stop(key, Some(Price(to)), None);
        }
        1 => {
            world.venue.edit_stop(key, None, Some(Qty(random.within(1, 3_000))));
        }
        2 => {
            world.venue.take_stop(key);
        }
        n => world.venue.rest_foreign(key, n as u64, random.within(0, 1) * random.within(1, 500)),
    }
}

/// Everything that was late comes, and reads have their time.
fn calm(world: &mut World, prices: &[i64; 2]) {
    world.venue.mood = Mood::default();
    for _ in 0..40 {
        advance(world, Span::from_secs(7));
        for (n, price) in prices.iter().enumerate() {
            world.price(InstrumentId(n as u32), PriceSource::Last, Price(*price), Probe::TICK);
        }
    }
}

/// What the oracle remembers of a bucket.
#[derive(Default)]
struct Known {
    open: i64,
    /// When something of it was last opened, added to or closed.
    last: Option<Timestamp>,
    is_released: bool,
    /// The life that is held.
    living: Option<u32>,
    sold: i64,
    /// How often the stop of a life was taken away or made worse.
    lost: BTreeMap<u32, usize>,
}

struct Oracle {
    seed: u64,
    keys: BTreeMap<PositionKey, Known>,
    /// Reads that came, by account: what they knew, when; failures are none.
    reads: Vec<Reading>,
    since: BTreeMap<AccountId, Timestamp>,
    seen: Seen,
}

impl Oracle {
    fn count(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    fn known(&mut self, key: PositionKey) -> &mut Known {
        self.keys.entry(key).or_default()
    }

    fn hear(&mut self, event: &Event) {
        if let Event::Venue(VenueEvent::Read(reading)) = event {
            if reading.held.is_none() {
                self.count("failed");
            }
            self.reads.push((**reading).clone());
        }
    }

    fn tell(&mut self, event: &Event, entry: &Entry) {
        let (seed, at) = (self.seed, entry.at);
        match &entry.record {
            Record::Managed(given) => {
                self.since.insert(given.account, at);
            }
            Record::Opened(opened) => {
                let known = self.known(opened.episode.key);
                assert_eq!(known.open, 0, "seed {seed}: {opened:?}");
                (known.open, known.living) = (opened.qty.0, Some(opened.episode.generation));
                assert!(!known.is_released, "seed {seed}: let go, and taken over: {opened:?}");
                if !matches!(event, Event::Venue(_)) {
                    known.last = Some(at);
                }
            }
            Record::Adopted(adopted) => {
                let key = adopted.episode.key;
                let (theirs, until) = self.read_now(event, key);
                let known = self.known(key);
                assert!(known.last.is_none_or(|last| until >= last), "seed {seed}: old read: {adopted:?}");
                assert!(known.open <= theirs, "seed {seed}: more than there is: {adopted:?}");
                known.last = Some(at);
                self.count(if adopted.held.is_empty() { "adopted" } else { "adopted, rules held" });
            }
            Record::Added(added) => {
                let key = added.episode.key;
                assert_eq!(key.account, FUTURES, "seed {seed}: coins were added");
                self.confirmed(event, key, added.open.0);
                let known = self.known(key);
                known.open += added.qty.0;
                known.last = Some(at);
                self.count("added");
            }
            Record::Filled(filled) => {
                let known = self.known(filled.id.episode.key);
                known.sold += filled.qty.0;
                known.last = Some(at);
                // A stop that stayed at the venue belongs to a life that was let go.
                if known.living == Some(filled.id.episode.generation) {
                    known.open -= filled.qty.0;
                    assert_eq!(known.open, filled.remaining.0, "seed {seed}: {filled:?}");
                }
                self.count("filled");
            }
            Record::Returned(back) => {
                let known = self.known(back.episode.key);
                if known.living == Some(back.episode.generation) {
                    known.open += back.qty.0;
                    assert_eq!(known.open, back.open.0, "seed {seed}: {back:?}");
                }
                self.count("returned");
            }
            Record::LeftOutside(left) => {
                let key = left.episode.key;
                if matches!(event, Event::Venue(VenueEvent::Read(_))) {
                    self.confirmed(event, key, left.remaining.0);
                    self.count("left by two reads");
                } else {
                    assert!(matches!(event, Event::Venue(VenueEvent::ClosedOutside(_))), "seed {seed}");
                    self.count("left as told");
                }
                let known = self.known(key);
                known.open -= left.qty.0;
                known.last = Some(at);
                assert!(known.open >= 0 && known.open == left.remaining.0, "seed {seed}: {left:?}");
            }
            record => self.tell_rest(record, at),
        }
    }

    fn tell_rest(&mut self, record: &Record, at: Timestamp) {
        let seed = self.seed;
        match record {
            Record::Closed { episode } => {
                let known = self.known(episode.key);
                (known.open, known.living) = (0, None);
            }
            Record::Released { episode, .. } => {
                let known = self.known(episode.key);
                (known.open, known.living) = (0, None);
                (known.is_released, known.last) = (true, Some(at));
                self.count("released");
            }
            Record::HandedOver(key) => {
                self.known(*key).is_released = false;
                self.count("handed over");
            }
            Record::OrdersListed(listed) => {
                let counts = [
                    ("missing", listed.missing.len()),
                    ("back", listed.back.len()),
                    ("edited", listed.edited.len()),
                    ("stray", listed.strays.len()),
                    ("others'", listed.foreign.iter().len()),
                ];
                counts.iter().filter(|(_, count)| *count > 0).for_each(|(what, _)| self.count(what));
            }
            Record::OrdersStale { .. } => self.count("not listed"),
            Record::OrdersPaced { .. } => self.count("paced"),
            Record::Alarm { episode, what: AlarmKind::ProtectionEdited | AlarmKind::ProtectionLost } => {
                *self.known(episode.key).lost.entry(episode.generation).or_default() += 1;
            }
            Record::OrderIntended(order) => {
                let known = self.known(order.id.episode.key);
                assert!(!known.is_released, "seed {seed}: let go, and sold: {order:?}");
                assert!(order.qty.0 <= known.open, "seed {seed}: more than is held: {order:?}");
            }
            Record::Reconciled(read) => {
                for found in &read.found {
                    self.count(match found.verdict {
                        Verdict::Stale => "stale",
                        Verdict::Released => "found, but let go",
                        Verdict::Unconfirmed => "unconfirmed",
                        _ => "other",
                    });
                }
            }
            _ => {}
        }
    }

    /// What the read of this step says of a bucket, and what it knows.
    fn read_now(&self, event: &Event, key: PositionKey) -> (i64, Timestamp) {
        let Event::Venue(VenueEvent::Read(reading)) = event else {
            panic!("seed {}: taken over without a read: {event:?}", self.seed);
        };
        let held = reading.held.as_ref().unwrap_or_else(|| panic!("seed {}: no read", self.seed));
        (size(held, key), reading.fills_until)
    }

    /// Two reads, apart by the time that was asked for, both newer than anything that happened to the
    /// bucket, say that this much is left.
    fn confirmed(&self, event: &Event, key: PositionKey, left: i64) {
        let seed = self.seed;
        let (theirs, until) = self.read_now(event, key);
        // Of coins only our own count.
        let says = |held: i64| if key.account == SPOT { held.min(self.keys[&key].open) } else { held };
        assert_eq!(says(theirs), left, "seed {seed}: {key:?}");
        let last = self.keys[&key].last.expect("it was opened").max(self.since[&key.account]);
        assert!(until >= last, "seed {seed}: a read that knew less than we did");
        let agrees = self.reads.iter().any(|read| {
            let is_apart = until.since(read.fills_until) >= CONFIRM && read.fills_until >= last;
            let held = read.held.as_ref().map(|held| says(size(held, key)));
            read.account == key.account && is_apart && held == Some(left)
        });
        assert!(agrees, "seed {seed}: only one read says that {left} is left of {key:?}");
    }
}

fn size(held: &[Holding], key: PositionKey) -> i64 {
    let of = held.iter().find(|one| one.instrument == key.instrument && one.side == key.side);
    of.map_or(0, |one| one.qty.0)
}

#[test]
fn what_is_held_is_what_two_reads_say_and_nothing_else_is_touched() {
    let mut seen = Seen::new();
    for seed in 0..1_500 {
        let played = play(seed);
        let mut oracle =
            Oracle { seed, keys: BTreeMap::new(), reads: Vec::new(), since: BTreeMap::new(), seen };
        let mut core = played.start.core.clone();
        for (now, event) in &played.world.log {
            let mut out = Outbox::default();
            core.handle(*now, event.clone(), &mut out);
            oracle.hear(event);
            for entry in &out.records {
                oracle.tell(if is_timer(entry) { &Event::Timer } else { event }, entry);
            }
            let acts = out.actions.iter().any(|action| matches!(action, Action::Submit(_)));
            assert!(!acts || !out.records.is_empty(), "seed {seed}: an order without a record");
        }
        for &key in &played.keys {
            let (held, known) = (played.world.venue.held(key).0, oracle.known(key));
            let view = played.world.core.view().position(key);
            let open = view.as_ref().map_or(0, |view| view.qty.0);
            assert_eq!(open, known.open, "seed {seed}: {key:?}");
            if key.account == SPOT {
                assert!(known.sold <= GRANT, "seed {seed}: {} sold of a grant of {GRANT}", known.sold);
                assert!(open <= held, "seed {seed}: {open} believed of {held}");
            } else if !known.is_released {
                assert_eq!(open, held, "seed {seed}: {key:?} is not what the venue holds, after all reads");
            }
            orders_stand(seed, &played.world, known, key);
        }
        seen = oracle.seen;
    }
    for what in [
        "adopted",
        "adopted, rules held",
        "added",
        "edited",
        "missing",
        "not listed",
        "others'",
        "failed",
        "filled",
        "found, but let go",
        "handed over",
        "left as told",
        "left by two reads",
        "released",
        "stale",
        "unconfirmed",
    ] {
        assert!(seen.get(what) >= Some(&50), "too few of `{what}`: {seen:?}");
    }
}

/// No order rests for a life that is over, and where the stop was not taken away twice it covers everything.
fn orders_stand(seed: u64, world: &World, known: &Known, key: PositionKey) {
    let living = known.living;
    let lost = living.and_then(|life| known.lost.get(&life)).copied().unwrap_or(0);
    let resting = world.venue.working().map(|order| order.id.episode);
    let of_nobody = |episode: &EpisodeId| episode.key == key && Some(episode.generation) != living;
    let of_nobody: Vec<EpisodeId> = resting.filter(of_nobody).collect();
    assert!(known.is_released || of_nobody.is_empty(), "seed {seed}: {of_nobody:?} rest, {living:?} lives");
    let cover = world.core.view().protections().find(|cover| cover.episode.key == key);
    let Some(cover) = cover.filter(|cover| cover.wants_stop && cover.closing.is_none()) else { return };
    let rests: i64 = world.venue.stops(cover.episode).sum();
    if key.account == FUTURES && lost <= 1 && cover.closable.0 > 0 {
        assert!(rests >= cover.closable.0, "seed {seed}: {rests} covered of {:?} of {key:?}", cover.closable);
    }
}

/// Timers that were due before an event are steps of their own.
fn is_timer(entry: &Entry) -> bool {
    entry.record == Record::Input(Event::Timer)
}

#[test]
fn the_journal_alone_brings_the_same_records_and_actions_and_so_does_a_restart() {
    for seed in 0..200 {
        let played = play(seed);
        let (mut core, mut told) = (played.start.core.clone(), Outbox::default());
        let mut again = played.start.core.clone();
        for (at, (now, event)) in played.world.log.iter().enumerate() {
            let from = told.records.len();
            core.handle(*now, event.clone(), &mut told);
            if at % 7 == 0 {
                let text = serde_json::to_string(&again.snapshot()).expect("a snapshot is data");
                let snapshot = serde_json::from_str(&text).expect("what was written can be read");
                again = ripcord_core::Coordinator::restore(snapshot, []).expect("our own version");
            }
            let mut out = Outbox::default();
            again.handle(*now, event.clone(), &mut out);
            assert_eq!(out.records, told.records[from..], "seed {seed}: {event:?}");
        }
        let (mut replayed, mut out) = (played.start.core.clone(), Outbox::default());
        for entry in told.records.iter().cloned() {
            replayed.replay(entry, &mut out);
        }
        assert_eq!(out.records, told.records, "seed {seed}");
        assert_eq!(out.actions, told.actions, "seed {seed}");
    }
}

/// A read may be refused because a price of ours, which nobody wrote down yet, makes it impossible.
#[test]
fn a_read_that_our_own_price_makes_impossible_is_refused_in_the_journal_too() {
    let (mut world, keys) = world(&mut Random::new(1));
    let start = world.core.clone();
    world.price(keys[0].instrument, PriceSource::Last, Price(10_000), Probe::TICK);
    world.handle(manage(FUTURES, AccountMode::Hedge));
    let holding = Holding {
        instrument: keys[0].instrument,
        side: Side::Long,
        qty: Qty(i64::MAX),
        entry: None,
        leverage: None,
        liquidation: None,
        mark: None,
    };
    let (account, at) = (FUTURES, world.now);
    let reading = Reading { account, taken_at: at, fills_until: at, held: Some(vec![holding]) };
    world.handle(Event::Venue(VenueEvent::Read(Box::new(reading))));
    assert!(world.records.iter().any(|entry| matches!(entry.record, Record::ReadFailed { .. })));
    let (mut replayed, mut out) = (start, Outbox::default());
    for entry in world.records.iter().cloned() {
        replayed.replay(entry, &mut out);
    }
    assert_eq!(out.records, world.records);
}
