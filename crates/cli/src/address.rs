//! Addresses that options name.

use std::net::{Ipv4Addr, SocketAddr};

/// An address of this machine or another, with its port. `localhost` is this machine; other names are not looked up,
/// because what they mean may change.
///
/// # Errors
/// What an address looks like.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let here = text.strip_prefix("localhost:").and_then(|port| port.parse::<u16>().ok());
    match here {
        Some(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        None => text.parse().map_err(|_| {
            "give an IP address and a port, such as 127.0.0.1:8007, localhost:8007 or [::1]:8007".to_owned()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_ip_and_a_port_or_this_machine() {
        for (text, wanted) in [
            ("127.0.0.1:8007", Some("127.0.0.1:8007")),
            ("localhost:8007", Some("127.0.0.1:8007")),
            ("[::1]:0", Some("[::1]:0")),
            ("localhost", None),
            ("localhost:70000", None),
            ("example.org:80", None),
            ("8007", None),
            ("", None),
        ] {
            let found = address(text).ok().map(|addr| addr.to_string());
            assert_eq!(found.as_deref(), wanted, "{text}");
        }
    }
}
