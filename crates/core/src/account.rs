//! Accounts: what of them is managed, and what a venue says that they hold.
//!
//! Positions that nobody opened through us become known by reads of the venue. A read is complete or
//! it is none: an error is never "flat".

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, EpisodeId, InstrumentId, OrderId, PlanId, PositionKey};
use crate::instrument::Side;
use crate::listing::Listings;
use crate::num::{Money, Price, Qty, Ratio, share_of};
use crate::plan::{Average, Plan};
use crate::planted::planted;
use crate::reason::{Reason, Source};
use crate::time::{Span, Timestamp};

/// What the venue may hold of one instrument in an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountMode {
    /// Futures, one position per instrument: long or short.
    Net,
    /// Futures, a long and a short position beside each other.
    Hedge,
    /// Coins. Only what is granted is ever sold.
    Spot,
}

/// One instrument that is managed in an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Managed {
    /// The instrument.
    pub instrument: InstrumentId,
    /// The plan that positions found at the venue are taken over under.
    pub plan: PlanId,
    /// How much may be taken over and sold in all; positive. Needed on spot, and only there.
    pub grant: Option<Qty>,
}

/// What is managed of an account. Positions of other instruments are never touched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Management {
    /// The account.
    pub account: AccountId,
    /// What it may hold.
    pub mode: AccountMode,
    /// The instruments, each once.
    pub instruments: Vec<Managed>,
    /// How often the venue is read, at least a second; `None` leaves it to the host when to read.
    pub read_every: Option<Span>,
    /// How much later a second read must say the same before a difference is believed; at least a second.
    pub confirm_after: Span,
}

/// What a venue says that an account holds, all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The account.
    pub account: AccountId,
    /// When the venue drew it up.
    pub taken_at: Timestamp,
    /// Every fill up to this moment is in it, by the clock of the events.
    pub fills_until: Timestamp,
    /// Every position, or every coin; `None` when it could not be read, or not completely.
    pub held: Option<Vec<Holding>>,
}

/// One position (or coin balance) that a venue says is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The instrument.
    pub instrument: InstrumentId,
    /// The side; coins are long.
    pub side: Side,
    /// How much; positive.
    pub qty: Qty,
    /// Average entry price, if the venue knows it.
    pub entry: Option<Price>,
    /// Leverage, if it tells.
    pub leverage: Option<Ratio>,
    /// Where it would liquidate, if it tells.
    pub liquidation: Option<Price>,
    /// Its mark price, if it tells.
    pub mark: Option<Price>,
}

impl Holding {
    /// Where the venue would liquidate: what it says, else what the leverage that it says makes of the plan's
    /// table.
    pub(crate) fn liquidation_told(&self, plan: &Plan, entry: Average) -> Option<Price> {
        let leverage = self.leverage.filter(|leverage| *leverage >= Ratio::ONE);
        self.liquidation.or_else(|| plan.liquidation?.price(self.side, entry, leverage?))
    }
}

/// A trade that closed (part of) a position, and was not one of our orders'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideClose {
    /// The bucket.
    pub key: PositionKey,
    /// The venue's number of the trade; rises within a bucket, so that one told twice counts once.
    pub trade: u64,
    /// How much; positive.
    pub qty: Qty,
    /// Its price, if known.
    pub price: Option<Price>,
    /// Its fee in quote currency; positive is paid.
    pub fee: Money,
    /// Who did it.
    pub by: ClosedBy,
}

/// Who closed a position past us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedBy {
    /// A person or another program.
    Hand,
    /// The venue: it liquidated.
    Liquidation,
    /// The venue: it covered the loss of another account.
    Adl,
    /// The venue: the contract was settled.
    Settlement,
    /// Nobody knows: trades of ours may be among it that are not told yet.
    Unseen,
}

impl ClosedBy {
    /// Why the quantity was closed.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Hand => Reason::Manual,
            Self::Liquidation => Reason::Liquidation,
            Self::Adl => Reason::Adl,
            Self::Settlement => Reason::Settlement,
            Self::Unseen => Reason::Unknown,
        }
    }

    /// Who acted.
    #[must_use]
    pub const fn source(self) -> Source {
        match self {
            Self::Hand | Self::Liquidation | Self::Adl | Self::Settlement => Source::External,
            Self::Unseen => Source::Unknown,
        }
    }
}

/// A difference to the venue that one read has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// What the venue said.
    pub(crate) theirs: Qty,
    /// Up to when that read knew of fills.
    pub(crate) since: Timestamp,
}

/// What is remembered of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Bucket {
    /// When something of it last traded, as far as we know.
    pub(crate) touched: Timestamp,
    /// The last trade past us that counted.
    pub(crate) trade: u64,
    pub(crate) pending: Option<Pending>,
    /// How much of its living position came out of a grant.
    granted: Qty,
    /// Coins beyond ours that the wallet held when it was last read.
    pub(crate) beside: Qty,
}

impl Bucket {
    const NEW: Self =
        Self { touched: Timestamp::MIN, trade: 0, pending: None, granted: Qty(0), beside: Qty(0) };
}

/// A quantity that left a position, and the orders that may have sold it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Unseen {
    qty: Qty,
    cost: i128,
    entry_fees: Money,
    funding: Money,
    orders: BTreeSet<OrderId>,
}

/// A quantity with its share of cost, entry fees and funding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) qty: Qty,
    pub(crate) cost: i128,
    pub(crate) entry_fees: Money,
    pub(crate) funding: Money,
}

/// An account that is managed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) given: Management,
    /// Reads that know less than this are of no use.
    pub(crate) since: Timestamp,
    /// No read has come since it was given.
    pub(crate) is_recovering: bool,
    /// Reads in a row that failed.
    pub(crate) failed: u32,
    /// A read out of turn is under way.
    pub(crate) asks_again: bool,
    /// What was taken up of grants, ever: told again, or with another plan, a grant is not another one.
    taken: BTreeMap<InstrumentId, Qty>,
    #[serde(with = "crate::pairs")]
    buckets: BTreeMap<PositionKey, Bucket>,
    /// Buckets that were let go: reads leave them alone until they are handed over.
    pub(crate) released: BTreeSet<PositionKey>,
    /// What left positions while it was not known what became of their orders.
    #[serde(with = "crate::pairs")]
    unseen: BTreeMap<EpisodeId, Unseen>,
    /// What lists of open orders have shown.
    pub(crate) listings: Listings,
}

impl Account {
    fn new(given: Management, now: Timestamp) -> Self {
        Self {
            given,
            since: now,
            is_recovering: true,
            failed: 0,
            asks_again: false,
            taken: BTreeMap::new(),
            buckets: BTreeMap::new(),
            released: BTreeSet::new(),
            unseen: BTreeMap::new(),
            listings: Listings::default(),
        }
    }

    /// Whether its open orders are listed again and again.
    pub(crate) const fn is_listed(&self) -> bool {
        self.given.read_every.is_some()
    }

    /// How an instrument is managed, if it is.
    pub(crate) fn managed(&self, instrument: InstrumentId) -> Option<&Managed> {
        self.given.instruments.iter().find(|managed| managed.instrument == instrument)
    }

    /// What may still be taken over of an instrument; everything where no grant is needed.
    pub(crate) fn grant_left(&self, instrument: InstrumentId) -> Qty {
        if self.given.mode != AccountMode::Spot {
            return Qty(i64::MAX);
        }
        let granted = self.managed(instrument).and_then(|managed| managed.grant).unwrap_or(Qty(0));
        let taken = self.taken.get(&instrument).copied().unwrap_or(Qty(0));
        let taken = if planted(141) { Qty(0) } else { taken };
        Qty(granted.0.saturating_sub(taken.0).max(0))
    }

    /// What is remembered of a bucket.
    pub(crate) fn bucket(&self, key: PositionKey) -> Bucket {
        let key = if planted(48) { PositionKey { side: Side::Long, ..key } } else { key };
        self.buckets.get(&key).copied().unwrap_or(Bucket::NEW)
    }

    /// The same, to change it.
    pub(crate) fn bucket_mut(&mut self, key: PositionKey) -> &mut Bucket {
        let key = if planted(48) { PositionKey { side: Side::Long, ..key } } else { key };
        self.buckets.entry(key).or_insert(Bucket::NEW)
    }

    /// The buckets of which a read has shown a difference.
    pub(crate) fn pending(&self) -> impl Iterator<Item = PositionKey> {
        self.buckets.iter().filter(|(_, bucket)| bucket.pending.is_some()).map(|(&key, _)| key)
    }

    /// A position is taken over out of a grant: of coins that were beside ours.
    pub(crate) fn take_grant(&mut self, key: PositionKey, qty: Qty) {
        if self.given.mode == AccountMode::Spot {
            let bucket = self.bucket_mut(key);
            bucket.granted = qty;
            bucket.beside = Qty((bucket.beside.0 - qty.0).max(0));
            self.count_taken(key.instrument, qty);
        }
    }

    /// What is left of a position is let go: what came out of a grant may be taken over once more.
    pub(crate) fn give_back(&mut self, key: PositionKey, open: Qty) {
        let back = std::mem::replace(&mut self.bucket_mut(key).granted, Qty(0)).min(open);
        if let Some(taken) = self.taken.get_mut(&key.instrument) {
            taken.0 -= back.0.min(taken.0);
        }
    }

    /// A quantity left, and one of `orders` may have sold it; without any, somebody did whose trade may
    /// be told still.
    pub(crate) fn left_unseen(&mut self, episode: EpisodeId, share: &Share, orders: BTreeSet<OrderId>) {
        // What a person took is not what an order of ours did: they are not put back alike.
        self.unseen.retain(|of, before| *of != episode || !before.orders.is_empty() || orders.is_empty());
        let nothing = Unseen {
            qty: Qty(0),
            cost: 0,
            entry_fees: Money::ZERO,
            funding: Money::ZERO,
            orders: BTreeSet::new(),
        };
        let unseen = self.unseen.entry(episode).or_insert(nothing);
        unseen.qty.0 += share.qty.0;
        unseen.cost += share.cost;
        unseen.entry_fees += share.entry_fees;
        unseen.funding += share.funding;
        unseen.orders.extend(orders);
    }

    /// An order sold `qty`: what of it had left unseen.
    pub(crate) fn explain(&mut self, id: &OrderId, qty: Qty) -> Option<Share> {
        self.unseen.get(&id.episode).filter(|unseen| unseen.orders.contains(id))?;
        self.take_unseen(id.episode, qty)
    }

    /// Whether what left an episode untold may have been sold by orders of ours.
    pub(crate) fn is_unseen(&self, episode: EpisodeId) -> bool {
        let unseen = self.unseen.get(&episode);
        unseen.is_some_and(|unseen| unseen.qty.0 > 0 && !unseen.orders.is_empty())
    }

    /// So much of what left an episode untold is told, or is there after all.
    pub(crate) fn take_unseen(&mut self, episode: EpisodeId, qty: Qty) -> Option<Share> {
        let unseen = self.unseen.get_mut(&episode)?;
        let (qty, all) = (qty.min(unseen.qty), unseen.qty);
        if qty.0 == 0 {
            return None;
        }
        let part = |whole| share_of(whole, qty, all);
        let share = Share {
            qty,
            cost: part(unseen.cost),
            entry_fees: Money(part(unseen.entry_fees.0)),
            funding: Money(part(unseen.funding.0)),
        };
        unseen.qty.0 -= qty.0;
        unseen.cost -= share.cost;
        unseen.entry_fees = unseen.entry_fees - share.entry_fees;
        unseen.funding = unseen.funding - share.funding;
        Some(share)
    }

    /// An episode is over, and so are its orders.
    pub(crate) fn forget(&mut self, episode: EpisodeId) {
        self.unseen.remove(&episode);
        self.listings.forget(episode);
    }

    fn count_taken(&mut self, instrument: InstrumentId, qty: Qty) {
        let taken = self.taken.entry(instrument).or_default();
        taken.0 = taken.0.saturating_add(qty.0);
    }
}

/// The accounts that are managed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Accounts {
    by_id: BTreeMap<AccountId, Account>,
}

impl Accounts {
    pub(crate) fn get(&self, account: AccountId) -> Option<&Account> {
        self.by_id.get(&account)
    }

    pub(crate) fn get_mut(&mut self, account: AccountId) -> Option<&mut Account> {
        self.by_id.get_mut(&account)
    }

    /// All of them, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.by_id.values()
    }

    /// An account is managed as told from now on.
    pub(crate) fn manage(&mut self, given: Management, now: Timestamp) {
        let id = given.account;
        // What a read of before has shown is shown again, or was nothing.
        let mut account = self.by_id.remove(&id).unwrap_or_else(|| Account::new(given.clone(), now));
        account.buckets.values_mut().for_each(|bucket| bucket.pending = None);
        account.listings.begin();
        (account.given, account.since, account.is_recovering) = (given, now, true);
        (account.failed, account.asks_again) = (0, false);
        self.by_id.insert(id, account);
    }

    /// Something of a bucket traded: what an earlier read said of it counts no more.
    pub(crate) fn touch(&mut self, key: PositionKey, now: Timestamp) {
        if let Some(account) = self.by_id.get_mut(&key.account) {
            let bucket = account.bucket_mut(key);
            (bucket.touched, bucket.pending) = (now, None);
        }
    }

    /// A position was taken over on somebody's word.
    pub(crate) fn taken_over(&mut self, key: PositionKey, now: Timestamp) {
        self.touch(key, now);
        if let Some(account) = self.by_id.get_mut(&key.account) {
            account.bucket_mut(key).granted = Qty(0);
        }
    }

    /// An order of a life that is over sold something more.
    pub(crate) fn sold_late(&mut self, key: PositionKey, qty: Qty) {
        let spot = self.by_id.get_mut(&key.account).filter(|one| one.given.mode == AccountMode::Spot);
        if let Some(account) = spot {
            account.count_taken(key.instrument, qty);
        }
    }
}
