//! `ripcord run`: a market, demo positions, exits as they happen.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ripcord_core::num::Ratio;
use ripcord_core::pacing::OrderBudget;
use ripcord_core::time::Span;
use ripcord_service::RunConfig;
use ripcord_service::clock::Speed;
use ripcord_service::keeper::KeptAt;
use ripcord_service::line::Style;
use ripcord_service::run::{MarketChoice, PlanChoice, VenueChoice};
use ripcord_sim::generator::Script;

use crate::address::address;
use crate::output::{BAD_REQUEST, FAILED, colours, fail};

/// Faster than this, `max` is meant.
const TIMES_MAX: u32 = 100_000;
/// A hundred years in seconds: what is asked for stays within the clock.
const LASTS_MAX: u64 = 3_155_760_000;
/// What changed at a venue without a word is found within five minutes.
const READ_EVERY_MAX: u64 = 300;
/// An order budget is for a day at most, in seconds.
const WINDOW_MAX: u64 = 86_400;
/// What an order budget leaves to stops and to exits of risk.
const RESERVE_BPS: i64 = 2_000;
/// After a venue said that it is busy, exits of choice wait this long.
const BUSY_PAUSE: Span = Span::from_secs(10);
/// A venue answers within milliseconds, or says nothing.
const ANSWER_WITHIN: Span = Span::from_millis(1_000);

/// Options of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Chance of the market and of the demo: the same seed gives the same run
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// What the generated market goes through
    #[arg(long, value_enum, default_value_t = Regime::Mixed, conflicts_with = "tape")]
    regime: Regime,
    /// Recorded prices in place of a generated market (made with `ripcord tape build`)
    #[arg(long, value_name = "FILE")]
    tape: Option<PathBuf>,
    /// Trade at this venue (`ripcord venue`, a process of its own) and take its prices: every position that it
    /// holds is taken over; needs --db
    #[arg(
        long,
        value_name = "ADDR:PORT",
        value_parser = address,
        requires = "db",
        conflicts_with_all = ["tape", "regime", "seed", "speed", "max_positions"]
    )]
    venue: Option<SocketAddr>,
    /// How often what the venue holds is read, at least every 5 minutes
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = read_every, requires = "venue")]
    read_every: Duration,
    /// How many orders each account may send, such as 50/10s: targets, signals and time limits wait for room and
    /// leave a fifth of it to what protects, which never waits
    #[arg(long, value_name = "N/TIME", value_parser = order_budget, requires = "venue")]
    order_budget: Option<OrderBudget>,
    /// Only shadow the account there: no order reaches it, what would have been done is done on paper. Nothing is
    /// protected
    #[arg(long, requires = "venue")]
    shadow: bool,
    /// The venue may be on another machine: its words are not secret, and not signed
    #[arg(long, requires = "venue")]
    venue_remote: bool,
    /// Profiles (TOML): the plans of the positions, in place of the demo's own; checked as by `ripcord check`
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    config: Option<PathBuf>,
    /// The plan of all positions: a file (TOML), or preset:NAME (see `ripcord plan list`)
    #[arg(long, value_name = "PLAN")]
    plan: Option<PathBuf>,
    /// How fast market time runs: 1, 10, .. or max
    #[arg(long, default_value = "1", value_parser = speed)]
    speed: Speed,
    /// Where /health and /positions are served; port 0 takes any free one
    #[arg(long, value_name = "ADDR:PORT", value_parser = address, default_value = "127.0.0.1:8007")]
    listen: SocketAddr,
    /// The most demo positions that are open at once
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    max_positions: u32,
    /// Keep everything in this store, and go on from it: a run that ended, however it ended, is taken up again
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
    /// The token of those who may give commands; without it one is drawn, and its place is printed
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// End after so many seconds, or a time such as 90s, 5m, 2h; without it Ctrl-C ends the run
    #[arg(long = "for", value_name = "TIME", value_parser = lasting)]
    lasts: Option<Duration>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// Print only the start, alarms and the summary
    #[arg(long)]
    quiet: bool,
}

/// What a generated market goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Regime {
    /// Little moves
    Calm,
    /// Up and down for longer
    Trend,
    /// Crash after crash, each with its recovery
    Crash,
    /// All of them; a crash now and then
    Mixed,
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    match text.parse::<u32>() {
        Ok(0) => Err("at speed 0 the market stands still; give 1, 10, .. or max".to_owned()),
        Ok(times) if times <= TIMES_MAX => Ok(Speed::Times(times)),
        Ok(_) => Err(format!("faster than {TIMES_MAX} is max")),
        Err(_) => Err("give a whole number such as 1 or 10, or max".to_owned()),
    }
}

/// Seconds, or a number with its unit; none when there are more than can be counted.
fn seconds(text: &str) -> Result<Option<u64>, String> {
    let unit = |letter| match letter {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3_600),
        'd' => Some(86_400_u64),
        _ => None,
    };
    let (count, seconds) = match text.char_indices().last() {
        Some((at, letter)) => match unit(letter) {
            Some(seconds) => (&text[..at], seconds),
            None => (text, 1),
        },
        None => (text, 1),
    };
    let is_number = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return Err("give seconds, or a number with s, m, h or d, such as 90s or 5m".to_owned());
    }
    Ok(count.parse().ok().and_then(|count: u64| count.checked_mul(seconds)))
}

/// How long a run lasts.
fn lasting(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        Some(0) => Err("is no time at all; leave it out to run until Ctrl-C".to_owned()),
        Some(total) if total <= LASTS_MAX => Ok(Duration::from_secs(total)),
        Some(_) | None => Err("is longer than 100 years; leave it out to run until Ctrl-C".to_owned()),
    }
}

/// How often a venue is read.
fn read_every(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        Some(0) => Err("the venue would be read without a pause; give 1s to 5m".to_owned()),
        Some(total) if total <= READ_EVERY_MAX => Ok(Duration::from_secs(total)),
        Some(_) | None => Err("what changes at the venue would be found too late; give 1s to 5m".to_owned()),
    }
}

/// A number of orders and the time in which they may be sent.
fn order_budget(text: &str) -> Result<OrderBudget, String> {
    let wanted = "give a number of orders and a time, such as 50/10s";
    let (orders, window) = text.split_once('/').ok_or(wanted)?;
    let orders = orders.parse().map_err(|_| wanted.to_owned())?;
    let fault = "it must be 2 to 10000 orders within at least 1s and at most a day";
    let window = match seconds(window)? {
        Some(seconds @ 1..=WINDOW_MAX) => Duration::from_secs(seconds),
        Some(_) | None => return Err(fault.to_owned()),
    };
    let budget = OrderBudget {
        orders,
        window: Span(i64::try_from(window.as_nanos()).unwrap_or(i64::MAX)),
        reserve: Ratio::from_bps(RESERVE_BPS),
        pause: BUSY_PAUSE,
    };
    budget.is_sound().then_some(budget).ok_or_else(|| fault.to_owned())
}

pub(crate) fn run(args: RunArgs) -> ExitCode {
    let script = match args.regime {
        Regime::Calm => Script::Calm,
        Regime::Trend => Script::Trend,
        Regime::Crash => Script::Crash,
        Regime::Mixed => Script::Mixed,
    };
    let style = match (args.json, colours()) {
        (true, _) => Style::Json,
        (false, true) => Style::Colour,
        (false, false) if std::io::stdout().is_terminal() => Style::Terminal,
        (false, false) => Style::Plain,
    };
    let market = match (args.venue, args.tape) {
        (Some(addr), _) => MarketChoice::Venue(VenueChoice {
            addr,
            read_every: Span(i64::try_from(args.read_every.as_nanos()).unwrap_or(i64::MAX)),
            answer_within: ANSWER_WITHIN,
            may_be_remote: args.venue_remote,
            budget: args.order_budget,
            is_shadow: args.shadow,
        }),
        (None, Some(tape)) => MarketChoice::Recorded(tape),
        (None, None) => MarketChoice::Generated(script),
    };
    let config = RunConfig {
        market,
        plans: match (args.config, args.plan) {
            (Some(config), _) => PlanChoice::Config(config),
            (None, Some(plan)) => PlanChoice::Plan(plan),
            (None, None) => PlanChoice::Demo,
        },
        seed: args.seed,
        speed: args.speed,
        listen: args.listen,
        positions_max: args.max_positions,
        lasts: args.lasts,
        store: args.db.map(KeptAt::file),
        token_file: args.token_file,
        style,
        is_quiet: args.quiet,
    };
    match ripcord_service::run(&config, Box::new(std::io::stdout())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_request() => fail(BAD_REQUEST, &error),
        Err(error) => fail(FAILED, &error),
    }
}
