//! What came out of a line of a story, in its words.

use std::fmt::Write as _;

use ripcord_core::event::{
    Action, Added, AlarmKind, CommandRefused, Concluded, Entry, ExitDecided, Opened, OrderEnd, Record,
};
use ripcord_core::id::{AccountId, EpisodeId, PositionKey};
use ripcord_core::instrument::Side;
use ripcord_core::kill::KillLevel;
use ripcord_core::num::Price;
use ripcord_core::order::{ExitOrder, OrderKind};
use ripcord_core::reason::{Source, StopOrigin};
use ripcord_core::time::Timestamp;

use super::{Story, order_name, word};

impl Story {
    pub(super) fn told(&mut self) -> String {
        let mut parts = Vec::new();
        for Entry { record, .. } in &self.world.records[self.entries..] {
            if let Some(part) = self.record(record) {
                parts.push(part);
            }
        }
        let mut asked: Vec<(String, usize)> = Vec::new();
        for action in &self.world.actions[self.acts..] {
            let (what, id) = match action {
                Action::Submit(_) => continue,
                Action::ListOrders(_) => {
                    parts.push("ask for a list".to_owned());
                    continue;
                }
                Action::CancelForeign(_, id) => {
                    parts.push(format!("cancel the other's order {}", id.number));
                    continue;
                }
                Action::ReadPositions(_) => {
                    parts.push("ask for a read".to_owned());
                    continue;
                }
                Action::Cancel(id) => ("cancel", id),
                Action::Query(id) => ("ask for", id),
            };
            let part = format!("{}{what} {}", self.prefix(id.episode), order_name(*id));
            match asked.iter_mut().find(|(earlier, _)| *earlier == part) {
                Some((_, times)) => *times += 1,
                None => asked.push((part, 1)),
            }
        }
        parts.extend(asked.into_iter().map(|(part, times)| match times {
            1 => part,
            _ => format!("{part} ({times} times)"),
        }));
        self.entries = self.world.records.len();
        self.acts = self.world.actions.len();
        parts.join("; ")
    }

    fn record(&self, record: &Record) -> Option<String> {
        let (episode, text) = match record {
            Record::Observed(_) | Record::Input(_) | Record::OrderAccepted(_) => return None,
            Record::Opened(opened) => (opened.episode, self.opened(opened)),
            Record::Added(added) => (added.episode, self.added(added)),
            Record::PlanChanged { episode, .. } => (*episode, "replanned".to_owned()),
            Record::Signalled { episode, until } => (*episode, self.signal(*until)),
            Record::ExitConcluded { episode, exit, why } => {
                (*episode, format!("exit {exit} given up: {}", concluded_word(*why)))
            }
            Record::StopMoved { episode, from, to, origin } => {
                (*episode, self.stop_moved(*episode, *from, *to, *origin))
            }
            Record::TrailingActivated { episode, extreme, stop } => {
                let [extreme, stop] = [extreme, stop].map(|price| self.show_price(episode.key, *price));
                (*episode, format!("trailing from {extreme}, stop {stop}"))
            }
            Record::ExitDecided(decided) => (decided.episode, self.decided(decided)),
            Record::OrderIntended(order) => (order.id.episode, self.order(order)),
            Record::GateBlocked { id, why } => (id.episode, format!("gate: {why}")),
            Record::Filled(filled) => {
                let key = filled.id.episode.key;
                let [qty, remaining] = [filled.qty, filled.remaining].map(|qty| self.show_qty(key, qty));
                let price = self.show_price(key, filled.price);
                let by = match filled.source {
                    Source::ExchangeBracket => format!(" by the venue's {} stop", filled.reason.word()),
                    _ => String::new(),
                };
                (filled.id.episode, format!("fill {qty} at {price}, {remaining} left{by}"))
            }
            Record::OrderEnded { id, how } => (id.episode, format!("{} {}", order_name(*id), end_word(*how))),
            Record::Deferred { episode, .. } | Record::BracketTriggered { episode, .. } => {
                (*episode, self.bracket(record))
            }
            Record::FundingPaid { episode, .. } => (*episode, "funding".to_owned()),
            Record::KillLevel { level, .. } => {
                return Some(level.map_or("released", KillLevel::word).to_owned());
            }
            Record::Closed { episode } => (*episode, "closed".to_owned()),
            Record::BarClosed(bar) => {
                let key = PositionKey { account: AccountId(0), instrument: bar.instrument, side: Side::Long };
                let [high, low, close] =
                    [bar.high, bar.low, bar.close].map(|price| self.show_price(key, price));
                return Some(format!("bar {high} {low} {close}"));
            }
            Record::CommandRefused(refused) => return Some(refused_word(*refused).to_owned()),
            Record::Alarm { episode, what } => (*episode, format!("ALARM {}", alarm_word(*what))),
            Record::Suspected { .. }
            | Record::Confirmed { .. }
            | Record::Contradicted { .. }
            | Record::PriceDoubted(_)
            | Record::PricesStale { .. }
            | Record::PricesBack { .. }
            | Record::Jump(_)
            | Record::Diverged { .. }
            | Record::Converged { .. } => return Some(self.of_prices(record)),
            Record::Managed(_)
            | Record::ReadFailed { .. }
            | Record::Reconciled(_)
            | Record::Adopted(_)
            | Record::LeftOutside(_)
            | Record::Released { .. }
            | Record::HandedOver(_)
            | Record::OrdersListed(_)
            | Record::Returned(_)
            | Record::OrdersStale { .. }
            | Record::OrdersPaced { .. } => return self.past_us_record(record),
        };
        Some(format!("{}{text}", self.prefix(episode)))
    }

    fn signal(&self, until: Timestamp) -> String {
        format!("signal stands {} s", (until.0 - self.world.now.0) / 1_000_000_000)
    }

    fn stop_moved(&self, episode: EpisodeId, from: Option<Price>, to: Price, origin: StopOrigin) -> String {
        let from = from.map_or_else(|| "none".to_owned(), |from| self.show_price(episode.key, from));
        format!("stop {from} -> {} {}", self.show_price(episode.key, to), word(&origin))
    }

    fn added(&self, added: &Added) -> String {
        let key = added.episode.key;
        let [qty, open] = [added.qty, added.open].map(|qty| self.show_qty(key, qty));
        let [price, entry] = [added.price, added.entry].map(|price| self.show_price(key, price));
        format!("added {qty} at {price}, {open} held at {entry}")
    }

    fn bracket(&self, record: &Record) -> String {
        match record {
            Record::Deferred { episode, reason, bracket, .. } => {
                format!("{} left to the stop at {}", reason.word(), self.show_price(episode.key, *bracket))
            }
            Record::BracketTriggered { episode, trigger, .. } => {
                format!("the stop at {} is triggered", self.show_price(episode.key, *trigger))
            }
            _ => String::new(),
        }
    }

    fn opened(&self, opened: &Opened) -> String {
        let key = opened.episode.key;
        let stop =
            opened.stop.map_or_else(String::new, |stop| format!(" stop {}", self.show_price(key, stop)));
        let life = if opened.episode.generation > 1 {
            format!(" life {}", opened.episode.generation)
        } else {
            String::new()
        };
        let (qty, entry) = (self.show_qty(key, opened.qty), self.show_price(key, opened.entry));
        format!("opened {qty} at {entry}{stop}{life}")
    }

    fn decided(&self, decided: &ExitDecided) -> String {
        let key = decided.episode.key;
        let mut text = format!("exit {} {}", self.show_qty(key, decided.qty), decided.reason.word());
        if decided.leg > 0 {
            write!(text, " {}", decided.leg).expect("text");
        }
        if let Some(origin) = decided.origin {
            write!(text, " {}", word(&origin)).expect("text");
        }
        write!(text, " {} at {}", decided.exit_type.word(), self.show_price(key, decided.trigger))
            .expect("text");
        let others: Vec<String> = decided
            .held
            .iter()
            .filter(|held| (held.reason, held.leg) != (decided.reason, decided.leg))
            .map(|held| {
                if held.leg > 0 {
                    format!("{} {}", held.reason.word(), held.leg)
                } else {
                    held.reason.word().to_owned()
                }
            })
            .collect();
        if !others.is_empty() {
            write!(text, " (also {})", others.join(", ")).expect("text");
        }
        text
    }

    fn order(&self, order: &ExitOrder) -> String {
        let key = order.id.episode.key;
        let verb = if key.side == Side::Long { "sell" } else { "buy" };
        let how = match order.kind {
            OrderKind::Market => "market".to_owned(),
            OrderKind::MarketableLimit(limit) => format!("limit {}", self.show_price(key, limit)),
            OrderKind::RestingLimit(limit) => {
                format!("leg {} rests at {}", order.id.leg, self.show_price(key, limit))
            }
            OrderKind::ImmediateLimit(limit) => format!("limit {} at once", self.show_price(key, limit)),
            OrderKind::Stop(trigger) => format!("stop {}", self.show_price(key, trigger)),
            OrderKind::MarkStop(trigger) => format!("stop {} on mark", self.show_price(key, trigger)),
        };
        let slice = if order.id.slice > 0 && order.id.exit > 0 {
            format!(" slice {}", order.id.slice + 1)
        } else {
            String::new()
        };
        let again =
            if order.id.attempt > 0 { format!(" try {}", order.id.attempt + 1) } else { String::new() };
        format!("{verb} {} {how}{slice}{again}", self.show_qty(key, order.qty))
    }
}

const fn concluded_word(why: Concluded) -> &'static str {
    match why {
        Concluded::PastWorst => "past the worst price",
        Concluded::Expired => "out of time",
        Concluded::Overtaken => "overtaken",
        Concluded::Killed => "stopped",
    }
}

const fn end_word(how: OrderEnd) -> &'static str {
    match how {
        OrderEnd::Refused => "refused",
        OrderEnd::Expired => "expired",
        OrderEnd::Cancelled => "cancelled",
        OrderEnd::Unknown => "unknown",
        OrderEnd::NotFound => "not found",
    }
}

const fn refused_word(refused: CommandRefused) -> &'static str {
    match refused {
        CommandRefused::AlreadyOpen(_) => "no: already open",
        CommandRefused::NotOpen(_) => "no: not open",
        CommandRefused::UnknownInstrument(_) => "no: unknown instrument",
        CommandRefused::UnknownPlan(_) => "no: unknown plan",
        CommandRefused::NotPositive(_) => "no: not positive",
        CommandRefused::LoosensStop(_) => "no: loosens the stop",
        CommandRefused::StopThroughMarket(_) => "no: through the market",
        CommandRefused::TooLarge(_) => "no: too large",
        CommandRefused::NoSignalRule(_) => "no: no signal exit",
        CommandRefused::StaleSignal(_) => "no: stale",
        CommandRefused::Killed(_) => "no: stopped",
        CommandRefused::NotConfirmed(_) => "no: not confirmed",
        CommandRefused::BelowMinimum(_) => "no: below the minimum",
        CommandRefused::Unmanageable(_) => "no: cannot be meant",
        CommandRefused::StrongerLevel(_) => "no: a stronger level holds",
        CommandRefused::Released(_) => "no: it was let go",
    }
}

const fn alarm_word(what: AlarmKind) -> &'static str {
    match what {
        AlarmKind::ExitRefused => "exit refused",
        AlarmKind::ExitUnknown => "exit unknown",
        AlarmKind::AtrMissing => "no ATR yet",
        AlarmKind::NoProtection => "no protection",
        AlarmKind::ProtectionRefused => "protection refused",
        AlarmKind::ProtectionLost => "protection lost",
        AlarmKind::Dust => "dust",
        AlarmKind::FillNotExpected => "fill not expected",
        AlarmKind::OrderCollision => "order collision",
        AlarmKind::CoinsLocked => "coins locked",
        AlarmKind::PricesStale => "prices stale",
        AlarmKind::PriceDoubted => "price doubted",
        AlarmKind::StopTightened => "stop tightened",
        AlarmKind::ClosedByVenue => "closed by the venue",
        AlarmKind::ClosedUnseen => "closed, unseen how",
        AlarmKind::ProtectionEdited => "protection edited",
        AlarmKind::ExitHangs => "exit hangs",
        AlarmKind::OtherLeverage => "other leverage",
    }
}
