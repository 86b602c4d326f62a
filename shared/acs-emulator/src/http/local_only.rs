//! The check that keeps pages on the web away from services on this machine that need no
//! credentials.

use std::net::IpAddr;

use hyper::header::{HOST, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Uri};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignRequest {
    /// `Host` is missing, or is a name that its owner can point at this machine.
    Host,
    /// A browser sends the request for a page of another machine.
    Origin,
}

impl std::fmt::Display for ForeignRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Host => "host refused: use 127.0.0.1, localhost or the IP address",
            Self::Origin => "origin refused: only pages of this machine can use this service",
        })
    }
}

/// Checks that a request is not made by a page of another machine.
///
/// `Host` must be an IP address, a name without a dot such as `localhost`, or a name below
/// `localhost` or `internal`: such names cannot be registered. With any other name, a page could be
/// served from that name, and its owner could then point the name at this machine (DNS rebinding):
/// for the browser, the service would be of the page's own origin.
///
/// `Origin`, which browsers send for other pages, must be a loopback name, or the machine that
/// `Host` names.
///
/// # Errors
/// The header that is refused.
pub fn check_local_request(headers: &HeaderMap) -> Result<(), ForeignRequest> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(HOST).and_then(|host| host.parse::<Authority>().ok());
    let host = host.as_ref().map(Authority::host).unwrap_or_default();
    if !is_unregistrable(host) {
        return Err(ForeignRequest::Host);
    }
    let Some(origin) = text(ORIGIN) else { return Ok(()) };
    let origin = origin.parse::<Uri>().ok();
    let origin = origin.as_ref().and_then(Uri::host).unwrap_or_default();
    let local = is_loopback(origin) || origin == host;
    local.then_some(()).ok_or(ForeignRequest::Origin)
}

fn is_unregistrable(host: &str) -> bool {
    let reserved = matches!(host.rsplit_once('.'), None | Some((_, "localhost" | "internal")));
    !host.is_empty() && (address(host).is_some() || reserved)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || address(host).is_some_and(|address| address.is_loopback())
}

/// An address; an IPv6 address is in brackets in a URL.
fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: Option<&str>, origin: Option<&str>) -> Result<(), ForeignRequest> {
        let headers = [(HOST, host), (ORIGIN, origin)];
        let given = headers.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let headers = given.map(|(name, value)| (name, value.parse().unwrap())).collect();
        check_local_request(&headers)
    }

    #[test]
    fn only_names_that_cannot_be_registered_are_served() {
        for (host, served) in [
            ("127.0.0.1:3001", true),
            ("192.168.1.5:3001", true),
            ("[::1]:3001", true),
            ("localhost:3001", true),
            ("localhost", true),
            ("emulator:8080", true),
            ("app.localhost", true),
            ("host.docker.internal:3002", true),
            ("evil.example:3001", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("127.0.0.1@evil.example", false),
            ("localhost.", false),
            (":3001", false),
            ("", false),
        ] {
            let expected = if served { Ok(()) } else { Err(ForeignRequest::Host) };
            assert_eq!(check(Some(host), None), expected, "{host}");
        }
        assert_eq!(check(None, None), Err(ForeignRequest::Host));
    }

    #[test]
    fn only_pages_of_this_machine_are_served() {
        for (host, origin, served) in [
            ("127.0.0.1:3001", "http://127.0.0.1:3001", true),
            ("127.0.0.1:3001", "http://localhost:5173", true),
            ("127.0.0.1:3001", "http://[::1]:5173", true),
            ("192.168.1.5:3002", "https://192.168.1.5:5173", true),
            ("127.0.0.1:3001", "http://192.168.1.5:5173", false),
            ("127.0.0.1:3001", "https://evil.example", false),
            ("127.0.0.1:3001", "https://localhost.evil.example", false),
            ("127.0.0.1:3001", "http://evil", false),
            ("127.0.0.1:3001", "null", false),
            ("127.0.0.1:3001", "", false),
        ] {
            let expected = if served { Ok(()) } else { Err(ForeignRequest::Origin) };
            assert_eq!(check(Some(host), Some(origin)), expected, "{origin}");
        }
    }
}
