//! What is claimed of a drill, and whether the records, the journal and the ledger bear it out.

use std::path::Path;

use ripcord_core::event::{Entry, ExitDecided, Filled, Record};
use ripcord_core::num::Qty;
use ripcord_core::reason::{Reason, Source};
use ripcord_journal::Rebuilder;
use ripcord_store::ledger::{self, Filter, LedgerFile, TradeRecord};
use ripcord_store::{Reader, StoreError};
use serde::Serialize;
use serde_json::{Value, json};

use super::scene::Ended;
use super::{Drill, DrillError, ENTRY, Forced, SetOff, Subject, instrument};
use crate::names::price_text;

/// One claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// What is claimed.
    pub claim: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// What was found.
    pub found: String,
}

fn claim(claim: &'static str, holds: bool, found: String) -> Proof {
    Proof { claim, holds, found }
}

/// Proves a drill that has ended; writes what it is proven by into `folder`.
pub(super) fn prove(
    subject: &Subject,
    forced: Forced,
    set_off: SetOff,
    ended: Ended,
    folder: &Path,
) -> Result<Drill, DrillError> {
    let told = Told::of(&ended.entries);
    let mut proofs = vec![
        told.decided_once(forced),
        told.reason(forced),
        told.filled_what_was_held(forced),
        told.never_more_than_held(),
        claim(
            "nothing is left: flat here and at the venue, no order alive",
            ended.is_flat && ended.venue_holds.0 == 0 && ended.living == 0,
            format!("{} orders alive, the venue holds {}", ended.living, ended.venue_holds.0),
        ),
    ];
    proofs.extend(of_store(&ended.store)?);
    save(&ended, folder)?;
    Ok(Drill {
        rule: forced.word(),
        plan: subject.spec.name.clone(),
        side: subject.side.word(),
        passed: proofs.iter().all(|proof| proof.holds),
        set_off: set_off.text,
        level: set_off.level.map(|level| price_text(&instrument(), level)),
        proofs,
        trigger_to_durable_us: ended
            .durable
            .filter(|_| forced != Forced::Bracket)
            .map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX)),
        intent_to_fill_ms: told.intent_to_fill_ms(forced),
        saved: Some(folder.to_owned()),
    })
}

/// The records that matter, sorted out.
struct Told<'a> {
    entries: &'a [Entry],
    decided: Vec<&'a ExitDecided>,
    fills: Vec<&'a Filled>,
}

impl<'a> Told<'a> {
    fn of(entries: &'a [Entry]) -> Self {
        let decided = entries.iter().filter_map(|entry| match &entry.record {
            Record::ExitDecided(decided) => Some(&**decided),
            _ => None,
        });
        let fills = entries.iter().filter_map(|entry| match &entry.record {
            Record::Filled(filled) => Some(&**filled),
            _ => None,
        });
        Self { entries, decided: decided.collect(), fills: fills.collect() }
    }

    /// Whether a fill belongs to what was forced.
    fn is_own(forced: Forced, fill: &Filled) -> bool {
        match forced {
            Forced::Leg(leg) => fill.id.leg == leg,
            Forced::Bracket => fill.source == Source::ExchangeBracket,
            Forced::Rule(_) | Forced::Panic | Forced::ProtectionFailed => {
                fill.id.leg == 0 && fill.source != Source::ExchangeBracket
            }
        }
    }

    fn own(&self, forced: Forced) -> impl Iterator<Item = &&'a Filled> {
        self.fills.iter().filter(move |fill| Self::is_own(forced, fill))
    }

    /// Decisions that close everything, or those of a leg.
    fn decisions(&self, forced: Forced) -> Vec<&&'a ExitDecided> {
        let own = |decided: &&&ExitDecided| match forced {
            Forced::Leg(leg) => decided.leg == leg,
            // The hand that ends a leg's drill is not what was forced.
            _ => decided.leg == 0,
        };
        self.decided.iter().filter(own).collect()
    }

    fn decided_once(&self, forced: Forced) -> Proof {
        let decisions = self.decisions(forced);
        let reasons: Vec<&str> = decisions.iter().map(|decided| decided.reason.word()).collect();
        let found = format!("{} decided: {}", decisions.len(), reasons.join(", "));
        match forced {
            Forced::Bracket => {
                claim("no decision of ours: the venue acts by itself", decisions.is_empty(), found)
            }
            Forced::Leg(leg) => {
                let is_resting = self.fills.iter().any(|fill| fill.id.leg == leg && fill.id.exit == 0);
                let wanted = usize::from(!is_resting);
                let words = "decided once, or resting at the venue from the opening on";
                claim(words, decisions.len() == wanted, found)
            }
            Forced::Rule(_) | Forced::Panic | Forced::ProtectionFailed => {
                claim("exactly one closing decision", decisions.len() == 1, found)
            }
        }
    }

    fn reason(&self, forced: Forced) -> Proof {
        let fits = |reason: Reason, source: Source| {
            forced.reason().is_none_or(|wanted| wanted == reason) && source == forced.source()
        };
        let decisions = self.decisions(forced);
        let decided = decisions.iter().all(|decided| fits(decided.reason, decided.source));
        let filled =
            self.own(forced).count() > 0 && self.own(forced).all(|fill| fits(fill.reason, fill.source));
        let mut found: Vec<String> = self
            .own(forced)
            .map(|fill| format!("{} by {}", fill.reason.word(), fill.source.word()))
            .collect();
        found.dedup();
        claim("reason and source are those of the rule", decided && filled, found.join(", "))
    }

    fn filled_what_was_held(&self, forced: Forced) -> Proof {
        let filled: i64 = self.own(forced).map(|fill| fill.qty.0).sum();
        let wanted = match forced {
            Forced::Leg(leg) => self.ordered(leg),
            Forced::Bracket => ENTRY.1.0,
            Forced::Rule(_) | Forced::Panic | Forced::ProtectionFailed => {
                self.decisions(forced).first().map_or(0, |decided| decided.qty.0)
            }
        };
        let words = match forced {
            Forced::Leg(_) => "filled: what the leg ordered",
            _ => "filled: everything that was held",
        };
        claim(words, filled == wanted && wanted > 0, format!("{filled} of {wanted} thousandths"))
    }

    /// What a leg asked for; tries of the same part count once.
    fn ordered(&self, leg: u8) -> i64 {
        let orders = self.entries.iter().filter_map(|entry| match &entry.record {
            Record::OrderIntended(order) if order.id.leg == leg => Some(order.qty.0),
            _ => None,
        });
        orders.max().unwrap_or(0)
    }

    fn never_more_than_held(&self) -> Proof {
        let all: i64 = self.fills.iter().map(|fill| fill.qty.0).sum();
        let mut left = ENTRY.1.0;
        let is_chain = self.fills.iter().all(|fill| {
            left -= fill.qty.0;
            left >= 0 && fill.remaining == Qty(left)
        });
        let found = format!("{all} of {} thousandths in {} fills", ENTRY.1.0, self.fills.len());
        claim("never more than was held, and all of it in the end", is_chain && all == ENTRY.1.0, found)
    }

    fn intent_to_fill_ms(&self, forced: Forced) -> Option<i64> {
        let last = self.own(forced).last()?;
        let filled = self
            .entries
            .iter()
            .rfind(|entry| matches!(&entry.record, Record::Filled(of) if of.id == last.id));
        let intended = self
            .entries
            .iter()
            .find(|entry| matches!(&entry.record, Record::OrderIntended(order) if order.id == last.id));
        let (filled, intended) = (filled?.at, intended?.at);
        // An order that rests is intended long before.
        let waits = forced == Forced::Bracket || last.id.exit == 0;
        (!waits).then(|| filled.since(intended).0 / 1_000_000)
    }
}

/// The journal is whole, the core says the same again, and the ledger is what the journal says.
fn of_store(path: &Path) -> Result<[Proof; 3], DrillError> {
    let reader = Reader::open(path)?;
    let verified = reader.verify(|_, _| Ok::<(), StoreError>(()));
    let whole = match &verified {
        Ok(verified) => format!("{} records, last hash {}", verified.head.seq, verified.head.hash),
        Err(error) => error.to_string(),
    };
    let mut rebuilder = Rebuilder::new();
    let mut differs = None;
    reader.entries::<StoreError>(|seq, entry| {
        if differs.is_none() {
            differs = rebuilder.next(seq, entry).err();
        }
        Ok(())
    })?;
    let replayed = match differs {
        Some(why) => Err(why),
        None => rebuilder.finish(),
    };
    let again = match &replayed {
        Ok(rebuilt) => {
            format!("{} facts and {} orders, each byte the same", rebuilt.facts_equal, rebuilt.orders_equal)
        }
        Err(why) => why.to_string(),
    };
    let compared = ledger::verify(&reader)?;
    let rows = match &compared.first {
        Some(first) => format!("{} of {} rows differ; first: {first}", compared.changed, compared.rows),
        None => format!("{} rows", compared.rows),
    };
    Ok([
        claim("the journal is whole", verified.is_ok(), whole),
        claim("the core says it again from the journal", replayed.is_ok(), again),
        claim("the ledger is what the journal says", compared.changed == 0 && compared.rows > 0, rows),
    ])
}

/// Records and ledger rows, one JSON document a line, beside the store.
fn save(ended: &Ended, folder: &Path) -> Result<(), DrillError> {
    let write = |name: &str, lines: Vec<String>| {
        let path = folder.join(name);
        std::fs::write(&path, lines.join("\n") + "\n")
            .map_err(|source| DrillError::Io { path: path.display().to_string(), source })
    };
    let records = ended.entries.iter().filter_map(|entry| serde_json::to_string(entry).ok());
    write("records.jsonl", records.collect())?;
    let file = LedgerFile::open(&ended.store)?;
    let mut rows = Vec::new();
    ledger::trade_records(file.connection(), &Filter::default(), |row| rows.push(row_json(&row).to_string()))
        .map_err(|source| StoreError::Sqlite {
            path: ended.store.clone(),
            doing: "its ledger cannot be read",
            source,
        })?;
    write("ledger.jsonl", rows)
}

fn row_json(row: &TradeRecord) -> Value {
    json!({
        "order_time": row.order_time, "order_id": row.order_id, "position_id": row.position_id,
        "symbol": row.symbol, "side": row.side, "size": row.size, "price": row.price,
        "total_fees_usd": row.fees, "pnl_usd": row.pnl, "exit_reason": row.reason, "exit_source": row.source,
        "exit_type": row.exit_type, "status": row.status,
    })
}

#[cfg(test)]
mod tests {
    use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PositionKey};
    use ripcord_core::instrument::Side;
    use ripcord_core::num::{Money, Price};
    use ripcord_core::plan::Rule;
    use ripcord_core::reason::ExitType;
    use ripcord_core::time::Timestamp;

    use super::*;

    const HARD: Forced = Forced::Rule(Rule::HardStop);

    fn episode() -> EpisodeId {
        let key = PositionKey { account: AccountId(0), instrument: InstrumentId(0), side: Side::Long };
        EpisodeId { key, generation: 1 }
    }

    fn decided(reason: Reason, qty: i64) -> Entry {
        let decided = ExitDecided {
            episode: episode(),
            exit: 1,
            reason,
            source: reason.source(),
            exit_type: ExitType::Market,
            leg: 0,
            origin: None,
            qty: Qty(qty),
            trigger: Price(1),
            price: Price(1),
            best: None,
            held: Vec::new(),
        };
        Entry { at: Timestamp(0), record: Record::ExitDecided(Box::new(decided)) }
    }

    fn filled(reason: Reason, qty: i64, remaining: i64) -> Entry {
        let filled = Filled {
            id: OrderId { episode: episode(), exit: 1, leg: 0, slice: 0, attempt: 0 },
            reason,
            source: reason.source(),
            exit_type: ExitType::Market,
            trigger: Price(1),
            qty: Qty(qty),
            price: Price(1),
            fee: Money::ZERO,
            cost: 0,
            entry_fees: Money::ZERO,
            funding: Money::ZERO,
            remaining: Qty(remaining),
        };
        Entry { at: Timestamp(0), record: Record::Filled(Box::new(filled)) }
    }

    /// Which of once, reason, filled and never more hold.
    fn holds(entries: &[Entry]) -> [bool; 4] {
        let told = Told::of(entries);
        [
            told.decided_once(HARD).holds,
            told.reason(HARD).holds,
            told.filled_what_was_held(HARD).holds,
            told.never_more_than_held().holds,
        ]
    }

    #[test]
    fn each_claim_fails_when_it_is_not_so() {
        use Reason::{HardStop, SoftStop};
        let good = [decided(HardStop, 1_000), filled(HardStop, 600, 400), filled(HardStop, 400, 0)];
        assert_eq!(holds(&good), [true; 4]);
        let twice = [good.as_slice(), &[decided(HardStop, 1_000)]].concat();
        assert_eq!(holds(&twice), [false, true, true, true], "two decisions");
        let none = [filled(HardStop, 1_000, 0)];
        assert_eq!(holds(&none), [false, true, false, true], "no decision");
        let other = [decided(SoftStop, 1_000), filled(SoftStop, 1_000, 0)];
        assert_eq!(holds(&other), [true, false, true, true], "another rule");
        let short = [decided(HardStop, 1_000), filled(HardStop, 999, 1)];
        assert_eq!(holds(&short), [true, true, false, false], "one lot is left");
        let more = [decided(HardStop, 1_000), filled(HardStop, 1_000, 0), filled(HardStop, 1_000, 0)];
        assert_eq!(holds(&more), [true, true, false, false], "sold twice");
        let nothing = [decided(HardStop, 1_000)];
        assert_eq!(holds(&nothing), [true, false, false, false], "never filled");
    }
}
