//! The first lines of a run: what was found, configured and checked.

use std::net::SocketAddr;
use std::path::Path;

use ripcord_core::time::{Span, Timestamp};

use super::{MarketChoice, RunConfig, mode};
use crate::line::{Line, Tag, Tone};
use crate::names::price_text;
use crate::plans::RunPlans;
use crate::session::Session;
use crate::status::Mode;

/// Where a run can be reached, by whom, and how long its start took.
pub(super) struct At<'a> {
    /// The bound address.
    pub(super) addr: SocketAddr,
    /// The file of its token.
    pub(super) token: &'a Path,
    /// The start.
    pub(super) took: Span,
}

/// What was found and configured.
pub(super) fn bootstrap_lines(
    config: &RunConfig,
    plans: &RunPlans,
    session: &Session,
    reached: &At<'_>,
) -> Vec<Line> {
    let (addr, took) = (reached.addr, reached.took);
    let (at, names) = (session.now(), session.names());
    let symbols: Vec<&str> = names.instruments.iter().map(|instrument| instrument.symbol.as_str()).collect();
    let mut named: Vec<&str> = Vec::new();
    for name in &names.plans {
        if !named.contains(&name.as_str()) {
            named.push(name);
        }
    }
    let market = match &config.market {
        MarketChoice::Generated(script) => format!("generated ({})", format!("{script:?}").to_lowercase()),
        MarketChoice::Recorded(path) => path.display().to_string(),
        MarketChoice::Venue(choice) => format!("venue {} (a simulation)", choice.addr),
    };
    let ticks: Vec<String> = names
        .instruments
        .iter()
        .map(|instrument| {
            format!("{} (tick {})", instrument.symbol, price_text(instrument, instrument.tick_size))
        })
        .collect();
    let (version, seed, speed, most) =
        (env!("CARGO_PKG_VERSION"), config.seed, config.speed, config.positions_max);
    let orders = match mode(config) {
        Mode::Paper => "on paper: no order leaves this machine",
        Mode::Shadow => "in shadow: no order reaches the account, and nothing protects it",
    };
    // Beside a venue the world has its own chance, pace and positions.
    let is_own = !matches!(config.market, MarketChoice::Venue(_));
    let own =
        if is_own { format!(" | seed={seed} | speed={speed} | max_positions={most}") } else { String::new() };
    let settings = format!("ripcord {version} {orders} | market={market}{own}");
    let traded = format!("instruments: {} | plans: {}", ticks.join(", "), named.join(", "));
    let ms = took.0 / 1_000_000;
    let found = session.positions().len();
    let kept = config
        .store
        .as_ref()
        .map_or_else(|| "none (--db FILE)".to_owned(), |at| at.path.display().to_string());
    let complete = format!(
        "COMPLETE: positions kept from before: {found} | store: {kept} | took {ms} ms | http://{addr}/health http://{addr}/positions | Ctrl-C stops"
    );
    let mut settings = Line::new(Tag::Bootstrap, at, settings)
        .with("version", version)
        .with("mode", mode(config).word())
        .with("market", market);
    if is_own {
        settings = settings.with("seed", seed).with("speed", speed.to_string()).with("max_positions", most);
    }
    let checked = plans.lines(at, &symbols);
    let traded = Line::new(Tag::Bootstrap, at, traded).with("instruments", symbols).with("plans", named);
    let complete = Line::new(Tag::Bootstrap, at, complete)
        .with("found", found)
        .with("kept_in", config.store.as_ref().map(|at| at.path.display().to_string()))
        .with("took_ms", ms)
        .with("listen", addr.to_string());
    let mut lines = vec![settings, traded];
    lines.extend(checked);
    lines.extend(open_to_the_network(at, addr));
    lines.push(commands_line(at, reached));
    lines.push(complete);
    lines
}

/// Where commands go, and where their token stands; never the token.
fn commands_line(at: Timestamp, reached: &At<'_>) -> Line {
    let (addr, place) = (reached.addr, reached.token.display());
    let text = format!(
        "commands: http://{addr}/v1/commands/ (`ripcord panic` and others) with the token in {place}"
    );
    Line::new(Tag::Bootstrap, at, text).with("token_file", place.to_string())
}

/// Positions are nobody else's business, and whoever can reach the port may read them.
fn open_to_the_network(at: Timestamp, addr: SocketAddr) -> Option<Line> {
    let (ip, port) = (addr.ip().to_canonical(), addr.port());
    if ip.is_loopback() {
        return None;
    }
    let text = format!(
        "WARNING: {addr} can be reached from the network: anyone there can read every position without a password, and give commands with the token; --listen 127.0.0.1:{port} keeps it on this machine"
    );
    Some(Line::new(Tag::Bootstrap, at, text).toned(Tone::Alarm).with("warning", "open_to_the_network"))
}
