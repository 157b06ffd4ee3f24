//! Every exit has its cause: the level is the one that the plan means, and the price was told.

use ripcord_core::event::ExitDecided;
use ripcord_core::id::{OrderId, PositionKey};
use ripcord_core::instrument::Side;
use ripcord_core::kill::KillLevel;
use ripcord_core::order::{ExitOrder, OrderKind};
use ripcord_core::reason::Reason;
use ripcord_core::time::{Span, Timestamp};

use super::Oracle;
use super::life::{Life, is_looser};

/// A level may be off by so many ticks: what rounding is, is the plan's choice.
const TICKS: i64 = 2;
/// A decision looks at a price that was told within this, ..
const TOLD_WITHIN: Span = Span::from_secs(60);
/// .. or is one of so many last ones.
const TOLD_LAST: usize = 4;

impl Oracle<'_> {
    pub(super) fn on_exit(&mut self, now: Timestamp, at: Timestamp, decided: &ExitDecided) {
        let key = decided.episode.key;
        self.count(decided_word(decided.reason));
        if let Err(what) = self.judge(at, decided) {
            let what = format!("{} of {}: {what}", decided.reason.word(), decided.qty.0);
            self.fail(now, Some(key), "A1", &what);
        }
        let is_full = decided.leg == 0 && decided.qty.0 >= self.believed(key) / self.lot(key) * self.lot(key);
        let Some(life) = self.lives.get_mut(decided.episode) else { return };
        if !is_full {
            return;
        }
        let before = life.closing.replace((decided.exit, decided.reason, now));
        if let Some((exit, reason, _)) = before
            && rank(reason) <= rank(decided.reason)
        {
            let what = format!(
                "exit {} ({}) is decided while exit {exit} ({}) is under way",
                decided.exit,
                decided.reason.word(),
                reason.word()
            );
            self.fail(now, Some(key), "S5", &what);
        }
    }

    fn judge(&self, at: Timestamp, decided: &ExitDecided) -> Result<(), String> {
        let key = decided.episode.key;
        let life = self.lives.get(decided.episode).ok_or("nobody began this life")?;
        if !self.lives(decided.episode) {
            return Err("its life is over".to_owned());
        }
        if decided.qty.0 <= 0 || decided.qty.0 > life.qty {
            return Err(format!("{} is held", life.qty));
        }
        let level = self.levels.get(&key.account);
        if is_choice(decided.reason) && matches!(level, Some(KillLevel::NoChoice | KillLevel::ProtectOnly)) {
            return Err(format!("the account is at {}", level.map_or("none", |level| level.word())));
        }
        let (trigger, price) = (decided.trigger.0, decided.price.0);
        let is_stop = is_stop(decided.reason);
        if is_stop && !life.is_touched && !self.is_of_sold_stop(price) && is_looser(key.side, trigger, price)
        {
            return Err(format!("{price} is not at or past {trigger}"));
        }
        if decided.reason == Reason::TakeProfit && is_looser(key.side, price, trigger) {
            return Err(format!("{price} is not at or past {trigger}"));
        }
        if (is_stop || decided.reason == Reason::TakeProfit) && !self.was_told(at, key, price) {
            return Err(format!("nobody told a price of {price}"));
        }
        self.judge_level(at, life, decided)
    }

    /// Whether a stop at the venue traded at this price, and what it left is sold after it.
    fn is_of_sold_stop(&self, price: i64) -> bool {
        let traded = self.promises.heard_trade().filter(|fill| fill.price.0 == price);
        let order = traded.and_then(|fill| self.intents.get(&fill.id));
        order.is_some_and(|it| it.order.kind.trigger().is_some())
    }

    fn was_told(&self, at: Timestamp, key: PositionKey, price: i64) -> bool {
        let told = &self.told[key.instrument.0 as usize];
        let spec = self.living(key).map(|life| &self.config.plans[life.plan.0 as usize].spec);
        let minds_silence =
            spec.is_some_and(|spec| spec.prices.as_ref().is_some_and(|it| it.silence_secs.is_some()));
        if !minds_silence || self.promises.is_of_refused_place() {
            // A plan may not mind. Or the venue says itself that the market is past it, as the last price did.
            return told.iter().any(|told| told.price == price);
        }
        // The last one counts however long nobody said another.
        let recent = told.iter().rev().enumerate();
        let mut recent = recent.take_while(|(n, told)| *n < TOLD_LAST || at.since(told.at) <= TOLD_WITHIN);
        recent.any(|(_, told)| told.price == price)
    }

    /// Whether a stop of this life was placed where the level is, or moved there by somebody else's hand.
    fn was_stop(&self, decided: &ExitDecided) -> bool {
        let stops = self.intents.values().filter(|it| it.order.id.episode == decided.episode);
        let mut placed = stops.filter_map(|it| it.order.kind.trigger());
        placed.any(|trigger| trigger.at == decided.trigger)
            || self.promises.was_edited_to(decided.episode, decided.trigger)
    }

    /// Whether the level is what the plan means.
    fn judge_level(&self, at: Timestamp, life: &Life, decided: &ExitDecided) -> Result<(), String> {
        let key = decided.episode.key;
        if life.is_adopted || life.is_changed {
            return Ok(());
        }
        let (means, entry) = (self.means(life), life.entry());
        let tick = self.config.markets[key.instrument.0 as usize].rules.tick_size.0 * TICKS;
        let at_loss = |bps: i64| entry - life.side.sign() * entry * bps / 10_000;
        let expect = |level: i64| {
            let off = (decided.trigger.0 - level).abs();
            if off <= tick { Ok(()) } else { Err(format!("its level is {}, not {level}", decided.trigger.0)) }
        };
        match decided.reason {
            Reason::HardStop => {
                means.hard_stop.map_or(Err("no such rule".to_owned()), |bps| expect(at_loss(bps)))
            }
            Reason::LossGuard => {
                means.loss_guard.map_or(Err("no such rule".to_owned()), |bps| expect(at_loss(bps)))
            }
            Reason::SoftStop => {
                means.soft_stop.map_or(Err("no such rule".to_owned()), |bps| expect(at_loss(bps)))
            }
            Reason::TakeProfit => {
                let leg = usize::from(decided.leg).checked_sub(1).and_then(|leg| means.legs.get(leg));
                let (bps, _) = leg.ok_or("no such leg")?;
                expect(at_loss(-bps))
            }
            Reason::StopLoss => match life.stop {
                Some(stop) if stop == decided.trigger.0 => Ok(()),
                // A stop that the venue refused, for the market is past it.
                _ if self.was_stop(decided) => Ok(()),
                stop => Err(format!("its level is {}, and its stop {stop:?}", decided.trigger.0)),
            },
            Reason::TrailingStop => self.judge_trailing(life, decided),
            Reason::SignalExit if !means.signals => Err("no such rule".to_owned()),
            Reason::TimeLimit => {
                let limit = means.time_limit.ok_or("no such rule")?;
                let held = (at.0 - life.opened_at.0) / 1_000_000_000;
                if held >= limit { Ok(()) } else { Err(format!("it is held for {held} of {limit} seconds")) }
            }
            _ => Ok(()),
        }
    }

    /// A target rests where the plan means it to.
    pub(super) fn check_target(&mut self, now: Timestamp, order: &ExitOrder) {
        let OrderId { episode, leg, .. } = order.id;
        let OrderKind::RestingLimit(at) = order.kind else { return };
        let Some(life) = self.lives.get(episode).filter(|it| !it.is_adopted && !it.is_changed) else {
            return;
        };
        let means = self.means(life);
        let Some((bps, _)) = usize::from(leg).checked_sub(1).and_then(|leg| means.legs.get(leg)) else {
            return;
        };
        let entry = life.entry();
        let target = entry + life.side.sign() * entry * bps / 10_000;
        let tick = self.config.markets[episode.key.instrument.0 as usize].rules.tick_size.0 * TICKS;
        if (at.0 - target).abs() > tick && !self.promises.is_repriced(episode) {
            let what = format!("leg {leg} rests at {}, and its target is {target}", at.0);
            self.fail(now, Some(episode.key), "A1", &what);
        }
    }

    fn judge_trailing(&self, life: &Life, decided: &ExitDecided) -> Result<(), String> {
        let Some((_, behind)) = self.means(life).trailing else { return Err("no such rule".to_owned()) };
        // What a stop of before left is closed for the same reason, wherever that stood by then.
        let Some(best) = life.best.filter(|_| !decided.held.is_empty()) else { return Ok(()) };
        let tick = self.config.markets[decided.episode.key.instrument.0 as usize].rules.tick_size.0 * TICKS;
        let off = i128::from(life.side.sign() * behind) * i128::from(best) / 10_000;
        let tightest = i128::from(best) - off;
        let too_tight =
            (i128::from(decided.trigger.0) - tightest) * i128::from(life.side.sign()) > i128::from(tick);
        if too_tight {
            return Err(format!(
                "its level is {}; the best price was {best}, tightest {tightest}, behind {behind}",
                decided.trigger.0
            ));
        }
        Ok(())
    }
}

/// The ranking of the rules; commands go first.
pub(super) const fn rank(reason: Reason) -> u8 {
    match reason {
        Reason::PanicClose => 0,
        Reason::Manual => 1,
        Reason::ProtectionFailed => 2,
        Reason::HardStop => 3,
        Reason::LossGuard => 4,
        Reason::StopLoss => 5,
        Reason::SoftStop => 6,
        Reason::TrailingStop => 7,
        Reason::TakeProfit => 8,
        Reason::SignalExit => 9,
        Reason::TimeLimit => 10,
        _ => 11,
    }
}

pub(super) const fn is_choice(reason: Reason) -> bool {
    matches!(reason, Reason::TakeProfit | Reason::SignalExit | Reason::TimeLimit)
}

const fn is_stop(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::HardStop | Reason::LossGuard | Reason::StopLoss | Reason::SoftStop | Reason::TrailingStop
    )
}

const fn decided_word(reason: Reason) -> &'static str {
    match reason {
        Reason::PanicClose => "exit_panic",
        Reason::Manual => "exit_manual",
        Reason::HardStop => "exit_hard_stop",
        Reason::LossGuard => "exit_loss_guard",
        Reason::StopLoss => "exit_stop_loss",
        Reason::SoftStop => "exit_soft_stop",
        Reason::TrailingStop => "exit_trailing_stop",
        Reason::TakeProfit => "exit_take_profit",
        Reason::SignalExit => "exit_signal",
        Reason::TimeLimit => "exit_time_limit",
        Reason::ProtectionFailed => "exit_protection_failed",
        _ => "exit_other",
    }
}

/// The better of two prices for a side.
pub(super) fn better(side: Side, one: i64, other: i64) -> i64 {
    match side {
        Side::Long => one.max(other),
        Side::Short => one.min(other),
    }
}
