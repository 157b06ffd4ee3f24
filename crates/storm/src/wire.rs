//! What is under way between the engine and the exchange: nothing arrives at once, some of it never.

use ripcord_core::event::{Action, Tick, VenueEvent};
use ripcord_core::id::{AccountId, PositionKey};
use ripcord_core::instrument::Side;
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
    seed: u64,
    latency_ms: (i64, i64),
    /// Messages of this moment, by what they are about.
    drawn: (Timestamp, Vec<(u64, u64)>),
    /// The next to arrive is the last; few are under way at a time.
    under_way: Vec<(Timestamp, Message)>,
}

impl Wire {
    pub(crate) fn new(config: &Config) -> Self {
        let drawn = (Timestamp::MIN, Vec::new());
        Self { seed: config.seed, latency_ms: config.latency_ms, drawn, under_way: Vec::new() }
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
        let mut chance = self.chance_of(now, about_request(&action));
        let mut at = self.after_latency(now, &mut chance);
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
        let mut chance = self.chance_of(now, about_answer(&event));
        let mut at = self.after_latency(now, &mut chance);
        if weather.is(now, FaultKind::Outage) || weather.is(now, FaultKind::LoseAnswers) {
            return;
        }
        if let Some(amount) = weather.amount(now, FaultKind::DelayAnswers) {
            at = at.after(Span::from_millis(chance.within(0, amount * 6)));
        }
        if weather.is(now, FaultKind::DoubleAnswers) {
            let again = at.after(Span::from_millis(chance.within(0, 3_000)));
            self.put(again, Message::Answer(event.clone()));
        }
        self.put(at, Message::Answer(event));
    }

    /// Nobody is there to hear: what is on its way to the engine is lost.
    pub(crate) fn hang_up(&mut self) {
        self.under_way.retain(|(_, message)| message.is_request());
    }

    fn after_latency(&self, now: Timestamp, chance: &mut Chance) -> Timestamp {
        let (least, most) = self.latency_ms;
        now.after(Span::from_millis(chance.within(least, most)))
    }

    /// What becomes of a message follows from what it is about and from when it is said: what happens elsewhere, or
    /// happened before, does not move it. So a world stays the same where something is left out of it.
    fn chance_of(&mut self, now: Timestamp, about: u64) -> Chance {
        if self.drawn.0 != now {
            self.drawn = (now, Vec::new());
        }
        let drawn = &mut self.drawn.1;
        let place = drawn.iter().position(|(of, _)| *of == about).unwrap_or_else(|| {
            drawn.push((about, 0));
            drawn.len() - 1
        });
        drawn[place].1 += 1;
        Chance::new(self.seed, 3).and(about).and(now.0.cast_unsigned()).and(drawn[place].1)
    }
}

fn about_bucket(key: PositionKey) -> u64 {
    let side = u64::from(key.side == Side::Short);
    (u64::from(key.account.0) << 33) | (u64::from(key.instrument.0) << 1) | side
}

fn about_account(account: AccountId) -> u64 {
    (1 << 63) | u64::from(account.0)
}

fn about_request(action: &Action) -> u64 {
    match action {
        Action::Submit(approved) => about_bucket(approved.order().id.episode.key),
        Action::Cancel(id) | Action::Query(id) => about_bucket(id.episode.key),
        Action::ReadPositions(account) | Action::ListOrders(account) | Action::CancelForeign(account, _) => {
            about_account(*account)
        }
    }
}

fn about_answer(event: &VenueEvent) -> u64 {
    let id = match event {
        VenueEvent::Accepted(id)
        | VenueEvent::Refused(id, _)
        | VenueEvent::Cancelled(id)
        | VenueEvent::Expired(id)
        | VenueEvent::CancelRefused(id)
        | VenueEvent::Silence(id)
        | VenueEvent::NotFound(id)
        | VenueEvent::Triggered(id) => id,
        VenueEvent::Filled(fill) => &fill.id,
        VenueEvent::Found(found) => &found.id,
        VenueEvent::Absent(absence) => &absence.id,
        VenueEvent::FundingPaid(key, _) | VenueEvent::LiquidationAt(key, _) => return about_bucket(*key),
        VenueEvent::ClosedOutside(closed) => return about_bucket(closed.key),
        VenueEvent::Read(reading) => return about_account(reading.account),
        VenueEvent::Listed(listing) => return about_account(listing.account),
    };
    about_bucket(id.episode.key)
}
