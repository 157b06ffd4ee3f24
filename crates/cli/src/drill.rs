//! `ripcord drill`: exits forced on paper, and the proof that each was what it should be.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use ripcord_core::instrument::Side;
use ripcord_service::drill::{Drill, DrillError, Forced, Subject, drill};
use ripcord_sim::plan_file::{presets, read_plan};
use serde_json::{Value, json};

use crate::output::{BAD_REQUEST, FAILED, fail, print_and_end};

/// What to drill.
#[derive(Debug, Subcommand)]
pub(crate) enum DrillCommand {
    /// Force one exit of a plan on paper, or one of each of its rules, and prove it
    Exit(ExitArgs),
}

/// Options of `drill exit`.
#[derive(Debug, Args)]
pub(crate) struct ExitArgs {
    /// The rule that must act: hard_stop, loss_guard, stop_loss, soft_stop, trailing_stop, take_profit:N,
    /// signal_exit, time_limit, bracket, protection_failed or panic; without it, each that the plan has
    #[arg(long)]
    rule: Option<String>,
    /// The plan: a file (TOML), or preset:NAME
    #[arg(long, value_name = "PLAN", conflicts_with = "preset")]
    plan: Option<PathBuf>,
    /// The plan: one that is built in (see `ripcord plan list`)
    #[arg(long, value_name = "NAME", default_value = "bottrader")]
    preset: String,
    /// A long position (the default)
    #[arg(long, conflicts_with = "short")]
    long: bool,
    /// A short position
    #[arg(long)]
    short: bool,
    /// Chance of the market before the exit
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep records, ledger rows and the store of each drill in a folder of its own there
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &DrillCommand) -> ExitCode {
    let DrillCommand::Exit(args) = command;
    match drills(args) {
        Ok(held) => tell(args, &held),
        Err(Refused { code, what }) => fail(code, &what),
    }
}

struct Refused {
    code: u8,
    what: String,
}

impl From<DrillError> for Refused {
    fn from(error: DrillError) -> Self {
        Self { code: if error.is_request() { BAD_REQUEST } else { FAILED }, what: error.to_string() }
    }
}

/// A drill that was held, or why it could not be.
type Held = (Forced, Result<Drill, String>);

fn drills(args: &ExitArgs) -> Result<Vec<Held>, Refused> {
    let reference = args.plan.clone().unwrap_or_else(|| format!("{}{}", presets::PREFIX, args.preset).into());
    let written =
        read_plan(&reference).map_err(|error| Refused { code: BAD_REQUEST, what: error.to_string() })?;
    let side = if args.short { Side::Short } else { Side::Long };
    let subject = Subject::new(&written, side, args.seed)?;
    let asked = match &args.rule {
        Some(word) => vec![subject.find(word)?],
        None => Forced::of(&subject.plan),
    };
    let folder = Folder::new(args.save.as_deref())?;
    let mut held = Vec::new();
    for forced in asked {
        let place = folder.path.join(forced.word().replace(':', "_"));
        // A store of an earlier drill would be taken up again.
        if place.join("drill.db").exists() {
            let what =
                format!("{} is there already; --save another folder", place.join("drill.db").display());
            return Err(Refused { code: BAD_REQUEST, what });
        }
        std::fs::create_dir_all(&place).map_err(|error| io(&place, &error))?;
        let mut done = drill(&subject, forced, &place);
        if let (Ok(drill), true) = (&mut done, folder.is_passing) {
            drill.saved = None;
        }
        held.push((forced, done.map_err(|error| error.to_string())));
    }
    Ok(held)
}

fn io(path: &Path, error: &std::io::Error) -> Refused {
    Refused { code: FAILED, what: format!("{}: {error}", path.display()) }
}

/// Where drills are held; one that nobody asked to keep passes with them.
struct Folder {
    path: PathBuf,
    is_passing: bool,
}

impl Folder {
    fn new(save: Option<&Path>) -> Result<Self, Refused> {
        if let Some(path) = save {
            if path.exists() && !path.is_dir() {
                let what = format!("--save {}: this is a file; name a folder", path.display());
                return Err(Refused { code: BAD_REQUEST, what });
            }
            return Ok(Self { path: path.to_owned(), is_passing: false });
        }
        let mut bits = [0; 8];
        getrandom::fill(&mut bits).map_err(|error| Refused { code: FAILED, what: error.to_string() })?;
        let path = std::env::temp_dir().join(format!("ripcord-drill-{:016x}", u64::from_le_bytes(bits)));
        std::fs::create_dir(&path).map_err(|error| io(&path, &error))?;
        Ok(Self { path, is_passing: true })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_passing {
            // What cannot be removed lies in a folder for such things.
            let _left = std::fs::remove_dir_all(&self.path);
        }
    }
}

fn tell(args: &ExitArgs, held: &[Held]) -> ExitCode {
    let passed = held.iter().all(|(_, drill)| drill.as_ref().is_ok_and(|drill| drill.passed));
    let code = if passed { ExitCode::SUCCESS } else { ExitCode::from(FAILED) };
    let text = if args.json {
        let drills: Vec<Value> = held.iter().map(as_json).collect();
        format!("{:#}\n", json!({"passed": passed, "drills": drills}))
    } else if args.rule.is_some() {
        held.iter().map(story).collect()
    } else {
        lines(held, passed)
    };
    print_and_end(&text, code)
}

fn as_json((forced, drill): &Held) -> Value {
    match drill {
        Ok(drill) => serde_json::to_value(drill).unwrap_or(Value::Null),
        Err(why) => json!({"rule": forced.word(), "passed": false, "error": why}),
    }
}

/// One drill, with every proof.
fn story((forced, drill): &Held) -> String {
    let drill = match drill {
        Ok(drill) => drill,
        Err(why) => return format!("{}: FAILED: {why}\n", forced.word()),
    };
    let mut text = format!(
        "{} of plan {}, {}, on paper: {}\n",
        drill.rule,
        drill.plan,
        drill.side,
        if drill.passed { "PASSED" } else { "FAILED" }
    );
    text += &format!("set off: {}\n\n", drill.set_off);
    for proof in &drill.proofs {
        let mark = if proof.holds { "ok  " } else { "FAIL" };
        text += &format!("  {mark} {}\n       {}\n", proof.claim, proof.found);
    }
    text += &format!("\ntrigger to durable intent: {}\n", durable(drill));
    text += &format!("intent to last fill:       {}\n", filled(drill));
    if let Some(saved) = &drill.saved {
        text += &format!("saved in {}: drill.db, records.jsonl, ledger.jsonl\n", saved.display());
    }
    text
}

fn durable(drill: &Drill) -> String {
    drill.trigger_to_durable_us.map_or_else(
        || "none: the venue acts by itself".to_owned(),
        |us| format!("{}.{:03} ms by this machine's clock", us / 1_000, us % 1_000),
    )
}

fn filled(drill: &Drill) -> String {
    drill.intent_to_fill_ms.map_or_else(
        || "none: the order rested at the venue".to_owned(),
        |ms| format!("{ms} ms by the simulated venue's clock"),
    )
}

/// Each drill in a line.
fn lines(held: &[Held], passed: bool) -> String {
    let width = held.iter().map(|(forced, _)| forced.word().len()).max().unwrap_or(0);
    let mut text = String::new();
    for (forced, drill) in held {
        let (mark, words) = match drill {
            Ok(drill) if drill.passed => ("pass", drill.set_off.clone()),
            Ok(drill) => {
                let failed = drill.proofs.iter().filter(|proof| !proof.holds);
                let failed: Vec<String> =
                    failed.map(|proof| format!("{}: {}", proof.claim, proof.found)).collect();
                ("FAIL", failed.join("; "))
            }
            Err(why) => ("FAIL", why.clone()),
        };
        text += &format!("{mark}  {:<width$}  {words}\n", forced.word());
    }
    let count = held.iter().filter(|(_, drill)| drill.as_ref().is_ok_and(|drill| drill.passed)).count();
    text += &format!("{count} of {} drills passed{}\n", held.len(), if passed { "" } else { ": NOT PROVEN" });
    text
}
