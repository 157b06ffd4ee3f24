//! HTTP: health that can say no, the positions, and commands. What is read comes from the status that the
//! host publishes, so that no look ever waits for the market, nor the market for a request; [`commands`]
//! wait for the host, which carries them out between two turns.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use ripcord_core::num::Price;
use ripcord_core::position::Phase;
use ripcord_core::reason::Reason;
use ripcord_core::view::PositionView;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::access::Denials;
use crate::clock::WallClock;
use crate::health::{Health, ms};
use crate::names::{Names, money_exact, rfc3339};
use crate::protection::Told;
use crate::status::{About, Status};
use crate::tags::origin_word;

pub mod commands;

use commands::Reception;

/// What requests are answered from.
#[derive(Debug, Clone)]
pub struct Outlook {
    /// The newest status.
    pub status: watch::Receiver<Arc<Status>>,
    /// What does not change.
    pub about: Arc<About>,
    /// The time.
    pub clock: WallClock,
    /// How often somebody without a token gave a command.
    pub denials: Arc<Denials>,
}

/// The routes: those that read, and those of commands.
pub fn router(outlook: Outlook, reception: Reception) -> Router {
    let reads = Router::new()
        .route("/health", get(health))
        .route("/positions", get(positions))
        .route("/v1/protection", get(protection))
        .with_state(outlook);
    reads.merge(commands::router(reception)).fallback(not_found).method_not_allowed_fallback(not_allowed)
}

#[derive(Serialize)]
struct HealthBody {
    status: &'static str,
    reasons: Vec<String>,
    mode: &'static str,
    venue: String,
    version: &'static str,
    started_at: String,
    uptime_s: i64,
    last_check_time: String,
    last_quote_age_ms: i64,
    loop_late_ms: i64,
    market_time: String,
    tracked_positions: usize,
    opened: u64,
    exits: u64,
    exits_by_reason: BTreeMap<&'static str, u64>,
    tp_hits: u64,
    sl_hits: u64,
    trailing_hits: u64,
    alarms: u64,
    lines_dropped: u64,
    /// The accounts that somebody stopped, and how far.
    kill_levels: BTreeMap<u32, &'static str>,
    commands_denied: u64,
}

async fn health(State(outlook): State<Outlook>) -> Response {
    let status = Arc::clone(&outlook.status.borrow());
    let (about, now) = (&outlook.about, outlook.clock.now());
    let health = Health::of(&status, about, now);
    let code = match health {
        Health::Healthy => StatusCode::OK,
        Health::Degraded(_) | Health::Stopping => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = HealthBody {
        status: health.word(),
        reasons: health.reasons(),
        mode: about.mode.word(),
        venue: about.venue.clone(),
        version: env!("CARGO_PKG_VERSION"),
        started_at: rfc3339(about.started),
        uptime_s: ms(now.since(about.started)) / 1_000,
        last_check_time: rfc3339(status.published),
        last_quote_age_ms: ms(now.since(status.last_quote)),
        loop_late_ms: ms(status.late),
        market_time: rfc3339(status.market_at),
        tracked_positions: status.positions.len(),
        opened: status.opened,
        exits: status.exits.values().sum(),
        exits_by_reason: status.exits.iter().map(|(reason, &count)| (reason.word(), count)).collect(),
        tp_hits: status.exits_of(Reason::TakeProfit),
        sl_hits: status.exits_of(Reason::StopLoss),
        trailing_hits: status.exits_of(Reason::TrailingStop),
        alarms: status.alarms,
        lines_dropped: status.lines_dropped,
        kill_levels: status.standing.kills.iter().map(|(account, level)| (account.0, level.word())).collect(),
        commands_denied: outlook.denials.total(),
    };
    (code, Json(body)).into_response()
}

#[derive(Deserialize)]
struct Filter {
    symbol: Option<String>,
}

#[derive(Serialize)]
struct PositionsBody {
    count: usize,
    as_of: String,
    positions: Vec<PositionBody>,
}

#[derive(Serialize)]
struct PositionBody {
    id: String,
    symbol: String,
    side: &'static str,
    qty: String,
    initial: String,
    entry: String,
    price: Option<String>,
    unrealised_pnl: Option<String>,
    effective_stop: Option<String>,
    effective_stop_from: Option<&'static str>,
    hard_stop: Option<String>,
    targets: Vec<TargetBody>,
    plan: String,
    opened_at: String,
    phase: &'static str,
    closing: Option<&'static str>,
}

#[derive(Serialize)]
struct TargetBody {
    leg: usize,
    price: String,
    done: bool,
}

async fn positions(State(outlook): State<Outlook>, Query(filter): Query<Filter>) -> Json<PositionsBody> {
    let status = Arc::clone(&outlook.status.borrow());
    let names = &outlook.about.names;
    let wanted = |position: &&PositionView| {
        filter.symbol.as_deref().is_none_or(|symbol| names.symbol(position.episode) == symbol)
    };
    let positions: Vec<PositionBody> =
        status.positions.iter().filter(wanted).map(|position| position_body(names, position)).collect();
    Json(PositionsBody { count: positions.len(), as_of: rfc3339(status.published), positions })
}

fn position_body(names: &Names, position: &PositionView) -> PositionBody {
    let episode = position.episode;
    let text = |price: Price| names.price(episode, price);
    let legs = position.legs.iter().enumerate();
    PositionBody {
        id: names.episode(episode),
        symbol: names.symbol(episode).to_owned(),
        side: position.side.word(),
        qty: names.qty(episode, position.qty),
        initial: names.qty(episode, position.initial),
        entry: text(position.entry),
        price: position.price.map(text),
        unrealised_pnl: position.unrealised.map(money_exact),
        effective_stop: position.effective_stop.map(text),
        effective_stop_from: stop_from(position),
        hard_stop: position.hard_stop.map(text),
        targets: legs
            .map(|(index, leg)| TargetBody { leg: index + 1, price: text(leg.target), done: leg.done })
            .collect(),
        plan: names.plan(position.plan).to_owned(),
        opened_at: rfc3339(position.opened_at),
        phase: match position.phase {
            Phase::Open => "open",
            Phase::Closing => "closing",
            Phase::Flat => "flat",
            Phase::Vacant => "vacant",
        },
        closing: position.closing.map(Reason::word),
    }
}

/// What the effective stop comes from: the trailing stop, or what set the stop.
fn stop_from(position: &PositionView) -> Option<&'static str> {
    let effective = position.effective_stop?;
    match position.stop {
        Some((stop, origin)) if stop == effective => Some(origin_word(origin)),
        Some(_) | None => Some("trailing"),
    }
}

#[derive(Serialize)]
struct ProtectionBody {
    mode: &'static str,
    venue: String,
    version: &'static str,
    health: &'static str,
    reasons: Vec<String>,
    published: String,
    store: Option<StoreBody>,
    #[serde(flatten)]
    told: Told,
}

#[derive(Serialize)]
struct StoreBody {
    path: String,
    records: u64,
}

async fn protection(State(outlook): State<Outlook>) -> Json<ProtectionBody> {
    let status = Arc::clone(&outlook.status.borrow());
    let health = Health::of(&status, &outlook.about, outlook.clock.now());
    let told = Told::of(&status.guarded, &status.standing, &outlook.about.names, status.market_at);
    Json(ProtectionBody {
        mode: outlook.about.mode.word(),
        venue: outlook.about.venue.clone(),
        version: env!("CARGO_PKG_VERSION"),
        health: health.word(),
        reasons: health.reasons(),
        published: rfc3339(status.published),
        store: status.kept.clone().map(|(path, records)| StoreBody { path, records }),
        told: if matches!(health, Health::Degraded(_)) { told.unwatched() } else { told },
    })
}

async fn not_found(uri: Uri) -> Response {
    let text = format!(
        "there is no {}; there are /health, /positions, /v1/protection and, for POST, /v1/commands/KIND",
        uri.path()
    );
    (StatusCode::NOT_FOUND, Json(serde_json::json!({"error": "not_found", "message": text}))).into_response()
}

async fn not_allowed() -> Response {
    let body = serde_json::json!({"error": "method_not_allowed", "message": "what is there to read is read with GET, and commands are given with POST"});
    (StatusCode::METHOD_NOT_ALLOWED, Json(body)).into_response()
}
