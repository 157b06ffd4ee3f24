//! `ripcord journal`: what a store's journal says, whether it is whole, and whether the core says the
//! same again.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use ripcord_core::event::Record;
use ripcord_journal::{JournalEntry, Kind, RebuildError, Rebuilder, Sealed};
use ripcord_store::{Reader, StoreError};
use serde::Serialize;
use serde_json::json;

use crate::output::{FAILED, ended, fail, note, plural, print, refuse_store, write};

/// A journal may have millions of lines; bytes of them that are handed over in one piece.
const PRINTED_AT_ONCE: usize = 1 << 16;

/// What to do with a journal.
#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Print its records, one a line
    Dump(DumpArgs),
    /// Check every record, the chain, the database and the snapshots
    Verify(FileArgs),
    /// Replay its inputs and compare every record and order with what is written down
    Replay(FileArgs),
}

/// Options of `journal dump`.
#[derive(Debug, Args)]
pub(crate) struct DumpArgs {
    /// The store
    #[arg(value_name = "DB")]
    store: PathBuf,
    /// Print JSON, one document a line
    #[arg(long)]
    json: bool,
    /// Begin with this record
    #[arg(long, value_name = "SEQ", default_value_t = 1)]
    from: u64,
    /// Only records of this kind, such as filled, input or taken
    #[arg(long, value_name = "WORD", value_parser = kind)]
    kind: Option<Kind>,
}

/// Options of `journal verify` and `journal replay`.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// The store
    #[arg(value_name = "DB")]
    store: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn kind(word: &str) -> Result<Kind, String> {
    let words = || Kind::ALL.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(", ");
    Kind::from_word(word).ok_or_else(|| format!("choose one of: {}", words()))
}

pub(crate) fn run(command: &JournalCommand) -> ExitCode {
    match command {
        JournalCommand::Dump(args) => dump(args),
        JournalCommand::Verify(args) => verify(args),
        JournalCommand::Replay(args) => replay(args),
    }
}

/// A record as JSON. The hash is what proves it; the payload is told by its meaning.
#[derive(Serialize)]
struct Shown<'a> {
    seq: u64,
    scope: u32,
    epoch: u64,
    at: i64,
    kind: &'static str,
    version: u16,
    config: String,
    previous: String,
    hash: String,
    entry: Told<'a>,
}

/// A fact without its time, which stands in front already.
#[derive(Serialize)]
#[serde(untagged)]
enum Told<'a> {
    Fact(&'a Record),
    Entry(&'a JournalEntry),
}

fn dump(args: &DumpArgs) -> ExitCode {
    let reader = match Reader::open_any(&args.store) {
        Ok(reader) => reader,
        Err(error) => return refuse_store(&error),
    };
    let mut lines = String::new();
    let shown = reader.records::<Cut>(args.from, args.kind, |sealed| {
        let seq = sealed.envelope.seq;
        let damaged = |what: String| Cut::Store(StoreError::Damaged { path: args.store.clone(), what });
        if sealed.envelope.hash() != sealed.hash {
            return Err(damaged(format!("record {seq}: its hash does not match its content")));
        }
        let entry = sealed.envelope.entry().map_err(|why| damaged(format!("record {seq}: {why}")))?;
        lines += &if args.json { as_json(&sealed, &entry) } else { as_text(&sealed, &entry) };
        if lines.len() > PRINTED_AT_ONCE {
            write(&lines).map_err(Cut::Output)?;
            lines.clear();
        }
        Ok(())
    });
    match shown {
        Ok(()) => print(&lines),
        Err(Cut::Output(error)) => ended(Err(error), ExitCode::SUCCESS),
        Err(Cut::Store(error)) => {
            print(&lines);
            refuse_store(&error)
        }
    }
}

/// Why a dump ends early: the file, or whoever was to read it.
enum Cut {
    Store(StoreError),
    Output(std::io::Error),
}

impl From<StoreError> for Cut {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn as_json(Sealed { envelope, hash }: &Sealed, entry: &JournalEntry) -> String {
    let told =
        if let JournalEntry::Fact(fact) = entry { Told::Fact(&fact.record) } else { Told::Entry(entry) };
    let shown = Shown {
        seq: envelope.seq,
        scope: envelope.scope,
        epoch: envelope.epoch,
        at: envelope.at.0,
        kind: entry.kind().word(),
        version: envelope.version,
        config: envelope.config.to_string(),
        previous: envelope.previous.to_string(),
        hash: hash.to_string(),
        entry: told,
    };
    serde_json::to_string(&shown).map_or_else(|why| format!("{why}\n"), |line| line + "\n")
}

fn as_text(Sealed { envelope, .. }: &Sealed, entry: &JournalEntry) -> String {
    let kind = entry.kind().word();
    let told = if let JournalEntry::Fact(fact) = entry {
        serde_json::to_string(&Told::Fact(&fact.record))
    } else {
        serde_json::to_string(&Told::Entry(entry))
    };
    // The kind is the name of the document's only field; it stands in front already.
    let told = told.unwrap_or_else(|why| why.to_string());
    let inner =
        told.split_once(':').map_or(told.as_str(), |(_, rest)| rest.strip_suffix('}').unwrap_or(rest));
    format!("{:>8} {:>4} {:>19} {kind:18} {inner}\n", envelope.seq, envelope.epoch, envelope.at.0)
}

fn verify(args: &FileArgs) -> ExitCode {
    let checked = Reader::open_any(&args.store).and_then(|reader| {
        let verified = reader.verify(|_, _| Ok::<(), StoreError>(()))?;
        Ok((verified, reader.installation()?))
    });
    let (verified, installation) = match checked {
        Ok(checked) => checked,
        Err(error) => return refuse_unsound(&error, args.json),
    };
    for why in &verified.passed_over {
        note(&format!("{why}; a start passes it over"));
    }
    let (head, store) = (verified.head, args.store.display().to_string());
    if args.json {
        let about = json!({
            "store": store, "sound": true, "records": head.seq, "epoch": head.epoch,
            "hash": head.hash.to_string(), "snapshots": verified.snapshots, "states": verified.states,
            "snapshots_passed_over": verified.passed_over,
            "installation": installation.map(|id| id.to_string()),
        });
        print(&format!("{about}\n"))
    } else {
        print(&format!(
            "{store}: {} {}, every one is as it was written; epoch {}, {} {}\nlast hash {}\n",
            head.seq,
            plural(head.seq, "record"),
            head.epoch,
            verified.snapshots,
            plural(verified.snapshots as u64, "snapshot"),
            head.hash
        ))
    }
}

/// As [`refuse`], without the advice to verify: that was just done.
fn refuse_unsound(error: &StoreError, json: bool) -> ExitCode {
    let (path, what) = match error {
        StoreError::Record { path, fault } => (path, fault.to_string()),
        StoreError::Damaged { path, what } => (path, what.clone()),
        _ => return refuse(error, json),
    };
    let told = format!("{}: {what}; use `ripcord db restore` for a backup", path.display());
    tell_unsound(error, &told, json);
    fail(FAILED, &told)
}

/// Exit code 1 for a damaged journal, 2 for a request that cannot be met.
fn refuse(error: &StoreError, json: bool) -> ExitCode {
    tell_unsound(error, &error.to_string(), json);
    refuse_store(error)
}

fn tell_unsound(error: &StoreError, told: &str, json: bool) {
    let seq = match error {
        StoreError::Record { fault, .. } => Some(fault.seq),
        _ => None,
    };
    if json {
        print(&format!("{}\n", json!({"sound": false, "record": seq, "error": told})));
    }
}

/// Why a replay stops: the file, or what it says.
enum Stop {
    Store(StoreError),
    Differs(Box<RebuildError>),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn replay(args: &FileArgs) -> ExitCode {
    let reader = match Reader::open_any(&args.store) {
        Ok(reader) => reader,
        Err(error) => return refuse(&error, args.json),
    };
    // Always from the first record: what a snapshot says is not taken for granted here.
    let mut rebuilder = Rebuilder::new();
    let differs = |why| Stop::Differs(Box::new(why));
    let followed = reader.entries(|seq, entry| rebuilder.next(seq, entry).map_err(differs));
    let rebuilt = followed.and_then(|_| rebuilder.finish().map_err(differs));
    let store = args.store.display().to_string();
    match rebuilt {
        Ok(rebuilt) => {
            let (facts, orders) = (rebuilt.facts_equal, rebuilt.orders_equal);
            if args.json {
                let about = json!({
                    "store": store, "equal": true, "records": rebuilt.seq,
                    "facts_equal": facts, "orders_equal": orders,
                });
                return print(&format!("{about}\n"));
            }
            print(&format!(
                "{store}: {} records; the core says {facts} facts and {orders} orders again, each byte the same\n",
                rebuilt.seq
            ))
        }
        Err(Stop::Store(error)) => refuse(&error, args.json),
        Err(Stop::Differs(error)) => {
            if args.json {
                print(&format!("{}\n", json!({"store": store, "equal": false, "error": error.to_string()})));
            }
            fail(1, &format!("{store}: {error}"))
        }
    }
}
