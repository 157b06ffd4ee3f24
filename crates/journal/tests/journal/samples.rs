//! One entry of every kind, and every variant of the words inside. New ones go to the end.

use ripcord_core::account::{AccountMode, ClosedBy, Holding, Managed, Management, OutsideClose, Reading};
use ripcord_core::bars::BarOrigin;
use ripcord_core::cell::CellId;
use ripcord_core::event::{
    Absence, Added, Addition, Adopted, AlarmKind, Command, CommandRefused, Concluded, ConfirmedBy, Doubt,
    Entry, Event, ExitDecided, Filled, Found, Held, Judged, Jump, LeftOutside, Observed, Opened, Opening,
    OrderEnd, OrderFound, PriceDoubted, Probe, ProbeFill, Reconciled, Record, RefusedWhy, Tick, VenueEvent,
    Verdict,
};
use ripcord_core::gate::Blocked;
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, MarketKind, Side};
use ripcord_core::kill::KillLevel;
use ripcord_core::market::{Bar, PriceSource};
use ripcord_core::num::{Money, Price, Qty, Ratio};
use ripcord_core::order::{ExitOrder, Fill, OrderKind, OrderState};
use ripcord_core::plan::PlanSpec;
use ripcord_core::reason::{ExitType, Reason, Source, StopOrigin};
use ripcord_core::time::{Span, Timestamp};
use ripcord_journal::JournalEntry;
use ripcord_journal::entry::{
    AccountEntry, FeePaid, Founded, ImportedTrade, InstallationId, InstrumentEntry, PlanEntry, PositionEntry,
    Restored, Settings, Taken,
};

const KEY: PositionKey =
    PositionKey { account: AccountId(7), instrument: InstrumentId(1), side: Side::Short };
const EPISODE: EpisodeId = EpisodeId { key: KEY, generation: 300 };
const ORDER: OrderId = OrderId { episode: EPISODE, exit: 2, leg: 3, slice: 4, attempt: 5 };

/// All samples, in the order of the file.
pub(crate) fn samples() -> Vec<JournalEntry> {
    let mut all = keeping();
    let mut records = Vec::new();
    records.extend(events().into_iter().map(Record::Input));
    records.extend(position_records());
    records.extend(order_records());
    records.extend(refusals().into_iter().map(Record::CommandRefused));
    records.extend(later_records());
    let at = |number: usize| Timestamp(1_767_225_600_000_000_000 + number as i64);
    let fact = |(n, record)| JournalEntry::Fact(Entry { at: at(n), record });
    let first = records.len();
    all.extend(records.into_iter().enumerate().map(fact));
    all.extend(imports());
    let mut records = price_records();
    records.extend(read_records());
    records.extend(lost_order_records());
    all.extend(records.into_iter().enumerate().map(|(n, record)| fact((first + n, record))));
    let rules = Instrument {
        kind: MarketKind::Spot,
        market_qty_max: Qty(120_000),
        ..Instrument::from_decimals("BTC-USD", 2, 8)
    };
    let (sources, bars) = (vec![PriceSource::Last], BarOrigin::Ticks);
    all.push(JournalEntry::Instrument(Box::new(InstrumentEntry { rules, sources, bars })));
    all.extend(super::lists::records(EPISODE).into_iter().enumerate().map(fact));
    all.extend(super::orders::records(EPISODE).into_iter().enumerate().map(fact));
    let absence = VenueEvent::Absent(Box::new(Absence { id: ORDER, asked_at: Timestamp(7) }));
    all.push(fact((0, Record::Input(Event::Venue(absence)))));
    all.push(fact((1, Record::Input(Event::Resumed))));
    all.push(fact((2, Record::CommandRefused(CommandRefused::Released(EPISODE.key)))));
    all
}

fn imports() -> Vec<JournalEntry> {
    let fees = [
        FeePaid::Quote(Money(1_200)),
        FeePaid::Base(Qty(-3)),
        FeePaid::Other { coin: "BNB".to_owned(), amount: Money(10_000), price: Money(612) },
    ];
    let imported = |fee: FeePaid| {
        let closes = matches!(fee, FeePaid::Base(_));
        JournalEntry::Imported(Box::new(ImportedTrade {
            seen_at: Timestamp(1_767_225_700_000_000_000),
            order_id: "8389765581736425479".to_owned(),
            account: AccountId(7),
            instrument: InstrumentId(1),
            side: Side::Long,
            closes,
            at: Timestamp(1_767_225_600_000_000_000),
            qty: Qty(500),
            price: Price(6_000_099),
            fee,
            trigger: r#"{"trigger":"LIMIT"}"#.to_owned(),
            order_type: "limit".to_owned(),
            source: "websocket".to_owned(),
            reason: closes.then(|| "SOFT_STOP".to_owned()),
            via: "import".to_owned(),
        }))
    };
    fees.map(imported).into()
}

fn keeping() -> Vec<JournalEntry> {
    let plan = r#"{"version":1,"name":"swing","stop_loss":{"distance":{"fraction":"0.02"}}}"#;
    let plan: PlanSpec = serde_json::from_str(plan).expect("a plan");
    let instrument = |symbol: &str, sources: Vec<PriceSource>, bars| {
        let mut rules = Instrument::from_decimals(symbol, 2, 5);
        rules.qty_min = Qty(10);
        rules.notional_min = Money(-5_000_000_000_000_000_000);
        JournalEntry::Instrument(Box::new(InstrumentEntry { rules, sources, bars }))
    };
    let position = |side, strategy: Option<&str>| {
        JournalEntry::Position(Box::new(PositionEntry {
            episode: EPISODE,
            id: "trail".to_owned(),
            symbol: "BTCUSDT".to_owned(),
            side,
            strategy: strategy.map(str::to_owned),
            snapshot_id: strategy.map(|_| "snap-1".to_owned()),
        }))
    };
    vec![
        JournalEntry::Founded(Founded {
            installation: InstallationId(*b"0123456789abcdef"),
            scope: 9,
            program: "ripcord 0.1.0".to_owned(),
        }),
        JournalEntry::Taken(Taken { epoch: 1, program: "ripcord 0.1.0".to_owned() }),
        instrument("BTCUSDT", PriceSource::ALL.to_vec(), BarOrigin::Ticks),
        instrument("ETHUSDT", vec![PriceSource::Mark], BarOrigin::Bars),
        JournalEntry::Plan(Box::new(PlanEntry { instrument: InstrumentId(1), spec: plan })),
        JournalEntry::Account(AccountEntry { id: AccountId(7), name: "main".to_owned() }),
        position(Side::Long, Some("swing")),
        position(Side::Short, None),
        JournalEntry::Settings(Settings { json: r#"{"fills":{"latency":50000000}}"#.to_owned() }),
        JournalEntry::Restored(Restored {
            installation: InstallationId([0xfe; 16]),
            former: InstallationId(*b"0123456789abcdef"),
            program: "ripcord 0.1.0".to_owned(),
        }),
        JournalEntry::Taken(Taken { epoch: 300, program: "ripcord 0.1.1".to_owned() }),
    ]
}

fn observed() -> Observed {
    Observed {
        cell: CellId(4),
        count: u32::MAX,
        last: Price(6_000_123),
        at: Timestamp(i64::MAX),
        min: Price(i64::MAX),
        max: Price(i64::MIN),
    }
}

fn bar() -> Bar {
    Bar {
        instrument: InstrumentId(1),
        span: Span::from_secs(60),
        start: Timestamp(-60_000_000_000),
        high: Price(12),
        low: Price(10),
        close: Price(11),
    }
}

fn events() -> Vec<Event> {
    let tick = |fill| {
        let probe = Probe { classes: 21, sides: 2, fill };
        Event::Tick(Tick { at: Timestamp(-5), price: Price(6_000_100), qty: Qty(3), cell: CellId(2), probe })
    };
    let mut all: Vec<Event> = [ProbeFill::Market, ProbeFill::Level, ProbeFill::Price].map(tick).into();
    all.extend([Event::Bar(bar()), Event::Observed(observed()), Event::Timer]);
    let fee = Money(-170_141_183_460_469_231_731_687_303_715_884_105_728);
    let fill = Fill { id: ORDER, filled_total: Qty(500), price: Price(6_000_099), fee };
    let venue = [
        VenueEvent::Accepted(ORDER),
        VenueEvent::Refused(ORDER, RefusedWhy::NothingToReduce),
        VenueEvent::Refused(ORDER, RefusedWhy::Busy),
        VenueEvent::Refused(ORDER, RefusedWhy::Other),
        VenueEvent::Filled(Box::new(fill)),
        VenueEvent::Cancelled(ORDER),
        VenueEvent::Expired(ORDER),
        VenueEvent::CancelRefused(ORDER),
        VenueEvent::Silence(ORDER),
        VenueEvent::FundingPaid(KEY, Box::new(Money(i128::MAX))),
        VenueEvent::LiquidationAt(KEY, Price(1)),
    ];
    all.extend(venue.map(Event::Venue));
    let opening = Opening {
        key: KEY,
        plan: PlanId(2),
        qty: Qty(1_000),
        entry: Price(6_000_000),
        entry_fees: Money(24_000_000_000_000_000_000),
    };
    let addition = Addition { key: KEY, qty: Qty(1), price: Price(2), fees: Money(3) };
    let commands = [
        Command::Open(Box::new(opening)),
        Command::Close { key: KEY, qty: None },
        Command::Close { key: KEY, qty: Some(Qty(5)) },
        Command::Panic(AccountId(7)),
        Command::Add(Box::new(addition)),
        Command::ChangePlan { key: KEY, plan: PlanId(1) },
        Command::Signal { key: KEY, at: Timestamp(77) },
        Command::MoveStop { key: KEY, to: Price(6_100_000) },
    ];
    all.extend(commands.map(Event::Command));
    all
}

fn position_records() -> Vec<Record> {
    let mut all = vec![
        Record::Observed(observed()),
        Record::Opened(Box::new(Opened {
            episode: EPISODE,
            plan: PlanId(2),
            qty: Qty(1_000),
            entry: Price(6_000_000),
            entry_fees: Money(24),
            stop: Some(Price(6_120_000)),
        })),
        Record::Added(Box::new(Added {
            episode: EPISODE,
            qty: Qty(1),
            price: Price(2),
            fees: Money(3),
            open: Qty(4),
            entry: Price(5),
        })),
        Record::PlanChanged { episode: EPISODE, from: PlanId(1), to: PlanId(2) },
        Record::TrailingActivated { episode: EPISODE, extreme: Price(5_900_000), stop: Price(5_959_000) },
        Record::FundingPaid { episode: EPISODE, amount: Box::new(Money(-12)) },
        Record::Signalled { episode: EPISODE, until: Timestamp(99) },
        Record::ExitConcluded { episode: EPISODE, exit: 65_535, why: Concluded::PastWorst },
        Record::ExitConcluded { episode: EPISODE, exit: 1, why: Concluded::Expired },
        Record::Closed { episode: EPISODE },
        Record::BarClosed(Box::new(bar())),
    ];
    let origins = [
        StopOrigin::Initial,
        StopOrigin::Ratchet,
        StopOrigin::RiskFloor,
        StopOrigin::Liquidation,
        StopOrigin::TrailingStep,
        StopOrigin::Moved,
    ];
    all.extend(origins.map(|origin| {
        let from = (origin != StopOrigin::Initial).then_some(Price(6_120_000));
        Record::StopMoved { episode: EPISODE, from, to: Price(6_119_999), origin }
    }));
    let alarms = [
        AlarmKind::ExitRefused,
        AlarmKind::ExitUnknown,
        AlarmKind::AtrMissing,
        AlarmKind::NoProtection,
        AlarmKind::Dust,
        AlarmKind::FillNotExpected,
    ];
    all.extend(alarms.map(|what| Record::Alarm { episode: EPISODE, what }));
    all
}

/// What came after the first samples were written.
fn later_records() -> Vec<Record> {
    let held = Held { reason: Reason::StopLoss, leg: 0, level: Price(5_880_000), price: Price(5_879_000) };
    let exit_concluded = Record::ExitConcluded { episode: EPISODE, exit: 2, why: Concluded::Overtaken };
    let alarms = [AlarmKind::ProtectionRefused, AlarmKind::ProtectionLost];
    let mut all = vec![
        Record::Deferred {
            episode: EPISODE,
            reason: Reason::StopLoss,
            bracket: Price(5_880_000),
            held: vec![held],
        },
        Record::BracketTriggered { episode: EPISODE, trigger: Price(5_880_000), price: Price(5_879_000) },
        exit_concluded,
    ];
    all.extend(alarms.map(|what| Record::Alarm { episode: EPISODE, what }));
    all
}

/// What is said of prices that were not acted on as they came.
fn price_records() -> Vec<Record> {
    let (episode, reason, instrument) = (EPISODE, Reason::HardStop, KEY.instrument);
    let (source, price, at) = (PriceSource::Last, Price(5_640_000), Timestamp(1_760_000_000_000_000_000));
    let by = [ConfirmedBy::SecondPrice, ConfirmedBy::Source(PriceSource::Mark), ConfirmedBy::Silence];
    let mut all = vec![
        Record::Suspected { episode, reason, level: Price(5_641_000), price, until: at },
        Record::Contradicted { episode, reason, source, price },
        Record::PricesStale { instrument, source, last: Some(price), since: at },
        Record::PricesStale { instrument, source, last: None, since: at },
        Record::PricesBack { instrument, source, price },
        Record::Diverged { instrument, mark: Price(5_700_000), last: price },
        Record::Converged { instrument, mark: Price(5_641_000), last: price },
        Record::Input(Event::Silent(CellId(2))),
    ];
    all.extend(by.map(|by| Record::Confirmed { episode, reason, by, price }));
    let doubts = [(Doubt::Late, true), (Doubt::Future, false), (Doubt::OutOfOrder, false)];
    all.extend(doubts.map(|(why, acted)| {
        let level = Price(5_641_000);
        Record::PriceDoubted(Box::new(PriceDoubted { episode, reason, level, price, at, why, acted }))
    }));
    let judged = [Judged::Suspected, Judged::Confirmed(ConfirmedBy::SecondPrice), Judged::Contradicted];
    all.extend(judged.map(|judged| {
        let from = Price(6_000_000);
        Record::Jump(Box::new(Jump { instrument, source, from, to: price, judged }))
    }));
    let alarms = [AlarmKind::PricesStale, AlarmKind::PriceDoubted];
    all.extend(alarms.map(|what| Record::Alarm { episode, what }));
    all
}

/// Orders that were lost sight of, coins that wait, and what somebody stopped.
fn lost_order_records() -> Vec<Record> {
    let fill = Fill { id: ORDER, filled_total: Qty(3), price: Price(6_000_000), fee: Money(-1) };
    let found = |state, fill| {
        let found = OrderFound { id: ORDER, qty: Qty(8), placed_at: Timestamp(7), state, fill };
        VenueEvent::Found(Box::new(found))
    };
    let states = [
        OrderState::Sent,
        OrderState::Working,
        OrderState::PartFilled,
        OrderState::Filled,
        OrderState::Refused,
        OrderState::Expired,
        OrderState::Cancelled,
        OrderState::Unknown,
    ];
    let mut said: Vec<VenueEvent> = states.map(|state| found(state, None)).into();
    said.push(found(OrderState::PartFilled, Some(fill)));
    said.push(VenueEvent::NotFound(ORDER));
    let why = [RefusedWhy::MarketRefused, RefusedWhy::CoinsMissing];
    said.extend(why.map(|why| VenueEvent::Refused(ORDER, why)));
    let mut all: Vec<Record> = said.into_iter().map(|event| Record::Input(Event::Venue(event))).collect();
    let account = AccountId(7);
    let levels = [None].into_iter().chain(KillLevel::ALL.map(Some));
    all.extend(levels.clone().map(|level| {
        Record::Input(Event::Command(Command::Kill { account, level, confirmed: level.is_none() }))
    }));
    all.extend(levels.map(|level| Record::KillLevel { account, level }));
    let order = ExitOrder {
        id: ORDER,
        qty: Qty(8),
        kind: OrderKind::ImmediateLimit(Price(7)),
        trigger: Price(9),
        reason: Reason::HardStop,
    };
    all.push(Record::OrderIntended(Box::new(order)));
    all.push(Record::OrderEnded { id: ORDER, how: OrderEnd::NotFound });
    all.push(Record::ExitConcluded { episode: EPISODE, exit: 2, why: Concluded::Killed });
    all.push(Record::GateBlocked { id: ORDER, why: Blocked::Killed });
    let alarms = [AlarmKind::OrderCollision, AlarmKind::CoinsLocked];
    all.extend(alarms.map(|what| Record::Alarm { episode: EPISODE, what }));
    let refused = [CommandRefused::Killed(KEY), CommandRefused::NotConfirmed(account)];
    all.extend(refused.map(Record::CommandRefused));
    all
}

/// What the venue says is held.
fn read_records() -> Vec<Record> {
    let managed = Managed { instrument: InstrumentId(1), plan: PlanId(2), grant: Some(Qty(7)) };
    let given = |mode| Management {
        account: AccountId(7),
        mode,
        instruments: vec![managed],
        read_every: (mode != AccountMode::Net).then_some(Span::from_secs(60)),
        confirm_after: Span::from_secs(5),
    };
    let modes = [AccountMode::Net, AccountMode::Hedge, AccountMode::Spot];
    let mut all: Vec<Record> = modes.map(|mode| Record::Managed(Box::new(given(mode)))).into();
    let held = Held { reason: Reason::HardStop, leg: 0, level: Price(5_880_000), price: Price(5_879_000) };
    let verdicts = [
        Verdict::Agrees,
        Verdict::New,
        Verdict::Gone,
        Verdict::Smaller,
        Verdict::Larger,
        Verdict::Unconfirmed,
        Verdict::Waits,
        Verdict::Stale,
        Verdict::NotManaged,
        Verdict::Released,
        Verdict::Dust,
        Verdict::NoPrice,
    ];
    let found = verdicts.map(|verdict| Found { key: KEY, ours: Qty(1), theirs: Qty(2), verdict });
    all.extend([
        Record::ReadFailed { account: AccountId(7), in_a_row: 3 },
        Record::Reconciled(Box::new(Reconciled {
            account: AccountId(7),
            taken_at: Timestamp(9),
            fills_until: Timestamp(8),
            is_first: true,
            same: 4,
            found: found.to_vec(),
        })),
        Record::Adopted(Box::new(Adopted {
            episode: EPISODE,
            seen: Price(6_000_000),
            entry_known: true,
            liquidation: Some(Price(5_000_000)),
            held: vec![held],
        })),
        Record::Released { episode: EPISODE, qty: Qty(5), keeps_stop: true },
        Record::HandedOver(KEY),
    ]);
    all.extend([None, Some(Price(6))].map(|price| {
        Record::LeftOutside(Box::new(LeftOutside {
            episode: EPISODE,
            reason: Reason::Liquidation,
            source: Source::External,
            qty: Qty(500),
            price,
            fee: Money(1),
            cost: 3_000,
            entry_fees: Money(2),
            funding: Money(-3),
            remaining: Qty(4),
        }))
    }));
    let alarms = [AlarmKind::StopTightened, AlarmKind::ClosedByVenue, AlarmKind::ClosedUnseen];
    all.extend(read_events().into_iter().map(Record::Input));
    all.push(Record::CommandRefused(CommandRefused::Unmanageable(AccountId(7))));
    all.extend(alarms.map(|what| Record::Alarm { episode: EPISODE, what }));
    all
}

fn read_events() -> Vec<Event> {
    let holding = Holding {
        instrument: InstrumentId(1),
        side: Side::Short,
        qty: Qty(3),
        entry: Some(Price(4)),
        leverage: Some(Ratio::ONE),
        liquidation: Some(Price(5)),
        mark: None,
    };
    let reading = |held| {
        let (taken_at, fills_until) = (Timestamp(9), Timestamp(8));
        let reading = Reading { account: AccountId(7), taken_at, fills_until, held };
        Event::Venue(VenueEvent::Read(Box::new(reading)))
    };
    let mut all = vec![reading(None), reading(Some(vec![holding]))];
    let by = [ClosedBy::Hand, ClosedBy::Liquidation, ClosedBy::Adl, ClosedBy::Settlement, ClosedBy::Unseen];
    all.extend(by.map(|by| {
        let price = (by != ClosedBy::Hand).then_some(Price(6));
        let closed = OutsideClose { key: KEY, trade: 12, qty: Qty(3), price, fee: Money(1), by };
        Event::Venue(VenueEvent::ClosedOutside(Box::new(closed)))
    }));
    let given = Management {
        account: AccountId(7),
        mode: AccountMode::Net,
        instruments: Vec::new(),
        read_every: None,
        confirm_after: Span::from_secs(5),
    };
    all.extend(
        [
            Command::Manage(Box::new(given)),
            Command::HandOver { key: KEY },
            Command::Release { key: KEY, keeps_stop: true },
        ]
        .map(Event::Command),
    );
    all
}

fn order_records() -> Vec<Record> {
    let reasons = [
        Reason::PanicClose,
        Reason::Manual,
        Reason::HardStop,
        Reason::LossGuard,
        Reason::StopLoss,
        Reason::SoftStop,
        Reason::TrailingStop,
        Reason::TakeProfit,
        Reason::SignalExit,
        Reason::TimeLimit,
        Reason::ProtectionFailed,
        Reason::Liquidation,
        Reason::Adl,
        Reason::Settlement,
        Reason::Unknown,
    ];
    let mut all: Vec<Record> = reasons.map(decided).into();
    let kinds = [
        OrderKind::Market,
        OrderKind::MarketableLimit(Price(9)),
        OrderKind::RestingLimit(Price(8)),
        OrderKind::Stop(Price(7)),
    ];
    all.extend(kinds.map(|kind| {
        let reason = Reason::TrailingStop;
        Record::OrderIntended(Box::new(ExitOrder {
            id: ORDER,
            qty: Qty(1_000),
            kind,
            trigger: Price(6),
            reason,
        }))
    }));
    let blocked = [Blocked::NotPositive, Blocked::DeadEpisode, Blocked::MoreThanHeld];
    all.extend(blocked.map(|why| Record::GateBlocked { id: ORDER, why }));
    all.push(Record::OrderAccepted(ORDER));
    let ends = [OrderEnd::Refused, OrderEnd::Expired, OrderEnd::Cancelled, OrderEnd::Unknown];
    all.extend(ends.map(|how| Record::OrderEnded { id: ORDER, how }));
    let sources = [
        Source::ExchangeBracket,
        Source::EmergencyStop,
        Source::PositionMonitor,
        Source::Operator,
        Source::External,
        Source::Unknown,
    ];
    all.extend(sources.map(|source| {
        Record::Filled(Box::new(Filled {
            id: ORDER,
            reason: Reason::TakeProfit,
            source,
            exit_type: ExitType::Limit,
            trigger: Price(6),
            qty: Qty(500),
            price: Price(6_000_099),
            fee: Money(1_200),
            cost: 3_000_000_000,
            entry_fees: Money(12),
            funding: Money(-6),
            remaining: Qty(500),
        }))
    }));
    all
}

fn decided(reason: Reason) -> Record {
    let held = Held { reason, leg: 1, level: Price(6_120_000), price: Price(6_120_001) };
    Record::ExitDecided(Box::new(ExitDecided {
        episode: EPISODE,
        exit: 2,
        reason,
        source: reason.source(),
        exit_type: ExitType::Market,
        leg: 0,
        origin: (reason == Reason::StopLoss).then_some(StopOrigin::Ratchet),
        qty: Qty(1_000),
        trigger: Price(6_120_000),
        price: Price(6_120_001),
        best: (reason == Reason::TrailingStop).then_some(Price(5_900_000)),
        held: if reason.is_risk_exit() { vec![held, held] } else { Vec::new() },
    }))
}

fn refusals() -> Vec<CommandRefused> {
    vec![
        CommandRefused::AlreadyOpen(KEY),
        CommandRefused::NotOpen(KEY),
        CommandRefused::UnknownInstrument(InstrumentId(8)),
        CommandRefused::UnknownPlan(PlanId(9)),
        CommandRefused::NotPositive(KEY),
        CommandRefused::LoosensStop(KEY),
        CommandRefused::StopThroughMarket(KEY),
        CommandRefused::BelowMinimum(KEY),
        CommandRefused::TooLarge(KEY),
        CommandRefused::NoSignalRule(KEY),
        CommandRefused::StaleSignal(KEY),
    ]
}
