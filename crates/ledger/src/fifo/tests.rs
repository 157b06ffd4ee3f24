//! The matching alone, against figures by hand.

use ripcord_core::id::{AccountId, InstrumentId, PositionKey};
use ripcord_core::instrument::Side;

use super::*;

const ONE: i128 = 10_i128.pow(18);

/// Quantities in thousandths, prices in cents, fees in cents.
fn trade(order: &str, at: i64, qty: i64, price: i64, fee: i64) -> Trade {
    Trade {
        seq: at.unsigned_abs(),
        order: order.into(),
        number: 0,
        at: Timestamp(at),
        qty: Qty(qty),
        value: Money(i128::from(qty) * i128::from(price) * ONE / 100_000),
        fee: Money(i128::from(fee) * ONE / 100),
        episode: None,
    }
}

fn cents(money: Option<Money>) -> Option<i128> {
    money.map(|money| money.0 * 100 / ONE)
}

#[test]
fn a_sell_with_fees_of_both_ends() {
    let mut book = Book::default();
    book.add(Entry::Buy(trade("b", 1, 1, 4_000_000, 40)));
    book.add(Entry::Sell(trade("s", 2, 1, 4_200_000, 42)));
    let [part] = book.allocations("s") else { panic!("one part") };
    assert_eq!(cents(part.pnl()), Some(118), "42.00 - 0.42 - 40.00 - 0.40");
}

#[test]
fn a_hundred_lots_close_oldest_first() {
    let mut book = Book::default();
    for lot in 0..100 {
        book.add(Entry::Buy(trade(&format!("b{lot:02}"), lot, 10, 4_000_000 + 1_000 * lot, 0)));
    }
    book.add(Entry::Sell(trade("s", 200, 1_000, 4_500_000, 0)));
    let parts = book.allocations("s");
    assert_eq!(parts.len(), 100);
    assert!(parts.windows(2).all(|pair| pair[0].buy_at <= pair[1].buy_at));
    let pnl = parts.iter().filter_map(Allocation::pnl).fold(Money::ZERO, |sum, pnl| sum + pnl);
    assert_eq!(pnl, Money(4_505 * ONE));
}

#[test]
fn coins_that_were_never_bought_have_no_profit() {
    let mut book = Book::default();
    book.add(Entry::Sell(trade("s", 1, 5, 100, 0)));
    book.add(Entry::Buy(trade("b", 2, 5, 90, 0)));
    let [part] = book.allocations("s") else { panic!("one part") };
    assert_eq!((part.buy.as_ref(), part.qty, part.pnl()), (None, Qty(5), None), "a later buy is no parent");
    assert_eq!(book.left("b"), Qty(5));
}

#[test]
fn a_late_buy_is_matched_as_if_it_had_come_in_time() {
    let entries = [
        Entry::Buy(trade("old", 1, 7, 110, 1)),
        Entry::Sell(trade("sold", 2, 7, 120, 2)),
        Entry::Buy(trade("new", 3, 3, 200, 1)),
        Entry::Sell(trade("late", 4, 3, 190, 1)),
    ];
    let mut in_time = Book::default();
    for entry in entries.clone() {
        in_time.add(entry);
    }
    for order in [[3, 0, 2, 1], [3, 2, 1, 0], [1, 3, 0, 2]] {
        let mut book = Book::default();
        for place in order {
            book.add(entries[place].clone());
        }
        assert_eq!(book, in_time, "{order:?}");
    }
    assert_eq!(in_time.allocations("late")[0].buy.as_deref(), Some("new"));
}

#[test]
fn dust_of_an_episode_is_nobody_elses_parent() {
    let key = PositionKey { account: AccountId(0), instrument: InstrumentId(0), side: Side::Long };
    let life = |generation| Some(EpisodeId { key, generation });
    let of = |trade: Trade, episode| Trade { episode, ..trade };
    let mut book = Book::default();
    book.add(Entry::Buy(of(trade("b1", 1, 1_005, 100, 7), life(1))));
    book.add(Entry::Sell(of(trade("s1", 2, 1_000, 110, 0), life(1))));
    book.add(Entry::Dust { at: Timestamp(3), episode: life(1).expect("some"), qty: Qty(5) });
    book.add(Entry::Buy(of(trade("b2", 4, 1_000, 200, 0), life(2))));
    book.add(Entry::Sell(of(trade("s2", 5, 1_000, 210, 0), life(2))));
    assert_eq!(book.allocations("s2").len(), 1);
    assert_eq!(book.allocations("s2")[0].buy.as_deref(), Some("b2"));
    assert_eq!((book.left("b1"), book.left("b2")), (Qty(5), Qty(0)));
    // Somebody sweeps it by hand: the whole fee of the buy is told then.
    book.add(Entry::Sell(trade("sweep", 6, 5, 110, 0)));
    let fees = |sell: &str| book.allocations(sell).iter().fold(Money::ZERO, |sum, part| sum + part.buy_fees);
    assert_eq!(fees("s1") + fees("sweep"), Money(7 * ONE / 100));
    assert_eq!(book.left("b1"), Qty(0));
}
