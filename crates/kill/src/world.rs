//! One world: a venue that goes on, and engines that die beside it one after the other.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ripcord_sim::generator::Chance;
use ripcord_venue::account::{self, Entry, Fact};

/// The plan of every position: stops close enough to be reached, and a stop at the venue.
const PLAN: &str = include_str!("plan.toml");
/// Where a process can be made to die, see `ripcord_service::crash`.
const POINTS: [&str; 7] = [
    "before-commit",
    "before-send",
    "after-send",
    "before-record",
    "between-actions",
    "snapshot",
    "recovery",
];
/// A named point that is not passed within this time is struck at a moment instead.
const POINT_WITHIN: Duration = Duration::from_millis(1_500);
/// An engine that is asked to stop does so within this time.
const STOPS_WITHIN: Duration = Duration::from_secs(10);
/// After the last kill, before the market goes through every level.
const CALM_FOR: Duration = Duration::from_secs(3);
/// Everything is closed within this time after the sweep began, or the judge says that it is not.
pub const CLOSED_WITHIN: Duration = Duration::from_secs(90);

/// What a world is.
#[derive(Debug, Clone)]
pub struct WorldConfig {
    /// The ripcord binary.
    pub ripcord: PathBuf,
    /// How many engines die.
    pub kills: u32,
    /// What is chosen: moments, points, prices, mishaps.
    pub seed: u64,
    /// A control that must fail: each engine begins with an empty store, and the venue tells nobody what it
    /// holds.
    pub is_forgetful: bool,
    /// So long everything may take to be closed in the end.
    pub closed_within: Duration,
    /// Where files are written.
    pub folder: PathBuf,
}

/// One engine's life.
#[derive(Debug, Clone)]
pub struct Life {
    /// When it was started, in nanoseconds since 1970.
    pub started: i64,
    /// When it was gone.
    pub ended: i64,
    /// What struck it.
    pub struck_by: String,
    /// It died of a kill.
    pub was_killed: bool,
}

/// What happened in a world.
#[derive(Debug)]
pub struct Lived {
    /// Its seed.
    pub seed: u64,
    /// The engines, in order.
    pub lives: Vec<Life>,
    /// Engines that ended by themselves.
    pub faults: Vec<String>,
    /// The venue's account.
    pub account: Vec<Entry>,
}

/// Lives through a world.
///
/// # Errors
/// When a process cannot be started, or the venue's account cannot be read.
pub fn live(config: &WorldConfig) -> Result<Lived, String> {
    let mut world = World::begin(config)?;
    for number in 0..config.kills {
        world.one_life(number)?;
    }
    world.end()
}

struct World<'a> {
    config: &'a WorldConfig,
    chance: Chance,
    venue: Child,
    control: ChildStdin,
    addr: String,
    lives: Vec<Life>,
    faults: Vec<String>,
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        // It may have ended when it was told to.
        let _gone = self.venue.kill();
        let _reaped = self.venue.wait();
    }
}

impl<'a> World<'a> {
    fn begin(config: &'a WorldConfig) -> Result<Self, String> {
        let told = |error: std::io::Error| format!("{}: {error}", config.ripcord.display());
        std::fs::write(config.folder.join("plan.toml"), PLAN).map_err(told)?;
        let account = config.folder.join("account.jsonl");
        let mut command = Command::new(&config.ripcord);
        command
            .args([
                "venue",
                "--listen",
                "127.0.0.1:0",
                "--trouble",
                "much",
                "--accounts",
                "3",
                "--max-positions",
                "12",
            ])
            .args(["--seed", &config.seed.to_string(), "--account-file"])
            .arg(&account);
        if config.is_forgetful {
            command.arg("--blind");
        }
        let mut venue = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(told)?;
        let (control, out) = (venue.stdin.take(), venue.stdout.take());
        let (Some(control), Some(out)) = (control, out) else {
            return Err("the venue has no pipes".to_owned());
        };
        let mut line = String::new();
        let read = BufReader::new(out).read_line(&mut line).map_err(told);
        let addr = line.strip_prefix("venue ").and_then(|rest| rest.split(',').next()).map(str::to_owned);
        let chance = Chance::new(config.seed ^ 0x4B11);
        let (lives, faults) = (Vec::new(), Vec::new());
        let world = Self { config, chance, venue, control, addr: addr.unwrap_or_default(), lives, faults };
        read?;
        if world.addr.is_empty() {
            Err(format!("the venue did not say where it is: {line}"))
        } else {
            Ok(world)
        }
    }

    fn engine(&self, number: u32, crash_at: Option<&str>) -> Result<Child, String> {
        let folder = &self.config.folder;
        let db =
            if self.config.is_forgetful { format!("engine-{number}.db") } else { "engine.db".to_owned() };
        let file = |name: &str| File::options().create(true).append(true).open(folder.join(name));
        let told = |error: std::io::Error| format!("{}: {error}", self.config.ripcord.display());
        let mut command = Command::new(&self.config.ripcord);
        command
            .args(["run", "--venue", &self.addr, "--read-every", "1s", "--listen", "127.0.0.1:0", "--db"])
            .arg(folder.join(db))
            .arg("--plan")
            .arg(folder.join("plan.toml"))
            .env("XDG_RUNTIME_DIR", folder)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(file("engine.log").map_err(told)?)
            .stderr(file("engine.err").map_err(told)?);
        match crash_at {
            Some(point) => command.env("RIPCORD_CRASH_AT", point),
            None => command.env_remove("RIPCORD_CRASH_AT"),
        };
        command.spawn().map_err(told)
    }

    /// An engine is started, and dies.
    fn one_life(&mut self, number: u32) -> Result<(), String> {
        let moment = Duration::from_millis(self.chance.draw() % 1_000 + 20);
        let pass = self.chance.draw();
        // Every second death is at a named point, one after the other.
        let point = (number % 2 == 1).then(|| POINTS[(number as usize / 2) % POINTS.len()]);
        let crash_at = point.map(|point| match point {
            "snapshot" | "recovery" => format!("{point}:{}", pass % 400),
            _ => format!("{point}:{}", pass % 4 + 1),
        });
        let started = now();
        let mut child = self.engine(number, crash_at.as_deref())?;
        let mut struck_by = point.unwrap_or("any moment").to_owned();
        let status = match point {
            None => {
                std::thread::sleep(moment);
                None
            }
            Some(point) => {
                if point == "snapshot" {
                    // A snapshot is written when a run is asked to end.
                    std::thread::sleep(moment.max(Duration::from_millis(400)));
                    signal(&child, rustix::process::Signal::TERM)?;
                }
                wait(&mut child, POINT_WITHIN)?
            }
        };
        let status = match status {
            Some(status) => status,
            None => {
                if point.is_some() {
                    struck_by = format!("{struck_by} not passed");
                }
                child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?
            }
        };
        let was_killed = status.signal() == Some(9);
        // Asked to end before it hears of signals, it dies of the signal: that is its right.
        let stopped = point == Some("snapshot") && (status.code() == Some(0) || status.signal() == Some(15));
        if !was_killed && !stopped {
            self.faults.push(format!("engine {number} ({struck_by}) ended by itself: {status}"));
        }
        self.lives.push(Life { started, ended: now(), struck_by, was_killed });
        Ok(())
    }

    /// Nothing goes wrong any more; the market goes through every level, and everything must be closed.
    fn end(mut self) -> Result<Lived, String> {
        let started = now();
        let mut child = self.engine(self.config.kills, None)?;
        self.say("calm")?;
        std::thread::sleep(CALM_FOR);
        self.say("sweep")?;
        let account = self.config.folder.join("account.jsonl");
        let began = Instant::now();
        while began.elapsed() < self.config.closed_within && !is_over(&account)? {
            std::thread::sleep(Duration::from_millis(500));
        }
        signal(&child, rustix::process::Signal::TERM)?;
        match wait(&mut child, STOPS_WITHIN)? {
            Some(status) if status.code() == Some(0) => {}
            Some(status) => self.faults.push(format!("the last engine ended by itself: {status}")),
            None => {
                self.faults.push("the last engine did not stop when it was asked to".to_owned());
                child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
            }
        }
        let struck_by = "asked to end".to_owned();
        self.lives.push(Life { started, ended: now(), struck_by, was_killed: false });
        self.say("stop")?;
        wait(&mut self.venue, STOPS_WITHIN)?;
        let account = account::read(&account).map_err(|error| error.to_string())?;
        let (lives, faults) = (std::mem::take(&mut self.lives), std::mem::take(&mut self.faults));
        Ok(Lived { seed: self.config.seed, lives, faults, account })
    }

    fn say(&mut self, word: &str) -> Result<(), String> {
        let said = writeln!(self.control, "{word}").and_then(|()| self.control.flush());
        said.map_err(|error| format!("the venue does not listen any more: {error}"))
    }
}

fn signal(child: &Child, signal: rustix::process::Signal) -> Result<(), String> {
    let id = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let id = id.ok_or("a process without a number")?;
    // It may be gone already.
    let _gone = rustix::process::kill_process(id, signal);
    Ok(())
}

/// Waits for an end; none when it does not come in time.
fn wait(child: &mut Child, within: Duration) -> Result<Option<ExitStatus>, String> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(Some(status));
        }
        if began.elapsed() >= within {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether the sweep is through and everything is closed. The last line may be under way.
fn is_over(path: &Path) -> Result<bool, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let entries = account::read_from(&text.as_bytes()[..whole]).map_err(|error| error.to_string())?;
    let (mut held, mut swept, mut last) = (0_i64, None, 0);
    for entry in &entries {
        last = entry.at;
        match &entry.fact {
            Fact::Opened { qty, .. } => held += qty,
            Fact::Filled { qty, .. } => held -= qty,
            Fact::Sweep => swept = Some(entry.at),
            _ => {}
        }
    }
    Ok(held == 0 && swept.is_some_and(|since| last - since > 1_000_000_000))
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
