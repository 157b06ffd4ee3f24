//! The ripcord command: one main, the wiring in one readable place.
//!
//! Each subcommand has a file that reads its options, calls the crates that do the work, and
//! prints. Exit codes: 0 done, 1 the work failed, 2 the request was at fault; 3 of `ripcord status`: something
//! held is not covered as its plan wants. Commands to a service end with 3 when the engine refuses, and with
//! 4 when it is not reachable or does not allow it.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod address;
mod check;
mod command;
mod content;
mod db;
mod drill;
mod explain;
mod http;
mod journal;
mod ledger;
mod levels;
mod output;
mod plan;
mod replay;
mod report;
mod run;
mod status;
mod storm;
mod tape;
mod venue;

/// Gets crypto positions out: exactly once, never for more than is held, and able to prove why.
#[derive(Debug, Parser)]
#[command(name = "ripcord", version, propagate_version = true)]
struct Ripcord {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a configuration or a plan: whether its rules fit each other, and every level as a price
    Check(check::CheckArgs),
    /// Plans: what there is, what one says, which one holds
    #[command(subcommand)]
    Plan(plan::PlanCommand),
    /// Replay recorded prices over open positions: which rule closed what, when, at which price
    Replay(replay::ReplayArgs),
    /// Run on paper: a generated or recorded market, demo positions, exits as they happen
    Run(run::RunArgs),
    /// A simulated venue as a process of its own, for `ripcord run --venue`: it outlives the engines
    Venue(venue::VenueArgs),
    /// How much of what is held is covered, by what, and the worst that can happen; exit code 3 when something is not
    Status(status::StatusArgs),
    /// Close a position, or part of it, at the market
    Close(command::CloseArgs),
    /// Close everything at the market, now
    Panic(command::PanicArgs),
    /// Stop exits by hand: K1 no exits of choice, K2 only protection and risk exits, K3 nothing is sent, K4 close all
    Kill(command::KillArgs),
    /// Let go of a position: nothing here acts on it any more
    Release(command::ReleaseArgs),
    /// Have all rules of a position act; take one over again that was let go
    HandOver(command::HandOverArgs),
    /// Move the stop of a position; it only tightens
    MoveStop(command::MoveStopArgs),
    /// Force an exit on paper before trusting the engine with money, and prove what it did
    #[command(subcommand)]
    Drill(drill::DrillCommand),
    /// Play worlds full of faults from seeds, and have the engine judged in them
    Storm(storm::StormArgs),
    /// What one position lived through: levels, wakes, orders, fills, and why not earlier
    Explain(explain::ExplainArgs),
    /// What exits were worth: wins, losses, R:R, profit factor, expectancy, by reason or another group
    Report(report::ReportArgs),
    /// Recorded prices on disk: build, look at, verify
    #[command(subcommand)]
    Tape(tape::TapeCommand),
    /// The journal of a store: print it, check it, replay it
    #[command(subcommand)]
    Journal(journal::JournalCommand),
    /// The ledger of a store: show its trade records, check it against the journal, derive it again
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// The store as a file: status, migrate, rollback, backup, restore
    #[command(subcommand)]
    Db(db::DbCommand),
}

fn main() -> ExitCode {
    // What a foreign journal makes the core refuse is told as an error with its record.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !ripcord_journal::foreign::is_following() {
            usual(panic);
        }
    }));
    let command = match Ripcord::try_parse() {
        Ok(ripcord) => ripcord.command,
        Err(told) => return help_or_fault(&told),
    };
    match command {
        Command::Check(args) => check::run(&args),
        Command::Plan(command) => plan::run(&command),
        Command::Replay(args) => replay::run(&args),
        Command::Run(args) => run::run(args),
        Command::Venue(args) => venue::run(args),
        Command::Status(args) => status::run(&args),
        Command::Close(args) => command::close(&args),
        Command::Panic(args) => command::panic(&args),
        Command::Kill(args) => command::kill(&args),
        Command::Release(args) => command::release(&args),
        Command::HandOver(args) => command::hand_over(&args),
        Command::MoveStop(args) => command::move_stop(&args),
        Command::Drill(command) => drill::run(&command),
        Command::Storm(args) => storm::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Tape(command) => tape::run(&command),
        Command::Journal(command) => journal::run(&command),
        Command::Ledger(command) => ledger::run(&command),
        Command::Db(command) => db::run(&command),
    }
}

/// Help goes to standard output, which may refuse it; what is wrong with the options to standard error.
fn help_or_fault(told: &clap::Error) -> ExitCode {
    if told.use_stderr() {
        // With standard error closed there is nobody left to tell.
        let _closed = told.print();
        return ExitCode::from(output::BAD_REQUEST);
    }
    let styled = told.render();
    output::print(&if output::colours() { styled.ansi().to_string() } else { styled.to_string() })
}
