//! `ripcord plan`: which plans there are, what one says, which one holds for a position.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::{Decimal, Price, Ratio, shortest};
use ripcord_core::plan::PlanSpec;
use ripcord_sim::instruments;
use ripcord_sim::plan_file::checked::{check_plan, sample_instrument};
use ripcord_sim::plan_file::config::{self, Config, Keys, Profile};
use ripcord_sim::plan_file::presets::{self, PRESETS};
use ripcord_sim::plan_file::{WrittenPlan, parse_plan, plan_toml, read_plan};
use serde_json::{Value, json};

use crate::check::entry_price;
use crate::levels;
use crate::output::{BAD_REQUEST, fail, note, print, print_and_end, two_columns};

/// What to do with plans.
#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// The plans that are built in, and the profiles of a configuration
    List(ListArgs),
    /// A plan as a plan file, with its defaults written out
    Show(ShowArgs),
    /// Which plan holds for a position and why, and its levels as prices
    Resolve(ResolveArgs),
}

/// Options of `plan list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Profiles (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Options of `plan show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// A profile of --config, a preset, or a plan file
    #[arg(value_name = "NAME")]
    name: String,
    /// Profiles (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Options of `plan resolve`.
#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// The venue's symbol of the instrument
    #[arg(long, alias = "instrument", value_name = "S", value_parser = NonEmptyStringValueParser::new())]
    symbol: String,
    /// Profiles (TOML)
    #[arg(long, value_name = "FILE", required_unless_present = "plan")]
    config: Option<PathBuf>,
    /// A plan that goes before every profile: a file, or preset:NAME
    #[arg(long, value_name = "PLAN")]
    plan: Option<PathBuf>,
    /// The strategy that opened it
    #[arg(long, value_name = "X", value_parser = NonEmptyStringValueParser::new())]
    strategy: Option<String>,
    /// What the market is going through
    #[arg(long, value_name = "R", value_parser = NonEmptyStringValueParser::new())]
    regime: Option<String>,
    /// The venue
    #[arg(long, value_name = "V", value_parser = NonEmptyStringValueParser::new())]
    venue: Option<String>,
    /// Long or short
    #[arg(long, value_enum, default_value_t = SideChoice::Long)]
    side: SideChoice,
    /// The entry that levels are shown for [default: 100]
    #[arg(long, value_name = "PRICE")]
    entry: Option<Decimal>,
    /// Tick sizes (TOML, or Binance's exchangeInfo JSON)
    #[arg(long, value_name = "FILE", requires = "entry")]
    instruments: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SideChoice {
    /// Gains when the price rises
    Long,
    /// Gains when the price falls
    Short,
}

pub(crate) fn run(command: &PlanCommand) -> ExitCode {
    let done = match command {
        PlanCommand::List(args) => list(args),
        PlanCommand::Show(args) => show(args),
        PlanCommand::Resolve(args) => resolve(args),
    };
    match done {
        Ok(code) => code,
        Err(error) => fail(BAD_REQUEST, &error),
    }
}

fn read_config(path: Option<&PathBuf>) -> Result<Option<Config>, String> {
    path.map(|path| config::read(path).map_err(|faults| faults.to_string())).transpose()
}

fn list(args: &ListArgs) -> Result<ExitCode, String> {
    let config = read_config(args.config.as_ref())?;
    let profiles: &[Profile] = config.as_ref().map_or(&[], |config| &config.profiles);
    if args.json {
        let presets = PRESETS.iter().map(|preset| json!({ "name": preset.name, "about": preset.about }));
        let profiles = profiles.iter().map(
            |profile| json!({ "name": profile.name, "line": profile.line, "for": profile.matches.words() }),
        );
        let value = json!({
            "presets": presets.collect::<Vec<Value>>(),
            "profiles": profiles.collect::<Vec<Value>>(),
        });
        return Ok(print(&format!("{value:#}\n")));
    }
    let rows =
        profiles.iter().map(|profile| (profile.name.clone(), format!("for {}", profile.matches.words())));
    let presets =
        PRESETS.iter().map(|preset| (format!("{}{}", presets::PREFIX, preset.name), preset.about.to_owned()));
    let rows: Vec<(String, String)> = rows.chain(presets).collect();
    Ok(print(&two_columns(&rows)))
}

/// A profile of the configuration, else a preset, else a file.
fn named(name: &str, config: Option<&Config>) -> Result<PlanSpec, String> {
    let profile = config.and_then(|config| config.profiles.iter().find(|profile| profile.name == name));
    if let Some(profile) = profile {
        return Ok(profile.plan.clone());
    }
    if let Some(preset) = presets::preset(name) {
        return parse_plan(preset.text, preset.name).map_err(|error| error.to_string());
    }
    if !name.starts_with(presets::PREFIX) && !Path::new(name).exists() {
        return Err(format!(
            "{name} is no profile, no preset and no file; `ripcord plan list` tells what there is"
        ));
    }
    read_plan(Path::new(name)).map(|written| written.plan).map_err(|error| error.to_string())
}

fn show(args: &ShowArgs) -> Result<ExitCode, String> {
    let config = read_config(args.config.as_ref())?;
    let plan = named(&args.name, config.as_ref())?.filled();
    if args.json {
        let value = serde_json::to_value(&plan).map_err(|error| error.to_string())?;
        Ok(print(&format!("{value:#}\n")))
    } else {
        Ok(print(&plan_toml(&plan)))
    }
}

/// A plan that holds, what it is called, and why it holds.
struct Chosen {
    name: String,
    written: WrittenPlan,
    why: String,
}

fn chosen(args: &ResolveArgs, config: Option<&Config>) -> Result<Chosen, String> {
    if let Some(path) = &args.plan {
        let written = read_plan(path).map_err(|error| error.to_string())?;
        let why = "--plan goes before every profile".to_owned();
        return Ok(Chosen { name: path.display().to_string(), written, why });
    }
    let keys = Keys {
        venue: args.venue.clone(),
        instrument: Some(args.symbol.clone()),
        strategy: args.strategy.clone(),
        regime: args.regime.clone(),
    };
    let config = config.ok_or("give --config or --plan")?;
    let named = Keys { instrument: None, ..keys.clone() };
    for text in config.unknown(&named) {
        note(&text);
    }
    let profile = config.profile(&keys).ok_or_else(|| {
        format!(
            "no profile is for {}; give one without venue, instrument, strategy and regime to catch the rest",
            keys.words()
        )
    })?;
    let others: Vec<&str> = config
        .profiles
        .iter()
        .filter(|other| other.matches.matches(&keys) && other.name != profile.name)
        .map(|other| other.name.as_str())
        .collect();
    let why = if others.is_empty() {
        format!("the only profile for {}; it asks for {}", keys.words(), profile.matches.words())
    } else {
        let others = others.join(", ");
        format!(
            "the most specific for {}: it asks for {}; less specific: {others}",
            keys.words(),
            profile.matches.words()
        )
    };
    let written = WrittenPlan { plan: profile.plan.clone(), places: profile.places.clone() };
    Ok(Chosen { name: profile.name.clone(), written, why })
}

fn instrument_of(args: &ResolveArgs) -> Result<Instrument, String> {
    let Some(path) = &args.instruments else { return Ok(sample_instrument()) };
    let known = instruments::read(path).map_err(|error| error.to_string())?;
    let found = known.into_iter().find(|instrument| instrument.symbol == args.symbol);
    found.ok_or_else(|| format!("{}: has no instrument {}", path.display(), args.symbol))
}

fn resolve(args: &ResolveArgs) -> Result<ExitCode, String> {
    let config = read_config(args.config.as_ref())?;
    let Chosen { name, written: WrittenPlan { plan, places }, why } = chosen(args, config.as_ref())?;
    let instrument = instrument_of(args)?;
    let entry: Price = entry_price(args.entry, &instrument)?;
    let side = match args.side {
        SideChoice::Long => Side::Long,
        SideChoice::Short => Side::Short,
    };
    let checked = check_plan(&plan, &instrument, entry);
    let rows = checked.levels(side);
    let runner = runner(&plan, &instrument);
    let code = if checked.is_refused() { ExitCode::from(BAD_REQUEST) } else { ExitCode::SUCCESS };
    if args.json {
        let value = json!({
            "plan": name,
            "why": why,
            "side": side.word(),
            "entry": levels::shown(entry, &instrument),
            "levels": levels::json(rows, entry, &instrument),
            "runner": runner,
            "findings": levels::findings_json(&checked.findings, &places),
        });
        return Ok(print_and_end(&format!("{value:#}\n"), code));
    }
    let mut text = format!("plan {name}: {why}\n  {}\n", side.word());
    text += &levels::table(rows, entry, &instrument);
    if let Some(runner) = runner {
        text += &format!("  the ladder leaves {runner} of the position\n");
    }
    text += &levels::findings(&checked.findings, &places);
    if plan.atr.is_some() {
        note("distances in ATR are shown for an ATR of 2 % of the price");
    }
    Ok(print_and_end(&text, code))
}

/// What the ladder leaves, as a fraction of the position.
fn runner(plan: &PlanSpec, instrument: &Instrument) -> Option<String> {
    let (plan, _, faults) = plan.resolve_parts(ripcord_core::id::InstrumentId(0), instrument);
    let runner = plan.ladder.filter(|_| faults.is_empty())?.runner();
    Some(shortest(i128::from(runner.0), Ratio::DECIMALS).to_string())
}
