//! `ripcord check`: whether the plans of a configuration hold what they promise.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::{Decimal, Price};
use ripcord_core::plan::Severity;
use ripcord_sim::plan_file::checked::{Checked, check_plan, sample_entry, sample_instrument};
use ripcord_sim::plan_file::config::{self, Config, Profile};
use serde_json::{Value, json};

use crate::levels;
use crate::output::{BAD_REQUEST, fail, plural, print_and_end};

/// Options of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The configuration (TOML), or a plan: a file, or preset:NAME
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// The entry that levels are shown for
    #[arg(long, value_name = "PRICE", default_value = "100", allow_negative_numbers = true)]
    entry: Decimal,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &CheckArgs) -> ExitCode {
    let instrument = sample_instrument();
    let entry = match entry_price(Some(args.entry), &instrument) {
        Ok(entry) => entry,
        Err(error) => return fail(BAD_REQUEST, &error),
    };
    let config = match config::read_or_plan(&args.config) {
        Ok(config) => config,
        Err(faults) if args.json => {
            let faults: Vec<Value> = faults.0.iter().map(|fault| {
                json!({ "file": fault.file, "line": fault.line, "field": fault.field, "what": fault.what })
            }).collect();
            let value = json!({ "aligned": false, "faults": faults, "profiles": [] });
            return print_and_end(&format!("{value:#}\n"), ExitCode::from(BAD_REQUEST));
        }
        Err(faults) => return fail(BAD_REQUEST, &faults),
    };
    let checked = check_all(&config, &instrument, entry);
    let refused = checked.iter().any(|(_, checked)| checked.is_refused());
    let text = if args.json {
        format!("{:#}\n", json_of(&checked, entry, &instrument))
    } else {
        text_of(&checked, entry, &instrument)
    };
    print_and_end(&text, if refused { ExitCode::from(BAD_REQUEST) } else { ExitCode::SUCCESS })
}

/// An entry in the units of an instrument; absent it is the sample's.
pub(crate) fn entry_price(entry: Option<Decimal>, instrument: &Instrument) -> Result<Price, String> {
    let Some(entry) = entry else { return Ok(sample_entry()) };
    match entry.to_scale(instrument.price_decimals) {
        Ok(units) if units > 0 => Ok(Price(units)),
        Ok(_) => Err(format!("--entry is {entry}: must be above 0")),
        Err(error) => Err(format!("--entry is {entry}: {error}")),
    }
}

/// What a plan without a bracket comes to.
const NOTHING_RESTS: &str =
    "  note: no stop rests at the venue: while nothing runs here, nothing closes it ([bracket])\n";

type Found<'a> = Vec<(&'a Profile, Checked)>;

fn check_all<'a>(config: &'a Config, instrument: &Instrument, entry: Price) -> Found<'a> {
    let check = |profile: &'a Profile| (profile, check_plan(&profile.plan, instrument, entry));
    config.profiles.iter().map(check).collect()
}

fn text_of(found: &Found<'_>, entry: Price, instrument: &Instrument) -> String {
    let mut text = String::new();
    for (profile, checked) in found {
        text +=
            &format!("profile {} (line {}), for {}\n", profile.name, profile.line, profile.matches.words());
        text += &levels::findings(&checked.findings, &profile.places);
        if profile.plan.bracket.is_none() {
            text += NOTHING_RESTS;
        }
        for side in [Side::Long, Side::Short] {
            let rows = checked.levels(side);
            if !rows.is_empty() {
                text += &format!("  {}\n{}", side.word(), levels::table(rows, entry, instrument));
            }
        }
        text.push('\n');
    }
    let count = |severity| {
        let findings = found.iter().flat_map(|(_, checked)| &checked.findings);
        findings.filter(|finding| finding.severity == severity).count()
    };
    let (faults, warnings) = (count(Severity::Fault), count(Severity::Warning));
    text += &match (faults, warnings) {
        (0, 0) => "all systems aligned\n".to_owned(),
        (0, warnings) => format!("accepted, {warnings} {}\n", plural(warnings as u64, "warning")),
        (faults, warnings) => format!(
            "refused: {faults} {}, {warnings} {}\n",
            plural(faults as u64, "fault"),
            plural(warnings as u64, "warning")
        ),
    };
    text
}

fn json_of(found: &Found<'_>, entry: Price, instrument: &Instrument) -> Value {
    let profiles = found.iter().map(|(profile, checked)| {
        json!({
            "name": profile.name,
            "line": profile.line,
            "for": profile.matches.words(),
            "rests_at_venue": profile.plan.bracket.is_some(),
            "findings": levels::findings_json(&checked.findings, &profile.places),
            "entry": levels::shown(entry, instrument),
            "long": levels::json(&checked.long, entry, instrument),
            "short": levels::json(&checked.short, entry, instrument),
        })
    });
    let aligned = found.iter().all(|(_, checked)| checked.findings.is_empty());
    json!({ "aligned": aligned, "faults": [], "profiles": profiles.collect::<Vec<Value>>() })
}
