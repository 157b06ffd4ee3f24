//! What a venue says of one order, in any order, told twice or not at all: fills never fall, what ended stays
//! ended, and the sum does not depend on who came first.

use ripcord_core::num::Qty;
use ripcord_core::order::{OrderAnswer, OrderLife, OrderState};

use crate::bytes::Bytes;

pub(crate) fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let qty = Qty(bytes.number().max(1));
    let mut told = Vec::new();
    while !bytes.is_empty() && told.len() < 40 {
        told.push(answer(&mut bytes, qty));
    }
    let end = hear(qty, &told);
    let most = told.iter().filter_map(|answer| match answer {
        OrderAnswer::Filled(total) => Some(total.0.min(qty.0)),
        _ => None,
    });
    let most = most.max().unwrap_or(0).max(0);
    assert_eq!(end.filled.0, most, "{told:?}");
    assert_eq!(end.state == OrderState::Filled, most == qty.0, "{told:?}");
    // Everything twice, all of it backwards, and in the order of its words.
    let twice: Vec<OrderAnswer> = told.iter().flat_map(|answer| [*answer, *answer]).collect();
    let (mut backwards, mut sorted) = (told.clone(), told.clone());
    backwards.reverse();
    sorted.sort_unstable();
    let again: Vec<OrderAnswer> = told.iter().chain(&told).copied().collect();
    for (how, other) in [("twice", &twice), ("backwards", &backwards), ("sorted", &sorted), ("again", &again)]
    {
        let life = hear(qty, other);
        assert_eq!(life.filled, end.filled, "{how}: {told:?}");
        assert_eq!(life.state.is_final(), end.state.is_final(), "{how}: {told:?}");
    }
    assert_eq!(hear(qty, &twice), end, "{told:?}");
    // A trade that is never told leaves less, never more.
    for dropped in 0..told.len() {
        let mut fewer = told.clone();
        fewer.remove(dropped);
        assert!(hear(qty, &fewer).filled <= end.filled, "{told:?} without {dropped}");
    }
}

fn answer(bytes: &mut Bytes<'_>, qty: Qty) -> OrderAnswer {
    match bytes.byte() % 12 {
        0 => OrderAnswer::Accepted,
        1 => OrderAnswer::Refused,
        2 => OrderAnswer::Cancelled,
        3 => OrderAnswer::Expired,
        4 => OrderAnswer::CancelRefused,
        5 => OrderAnswer::Silence,
        6 => OrderAnswer::Filled(qty),
        7 => OrderAnswer::Filled(Qty(bytes.number())),
        _ => OrderAnswer::Filled(Qty((i128::from(qty.0) * i128::from(bytes.byte()) / 255) as i64)),
    }
}

/// Tells it all, and checks each step.
fn hear(qty: Qty, told: &[OrderAnswer]) -> OrderLife {
    let mut life = OrderLife::sent(qty);
    for &answer in told {
        let before = life;
        let new = life.hear(answer);
        assert_eq!(new.0, life.filled.0 - before.filled.0, "{before:?} {answer:?}");
        assert!(0 <= new.0 && life.filled <= life.qty && life.qty == qty, "{before:?} {answer:?}");
        assert!(!before.state.is_final() || life.state.is_final(), "{before:?} lives again: {answer:?}");
        let may_end = life.state == before.state || life.state == OrderState::Filled;
        assert!(!before.state.is_final() || may_end, "{before:?} ended twice: {answer:?}");
        let open = if life.state.is_final() { 0 } else { life.qty.0 - life.filled.0 };
        assert_eq!(life.open().0, open);
    }
    life
}
