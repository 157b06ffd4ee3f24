//! `ripcord close`, `panic`, `kill`, `release`, `hand-over` and `move-stop`: commands to a service that runs.
//!
//! Each becomes one request; what it does and whether it may is the service's to say.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use ripcord_service::access::{default_place, read_token};
use ripcord_service::command::Kind;
use serde_json::{Map, Value, json};

use crate::http::{NoAnswer, Signed, port_here, post};
use crate::output::{BAD_REQUEST, NOT_ALLOWED, REFUSED, fail, print_and_end};

mod told;

const CODES: &str = "Exit codes: 0 done; 2 the request was at fault; 3 the engine refused, or could not send all \
                     of it; 4 the service is not reachable, or does not allow it.";

/// Done, or under way.
const DONE: u8 = 0;
/// The environment variable of a token.
const TOKEN: &str = "RIPCORD_TOKEN";

/// How a service is reached.
#[derive(Debug, Args)]
struct Reach {
    /// The service that listens there
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8007")]
    url: String,
    /// Its token; else RIPCORD_TOKEN in the environment, else the one that a service of this machine wrote down
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A key of your own: sent again with the same key, a command is answered again and not done again
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Options of `close`.
#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub(crate) struct CloseArgs {
    /// The position, by its id in `ripcord status`
    #[arg(value_name = "ID", required_unless_present = "symbol", conflicts_with_all = ["symbol", "side", "account"])]
    position: Option<String>,
    /// In place of the id: its symbol ..
    #[arg(long, requires = "side")]
    symbol: Option<String>,
    /// .. its side: long or short ..
    #[arg(long, requires = "symbol")]
    side: Option<String>,
    /// .. and its account, where several have one
    #[arg(long, value_name = "N", requires = "symbol")]
    account: Option<u32>,
    /// Only so much of it
    #[arg(long, value_name = "QTY", allow_negative_numbers = true)]
    qty: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

/// Options of `panic`.
#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub(crate) struct PanicArgs {
    /// Only of this account
    #[arg(long, value_name = "N")]
    account: Option<u32>,
    /// Do not ask: for programs
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    reach: Reach,
}

/// The levels of `kill`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    /// No targets, signals or time limits; stops act
    #[value(name = "K1")]
    K1,
    /// Protection and risk exits only; plans cannot be changed
    #[value(name = "K2")]
    K2,
    /// Nothing is sent, not even a stop
    #[value(name = "K3")]
    K3,
    /// Everything is closed, and whatever is opened
    #[value(name = "K4")]
    K4,
    /// No level any more
    Release,
}

/// Options of `kill`.
#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub(crate) struct KillArgs {
    /// The level; it holds until it is released, restarts included
    #[arg(value_enum, ignore_case = true)]
    level: Level,
    /// Only this account
    #[arg(long, value_name = "N")]
    account: Option<u32>,
    /// Do not ask before K3: for programs
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    reach: Reach,
}

/// Options of `release`.
#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub(crate) struct ReleaseArgs {
    /// The position, by its id in `ripcord status`
    #[arg(value_name = "ID")]
    position: String,
    /// Leave its stop at the venue
    #[arg(long)]
    keep_stop: bool,
    #[command(flatten)]
    reach: Reach,
}

/// Options of `hand-over`.
#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub(crate) struct HandOverArgs {
    /// The position, by its id in `ripcord status`
    #[arg(value_name = "ID")]
    position: String,
    #[command(flatten)]
    reach: Reach,
}

/// Options of `move-stop`.
#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub(crate) struct MoveStopArgs {
    /// The position, by its id in `ripcord status`
    #[arg(value_name = "ID")]
    position: String,
    /// Where the stop goes; it only tightens, and never through the market
    #[arg(value_name = "PRICE", allow_negative_numbers = true)]
    to: String,
    #[command(flatten)]
    reach: Reach,
}

pub(crate) fn close(args: &CloseArgs) -> ExitCode {
    let fields = [
        ("position", args.position.as_deref().map(Value::from)),
        ("symbol", args.symbol.as_deref().map(Value::from)),
        ("side", args.side.as_deref().map(Value::from)),
        ("account", args.account.map(Value::from)),
        ("qty", args.qty.as_deref().map(Value::from)),
    ];
    send(Kind::Close, &body(fields), &args.reach)
}

pub(crate) fn panic(args: &PanicArgs) -> ExitCode {
    let whose =
        args.account.map_or_else(|| "all accounts".to_owned(), |account| format!("account {account}"));
    let question = format!("This closes every position of {whose} at the market, now.");
    if let Err(code) = confirmed(args.yes, &question) {
        return code;
    }
    send(Kind::Panic, &body([("account", args.account.map(Value::from))]), &args.reach)
}

pub(crate) fn kill(args: &KillArgs) -> ExitCode {
    let (level, is_silent) = match args.level {
        Level::K1 => ("K1", false),
        Level::K2 => ("K2", false),
        Level::K3 => ("K3", true),
        Level::K4 => ("K4", false),
        Level::Release => ("release", false),
    };
    if is_silent {
        let question = "Under K3 nothing is sent, not even a stop; only what rests at the venue protects.";
        if let Err(code) = confirmed(args.yes, question) {
            return code;
        }
    }
    let fields = [
        ("level", Some(level.into())),
        ("account", args.account.map(Value::from)),
        ("confirmed", is_silent.then_some(Value::Bool(true))),
    ];
    send(Kind::Kill, &body(fields), &args.reach)
}

pub(crate) fn release(args: &ReleaseArgs) -> ExitCode {
    let body = json!({"position": args.position, "keep_stop": args.keep_stop});
    send(Kind::Release, &body, &args.reach)
}

pub(crate) fn hand_over(args: &HandOverArgs) -> ExitCode {
    send(Kind::HandOver, &json!({"position": args.position}), &args.reach)
}

pub(crate) fn move_stop(args: &MoveStopArgs) -> ExitCode {
    send(Kind::MoveStop, &json!({"position": args.position, "to": args.to}), &args.reach)
}

/// The fields that have a value.
fn body<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}

/// Asks a person, unless a program said yes already.
fn confirmed(yes: bool, question: &str) -> Result<(), ExitCode> {
    if yes {
        return Ok(());
    }
    let mut err = std::io::stderr();
    if !std::io::stdin().is_terminal() || !err.is_terminal() {
        let text = format!("{question} Here is no terminal to ask at; --yes says that it is meant");
        return Err(fail(BAD_REQUEST, &text));
    }
    // A question that nobody can read is answered by nobody.
    let _closed = write!(err, "{question} Type yes to go on: ").and_then(|()| err.flush());
    let mut typed = String::new();
    match std::io::stdin().read_line(&mut typed) {
        Ok(_) if typed.trim() == "yes" => Ok(()),
        Ok(_) | Err(_) => Err(fail(BAD_REQUEST, &"not confirmed: nothing was done")),
    }
}

/// Sends a command and tells its answer.
fn send(kind: Kind, body: &Value, reach: &Reach) -> ExitCode {
    let (token, key) = match token(reach).and_then(|token| Ok((token, key(reach)?))) {
        Ok(signed) => signed,
        Err((code, text)) => return fail(code, &text),
    };
    let path = format!("/v1/commands/{}", kind.word());
    match post(&reach.url, &path, &Signed { token: &token, key: &key }, body) {
        Ok((code, answer)) => told(code, &answer, reach),
        Err(error @ NoAnswer::Url(_)) => fail(BAD_REQUEST, &error),
        Err(error @ (NoAnswer::Silent(..) | NoAnswer::Foreign(..))) => fail(NOT_ALLOWED, &error),
        Err(NoAnswer::Unanswered(url, why)) => {
            let text = format!(
                "{url} did not answer: {why}; whether it was done is not known. The same command with --key {key} asks again without doing it twice; `ripcord status` shows what is held"
            );
            fail(NOT_ALLOWED, &text)
        }
    }
}

fn told(code: u16, answer: &Value, reach: &Reach) -> ExitCode {
    let exit = match code {
        200 if told::is_whole(answer) => DONE,
        200 | 409 => REFUSED,
        400 | 408 | 413 | 415 => BAD_REQUEST,
        // Everything else is between us and the service, not between it and the engine.
        _ => NOT_ALLOWED,
    };
    match code {
        _ if reach.json => print_and_end(&format!("{answer}\n"), ExitCode::from(exit)),
        200 => print_and_end(&told::text(answer), ExitCode::from(exit)),
        401 => {
            let text = format!(
                "{} does not allow it: the token is not its own; --token-file FILE or {TOKEN} give another",
                reach.url
            );
            fail(exit, &text)
        }
        _ => fail(exit, &told::refusal(answer, code)),
    }
}

/// The token, or the exit code and why there is none.
fn token(reach: &Reach) -> Result<String, (u8, String)> {
    if let Some(file) = &reach.token_file {
        return read_token(file).map_err(|error| (BAD_REQUEST, error.to_string()));
    }
    // Set to nothing is not set.
    if let Some(token) = std::env::var_os(TOKEN).filter(|token| !token.is_empty()) {
        // It goes into a line of a request: an end of a line in it would begin another.
        let token = token.into_string().ok().filter(|token| is_plain(token));
        return token.ok_or_else(|| (BAD_REQUEST, format!("{TOKEN} holds no token")));
    }
    let Some(port) = port_here(&reach.url) else {
        let text =
            format!("{} is not on this machine: give its token with --token-file FILE or {TOKEN}", reach.url);
        return Err((NOT_ALLOWED, text));
    };
    let place = default_place(port);
    read_token(&place).map_err(|error| {
        let text = format!(
            "{error}; a service on port {port} of this machine writes its token there while it runs, --token-file FILE or {TOKEN} give another"
        );
        (NOT_ALLOWED, text)
    })
}

/// The key that was given, or a new one.
fn key(reach: &Reach) -> Result<String, (u8, String)> {
    match &reach.key {
        Some(key) if is_plain(key) => Ok(key.clone()),
        Some(_) => Err((BAD_REQUEST, "--key must be visible ASCII characters without spaces".to_owned())),
        None => {
            let mut bits = [0_u8; 16];
            getrandom::fill(&mut bits).map_err(|error| {
                (NOT_ALLOWED, format!("the system gives no random bits for a key: {error}"))
            })?;
            Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect())
        }
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
