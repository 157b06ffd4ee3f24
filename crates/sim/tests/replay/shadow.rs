//! A shadow beside an account that somebody else trades.

use ripcord_core::account::{Holding, Reading};
use ripcord_core::event::{Entry, Record};
use ripcord_core::instrument::Side;
use ripcord_core::num::{Price, Qty};
use ripcord_core::reason::Reason;
use ripcord_sim::shadow::Shadow;
use ripcord_sim::venue::ReadModel;

use crate::reads::{Beside, LONG};

struct Shadowed {
    beside: Beside,
    shadow: Shadow,
}

impl Shadowed {
    fn new() -> Self {
        let mut beside = Beside::new(ReadModel::default());
        beside.manage_every(2, 1);
        Self { beside, shadow: Shadow::new() }
    }

    /// The real account is read: so much is held, or it cannot be read.
    fn real(&mut self, qty: Option<i64>) {
        let holding = |qty| Holding {
            instrument: LONG.instrument,
            side: Side::Long,
            qty: Qty(qty),
            entry: Some(Price(100_00)),
            leverage: None,
            liquidation: None,
            mark: None,
        };
        let Beside { desk, now, told } = &mut self.beside;
        let held = qty.map(|qty| (qty > 0).then(|| holding(qty)).into_iter().collect());
        let real = Reading { account: LONG.account, taken_at: *now, fills_until: *now, held };
        self.shadow.follow(desk, *now, &real, &mut |entry: &Entry| told.push(entry.clone()));
    }

    fn pass(&mut self, price: i64) {
        for _ in 0..20 {
            self.beside.pass(1);
            self.beside.price(price);
        }
    }

    fn ours(&self) -> i64 {
        self.beside.desk.coordinator.view().position(LONG).map_or(0, |view| view.qty.0)
    }

    fn opened(&self) -> usize {
        self.beside.told.iter().filter(|entry| matches!(entry.record, Record::Opened(_))).count()
    }
}

#[test]
fn a_virtual_close_holds_until_the_real_size_was_zero() {
    let mut shadowed = Shadowed::new();
    shadowed.pass(100_00);
    shadowed.real(Some(5_000));
    shadowed.pass(100_00);
    assert_eq!(shadowed.ours(), 5_000, "what somebody else opened is taken over");
    // The stop closes it virtually; the account holds it still.
    shadowed.pass(97_00);
    assert_eq!(shadowed.ours(), 0);
    let stopped =
        |entry: &Entry| matches!(&entry.record, Record::Filled(it) if it.reason == Reason::StopLoss);
    assert!(shadowed.beside.told.iter().any(stopped));
    for real in [Some(5_000), None, Some(7_000), Some(2_000)] {
        shadowed.real(real);
        shadowed.pass(97_00);
        assert_eq!((shadowed.ours(), shadowed.opened()), (0, 1), "{real:?}: it is not taken over again");
    }
    assert_eq!(shadowed.shadow.real(LONG), Qty(2_000));
    shadowed.real(Some(0));
    shadowed.pass(97_00);
    shadowed.real(Some(1_000));
    shadowed.pass(97_00);
    assert_eq!((shadowed.ours(), shadowed.opened()), (1_000, 2), "another life begins after zero");
}

#[test]
fn what_the_account_sells_by_itself_leaves_the_shadow_too() {
    let mut shadowed = Shadowed::new();
    shadowed.pass(100_00);
    shadowed.real(Some(5_000));
    shadowed.pass(100_00);
    shadowed.real(Some(3_000));
    shadowed.pass(100_00);
    assert_eq!(shadowed.ours(), 3_000);
    shadowed.real(None);
    shadowed.pass(100_00);
    assert_eq!(shadowed.ours(), 3_000, "an error is never flat");
    shadowed.real(Some(0));
    shadowed.pass(100_00);
    assert_eq!(shadowed.ours(), 0);
}
