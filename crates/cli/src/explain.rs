//! `ripcord explain`: the life of one position, from the records of a replay or the journal of a store.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use ripcord_report::explain::{self, ExplainError, Story};
use ripcord_report::records::{RecordsError, RecordsReader};
use ripcord_report::render::{story, story_json};

use crate::content::{Content, content};
use crate::output::{BAD_REQUEST, FAILED, WIDTH, colours, fail, print, refuse_store};

mod store;

/// Options of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The position, by its id in the positions file, or by the id of its episode as `ripcord status` says it
    #[arg(value_name = "POSITION")]
    position: String,
    /// The records of the run, written by `ripcord replay --records FILE`, or a store: the content says which
    #[arg(long, visible_alias = "store", value_name = "FILE")]
    records: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &ExplainArgs) -> ExitCode {
    match content(&args.records) {
        Ok(Content::Sqlite) => match store::story(&args.records, &args.position) {
            Ok(told) => tell(args, &told),
            Err(store::Untold::Store(error)) => refuse_store(&error),
            Err(store::Untold::Story(why)) => {
                fail(BAD_REQUEST, &format!("{}: {why}", args.records.display()))
            }
        },
        // What is wrong with any other file, its reader says.
        Ok(Content::Records | Content::Text) | Err(_) => of_records(args),
    }
}

fn of_records(args: &ExplainArgs) -> ExitCode {
    let told = open(&args.records).map_err(ExplainError::from);
    let told = told.and_then(|mut records| explain::explain(&mut records, &args.position));
    match told {
        Ok(told) => tell(args, &told),
        Err(ExplainError::Records(error)) => fail(code_of(&error), &error),
        Err(error) => fail(BAD_REQUEST, &format!("{}: {error}", args.records.display())),
    }
}

fn tell(args: &ExplainArgs, told: &Story) -> ExitCode {
    if args.json {
        print(&format!("{:#}\n", story_json::story(told)))
    } else {
        print(&story::story(told, WIDTH, colours()))
    }
}

/// The exit code for a records file that cannot be used: it was cut short or changed, or it is the wrong one.
pub(crate) fn code_of(error: &RecordsError) -> u8 {
    match error {
        RecordsError::Damaged { .. } => FAILED,
        RecordsError::Read { .. } | RecordsError::Other { .. } | RecordsError::Newer { .. } => BAD_REQUEST,
    }
}

/// A records file, with its header read.
pub(crate) fn open(path: &Path) -> Result<RecordsReader<BufReader<File>>, RecordsError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|source| RecordsError::Read { file: name.clone(), source })?;
    RecordsReader::new(&name, BufReader::with_capacity(1 << 16, file))
}
