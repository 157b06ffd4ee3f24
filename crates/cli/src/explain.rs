//! `ripcord explain`: the life of one position, from the records of a replay.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use ripcord_report::explain::{self, ExplainError};
use ripcord_report::records::{RecordsError, RecordsReader};
use ripcord_report::render::{story, story_json};

use crate::output::{BAD_REQUEST, WIDTH, colours, fail, print};

/// Options of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The position, by its id in the positions file
    #[arg(value_name = "POSITION")]
    position: String,
    /// The records of the run, written by `ripcord replay --records FILE`
    #[arg(long, value_name = "FILE")]
    records: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &ExplainArgs) -> ExitCode {
    let told = open(&args.records).map_err(ExplainError::from);
    let told = told.and_then(|mut records| explain::explain(&mut records, &args.position));
    let told = match told {
        Ok(told) => told,
        Err(error @ ExplainError::Records(_)) => return fail(BAD_REQUEST, &error),
        Err(error) => return fail(BAD_REQUEST, &format!("{}: {error}", args.records.display())),
    };
    if args.json {
        print(&format!("{:#}\n", story_json::story(&told)))
    } else {
        print(&story::story(&told, WIDTH, colours()))
    }
}

/// A records file, with its header read.
pub(crate) fn open(path: &Path) -> Result<RecordsReader<BufReader<File>>, RecordsError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|source| RecordsError::Read { file: name.clone(), source })?;
    RecordsReader::new(&name, BufReader::with_capacity(1 << 16, file))
}
