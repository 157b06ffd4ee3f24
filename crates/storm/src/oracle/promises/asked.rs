//! What somebody asked for comes about, and nothing else does; and everything that is sold or has left bears the
//! reason for which it was decided.

use ripcord_core::account::ClosedBy;
use ripcord_core::event::{
    Added, Command, Concluded, Event, ExitDecided, Filled, LeftOutside, Opened, Record, VenueEvent,
};
use ripcord_core::id::{EpisodeId, PositionKey};
use ripcord_core::kill::KillLevel;
use ripcord_core::order::ExitOrder;
use ripcord_core::reason::{Reason, StopOrigin};
use ripcord_core::time::Timestamp;

use super::super::Oracle;
use super::super::reasons::rank;

/// What an answer is waited for to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Close,
    MoveStop,
    Signal,
}

impl Oracle<'_> {
    /// Somebody asks.
    pub(super) fn on_command(&mut self, command: &Command) {
        match command {
            Command::Panic(account) => self.promises.owed = Some((*account, true)),
            Command::Close { key, .. } => self.wait_for_answer(*key, Wish::Close),
            Command::MoveStop { key, .. } => self.wait_for_answer(*key, Wish::MoveStop),
            Command::Signal { key, .. } => self.wait_for_answer(*key, Wish::Signal),
            _ => {}
        }
    }

    fn wait_for_answer(&mut self, key: PositionKey, wish: Wish) {
        // What is being closed already is closed as it is.
        if self.living(key).is_some_and(|life| life.closing.is_none()) {
            self.promises.unanswered = Some((key, wish));
        }
    }

    /// A record may be what somebody waits for.
    pub(super) fn hear_answer(&mut self, now: Timestamp, record: &Record) {
        if let Some((key, wish)) = self.promises.unanswered {
            let is_answered = match record {
                Record::CommandRefused(_) => true,
                Record::ExitDecided(decided) => decided.episode.key == key && wish != Wish::MoveStop,
                Record::Signalled { episode, .. } => episode.key == key && wish == Wish::Signal,
                Record::StopMoved { episode, origin: StopOrigin::Moved, .. } => {
                    episode.key == key && wish == Wish::MoveStop
                }
                _ => false,
            };
            if is_answered {
                self.promises.unanswered = None;
            }
        }
        if let Record::Filled(filled) = record {
            self.check_sold_cause(now, filled);
        }
    }

    /// What was asked for in the step before has an answer, and what gave way gave way to something.
    pub(super) fn check_answered(&mut self, now: Timestamp) {
        if let Some((key, wish)) = self.promises.unanswered.take() {
            self.break_promise(now, key, "L3", &format!("{wish:?} was asked for, and there is no answer"));
        }
        if let Some((episode, reason)) = self.promises.overtaken.take() {
            let what = format!("an exit by {} gave way to nothing", reason.word());
            self.break_promise(now, episode.key, "L3", &what);
        }
    }

    /// Exits that somebody asks for were asked for, of that position and so much of it.
    pub(super) fn check_asked(&mut self, now: Timestamp, at: Timestamp, decided: &ExitDecided) {
        let (episode, reason) = (decided.episode, decided.reason);
        let account = episode.key.account;
        self.promises.causes.insert((episode, decided.exit), reason);
        if let Some((_, before)) = self.promises.overtaken.take_if(|(of, _)| *of == episode)
            && rank(before) < rank(reason)
            && !matches!(reason, Reason::Manual)
        {
            let what = format!("an exit by {} gives way to one by {}", before.word(), reason.word());
            self.break_promise(now, episode.key, "S5", &what);
        }
        let least = self.least(episode.key);
        let is_flattened = self.levels.get(&account) == Some(&KillLevel::Flatten);
        let promises = &self.promises;
        let is_asked = match reason {
            Reason::Manual => promises.is_command(|it| match it {
                // What would be left and could not be sold goes with it.
                Command::Close { key, qty } => {
                    *key == episode.key && qty.is_none_or(|qty| decided.qty.0 - qty.0 < least)
                }
                _ => false,
            }),
            Reason::PanicClose => {
                is_flattened || promises.is_command(|it| matches!(it, Command::Panic(of) if *of == account))
            }
            Reason::SignalExit => promises.signals.get(&episode).is_some_and(|until| *until >= at),
            _ => true,
        };
        if !is_asked {
            let what = format!("nobody asked for an exit of {} by {}", decided.qty.0, reason.word());
            self.break_promise(now, episode.key, "A1", &what);
        }
    }

    /// An exit is given up for a stronger one, or because somebody stopped its kind: no plan here has another cause.
    pub(super) fn check_concluded(&mut self, now: Timestamp, episode: EpisodeId, why: Concluded) {
        let Some((_, reason, _)) = self.lives.get(episode).and_then(|life| life.closing) else { return };
        let level = self.levels.get(&episode.key.account);
        let may = match why {
            Concluded::Overtaken => {
                self.promises.overtaken = Some((episode, reason));
                true
            }
            Concluded::Killed => {
                matches!(reason, Reason::SignalExit | Reason::TimeLimit)
                    && matches!(level, Some(KillLevel::NoChoice | KillLevel::ProtectOnly))
            }
            Concluded::PastWorst | Concluded::Expired => false,
        };
        if !may {
            let what = format!("an exit by {} is given up: {why:?}", reason.word());
            self.break_promise(now, episode.key, "L3", &what);
        }
    }

    /// An order bears the reason of the exit that it belongs to.
    pub(super) fn check_cause(&mut self, now: Timestamp, order: &ExitOrder) {
        let id = order.id;
        let is_stop = order.kind.trigger().is_some();
        let is_right = match self.promises.causes.get(&(id.episode, id.exit)) {
            Some(reason) if id.exit > 0 => *reason == order.reason,
            None if id.exit > 0 => false,
            _ if is_stop => matches!(
                order.reason,
                Reason::StopLoss
                    | Reason::TrailingStop
                    | Reason::SoftStop
                    | Reason::LossGuard
                    | Reason::HardStop
            ),
            _ => order.reason == Reason::TakeProfit && id.leg > 0,
        };
        if !is_right {
            let what = format!("an order of exit {} is sent by {}", id.exit, order.reason.word());
            self.break_promise(now, id.episode.key, "A1", &what);
        }
    }

    /// What is sold bears the reason and the level of its order.
    fn check_sold_cause(&mut self, now: Timestamp, filled: &Filled) {
        let Some(intent) = self.intents.get(&filled.id) else { return };
        let (order, key) = (intent.order, filled.id.episode.key);
        let is_edited = self.promises.edited.contains_key(&filled.id);
        if filled.reason != order.reason || (filled.trigger != order.trigger && !is_edited) {
            let what = format!(
                "what was ordered by {} at {} is sold by {} at {}",
                order.reason.word(),
                order.trigger.0,
                filled.reason.word(),
                filled.trigger.0
            );
            self.break_promise(now, key, "A1", &what);
        }
    }

    /// A life that was not found was opened by somebody, as it says.
    pub(super) fn check_opened(&mut self, now: Timestamp, opened: &Opened) {
        let key = opened.episode.key;
        let is_asked = self.promises.is_command(|it| match it {
            Command::Open(asked) => {
                (asked.key, asked.plan, asked.qty) == (key, opened.plan, opened.qty)
                    && asked.entry == opened.entry
            }
            _ => false,
        });
        if !is_asked {
            let what = format!("{} at {} is opened, and nobody said so", opened.qty.0, opened.entry.0);
            self.break_promise(now, key, "S12", &what);
        }
    }

    /// More of a life is what somebody said; whether somebody did.
    pub(super) fn check_addition(&mut self, now: Timestamp, added: &Added) -> bool {
        let key = added.episode.key;
        let Some(Event::Command(Command::Add(asked))) = &self.promises.input else { return false };
        if (asked.key, asked.qty, asked.price) != (key, added.qty, added.price) {
            let what = format!("{} is added at {}, and nobody said so", added.qty.0, added.price.0);
            self.break_promise(now, key, "S12", &what);
        }
        true
    }

    /// What left bears the reason that the venue told, or none where only a read shows it.
    pub(super) fn check_left_cause(&mut self, now: Timestamp, left: &LeftOutside) {
        let key = left.episode.key;
        let is_right = match &self.promises.input {
            Some(Event::Venue(VenueEvent::ClosedOutside(closed))) => {
                let reason = match closed.by {
                    ClosedBy::Hand => Reason::Manual,
                    ClosedBy::Liquidation => Reason::Liquidation,
                    ClosedBy::Adl => Reason::Adl,
                    ClosedBy::Settlement => Reason::Settlement,
                    ClosedBy::Unseen => Reason::Unknown,
                };
                closed.key == key && left.reason == reason && left.qty <= closed.qty
            }
            _ => matches!(left.reason, Reason::Unknown | Reason::Manual),
        };
        if !is_right {
            let what = format!("{} left by {}", left.qty.0, left.reason.word());
            self.break_promise(now, key, "A1", &what);
        }
    }
}
