//! The venue's books: what is told of an order, and that nothing is sold beyond what is held.

use ripcord_core::instrument::Side;
use ripcord_venue::account::{Bucket, Fact};
use ripcord_venue::books::Books;
use ripcord_venue::line::{Answer, Ended, Kind, Named, Order, State, Subscribe, Triggered, Why};
use ripcord_venue::market::Quote;
use ripcord_venue::trouble::{Level, Trouble};

fn bucket() -> Bucket {
    Bucket { account: 0, instrument: "BTCUSDT".to_owned(), side: Side::Long }
}

/// Books with a long of 10 at 100, and nothing that goes wrong.
fn books() -> (Books, Trouble) {
    books_where(false)
}

fn books_where(stops_become_orders: bool) -> (Books, Trouble) {
    let mut books = Books::new([("BTCUSDT".to_owned(), 1)], stops_become_orders);
    let mut trouble = Trouble::new(1, Level::None);
    books.set_now(1);
    books.price(0, Quote { bid: 100, ask: 102, last: 101 }, &mut trouble);
    books.open(bucket(), 10, 100);
    books.take();
    (books, trouble)
}

fn order(id: &str, qty: i64, kind: Kind) -> Order {
    let Bucket { account, instrument, side } = bucket();
    Order { id: id.to_owned(), account, instrument, side, qty, kind }
}

const MARKET: Kind = Kind::Market(Subscribe {});

fn ended(id: &str, total: i64) -> Ended {
    Ended { id: id.to_owned(), total: Some(total) }
}

fn named(id: &str) -> Named {
    Named { id: id.to_owned() }
}

#[test]
fn an_order_for_more_than_is_held_sells_what_is_held_and_what_rests_goes() {
    let (mut books, mut trouble) = books();
    books.submit(order("stop", 10, Kind::Stop(90)), &mut trouble);
    books.submit(order("exit", 25, MARKET), &mut trouble);
    let (facts, told) = books.take();
    assert_eq!(books.held(&bucket()), 0);
    let sold = facts.iter().filter_map(|entry| match &entry.fact {
        Fact::Filled { qty, held, .. } => Some((*qty, *held)),
        _ => None,
    });
    assert_eq!(sold.collect::<Vec<_>>(), [(10, 10)]);
    assert!(
        told.contains(&Answer::Expired(ended("stop", 0)))
            && told.contains(&Answer::Expired(ended("exit", 10)))
    );
    assert!(books.resting(0).is_empty() && books.holdings(0).is_empty());
}

#[test]
fn an_id_is_taken_once_and_nothing_is_reduced_where_nothing_is() {
    let (mut books, mut trouble) = books();
    books.submit(order("exit", 10, MARKET), &mut trouble);
    books.take();
    for (id, why) in [("exit", Why::Duplicate), ("late", Why::NothingToReduce)] {
        books.submit(order(id, 10, MARKET), &mut trouble);
        let (_, told) = books.take();
        assert!(matches!(&told[..], [Answer::Refused(refused)] if refused.why == why), "{told:?}");
    }
    let Answer::Found(found) = books.query("exit") else { panic!("it knows every order it had") };
    assert_eq!((found.state, found.traded.map(|of| (of.total, of.price))), (State::Filled, Some((10, 100))));
    assert_eq!(books.query("never"), Answer::NotFound(named("never")));
}

#[test]
fn a_stop_waits_for_its_trigger_and_meets_the_market_there() {
    let (mut books, mut trouble) = books();
    books.submit(order("stop", 10, Kind::Stop(90)), &mut trouble);
    books.price(0, Quote { bid: 90, ask: 92, last: 91 }, &mut trouble);
    assert_eq!((books.held(&bucket()), books.resting(0).len()), (10, 1));
    books.price(0, Quote { bid: 80, ask: 91, last: 90 }, &mut trouble);
    let (facts, _) = books.take();
    let price = facts.iter().find_map(|entry| match entry.fact {
        Fact::Filled { price, .. } => Some(price),
        _ => None,
    });
    assert_eq!((price, books.held(&bucket())), (Some(80), 0));
}

#[test]
fn cancels_are_answered_for_what_lives_and_refused_for_what_does_not() {
    let (mut books, mut trouble) = books();
    books.submit(order("limit", 10, Kind::RestingLimit(120)), &mut trouble);
    books.cancel("limit");
    books.cancel("limit");
    let (_, told) = books.take();
    assert_eq!(told[1..], [Answer::Cancelled(ended("limit", 0)), Answer::CancelRefused(named("limit"))]);
    books.submit(order("now", 10, Kind::ImmediateLimit(101)), &mut trouble);
    let (_, told) = books.take();
    assert_eq!(told.last(), Some(&Answer::Expired(ended("now", 0))), "nobody pays so much: it does not wait");
}

#[test]
fn a_triggered_stop_trades_under_its_own_id_or_as_what_it_became() {
    for (becomes, told_as) in [(false, "stop"), (true, "triggered-1")] {
        let (mut books, mut trouble) = books_where(becomes);
        books.submit(order("stop", 12, Kind::Stop(100)), &mut trouble);
        books.take();
        books.price(0, Quote { bid: 99, ask: 101, last: 100 }, &mut trouble);
        let (_, told) = books.take();
        let became = becomes.then(|| told_as.to_owned());
        let triggered = Triggered { id: "stop".to_owned(), became: became.clone() };
        assert_eq!(told[0], Answer::Triggered(triggered));
        assert!(matches!(&told[1], Answer::Filled(filled) if filled.id == told_as && filled.total == 10));
        assert_eq!(told[2], Answer::Expired(ended(told_as, 10)));
        assert!(
            matches!(books.query("stop"), Answer::Found(found) if found.became == became),
            "by its own id"
        );
    }
}
