//! `POST /v1/commands/..`: who asks, whether it was asked before, and the way to the session.
//!
//! Nothing of a request is looked at before its token. A command that reached the session is answered with
//! what the engine made of it, and the same answer is given again to the same key.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use serde_json::json;

use crate::access::{Denials, Token};
use crate::answers::{Answered, Answers, Asked};
use crate::clock::WallClock;
use crate::command::answer::{Carried, Outcome};
use crate::command::parse::wish;
use crate::command::{Kind, Wish};
use crate::host::{NotTaken, Queue, WAITING_MAX};
use crate::names::Names;

/// A body has at most so many bytes.
pub const BODY_MAX: usize = 64 << 10;
/// A body is there within this time.
const BODY_WITHIN: Duration = Duration::from_secs(5);
/// A key has at most so many characters.
pub const KEY_MAX: usize = 128;
/// Whoever finds the queue full asks again after so many seconds.
const RETRY_AFTER_S: &str = "1";

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What commands are received with.
#[derive(Debug, Clone)]
pub struct Reception {
    /// Who may.
    pub token: Token,
    /// How often somebody may not.
    pub denials: Arc<Denials>,
    /// What was asked and answered.
    pub answers: Arc<Answers>,
    /// The way to the session.
    pub queue: Queue,
    /// The instruments.
    pub names: Arc<Names>,
    /// The time.
    pub clock: WallClock,
}

/// The routes of commands.
pub(super) fn router(reception: Reception) -> Router {
    Router::new()
        .route("/v1/commands/{kind}", post(command))
        .route("/v1/commands", any(no_kind))
        .route("/v1/commands/", any(no_kind))
        .with_state(reception)
}

/// A request that is not carried out.
#[derive(Debug)]
struct Refusal {
    code: StatusCode,
    error: &'static str,
    text: String,
}

impl Refusal {
    fn new(code: StatusCode, error: &'static str, text: impl Into<String>) -> Self {
        Self { code, error, text: text.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"error": self.error, "message": self.text}).to_string();
        let mut response = answer(self.code, body);
        let headers = response.headers_mut();
        match self.code {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
            }
            _ => {}
        }
        response
    }
}

fn answer(code: StatusCode, body: impl Into<Body>) -> Response {
    (code, [(CONTENT_TYPE, "application/json")], body.into()).into_response()
}

/// The place of commands without the name of one.
async fn no_kind(method: Method) -> Response {
    let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
    let text = format!("a command is given with POST /v1/commands/KIND; kinds are {}", known.join(", "));
    if method == Method::POST {
        return Refusal::new(StatusCode::NOT_FOUND, "not_found", text).into_response();
    }
    let mut response =
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text).into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

async fn command(State(reception): State<Reception>, Path(word): Path<String>, request: Request) -> Response {
    match received(&reception, &word, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn received(reception: &Reception, word: &str, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    authenticate(reception, &head.headers)?;
    refuse_browsers(&head.headers)?;
    let kind = Kind::of_word(word).ok_or_else(|| {
        let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
        let text = format!("there is no such command; there are {}", known.join(", "));
        Refusal::new(StatusCode::NOT_FOUND, "not_found", text)
    })?;
    let key = key(&head.headers)?;
    let body = tokio::time::timeout(BODY_WITHIN, to_bytes(body, BODY_MAX)).await;
    let body = body.map_err(|_late| {
        let text = format!("the body was not there within {} s", BODY_WITHIN.as_secs());
        Refusal::new(StatusCode::REQUEST_TIMEOUT, "body_late", text)
    })?;
    let body = body.map_err(|_| {
        let text = format!("the body has more than {BODY_MAX} bytes, or broke off");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", text)
    })?;
    let wish = wish(kind, &body, &reception.names)
        .map_err(|fault| Refusal::new(StatusCode::BAD_REQUEST, fault.code, fault.text))?;
    let mut hash = blake3::Hasher::new();
    hash.update(kind.word().as_bytes()).update(b"\n").update(&body);
    let asked = reception.answers.look(&key, hash.finalize(), reception.clock.now());
    let other = |error, text: &str| Err(Refusal::new(StatusCode::CONFLICT, error, text));
    match asked {
        Asked::New => {}
        Asked::Before(before) => return Ok(again(&before)),
        Asked::Otherwise => {
            return other("key_reused", "this Idempotency-Key came with another request; nothing was done");
        }
        Asked::UnderWay => {
            return other(
                "key_under_way",
                "this request is being carried out; the same key asks for its answer",
            );
        }
    }
    // Whether the one who asked still waits does not matter any more.
    let reception = reception.clone();
    let carried = tokio::spawn(async move { carried(&reception, &key, wish).await }).await;
    carried.unwrap_or_else(|_panicked| Err(gone()))
}

/// Hands a command to the session and keeps its answer.
async fn carried(reception: &Reception, key: &str, wish: Wish) -> Result<Response, Refusal> {
    let unavailable = |error, text: String| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error, text);
    let taken = match reception.queue.carry(wish) {
        Ok(answered) => answered.await.map_err(|_ended| NotTaken::Gone),
        Err(why) => Err(why),
    };
    match taken {
        Ok(Carried::Heard(told)) => {
            let code = match told.outcome {
                Outcome::Accepted => StatusCode::OK,
                Outcome::Refused => StatusCode::CONFLICT,
            };
            let body = serde_json::to_string(&told).map_err(|error| {
                Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "no_text", error.to_string())
            })?;
            let kept = Answered { code: code.as_u16(), body: body.into() };
            reception.answers.keep(key, kept.clone(), reception.clock.now());
            Ok(answer(code, kept.body.to_string()))
        }
        Ok(Carried::NotKept(why)) => {
            reception.answers.forget(key);
            let text = format!("it could not be written down, so nothing was sent, and the run ends: {why}");
            Err(unavailable("not_kept", text))
        }
        Err(NotTaken::Full) => {
            reception.answers.forget(key);
            let text = format!("{WAITING_MAX} commands wait already; this one was not taken");
            Err(unavailable("queue_full", text))
        }
        Err(NotTaken::Gone) => {
            reception.answers.forget(key);
            Err(gone())
        }
    }
}

fn gone() -> Refusal {
    let text = "the run is over; unless its journal has the command, it was not carried out";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", text)
}

/// The answer that was given before.
fn again(before: &Answered) -> Response {
    let code = StatusCode::from_u16(before.code).unwrap_or(StatusCode::OK);
    let mut response = answer(code, before.body.to_string());
    response
        .headers_mut()
        .insert(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));
    response
}

/// A missing token and a wrong one are answered alike.
fn authenticate(reception: &Reception, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let presented = match (given.next(), given.next()) {
        (Some(one), None) => bearer(one.as_bytes()),
        (Some(_), Some(_)) | (None, _) => None,
    };
    // Compared even when there is nothing to compare with: both answers take the same way.
    if reception.token.is(presented.unwrap_or_default()) {
        return Ok(());
    }
    reception.denials.count();
    Err(Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", "not allowed"))
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| rest.trim_ascii())
}

/// A page of another origin must not use what its reader's browser can reach.
fn refuse_browsers(headers: &HeaderMap) -> Result<(), Refusal> {
    let text_of = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(origin) = text_of(ORIGIN) {
        let from = origin.split_once("://").map(|(_, host)| host);
        if from.is_none() || from != text_of(HOST) {
            let text = "this request comes from a page of another origin";
            return Err(Refusal::new(StatusCode::FORBIDDEN, "cross_origin", text));
        }
    }
    let media = text_of(CONTENT_TYPE).map(|text| text.split(';').next().unwrap_or("").trim());
    if !media.is_some_and(|media| media.eq_ignore_ascii_case("application/json")) {
        let text = "Content-Type must be application/json";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", text));
    }
    Ok(())
}

fn key(headers: &HeaderMap) -> Result<String, Refusal> {
    let bad = |text: String| Refusal::new(StatusCode::BAD_REQUEST, "idempotency_key", text);
    let key = headers.get(KEY).ok_or_else(|| {
        bad("Idempotency-Key is missing: a text of your own for each command, so that sending it twice does it once".to_owned())
    })?;
    let key = key.as_bytes();
    if key.is_empty() || key.len() > KEY_MAX || !key.iter().all(u8::is_ascii_graphic) {
        return Err(bad(format!(
            "Idempotency-Key must be 1 to {KEY_MAX} visible ASCII characters without spaces"
        )));
    }
    Ok(String::from_utf8_lossy(key).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn pages_of_other_origins_and_forms_are_refused() {
        let json = (CONTENT_TYPE, "application/json; charset=utf-8");
        let host = (HOST, "127.0.0.1:8007");
        let refused = |pairs: &[_]| refuse_browsers(&headers(pairs)).err().map(|refusal| refusal.error);
        assert_eq!(refused(&[json.clone(), host.clone()]), None);
        assert_eq!(refused(&[json.clone(), host.clone(), (ORIGIN, "http://127.0.0.1:8007")]), None);
        for origin in
            ["http://evil.example", "null", "", "http://127.0.0.1:8008", "http://127.0.0.1:8007.evil"]
        {
            let pairs = [json.clone(), host.clone(), (ORIGIN, origin)];
            assert_eq!(refused(&pairs), Some("cross_origin"), "{origin}");
        }
        assert_eq!(refused(&[json, (ORIGIN, "http://127.0.0.1:8007")]), Some("cross_origin"));
        for media in ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"] {
            assert_eq!(refused(&[host.clone(), (CONTENT_TYPE, media)]), Some("not_json"), "{media}");
        }
        assert_eq!(refused(&[host]), Some("not_json"));
    }

    #[test]
    fn a_bearer_is_read_and_nothing_else() {
        assert_eq!(bearer(b"Bearer abc"), Some(&b"abc"[..]));
        assert_eq!(bearer(b"bearer  abc "), Some(&b"abc"[..]));
        for value in [&b"abc"[..], b"Basic abc", b"Bearer", b"", b"Bearerabc12"] {
            assert_eq!(bearer(value), None);
        }
    }
}
