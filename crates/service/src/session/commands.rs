//! A session carries out what somebody outside asks for, and says what the core made of it.
//!
//! Only what the core cannot know is decided here: which position a name means, and which accounts there
//! are. Everything else is the core's word, read from the records of the step.

use std::collections::{BTreeMap, BTreeSet};

use ripcord_core::event::{Command, CommandRefused, Entry, Record};
use ripcord_core::id::{AccountId, EpisodeId, PositionKey};
use ripcord_core::kill::KillLevel;
use ripcord_core::position::Phase;
use ripcord_core::view::PositionView;

use super::Session;
use crate::command::answer::{AccountAnswer, Answer, Carried, Fate, Followed, Outcome, PositionAnswer, Span};
use crate::command::{Target, Wish};
use crate::keeper::Keeper;
use crate::line::{Line, Tag};
use crate::names::side_text;
use crate::tags::{level_words, refusal};

/// Positions that a name could mean are listed up to this many.
const LISTED_MAX: usize = 10;

/// Why a wish does not reach the core.
struct Unmeant {
    why: &'static str,
    text: String,
}

/// What a wish is to the core.
struct Meant {
    commands: Vec<Command>,
    /// The positions that it is to close, as they were before.
    closes: Vec<PositionView>,
    /// The kill levels before.
    kills: BTreeMap<AccountId, KillLevel>,
}

impl Session {
    /// Carries out a command at the session's time. What it caused is durable when this returns, or nothing
    /// of it was sent.
    pub fn carry_out(&mut self, wish: &Wish) -> Carried {
        self.desk.advance_to(self.now, &mut self.teller);
        let _is_kept = self.teller.keeper.as_mut().is_none_or(Keeper::keep);
        let before = self.kept().map(|(_, seq)| seq);
        let answer = match self.meaning(wish) {
            Err(unmeant) => self.tell_unmeant(wish, unmeant),
            Ok(meant) => {
                self.teller.heard = Some(Vec::new());
                for command in meant.commands.iter().cloned() {
                    self.desk.command(self.now, command, &mut self.teller);
                }
                let heard = self.teller.heard.take().unwrap_or_default();
                let _is_kept = self.teller.keeper.as_mut().is_none_or(Keeper::keep);
                self.answer(wish, &meant, &heard)
            }
        };
        if let Some(why) = self.kept_badly() {
            return Carried::NotKept(why);
        }
        let after = self.kept().map(|(_, seq)| seq);
        let journal = before.zip(after).filter(|(before, after)| after > before);
        let journal = journal.map(|(before, after)| Span { from: before + 1, to: after });
        let answer = Answer { journal, ..answer };
        if answer.outcome == Outcome::Accepted {
            let line = Line::new(Tag::Command, self.now, format!("{}: {}", answer.command, answer.text));
            self.teller.lines.push(line.with("command", answer.command));
        }
        self.free_slots();
        Carried::Heard(Box::new(answer))
    }

    fn meaning(&self, wish: &Wish) -> Result<Meant, Unmeant> {
        let view = self.desk.coordinator.view();
        let of_key = |key: PositionKey, command: Command| {
            let closes = match command {
                Command::Close { .. } => view.position(key).into_iter().collect(),
                _ => Vec::new(),
            };
            Meant { commands: vec![command], closes, kills: BTreeMap::new() }
        };
        match *wish {
            Wish::Close { target, qty } => {
                self.key(&target, false).map(|key| of_key(key, Command::Close { key, qty }))
            }
            Wish::Release { target, keeps_stop } => {
                self.key(&target, false).map(|key| of_key(key, Command::Release { key, keeps_stop }))
            }
            Wish::HandOver { target } => {
                self.key(&target, true).map(|key| of_key(key, Command::HandOver { key }))
            }
            Wish::MoveStop { target, to } => {
                self.key(&target, false).map(|key| of_key(key, Command::MoveStop { key, to }))
            }
            Wish::Panic { account } => {
                let accounts = self.accounts_meant(account)?;
                let closes = self.held_by(&accounts);
                // An account that holds nothing has nothing to write down.
                let holding: BTreeSet<AccountId> =
                    closes.iter().map(|view| view.episode.key.account).collect();
                Ok(Meant {
                    commands: holding.into_iter().map(Command::Panic).collect(),
                    closes,
                    kills: BTreeMap::new(),
                })
            }
            Wish::Kill { account, level, confirmed } => {
                let accounts = self.accounts_meant(account)?;
                let closes = match level {
                    Some(KillLevel::Flatten) => self.held_by(&accounts),
                    Some(KillLevel::NoChoice | KillLevel::ProtectOnly | KillLevel::Silent) | None => {
                        Vec::new()
                    }
                };
                let command = |account| Command::Kill { account, level, confirmed };
                Ok(Meant {
                    commands: accounts.into_iter().map(command).collect(),
                    closes,
                    kills: view.kill_levels().collect(),
                })
            }
        }
    }

    /// The bucket that a name means. `released`: one that was let go may be meant as well.
    fn key(&self, target: &Target, released: bool) -> Result<PositionKey, Unmeant> {
        let Target { instrument, side, account, generation } = *target;
        let view = self.desk.coordinator.view();
        let Some(account) = account else { return self.only_key(target, released) };
        let key = PositionKey { account, instrument, side };
        if let (Some(generation), Some(living)) = (generation, view.position(key))
            && living.episode.generation != generation
        {
            let names = self.names();
            let [asked, lives] = [EpisodeId { key, generation }, living.episode].map(|id| names.episode(id));
            let text = format!("{asked} is not open; {lives} is what lives there");
            return Err(Unmeant { why: "not_open", text });
        }
        Ok(key)
    }

    /// The one bucket of an instrument's side, whichever account has it.
    fn only_key(&self, target: &Target, released: bool) -> Result<PositionKey, Unmeant> {
        let is_meant = |key: &PositionKey| key.instrument == target.instrument && key.side == target.side;
        let view = self.desk.coordinator.view();
        let mut keys: Vec<PositionKey> = view.positions().map(|position| position.episode.key).collect();
        if released {
            keys.extend(view.accounts().flat_map(|account| account.released));
        }
        keys.retain(is_meant);
        let symbol = &self.names().instrument(target.instrument).symbol;
        let what = format!("{symbol} {}", side_text(target.side));
        match keys[..] {
            [key] => Ok(key),
            [] => Err(Unmeant { why: "not_open", text: format!("no {what} is open in any account") }),
            [..] => {
                let count = keys.len();
                let mut list: Vec<String> =
                    keys.iter().take(LISTED_MAX).map(|&key| self.names().bucket(key)).collect();
                if count > LISTED_MAX {
                    list.push("..".to_owned());
                }
                let text = format!("{count} accounts have {what}; name one: {}", list.join(", "));
                Err(Unmeant { why: "ambiguous", text })
            }
        }
    }

    /// The accounts that are managed, hold something, or are stopped.
    fn accounts_meant(&self, account: Option<AccountId>) -> Result<Vec<AccountId>, Unmeant> {
        let view = self.desk.coordinator.view();
        let managed = view.accounts().map(|account| account.given.account);
        let holding = view.positions().map(|position| position.episode.key.account);
        let stopped = view.kill_levels().map(|(account, _)| account);
        let known: BTreeSet<AccountId> = managed.chain(holding).chain(stopped).collect();
        match account {
            None => Ok(known.into_iter().collect()),
            Some(account) if known.contains(&account) => Ok(vec![account]),
            Some(account) => {
                let text = format!("account {} is not managed here", account.0);
                Err(Unmeant { why: "unknown_account", text })
            }
        }
    }

    fn held_by(&self, accounts: &[AccountId]) -> Vec<PositionView> {
        let all = self.desk.coordinator.view().positions();
        all.filter(|position| accounts.contains(&position.episode.key.account)).collect()
    }

    fn tell_unmeant(&mut self, wish: &Wish, unmeant: Unmeant) -> Answer {
        let Unmeant { why, text } = unmeant;
        let line = Line::new(Tag::CommandRefused, self.now, text.clone()).with("why", why);
        self.teller.lines.push(line);
        Answer { why: Some(why), ..blank(wish, Outcome::Refused, text) }
    }

    /// What the records of a step say to whoever asked for it.
    fn answer(&self, wish: &Wish, meant: &Meant, heard: &[Entry]) -> Answer {
        let names = self.names();
        let followed: Vec<Followed> = heard.iter().filter_map(|entry| Followed::of(entry, names)).collect();
        let refused: Vec<CommandRefused> = heard.iter().filter_map(refused_of).collect();
        // Of several accounts some may have a stronger level: the answer says which.
        let all = refused.len() == meant.commands.len();
        if let Some((why, text)) = refused.first().filter(|_| all).map(|first| refusal(names, *first)) {
            return Answer { why: Some(why), followed, ..blank(wish, Outcome::Refused, text) };
        }
        let positions: Vec<PositionAnswer> =
            meant.closes.iter().map(|before| self.fate(before, heard)).collect();
        let accounts = account_answers(meant, &refused);
        let text = match wish {
            Wish::Close { .. } | Wish::Panic { .. } => closing_text(&positions),
            Wish::Kill { level, .. } => kill_text(*level, &accounts, &positions),
            Wish::Release { .. } | Wish::HandOver { .. } | Wish::MoveStop { .. } => {
                let told = followed.iter().filter_map(|fact| self.told(fact));
                told.collect::<Vec<_>>().join("; ")
            }
        };
        Answer { positions, accounts, followed, ..blank(wish, Outcome::Accepted, text) }
    }

    /// What became of a position that was to be closed.
    fn fate(&self, before: &PositionView, heard: &[Entry]) -> PositionAnswer {
        let (episode, names) = (before.episode, self.names());
        let view = self.desk.coordinator.view();
        let (mut decided, mut orders, mut why) = (None, Vec::new(), None);
        for entry in heard {
            match &entry.record {
                Record::ExitDecided(exit) if exit.episode == episode => decided = Some(exit.qty),
                Record::OrderIntended(order) if order.id.episode == episode && order.id.exit > 0 => {
                    orders.push(names.order(order.id));
                }
                Record::GateBlocked { id, why: blocked } if id.episode == episode => {
                    why = Some(blocked.to_string());
                }
                _ => {}
            }
        }
        let silent = view.kill_levels().any(|of| of == (episode.key.account, KillLevel::Silent));
        if why.is_none() && silent {
            why = Some("K3 is set: nothing is sent until it is released".to_owned());
        }
        let outcome = match (decided.is_some(), orders.is_empty(), before.phase) {
            (true, false, _) => Fate::Closing,
            (true, true, _) => {
                let waits = view.waiting(episode) > 0;
                let words =
                    if waits { "it waits for coins that another order locks" } else { "it is tried again" };
                why.get_or_insert_with(|| words.to_owned());
                Fate::NotSent
            }
            (false, _, Phase::Closing) => Fate::AlreadyClosing,
            (false, _, Phase::Open | Phase::Flat | Phase::Vacant) => {
                why.get_or_insert_with(|| "nothing of it can be closed".to_owned());
                Fate::NotClosed
            }
        };
        let why = why.filter(|_| outcome != Fate::Closing);
        let qty = names.qty(episode, decided.unwrap_or(before.qty));
        PositionAnswer { id: names.episode(episode), outcome, qty, orders, why }
    }

    /// A fact that answers a command by itself.
    fn told(&self, fact: &Followed) -> Option<String> {
        match fact {
            Followed::StopMoved { position, from, to } => {
                let from = from.as_deref().unwrap_or("none");
                Some(format!("{position}: stop {from} -> {to}"))
            }
            Followed::Released { position, qty, keeps_stop } => {
                let stop = if *keeps_stop { "its stop stays at the venue" } else { "no stop of ours stays" };
                Some(format!("{position}: {qty} let go, {stop}; nothing here acts on it any more"))
            }
            Followed::HandedOver { position } => {
                let lives =
                    self.positions().iter().any(|of| self.names().bucket(of.episode.key) == *position);
                let then = if lives {
                    "all its rules act"
                } else {
                    "the venue is read, and what it holds there is taken over"
                };
                Some(format!("{position}: handed over; {then}"))
            }
            Followed::ExitDecided { .. }
            | Followed::ExitConcluded { .. }
            | Followed::OrderSent { .. }
            | Followed::OrderHeldBack { .. }
            | Followed::KillLevel { .. }
            | Followed::Alarm { .. }
            | Followed::Refused { .. } => None,
        }
    }
}

fn blank(wish: &Wish, outcome: Outcome, text: String) -> Answer {
    Answer {
        outcome,
        command: wish.kind().word(),
        text,
        why: None,
        positions: Vec::new(),
        accounts: Vec::new(),
        followed: Vec::new(),
        journal: None,
    }
}

fn closing_text(positions: &[PositionAnswer]) -> String {
    if positions.is_empty() {
        return "nothing is held: there is nothing to close".to_owned();
    }
    let count = |fate: Fate| positions.iter().filter(|of| of.outcome == fate).count();
    let parts = [
        (count(Fate::Closing), "closing"),
        (count(Fate::AlreadyClosing), "closing already"),
        (count(Fate::NotSent), "decided and not sent"),
        (count(Fate::NotClosed), "not closed"),
    ];
    let told = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    told.collect::<Vec<_>>().join(", ")
}

const fn refused_of(entry: &Entry) -> Option<CommandRefused> {
    match entry.record {
        Record::CommandRefused(refused) => Some(refused),
        _ => None,
    }
}

fn account_answers(meant: &Meant, refused: &[CommandRefused]) -> Vec<AccountAnswer> {
    let all = meant.commands.iter().filter_map(|command| match command {
        Command::Kill { account, level, .. } => Some((*account, *level)),
        _ => None,
    });
    all.map(|(account, level)| {
        let before = meant.kills.get(&account).copied();
        let keeps = refused.contains(&CommandRefused::StrongerLevel(account));
        let level = if keeps { before } else { level };
        AccountAnswer {
            account: account.0,
            before: before.map(KillLevel::word),
            level: level.map(KillLevel::word),
            is_new: before != level,
            why: keeps.then_some("stronger_level"),
        }
    })
    .collect()
}

/// What holds now, what held before, and where a stronger level stays.
fn kill_text(level: Option<KillLevel>, accounts: &[AccountAnswer], positions: &[PositionAnswer]) -> String {
    let word = level.map_or("released", KillLevel::word);
    let (keep, have): (Vec<&AccountAnswer>, _) = accounts.iter().partition(|account| account.why.is_some());
    let count = |number: usize| format!("{number} account{}", if number == 1 { "" } else { "s" });
    let mut text = format!("{word}: {}; {}", level_words(level), count(have.len()));
    let of = |accounts: &[&AccountAnswer], before| {
        accounts.iter().filter(|account| account.before == Some(before)).count()
    };
    for before in KillLevel::ALL.map(KillLevel::word) {
        let number = of(&have, before);
        if number > 0 {
            text += &format!(", {number} had {before} before");
        }
    }
    for before in KillLevel::ALL.map(KillLevel::word) {
        let number = of(&keep, before);
        if number > 0 {
            text += &format!("; {} not, {before} is stronger: release it first", count(number));
        }
    }
    if !positions.is_empty() {
        text += &format!("; {}", closing_text(positions));
    }
    text
}
