//! Numbers that no run writes: a file with right checksums can still be made up.

use ripcord_core::event::{Event, Record};
use ripcord_core::num::{Money, Price, Qty};

/// Levels lie at most a hundredfold from a price.
const LEVEL_MAX: i64 = Price::MAX.0 * 100;
/// More money than any market moves.
const MONEY_MAX: u128 = 1 << 120;

/// The first field of a record whose number no run writes.
pub(super) fn impossible(record: &Record) -> Option<&'static str> {
    let checks: &[(&'static str, bool)] = match record {
        Record::Observed(of) => {
            &[("last", of.last.is_sound()), ("min", of.min.is_sound()), ("max", of.max.is_sound())]
        }
        Record::Input(Event::Tick(tick)) => &[("price", tick.price.is_sound())],
        Record::Opened(of) => &[
            ("qty", of.qty.0 > 0),
            ("entry", of.entry.is_sound()),
            ("entry_fees", is_money(of.entry_fees)),
            ("stop", of.stop.is_none_or(is_level)),
        ],
        Record::Added(of) => &[
            ("qty", of.qty.0 > 0),
            ("open", of.open >= of.qty),
            ("price", of.price.is_sound()),
            ("fees", is_money(of.fees)),
        ],
        Record::Filled(of) => &[
            ("qty", of.qty.0 > 0),
            ("price", of.price.is_sound()),
            ("remaining", of.remaining.0 >= 0),
            ("fee", is_money(of.fee)),
            ("cost", is_cost(of.cost, of.qty)),
            ("entry_fees", is_money(of.entry_fees)),
            ("funding", is_money(of.funding)),
        ],
        Record::StopMoved { from, to, .. } => &[("from", from.is_none_or(is_level)), ("to", is_level(*to))],
        Record::TrailingActivated { extreme, stop, .. } => {
            &[("extreme", extreme.is_sound()), ("stop", is_level(*stop))]
        }
        _ => &[],
    };
    checks.iter().find(|(_, is_sound)| !is_sound).map(|(field, _)| *field)
}

fn is_level(price: Price) -> bool {
    price.0.unsigned_abs() <= LEVEL_MAX.unsigned_abs()
}

fn is_money(money: Money) -> bool {
    money.0.unsigned_abs() <= MONEY_MAX
}

/// What a quantity cost lies between nothing and the highest price for each of it.
fn is_cost(cost: i128, qty: Qty) -> bool {
    (0..=i128::from(qty.0) * i128::from(Price::MAX.0)).contains(&cost)
}
