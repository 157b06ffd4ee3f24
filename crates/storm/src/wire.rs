//! What is under way between the engine and the exchange: nothing arrives at once, some of it never.

use ripcord_core::event::{Action, Tick, VenueEvent};
use ripcord_core::time::{Span, Timestamp};

use crate::chance::Chance;
use crate::config::Config;
use crate::fault::FaultKind;
use crate::weather::Weather;

/// A message under way.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    /// To the exchange, and when it was signed.
    Request(Action, Timestamp),
    /// To the engine.
    Answer(VenueEvent),
    /// To the engine: a price.
    Price(ripcord_core::id::InstrumentId, Tick),
}

/// A request that was signed so long ago comes too late.
const RECEIVE_WINDOW: Span = Span::from_secs(5);

impl Message {
    const fn is_request(&self) -> bool {
        matches!(self, Self::Request(..))
    }
}

/// The wire.
#[derive(Debug)]
pub(crate) struct Wire {
    chance: Chance,
    latency_ms: (i64, i64),
    /// The next to arrive is the last; few are under way at a time.
    under_way: Vec<(Timestamp, Message)>,
}

impl Wire {
    pub(crate) fn new(config: &Config) -> Self {
        Self { chance: Chance::new(config.seed, 3), latency_ms: config.latency_ms, under_way: Vec::new() }
    }

    /// When the next message arrives.
    pub(crate) fn next_at(&self) -> Timestamp {
        self.under_way.last().map_or(Timestamp::NEVER, |(at, _)| *at)
    }

    /// The next message that has arrived.
    pub(crate) fn arrived(&mut self, now: Timestamp) -> Option<Message> {
        let (_, message) = self.under_way.pop_if(|(at, _)| *at <= now)?;
        Some(message)
    }

    /// A message arrives at a moment, whatever the weather, behind those of the same moment.
    pub(crate) fn put(&mut self, at: Timestamp, message: Message) {
        let place = self.under_way.partition_point(|(other, _)| *other > at);
        self.under_way.insert(place, (at, message));
    }

    /// What waited for one moment comes at an earlier one, in the same order.
    pub(crate) fn bring_forward(&mut self, from: Timestamp, to: Timestamp) {
        let waiting: Vec<(Timestamp, Message)> =
            self.under_way.extract_if(.., |(at, _)| *at == from).collect();
        // The next to arrive is the last.
        for (_, message) in waiting.into_iter().rev() {
            self.put(to, message);
        }
    }

    /// The engine sends what it signed at `signed`; from `now` on it is on its way.
    pub(crate) fn request(&mut self, signed: Timestamp, now: Timestamp, action: Action, weather: &Weather) {
        let mut at = self.after_latency(now);
        if weather.is(now, FaultKind::Outage) || weather.is(now, FaultKind::LoseRequests) {
            return;
        }
        if let Some(amount) = weather.amount(now, FaultKind::DelayRequests) {
            at = at.after(Span::from_millis(amount * 4));
        }
        // An exchange takes nothing that was signed long ago.
        if at.since(signed) <= RECEIVE_WINDOW {
            self.put(at, Message::Request(action, signed));
        }
    }

    /// The exchange says something.
    pub(crate) fn answer(&mut self, now: Timestamp, event: VenueEvent, weather: &Weather) {
        let mut at = self.after_latency(now);
        if weather.is(now, FaultKind::Outage) || weather.is(now, FaultKind::LoseAnswers) {
            return;
        }
        if let Some(amount) = weather.amount(now, FaultKind::DelayAnswers) {
            at = at.after(Span::from_millis(self.chance.within(0, amount * 6)));
        }
        if weather.is(now, FaultKind::DoubleAnswers) {
            let again = at.after(Span::from_millis(self.chance.within(0, 3_000)));
            self.put(again, Message::Answer(event.clone()));
        }
        self.put(at, Message::Answer(event));
    }

    /// Nobody is there to hear: what is on its way to the engine is lost.
    pub(crate) fn hang_up(&mut self) {
        self.under_way.retain(|(_, message)| message.is_request());
    }

    fn after_latency(&mut self, now: Timestamp) -> Timestamp {
        let (least, most) = self.latency_ms;
        now.after(Span::from_millis(self.chance.within(least, most)))
    }
}
