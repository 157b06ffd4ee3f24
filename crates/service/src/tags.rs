//! Records become log lines, here and nowhere else.
//!
//! The words, their order and their fields are a vocabulary that runbooks and scripts depend on:
//! docs/log-tags.md describes each. A record may give no line (a quiet price), one, or several (a
//! fill says what traded, why, and what is left).

use std::collections::BTreeMap;

use ripcord_core::event::{
    Added, AlarmKind, CommandRefused, Concluded, Entry, Filled, Opened, OrderEnd, Record,
};
use ripcord_core::gate::Blocked;
use ripcord_core::id::{AccountId, EpisodeId, OrderId, PlanId};
use ripcord_core::kill::KillLevel;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::{ExitOrder, OrderKind};
use ripcord_core::reason::{Reason, StopOrigin};
use ripcord_core::time::Timestamp;
use ripcord_report::alarm;
use serde::{Deserialize, Serialize};

use crate::line::{Line, Tag, Tone};
use crate::names::{Names, close_side, money_exact, money_text, rfc3339, side_text};
use crate::tally::{ClosedTrade, Tally, net_of};

mod decided;
mod prices;
mod reconcile;
mod refused;

pub(crate) use refused::refusal;

/// What the words of an order need to be remembered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct OrderNote {
    qty: Qty,
    filled: Qty,
    kind: OrderKind,
    reason: Reason,
}

/// What the words of an episode need to be remembered for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct EpisodeNote {
    /// Legs concluded; bit n is leg n + 1.
    legs_done: u8,
    /// Legs that the newest take-profit exit stands for.
    legs_hit: u8,
    /// The price at which the newest exit was decided.
    seen: Option<Price>,
    orders: BTreeMap<OrderId, OrderNote>,
}

/// The version of a [`Memory`], and of what is kept beside it, as bytes; raised with every change of its
/// fields, or of what they mean.
pub const MEMORY_VERSION: u16 = 4;

/// What a narrator remembers of the records it read: it goes on from here without reading them again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    tally: Tally,
    episodes: BTreeMap<EpisodeId, EpisodeNote>,
}

/// Reads the records of a desk and tells them.
#[derive(Debug)]
pub struct Narrator {
    names: Names,
    tally: Tally,
    episodes: BTreeMap<EpisodeId, EpisodeNote>,
    /// When the run began that it tells of.
    began: Option<Timestamp>,
}

impl Narrator {
    /// A narrator that knows these names.
    #[must_use]
    pub fn new(names: Names) -> Self {
        Self { names, tally: Tally::default(), episodes: BTreeMap::new(), began: None }
    }

    /// A narrator that goes on from what another one remembered.
    #[must_use]
    pub fn going_on(names: Names, memory: Memory) -> Self {
        Self { names, tally: memory.tally, episodes: memory.episodes, began: None }
    }

    /// The run begins at this time: first reads are told with how long they took since then.
    pub const fn begin(&mut self, at: Timestamp) {
        self.began = Some(at);
    }

    /// What it remembers.
    #[must_use]
    pub fn memory(&self) -> Memory {
        Memory { tally: self.tally.clone(), episodes: self.episodes.clone() }
    }

    /// The names it knows.
    #[must_use]
    pub const fn names(&self) -> &Names {
        &self.names
    }

    /// What the exits were worth so far.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Tells one record. A trade that it closes is handed out.
    pub fn read(&mut self, entry: &Entry, lines: &mut Vec<Line>) -> Option<ClosedTrade> {
        let at = entry.at;
        let per_unit = self.money_per_unit(&entry.record);
        let closed = self.tally.take(entry, per_unit);
        match &entry.record {
            Record::Observed(_)
            | Record::Input(_)
            | Record::BarClosed(_)
            | Record::OrderAccepted(_)
            | Record::Managed(_) => {}
            Record::Opened(opened) => lines.push(self.opened(at, opened)),
            Record::Added(added) => lines.push(self.added(at, added)),
            Record::PlanChanged { episode, from, to } => {
                lines.push(self.plan_changed(at, *episode, *from, *to));
            }
            Record::Signalled { episode, until } => lines.push(self.signalled(at, *episode, *until)),
            Record::Deferred { episode, reason, bracket, .. } => {
                lines.push(self.deferred(at, *episode, *reason, *bracket));
            }
            Record::BracketTriggered { episode, trigger, price } => {
                lines.push(self.bracket_triggered(at, *episode, *trigger, *price));
            }
            Record::ExitConcluded { episode, exit, why } => {
                lines.push(self.concluded(at, *episode, *exit, *why));
            }
            Record::KillLevel { account, level } => lines.push(kill_level(at, *account, *level)),
            Record::StopMoved { episode, from, to, origin } => {
                lines.push(self.stop_moved(at, *episode, *from, *to, *origin));
            }
            Record::TrailingActivated { episode, extreme, stop } => {
                lines.push(self.trailing_activated(at, *episode, *extreme, *stop));
            }
            Record::ExitDecided(decided) => lines.push(self.decided(at, decided)),
            Record::OrderIntended(order) => lines.push(self.sent(at, order)),
            Record::GateBlocked { id, why } => {
                lines.push(self.kept_back(at, *id, *why));
            }
            Record::Filled(filled) => self.filled(at, filled, per_unit, lines),
            Record::OrderEnded { id, how } => lines.push(self.ended(at, *id, *how)),
            Record::FundingPaid { episode, amount } => {
                lines.push(self.funding(at, *episode, **amount));
            }
            Record::Closed { episode } => {
                lines.extend(closed.map(|closed| self.closed(at, &closed)));
                self.episodes.remove(episode);
            }
            Record::CommandRefused(refused) => lines.push(self.refused(at, *refused)),
            Record::Alarm { episode, what } => lines.push(self.alarm(at, *episode, *what)),
            Record::Suspected { .. }
            | Record::Confirmed { .. }
            | Record::Contradicted { .. }
            | Record::PriceDoubted(_)
            | Record::PricesStale { .. }
            | Record::PricesBack { .. }
            | Record::Jump(_)
            | Record::Diverged { .. }
            | Record::Converged { .. } => lines.extend(self.prices(at, &entry.record)),
            Record::ReadFailed { .. }
            | Record::Reconciled(_)
            | Record::Adopted(_)
            | Record::LeftOutside(_)
            | Record::Released { .. }
            | Record::HandedOver(_)
            | Record::OrdersListed(_)
            | Record::Returned(_)
            | Record::OrdersStale { .. }
            | Record::OrdersPaced { .. } => self.past_us(at, &entry.record, per_unit, lines),
        }
        closed
    }

    fn alarm(&self, at: Timestamp, episode: EpisodeId, what: AlarmKind) -> Line {
        let text = format!("{} | id={}", alarm::words(what), self.names.episode(episode));
        self.line(Tag::Alarm, at, episode, &text).with("what", alarm::code(what))
    }

    fn plan_changed(&self, at: Timestamp, episode: EpisodeId, from: PlanId, to: PlanId) -> Line {
        let [from, to] = [from, to].map(|plan| self.names.plan(plan).to_owned());
        let text = format!("plan {from} -> {to} | id={}", self.names.episode(episode));
        let line = self.line(Tag::PositionChanged, at, episode, &text);
        line.with("from_plan", from).with("to_plan", to)
    }

    fn signalled(&self, at: Timestamp, episode: EpisodeId, until: Timestamp) -> Line {
        let until = rfc3339(until);
        let text = format!("exit signal stands until {until} | id={}", self.names.episode(episode));
        self.line(Tag::ExitSignal, at, episode, &text).with("until", until)
    }

    fn kept_back(&self, at: Timestamp, id: OrderId, why: Blocked) -> Line {
        let text = format!("order kept back: {why} | order_id={}", self.names.order(id));
        self.order_line(Tag::ExitGuard, at, id, text).with("why", why.to_string())
    }

    fn funding(&self, at: Timestamp, episode: EpisodeId, amount: Money) -> Line {
        let received = Money(0_i128.saturating_sub(amount.0));
        let text = format!("funding {} | id={}", money_text(received), self.names.episode(episode));
        self.line(Tag::Funding, at, episode, &text).with("paid", money_exact(amount))
    }

    /// A line about an episode: its words begin with symbol and side.
    fn line(&self, tag: Tag, at: Timestamp, episode: EpisodeId, text: &str) -> Line {
        let symbol = self.names.symbol(episode);
        let side = episode.key.side;
        Line::new(tag, at, format!("{symbol} {}: {text}", side_text(side)))
            .with("symbol", symbol)
            .with("side", side.word())
            .with("episode", self.names.episode(episode))
    }

    /// A line about an order, in words of its own.
    fn order_line(&self, tag: Tag, at: Timestamp, id: OrderId, text: String) -> Line {
        let line = self.line(tag, at, id.episode, "").with("order_id", self.names.order(id));
        Line { text, ..line }
    }

    fn added(&self, at: Timestamp, added: &Added) -> Line {
        let (episode, names) = (added.episode, &self.names);
        let [qty, open] = [added.qty, added.open].map(|qty| names.qty(episode, qty));
        let [price, entry] = [added.price, added.entry].map(|price| names.price(episode, price));
        let id = names.episode(episode);
        let text = format!("added {qty} @ {price} | size={open} | entry={entry} | id={id}");
        self.line(Tag::PositionChanged, at, episode, &text)
            .with("qty", qty)
            .with("price", price)
            .with("size", open)
            .with("entry", entry)
    }

    fn opened(&mut self, at: Timestamp, opened: &Opened) -> Line {
        let episode = opened.episode;
        self.episodes.insert(episode, EpisodeNote::default());
        let names = &self.names;
        let (qty, entry) = (names.qty(episode, opened.qty), names.price(episode, opened.entry));
        let stop = opened.stop.map(|stop| names.price(episode, stop));
        let plan = names.plan(opened.plan);
        let shown = stop.as_deref().unwrap_or("none");
        let text = format!("{qty} @ {entry} | stop={shown} | plan={plan} | id={}", names.episode(episode));
        self.line(Tag::PositionOpened, at, episode, &text)
            .with("qty", qty)
            .with("entry", entry)
            .with("stop", stop)
            .with("plan", plan)
    }

    fn stop_moved(
        &self,
        at: Timestamp,
        episode: EpisodeId,
        from: Option<Price>,
        to: Price,
        origin: StopOrigin,
    ) -> Line {
        let old = from.map(|from| self.names.price(episode, from));
        let new = self.names.price(episode, to);
        let arrow = format!("{} -> {new}", old.as_deref().unwrap_or("none"));
        let hits = self.hits(episode);
        let id = self.names.episode(episode);
        let (tag, text) = match origin {
            StopOrigin::Ratchet => {
                let why = match hits {
                    0 | 1 => "breakeven after TP1".to_owned(),
                    hits => format!("TP{} price after TP{hits} hit", hits - 1),
                };
                (Tag::ExitRatchetSl, format!("SL ratcheted {arrow} - {why} (tp_hits={hits}) | id={id}"))
            }
            StopOrigin::TrailingStep => (Tag::ExitTrailing, format!("trailing stop moved {arrow} | id={id}")),
            StopOrigin::Initial | StopOrigin::RiskFloor | StopOrigin::Liquidation | StopOrigin::Moved => {
                (Tag::ExitSlMoved, format!("SL moved {arrow} - {} | id={id}", origin_word(origin)))
            }
        };
        self.line(tag, at, episode, &text)
            .with("from", old)
            .with("to", new)
            .with("origin", origin_word(origin))
            .with("tp_hits_count", hits)
    }

    fn trailing_activated(&self, at: Timestamp, episode: EpisodeId, extreme: Price, stop: Price) -> Line {
        let (extreme, stop) = (self.names.price(episode, extreme), self.names.price(episode, stop));
        let id = self.names.episode(episode);
        let text = format!("trailing stop active at {stop}, behind {extreme} | id={id}");
        self.line(Tag::ExitTrailing, at, episode, &text).with("extreme", extreme).with("stop", stop)
    }

    fn concluded(&self, at: Timestamp, episode: EpisodeId, exit: u16, why: Concluded) -> Line {
        let why = match why {
            Concluded::PastWorst => "past_worst",
            Concluded::Expired => "expired",
            Concluded::Overtaken => "overtaken",
            Concluded::Killed => "killed",
        };
        let id = self.names.episode(episode);
        let text = format!("exit {exit} given up: {why}; the rules hold again | id={id}");
        self.line(Tag::ExitConcluded, at, episode, &text).with("exit", exit).with("why", why)
    }

    fn deferred(&self, at: Timestamp, episode: EpisodeId, reason: Reason, bracket: Price) -> Line {
        let (reason, bracket) = (reason.word(), self.names.price(episode, bracket));
        let id = self.names.episode(episode);
        let text = format!("{reason} left to the stop at the venue @ {bracket} | id={id}");
        self.line(Tag::ExitDeferred, at, episode, &text).with("reason", reason).with("bracket", bracket)
    }

    fn bracket_triggered(&self, at: Timestamp, episode: EpisodeId, trigger: Price, price: Price) -> Line {
        let [trigger, price] = [trigger, price].map(|level| self.names.price(episode, level));
        let id = self.names.episode(episode);
        let text = format!("the stop at the venue ({trigger}) is triggered @ {price} | id={id}");
        self.line(Tag::BracketTriggered, at, episode, &text).with("trigger", trigger).with("price", price)
    }

    fn sent(&mut self, at: Timestamp, order: &ExitOrder) -> Line {
        let episode = order.id.episode;
        let note = self.episodes.entry(episode).or_default();
        let remembered = OrderNote { qty: order.qty, filled: Qty(0), kind: order.kind, reason: order.reason };
        note.orders.insert(order.id, remembered);
        let price = order.kind.price().unwrap_or_else(|| note.seen.unwrap_or(order.trigger));
        let names = &self.names;
        let (qty, price) = (names.qty(episode, order.qty), names.price(episode, price));
        let (side, reason) = (close_side(episode.key.side), order.reason.word());
        let (symbol, id, kind) = (names.symbol(episode), names.order(order.id), kind_word(order.kind));
        let text = format!(
            "{symbol} {side} close order | reason={reason} | qty={qty} | price={price} | type={kind} | order_id={id}"
        );
        self.order_line(Tag::ExitSent, at, order.id, text)
            .with("close_side", side)
            .with("reason", reason)
            .with("qty", qty)
            .with("price", price)
            .with("order_type", kind)
            .with("trigger", self.names.price(episode, order.trigger))
            .with("attempt", order.id.attempt)
    }

    fn filled(&mut self, at: Timestamp, filled: &Filled, per_unit: i128, lines: &mut Vec<Line>) {
        let episode = filled.id.episode;
        let note = self.episodes.entry(episode).or_default();
        let order = note.orders.get_mut(&filled.id);
        let rests = order.as_ref().is_some_and(|order| order.kind.rests());
        let complete = order.is_none_or(|order| {
            order.filled.0 += filled.qty.0;
            order.filled >= order.qty
        });
        let leg = filled.id.leg;
        if leg > 0 && complete {
            let merged = if filled.id.exit > 0 { note.legs_hit } else { 0 };
            note.legs_done |= merged | (1 << (leg - 1));
        }
        // A leg that rested at the venue was not decided here: its fill is the first we hear of it.
        if leg > 0 && rests && filled.id.exit == 0 {
            lines.push(self.tp_hit(at, episode, leg, filled.price, filled.trigger, filled.qty));
        }
        lines.push(self.executed(at, filled, per_unit));
        lines.push(self.source(at, filled));
        if filled.reason == Reason::TakeProfit {
            lines.push(self.tp_left(at, filled));
        }
    }

    fn executed(&self, at: Timestamp, filled: &Filled, per_unit: i128) -> Line {
        let (names, episode) = (&self.names, filled.id.episode);
        let what = label(filled.reason, filled.id.leg);
        let (symbol, side) = (names.symbol(episode), close_side(episode.key.side));
        let (qty, price) = (names.qty(episode, filled.qty), names.price(episode, filled.price));
        let (id, kind) = (names.order(filled.id), filled.exit_type.word());
        let net = net_of(filled, per_unit);
        let text = format!(
            "{what} {kind} {side} {symbol} {qty} executed @ {price} | net={} | order_id={id}",
            money_text(net)
        );
        self.order_line(Tag::ExitOrder, at, filled.id, text)
            .with("outcome", "executed")
            .with("reason", filled.reason.word())
            .with("source", filled.source.word())
            .with("order_type", kind)
            .with("close_side", side)
            .with("leg", (filled.id.leg > 0).then_some(filled.id.leg))
            .with("qty", qty)
            .with("price", price)
            .with("trigger", names.price(episode, filled.trigger))
            .with("fee", money_exact(filled.fee))
            .with("net", money_exact(net))
            .with("remaining_size", names.qty(episode, filled.remaining))
    }

    fn source(&self, at: Timestamp, filled: &Filled) -> Line {
        let (reason, source) = (filled.reason.word(), filled.source.word());
        let symbol = self.names.symbol(filled.id.episode);
        let kind = filled.exit_type.word();
        let text = format!("{symbol} | Reason: {reason} | Source: {source} | Order Type: {kind}");
        self.order_line(Tag::ExitSource, at, filled.id, text)
            .with("reason", reason)
            .with("source", source)
            .with("order_type", kind)
    }

    fn tp_left(&self, at: Timestamp, filled: &Filled) -> Line {
        let episode = filled.id.episode;
        let (left, hits) = (self.names.qty(episode, filled.remaining), self.hits(episode));
        let leg = filled.id.leg;
        let text = format!(
            "after TP{leg}: remaining_size={left}, tp_hits_count={hits} | id={}",
            self.names.episode(episode)
        );
        self.line(Tag::ExitTpTrigger, at, episode, &text)
            .with("leg", leg)
            .with("remaining_size", left)
            .with("tp_hits_count", hits)
    }

    fn ended(&self, at: Timestamp, id: OrderId, how: OrderEnd) -> Line {
        let order = self.episodes.get(&id.episode).and_then(|note| note.orders.get(&id));
        let what = order.map_or("order", |order| label(order.reason, id.leg));
        let (word, tone) = match how {
            OrderEnd::Refused => ("refused", Tone::Alarm),
            OrderEnd::Expired => ("expired", Tone::Dim),
            OrderEnd::Cancelled => ("cancelled", Tone::Dim),
            OrderEnd::Unknown => ("unknown: no answer", Tone::Alarm),
            OrderEnd::NotFound => ("not_found: the venue does not know it", Tone::Alarm),
        };
        let (symbol, order_id) = (self.names.symbol(id.episode), self.names.order(id));
        let text = format!("{what} of {symbol} {word} | order_id={order_id}");
        let outcome = word.split(':').next().unwrap_or(word);
        let line = self.order_line(Tag::ExitOrder, at, id, text).toned(tone).with("outcome", outcome);
        line.with("reason", order.map(|order| order.reason.word()))
    }

    fn closed(&self, at: Timestamp, closed: &ClosedTrade) -> Line {
        let (tone, net) = match closed.net {
            None => (Tone::Notice, format!("unknown (known: {})", money_text(closed.net_known))),
            Some(net) if net.0 < 0 => (Tone::Bad, money_text(net)),
            Some(net) => (Tone::Good, money_text(net)),
        };
        let reason = closed.reason.map_or("DUST", Reason::word);
        let ms = closed.lasted.0 / 1_000_000;
        let text = format!(
            "closed, mostly by {reason} | net={net} | held={}.{} s | id={}",
            ms / 1_000,
            ms % 1_000 / 100,
            self.names.episode(closed.episode)
        );
        self.line(Tag::PositionClosed, at, closed.episode, &text)
            .toned(tone)
            .with("reason", reason)
            .with("net", closed.net.map(money_exact))
            .with("net_known", money_exact(closed.net_known))
            .with("held_ms", ms)
    }

    fn refused(&self, at: Timestamp, refused: CommandRefused) -> Line {
        let (why, text) = refusal(&self.names, refused);
        Line::new(Tag::CommandRefused, at, text).with("why", why)
    }

    /// Ladder legs that were concluded.
    fn hits(&self, episode: EpisodeId) -> u32 {
        self.episodes.get(&episode).map_or(0, |note| note.legs_done.count_ones())
    }

    fn money_per_unit(&self, record: &Record) -> i128 {
        // Only what closes is worth money here.
        let instrument = match record {
            Record::Filled(filled) => filled.id.episode.key.instrument,
            Record::LeftOutside(left) => left.episode.key.instrument,
            _ => return 0,
        };
        self.names.instrument(instrument).money_per_unit()
    }
}

/// What an exit is called in front of its order.
fn label(reason: Reason, leg: u8) -> &'static str {
    match (reason, leg) {
        (Reason::TakeProfit, 1) => "TP1",
        (Reason::TakeProfit, 2) => "TP2",
        (Reason::TakeProfit, 3) => "TP3",
        (Reason::TakeProfit, 4) => "TP4",
        (Reason::TakeProfit, _) => "TAKE PROFIT",
        (Reason::PanicClose, _) => "PANIC CLOSE",
        (Reason::Manual, _) => "MANUAL CLOSE",
        (Reason::HardStop, _) => "HARD STOP",
        (Reason::LossGuard, _) => "LOSS GUARD",
        (Reason::StopLoss, _) => "STOP LOSS",
        (Reason::SoftStop, _) => "SOFT STOP",
        (Reason::TrailingStop, _) => "TRAILING STOP",
        (Reason::SignalExit, _) => "SIGNAL EXIT",
        (Reason::TimeLimit, _) => "TIME LIMIT",
        (Reason::ProtectionFailed, _) => "PROTECTION FAILED",
        (Reason::Liquidation, _) => "LIQUIDATION",
        (Reason::Adl, _) => "ADL",
        (Reason::Settlement, _) => "SETTLEMENT",
        (Reason::Unknown, _) => "UNKNOWN",
    }
}

/// An account's kill level, for people and programs.
fn kill_level(at: Timestamp, account: AccountId, level: Option<KillLevel>) -> Line {
    let word = level.map_or("released", KillLevel::word);
    let text = format!("account {}: {word}: {}", account.0, level_words(level));
    Line::new(Tag::KillLevel, at, text).with("account", account.0).with("level", word)
}

/// What a kill level leaves, for people.
#[must_use]
pub const fn level_words(level: Option<KillLevel>) -> &'static str {
    match level {
        None => "exits are decided and sent again",
        Some(KillLevel::NoChoice) => "no targets, signals or time limits; stops act",
        Some(KillLevel::ProtectOnly) => "protection and risk exits only",
        Some(KillLevel::Silent) => "nothing is sent; only what rests at the venue acts",
        Some(KillLevel::Flatten) => "everything is closed",
    }
}

/// The word for how an order meets the market.
pub(crate) const fn kind_word(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Market => "MARKET",
        OrderKind::MarketableLimit(_) => "LIMIT",
        OrderKind::RestingLimit(_) => "RESTING_LIMIT",
        OrderKind::Stop(_) => "STOP",
        OrderKind::ImmediateLimit(_) => "IMMEDIATE_LIMIT",
        OrderKind::MarkStop(_) => "MARK_STOP",
    }
}

/// The word for what set a stop.
#[must_use]
pub const fn origin_word(origin: StopOrigin) -> &'static str {
    match origin {
        StopOrigin::Initial => "initial",
        StopOrigin::Ratchet => "ratchet",
        StopOrigin::RiskFloor => "risk_floor",
        StopOrigin::Liquidation => "liquidation",
        StopOrigin::TrailingStep => "trailing_step",
        StopOrigin::Moved => "moved",
    }
}

#[cfg(test)]
mod tests;
