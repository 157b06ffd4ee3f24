//! The real core, as one process owns it.

use std::cell::RefCell;
use std::hash::Hasher;
use std::sync::Arc;

use ripcord_core::Coordinator;
use ripcord_core::account::{AccountMode, Managed, Management};
use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{Action, Command, Entry, Event, Opening, Outbox};
use ripcord_core::id::{AccountId, InstrumentId, OrderId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, MarketKind, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::OrderState;
use ripcord_core::plan::PlanSpec;
use ripcord_core::position::Phase;
use ripcord_core::time::{Span, Timestamp};

use crate::digest::Digest;
use crate::setup::Setup;

/// The only account.
pub const ACCOUNT: AccountId = AccountId(1);
/// The only position.
pub const KEY: PositionKey = PositionKey { account: ACCOUNT, instrument: InstrumentId(0), side: Side::Long };
/// When a model begins.
pub const BEGINNING: Timestamp = Timestamp(1_760_000_000_000_000_000);

thread_local! {
    static OUT: RefCell<Outbox> = RefCell::default();
}

/// A coordinator and what it is known by.
#[derive(Debug, Clone)]
pub struct Owner {
    core: Coordinator,
    /// Equal where the durable states are; 0 while it is not known.
    print: u64,
}

impl Owner {
    /// An owner that has taken the position over and not sent anything yet.
    ///
    /// # Panics
    ///
    /// When the setup's plan is not one.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        let mut core = Coordinator::new();
        let rules = Instrument {
            symbol: "M".to_owned(),
            version: 1,
            price_decimals: 2,
            qty_decimals: 0,
            tick_size: Price(1),
            lot_size: Qty(1),
            qty_min: Qty(0),
            notional_min: Money::ZERO,
            kind: setup.market,
            market_qty_max: Qty(0),
        };
        let instrument = core
            .add_instrument(rules.clone(), &[PriceSource::Last], BarOrigin::Ticks)
            .expect("a sound instrument");
        let spec: PlanSpec = serde_json::from_str(setup.plan).expect("a plan as JSON");
        let plan = spec.resolve(instrument, &rules).expect("a sound plan");
        core.add_plan(plan).expect("its instrument is there");
        Self { core, print: 0 }
    }

    /// The core.
    #[must_use]
    pub const fn core(&self) -> &Coordinator {
        &self.core
    }

    /// Lets the core hear `event`; `each` gets what it wants done.
    pub fn hear(&mut self, now: Timestamp, event: Event, mut each: impl FnMut(&[Entry], &[Action])) {
        self.print = 0;
        OUT.with_borrow_mut(|out| {
            out.clear();
            self.core.handle(now, event, out);
            each(&out.records, &out.actions);
        });
    }

    /// Says anew what it is known by, if it heard anything since.
    pub fn restate(owner: &mut Arc<Self>) {
        if owner.print == 0 {
            let mut digest = Digest::default();
            owner.core.fingerprint(&mut digest);
            Arc::make_mut(owner).print = digest.finish().max(1);
        }
    }

    /// What it is known by; 0 while that is not restated.
    #[must_use]
    pub const fn print(&self) -> u64 {
        self.print
    }

    /// The same process started again from its journal.
    ///
    /// # Panics
    ///
    /// When a snapshot of the core cannot be restored, which is a fault of the core.
    #[must_use]
    pub fn started_again(&self) -> Self {
        let core = Coordinator::restore(self.core.snapshot(), []).expect("its own snapshot");
        Self { core, print: 0 }
    }

    /// What it believes that is held.
    #[must_use]
    pub fn open(&self) -> i64 {
        self.held().map_or(0, |(open, _)| open.0)
    }

    /// Whether it is getting out.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.held().is_some_and(|(_, phase)| phase == Phase::Closing)
    }

    fn held(&self) -> Option<(Qty, Phase)> {
        self.core.view().holding(KEY)
    }

    /// Orders that were sent and not answered.
    pub fn unanswered(&self) -> impl Iterator<Item = OrderId> + '_ {
        self.living().filter(|(_, state)| *state == OrderState::Sent).map(|(id, _)| id)
    }

    /// Orders that may still trade, as far as it knows.
    pub fn living(&self) -> impl Iterator<Item = (OrderId, OrderState)> + '_ {
        self.core.view().living_orders().map(|living| (living.order.id, living.life.state))
    }
}

/// The command that takes the position over.
#[must_use]
pub fn opening(setup: &Setup) -> Event {
    Event::Command(Command::Open(Box::new(Opening {
        key: KEY,
        plan: PlanId(0),
        qty: Qty(setup.qty),
        entry: Price(100_00),
        entry_fees: Money::ZERO,
    })))
}

/// The command of every start: what of the account is managed.
#[must_use]
pub fn management(setup: &Setup) -> Event {
    let (mode, grant) = match setup.market {
        MarketKind::Futures => (AccountMode::Net, None),
        MarketKind::Spot => (AccountMode::Spot, Some(Qty(setup.qty))),
    };
    let managed = Managed { instrument: KEY.instrument, plan: PlanId(0), grant };
    Event::Command(Command::Manage(Box::new(Management {
        account: ACCOUNT,
        mode,
        // Coins that lie beside are not ours to take over.
        instruments: if setup.spare > 0 { Vec::new() } else { vec![managed] },
        read_every: Some(Span::from_secs(30)),
        confirm_after: Span::from_secs(2),
    })))
}
