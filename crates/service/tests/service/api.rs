//! HTTP over a real socket of this machine.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use ripcord_core::time::Span;
use ripcord_service::access::{Denials, Token};
use ripcord_service::answers::Answers;
use ripcord_service::api::commands::Reception;
use ripcord_service::api::{Outlook, router};
use ripcord_service::clock::WallClock;
use ripcord_service::host::{Ask, queue};
use ripcord_service::session::Advance;
use ripcord_service::status::{About, Status};
use ripcord_sim::generator::Script;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::session::{START, session};

/// A server with the state of a session after 20 s.
pub(crate) struct Served {
    pub(crate) addr: SocketAddr,
    status: watch::Sender<Arc<Status>>,
    clock: WallClock,
    /// What a host would be asked for.
    pub(crate) asked: Receiver<Ask>,
    _runtime: Runtime,
}

/// The token of the server.
pub(crate) const TOKEN: &str = "chosen-by-a-test-0123456789abcdef";

pub(crate) fn serve() -> Served {
    let mut session = session(7, Script::Mixed, 6);
    while session.advance(START.after(Span::from_secs(20)), 1_000).expect("no tape") == Advance::More {}
    let clock = WallClock::start();
    let now = clock.now();
    let status = Status { published: now, last_quote: now, ..Status::of(&session) };
    assert!(!status.positions.is_empty(), "the session holds something after 20 s");
    let about = About {
        names: Arc::new(session.names().clone()),
        started: clock.started_at(),
        quote_age_max: Span::from_secs(5),
        venue: String::new(),
        mode: ripcord_service::status::Mode::Paper,
    };
    let (status, published) = watch::channel(Arc::new(status));
    let (denials, (queue, asked)) = (Arc::new(Denials::default()), queue());
    let names = Arc::clone(&about.names);
    let outlook = Outlook { status: published, about: Arc::new(about), clock, denials: Arc::clone(&denials) };
    let answers = Arc::new(Answers::default());
    let reception = Reception { token: Token::of(TOKEN), denials, answers, queue, names, clock };
    let runtime = Runtime::new().expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let addr = listener.local_addr().expect("an address");
    runtime.spawn(async move { axum::serve(listener, router(outlook, reception)).await });
    Served { addr, status, clock, asked, _runtime: runtime }
}

impl Served {
    /// Status code and JSON of a request.
    fn ask(&self, method: &str, path: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.addr).expect("a connection");
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
        assert!(head.contains("content-type: application/json"), "{head}");
        let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a code");
        (code, serde_json::from_str(body).expect("JSON"))
    }
}

#[test]
fn health_says_what_is_watched() {
    let served = serve();
    let (code, body) = served.ask("GET", "/health");
    assert_eq!((code, &body["status"], &body["mode"]), (200, &"healthy".into(), &"paper".into()), "{body}");
    assert_eq!(body["reasons"], Value::Array(Vec::new()));
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    let status = Arc::clone(&served.status.borrow());
    assert_eq!(body["tracked_positions"], status.positions.len());
    assert_eq!(body["opened"], status.opened);
    let by_reason: u64 =
        body["exits_by_reason"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
    assert!(by_reason > 0 && body["exits"] == by_reason, "{body}");
    assert_eq!(body["exits_by_reason"]["TAKE_PROFIT"], body["tp_hits"]);
    for field in ["sl_hits", "trailing_hits", "uptime_s", "last_quote_age_ms", "loop_late_ms", "alarms"] {
        assert!(body[field].is_i64() || body[field].is_u64(), "{field}: {body}");
    }
    for field in ["last_check_time", "started_at", "market_time"] {
        let text = body[field].as_str().unwrap_or_default();
        assert!(text.len() == 24 && text.ends_with('Z'), "{field}: {body}");
    }
}

#[test]
fn health_can_say_no() {
    let served = serve();
    let now = served.clock.now();
    let fine = Status { published: now.after(Span::from_secs(60)), ..(**served.status.borrow()).clone() };
    served
        .status
        .send_replace(Arc::new(Status { last_quote: now.after(Span::from_secs(-6)), ..fine.clone() }));
    let (code, body) = served.ask("GET", "/health");
    assert_eq!((code, &body["status"]), (503, &"degraded".into()), "{body}");
    assert!(body["reasons"][0].as_str().is_some_and(|text| text.contains("last quote is old")), "{body}");
    served.status.send_replace(Arc::new(Status { is_stopping: true, ..fine }));
    let (code, body) = served.ask("GET", "/health");
    assert_eq!((code, &body["status"]), (503, &"stopping".into()), "{body}");
}

#[test]
fn positions_are_listed_with_decimals_as_text() {
    let served = serve();
    let status = Arc::clone(&served.status.borrow());
    let (code, body) = served.ask("GET", "/positions");
    assert_eq!((code, &body["count"]), (200, &status.positions.len().into()));
    for position in body["positions"].as_array().into_iter().flatten() {
        for field in [
            "id",
            "symbol",
            "side",
            "qty",
            "initial",
            "entry",
            "price",
            "unrealised_pnl",
            "plan",
            "opened_at",
            "phase",
        ] {
            assert!(position[field].is_string(), "{field}: {position}");
        }
        assert!(position["hard_stop"].is_string() && position["targets"].is_array(), "{position}");
        assert_eq!(position["effective_stop"].is_string(), position["effective_stop_from"].is_string());
        for target in position["targets"].as_array().into_iter().flatten() {
            assert!(target["price"].is_string() && target["done"].is_boolean(), "{target}");
        }
    }
}

#[test]
fn positions_can_be_asked_for_by_symbol() {
    let served = serve();
    let (_, all) = served.ask("GET", "/positions");
    let mut sum = 0;
    for symbol in ["BTCUSDT", "ETHUSDT", "SOLUSDT"] {
        let (code, some) = served.ask("GET", &format!("/positions?symbol={symbol}"));
        assert_eq!(code, 200);
        let positions = some["positions"].as_array().map_or(&[][..], Vec::as_slice);
        assert!(positions.iter().all(|position| position["symbol"] == symbol), "{some}");
        sum += positions.len();
    }
    assert_eq!(all["count"], sum);
    assert_eq!(served.ask("GET", "/positions?symbol=NONE").1["count"], 0);
}

#[test]
fn protection_adds_up_and_names_what_covers() {
    let served = serve();
    let status = Arc::clone(&served.status.borrow());
    let (code, body) = served.ask("GET", "/v1/protection");
    assert_eq!((code, &body["mode"], &body["store"]), (200, &"paper".into(), &Value::Null), "{body}");
    // Some of the demo's plans want a stop at the venue; of the others we alone cover.
    assert_eq!((&body["state"], &body["totals"]["short"]), (&"covered".into(), &0.into()), "{body}");
    assert_eq!(body["totals"]["positions"], status.positions.len());
    let positions = body["positions"].as_array().expect("a list");
    let bare = positions.iter().filter(|position| position["stop"].is_null()).count();
    assert_eq!(body["totals"]["unbounded_without_us"], bare);
    assert_eq!(positions.len(), status.positions.len());
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok()).expect("decimals");
    for (position, view) in positions.iter().zip(&status.positions) {
        let parts: f64 = ["covered", "armed_only", "naked"].iter().map(|part| number(&position[part])).sum();
        assert!((parts - number(&position["held"])).abs() < 1e-9, "{position}");
        assert_eq!(position["worst_without_us"].is_string(), position["stop"].is_object(), "{position}");
        assert!(position["closing"].is_object() == view.closing.is_some(), "{position}");
        if view.closing.is_none() {
            assert!(position["rule"]["level"].is_string() && position["worst_with_us"].is_string());
        }
    }
    let accounts = body["accounts"].as_array().expect("a list");
    let counted: u64 = accounts.iter().filter_map(|account| account["positions"].as_u64()).sum();
    assert_eq!(counted, status.positions.len() as u64);
}

#[test]
fn everything_else_is_refused_in_json() {
    let served = serve();
    for path in ["/", "/health/", "/positions/1", "/v1", "/admin", "/v1/commands/close/1"] {
        let (code, body) = served.ask("GET", path);
        assert_eq!((code, &body["error"]), (404, &"not_found".into()), "{path}");
    }
    for (method, path) in [
        ("POST", "/positions"),
        ("GET", "/v1/commands/panic"),
        ("GET", "/v1/commands"),
        ("GET", "/v1/commands/"),
    ] {
        let (code, body) = served.ask(method, path);
        assert_eq!((code, &body["error"]), (405, &"method_not_allowed".into()), "{path}");
    }
    let (_, body) = served.ask("GET", "/v1/commands");
    let text = body["message"].as_str().unwrap_or_default();
    assert!(text.contains("given with POST /v1/commands/KIND; kinds are close, panic"), "{text}");
    let (code, body) = served.ask("POST", "/v1/commands");
    assert_eq!((code, &body["error"]), (404, &"not_found".into()), "{body}");
}
