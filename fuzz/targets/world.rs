//! A coordinator at the hands of chance, and a judge who knows only what was told and what came out.
//!
//! What comes in is whatever bytes say: a venue that answers as it likes, twice, late, about orders that nobody
//! sent, with numbers at which arithmetic ends. What must hold all the same is in [`World::judge`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use ripcord_core::Coordinator;
use ripcord_core::account::{AccountMode, ClosedBy, Holding, Managed, Management, OutsideClose, Reading};
use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{
    Absence, Action, Addition, Command, Entry, Event, Opening, OrderFound, Outbox, Probe, Record, RefusedWhy,
    Tick, VenueEvent,
};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, MarketKind, Side};
use ripcord_core::kill::KillLevel;
use ripcord_core::listing::{ForeignId, Listed, Listing, OpenOrder, Whose};
use ripcord_core::market::{Bar, PriceSource};
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::{ExitOrder, Fill, OrderKind, OrderState};
use ripcord_core::time::{Span, Timestamp};
use ripcord_sim::plan_file::parse_plan;

use crate::bytes::Bytes;

/// What may be sold of each coin.
pub(crate) const GRANT: i64 = 5_000;
/// Less than this is dust: nothing can close it.
const LOT: i64 = 10;
/// Steps of the clock that are waited for between two events.
const TIMERS_MAX: usize = 40;

const PLANS: [&str; 4] = [
    "version = 1\nname = 'a'\n[stop_loss]\ndistance = { fraction = 0.02 }\n[bracket]\n[ladder]\nlegs = [{ at = 0.01, close = 0.25 }, { at = 0.03, close = 0.5, soft = true }]\n[ratchet]\n",
    "version = 1\nname = 'b'\n[hard_stop]\nfraction = 0.04\n[soft_stop]\nfraction = 0.02\n[trailing]\ndistance = { fraction = 0.01 }\nactivation = 0.01\n[bracket]\n",
    "version = 1\nname = 'c'\n[hard_stop]\nfraction = 0.03\n[stop_loss]\ndistance = { fraction = 0.01 }\n[time_limit]\nafter_secs = 300\n",
    "version = 1\nname = 'd'\n[atr]\nbar_secs = 60\nperiod = 2\n[trailing]\ndistance = { atr = 2, fraction = 0.02 }\n[ladder]\nlegs = [{ at = 0.02, close = 0.5 }]\n[signal_exit]\nttl_secs = 60\n",
];

/// What is known of a bucket from records alone.
#[derive(Debug, Default, Clone)]
struct Known {
    open: i64,
    living: Option<u32>,
    is_released: bool,
    sold: i64,
}

pub(crate) struct World {
    pub(crate) core: Coordinator,
    pub(crate) now: Timestamp,
    pub(crate) prices: [i64; 2],
    start: Coordinator,
    out: Outbox,
    journal: Vec<Entry>,
    actions: Vec<Action>,
    submitted: Vec<ExitOrder>,
    ids: BTreeSet<OrderId>,
    known: BTreeMap<PositionKey, Known>,
    trades: u64,
}

/// Two markets, futures and spot, each with two plans.
fn fresh() -> Coordinator {
    let mut core = Coordinator::new();
    for n in 0..2 {
        let mut rules = Instrument::from_decimals(["PERP", "COIN"][n], 2, 3);
        rules.lot_size = Qty(LOT);
        rules.kind = [MarketKind::Futures, MarketKind::Spot][n];
        let id =
            core.add_instrument(rules.clone(), &[PriceSource::Last, PriceSource::Mark], BarOrigin::Ticks);
        let id = id.expect("a sound instrument");
        for text in [PLANS[n], PLANS[n + 2]] {
            let spec = parse_plan(text, "plan").unwrap_or_else(|fault| panic!("{fault}"));
            core.add_plan(spec.resolve(id, &rules).expect("a sound plan")).expect("its instrument is there");
        }
    }
    core
}

impl World {
    pub(crate) fn new() -> Self {
        static FRESH: OnceLock<Coordinator> = OnceLock::new();
        let core = FRESH.get_or_init(fresh).clone();
        let mut world = Self {
            start: core.clone(),
            core,
            now: Timestamp(1_760_000_000_000_000_000),
            prices: [10_000, 5_000],
            out: Outbox::default(),
            journal: Vec::new(),
            actions: Vec::new(),
            submitted: Vec::new(),
            ids: BTreeSet::new(),
            known: BTreeMap::new(),
            trades: 0,
        };
        for n in 0..2 {
            world.price(n, PriceSource::Last, world.prices[n as usize]);
        }
        world
    }

    /// One event, and the judge.
    pub(crate) fn handle(&mut self, event: Event) {
        self.core.handle(self.now, event, &mut self.out);
        let (records, actions) =
            (std::mem::take(&mut self.out.records), std::mem::take(&mut self.out.actions));
        for entry in &records {
            self.judge(entry);
        }
        for action in &actions {
            if let Action::Submit(approved) = action {
                self.judge_order(approved.order());
            }
        }
        assert!(
            actions.is_empty() || !records.is_empty(),
            "something is done, and nothing written: {actions:?}"
        );
        for (key, known) in &self.known {
            let open = self.core.view().position(*key).map_or(0, |position| position.qty.0);
            assert_eq!(open, known.open, "{key:?}");
        }
        self.journal.extend(records);
        self.actions.extend(actions);
    }

    fn known(&mut self, key: PositionKey) -> &mut Known {
        self.known.entry(key).or_default()
    }

    /// No order is sent twice, for a life that is over, or for more than is held.
    fn judge_order(&mut self, order: &ExitOrder) {
        assert!(self.ids.insert(order.id), "sent twice: {order:?}");
        self.submitted.push(*order);
    }

    fn judge(&mut self, entry: &Entry) {
        match &entry.record {
            Record::Opened(opened) => {
                let known = self.known(opened.episode.key);
                assert_eq!(known.open, 0, "opened on top: {opened:?}");
                assert!(opened.qty.0 > 0, "{opened:?}");
                (known.open, known.living) = (opened.qty.0, Some(opened.episode.generation));
                known.is_released = false;
            }
            Record::Added(added) => {
                let known = self.known(added.episode.key);
                known.open += added.qty.0;
                assert_eq!(known.open, added.open.0, "{added:?}");
            }
            Record::Filled(filled) => {
                let known = self.known(filled.id.episode.key);
                assert!(filled.qty.0 > 0, "{filled:?}");
                known.sold = known.sold.saturating_add(filled.qty.0);
                if known.living == Some(filled.id.episode.generation) {
                    known.open -= filled.qty.0;
                    assert!(known.open >= 0 && known.open == filled.remaining.0, "{filled:?}");
                }
            }
            Record::LeftOutside(left) => {
                let known = self.known(left.episode.key);
                known.open -= left.qty.0;
                assert!(known.open >= 0 && known.open == left.remaining.0, "{left:?}");
            }
            Record::Returned(back) => {
                let known = self.known(back.episode.key);
                if known.living == Some(back.episode.generation) {
                    known.open += back.qty.0;
                    assert_eq!(known.open, back.open.0, "{back:?}");
                }
            }
            Record::Closed { episode } => {
                let known = self.known(episode.key);
                assert!(known.open < LOT, "closed, and {} held: {episode:?}", known.open);
                (known.open, known.living) = (0, None);
            }
            Record::Released { episode, .. } => {
                let known = self.known(episode.key);
                (known.open, known.living, known.is_released) = (0, None, true);
            }
            Record::OrderIntended(order) => {
                let known = self.known(order.id.episode.key);
                assert_eq!(known.living, Some(order.id.episode.generation), "of another life: {order:?}");
                assert!(0 < order.qty.0 && order.qty.0 <= known.open, "{} held: {order:?}", known.open);
                assert!(!known.is_released, "let go, and sold: {order:?}");
            }
            Record::Alarm { .. } | Record::Input(_) => {}
            _ => {}
        }
    }

    /// Sold of one coin by an account, over all its lives.
    pub(crate) fn sold(&self, key: PositionKey) -> i64 {
        self.known.get(&key).map_or(0, |known| known.sold)
    }

    /// The journal alone says all of it again, word for word, and so does a start from a snapshot.
    pub(crate) fn end(self) {
        let state = self.core.snapshot();
        let restored = Coordinator::restore(state.clone(), []).expect("our own version");
        assert_eq!(restored.snapshot(), state);
        self.hears_as(&restored);
        let (mut replayed, mut out) = (self.start, Outbox::default());
        for entry in self.journal.iter().cloned() {
            replayed.replay(entry, &mut out);
        }
        assert_eq!(out.records, self.journal);
        assert_eq!(out.actions, self.actions);
    }

    /// The process dies here and starts again.
    pub(crate) fn restart(&mut self) {
        let restored = Coordinator::restore(self.core.snapshot(), []).expect("our own version");
        self.hears_as(&restored);
        self.core = restored;
    }

    /// The living core and one that starts from its snapshot make the same of any price. One of them may wake for
    /// nothing.
    fn hears_as(&self, restored: &Coordinator) {
        let at = self.now.after(Span(1));
        for (n, source) in [(0, PriceSource::Last), (0, PriceSource::Mark), (1, PriceSource::Last)] {
            let (cell, near) = (self.core.cell(InstrumentId(n), source), self.prices[n as usize]);
            for share in 900..1_100 {
                let price = Price(near * share / 1_000);
                let tick = Tick { at, price, qty: Qty(1), cell, probe: Probe::TICK };
                if self.core.is_quiet(at, &tick) == restored.is_quiet(at, &tick) {
                    continue;
                }
                let told = [&self.core, restored].map(|core| {
                    let (mut core, mut out) = (core.clone(), Outbox::default());
                    core.handle(at, Event::Tick(tick), &mut out);
                    (out.records, out.actions)
                });
                assert_eq!(told[0], told[1], "{price:?}");
            }
        }
    }

    pub(crate) fn price(&mut self, n: u32, source: PriceSource, price: i64) {
        let cell = self.core.cell(InstrumentId(n), source);
        self.handle(Event::Tick(Tick {
            at: self.now,
            price: Price(price),
            qty: Qty(1),
            cell,
            probe: Probe::TICK,
        }));
    }

    /// Time passes, and what was due happens in its order.
    pub(crate) fn advance(&mut self, span: Span) {
        let to = self.now.after(span);
        for _ in 0..TIMERS_MAX {
            if self.core.next_deadline() > to {
                break;
            }
            self.now = self.core.next_deadline().max(self.now);
            self.handle(Event::Timer);
        }
        self.now = to.max(self.now);
    }

    pub(crate) fn walk(&mut self, bytes: &mut Bytes<'_>) {
        let n = bytes.byte() % 2;
        let price = &mut self.prices[usize::from(n)];
        let move_by = *price * (i64::from(bytes.byte()) - 128) / 4_000;
        *price = (*price + move_by).clamp(50, 1 << 40);
        let (to, source) = (*price, bytes.pick(&[PriceSource::Last, PriceSource::Last, PriceSource::Mark]));
        self.price(n.into(), source, to);
    }

    pub(crate) fn key(bytes: &mut Bytes<'_>) -> PositionKey {
        let which = bytes.byte();
        let instrument = InstrumentId(u32::from(which & 1));
        // Coins are held, not owed.
        let side = if which & 3 == 2 { Side::Short } else { Side::Long };
        PositionKey { account: AccountId(u32::from(which >> 2 & 1)), instrument, side }
    }

    pub(crate) fn open(&mut self, bytes: &mut Bytes<'_>) {
        let key = Self::key(bytes);
        let near = self.prices[key.instrument.0 as usize];
        let odd = bytes.byte();
        let (qty, entry) = match odd % 16 {
            15 => (bytes.number(), bytes.number()),
            14 => (1 + bytes.up_to(30_000), bytes.number()),
            _ => (1 + bytes.up_to(30_000), near * (9_900 + bytes.up_to(200)) / 10_000),
        };
        let plan = PlanId(key.instrument.0 * 2 + u32::from(odd >> 7));
        let opening =
            Opening { key, plan, qty: Qty(qty), entry: Price(entry), entry_fees: Money(i128::from(odd)) };
        self.handle(Event::Command(Command::Open(Box::new(opening))));
    }

    pub(crate) fn command(&mut self, bytes: &mut Bytes<'_>) {
        let key = Self::key(bytes);
        let near = self.prices[key.instrument.0 as usize];
        let price = |bytes: &mut Bytes<'_>| match bytes.byte() % 8 {
            7 => Price(bytes.number()),
            _ => Price(near * (9_500 + bytes.up_to(1_000)) / 10_000),
        };
        let account = key.account;
        let command = match bytes.byte() % 14 {
            0 => Command::Close { key, qty: None },
            1 => Command::Close { key, qty: Some(Qty(bytes.up_to(20_000))) },
            2 => Command::Close { key, qty: Some(Qty(bytes.number())) },
            3 => Command::Panic(account),
            4 | 5 => {
                let qty = if bytes.byte() % 8 == 7 { bytes.number() } else { bytes.up_to(9_000) };
                let fees = Money(bytes.byte().into());
                Command::Add(Box::new(Addition { key, qty: Qty(qty), price: price(bytes), fees }))
            }
            6 => Command::ChangePlan { key, plan: PlanId(u32::from(bytes.byte() % 5)) },
            7 => Command::Signal { key, at: Timestamp(self.now.0 - bytes.up_to(90) * 1_000_000_000) },
            8 | 9 => Command::MoveStop { key, to: price(bytes) },
            10 => {
                let level = bytes.byte();
                let level = KillLevel::ALL.get(usize::from(level % 6)).copied();
                Command::Kill { account, level, confirmed: bytes.flag() }
            }
            11 => Command::HandOver { key },
            12 => Command::Release { key, keeps_stop: bytes.flag() },
            _ => return self.manage(bytes),
        };
        self.handle(Event::Command(command));
    }

    /// What somebody asks for about positions that reads found: none of it brings coins.
    pub(crate) fn command_for_reads(&mut self, bytes: &mut Bytes<'_>) {
        let key = Self::key(bytes);
        let command = match bytes.byte() % 4 {
            0 => Command::HandOver { key },
            1 => Command::Release { key, keeps_stop: bytes.flag() },
            2 => Command::Close { key, qty: None },
            _ => Command::Panic(key.account),
        };
        self.handle(Event::Command(command));
    }

    /// The first account trades futures, the second coins; both under the plans of their market.
    pub(crate) fn manage(&mut self, bytes: &mut Bytes<'_>) {
        let account = bytes.byte() & 1;
        let mode = match account {
            0 => bytes.pick(&[AccountMode::Hedge, AccountMode::Net]),
            _ => AccountMode::Spot,
        };
        let grant = (mode == AccountMode::Spot).then_some(Qty(GRANT));
        let of = |n: u32| Managed { instrument: InstrumentId(n), plan: PlanId(n * 2), grant };
        let given = Management {
            account: AccountId(account.into()),
            mode,
            instruments: if mode == AccountMode::Spot { vec![of(1)] } else { vec![of(0)] },
            read_every: bytes.flag().then_some(Span::from_secs(20)),
            confirm_after: Span::from_secs(2),
        };
        self.handle(Event::Command(Command::Manage(Box::new(given))));
    }

    /// An order of ours, most often; else one that nobody sent.
    fn order(&self, bytes: &mut Bytes<'_>) -> (OrderId, Qty) {
        let which = bytes.byte();
        if which < 240 && !self.submitted.is_empty() {
            // Lately sent ones first.
            let at = self.submitted.len() - 1 - usize::from(which) % self.submitted.len();
            return (self.submitted[at].id, self.submitted[at].qty);
        }
        let key = Self::key(bytes);
        let episode = EpisodeId { key, generation: bytes.pick(&[0, 1, 2, u32::MAX]) };
        let exit = bytes.pick(&[0, 1, u16::MAX]);
        let id = OrderId {
            episode,
            exit,
            leg: bytes.pick(&[0, 1, 255]),
            slice: 0,
            attempt: bytes.pick(&[0, u16::MAX]),
        };
        (id, Qty(bytes.number()))
    }

    pub(crate) fn answer(&mut self, bytes: &mut Bytes<'_>) {
        let (id, qty) = self.order(bytes);
        let near = self.prices[id.episode.key.instrument.0 as usize];
        let total = |bytes: &mut Bytes<'_>| match bytes.byte() % 8 {
            0..4 => qty,
            4..7 => Qty((i128::from(qty.0) * i128::from(bytes.byte()) / 256) as i64),
            _ => Qty(bytes.number()),
        };
        let fill = |bytes: &mut Bytes<'_>| {
            let filled_total = total(bytes);
            let price = if bytes.byte() % 16 == 15 { Price(bytes.number()) } else { Price(near) };
            Fill { id, filled_total, price, fee: Money(i128::from(bytes.byte())) }
        };
        let event = match bytes.byte() % 16 {
            0..3 => VenueEvent::Accepted(id),
            3..7 => VenueEvent::Filled(Box::new(fill(bytes))),
            7 => VenueEvent::Refused(
                id,
                bytes.pick(&[
                    RefusedWhy::NothingToReduce,
                    RefusedWhy::Busy,
                    RefusedWhy::Other,
                    RefusedWhy::MarketRefused,
                    RefusedWhy::CoinsMissing,
                ]),
            ),
            8 => VenueEvent::Cancelled(id),
            9 => VenueEvent::Expired(id),
            10 => VenueEvent::CancelRefused(id),
            11 | 12 => VenueEvent::Silence(id),
            13 => {
                let asked_at = Timestamp(self.now.0 - bytes.up_to(20) * 1_000_000_000);
                VenueEvent::Absent(Box::new(Absence { id, asked_at }))
            }
            _ => {
                let state = bytes.pick(&[
                    OrderState::Working,
                    OrderState::PartFilled,
                    OrderState::Filled,
                    OrderState::Cancelled,
                    OrderState::Expired,
                    OrderState::Refused,
                    OrderState::Unknown,
                    OrderState::Sent,
                ]);
                let placed = if bytes.byte() % 8 == 7 { total(bytes) } else { qty };
                let fill = bytes.flag().then(|| fill(bytes));
                let placed_at = Timestamp(self.now.0 - bytes.up_to(20) * 1_000_000_000);
                VenueEvent::Found(Box::new(OrderFound { id, qty: placed, placed_at, state, fill }))
            }
        };
        self.handle(Event::Venue(event));
    }

    /// What the venue says of money, levels and trades that are not ours.
    pub(crate) fn news(&mut self, bytes: &mut Bytes<'_>) {
        let key = Self::key(bytes);
        let near = Price(self.prices[key.instrument.0 as usize]);
        let event = match bytes.byte() % 6 {
            0 => VenueEvent::FundingPaid(key, Box::new(Money(i128::from(bytes.number())))),
            1 => VenueEvent::LiquidationAt(key, Price(bytes.number())),
            _ => {
                self.trades += u64::from(bytes.byte() % 3);
                let qty = if bytes.byte() % 8 == 7 { bytes.number() } else { bytes.up_to(9_000) };
                VenueEvent::ClosedOutside(Box::new(OutsideClose {
                    key,
                    trade: self.trades,
                    qty: Qty(qty),
                    price: bytes.flag().then_some(near),
                    fee: Money(bytes.byte().into()),
                    by: bytes.pick(&[
                        ClosedBy::Hand,
                        ClosedBy::Liquidation,
                        ClosedBy::Adl,
                        ClosedBy::Settlement,
                        ClosedBy::Unseen,
                    ]),
                }))
            }
        };
        self.handle(Event::Venue(event));
    }

    /// A read of an account: of what we believe, of something else, or none.
    pub(crate) fn read(&mut self, bytes: &mut Bytes<'_>) -> Reading {
        let account = AccountId(u32::from(bytes.byte() & 1));
        let how = bytes.byte();
        let mut held = Vec::new();
        for (instrument, side) in [(0, Side::Long), (0, Side::Short), (1, Side::Long)] {
            let key = PositionKey { account, instrument: InstrumentId(instrument), side };
            let ours = self.core.view().position(key).map_or(0, |position| position.qty.0);
            let qty = match bytes.byte() % 8 {
                0..4 => ours,
                4 => 0,
                5 => ours / 2,
                6 => ours.saturating_add(bytes.up_to(5_000)),
                _ => bytes.number().saturating_abs(),
            };
            let near = Some(Price(self.prices[instrument as usize]));
            let (entry, mark) = (near.filter(|_| bytes.flag()), near.filter(|_| how & 8 == 0));
            let holding = Holding {
                instrument: key.instrument,
                side,
                qty: Qty(qty),
                entry,
                leverage: None,
                liquidation: None,
                mark,
            };
            held.extend((qty > 0).then_some(holding));
        }
        let taken_at = Timestamp(self.now.0 - i64::from(how >> 6) * 1_000_000_000);
        let held = (how % 8 != 7).then_some(held);
        Reading { account, taken_at, fills_until: taken_at, held }
    }

    /// A list of what rests: as known, changed, with others' orders, or none.
    pub(crate) fn list(&mut self, bytes: &mut Bytes<'_>) {
        let account = AccountId(u32::from(bytes.byte() & 1));
        let orders = match bytes.byte() % 8 {
            0 => Listed::Failed,
            1 => Listed::AsKnown,
            how => {
                let living = self
                    .core
                    .view()
                    .living_orders()
                    .filter(|one| one.order.id.episode.key.account == account);
                let living: Vec<_> = living.collect();
                let mut all = Vec::new();
                for one in living {
                    if how > 3 && bytes.byte() % 4 == 3 {
                        continue;
                    }
                    let (mut qty, mut kind) = (one.order.qty, one.order.kind);
                    if how > 4 && bytes.byte() % 4 == 3 {
                        qty = Qty(1 + bytes.up_to(9_000));
                    }
                    if let (OrderKind::Stop(at), true) = (kind, how > 5 && bytes.flag()) {
                        let moved = i128::from(at.0) * i128::from(9_000 + bytes.up_to(2_000)) / 10_000;
                        kind = OrderKind::Stop(Price(i64::try_from(moved).unwrap_or(i64::MAX).max(1)));
                    }
                    let filled = one.life.filled.min(qty);
                    all.push(OpenOrder { whose: Whose::Ours(one.order.id), qty, filled, kind });
                }
                for number in 0..u64::from(bytes.byte() % 3) {
                    let key = Self::key(bytes);
                    let foreign = ForeignId { instrument: key.instrument, side: key.side, number };
                    let (qty, kind) = (
                        Qty(1 + bytes.up_to(5_000)),
                        bytes.pick(&[OrderKind::Stop(Price(9)), OrderKind::RestingLimit(Price(9_999))]),
                    );
                    all.push(OpenOrder { whose: Whose::Foreign(foreign), qty, filled: Qty(0), kind });
                }
                if bytes.byte() % 8 == 7 {
                    let (id, qty) = self.order(bytes);
                    all.push(OpenOrder {
                        whose: Whose::Ours(id),
                        qty,
                        filled: Qty(bytes.number()),
                        kind: OrderKind::Market,
                    });
                }
                Listed::All(all)
            }
        };
        let taken_at = Timestamp(self.now.0 - i64::from(bytes.byte() % 3) * 500_000_000);
        self.handle(Event::Venue(VenueEvent::Listed(Box::new(Listing { account, taken_at, orders }))));
    }

    /// Prices and bars that cannot be, sources that fall silent.
    pub(crate) fn oddity(&mut self, bytes: &mut Bytes<'_>) {
        let n = InstrumentId(u32::from(bytes.byte() & 1));
        let cell = self.core.cell(n, bytes.pick(&[PriceSource::Last, PriceSource::Mark]));
        let event = match bytes.byte() % 4 {
            0 => Event::Silent(cell),
            1 => {
                let at = Timestamp(self.now.0.saturating_sub(bytes.number()));
                Event::Tick(Tick {
                    at,
                    price: Price(bytes.number()),
                    qty: Qty(bytes.number()),
                    cell,
                    probe: Probe::TICK,
                })
            }
            2 => {
                let at = Timestamp(self.now.0 - bytes.up_to(5_000) * 1_000_000);
                let price = Price(self.prices[n.0 as usize]);
                Event::Tick(Tick { at, price, qty: Qty(0), cell, probe: Probe::TICK })
            }
            _ => Event::Bar(Bar {
                instrument: bytes.pick(&[n, n, InstrumentId(u32::MAX)]),
                span: Span(bytes.pick(&[60_000_000_000, 1, 0, i64::MAX])),
                start: Timestamp(bytes.number()),
                high: Price(bytes.number()),
                low: Price(bytes.number()),
                close: Price(bytes.number()),
            }),
        };
        self.handle(event);
    }
}
