//! `ripcord db`: the store as a file: what it is, other versions, copies, and going back to one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use ripcord_core::time::Timestamp;
use ripcord_journal::entry::InstallationId;
use ripcord_store::maintain::{self, Migrated};
use ripcord_store::{Reader, StoreError, adopt};
use serde_json::{Value, json};

use crate::output::{print, refuse_store};

pub(crate) const PROGRAM: &str = concat!("ripcord ", env!("CARGO_PKG_VERSION"));

/// What to do with a store.
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Say what a store is: version, records, who founded it
    Status(FileArgs),
    /// Bring an older store forward, after a checked backup; adopt a bot's own trade records
    Migrate(FileArgs),
    /// Take a store back by one version, after a checked backup; give a bot its own table back
    Rollback(FileArgs),
    /// Copy a store, also while it is written to, and check the copy
    Backup(BackupArgs),
    /// Put a checked backup in the store's place, as a new installation
    Restore(RestoreArgs),
}

/// Options of `db status`, `db migrate` and `db rollback`.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// The store
    #[arg(value_name = "DB")]
    store: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Options of `db backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The store
    #[arg(value_name = "DB")]
    store: PathBuf,
    /// The file to write; nothing may be there
    #[arg(value_name = "TO")]
    to: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Options of `db restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The store; what is there now is kept under a dated name
    #[arg(value_name = "DB")]
    store: PathBuf,
    /// The backup
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &DbCommand) -> ExitCode {
    let (done, json) = match command {
        DbCommand::Status(args) => (status(&args.store), args.json),
        DbCommand::Migrate(args) => (migrate(&args.store), args.json),
        DbCommand::Rollback(args) => (rollback(&args.store), args.json),
        DbCommand::Backup(args) => (backup(args), args.json),
        DbCommand::Restore(args) => (restore(args), args.json),
    };
    match done {
        Ok((about, _)) if json => print(&format!("{about}\n")),
        Ok((_, text)) => print(&text),
        Err(error) => refuse_store(&error),
    }
}

/// The machine's time: it names backups and stands in the journal.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// What is said, as JSON and as text.
type Said = (Value, String);

fn status(store: &Path) -> Result<Said, StoreError> {
    let reader = Reader::open_any(store)?;
    let failed = |why| StoreError::Migrate { path: store.to_owned(), why };
    let version = ripcord_store::migrate::version(reader.connection()).map_err(failed)?;
    let (scope, head) = reader.head()?;
    let installation = reader.installation()?.map(|id| id.to_string());
    let (known, bytes) =
        (ripcord_store::migrate::newest(), std::fs::metadata(store).map_or(0, |meta| meta.len()));
    let about = json!({
        "store": store.display().to_string(), "version": version, "known": known, "scope": scope,
        "records": head.seq, "epoch": head.epoch, "installation": installation, "bytes": bytes,
    });
    let state = if version == known { "current" } else { "older: ripcord db migrate" };
    let text = format!(
        "store         {}\nversion       {version} of {known} ({state})\nscope         {scope}\nrecords       {}\n\
         epoch         {}\ninstallation  {}\nbytes         {bytes}\n",
        store.display(),
        head.seq,
        head.epoch,
        installation.as_deref().unwrap_or("none")
    );
    Ok((about, text))
}

/// A store goes to the newest version; a bot's database has its trade records adopted.
fn migrate(store: &Path) -> Result<Said, StoreError> {
    if !adopt::is_adoptable(store)? {
        return maintain::migrate(store, now()).map(|done| migrated(store, &done));
    }
    let done = adopt::adopt(store).map_err(|why| StoreError::Adopt { path: store.to_owned(), why })?;
    let name = store.display();
    let about = json!({
        "store": name.to_string(), "rows": done.rows, "noted": done.noted, "was_adopted": done.was_adopted,
        "former_table": adopt::FORMER,
    });
    let text = if done.was_adopted {
        format!("{name}: {} trade records were adopted before; nothing to do\n", done.rows)
    } else {
        format!(
            "{name}: {} trade records adopted, floats as their shortest exact text\n\
             {} have something worth a look in their note; the former table is kept as {}\n",
            done.rows,
            done.noted,
            adopt::FORMER
        )
    };
    Ok((about, text))
}

fn rollback(store: &Path) -> Result<Said, StoreError> {
    if !adopt::is_adoptable(store)? {
        return maintain::rollback(store, now()).map(|done| migrated(store, &done));
    }
    let rows = adopt::give_back(store).map_err(|why| StoreError::Adopt { path: store.to_owned(), why })?;
    let about = json!({"store": store.display().to_string(), "rows": rows});
    Ok((about, format!("{}: the former table is back with its {rows} rows\n", store.display())))
}

fn migrated(store: &Path, done: &Migrated) -> Said {
    let backup = done.backup.as_ref().map(|path| path.display().to_string());
    let about = json!({
        "store": store.display().to_string(), "from": done.from, "to": done.to, "steps": done.steps,
        "backup": backup,
    });
    let text = match &backup {
        Some(backup) => format!(
            "{}: version {} -> {} ({})\nbackup {backup}, checked\n",
            store.display(),
            done.from,
            done.to,
            done.steps.join(", ")
        ),
        None => format!("{}: version {} is the newest; nothing to do\n", store.display(), done.to),
    };
    (about, text)
}

fn backup(args: &BackupArgs) -> Result<Said, StoreError> {
    let verified = maintain::backup(&args.store, &args.to)?;
    let (to, head) = (args.to.display().to_string(), verified.head);
    let about = json!({"backup": to, "records": head.seq, "hash": head.hash.to_string()});
    Ok((about, format!("{to}: {} records, checked\nlast hash {}\n", head.seq, head.hash)))
}

/// The bits of an installation id, for the store at `path`.
pub(crate) fn random_bits(path: &Path) -> Result<[u8; 16], StoreError> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|error| StoreError::Io {
        path: path.to_owned(),
        doing: "no random bits for the installation id",
        source: std::io::Error::other(error.to_string()),
    })?;
    Ok(bits)
}

fn restore(args: &RestoreArgs) -> Result<Said, StoreError> {
    let id = InstallationId(random_bits(&args.store)?);
    let done = maintain::restore(&args.store, &args.from, id, PROGRAM, now())?;
    let replaced = done.replaced.as_ref().map(|path| path.display().to_string());
    let store = args.store.display().to_string();
    let about = json!({
        "store": store, "records": done.head.seq, "installation": id.to_string(),
        "former_installation": done.former.map(|id| id.to_string()), "replaced": replaced,
    });
    let kept = replaced.map_or_else(String::new, |path| format!("what was there is kept as {path}\n"));
    let text = format!(
        "{store}: restored, {} records, installation {id}\n{kept}Compare the venue's open orders and positions \
         before trading goes on: those of after the backup are not in it.\n",
        done.head.seq
    );
    Ok((about, text))
}
