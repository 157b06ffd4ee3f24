//! The line of a decision: one tag for each rule.

use ripcord_core::event::ExitDecided;
use ripcord_core::id::EpisodeId;
use ripcord_core::instrument::Side;
use ripcord_core::num::{Price, Qty, Ratio, Round, fixed};
use ripcord_core::reason::Reason;
use ripcord_core::time::Timestamp;

use super::{Narrator, label, origin_word};
use crate::line::{Line, Tag};

impl Narrator {
    pub(super) fn decided(&mut self, at: Timestamp, decided: &ExitDecided) -> Line {
        let episode = decided.episode;
        let note = self.episodes.entry(episode).or_default();
        note.seen = Some(decided.price);
        if decided.reason == Reason::TakeProfit {
            let legs = decided.held.iter().filter(|held| held.reason == Reason::TakeProfit && held.leg > 0);
            note.legs_hit = legs.fold(0, |bits, held| bits | (1 << (held.leg - 1)));
        }
        let line = match decided.reason {
            Reason::TakeProfit => {
                self.tp_hit(at, episode, decided.leg, decided.price, decided.trigger, decided.qty)
            }
            Reason::StopLoss => self.rule_hit(Tag::ExitSlTrigger, at, decided, "SL HIT"),
            Reason::SoftStop => self.rule_hit(Tag::ExitSoftStop, at, decided, "SOFT STOP HIT"),
            Reason::HardStop => self.rule_hit(Tag::ExitEmergency, at, decided, "HARD STOP HIT"),
            Reason::LossGuard => self.rule_hit(Tag::ExitLossGuard, at, decided, "LOSS GUARD TRIGGERED"),
            Reason::TrailingStop => self.rule_hit(Tag::ExitTrailing, at, decided, "TRAILING STOP HIT"),
            Reason::PanicClose
            | Reason::Manual
            | Reason::SignalExit
            | Reason::TimeLimit
            | Reason::ProtectionFailed
            | Reason::Liquidation
            | Reason::Adl
            | Reason::Settlement
            | Reason::Unknown => self.rule_hit(Tag::ExitOther, at, decided, label(decided.reason, 0)),
        };
        let held: Vec<String> = decided.held.iter().map(|held| self.held(episode, held)).collect();
        line.with("reason", decided.reason.word())
            .with("source", decided.source.word())
            .with("order_type", decided.exit_type.word())
            .with("exit", decided.exit)
            .with("held", held)
    }

    /// A ladder leg was reached.
    pub(super) fn tp_hit(
        &self,
        at: Timestamp,
        episode: EpisodeId,
        leg: u8,
        price: Price,
        target: Price,
        qty: Qty,
    ) -> Line {
        let names = &self.names;
        let (price, target) = (names.price(episode, price), names.price(episode, target));
        let qty = names.qty(episode, qty);
        let id = names.episode(episode);
        let text = format!("TP{leg} HIT @ {price} (target {target}, closes {qty}) | id={id}");
        self.line(Tag::ExitTpTrigger, at, episode, &text)
            .with("leg", leg)
            .with("price", price)
            .with("trigger", target)
            .with("qty", qty)
    }

    /// A rule that closes everything was reached.
    fn rule_hit(&self, tag: Tag, at: Timestamp, decided: &ExitDecided, what: &str) -> Line {
        let (names, episode) = (&self.names, decided.episode);
        let (price, level) = (names.price(episode, decided.price), names.price(episode, decided.trigger));
        let qty = names.qty(episode, decided.qty);
        let id = names.episode(episode);
        let of = match (decided.origin, decided.best) {
            (Some(origin), _) => format!(", {}", origin_word(origin)),
            (None, Some(best)) if decided.reason == Reason::TrailingStop => {
                let away = retrace(episode.key.side, best, decided.price);
                format!(", {away} % behind {}", names.price(episode, best))
            }
            (None, _) => String::new(),
        };
        let text = format!("{what} @ {price} (level {level}{of}) - closing FULL position {qty} | id={id}");
        self.line(tag, at, episode, &text)
            .with("price", price)
            .with("trigger", level)
            .with("qty", qty)
            .with("origin", decided.origin.map(origin_word))
            .with("best", decided.best.map(|best| names.price(episode, best)))
    }

    fn held(&self, episode: EpisodeId, held: &ripcord_core::event::Held) -> String {
        let leg = if held.leg > 0 { format!(" {}", held.leg) } else { String::new() };
        let (level, price) = (self.names.price(episode, held.level), self.names.price(episode, held.price));
        format!("{}{leg} level {level} price {price}", held.reason.word())
    }
}

/// How far the price came back from its best, in percent with two decimals.
fn retrace(side: Side, best: Price, price: Price) -> String {
    let back = i128::from(side.sign()) * i128::from(best.0 - price.0);
    let percent = Round::HalfUp.divide(back * 10_000, i128::from(best.0.max(1)));
    debug_assert!(percent.abs() <= i128::from(Ratio::ONE.0), "a retrace is a part of the price");
    fixed(percent, 2).to_string()
}
