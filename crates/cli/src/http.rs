//! Questions and commands to a service of ours, over HTTP.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::Value;

use crate::output::{BAD_REQUEST, FAILED};

/// A service that says nothing for this long does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer is not longer than this.
const ANSWER_MAX: u64 = 64 << 20;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The address is none.
    Url(String),
    /// Nobody is there.
    Silent(String, String),
    /// The request was sent, and nothing came back.
    Unanswered(String, String),
    /// What came is not ours.
    Foreign(String, String),
}

impl NoAnswer {
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Url(_) => BAD_REQUEST,
            Self::Silent(..) | Self::Unanswered(..) | Self::Foreign(..) => FAILED,
        }
    }

    /// Whether nobody said anything.
    pub(crate) const fn is_silence(&self) -> bool {
        match self {
            Self::Silent(..) | Self::Unanswered(..) => true,
            Self::Url(_) | Self::Foreign(..) => false,
        }
    }
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url(url) => {
                write!(f, "--url {url}: must be an address such as http://127.0.0.1:8007, without a path")
            }
            Self::Silent(url, why) | Self::Unanswered(url, why) => {
                write!(f, "{url} does not answer: {why}; `ripcord run` starts a service, --url names another")
            }
            Self::Foreign(url, why) => write!(f, "{url} is no ripcord service: {why}"),
        }
    }
}

/// What `path` says at `url`.
pub(crate) fn get(url: &str, path: &str) -> Result<Value, NoAnswer> {
    let (code, body) = exchange(url, &format!("GET {path} HTTP/1.0\r\n"), "")?;
    if code != 200 {
        return Err(NoAnswer::Foreign(url.to_owned(), format!("it answers {path} with {code}")));
    }
    Ok(body)
}

/// Who gives a command, and under which key: without spaces and ends of lines, both.
pub(crate) struct Signed<'a> {
    pub(crate) token: &'a str,
    pub(crate) key: &'a str,
}

/// What `path` at `url` answers a command with: status code and body.
pub(crate) fn post(
    url: &str,
    path: &str,
    signed: &Signed<'_>,
    body: &Value,
) -> Result<(u16, Value), NoAnswer> {
    let (body, Signed { token, key }) = (body.to_string(), signed);
    let head = format!(
        "POST {path} HTTP/1.0\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    exchange(url, &head, &body)
}

fn exchange(url: &str, head: &str, body: &str) -> Result<(u16, Value), NoAnswer> {
    let host = host(url).ok_or_else(|| NoAnswer::Url(url.to_owned()))?;
    let silent = |why: &std::io::Error| NoAnswer::Silent(url.to_owned(), said(why));
    let unanswered = |why: &std::io::Error| NoAnswer::Unanswered(url.to_owned(), said(why));
    let foreign = |why: &str| NoAnswer::Foreign(url.to_owned(), why.to_owned());
    let mut addresses = host.to_socket_addrs().map_err(|error| silent(&error))?;
    let address = addresses
        .next()
        .ok_or_else(|| NoAnswer::Silent(url.to_owned(), "its name has no address".to_owned()))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| silent(&error))?;
    let limited =
        stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
    limited.map_err(|error| silent(&error))?;
    let request = format!("{head}Host: {host}\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).map_err(|error| unanswered(&error))?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer).map_err(|error| unanswered(&error))?;
    if answer.is_empty() {
        return Err(NoAnswer::Unanswered(url.to_owned(), "it broke off".to_owned()));
    }
    let answer = String::from_utf8(answer).map_err(|_| foreign("its answer is no text"))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| foreign("its answer is not HTTP"))?;
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let code: u16 = code.ok_or_else(|| foreign("its answer is not HTTP"))?;
    match serde_json::from_str(body) {
        Ok(body) => Ok((code, body)),
        Err(_) if code != 200 => Err(foreign(&format!("it answers with {code}"))),
        Err(_) => Err(foreign("its answer is no JSON")),
    }
}

/// What the system says, in words where it only has a number for a wait that was too long.
fn said(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => format!("no answer within {} s", PATIENCE.as_secs()),
        _ => error.to_string(),
    }
}

/// The port of an address on this machine; none of any other.
pub(crate) fn port_here(url: &str) -> Option<u16> {
    let host = host(url)?;
    let (name, port) = host.rsplit_once(':')?;
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let is_here = name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    port.parse().ok().filter(|_| is_here)
}

/// Host and port of an address.
fn host(url: &str) -> Option<String> {
    let host = url.strip_prefix("http://")?;
    let host = host.strip_suffix('/').unwrap_or(host);
    let is_plain =
        !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) && !host.contains(char::is_control);
    let port = host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    match (is_plain, port) {
        (true, Some(_)) => Some(host.to_owned()),
        (true, None) if !host.contains(':') => Some(format!("{host}:80")),
        (true | false, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for (url, wanted) in [
            ("http://127.0.0.1:8007", Some("127.0.0.1:8007")),
            ("http://localhost:8007/", Some("localhost:8007")),
            ("http://[::1]:8007", Some("[::1]:8007")),
            ("http://paper", Some("paper:80")),
            ("https://127.0.0.1:8007", None),
            ("127.0.0.1:8007", None),
            ("http://127.0.0.1:8007/health", None),
            ("http://a\r\nb:1", None),
            ("http://a:70000", None),
            ("http://", None),
        ] {
            assert_eq!(host(url).as_deref(), wanted, "{url}");
        }
    }

    #[test]
    fn a_wait_that_was_too_long_is_told_in_seconds() {
        for kind in [ErrorKind::WouldBlock, ErrorKind::TimedOut] {
            assert_eq!(said(&kind.into()), "no answer within 5 s");
        }
        assert_eq!(said(&ErrorKind::ConnectionRefused.into()), "connection refused");
    }

    #[test]
    fn only_this_machine_is_here() {
        for (url, wanted) in [
            ("http://127.0.0.1:8007", Some(8007)),
            ("http://127.9.9.9:8007", Some(8007)),
            ("http://localhost:9", Some(9)),
            ("http://[::1]:8007", Some(8007)),
            ("http://localhost.evil:9", None),
            ("http://10.0.0.1:8007", None),
            ("http://paper", None),
        ] {
            assert_eq!(port_here(url), wanted, "{url}");
        }
    }
}
