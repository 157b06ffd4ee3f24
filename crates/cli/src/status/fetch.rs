//! One question to a service of ours, over HTTP.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::Value;

use crate::output::{BAD_REQUEST, FAILED};

/// A service that says nothing for this long does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer is not longer than this.
const ANSWER_MAX: u64 = 64 << 20;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// The address is none.
    Url(String),
    /// Nobody is there, or it broke off.
    Silent(String, String),
    /// What came is not ours.
    Foreign(String, String),
}

impl NoAnswer {
    pub(super) const fn code(&self) -> u8 {
        match self {
            Self::Url(_) => BAD_REQUEST,
            Self::Silent(..) | Self::Foreign(..) => FAILED,
        }
    }
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url(url) => {
                write!(f, "--url {url}: must be an address such as http://127.0.0.1:8007, without a path")
            }
            Self::Silent(url, why) => write!(
                f,
                "{url} does not answer: {why}; `ripcord run` starts a service, --url names another, --db FILE reads a store"
            ),
            Self::Foreign(url, why) => write!(f, "{url} is no ripcord service: {why}"),
        }
    }
}

/// What `path` says at `url`.
pub(super) fn get(url: &str, path: &str) -> Result<Value, NoAnswer> {
    let host = host(url).ok_or_else(|| NoAnswer::Url(url.to_owned()))?;
    let silent = |why: &dyn std::fmt::Display| NoAnswer::Silent(url.to_owned(), why.to_string());
    let foreign = |why: &str| NoAnswer::Foreign(url.to_owned(), why.to_owned());
    let mut addresses = host.to_socket_addrs().map_err(|error| silent(&error))?;
    let address = addresses.next().ok_or_else(|| silent(&"its name has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| silent(&error))?;
    let limited =
        stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
    limited.map_err(|error| silent(&error))?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(|error| silent(&error))?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer).map_err(|error| silent(&error))?;
    let answer = String::from_utf8(answer).map_err(|_| foreign("its answer is no text"))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| foreign("its answer is not HTTP"))?;
    let code = head.split(' ').nth(1).unwrap_or("");
    if code != "200" {
        return Err(foreign(&format!("it answers {path} with {code}")));
    }
    serde_json::from_str(body).map_err(|_| foreign("its answer is no JSON"))
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
}
