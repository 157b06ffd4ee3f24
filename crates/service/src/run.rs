//! The wiring of a paper run: socket, session, threads, signals.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use axum::Router;
use ripcord_core::pacing::OrderBudget;
use ripcord_core::time::{Span, Timestamp};
use ripcord_sim::desk::Venue;
use ripcord_sim::generator::Script;
use ripcord_sim::shadow::Shadow;
use ripcord_sim::tape::{Tape, TapeError};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};

use crate::access::{Access, AccessError, Denials, read_token};
use crate::answers::Answers;
use crate::api::commands::Reception;
use crate::api::{Outlook, router};
use crate::clock::{Pace, Speed, WallClock};
use crate::crash::{self, Point};
use crate::host::{Ask, Ended, Host, Queue, queue};
use crate::keeper::{Keeper, KeptAt};
use crate::line::Style;
use crate::plans::{PlansError, RunPlans};
use crate::printer::Printer;
use crate::session::{Reads, Session, SessionError, SessionSpec};
use crate::source::Market;
use crate::status::{About, Mode, Status};
use crate::wire::clock::VenueClock;
use crate::wire::ids::ClientIds;
use crate::wire::port::LineVenue;
use crate::wire::{self, JoinError, connection};

mod bootstrap;
mod signals;

use bootstrap::{At, bootstrap_lines};
use signals::Signals;

/// Requests that are being answered when the run ends get this long.
const GOODBYE: Duration = Duration::from_millis(500);

/// Where the prices of a run come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarketChoice {
    /// Generated, following a script.
    Generated(Script),
    /// Read from a tape.
    Recorded(PathBuf),
    /// Told by a venue that is a process of its own, and trades there.
    Venue(VenueChoice),
}

/// A venue behind a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VenueChoice {
    /// Where it is.
    pub addr: SocketAddr,
    /// How often what it holds is read.
    pub read_every: Span,
    /// A request that is not answered within this time is lost.
    pub answer_within: Span,
    /// It may be on another machine: the words on the wire are open to anybody between.
    pub may_be_remote: bool,
    /// How many orders each account may send; none counts nothing.
    pub budget: Option<OrderBudget>,
    /// No order reaches it: what would have been done is done on paper, beside whoever trades there.
    pub is_shadow: bool,
}

/// Where the plans of a run come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanChoice {
    /// Those of the demo.
    Demo,
    /// One for all positions: a file, or `preset:NAME`.
    Plan(PathBuf),
    /// The profiles of a configuration.
    Config(PathBuf),
}

/// A paper run, as asked for.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// The prices.
    pub market: MarketChoice,
    /// The plans of the positions.
    pub plans: PlanChoice,
    /// Chance of the market and of the demo.
    pub seed: u64,
    /// How fast market time runs.
    pub speed: Speed,
    /// Where HTTP listens.
    pub listen: SocketAddr,
    /// The most positions that are open at once.
    pub positions_max: u32,
    /// Ends by itself after this long; runs on without.
    pub lasts: Option<Duration>,
    /// Where everything is kept; none keeps nothing.
    pub store: Option<KeptAt>,
    /// The token of those who may command; none draws one.
    pub token_file: Option<PathBuf>,
    /// How lines are written.
    pub style: Style,
    /// Only what matters is written.
    pub is_quiet: bool,
}

/// Why a run could not begin, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The port belongs to somebody else.
    #[error(
        "{addr} is in use by another program; stop it, or choose another port with --listen {}:0 (0: any free one)",
        addr.ip()
    )]
    PortBusy {
        /// The address.
        addr: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("{addr} cannot be listened on: {source}; choose another with --listen ADDR:PORT")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The tape cannot be read.
    #[error("{error}; a tape is made with `ripcord tape build FILE`")]
    Tape {
        /// What is wrong with it.
        error: TapeError,
    },
    /// There are no plans, or they are refused.
    #[error(transparent)]
    Plans(#[from] PlansError),
    /// The session cannot begin.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// There is no token, so nobody could give commands.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The system gives no threads or signals.
    #[error("the runtime could not be started: {0}")]
    Runtime(#[source] std::io::Error),
    /// The tape turned out to be damaged while it ran.
    #[error("the run ended early: {0}")]
    Damaged(#[source] TapeError),
    /// The output refused lines.
    #[error("the output cannot be written: {0}; lines are missing at its end")]
    Output(#[source] std::io::Error),
    /// What happens can no longer be kept, so nothing is sent any more.
    #[error(
        "the run stopped, because what happens can no longer be kept: {0}\n\
         no order was sent since. Make room, or mend the rights or the file; the same command then goes on where the store ends"
    )]
    NotKept(String),
    /// The venue cannot be spoken to.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The venue is on another machine, and nobody said that it may be.
    #[error(
        "{addr} is not on this machine, and whoever stands between can read and change every word; \
         say --venue-remote if that is meant"
    )]
    Remote {
        /// The address.
        addr: SocketAddr,
    },
    /// A venue outlives a run, and orders without a store have no names of their own.
    #[error("--venue needs --db FILE: what was sent to a venue must be known after any end of this process")]
    VenueWithoutStore,
    /// A thread of ours panicked.
    #[error("the host stopped unexpectedly; the messages above say where")]
    HostGone,
}

impl RunError {
    /// Whether the request was at fault, not the work.
    #[must_use]
    pub fn is_request(&self) -> bool {
        match self {
            Self::PortBusy { .. }
            | Self::Listen { .. }
            | Self::Plans(_)
            | Self::Join(_)
            | Self::Remote { .. }
            | Self::VenueWithoutStore
            | Self::Access(_) => true,
            Self::Tape { error } => error.is_request(),
            Self::Session(SessionError::Keeper(error)) => error.is_request(),
            Self::Session(_) => true,
            Self::Runtime(_) | Self::Damaged(_) | Self::NotKept(_) | Self::Output(_) | Self::HostGone => {
                false
            }
        }
    }
}

/// Runs until its time is up, its market ends, or somebody stops it; lines go to `output`.
///
/// # Errors
/// When it cannot begin, or a recorded market turns out to be damaged.
pub fn run(config: &RunConfig, output: Box<dyn Write + Send>) -> Result<(), RunError> {
    let clock = WallClock::start();
    let plans = match &config.plans {
        PlanChoice::Demo => RunPlans::demo()?,
        PlanChoice::Plan(path) => RunPlans::given(path)?,
        PlanChoice::Config(path) => RunPlans::configured(path)?,
    };
    refuse_the_network(config)?;
    if let Some(path) = &config.token_file {
        read_token(path)?;
    }
    // Everything that can refuse this start comes before the store: to take it is to write into it.
    let listener = listen(config.listen)?;
    let (queue, asked) = queue();
    let session = session(config, &clock, &plans, &queue)?;
    let addr = listener.local_addr().map_err(|source| RunError::Listen { addr: config.listen, source })?;
    // Behind the port and the store, which only one run has at a time: so are the files of its token.
    let store = config.store.as_ref().map(|at| at.path.as_path());
    let access = Access::open(config.token_file.as_deref(), store, addr)?;
    let runtime =
        Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(RunError::Runtime)?;
    let names = Arc::new(session.names().clone());
    let about = About {
        names: Arc::clone(&names),
        started: clock.started_at(),
        quote_age_max: session.quote_age_max(),
        venue: venue_text(config),
        mode: mode(config),
    };
    let (published, status) = watch::channel(Arc::new(first_status(&session, clock.now())));
    let denials = Arc::new(Denials::default());
    let outlook = Outlook { status, about: Arc::new(about), clock, denials: Arc::clone(&denials) };
    let reception = Reception {
        token: access.token(),
        denials: Arc::clone(&denials),
        answers: Arc::new(Answers::default()),
        queue: queue.clone(),
        names,
        clock,
    };
    let server = serve(&runtime, listener, router(outlook, reception))?;
    let took = clock.now().since(clock.started_at());
    let bootstrap = bootstrap_lines(config, &plans, &session, &At { addr, token: access.place(), took });
    let printer = Printer::start(output, config.style, config.is_quiet, config.speed);
    let wall = clock.now();
    let pace = match config.market {
        MarketChoice::Generated(_) | MarketChoice::Recorded(_) => {
            Pace::new(config.speed, wall, session.now())
        }
        // The session began when the clock did; the start took a while.
        MarketChoice::Venue(_) => Pace::of_the_world(clock.started_at(), session.now()),
    };
    let ends = config.lasts.map_or(Timestamp::NEVER, |lasts| {
        wall.after(Span(i64::try_from(lasts.as_nanos()).unwrap_or(i64::MAX)))
    });
    let mut host = Host::new(session, pace, printer, published, wall, ends).telling(denials);
    host.say(bootstrap);
    let ended = host_until_signal(&runtime, host, clock, (queue, asked))?;
    server.stop(&runtime);
    match ended {
        Ended::Damaged(error) => Err(RunError::Damaged(error)),
        Ended::NotKept(why) => Err(RunError::NotKept(why)),
        Ended::OutputFailed(error) => Err(RunError::Output(error)),
        Ended::Asked | Ended::TimeUp | Ended::MarketEnded | Ended::NobodyReads => Ok(()),
    }
}

/// Before anything else starts: whoever reaches the port from outside needs a token that was chosen.
fn refuse_the_network(config: &RunConfig) -> Result<(), RunError> {
    let addr = config.listen;
    if config.token_file.is_none() && !addr.ip().to_canonical().is_loopback() {
        return Err(AccessError::OpenToTheNetwork { addr }.into());
    }
    Ok(())
}

fn listen(addr: SocketAddr) -> Result<TcpListener, RunError> {
    let listener = TcpListener::bind(addr).map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => RunError::PortBusy { addr },
        _ => RunError::Listen { addr, source },
    })?;
    listener.set_nonblocking(true).map_err(|source| RunError::Listen { addr, source })?;
    Ok(listener)
}

/// What a run trades at, and where its prices come from: chosen here, and nowhere below.
fn session(
    config: &RunConfig,
    clock: &WallClock,
    plans: &RunPlans,
    wakes: &Queue,
) -> Result<Session, RunError> {
    let spec = |market, positions_max| {
        let (seed, start) = (config.seed, clock.started_at());
        let budget = match &config.market {
            MarketChoice::Venue(choice) => choice.budget,
            MarketChoice::Generated(_) | MarketChoice::Recorded(_) => None,
        };
        SessionSpec { market, seed, positions_max, start, plans, kept: None, budget }
    };
    let keeper = |spec: &SessionSpec<'_>, at| {
        spec.rehearse(at)?;
        Keeper::open(at, clock.started_at()).map_err(SessionError::from)
    };
    let own = |market| {
        let mut spec = spec(market, config.positions_max);
        spec.kept = config.store.as_ref().map(|at| keeper(&spec, at)).transpose()?;
        Ok(Session::new(spec)?)
    };
    match &config.market {
        MarketChoice::Generated(script) => own(Market::Generated { seed: config.seed, script: *script }),
        MarketChoice::Recorded(path) => {
            let tape = Tape::open(path).map_err(|error| RunError::Tape { error })?;
            own(Market::Recorded(Box::new(tape)))
        }
        MarketChoice::Venue(choice) => {
            if !choice.may_be_remote && !choice.addr.ip().to_canonical().is_loopback() {
                return Err(RunError::Remote { addr: choice.addr });
            }
            let store = config.store.as_ref().ok_or(RunError::VenueWithoutStore)?;
            crash::here(Point::Recovery);
            let joined = wire::join_patiently(choice.addr)?;
            let (welcome, instruments) = (joined.welcome.clone(), wire::instruments(&joined.welcome));
            let streams = connection::listen(joined, wakes.clone()).map_err(RunError::Runtime)?;
            let clock = VenueClock::default();
            let (name, news, is_shadow) = (welcome.venue, streams.news, choice.is_shadow);
            let market = Market::Streamed { venue: name, instruments, news, is_shadow, clock: clock.clone() };
            let mut spec = spec(market, welcome.accounts);
            let (keeper, past) = keeper(&spec, store)?;
            let ids = ClientIds::of(keeper.installation().map_err(SessionError::from)?);
            let venue = LineVenue::new(ids, streams.words, choice.answer_within, clock);
            spec.kept = Some((keeper, past));
            let confirm_after = choice.read_every.min(Reads::OWN.confirm_after);
            let reads = Reads { every: choice.read_every, confirm_after };
            let venue: Box<dyn Venue> =
                if is_shadow { Box::new(Shadow::beside(venue)) } else { Box::new(venue) };
            Ok(Session::at(venue, reads, spec)?)
        }
    }
}

/// Which venue this is, for people.
fn venue_text(config: &RunConfig) -> String {
    match &config.market {
        MarketChoice::Generated(_) | MarketChoice::Recorded(_) => "simulated, in this process".to_owned(),
        MarketChoice::Venue(VenueChoice { addr, is_shadow: false, .. }) => format!("simulated, at {addr}"),
        MarketChoice::Venue(VenueChoice { addr, is_shadow: true, .. }) => {
            format!("on paper, in the shadow of the account at {addr}")
        }
    }
}

/// What the orders of a run are.
const fn mode(config: &RunConfig) -> Mode {
    match &config.market {
        MarketChoice::Venue(VenueChoice { is_shadow: true, .. }) => Mode::Shadow,
        MarketChoice::Generated(_) | MarketChoice::Recorded(_) | MarketChoice::Venue(_) => Mode::Paper,
    }
}

fn first_status(session: &Session, wall: Timestamp) -> Status {
    Status { published: wall, last_quote: wall, ..Status::of(session) }
}

/// The HTTP server, and how to end it.
struct Server {
    task: tokio::task::JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Server {
    /// Lets requests under way finish, for a moment.
    fn stop(self, runtime: &Runtime) {
        // Both ends of this channel are ours; a server that is gone needs no stop.
        let _gone = self.stop.send(());
        let _late = runtime.block_on(async { tokio::time::timeout(GOODBYE, self.task).await });
    }
}

fn serve(runtime: &Runtime, listener: TcpListener, routes: Router) -> Result<Server, RunError> {
    let (stop, stopped) = oneshot::channel::<()>();
    let _inside = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener).map_err(RunError::Runtime)?;
    let task = runtime.spawn(async move {
        let until = async move {
            let _told_or_gone = stopped.await;
        };
        // The server ends when told to; an error of one connection does not end it.
        let _ended = axum::serve(listener, routes).with_graceful_shutdown(until).await;
    });
    Ok(Server { task, stop })
}

/// Runs the host on a thread of its own until it ends; a signal asks it to, a second one insists.
fn host_until_signal(
    runtime: &Runtime,
    host: Host,
    clock: WallClock,
    (queue, asked): (Queue, Receiver<Ask>),
) -> Result<Ended, RunError> {
    // Before the first line is printed: whoever reads it may stop us.
    let mut signals = runtime.block_on(async { Signals::new() }).map_err(RunError::Runtime)?;
    let (done, mut is_done) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new()
        .name("host".to_owned())
        .spawn(move || {
            let ended = host.run(clock, &asked);
            // Nobody waits only if the program is ending already.
            let _gone = done.send(());
            ended
        })
        .map_err(RunError::Runtime)?;
    runtime.block_on(async {
        tokio::select! {
            _ = &mut is_done => return,
            () = signals.asks() => queue.stop(),
        }
        tokio::select! {
            _ = &mut is_done => {}
            // The output is stuck, and whoever sits there wants out.
            () = signals.insists() => std::process::exit(130),
        }
    });
    thread.join().map_err(|_| RunError::HostGone)
}
