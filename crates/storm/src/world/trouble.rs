//! Faults happen, processes die, and calm comes.

use ripcord_core::account::ClosedBy;
use ripcord_core::event::{Command, Event};
use ripcord_core::id::{AccountId, PositionKey};
use ripcord_core::kill::KillLevel;
use ripcord_core::time::{Span, Timestamp};

use super::{Wait, World};
use crate::fault::{Fault, FaultKind};

impl World<'_> {
    /// A fault happens.
    pub(super) fn on_fault(&mut self, fault: &Fault) {
        let happened = match fault.kind {
            FaultKind::HandClose
            | FaultKind::HandUntold
            | FaultKind::HandCancel
            | FaultKind::HandEdit
            | FaultKind::HandFlip
            | FaultKind::Foreign => self.on_hand(fault),
            FaultKind::Liquidation
            | FaultKind::Adl
            | FaultKind::Settlement
            | FaultKind::Funding
            | FaultKind::DropResting
            | FaultKind::ExpireResting
            | FaultKind::Tick => self.on_venue_fault(fault),
            FaultKind::Spike | FaultKind::BadPrice | FaultKind::Jump => self.on_strange_price(fault),
            FaultKind::Crash => self.die(fault.lasts),
            FaultKind::CrashBeforeCommit
            | FaultKind::CrashBeforeSend
            | FaultKind::CrashBeforeRecord
            | FaultKind::CrashInSnapshot
            | FaultKind::CrashInRecovery => {
                self.armed = Some(*fault);
                // It is counted when it strikes.
                false
            }
            FaultKind::Pause => {
                let until = self.now.after(fault.lasts);
                self.host.busy_until = self.host.busy_until.max(until);
                self.weather.was_bad_until(until);
                true
            }
            FaultKind::Kill => self.on_kill(fault.key.account, fault.amount),
            FaultKind::Panic => {
                self.command(Command::Panic(fault.key.account));
                self.command(Command::Panic(fault.key.account))
            }
            FaultKind::Orders => true,
            _ => {
                self.weather.begin(self.now, fault);
                true
            }
        };
        if happened {
            self.count(fault.kind);
        }
    }

    /// A fault has happened.
    fn count(&mut self, kind: FaultKind) {
        *self.fired.entry(kind).or_default() += 1;
    }

    /// Somebody acts by hand.
    fn on_hand(&mut self, fault: &Fault) -> bool {
        let (key, amount) = (fault.key, fault.amount);
        let part = self.exchange.held(key) * amount / 700;
        match fault.kind {
            FaultKind::HandClose => self.exchange.close(self.now, key, part, Some(ClosedBy::Hand)) > 0,
            FaultKind::HandUntold => self.exchange.close(self.now, key, part, None) > 0,
            FaultKind::HandCancel => self.exchange.take_stop_away(key, amount % 2 == 0),
            FaultKind::HandEdit => self.exchange.edit_stop(key, amount % 200 - 100),
            FaultKind::HandFlip => self.exchange.flip(self.now, key),
            _ => {
                self.oracle.on_foreign(key);
                self.exchange.foreign(key, amount.unsigned_abs() % 3);
                true
            }
        }
    }

    /// The venue acts by itself.
    fn on_venue_fault(&mut self, fault: &Fault) -> bool {
        let (key, amount) = (fault.key, fault.amount);
        let all = self.exchange.held(key);
        let part = all * amount / 700;
        match fault.kind {
            FaultKind::Liquidation => {
                self.exchange.close(self.now, key, part, Some(ClosedBy::Liquidation)) > 0
            }
            FaultKind::Adl => self.exchange.close(self.now, key, part, Some(ClosedBy::Adl)) > 0,
            FaultKind::Settlement => self.exchange.close(self.now, key, all, Some(ClosedBy::Settlement)) > 0,
            FaultKind::Funding => {
                self.exchange.settle_funding(fault.key.instrument, amount % 60 - 30);
                true
            }
            FaultKind::Tick => {
                self.exchange.coarsen(fault.key.instrument, amount % 9 + 2);
                self.weather.begin(self.now, fault);
                true
            }
            _ => self.exchange.drop_resting(key, fault.kind == FaultKind::ExpireResting),
        }
    }

    fn on_kill(&mut self, account: AccountId, amount: i64) -> bool {
        let level = match amount % 9 {
            0 => Some(KillLevel::Flatten),
            1 | 2 => Some(KillLevel::Silent),
            3 | 4 => Some(KillLevel::ProtectOnly),
            5 | 6 => Some(KillLevel::NoChoice),
            _ => None,
        };
        self.command(Command::Kill { account, level, confirmed: true })
    }

    /// A person asks; nobody hears it where no process lives.
    pub(super) fn command(&mut self, command: Command) -> bool {
        let hears = self.host.core.is_some() && self.now >= self.host.busy_until;
        if hears {
            let about = match &command {
                Command::Close { key, .. } | Command::MoveStop { key, .. } | Command::Signal { key, .. } => {
                    Some(*key)
                }
                _ => None,
            };
            let said = self.oracle.said();
            self.step(Event::Command(command));
            if let Some(key) = about.filter(|_| self.oracle.said() == said) {
                self.oracle.on_nothing_said(self.now, key);
            }
        }
        hears
    }

    /// The process is gone, and with it everything that is not durable; `false` when it was gone already.
    pub(super) fn die(&mut self, down: Span) -> bool {
        if self.host.core.take().is_none() {
            return false;
        }
        self.tale.line(self.now, "process", &"dies");
        self.host.out.clear();
        self.host.log.roll_back();
        self.host.commit_at = Timestamp::NEVER;
        self.host.busy_until = self.now;
        self.host.starts_at = self.now.after(Span(down.0 / 4));
        self.wire.hang_up();
        self.waits.retain(|(_, wait)| *wait == Wait::Checkpoint);
        self.awaited.clear();
        self.weather.was_bad_until(self.host.starts_at);
        self.oracle.on_death();
        true
    }

    /// It dies the way that was prepared for it, if that is `kind`.
    pub(super) fn dies_by(&mut self, kind: FaultKind) -> bool {
        let Some(fault) = self.armed.filter(|fault| fault.kind == kind) else { return false };
        self.armed = None;
        self.count(kind);
        self.die(fault.lasts)
    }

    /// How many of its actions are sent before it dies.
    pub(super) fn sent_before_death(&self, actions: usize) -> usize {
        match self.armed {
            Some(fault) if fault.kind == FaultKind::CrashBeforeSend && actions > 0 => {
                usize::try_from(fault.amount).unwrap_or(0) % actions
            }
            _ => actions,
        }
    }

    /// It writes a snapshot; `false` when it died of it.
    pub(super) fn snapshot(&mut self) -> bool {
        let late = self.host.now(self.now);
        let is_torn = self.armed.is_some_and(|fault| fault.kind == FaultKind::CrashInSnapshot);
        let Some(core) = &mut self.host.core else { return true };
        let mut out = ripcord_core::event::Outbox::default();
        // A slow disk takes its time, and a timer may be due by now: it comes behind the snapshot.
        let now = late.min(Timestamp(core.next_deadline().0 - 1));
        core.checkpoint(now, &mut out);
        self.host.log.append(&out.records);
        self.oracle.on_decided(out.records);
        self.host.log.commit();
        self.host.log.snapshot(core, is_torn);
        self.check_twin(now);
        !self.dies_by(FaultKind::CrashInSnapshot)
    }

    /// Every fault ends.
    pub(super) fn on_heal(&mut self) {
        self.weather.clear(self.now);
        self.armed = None;
        self.exchange.end_foreign();
        for instrument in (0..self.config.markets.len()).map(super::ask::instrument) {
            self.exchange.coarsen(instrument, 1);
        }
        if self.now < self.host.busy_until {
            // What was said to the process that stood still is heard now.
            self.wire.bring_forward(self.host.busy_until, self.now);
            self.host.busy_until = self.now;
        }
        self.host.starts_at = self.host.starts_at.min(self.now.after(Span::from_secs(1)));
    }

    /// What a bucket holds at the exchange.
    pub(super) fn held(&self, key: PositionKey) -> i64 {
        self.exchange.held(key)
    }
}
