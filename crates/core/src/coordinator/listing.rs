//! What rests at the venue is compared with what should: a stop counts while it was seen there lately.
//!
//! An order of ours that is not there is asked about; one that somebody changed is taken as it is, and
//! put right; one that serves nobody is taken away. Orders of others are known, and left alone.

use crate::planted::planted;
use std::collections::BTreeMap;

use super::{Coordinator, Input, Record, Step, TimerFor};
use crate::account::{Account, AccountMode};
use crate::event::{Action, AlarmKind, Edited, Event, OrdersListed, Probe, VenueEvent};
use crate::id::{AccountId, EpisodeId, OrderId, PositionKey};
use crate::listing::{ForeignId, Listed, Listing, OpenOrder, Whose};
use crate::num::{Price, Qty};
use crate::order::{CancelState, OrderKind, OrderState};
use crate::orders::Order;
use crate::position::{Phase, price, tighter};
use crate::reason::StopOrigin;
use crate::time::{Span, Timestamp};
use crate::watch::Slot;

/// Open orders are listed this often.
pub(super) const LIST_EVERY: Span = Span::from_secs(10);
/// Rules rely on a stop at the venue while the last list is not older than this.
pub(crate) const FRESH_FOR: Span = Span::from_secs(15);
/// So many lists in a row that failed are told one by one; then every so many.
const FAILED_TELL: u32 = 3;
/// A stop that was changed for the worse is put right this often; then a person must say.
const PUT_RIGHT: u8 = 1;

/// What a list says that we did not know.
#[derive(Debug, Default)]
struct News {
    missing: Vec<OrderId>,
    back: Vec<OrderId>,
    /// Orders that we had no answer about.
    found: Vec<OrderId>,
    /// Orders that traded more than we were told.
    behind: Vec<OrderId>,
    edited: Vec<(Edited, OpenOrder)>,
    strays: Vec<OrderId>,
    foreign: Option<BTreeMap<ForeignId, Qty>>,
    /// Some of ours are there as we know them.
    any_as_known: bool,
}

impl News {
    fn is_none(&self) -> bool {
        let lists = [&self.missing, &self.back, &self.found, &self.behind, &self.strays];
        lists.iter().all(|list| list.is_empty()) && self.edited.is_empty() && self.foreign.is_none()
    }
}

impl Coordinator {
    /// Begins to list an account's open orders: now, and again and again. The step must be written down.
    pub(super) fn begin_listing(&mut self, step: &mut Step<'_>, account: AccountId) {
        let is_such =
            |timer: &TimerFor| matches!(timer, TimerFor::List(of) | TimerFor::Stale(of) if *of == account);
        self.timers.retain(|timer| !is_such(&timer));
        if self.accounts.get(account).is_some_and(Account::is_listed) {
            self.timers.insert((step.now.after(LIST_EVERY), TimerFor::List(account)));
            step.out.actions.push(Action::ListOrders(account));
            self.timers.insert((step.now, TimerFor::Stale(account)));
        }
    }

    /// It is time to list what rests.
    pub(super) fn on_list_due(&mut self, step: &mut Step<'_>, account: AccountId) {
        if self.accounts.get(account).is_some_and(Account::is_listed) {
            step.begin_anywhere();
            self.timers.insert((step.now.after(LIST_EVERY), TimerFor::List(account)));
            step.out.actions.push(Action::ListOrders(account));
        }
    }

    /// Whether a rule may leave its exit to an order at the venue: it was seen there lately, or nobody lists.
    pub(super) fn is_relied_on(&self, id: &OrderId) -> bool {
        let account = self.accounts.get(id.episode.key.account).filter(|account| account.is_listed());
        account.is_none_or(|account| !account.listings.is_stale && !account.listings.missing.contains(id))
    }

    /// The venue confirmed a stop: a list drawn up earlier does not know it.
    pub(super) fn remember_fresh(&mut self, step: &Step<'_>, id: &OrderId) {
        let account = self.accounts.get_mut(id.episode.key.account).filter(|account| account.is_listed());
        if let Some(account) = account {
            account.listings.fresh.insert(*id, step.now);
        }
    }

    /// What orders of others lock of our coins: coins beside them are locked first.
    pub(super) fn locked_by_others(&self, key: PositionKey) -> Qty {
        let account = self.accounts.get(key.account).filter(|_| !planted(64));
        account.map_or(Qty(0), |account| {
            let beside = account.bucket(key).beside;
            Qty(account.listings.foreign_of(key).0.saturating_sub(beside.0).max(0))
        })
    }

    /// Orders of others that would reduce a position are taken away: only panic does so.
    pub(super) fn cancel_foreign(&mut self, step: &mut Step<'_>, key: PositionKey) {
        if self.is_silent(key.account) {
            return;
        }
        let Some(account) = self.accounts.get(key.account) else { return };
        let foreign = account.listings.foreign.keys().filter(|id| id.key(key.account) == key);
        let foreign: Vec<ForeignId> = foreign.copied().collect();
        if foreign.is_empty() {
            return;
        }
        self.begin(step, key.instrument);
        let cancels = foreign.into_iter().map(|id| Action::CancelForeign(key.account, id));
        step.out.actions.extend(cancels);
        step.out.actions.push(Action::ListOrders(key.account));
    }

    /// The venue listed what rests in an account, or could not.
    pub(super) fn on_listed(&mut self, step: &mut Step<'_>, listing: &Listing) {
        let id = listing.account;
        let Some(account) = self.accounts.get(id) else {
            self.ignored += 1;
            return;
        };
        // A list cannot know what has not happened yet, and one that came late shows what was, not what is.
        let at = listing.taken_at.min(step.now);
        let is_late = at.after(FRESH_FOR) <= step.now;
        let is_old = at < account.since || account.listings.last.is_some_and(|last| at <= last) || is_late;
        if is_old {
            self.ignored += 1;
            return;
        }
        let none = Listed::All(Vec::new());
        let is_none = planted(104) && listing.orders == Listed::Failed;
        match if is_none { &none } else { &listing.orders } {
            Listed::Failed => self.on_list_failed(step, id),
            Listed::AsKnown => {
                step.begin_anywhere();
                self.seen(id, at);
            }
            Listed::All(orders) if !self.are_sound(id, orders) => self.on_list_failed(step, id),
            Listed::All(orders) => {
                let news = self.compare_orders(id, orders, at);
                if news.is_none() {
                    let listings = &account.listings;
                    if news.any_as_known || listings.is_stale || listings.failed > 0 {
                        let known = Listing { orders: Listed::AsKnown, ..*listing };
                        step.input = Some(Input::Event(Event::Venue(VenueEvent::Listed(Box::new(known)))));
                        step.begin_anywhere();
                        self.seen(id, at);
                    }
                } else {
                    self.tell_list(step, listing, at, &news);
                }
            }
        }
    }

    /// Whether a list can be: known instruments, numbers that are some, no order twice.
    fn are_sound(&self, account: AccountId, orders: &[OpenOrder]) -> bool {
        let mut ours = std::collections::BTreeSet::new();
        let mut foreign = std::collections::BTreeSet::new();
        orders.iter().all(|order| {
            let is_new = match order.whose {
                // Of another account it would be cancelled as one that serves nobody here.
                Whose::Ours(id) => id.episode.key.account == account && ours.insert(id),
                Whose::Foreign(id) => {
                    foreign.insert(id) && (id.instrument.0 as usize) < self.engine.markets.len()
                }
            };
            is_new
                && order.qty.0 > 0
                && (0..=order.qty.0).contains(&order.filled.0)
                && order.kind.price().is_none_or(Price::is_sound)
        })
    }

    fn on_list_failed(&mut self, step: &mut Step<'_>, id: AccountId) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        account.listings.failed = account.listings.failed.saturating_add(1);
        let in_a_row = account.listings.failed;
        step.begin_anywhere();
        if in_a_row <= FAILED_TELL || in_a_row.is_multiple_of(FAILED_TELL) {
            step.write(Record::ReadFailed { account: id, in_a_row });
        }
    }

    /// A list was complete: what it shows is evidence for a while.
    fn seen(&mut self, id: AccountId, at: Timestamp) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        let listings = &mut account.listings;
        (listings.last, listings.is_stale, listings.failed) = (Some(at), false, 0);
        listings.fresh.retain(|_, since| *since >= at);
        let missing = std::mem::take(&mut listings.missing);
        let lives =
            |id: &OrderId| self.find_order(id).is_some_and(|(_, index)| self.orders.get(index).is_at_venue());
        let missing = missing.into_iter().filter(lives).collect();
        if let Some(account) = self.accounts.get_mut(id) {
            account.listings.missing = missing;
        }
        self.note_seen(id, at);
    }

    /// A list shows orders that are asked about: that a venue once did not know them counts no more.
    fn note_seen(&mut self, id: AccountId, at: Timestamp) {
        let Some(account) = self.accounts.get(id) else { return };
        for order in self.orders.inquiries.of(id) {
            let rests =
                self.find_order(&order).is_some_and(|(_, index)| self.orders.get(index).is_at_venue());
            let listings = &account.listings;
            if rests && !listings.missing.contains(&order) && !listings.fresh.contains_key(&order) {
                self.orders.inquiries.seen(&order, at);
            }
        }
    }

    /// A list is as old as may be: where none came since, rules act by themselves.
    pub(super) fn on_stale_due(&mut self, step: &mut Step<'_>, id: AccountId) {
        let Some(account) = self.accounts.get_mut(id).filter(|account| account.is_listed()) else { return };
        let since = account.listings.last;
        let until = since.map_or(Timestamp::MIN, |last| last.after(FRESH_FOR));
        let is_fresh = step.now < until;
        let is_told = account.listings.is_stale && since.is_some();
        let next = if is_fresh { until } else { step.now.after(FRESH_FOR) };
        self.timers.insert((next, TimerFor::Stale(id)));
        // A list of nothing leaves no trace: it may have come all the same.
        if is_fresh || is_told || (since.is_some() && !self.any_at_venue(id)) {
            return;
        }
        let held = self.lives_of(id);
        let relies = |&slot: &Slot| {
            let position = &self.engine.positions[slot as usize];
            position.is_held() && self.engine.standing.any_deferred(position.episode)
        };
        if since.is_none() && !held.iter().any(relies) {
            return;
        }
        for &slot in &held {
            self.report_quiet(step, self.engine.positions[slot as usize].episode.key.instrument);
        }
        step.begin_anywhere();
        if let Some(account) = self.accounts.get_mut(id) {
            account.listings.is_stale = true;
        }
        step.write(Record::OrdersStale { account: id, since });
        for slot in held {
            self.look_again(step, slot);
        }
    }

    /// Rules that left their exit to a stop that is not relied on any more look again.
    fn look_again(&mut self, step: &mut Step<'_>, slot: Slot) {
        let position = &self.engine.positions[slot as usize];
        let episode = position.episode;
        if position.is_held() && self.engine.standing.any_deferred(episode) {
            self.serve(step, slot, Probe::TICK, None);
            self.refresh(episode);
        }
    }

    /// The positions of an account of which orders may rest: lives that are over come first.
    pub(super) fn with_orders(&self, id: AccountId) -> Vec<Slot> {
        let of = self.engine.buckets.iter().filter(|(key, _)| key.account == id);
        of.flat_map(|(key, lives)| self.engine.before_newest(key).chain(lives.slot())).collect()
    }

    fn any_at_venue(&self, id: AccountId) -> bool {
        self.with_orders(id).into_iter().any(|slot| {
            let first = self.engine.positions[slot as usize].first_order;
            self.orders.list(first).any(|(_, order)| order.is_at_venue())
        })
    }

    fn compare_orders(&self, account: AccountId, orders: &[OpenOrder], at: Timestamp) -> News {
        let mut listed: BTreeMap<OrderId, OpenOrder> = BTreeMap::new();
        let mut foreign: BTreeMap<ForeignId, Qty> = BTreeMap::new();
        for order in orders {
            match order.whose {
                Whose::Ours(id) => {
                    listed.insert(id, *order);
                }
                Whose::Foreign(id) => {
                    foreign.insert(id, Qty(order.qty.0 - order.filled.0));
                }
            }
        }
        let mut news = News::default();
        for slot in self.with_orders(account) {
            let position = &self.engine.positions[slot as usize];
            for (_, order) in self.orders.list(position.first_order) {
                let id = order.named(position.episode).id;
                let there = listed.remove(&id);
                // A stop that was left behind by a life that is over waits for the next one.
                if !position.is_held() && there.is_some() && order.life().cancel == CancelState::None {
                    news.strays.push(id);
                } else {
                    self.compare_order(&id, order, there, at, &mut news);
                }
            }
        }
        // Of an id that we do not know nothing lives here any more.
        news.strays.extend(listed.into_keys());
        let Some(account) = self.accounts.get(account) else { return news };
        let is_ours = |id: &OrderId| !account.is_recovering && !account.released.contains(&id.episode.key);
        let is_missing = |id: &OrderId| account.listings.missing.contains(id) || news.missing.contains(id);
        let strays = news.strays.iter().filter(|id| is_ours(id) && self.serves_nobody(id, &is_missing));
        news.strays = strays.copied().collect();
        news.foreign = (foreign != account.listings.foreign).then_some(foreign);
        news
    }

    fn compare_order(
        &self,
        id: &OrderId,
        order: &Order,
        listed: Option<OpenOrder>,
        at: Timestamp,
        news: &mut News,
    ) {
        let Some(account) = self.accounts.get(id.episode.key.account) else { return };
        let listings = &account.listings;
        let life = order.life();
        let Some(listed) = listed else {
            let is_newer = !planted(105) && listings.fresh.get(id).is_some_and(|since| *since >= at);
            let is_asked = self.orders.inquiries.is_open(id);
            match listings.missing.contains(id) {
                _ if !order.is_at_venue() || is_newer => {}
                false => news.missing.push(*id),
                // It was found meanwhile, and is not there again.
                true if !is_asked => news.behind.push(*id),
                true => {}
            }
            return;
        };
        if life.state.is_final() {
            if life.state != OrderState::Filled {
                news.strays.push(*id);
            }
            return;
        }
        let is_no_stop = order.protects() && listed.kind.trigger().is_none();
        if !order.is_at_venue() {
            if planted(108) {
                news.strays.push(*id);
                return;
            }
            news.found.push(*id);
        } else if listings.missing.contains(id) && !is_no_stop {
            news.back.push(*id);
        }
        if listed.filled > life.filled {
            news.behind.push(*id);
        }
        let is_edited = listed.qty != life.qty || (order.kind().rests() && listed.kind != order.kind());
        let is_known = is_no_stop && listings.missing.contains(id) && listed.qty == life.qty;
        if is_edited && !is_known && listed.qty >= life.filled {
            let left = Qty(listed.qty.0 - life.filled.0);
            news.edited.push((Edited { id: *id, left, kind: listed.kind }, listed));
        } else if order.is_at_venue() {
            news.any_as_known = true;
        }
    }

    /// Whether an order that rests under an id of ours protects nothing: a stop may be all that a position
    /// has, until one that we know is confirmed, and not missing itself.
    fn serves_nobody(&self, id: &OrderId, is_missing: &impl Fn(&OrderId) -> bool) -> bool {
        let Some(slot) = self.engine.living(id.episode.key) else { return !self.is_kept(id) };
        let position = &self.engine.positions[slot as usize];
        if self.locks(slot) && position.phase == Phase::Closing {
            // What it locks cannot be sold.
            return true;
        }
        let wants_stop = self.engine.terms(slot).plan.bracket.is_some();
        let orders = self.orders.list(position.first_order).map(|(_, order)| order);
        let mut stops = orders.filter(|order| order.protects() && order.is_confirmed());
        let is_covered = stops.any(|order| !is_missing(&order.named(position.episode).id));
        position.episode != id.episode || !wants_stop || is_covered
    }

    /// Whether an order is the stop that was left where a position was let go.
    fn is_kept(&self, id: &OrderId) -> bool {
        let order = self.find_order(id).filter(|&(slot, _)| self.keeps_stop(slot));
        order.is_some_and(|(_, index)| self.orders.get(index).is_left())
    }

    /// A list that brought something is written down, and acted upon.
    fn tell_list(&mut self, step: &mut Step<'_>, listing: &Listing, at: Timestamp, news: &News) {
        let account = listing.account;
        let held = self.lives_of(account);
        for &slot in &held {
            self.report_quiet(step, self.engine.positions[slot as usize].episode.key.instrument);
        }
        step.begin_anywhere();
        let told = OrdersListed {
            account,
            taken_at: listing.taken_at,
            missing: news.missing.clone(),
            back: news.back.clone(),
            edited: news.edited.iter().map(|(edited, _)| *edited).collect(),
            strays: news.strays.clone(),
            foreign: news.foreign.as_ref().map(|of| of.iter().map(|(&id, &qty)| (id, qty)).collect()),
        };
        step.write(Record::OrdersListed(Box::new(told)));
        if let Some(account) = self.accounts.get_mut(account) {
            account.listings.missing.extend(&news.missing);
            for id in &news.back {
                account.listings.missing.remove(id);
            }
            if let Some(foreign) = &news.foreign {
                account.listings.foreign.clone_from(foreign);
            }
        }
        let is_spot = self.accounts.get(account).is_some_and(|it| it.given.mode == AccountMode::Spot);
        if is_spot && news.foreign.is_some() {
            // Whether they lock our coins, or others beside them, a read says.
            self.ask_again(step, account);
        }
        self.seen(account, at);
        for id in &news.found {
            self.on_accepted(step, id);
        }
        for id in &news.back {
            self.was_there(step, id);
        }
        for id in news.missing.iter().chain(&news.behind) {
            self.inquire(step, *id);
        }
        for id in &news.missing {
            self.on_missing(step, id);
        }
        for (edited, order) in news.edited.iter().filter(|_| !planted(109)) {
            self.take_edit(step, &edited.id, order);
        }
        if !self.is_silent(account) && !planted(106) {
            step.out.actions.extend(news.strays.iter().copied().map(Action::Cancel));
        }
        for slot in held {
            let episode = self.engine.positions[slot as usize].episode;
            if planted(98) {
                self.cancel_foreign(step, episode.key);
            }
            if news.foreign.is_some() && self.locks(slot) && self.engine.slot(episode) == Some(slot) {
                self.send_waiting(step, slot);
                // Of a stop that is not there it is asked first what became of it.
                if !self.is_newest_missing(slot) {
                    self.protect(step, slot);
                }
            }
            if self.engine.slot(episode) == Some(slot) {
                self.look_again(step, slot);
                self.refresh(episode);
            }
        }
    }

    /// An order of ours is not there. A stop is put in its place at once, where the venue caps the two.
    fn on_missing(&mut self, step: &mut Step<'_>, id: &OrderId) {
        let Some((slot, index)) = self.find_order(id) else { return };
        let is_newest = self.is_newest_bracket(slot, index);
        if is_newest && self.engine.positions[slot as usize].is_held() && !self.locks(slot) && !planted(107) {
            self.count_loosened(id.episode);
            self.engine.standing.lacks(*id);
            let what = AlarmKind::ProtectionLost;
            self.note(step, id.episode.key.instrument, Record::Alarm { episode: id.episode, what });
            self.protect(step, slot);
        }
    }

    /// The venue was asked about an order that was missing, and has it.
    pub(super) fn found_again(&mut self, step: &mut Step<'_>, id: &OrderId) {
        let account = self.accounts.get_mut(id.episode.key.account);
        let was_missing = account.is_some_and(|account| account.listings.missing.remove(id));
        // What it said before an order ended may be heard behind its end.
        let lives = |(_, index)| !self.orders.get(index).life().state.is_final();
        if was_missing && self.find_order(id).is_some_and(lives) {
            self.note(step, id.episode.key.instrument, Record::OrderAccepted(*id));
            self.was_there(step, id);
        }
    }

    /// Whether an order was not there in the last list.
    pub(super) fn is_missing(&self, id: &OrderId) -> bool {
        let account = self.accounts.get(id.episode.key.account);
        account.is_some_and(|account| account.listings.missing.contains(id))
    }

    /// Somebody changed an order of ours: it is as the venue says.
    fn take_edit(&mut self, step: &mut Step<'_>, id: &OrderId, as_listed: &OpenOrder) {
        let Some((slot, index)) = self.find_order(id) else { return };
        let before = *self.orders.get(index);
        self.orders.get_mut(index).edit(as_listed.qty, as_listed.kind);
        if self.engine.positions[slot as usize].phase == Phase::Flat {
            self.vacate_when_quiet(slot);
            self.coins_came_free(step, id.episode.key);
            return;
        }
        if before.protects() && as_listed.kind.trigger().is_none() {
            // Whatever it is now, no stop of ours rests there.
            let account = self.accounts.get_mut(id.episode.key.account);
            account.map(|account| account.listings.missing.insert(*id));
        }
        self.judge_edit(step, id, &before, as_listed.kind);
    }

    /// An order is as somebody changed it: a stop that is nearer is taken over, one that is worse put right.
    pub(super) fn judge_edit(&mut self, step: &mut Step<'_>, id: &OrderId, before: &Order, kind: OrderKind) {
        let Some((slot, index)) = self.find_order(id) else { return };
        let qty = self.orders.get(index).life().qty;
        let position = &self.engine.positions[slot as usize];
        if !before.protects() || !position.is_held() {
            return;
        }
        let (side, stop) = (position.side(), price(position.stop));
        // A stop that another price triggers is another stop.
        match kind.trigger().filter(|trigger| trigger.on == before.triggers_on()).map(|trigger| trigger.at) {
            Some(to) if before.trigger != to && tighter(side, before.trigger, to) == to => {
                let tightens = stop.is_none_or(|stop| tighter(side, stop, to) == to && stop != to);
                if tightens {
                    self.move_stop(step, slot, to, StopOrigin::Moved);
                }
            }
            Some(to) if before.trigger == to && qty > before.life().qty => {}
            Some(_) | None => self.on_loosened(step, id.episode),
        }
        self.protect(step, slot);
        self.refresh(id.episode);
    }

    /// Somebody changed a stop for the worse.
    fn on_loosened(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        self.count_loosened(episode);
        let what = AlarmKind::ProtectionEdited;
        self.note(step, episode.key.instrument, Record::Alarm { episode, what });
    }

    /// It is put right so often, then left to whoever does it.
    pub(super) fn count_loosened(&mut self, episode: EpisodeId) {
        let is_left = self.engine.standing.count_loosened(episode) > PUT_RIGHT;
        self.leave_stops(episode, is_left);
    }

    /// A stop that a list lacked is there after all, or went on our word: nobody took it away.
    pub(super) fn was_there(&mut self, step: &mut Step<'_>, id: &OrderId) {
        let Some(slot) = self.engine.slot(id.episode) else { return };
        if self.was_not_taken(id) && self.engine.positions[slot as usize].phase == Phase::Open {
            self.protect(step, slot);
        }
    }

    /// Nobody took a stop away; whether a list that lacked it had counted as that.
    pub(super) fn was_not_taken(&mut self, id: &OrderId) -> bool {
        let Some(times) = self.engine.standing.uncount_lacked(id) else { return false };
        self.leave_stops(id.episode, times > PUT_RIGHT);
        true
    }

    /// A person spoke about a position's stop: it is ours again.
    pub(super) fn put_right_again(&mut self, episode: EpisodeId) {
        self.engine.standing.forget_loosened(episode);
        self.leave_stops(episode, false);
    }

    fn leave_stops(&mut self, episode: EpisodeId, is_left: bool) {
        let Some(slot) = self.engine.slot(episode) else { return };
        let first = self.engine.positions[slot as usize].first_order;
        let stops: Vec<u32> =
            self.orders.list(first).filter(|(_, order)| order.protects()).map(|(at, _)| at).collect();
        for at in stops {
            self.orders.get_mut(at).leave(is_left);
        }
    }

    /// An episode is over.
    pub(super) fn forget_listed(&mut self, episode: EpisodeId) {
        if let Some(account) = self.accounts.get_mut(episode.key.account) {
            account.forget(episode);
        }
    }
}
