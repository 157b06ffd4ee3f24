//! Exit signals that stand, and positions held longer than allowed: few, so they lie beside the positions.

use crate::planted::planted;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, EpisodeId, OrderId};
use crate::kill::KillLevel;
use crate::plan::Rule;
use crate::position::RuleSet;
use crate::reason::Reason;
use crate::time::Timestamp;

/// Signals and overdue positions of an engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// Until when a signal stands, as a list: JSON has no other keys than texts.
    #[serde(with = "crate::pairs")]
    signals: BTreeMap<EpisodeId, Timestamp>,
    overdue: BTreeSet<EpisodeId>,
    /// Rules that left their exit to the bracket, each told once.
    deferred: BTreeSet<(EpisodeId, Reason)>,
    /// Positions whose bracket was triggered.
    triggered: BTreeSet<EpisodeId>,
    /// Accounts that somebody stopped, and how far.
    #[serde(with = "crate::pairs")]
    kills: BTreeMap<AccountId, KillLevel>,
    /// Closes that may not go to the market and walk as limits, and how far they came.
    #[serde(with = "crate::pairs")]
    walks: BTreeMap<EpisodeId, u8>,
    /// Rules that held when their position was taken over, until it is handed over.
    held_back: BTreeSet<(EpisodeId, Rule)>,
    /// How often somebody took the stop of a position away, or made it worse.
    #[serde(with = "crate::pairs")]
    loosened: BTreeMap<EpisodeId, u8>,
    /// Stops for which it was counted that a list lacked them, while nobody knows why.
    lacked: BTreeSet<OrderId>,
    /// Positions whose coins were being freed when everything was stopped: they end flat or protected first.
    finishing: BTreeSet<EpisodeId>,
}

impl Standing {
    /// A signal stands until then, or longer if another one does. Until when it does.
    pub(crate) fn signal(&mut self, episode: EpisodeId, until: Timestamp) -> Timestamp {
        let stands = self.signals.entry(episode).or_insert(until);
        *stands = (*stands).max(until);
        *stands
    }

    /// Whether a signal stands.
    pub(crate) fn is_signalled(&self, episode: EpisodeId) -> bool {
        self.signals.contains_key(&episode)
    }

    /// Whether the time to live of a signal is over.
    pub(crate) fn is_over(&self, episode: EpisodeId, now: Timestamp) -> bool {
        self.signals.get(&episode).is_some_and(|&until| until < now)
    }

    /// The signal is acted upon, or over.
    pub(crate) fn consume_signal(&mut self, episode: EpisodeId) {
        self.signals.remove(&episode);
    }

    /// Whether a position was held longer than allowed.
    pub(crate) fn is_overdue(&self, episode: EpisodeId) -> bool {
        let is_of_key = |other: &EpisodeId| other.key == episode.key;
        self.overdue.contains(&episode) || (planted(47) && self.overdue.iter().any(is_of_key))
    }

    /// A position was held longer than allowed.
    pub(crate) fn set_overdue(&mut self, episode: EpisodeId) {
        self.overdue.insert(episode);
    }

    /// A position was not held longer than allowed.
    pub(crate) fn not_overdue(&mut self, episode: EpisodeId) {
        self.overdue.remove(&episode);
    }

    /// Whether any rule of a position left its exit to the bracket.
    pub(crate) fn any_deferred(&self, episode: EpisodeId) -> bool {
        self.deferred.iter().any(|(deferring, _)| *deferring == episode)
    }

    /// The highest-ranked rule of a position that left its exit to the bracket.
    pub(crate) fn deferred_first(&self, episode: EpisodeId) -> Option<Rule> {
        let mut rules = [Rule::StopLoss, Rule::SoftStop].into_iter();
        rules.find(|rule| self.has_deferred(episode, rule.reason()))
    }

    /// A rule leaves its exit to the bracket; whether that is new.
    pub(crate) fn defer(&mut self, episode: EpisodeId, reason: Reason) -> bool {
        self.deferred.insert((episode, reason))
    }

    /// Whether a rule left its exit to the bracket.
    pub(crate) fn has_deferred(&self, episode: EpisodeId, reason: Reason) -> bool {
        self.deferred.contains(&(episode, reason))
    }

    /// The bracket's trigger traded; whether that is new.
    pub(crate) fn trigger(&mut self, episode: EpisodeId) -> bool {
        self.triggered.insert(episode)
    }

    /// The bracket was waited for.
    pub(crate) fn end_trigger(&mut self, episode: EpisodeId) {
        self.triggered.remove(&episode);
    }

    /// Whether the bracket's trigger traded.
    pub(crate) fn is_triggered(&self, episode: EpisodeId) -> bool {
        self.triggered.contains(&episode)
    }

    /// How far an account is stopped.
    pub(crate) fn kill_level(&self, account: AccountId) -> Option<KillLevel> {
        self.kills.get(&account).copied()
    }

    /// Somebody took the stop of a position away, or made it worse; how often that was.
    pub(crate) fn count_loosened(&mut self, episode: EpisodeId) -> u8 {
        let times = self.loosened.entry(episode).or_default();
        *times = times.saturating_add(1);
        *times
    }

    /// A list lacks a stop, and that was counted.
    pub(crate) fn lacks(&mut self, stop: OrderId) {
        self.lacked.insert(stop);
    }

    /// A list lacked a stop that nobody took away: how often somebody did; none when it was not counted.
    pub(crate) fn uncount_lacked(&mut self, stop: &OrderId) -> Option<u8> {
        if !self.lacked.remove(stop) {
            return None;
        }
        let episode = stop.episode;
        let times = self.loosened.get(&episode).map_or(0, |times| times.saturating_sub(1));
        if times == 0 {
            self.loosened.remove(&episode);
        } else {
            self.loosened.insert(episode, times);
        }
        Some(times)
    }

    /// A person spoke about its stop.
    pub(crate) fn forget_loosened(&mut self, episode: EpisodeId) {
        self.loosened.remove(&episode);
        self.lacked.retain(|stop| stop.episode != episode);
    }

    /// What was begun for a position is ended although nothing is sent.
    pub(crate) fn finish(&mut self, episode: EpisodeId) {
        self.finishing.insert(episode);
    }

    /// Whether what was begun for a position is ended although nothing is sent.
    pub(crate) fn is_finishing(&self, episode: EpisodeId) -> bool {
        self.finishing.contains(&episode)
    }

    /// Positions whose coins were being freed when everything was stopped.
    pub(crate) fn finishing(&self) -> impl Iterator<Item = EpisodeId> + '_ {
        self.finishing.iter().copied()
    }

    /// It has ended.
    pub(crate) fn has_finished(&mut self, episode: EpisodeId) {
        self.finishing.remove(&episode);
    }

    /// Stops an account, or releases it.
    pub(crate) fn set_kill_level(&mut self, account: AccountId, level: Option<KillLevel>) {
        match level {
            Some(level) => self.kills.insert(account, level),
            None => self.kills.remove(&account),
        };
    }

    /// Every account that is stopped.
    pub(crate) fn kill_levels(&self) -> impl Iterator<Item = (AccountId, KillLevel)> + '_ {
        self.kills.iter().map(|(&account, &level)| (account, level))
    }

    /// The market refuses the closes of an episode: they walk from here on, from the start again.
    pub(crate) fn walk_anew(&mut self, episode: EpisodeId) {
        self.walks.insert(episode, 0);
    }

    /// The step that a close which walks comes to next.
    pub(crate) fn walks(&self, episode: EpisodeId) -> Option<u8> {
        self.walks.get(&episode).copied()
    }

    /// The next step of a close that walks; `None` when it may go to the market.
    pub(crate) fn walk_on(&mut self, episode: EpisodeId, last: u8) -> Option<u8> {
        let steps = self.walks.get_mut(&episode)?;
        let step = *steps;
        *steps = steps.saturating_add(1).min(last);
        Some(step)
    }

    /// A rule does not act before the position is handed over.
    pub(crate) fn hold_back(&mut self, episode: EpisodeId, rule: Rule) {
        self.held_back.insert((episode, rule));
    }

    /// The rules that do not act yet.
    pub(crate) fn held_back(&self, episode: EpisodeId) -> RuleSet {
        if self.held_back.is_empty() {
            return RuleSet::NONE;
        }
        let of = (episode, Rule::HardStop)..=(episode, Rule::TimeLimit);
        self.held_back.range(of).fold(RuleSet::NONE, |rules, &(_, rule)| rules.with(rule))
    }

    /// All rules act; whether any did not.
    pub(crate) fn hand_over(&mut self, episode: EpisodeId) -> bool {
        let before = self.held_back.len();
        self.held_back.retain(|(held, _)| *held != episode);
        self.held_back.len() < before
    }

    /// An episode is over.
    pub(crate) fn forget(&mut self, episode: EpisodeId) {
        self.finishing.remove(&episode);
        self.loosened.remove(&episode);
        self.lacked.retain(|stop| stop.episode != episode);
        self.walks.remove(&episode);
        self.triggered.remove(&episode);
        self.deferred.retain(|(deferring, _)| *deferring != episode);
        self.hand_over(episode);
        self.signals.remove(&episode);
        if !planted(47) {
            self.overdue.remove(&episode);
        }
    }
}
