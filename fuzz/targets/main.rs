//! Fuzz targets. One program holds all of them, because most of a build is the libraries that they share;
//! `RIPCORD_FUZZ_TARGET` names the one to run. `cargo xtask fuzz` does that.
//!
//! A target is a file with one function: bytes in, and a panic for what must not be. A parser may refuse
//! anything; what it takes must make sense, and be the same when it is written and read again. No input may
//! make it hold more than [`memory::BYTES_MAX`].
//!
//! Start reading at [`TARGETS`], then [`door`] for the machines.

#![no_main]

mod bytes;
mod chain;
mod command;
mod config;
mod decimal;
mod door;
mod exits_csv;
mod gate;
mod import;
mod instruments;
mod listing;
mod memory;
mod merge;
mod payload;
mod plan;
mod positions;
mod rebuild;
mod reconcile;
mod records;
mod rounding;
mod scratch;
mod snapshot;
mod storm_file;
mod tape;
mod time;
mod venue_lines;
mod world;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

type Target = fn(&[u8]);

/// What there is to fuzz. Each has a folder of inputs in `fuzz/corpus`.
const TARGETS: &[(&str, Target)] = &[
    ("plan", plan::run),
    ("config", config::run),
    ("positions", positions::run),
    ("instruments", instruments::run),
    ("exchange_info", instruments::exchange_info),
    ("import_csv", import::csv),
    ("import_json", import::json),
    ("import_feather", import::feather),
    ("import_parquet", import::parquet),
    ("tape", tape::run),
    ("payload", payload::run),
    ("chain", chain::run),
    ("snapshot", snapshot::run),
    ("rebuild", rebuild::run),
    ("records", records::run),
    ("exits_csv", exits_csv::run),
    ("venue_lines", venue_lines::run),
    ("storm_file", storm_file::run),
    ("command", command::run),
    ("decimal", decimal::run),
    ("time", time::run),
    ("rounding", rounding::run),
    ("gate", gate::run),
    ("merge", merge::run),
    ("listing", listing::run),
    ("reconcile", reconcile::run),
    ("door", door::run),
];

static CHOSEN: OnceLock<Target> = OnceLock::new();

/// The target that the environment names.
fn choose() -> Target {
    let name = std::env::var("RIPCORD_FUZZ_TARGET").unwrap_or_default();
    let known: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    let chosen = TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target);
    chosen.unwrap_or_else(|| panic!("RIPCORD_FUZZ_TARGET is {name:?}; it is one of {}", known.join(", ")))
}

/// A panic that a journal's reader catches is an answer, and so is one in a library that a reader of files
/// stands guard over; any other ends the process, with its input kept, and one of these does if nobody catches it.
fn let_caught_panics_pass() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let guarded = ["/parquet-", "/arrow-", "/lz4", "/zstd", "/thrift", "/flatbuffers-"];
        let place = panic.location().map_or("", std::panic::Location::file);
        let is_guarded = guarded.iter().any(|library| place.contains(library));
        if !is_guarded && !ripcord_journal::foreign::is_following() {
            usual(panic);
        }
    }));
}

fuzz_target!(
    init: let_caught_panics_pass(),
    |data: &[u8]| {
        let target = CHOSEN.get_or_init(choose);
        memory::bounded(|| target(data));
    }
);
