//! `ripcord venue`: a simulated venue that outlives the engines that trade at it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use ripcord_venue::serve::{Control, Heard, Server, VenueConfig};
use ripcord_venue::trouble::Level;

use crate::address::address;
use crate::output::{BAD_REQUEST, FAILED, fail, print};

/// A word on standard input is not longer.
const WORD_MAX: u64 = 64;

/// Options of `venue`.
#[derive(Debug, Args)]
pub(crate) struct VenueArgs {
    /// Where it listens; port 0 takes any free one
    #[arg(long, value_name = "ADDR:PORT", value_parser = address, default_value = "127.0.0.1:8010")]
    listen: SocketAddr,
    /// It may be reached from the network: its words are not secret, and not signed
    #[arg(long)]
    open_to_network: bool,
    /// Its chance: prices, openings, what goes wrong
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How much goes wrong: lost and doubled answers, refusals, latency, broken connections
    #[arg(long, value_enum, default_value_t = Trouble::Some)]
    trouble: Trouble,
    /// Tell nobody what is held or rests: no engine can find what it does not know
    #[arg(long)]
    blind: bool,
    /// How many accounts it has
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
    accounts: u32,
    /// The most positions that others open there at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=600))]
    max_positions: u32,
    /// Write what it did into this new file, before anybody is told
    #[arg(long, value_name = "FILE")]
    account_file: Option<PathBuf>,
}

/// How much goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Trouble {
    /// Nothing
    None,
    /// Now and then
    Some,
    /// All the time
    Much,
}

pub(crate) fn run(args: VenueArgs) -> ExitCode {
    let addr = args.listen;
    if !args.open_to_network && !addr.ip().to_canonical().is_loopback() {
        let port = addr.port();
        let why = format!(
            "{addr} can be reached from the network, and whoever reaches it can trade; say --open-to-network if \
             that is meant, or --listen 127.0.0.1:{port}"
        );
        return fail(BAD_REQUEST, &why);
    }
    let config = VenueConfig {
        listen: addr,
        seed: args.seed,
        trouble: match args.trouble {
            Trouble::None => Level::None,
            Trouble::Some => Level::Some,
            Trouble::Much => Level::Much,
        },
        accounts: args.accounts,
        positions_max: args.max_positions as usize,
        is_blind: args.blind,
        account: args.account_file.clone(),
    };
    let (addr, server) = match Server::bind(config) {
        Ok(bound) => bound,
        Err(error) => {
            return fail(BAD_REQUEST, &error);
        }
    };
    let control = server.control();
    let hears = move || {
        let mut input = BufReader::new(std::io::stdin());
        let mut word = String::new();
        // At the end of the input it goes on: there is nobody who could say something.
        while matches!((&mut input).take(WORD_MAX).read_line(&mut word), Ok(read) if read > 0) {
            match Control::of(&word) {
                Some(said) => {
                    let _gone = control.send(Heard::Control(said));
                }
                None => {
                    let told =
                        print(&format!("{:?} is no word; there are calm, sweep and stop\n", word.trim()));
                    let _told_or_not = told;
                }
            }
            word.clear();
        }
    };
    // Without a thread nobody hears the words, and signals end it all the same.
    let _deaf = std::thread::Builder::new().name("control".to_owned()).spawn(hears);
    let _told = print(&format!(
        "venue {addr}, a simulation: nothing here is real | ripcord run --venue {addr} --db FILE | \
         words on standard input: calm, sweep, stop\n"
    ));
    match server.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(FAILED, &format!("the venue ended: {error}")),
    }
}
