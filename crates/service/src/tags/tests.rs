use ripcord_core::event::{ExitDecided, Held, LeftOutside};
use ripcord_core::gate::Blocked;
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::Money;
use ripcord_core::reason::ExitType;
use serde_json::Value;

use super::*;

const KEY: PositionKey = PositionKey { account: AccountId(3), instrument: InstrumentId(0), side: Side::Long };
const EPISODE: EpisodeId = EpisodeId { key: KEY, generation: 2 };

fn narrator() -> Narrator {
    let instruments = vec![Instrument::from_decimals("BTCUSDT", 1, 3)];
    let mut narrator = Narrator::new(Names { instruments, plans: vec!["demo-ladder".to_owned()] });
    tell(&mut narrator, opened());
    narrator
}

fn tell(narrator: &mut Narrator, record: Record) -> Vec<Line> {
    let mut lines = Vec::new();
    narrator.read(&Entry { at: Timestamp(12_345_000_000), record }, &mut lines);
    lines
}

/// Tags and texts, as somebody reads them.
fn said(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| format!("{} {}", line.tag.word(), line.text)).collect()
}

fn opened() -> Record {
    Record::Opened(Box::new(Opened {
        episode: EPISODE,
        plan: PlanId(0),
        qty: Qty(48),
        entry: Price(600_000),
        entry_fees: Money(0),
        stop: Some(Price(596_400)),
    }))
}

fn order_id(exit: u16, leg: u8) -> OrderId {
    OrderId { episode: EPISODE, exit, leg, slice: 0, attempt: 0 }
}

fn decided(reason: Reason, leg: u8, held: Vec<Held>) -> Record {
    let (exit_type, source) = (ExitType::Market, reason.source());
    Record::ExitDecided(Box::new(ExitDecided {
        episode: EPISODE,
        exit: 1,
        reason,
        source,
        exit_type,
        leg,
        origin: (reason == Reason::StopLoss).then_some(StopOrigin::Ratchet),
        qty: Qty(12),
        trigger: Price(601_800),
        price: Price(601_803),
        best: (reason == Reason::TrailingStop).then_some(Price(604_000)),
        held,
    }))
}

fn held(leg: u8) -> Held {
    Held { reason: Reason::TakeProfit, leg, level: Price(601_800), price: Price(601_803) }
}

fn intended(exit: u16, leg: u8, kind: OrderKind, reason: Reason) -> Record {
    let order = ExitOrder { id: order_id(exit, leg), qty: Qty(12), kind, trigger: Price(601_800), reason };
    Record::OrderIntended(Box::new(order))
}

fn filled(exit: u16, leg: u8, reason: Reason, qty: i64, remaining: i64) -> Record {
    Record::Filled(Box::new(Filled {
        id: order_id(exit, leg),
        reason,
        source: reason.source(),
        exit_type: ExitType::Market,
        trigger: Price(601_800),
        qty: Qty(qty),
        price: Price(601_742),
        fee: Money(360_000_000_000_000_000),
        cost: i128::from(qty) * 600_000,
        entry_fees: Money(0),
        funding: Money(0),
        remaining: Qty(remaining),
    }))
}

#[test]
fn quiet_facts_give_no_line() {
    let mut narrator = narrator();
    assert_eq!(tell(&mut narrator, Record::OrderAccepted(order_id(1, 1))), []);
    assert_eq!(tell(&mut narrator, Record::Input(ripcord_core::event::Event::Timer)), []);
}

#[test]
fn an_opening_says_size_entry_stop_and_plan() {
    let lines = tell(&mut narrator(), opened());
    let text =
        "POSITION_OPENED BTCUSDT LONG: 0.048 @ 60000.0 | stop=59640.0 | plan=demo-ladder | id=BTCUSDT-L-3-2";
    assert_eq!(said(&lines), [text]);
    assert_eq!(lines[0].field("entry"), Some(&"60000.0".into()));
    assert_eq!(lines[0].field("side"), Some(&"long".into()));
}

#[test]
fn a_leg_is_hit_sent_executed_explained_and_counted_and_the_stop_follows() {
    let mut narrator = narrator();
    let mut lines = tell(&mut narrator, decided(Reason::TakeProfit, 1, vec![held(1)]));
    lines.extend(tell(&mut narrator, intended(1, 1, OrderKind::Market, Reason::TakeProfit)));
    lines.extend(tell(&mut narrator, filled(1, 1, Reason::TakeProfit, 12, 36)));
    let moved = Record::StopMoved {
        episode: EPISODE,
        from: Some(Price(596_400)),
        to: Price(600_000),
        origin: StopOrigin::Ratchet,
    };
    lines.extend(tell(&mut narrator, moved));
    assert_eq!(
        said(&lines),
        [
            "EXIT_TP_TRIGGER BTCUSDT LONG: TP1 HIT @ 60180.3 (target 60180.0, closes 0.012) | id=BTCUSDT-L-3-2",
            "EXIT_SENT BTCUSDT SELL close order | reason=TAKE_PROFIT | qty=0.012 | price=60180.3 | type=MARKET | order_id=BTCUSDT-L-3-2-x1l1s0a0",
            "EXIT_ORDER TP1 MARKET SELL BTCUSDT 0.012 executed @ 60174.2 | net=+1.73 | order_id=BTCUSDT-L-3-2-x1l1s0a0",
            "EXIT_SOURCE BTCUSDT | Reason: TAKE_PROFIT | Source: POSITION_MONITOR | Order Type: MARKET",
            "EXIT_TP_TRIGGER BTCUSDT LONG: after TP1: remaining_size=0.036, tp_hits_count=1 | id=BTCUSDT-L-3-2",
            "EXIT_RATCHET_SL BTCUSDT LONG: SL ratcheted 59640.0 -> 60000.0 - breakeven after TP1 (tp_hits=1) | id=BTCUSDT-L-3-2",
        ]
    );
    assert_eq!(lines[0].field("held"), Some(&vec!["TAKE_PROFIT 1 level 60180.0 price 60180.3"].into()));
    assert_eq!(lines[2].field("net"), Some(&"1.7304".into()));
}

#[test]
fn a_gap_through_two_legs_counts_both_and_a_half_filled_leg_counts_when_it_is_whole() {
    let mut narrator = narrator();
    tell(&mut narrator, decided(Reason::TakeProfit, 2, vec![held(1), held(2)]));
    tell(&mut narrator, intended(1, 2, OrderKind::Market, Reason::TakeProfit));
    let half = tell(&mut narrator, filled(1, 2, Reason::TakeProfit, 5, 43));
    assert!(said(&half)[2].contains("tp_hits_count=0"), "{:?}", said(&half));
    let whole = tell(&mut narrator, filled(1, 2, Reason::TakeProfit, 7, 36));
    assert!(said(&whole)[2].contains("remaining_size=0.036, tp_hits_count=2"), "{:?}", said(&whole));
    let moved =
        Record::StopMoved { episode: EPISODE, from: None, to: Price(601_800), origin: StopOrigin::Ratchet };
    let ratcheted = &said(&tell(&mut narrator, moved))[0];
    assert!(
        ratcheted.contains("SL ratcheted none -> 60180.0 - TP1 price after TP2 hit (tp_hits=2)"),
        "{ratcheted}"
    );
}

#[test]
fn a_leg_that_rested_at_the_venue_is_hit_by_its_fill() {
    let mut narrator = narrator();
    let kind = OrderKind::RestingLimit(Price(601_800));
    let sent = tell(&mut narrator, intended(0, 1, kind, Reason::TakeProfit));
    assert!(said(&sent)[0].contains("price=60180.0 | type=RESTING_LIMIT"), "{:?}", said(&sent));
    let lines = tell(&mut narrator, filled(0, 1, Reason::TakeProfit, 12, 36));
    let tags: Vec<&str> = lines.iter().map(|line| line.tag.word()).collect();
    assert_eq!(tags, ["EXIT_TP_TRIGGER", "EXIT_ORDER", "EXIT_SOURCE", "EXIT_TP_TRIGGER"]);
    assert!(lines[0].text.contains("TP1 HIT @ 60174.2"), "{}", lines[0].text);
    assert!(lines[3].text.contains("tp_hits_count=1"), "{}", lines[3].text);
}

#[test]
fn each_full_close_has_its_tag_and_says_what_held() {
    for (reason, starts) in [
        (
            Reason::StopLoss,
            "EXIT_SL_TRIGGER BTCUSDT LONG: SL HIT @ 60180.3 (level 60180.0, ratchet) - closing FULL position 0.012",
        ),
        (Reason::SoftStop, "EXIT_SOFT_STOP BTCUSDT LONG: SOFT STOP HIT @ 60180.3 (level 60180.0)"),
        (Reason::HardStop, "EXIT_EMERGENCY BTCUSDT LONG: HARD STOP HIT @ 60180.3"),
        (Reason::LossGuard, "EXIT_LOSS_GUARD BTCUSDT LONG: LOSS GUARD TRIGGERED @ 60180.3"),
        (
            Reason::TrailingStop,
            "EXIT_TRAILING BTCUSDT LONG: TRAILING STOP HIT @ 60180.3 (level 60180.0, 0.36 % behind 60400.0)",
        ),
        (Reason::Manual, "EXIT_OTHER BTCUSDT LONG: MANUAL CLOSE @ 60180.3"),
        (Reason::PanicClose, "EXIT_OTHER BTCUSDT LONG: PANIC CLOSE @ 60180.3"),
        (Reason::TimeLimit, "EXIT_OTHER BTCUSDT LONG: TIME LIMIT @ 60180.3"),
    ] {
        let lines = tell(&mut narrator(), decided(reason, 0, Vec::new()));
        assert!(said(&lines)[0].starts_with(starts), "{:?}", said(&lines));
        assert_eq!(lines[0].field("reason"), Some(&reason.word().into()));
        assert_eq!(lines[0].field("source"), Some(&reason.source().word().into()));
    }
}

#[test]
fn the_trailing_stop_tells_its_start_and_its_steps() {
    let mut narrator = narrator();
    let active =
        Record::TrailingActivated { episode: EPISODE, extreme: Price(602_400), stop: Price(600_592) };
    let step = Record::StopMoved {
        episode: EPISODE,
        from: Some(Price(600_592)),
        to: Price(601_000),
        origin: StopOrigin::TrailingStep,
    };
    let mut lines = tell(&mut narrator, active);
    lines.extend(tell(&mut narrator, step));
    assert_eq!(
        said(&lines),
        [
            "EXIT_TRAILING BTCUSDT LONG: trailing stop active at 60059.2, behind 60240.0 | id=BTCUSDT-L-3-2",
            "EXIT_TRAILING BTCUSDT LONG: trailing stop moved 60059.2 -> 60100.0 | id=BTCUSDT-L-3-2",
        ]
    );
    let by_hand =
        Record::StopMoved { episode: EPISODE, from: None, to: Price(601_000), origin: StopOrigin::Moved };
    assert_eq!(tell(&mut narrator, by_hand)[0].tag, Tag::ExitSlMoved);
}

#[test]
fn orders_that_end_without_trading_are_told() {
    let mut narrator = narrator();
    tell(&mut narrator, intended(0, 2, OrderKind::RestingLimit(Price(601_800)), Reason::TakeProfit));
    for (how, word) in [
        (OrderEnd::Cancelled, "cancelled"),
        (OrderEnd::Expired, "expired"),
        (OrderEnd::Refused, "refused"),
        (OrderEnd::Unknown, "unknown"),
    ] {
        let lines = tell(&mut narrator, Record::OrderEnded { id: order_id(0, 2), how });
        assert!(
            said(&lines)[0].starts_with(&format!("EXIT_ORDER TP2 of BTCUSDT {word}")),
            "{:?}",
            said(&lines)
        );
        assert_eq!(lines[0].field("outcome"), Some(&word.into()));
    }
    let blocked = Record::GateBlocked { id: order_id(1, 0), why: Blocked::MoreThanHeld };
    let lines = tell(&mut narrator, blocked);
    assert!(
        said(&lines)[0].starts_with("EXIT_GUARD order kept back: the order would close more"),
        "{:?}",
        said(&lines)
    );
}

#[test]
fn a_close_says_what_the_trade_was_worth() {
    let mut narrator = narrator();
    tell(&mut narrator, intended(1, 0, OrderKind::Market, Reason::StopLoss));
    tell(&mut narrator, filled(1, 0, Reason::StopLoss, 48, 0));
    let lines = tell(&mut narrator, Record::Closed { episode: EPISODE });
    assert_eq!(
        said(&lines),
        [
            "POSITION_CLOSED BTCUSDT LONG: closed, mostly by STOP_LOSS | net=+8.00 | held=0.0 s | id=BTCUSDT-L-3-2"
        ]
    );
    assert!(narrator.episodes.is_empty(), "an episode that ended is forgotten");
}

#[test]
fn a_close_of_which_a_part_left_at_an_unknown_price_has_no_result() {
    let mut narrator = narrator();
    tell(&mut narrator, intended(1, 0, OrderKind::Market, Reason::StopLoss));
    tell(&mut narrator, filled(1, 0, Reason::StopLoss, 30, 18));
    let left = LeftOutside {
        episode: EPISODE,
        reason: Reason::Unknown,
        source: Reason::Unknown.source(),
        qty: Qty(18),
        price: None,
        fee: Money(0),
        cost: 0,
        entry_fees: Money(0),
        funding: Money(0),
        remaining: Qty(0),
    };
    tell(&mut narrator, Record::LeftOutside(Box::new(left)));
    let lines = tell(&mut narrator, Record::Closed { episode: EPISODE });
    assert_eq!(
        said(&lines),
        [
            "POSITION_CLOSED BTCUSDT LONG: closed, mostly by STOP_LOSS | net=unknown (known: +4.87) | held=0.0 s | id=BTCUSDT-L-3-2"
        ]
    );
    let field = |name: &str| lines[0].fields.iter().find(|field| field.0 == name).map(|field| &field.1);
    assert_eq!((field("net"), field("net_known")), (Some(&Value::Null), Some(&"4.866".into())));
    assert_eq!(narrator.tally().total().trades.unknown, 1);
}

#[test]
fn funding_alarms_and_refusals_are_told() {
    let mut narrator = narrator();
    let paid = Box::new(Money(1_500_000_000_000_000_000));
    let mut lines = tell(&mut narrator, Record::FundingPaid { episode: EPISODE, amount: paid });
    lines.extend(tell(
        &mut narrator,
        Record::Alarm { episode: EPISODE, what: ripcord_core::event::AlarmKind::NoProtection },
    ));
    lines.extend(tell(&mut narrator, Record::CommandRefused(CommandRefused::NotOpen(KEY))));
    assert_eq!(
        said(&lines),
        [
            "FUNDING BTCUSDT LONG: funding -1.50 | id=BTCUSDT-L-3-2",
            "ALARM BTCUSDT LONG: no protection: the position has no stop of any kind | id=BTCUSDT-L-3-2",
            "COMMAND_REFUSED BTCUSDT LONG of account 3 is not open",
        ]
    );
    for (refused, why) in [
        (CommandRefused::AlreadyOpen(KEY), "already_open"),
        (CommandRefused::UnknownInstrument(InstrumentId(9)), "unknown_instrument"),
        (CommandRefused::UnknownPlan(PlanId(9)), "unknown_plan"),
        (CommandRefused::NotPositive(KEY), "not_positive"),
        (CommandRefused::LoosensStop(KEY), "loosens_stop"),
        (CommandRefused::StopThroughMarket(KEY), "stop_through_market"),
        (CommandRefused::BelowMinimum(KEY), "below_minimum"),
        (CommandRefused::NoSignalRule(KEY), "no_signal_rule"),
        (CommandRefused::StaleSignal(KEY), "stale_signal"),
    ] {
        let lines = tell(&mut narrator, Record::CommandRefused(refused));
        assert_eq!(lines[0].field("why"), Some(&why.into()));
    }
}
