//! Sums that must agree to the last digit, and figures computed a second time, another way.

use std::collections::BTreeMap;

use ripcord_core::event::Record;
use ripcord_core::id::EpisodeId;
use ripcord_core::instrument::Side;
use ripcord_core::num::{Money, Qty};
use ripcord_core::reason::Reason;
use ripcord_ledger::Body;
use ripcord_ledger::fact::{Fee, Method};
use ripcord_ledger::fifo::Allocation;
use ripcord_ledger::rows::{Effect, TradeRow};
use ripcord_ledger::sample::{Sample, instruments};

use crate::tables::{ONE, World, added, exit, filled, imported, intended, life, opened, records};

fn net(row: &TradeRow) -> Option<Money> {
    match &row.effect {
        Effect::Closed { money, .. } => Some(money.expect("its cost is known").worth.net()),
        Effect::Opened { .. } => None,
    }
}

fn sum(money: impl Iterator<Item = Money>) -> Money {
    money.fold(Money::ZERO, |sum, money| sum + money)
}

#[test]
fn allocations_trade_records_and_episodes_sum_to_the_same() {
    for seed in 0..6 {
        let facts = Sample::new(seed, 1_000).facts(4_000, Method::Fifo);
        let tables = World::fold(&facts).tables;
        let is_long = |id: &EpisodeId| id.key.side == Side::Long;
        let episodes = tables.episodes.values().filter(|row| is_long(&row.id));
        let episodes = sum(episodes.map(|row| row.worth.expect("known").net()));
        let trades = tables.trades.values().filter(|row| row.episode.as_ref().is_some_and(is_long));
        let trades = sum(trades.filter_map(net));
        let funding = sum(tables.fills.values().filter(|row| is_long(&row.episode)).map(|row| row.funding));
        let allocations = tables.allocations.values().flatten();
        let allocations = sum(allocations.map(|part| part.pnl().expect("matched")));
        assert_eq!(episodes, trades, "seed {seed}");
        assert_eq!(allocations - funding, trades, "seed {seed}");
        assert!(trades != Money::ZERO);
    }
}

#[test]
fn fills_trade_records_and_episodes_sum_to_the_same() {
    for seed in 0..6 {
        let facts = Sample::new(seed, 1_000).facts(4_000, Method::AverageCost);
        let tables = World::fold(&facts).tables;
        let fills = sum(tables.fills.values().map(ripcord_ledger::rows::FillRow::net));
        assert_eq!(fills, sum(tables.trades.values().filter_map(net)), "seed {seed}");
        assert_eq!(fills, sum(tables.episodes.values().map(|row| row.worth.expect("known").net())));
        assert!(fills != Money::ZERO);
    }
}

#[test]
fn the_parts_of_one_sell_sum_to_its_totals() {
    let facts = Sample::new(11, 1_000).facts(4_000, Method::Fifo);
    let tables = World::fold(&facts).tables;
    for (sell, parts) in &tables.allocations {
        let row = &tables.trades[sell];
        let of = |amount: fn(&Allocation) -> Money| sum(parts.iter().map(amount));
        let value = Money(row.value * row.market.rules.money_per_unit());
        assert_eq!(of(|part| part.proceeds), value);
        assert_eq!(of(|part| part.sell_fees), row.fees);
        assert_eq!(Qty(parts.iter().map(|part| part.qty.0).sum()), row.size);
        assert!(parts.iter().all(|part| part.buy_at.is_none_or(|at| at <= part.sell_at)));
    }
    assert!(tables.allocations.values().any(|parts| parts.len() > 1), "some sells close several buys");
}

/// Straight from the records, without episodes, lots or rows.
#[test]
fn episodes_say_what_a_sum_over_their_records_says() {
    #[derive(Default)]
    struct Told {
        qty: i64,
        cash: i128,
        costs: i128,
        by_reason: BTreeMap<Reason, i64>,
    }
    let facts = Sample::new(5, 1_000).facts(6_000, Method::AverageCost);
    let mut told: BTreeMap<EpisodeId, Told> = BTreeMap::new();
    for entry in records(&facts) {
        let Record::Filled(fill) = &entry.record else { continue };
        let rules = &instruments()[fill.id.episode.key.instrument.0 as usize];
        let episode = told.entry(fill.id.episode).or_default();
        let (sign, per_unit) = (i128::from(fill.id.episode.key.side.sign()), rules.money_per_unit());
        episode.qty += fill.qty.0;
        episode.cash += sign * (i128::from(fill.price.0) * i128::from(fill.qty.0) - fill.cost) * per_unit;
        episode.costs += fill.fee.0 + fill.entry_fees.0 + fill.funding.0;
        *episode.by_reason.entry(fill.reason).or_default() += fill.qty.0;
    }
    let tables = World::fold(&facts).tables;
    let mut shared = 0;
    for row in tables.episodes.values() {
        let Some(told) = told.get(&row.id) else {
            assert_eq!((row.closed, row.headline), (Qty(0), None));
            continue;
        };
        assert_eq!(row.closed, Qty(told.qty));
        assert_eq!(row.worth.expect("known").net(), Money(told.cash - told.costs));
        let most = told.by_reason.values().max();
        let headline = told.by_reason.iter().find(|(_, qty)| Some(*qty) == most).map(|(reason, _)| *reason);
        assert_eq!(row.headline, headline);
        shared += usize::from(told.by_reason.len() > 1);
    }
    assert!(shared > 20, "some are closed for several reasons");
}

#[test]
fn equal_parts_are_told_by_the_rule_of_higher_rank() {
    let mut world = World::with(Method::AverageCost);
    let id = life(Side::Long, 1);
    world.record(1, opened(id, 2_000, 10_000, 0));
    for (number, reason) in [(1, Reason::TakeProfit), (2, Reason::StopLoss)] {
        world.record(2, intended(exit(id, number), 1_000, reason));
        world.record(3, filled(exit(id, number), reason, 1_000, 10_100, 10_000, 0));
    }
    assert_eq!(world.tables.episodes[&id].headline, Some(Reason::StopLoss));
}

#[test]
fn a_short_is_closed_by_a_buy_that_says_why() {
    let mut world = World::with(Method::AverageCost);
    let id = life(Side::Short, 1);
    world.record(1, opened(id, 1_000, 10_000, ONE));
    world.record(2, intended(exit(id, 1), 1_000, Reason::HardStop));
    world.record(3, filled(exit(id, 1), Reason::HardStop, 1_000, 10_500, 10_000, 2 * ONE));
    let row = world.trade("rc-0-0-S1-1-0-0-0");
    assert_eq!((row.side.word(), row.position_side), ("buy", Side::Short));
    let Effect::Closed { parents, money: Some(money), reason, source, .. } = &row.effect else {
        panic!("it closed: {row:?}")
    };
    assert_eq!((reason.word(), source.word()), ("HARD_STOP", "EMERGENCY_STOP"));
    assert_eq!(parents.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["rc-0-0-S1-open-0"]);
    // Sold at 100 for a fee of 1 (counted by the core with the closed share), bought back at 105 for 2.
    assert_eq!((money.cost_basis, money.proceeds), (Money(107 * ONE), Money(100 * ONE)));
    assert_eq!(money.worth.net(), Money(-7 * ONE), "the entry fee stands in the fill that closes it");
    let opening = world.trade("rc-0-0-S1-open-0");
    assert_eq!((opening.side.word(), &opening.effect), ("sell", &Effect::Opened { remaining: Qty(0) }));
}

#[test]
fn what_is_left_of_each_opening_is_told_first_in_first_out() {
    for method in [Method::AverageCost, Method::Fifo] {
        let mut world = World::with(method);
        let id = life(Side::Long, 1);
        world.record(1, opened(id, 600, 10_000, 0));
        world.record(2, added(id, 400, 11_000, 0));
        world.record(3, intended(exit(id, 1), 700, Reason::TakeProfit));
        world.record(4, filled(exit(id, 1), Reason::TakeProfit, 700, 12_000, 10_400, 0));
        let left = |number: u32| match world.trade(&format!("rc-0-0-L1-open-{number}")).effect {
            Effect::Opened { remaining } => remaining.0,
            Effect::Closed { .. } => panic!("it opened"),
        };
        assert_eq!((left(0), left(1)), (0, 300), "{method:?}");
        let episode = &world.tables.episodes[&id];
        assert_eq!((episode.entered, episode.largest, episode.initial), (Qty(1_000), Qty(1_000), Qty(600)));
        // Average cost 104 each; FIFO: 600 at 100 and 100 at 110.
        let wanted = if method == Method::Fifo { 84 * ONE - 71 * ONE } else { 84 * ONE - 728 * ONE / 10 };
        assert_eq!(episode.worth.expect("known").net(), Money(wanted), "{method:?}");
    }
}

/// What `world` says of imported orders that traded one after the other: id, closes, fee; each trades
/// 2.000 coins, the buys at 100.00, the sales at 110.00.
fn traded(orders: &[(&str, bool, i64, Fee)]) -> World {
    let mut world = World::with(Method::Fifo);
    for (second, (id, closes, qty, fee)) in (1..).zip(orders) {
        let mut trade = imported(id, *closes, second, *qty, if *closes { 110_00 } else { 100_00 });
        trade.fee = fee.clone();
        world.say(second, Body::Imported(Box::new(trade)));
    }
    world
}

fn remaining(row: &TradeRow) -> Qty {
    let Effect::Opened { remaining } = row.effect else { panic!("{} closes", row.order_id) };
    remaining
}

/// 2 coins for 200, a thousandth of them kept by the venue: 1.998 are held, and cost 200 all the same.
#[test]
fn a_fee_in_the_coin_that_is_bought_leaves_less_of_it_and_costs_nothing_twice() {
    let fee = Fee::Base(Qty(2));
    let bought = traded(&[("b", false, 2_000, fee.clone())]);
    let row = bought.trade("b");
    assert_eq!((row.size, remaining(row)), (Qty(2_000), Qty(1_998)));
    assert_eq!(row.fees, Money(ONE / 5), "0.002 coins at 100");

    let sold = traded(&[("b", false, 2_000, fee), ("s", true, 1_998, Fee::Quote(Money(ONE)))]);
    assert_eq!(remaining(sold.trade("b")), Qty(0));
    let Effect::Closed { money: Some(money), .. } = &sold.trade("s").effect else { panic!("a sale") };
    assert_eq!(money.cost_basis, Money(200 * ONE), "what was paid for it, to the last unit");
    assert_eq!(money.proceeds, Money(219 * ONE + 78 * ONE / 100));
    assert_eq!(net(sold.trade("s")), Some(Money(18 * ONE + 78 * ONE / 100)), "219.78 - 1 - 200");

    // Whoever believes that two coins were bought sells two: the last part has no buy.
    let believed = traded(&[("b", false, 2_000, Fee::Base(Qty(2))), ("s", true, 2_000, Fee::Base(Qty(0)))]);
    let Effect::Closed { money, .. } = &believed.trade("s").effect else { panic!("a sale") };
    assert_eq!(*money, None);
}

/// 1 coin is sold for 110, and the venue takes another thousandth of a coin for it.
#[test]
fn a_fee_in_the_coin_that_is_sold_takes_that_much_more_of_it() {
    let free = || Fee::Quote(Money::ZERO);
    let world = traded(&[("b", false, 2_000, free()), ("s", true, 1_000, Fee::Base(Qty(1)))]);
    assert_eq!(remaining(world.trade("b")), Qty(999));
    // 1.001 coins cost 100.10; what came is 110.00.
    assert_eq!(net(world.trade("s")), Some(Money(9 * ONE + 9 * ONE / 10)));
}

/// 0.01 BNB at 612.345 are 6.12345 of the quote currency.
#[test]
fn a_fee_in_a_third_coin_counts_what_it_was_worth_when_the_trade_was_filled() {
    let fee =
        |amount, price| Fee::Other { coin: "BNB".to_owned(), amount: Money(amount), price: Money(price) };
    let world = traded(&[
        ("b", false, 2_000, fee(ONE / 100, 612_345 * ONE / 1_000)),
        ("s", true, 2_000, fee(0, ONE)),
    ]);
    let row = world.trade("b");
    assert_eq!((row.fees, row.size), (Money(612_345 * ONE / 100_000), Qty(2_000)));
    assert_eq!(net(world.trade("s")), Some(Money(20 * ONE - 612_345 * ONE / 100_000)));
}

#[test]
fn a_rebate_in_the_coin_leaves_more_of_it() {
    let world = traded(&[("b", false, 2_000, Fee::Base(Qty(-2)))]);
    assert_eq!((remaining(world.trade("b")), world.trade("b").fees), (Qty(2_002), Money(-ONE / 5)));
}

#[test]
fn a_fee_that_leaves_nothing_or_cannot_be_counted_is_told_and_changes_no_row() {
    let huge = Fee::Other { coin: "BNB".to_owned(), amount: Money(i128::MAX), price: Money(i128::MAX) };
    for (fee, qty) in [(Fee::Base(Qty(2_000)), 2_000), (huge, 2_000), (Fee::Base(Qty(i64::MIN)), i64::MAX)] {
        let world = traded(&[("b", false, qty, fee)]);
        assert!(world.tables.trades.is_empty());
        let [(_, fault)] = &world.faults[..] else { panic!("{:?}", world.faults) };
        assert!(fault.to_string().starts_with("imported order b: fee is "), "{fault}");
    }
}
