//! `ripcord ledger`: the trade records of a store, and whether they are what its journal says.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use ripcord_core::reason::Reason;
use ripcord_core::time::Timestamp;
use ripcord_journal::{JournalEntry, Kind};
use ripcord_ledger::fact::Method;
use ripcord_ledger::vocabulary::REASONS;
use ripcord_store::ledger::{self, Filter, LedgerFile, Rebuilt, TradeRecord};
use ripcord_store::{Opening, Reader, Store, StoreError};
use serde_json::{Value, json};

use crate::output::{BAD_REQUEST, ended, fail, note, plural, print, print_and_end, refuse_store};
use crate::report::{Since, parse_since};

/// What to do with a ledger.
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Print trade records: what opened and closed, when, why, for what
    Show(ShowArgs),
    /// Derive the ledger from the journal beside it and compare row by row; nothing is changed
    Verify(FileArgs),
    /// Drop the ledger and derive it from the journal again, in one transaction
    Rebuild(RebuildArgs),
}

/// Options of `ledger verify`.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// The store
    #[arg(value_name = "DB")]
    store: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Options of `ledger rebuild`.
#[derive(Debug, Args)]
pub(crate) struct RebuildArgs {
    /// The store
    #[arg(value_name = "DB")]
    store: PathBuf,
    /// Count the profit of this instrument by FIFO (spot) from now on
    #[arg(long, value_name = "SYMBOL")]
    fifo: Vec<String>,
    /// Count the profit of this instrument by average cost (futures, the default) from now on
    #[arg(long, value_name = "SYMBOL")]
    average_cost: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Options of `ledger show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// A store, or a bot's database whose trade records were adopted
    #[arg(value_name = "DB")]
    store: PathBuf,
    /// Only this instrument
    #[arg(long)]
    symbol: Option<String>,
    /// Leave earlier ones out: a time (RFC 3339), a date, or an age before the newest such as 7d or 24h
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    since: Option<Since>,
    /// Only those closed for this reason, such as SOFT_STOP
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(REASONS.map(Reason::word)))]
    reason: Option<String>,
    /// Print a JSON document a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &LedgerCommand) -> ExitCode {
    match command {
        LedgerCommand::Show(args) => show(args),
        LedgerCommand::Verify(args) => verify(args),
        LedgerCommand::Rebuild(args) => rebuild(args),
    }
}

fn verify(args: &FileArgs) -> ExitCode {
    let compared = whole_journal(&args.store).and_then(|reader| ledger::verify(&reader));
    let rebuilt = match compared {
        Ok(rebuilt) => rebuilt,
        Err(error) => return refuse_store(&error),
    };
    let name = args.store.display();
    let text = if args.json {
        format!("{}\n", about(&args.store, &rebuilt))
    } else if let Some(first) = &rebuilt.first {
        format!(
            "{name}: {} of {} rows are not what the journal says\nfirst: {first}\n`ripcord ledger rebuild {name}` makes them so\n",
            rebuilt.changed, rebuilt.rows
        )
    } else {
        format!("{name}: {} {}, all as the journal says\n", rebuilt.rows, plural(rebuilt.rows, "row"))
    };
    print_and_end(&text, ExitCode::from(u8::from(rebuilt.changed > 0)))
}

/// A store whose journal is as it was written: what is derived from another one proves nothing.
fn whole_journal(path: &Path) -> Result<Reader, StoreError> {
    let reader = Reader::open(path)?;
    reader.check()?;
    Ok(reader)
}

fn rebuild(args: &RebuildArgs) -> ExitCode {
    match misnamed(args) {
        Ok(None) => {}
        Ok(Some(why)) => return fail(BAD_REQUEST, &why),
        Err(error) => return refuse_store(&error),
    }
    let rebuilt = match rebuilt(args) {
        Ok(rebuilt) => rebuilt,
        Err(error) => return refuse_store(&error),
    };
    if args.json {
        return print(&format!("{}\n", about(&args.store, &rebuilt)));
    }
    let first = rebuilt.first.as_ref().map_or_else(String::new, |first| format!("first: {first}\n"));
    let (name, changed, rows) = (args.store.display(), rebuilt.changed, rebuilt.rows);
    let word = plural(rows, "row");
    print(&format!("{name}: {rows} {word}, {changed} of them different\n{first}"))
}

/// Refuses symbols that no record of the journal names, and those that are to be counted both ways: a typing
/// error would change nothing, and nobody would notice.
fn misnamed(args: &RebuildArgs) -> Result<Option<String>, StoreError> {
    if let Some(both) = args.fifo.iter().find(|symbol| args.average_cost.contains(symbol)) {
        return Ok(Some(format!(
            "--fifo {both} and --average-cost {both}: profit is counted one way; give one of them"
        )));
    }
    let mut asked = args.fifo.iter().chain(&args.average_cost).peekable();
    if asked.peek().is_none() {
        return Ok(None);
    }
    let reader = Reader::open(&args.store)?;
    let mut known: Vec<String> = Vec::new();
    reader.records::<StoreError>(1, Some(Kind::Instrument), |sealed| {
        if let Ok(JournalEntry::Instrument(entry)) = sealed.envelope.entry() {
            known.push(entry.rules.symbol.clone());
        }
        Ok(())
    })?;
    let unknown = asked.find(|symbol| !known.contains(symbol));
    Ok(unknown.map(|symbol| {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        format!("{}: no instrument is named {symbol}; the journal has {known}", args.store.display())
    }))
}

fn rebuilt(args: &RebuildArgs) -> Result<Rebuilt, StoreError> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
    let program = concat!("ripcord ", env!("CARGO_PKG_VERSION"));
    whole_journal(&args.store)?;
    let (mut store, _) = Store::open(&args.store, &Opening { now, program, vfs: None })?;
    let fifo = args.fifo.iter().map(|symbol| (symbol, Method::Fifo));
    let average = args.average_cost.iter().map(|symbol| (symbol, Method::AverageCost));
    for (symbol, method) in fifo.chain(average) {
        ledger::set_method(&mut store, symbol, method)?;
    }
    ledger::rebuild(&mut store)
}

fn about(store: &Path, rebuilt: &Rebuilt) -> Value {
    let first = rebuilt.first.as_ref().map(|first| {
        json!({
            "table": first.table, "row": first.key, "column": first.column, "found": first.found,
            "journal": first.wanted,
        })
    });
    json!({
        "store": store.display().to_string(), "rows": rebuilt.rows, "different": rebuilt.changed, "first": first,
    })
}

fn show(args: &ShowArgs) -> ExitCode {
    let file = match open(&args.store) {
        Ok(file) => file,
        Err(error) => return refuse_store(&error),
    };
    let mut records = Vec::new();
    let found = start(args.since, &file).and_then(|since_ns| {
        let filter = Filter { symbol: args.symbol.clone(), since_ns, reason: args.reason.clone() };
        ledger::trade_records(file.connection(), &filter, |record| records.push(record))
    });
    if let Err(error) = found {
        return fail(1, &format!("{}: {error}", args.store.display()));
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = if args.json { lines(&mut out, &records) } else { table(&mut out, &records) };
    ended(written, ExitCode::SUCCESS)
}

/// Opens what has trade records, and says when they are not up to date.
pub(crate) fn open(path: &Path) -> Result<LedgerFile, StoreError> {
    let file = LedgerFile::open(path)?;
    let name = path.display();
    match file.behind() {
        Ok(0) => {}
        Ok(behind) => note(&format!(
            "{name}: the ledger does not include the last {behind} records of the journal; `ripcord ledger rebuild {name}` does"
        )),
        Err(source) => {
            return Err(StoreError::Sqlite { path: path.to_owned(), doing: "it cannot be read", source });
        }
    }
    Ok(file)
}

/// The first moment that counts.
pub(crate) fn start(
    since: Option<Since>,
    file: &LedgerFile,
) -> Result<Option<i64>, ripcord_store::rusqlite::Error> {
    match since {
        None => Ok(None),
        Some(Since::At(at)) => Ok(Some(at.0)),
        Some(Since::Age(age)) => ledger::newest_ns(file.connection())
            .map(|newest| newest.map(|newest| newest.saturating_sub(age.0))),
    }
}

fn lines(out: &mut impl Write, records: &[TradeRecord]) -> io::Result<()> {
    for record in records {
        let trigger: Value = serde_json::from_str(&record.trigger).unwrap_or(Value::Null);
        let line = json!({
            "order_time": record.order_time, "order_id": record.order_id, "position_id": record.position_id,
            "symbol": record.symbol, "side": record.side, "size": record.size, "price": record.price,
            "total_fees_usd": record.fees, "pnl_usd": record.pnl, "remaining_size": record.remaining,
            "exit_reason": record.reason, "exit_source": record.source, "exit_type": record.exit_type,
            "trigger": trigger, "status": record.status,
        });
        writeln!(out, "{line}")?;
    }
    out.flush()
}

fn table(out: &mut impl Write, records: &[TradeRecord]) -> io::Result<()> {
    const TITLES: [&str; 9] =
        ["time (UTC)", "order", "symbol", "side", "size", "price", "fees", "P&L", "reason"];
    const RIGHT: [bool; 9] = [false, false, false, false, true, true, true, true, false];
    let cells = |record: &TradeRecord| {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let time = record.order_time.get(..19).unwrap_or(&record.order_time).to_owned();
        [
            time,
            record.order_id.clone(),
            record.symbol.clone(),
            record.side.clone(),
            or_none(&record.size),
            or_none(&record.price),
            or_none(&record.fees),
            or_none(&record.pnl),
            or_none(&record.reason),
        ]
    };
    let rows: Vec<[String; 9]> = records.iter().map(cells).collect();
    let widths: [usize; 9] = std::array::from_fn(|column| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.chain([TITLES[column].len()]).max().unwrap_or(0)
    });
    for row in std::iter::once(&TITLES.map(str::to_owned)).chain(&rows) {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let spaces = " ".repeat(widths[column] - cell.chars().count());
            line += &if RIGHT[column] { format!("{spaces}{cell}  ") } else { format!("{cell}{spaces}  ") };
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out, "{} trade {}", rows.len(), plural(rows.len() as u64, "record"))?;
    out.flush()
}
