//! What the venue says is held becomes truth: what is unknown is taken over, what is gone ends, and
//! what differs without a trade is believed when a second read agrees.
//!
//! A read changes nothing by itself: one that failed, or is older than what we know of a bucket, says
//! nothing about it. A read that brings nothing new leaves no trace.

use crate::planted::planted;
use std::collections::BTreeSet;

use super::{Coordinator, Record, Step, TimerFor};
use crate::account::{Account, AccountMode, ClosedBy, Holding, Management, Pending, Reading};
use crate::event::{Action, AlarmKind, CommandRefused, Found, Reconciled, Verdict};
use crate::id::{AccountId, InstrumentId, PositionKey};
use crate::instrument::Side;
use crate::num::{Price, Qty};
use crate::order::{CancelState, OrderState};
use crate::orders::Order;
use crate::position::{Phase, price, tighter};
use crate::time::{Span, Timestamp};
use crate::watch::Slot;

mod adopt;
mod outside;

use outside::Outside;

/// While an answer about an order of ours may explain a difference, it is waited for, but no longer.
const ANSWER_WITHIN: Span = Span::from_secs(60);
/// So many reads in a row that failed are followed by one out of turn.
const FAILED_ASK_AGAIN: u32 = 3;
/// The least time between two reads.
const READ_EVERY_MIN: Span = Span::from_secs(1);

/// What a read says of one bucket, and what belongs to it.
struct Compared {
    found: Found,
    slot: Option<Slot>,
    holding: Option<Holding>,
}

impl Coordinator {
    /// An account is managed from now on, or again after a start or reconnect.
    pub(super) fn on_manage(&mut self, step: &mut Step<'_>, given: &Management) {
        if let Some(refused) = self.refuses_management(given) {
            self.note_refused(step, refused);
            return;
        }
        let account = given.account;
        // From here on rules may rely on less: what they saw so far is written down before.
        for slot in self.lives_of(account) {
            self.report_quiet(step, self.engine.positions[slot as usize].episode.key.instrument);
        }
        step.begin_anywhere();
        step.write(Record::Managed(Box::new(given.clone())));
        self.accounts.manage(given.clone(), step.now);
        let is_read = |timer: &TimerFor| matches!(timer, TimerFor::Read(of) | TimerFor::ReadAgain(of) if *of == account);
        self.timers.retain(|timer| !is_read(&timer));
        if let Some(every) = given.read_every {
            self.timers.insert((step.now.after(every), TimerFor::Read(account)));
            step.out.actions.push(Action::ReadPositions(account));
        }
        self.begin_listing(step, account);
    }

    fn refuses_management(&self, given: &Management) -> Option<CommandRefused> {
        let mut seen = BTreeSet::new();
        for managed in &given.instruments {
            if self.engine.markets.get(managed.instrument.0 as usize).is_none() {
                return Some(CommandRefused::UnknownInstrument(managed.instrument));
            }
            let plan = self.engine.plans.get(managed.plan.0 as usize);
            if plan.is_none_or(|entry| entry.plan.instrument != managed.instrument) {
                return Some(CommandRefused::UnknownPlan(managed.plan));
            }
            let is_granted = managed.grant.is_some_and(|grant| grant.0 > 0);
            let wants_grant = given.mode == AccountMode::Spot;
            if !seen.insert(managed.instrument)
                || (wants_grant && !is_granted)
                || (!wants_grant && managed.grant.is_some())
            {
                return Some(CommandRefused::Unmanageable(given.account));
            }
        }
        // A venue has one mode at a time, and lets nobody change it while something is held: who says another one
        // is mistaken about one of them, and a short may be a long.
        let known = self.accounts.get(given.account).filter(|known| known.given.mode != given.mode);
        if known.is_some() && !self.living_of(given.account).is_empty() {
            return Some(CommandRefused::Unmanageable(given.account));
        }
        let too_often = given.read_every.is_some_and(|every| every < READ_EVERY_MIN);
        (too_often || given.confirm_after < READ_EVERY_MIN)
            .then_some(CommandRefused::Unmanageable(given.account))
    }

    /// It is time to read an account.
    pub(super) fn on_read_due(&mut self, step: &mut Step<'_>, account: AccountId) {
        let every = self.accounts.get(account).and_then(|account| account.given.read_every);
        let Some(every) = every else { return };
        step.begin_anywhere();
        if !planted(111) {
            self.timers.insert((step.now.after(every), TimerFor::Read(account)));
        }
        step.out.actions.push(Action::ReadPositions(account));
    }

    /// A read that is to agree with the one before is due.
    pub(super) fn on_read_again_due(&mut self, step: &mut Step<'_>, id: AccountId) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        account.asks_again = false;
        step.begin_anywhere();
        step.out.actions.push(Action::ReadPositions(id));
    }

    /// Asks for one read out of turn, if we are the ones who ask. The step must be written down already.
    pub(super) fn ask_again(&mut self, step: &Step<'_>, id: AccountId) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        if account.asks_again || account.given.read_every.is_none() {
            return;
        }
        account.asks_again = true;
        let at = step.now.after(account.given.confirm_after);
        self.timers.insert((at, TimerFor::ReadAgain(id)));
    }

    /// The venue disagrees about a bucket: it is read soon.
    pub(super) fn ask_about(&mut self, step: &Step<'_>, key: PositionKey) {
        if step.input.is_none() {
            self.ask_again(step, key.account);
        }
    }

    /// The venue said what an account holds, or that it could not be read.
    pub(super) fn on_read(&mut self, step: &mut Step<'_>, reading: &Reading) {
        let Some(account) = self.accounts.get(reading.account) else {
            self.ignored += 1;
            return;
        };
        // A read cannot know what has not happened yet.
        let until = reading.fills_until.min(step.now);
        if until < account.since {
            self.ignored += 1;
            return;
        }
        let nothing = Vec::new();
        let told = reading.held.as_ref().or(if planted(93) { Some(&nothing) } else { None });
        let Some(held) = told.filter(|held| self.is_sound(account.given.mode, held)) else {
            // Prices of ours may be why it cannot be: they are written down before it.
            for instrument in reading.held.iter().flatten().map(|holding| holding.instrument) {
                if self.engine.markets.get(instrument.0 as usize).is_some() {
                    self.report_quiet(step, instrument);
                }
            }
            self.on_read_failed(step, reading.account);
            return;
        };
        let compared = self.compare_holdings(account, held, until);
        let is_first = account.is_recovering;
        let is_news = |one: &Compared| one.found.verdict.is_news();
        let tells = is_first || account.failed > 0 || compared.iter().any(is_news);
        let waits = compared.iter().any(|one| one.found.verdict == Verdict::Waits);
        let asks = waits && !account.asks_again && account.given.read_every.is_some();
        let liquidations = self.nearer_liquidations(reading.account, held);
        let left_behind = self.left_behind(account, &compared, until);
        let beside = self.beside(account, held, until);
        if !tells && !asks && liquidations.is_empty() && left_behind.is_empty() && beside.is_empty() {
            return;
        }
        // The step reads prices of all these instruments: they are written down before it.
        let instruments: BTreeSet<InstrumentId> = compared
            .iter()
            .map(|one| one.found.key.instrument)
            .chain(held.iter().map(|holding| holding.instrument))
            .collect();
        for instrument in instruments {
            self.report_quiet(step, instrument);
        }
        step.begin_anywhere();
        if tells {
            self.tell_read(step, reading, until, &compared);
        }
        for (key, at) in liquidations {
            self.on_liquidation_at(step, key, at);
        }
        for slot in left_behind {
            self.cancel_all_but(step, slot, |_| false);
        }
        for (key, wallet) in beside {
            self.on_beside(step, key, wallet);
        }
        if asks {
            self.ask_again(step, reading.account);
        }
    }

    /// Buckets of coins where the wallet has another quantity beyond ours than we know, and what it has.
    fn beside(&self, account: &Account, held: &[Holding], until: Timestamp) -> Vec<(PositionKey, Qty)> {
        if account.given.mode != AccountMode::Spot {
            return Vec::new();
        }
        let of = |holding: &Holding| {
            let Holding { instrument, side, qty, .. } = *holding;
            let key = PositionKey { account: account.given.account, instrument, side };
            let bucket = account.bucket(key);
            let coins = self.beyond_ours(key, qty);
            (until >= bucket.touched && coins != bucket.beside).then_some((key, qty))
        };
        held.iter().filter_map(of).collect()
    }

    /// What of a wallet's coins is not in our position.
    fn beyond_ours(&self, key: PositionKey, wallet: Qty) -> Qty {
        let ours = self.engine.living(key).map_or(Qty(0), |slot| self.engine.positions[slot as usize].open);
        Qty((wallet.0 - ours.0).max(0))
    }

    /// The wallet holds so much: what orders of others lock may not be ours at all. What is ours may have grown by
    /// the same read.
    fn on_beside(&mut self, step: &mut Step<'_>, key: PositionKey, wallet: Qty) {
        let coins = self.beyond_ours(key, wallet);
        let Some(account) = self.accounts.get_mut(key.account) else { return };
        let before = std::mem::replace(&mut account.bucket_mut(key).beside, coins);
        if coins > before {
            self.coins_came_free(step, key);
        }
    }

    /// Lives that were let go and handed over whose stop is no longer kept: there is nothing to take over,
    /// or it locks the coins that are.
    fn left_behind(&self, account: &Account, compared: &[Compared], until: Timestamp) -> Vec<Slot> {
        let is_over = |&life: &Slot| {
            let key = self.engine.positions[life as usize].episode.key;
            let found = compared.iter().find(|one| one.found.key == key).map(|one| one.found.verdict);
            let waits_for_it = match found {
                Some(Verdict::Waits) => account.given.mode != AccountMode::Spot,
                Some(Verdict::New | Verdict::Unconfirmed | Verdict::Stale | Verdict::NoPrice) => true,
                Some(
                    Verdict::Agrees
                    | Verdict::Gone
                    | Verdict::Smaller
                    | Verdict::Larger
                    | Verdict::NotManaged
                    | Verdict::Released
                    | Verdict::Dust,
                )
                | None => until < account.bucket(key).touched,
            };
            self.keeps_stop(life) && !waits_for_it && !account.released.contains(&key)
        };
        let rests = |order: &Order| order.life().cancel == CancelState::None;
        let lives = self.with_orders(account.given.account).into_iter().filter(is_over);
        lives.filter(|&life| self.claimed(life, rests).0 > 0).collect()
    }

    /// A read that brought something is written down, and acted upon: what is gone goes first, then
    /// what is unprotected, the largest first.
    fn tell_read(&mut self, step: &mut Step<'_>, reading: &Reading, until: Timestamp, compared: &[Compared]) {
        let is_first = self.accounts.get(reading.account).is_some_and(|account| account.is_recovering);
        let told = |one: &&Compared| !(one.found.verdict == Verdict::Agrees && one.found.ours.0 == 0);
        let found: Vec<Found> = compared.iter().filter(told).map(|one| one.found).collect();
        let ours = compared.iter().filter(|one| one.found.ours.0 > 0).count();
        let living = self.living_of(reading.account).len();
        let reconciled = Reconciled {
            account: reading.account,
            taken_at: reading.taken_at,
            fills_until: until,
            is_first,
            same: u32::try_from(living.saturating_sub(ours)).unwrap_or(u32::MAX),
            found,
        };
        step.write(Record::Reconciled(Box::new(reconciled)));
        if let Some(account) = self.accounts.get_mut(reading.account) {
            (account.is_recovering, account.failed) = (false, 0);
            for one in compared {
                let bucket = account.bucket_mut(one.found.key);
                match one.found.verdict {
                    Verdict::Unconfirmed => {
                        bucket.pending = Some(Pending { theirs: one.found.theirs, since: until });
                    }
                    Verdict::Agrees => bucket.pending = None,
                    _ => {}
                }
            }
        }
        if compared.iter().any(|one| matches!(one.found.verdict, Verdict::Unconfirmed | Verdict::Waits)) {
            self.ask_again(step, reading.account);
        }
        for one in compared {
            self.ask_what_became(step, one);
            self.believe_less(step, one);
        }
        let mut unknown: Vec<&Compared> =
            compared.iter().filter(|one| one.found.verdict == Verdict::New).collect();
        unknown.sort_by_key(|one| std::cmp::Reverse(self.at_stake(one)));
        for one in unknown {
            if let Some(holding) = &one.holding {
                self.adopt(step, holding, one.found);
            }
        }
        for one in compared.iter().filter(|one| one.found.verdict == Verdict::Larger) {
            self.believe_more(step, one);
        }
    }

    /// A difference that an order of ours may explain: it is asked about.
    fn ask_what_became(&mut self, step: &mut Step<'_>, one: &Compared) {
        let (Verdict::Unconfirmed | Verdict::Waits, Some(slot)) = (one.found.verdict, one.slot) else {
            return;
        };
        for id in self.living_orders(slot) {
            self.inquire(step, id);
        }
    }

    /// A second read agrees that a position of ours is smaller, or gone.
    fn believe_less(&mut self, step: &mut Step<'_>, one: &Compared) {
        let Found { ours, theirs, verdict, .. } = one.found;
        let (Verdict::Gone | Verdict::Smaller, Some(slot)) = (verdict, one.slot) else { return };
        if planted(96) {
            return;
        }
        let outside = Outside::unpriced(Qty(ours.0 - theirs.0), self.unseen_by(slot));
        self.take_outside(step, slot, &outside);
    }

    /// What stands on a position that is not protected yet, in units that order within one account.
    fn at_stake(&self, one: &Compared) -> i128 {
        let key = one.found.key;
        let price = one.holding.as_ref().and_then(|holding| self.price_now(key, holding, Timestamp::MIN));
        let market = self.engine.market(key.instrument);
        price.map_or(0, |price| market.instrument.notional(price, one.found.theirs).0)
    }

    /// Nothing could be read, or not what can be: nothing changes.
    fn on_read_failed(&mut self, step: &mut Step<'_>, id: AccountId) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        account.failed = account.failed.saturating_add(1);
        let in_a_row = account.failed;
        step.begin_anywhere();
        step.write(Record::ReadFailed { account: id, in_a_row });
        // A venue that goes on failing is not asked more often than it would be anyway.
        if in_a_row <= FAILED_ASK_AGAIN {
            self.ask_again(step, id);
        }
    }

    /// Whether a read can be: known instruments, each bucket once, numbers that are some.
    fn is_sound(&self, mode: AccountMode, held: &[Holding]) -> bool {
        let mut buckets = BTreeSet::new();
        held.iter().all(|holding| {
            let Some(market) = self.engine.markets.get(holding.instrument.0 as usize) else { return false };
            let prices = [holding.entry, holding.mark, holding.liquidation];
            let prices_are = prices.iter().flatten().all(|price| price.is_sound());
            let own = self.engine.last_price(market.cells.quote(holding.side));
            let is_too_large = prices
                .iter()
                .chain([&own])
                .flatten()
                .any(|&price| market.instrument.is_too_large(price, holding.qty));
            let side_is = match mode {
                AccountMode::Net | AccountMode::Spot => Side::Long,
                AccountMode::Hedge => holding.side,
            };
            let coins_are_long = mode != AccountMode::Spot || holding.side == Side::Long;
            holding.qty.0 > 0
                && prices_are
                && !is_too_large
                && coins_are_long
                && buckets.insert((holding.instrument, side_is))
        })
    }

    /// The living positions of an account, in the order of their buckets.
    fn living_of(&self, account: AccountId) -> Vec<(PositionKey, Slot)> {
        let newest = self.engine.buckets.iter().filter(|(key, _)| key.account == account);
        newest
            .filter_map(|(key, lives)| Some((key, lives.slot()?)))
            .filter(|&(_, slot)| self.engine.positions[slot as usize].is_held())
            .collect()
    }

    /// What a read says of each bucket that is not just as we know it.
    fn compare_holdings(&self, account: &Account, held: &[Holding], until: Timestamp) -> Vec<Compared> {
        let living = self.living_of(account.given.account);
        let by_key = |holding: &Holding| {
            let Holding { instrument, side, .. } = *holding;
            (PositionKey { account: account.given.account, instrument, side }, *holding)
        };
        let mut theirs: Vec<(PositionKey, Holding)> = held.iter().map(by_key).collect();
        theirs.sort_unstable_by_key(|(key, _)| *key);
        let (ours, held) = (living.iter().map(|(key, _)| *key), theirs.iter().map(|(key, _)| *key));
        let mut keys: Vec<PositionKey> = ours.chain(held).chain(account.pending()).collect();
        keys.sort_unstable();
        keys.dedup();
        let compared = keys.into_iter().map(|key| {
            let (slot, holding) = (found(&living, key), found(&theirs, key));
            let ours = slot.map_or(Qty(0), |slot| self.engine.positions[slot as usize].open);
            let theirs = self.theirs(account, key, ours, holding.as_ref());
            let verdict = match slot {
                Some(slot) => self.verdict_on_ours(account, slot, theirs, until),
                None => {
                    let flips = account.given.mode == AccountMode::Net
                        && [Side::Long, Side::Short]
                            .iter()
                            .any(|&side| found(&living, PositionKey { side, ..key }).is_some());
                    let unknown = holding.map(|holding| (holding, theirs));
                    Some(self.verdict_on_unknown(account, key, unknown, (flips, until)))
                }
            };
            Some(Compared { found: Found { key, ours, theirs, verdict: verdict? }, slot, holding })
        });
        compared.flatten().collect()
    }

    /// How much the venue says is held, as far as it concerns us: of coins only what is granted.
    fn theirs(&self, account: &Account, key: PositionKey, ours: Qty, holding: Option<&Holding>) -> Qty {
        let theirs = holding.map_or(Qty(0), |holding| holding.qty);
        match account.given.mode {
            AccountMode::Net | AccountMode::Hedge => theirs,
            // The wallet only bounds what fills have made of the grant.
            AccountMode::Spot if ours.0 > 0 && !planted(97) => theirs.min(ours),
            AccountMode::Spot => theirs.min(account.grant_left(key.instrument)),
        }
    }

    /// What a read means for a position of ours; none when it says the same.
    fn verdict_on_ours(
        &self,
        account: &Account,
        slot: Slot,
        theirs: Qty,
        until: Timestamp,
    ) -> Option<Verdict> {
        let position = &self.engine.positions[slot as usize];
        let bucket = account.bucket(position.episode.key);
        if until < bucket.touched.max(position.opened_at) && !planted(95) {
            return (position.open != theirs).then_some(Verdict::Stale);
        }
        if position.open == theirs {
            return bucket.pending.is_some().then_some(Verdict::Agrees);
        }
        let wait = if self.waits_for_answers(slot) && !planted(103) { ANSWER_WITHIN } else { Span::ZERO };
        let wait = wait.max(account.given.confirm_after);
        Some(match confirmation(bucket.pending, theirs, until, wait) {
            Verdict::Agrees if theirs.0 == 0 => Verdict::Gone,
            Verdict::Agrees if theirs < position.open => Verdict::Smaller,
            Verdict::Agrees => Verdict::Larger,
            other => other,
        })
    }

    /// What a read means for a bucket in which we hold nothing.
    fn verdict_on_unknown(
        &self,
        account: &Account,
        key: PositionKey,
        unknown: Option<(Holding, Qty)>,
        (flips, until): (bool, Timestamp),
    ) -> Verdict {
        let Some((holding, theirs)) = unknown else { return Verdict::Agrees };
        if account.managed(key.instrument).is_none() {
            return Verdict::NotManaged;
        }
        if account.released.contains(&key) && !planted(99) {
            return Verdict::Released;
        }
        let bucket = account.bucket(key);
        if until < bucket.touched && !planted(95) {
            return Verdict::Stale;
        }
        if self.engine.market(key.instrument).instrument.closable(theirs).0 == 0 {
            return if account.grant_left(key.instrument).0 == 0 {
                Verdict::NotManaged
            } else {
                Verdict::Dust
            };
        }
        if self.price_now(key, &holding, until).is_none() {
            return Verdict::NoPrice;
        }
        // A sale of an earlier life that is still under way may take the same coins.
        if account.given.mode == AccountMode::Spot && !self.engine.earlier_lives(key).is_empty() {
            return Verdict::Waits;
        }
        if !flips {
            return Verdict::New;
        }
        // The other side must be believed to be gone first.
        match confirmation(bucket.pending, theirs, until, account.given.confirm_after) {
            Verdict::Agrees => Verdict::New,
            other => other,
        }
    }

    /// Whether an answer to an order of ours may explain a difference.
    fn waits_for_answers(&self, slot: Slot) -> bool {
        let position = &self.engine.positions[slot as usize];
        let is_open_question = |state| matches!(state, OrderState::Sent | OrderState::Unknown);
        let mut orders = self.orders.list(position.first_order);
        let is_asked = |order: &Order| {
            // It may have traded, and we were not told: what it says now is not heard yet.
            order.is_at_venue() && self.orders.inquiries.is_open(&order.named(position.episode).id)
        };
        orders.any(|(_, order)| is_open_question(order.life().state) || is_asked(order))
            || self.engine.standing.is_triggered(position.episode)
    }

    /// Who took what no trade explains: while an exit of ours is under way it may have been that.
    fn unseen_by(&self, slot: Slot) -> ClosedBy {
        let position = &self.engine.positions[slot as usize];
        let account = self.accounts.get(position.episode.key.account);
        let is_unseen = account.is_some_and(|account| account.is_unseen(position.episode));
        if position.phase == Phase::Closing || is_unseen || self.waits_for_answers(slot) {
            ClosedBy::Unseen
        } else {
            ClosedBy::Hand
        }
    }

    /// Liquidation prices that tighten the stop of a position of ours.
    fn nearer_liquidations(&self, account: AccountId, held: &[Holding]) -> Vec<(PositionKey, Price)> {
        let nearer = held.iter().filter_map(|holding| {
            let Holding { instrument, side, .. } = *holding;
            let key = PositionKey { account, instrument, side };
            let slot = self.engine.living(key)?;
            let position = &self.engine.positions[slot as usize];
            let plan = &self.engine.plans[position.plan.0 as usize].plan;
            let at = holding.liquidation_told(plan, position.entry())?;
            let (safe, stop) = (self.safe_stop(slot, Some(at))?, price(position.stop));
            let tightens = stop.is_none_or(|stop| tighter(side, stop, safe) != stop);
            // What follows from the leverage alone knows nothing of margin that was added.
            let is_wrong = holding.liquidation.is_none() && self.is_through_market(slot, safe);
            (safe.is_sound() && tightens && !is_wrong).then_some((key, at))
        });
        nearer.collect()
    }

    /// Somebody must look at a position.
    fn alarm(&mut self, step: &mut Step<'_>, slot: Slot, what: AlarmKind) {
        let episode = self.engine.positions[slot as usize].episode;
        self.note(step, episode.key.instrument, Record::Alarm { episode, what });
    }
}

/// What stands for a bucket in a list that is in the order of its buckets.
fn found<T: Copy>(list: &[(PositionKey, T)], key: PositionKey) -> Option<T> {
    list.binary_search_by_key(&key, |(of, _)| *of).ok().map(|place| list[place].1)
}

/// Whether a read agrees with the one before it that differed: `Agrees`, or what it is instead.
fn confirmation(pending: Option<Pending>, theirs: Qty, until: Timestamp, wait: Span) -> Verdict {
    match pending {
        Some(before) if until <= before.since => Verdict::Stale,
        Some(before) if before.theirs == theirs && until < before.since.after(wait) => Verdict::Waits,
        Some(before) if before.theirs == theirs => Verdict::Agrees,
        Some(_) | None if planted(94) => Verdict::Agrees,
        Some(_) | None => Verdict::Unconfirmed,
    }
}
