//! The check that keeps pages on the web away from services on this machine that need no
//! credentials.

use std::net::IpAddr;

use hyper::header::{HOST, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Uri};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignRequest {
    /// `Host` is missing, or is a name that another machine can point at this one.
    Host,
    /// A browser sends the request for a page of another machine.
    Origin,
}

impl std::fmt::Display for ForeignRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Host => {
                "host refused: use 127.0.0.1, localhost or the IP address, or start with \
                 --host-name or --allow-host"
            }
            Self::Origin => "origin refused: only pages of this machine can use this service",
        })
    }
}

/// Names of the machine on which a container runs. Container engines resolve them themselves.
const CONTAINER_HOSTS: [&str; 4] = [
    "gateway.docker.internal",
    "host.containers.internal",
    "host.docker.internal",
    "kubernetes.docker.internal",
];

/// The names under which a service on this machine can be requested.
///
/// They are IP addresses, `localhost` and the names below it, names of the machine that container
/// engines resolve, and the names that the user adds. Any other name can be pointed at this machine
/// by its owner, or for a name without a dot by another machine in the local
/// network (LLMNR, mDNS). A page that was served from such a name would then be of the service's
/// own origin for the browser (DNS rebinding).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    /// Also allows `name`, for example the name of a service in Docker Compose. IP addresses are
    /// valid, too, and always allowed.
    ///
    /// # Errors
    /// The name is neither a host name nor an IP address, for example because it has a port.
    pub fn allow(&mut self, name: &str) -> Result<(), String> {
        if name.parse::<IpAddr>().is_ok() {
            return Ok(());
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err(format!("`{name}` is not a host name: leave out scheme, port and path"));
        }
        self.0.push(name.to_owned());
        Ok(())
    }

    fn has(&self, host: &str) -> bool {
        let added = self.0.iter().map(String::as_str);
        let mut names = CONTAINER_HOSTS.into_iter().chain(added);
        address(host).is_some()
            || host == "localhost"
            || host.strip_suffix(".localhost").is_some_and(|name| !name.is_empty())
            || names.any(|name| name.eq_ignore_ascii_case(host))
    }
}

/// Checks that a request is not made by a page of another machine: `Host` must be one of `allowed`,
/// and `Origin`, which browsers send for other pages, must be a loopback name or the machine that
/// `Host` names.
///
/// # Errors
/// The header that is refused.
pub fn check_local_request(
    headers: &HeaderMap,
    allowed: &AllowedHosts,
) -> Result<(), ForeignRequest> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(HOST).and_then(|host| host.parse::<Authority>().ok());
    let host = host.as_ref().map(Authority::host).unwrap_or_default();
    if !allowed.has(host) {
        return Err(ForeignRequest::Host);
    }
    let Some(origin) = text(ORIGIN) else { return Ok(()) };
    let origin = origin.parse::<Uri>().ok();
    let origin = origin.as_ref().and_then(Uri::host).unwrap_or_default();
    let local = is_loopback(origin) || origin == host;
    local.then_some(()).ok_or(ForeignRequest::Origin)
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
        let mut allowed = AllowedHosts::default();
        allowed.allow("acs-emulator").unwrap();
        check_local_request(&headers, &allowed)
    }

    #[test]
    fn a_name_is_added_without_scheme_and_port() {
        let mut allowed = AllowedHosts::default();
        for name in ["", "http://emulator", "emulator:8080", "emulator/x", "a b"] {
            assert!(allowed.allow(name).unwrap_err().contains("is not a host name"), "{name}");
        }
        for address in ["192.0.2.1", "2001:db8::1"] {
            assert_eq!(allowed.allow(address), Ok(()), "{address}");
        }
        assert_eq!(allowed, AllowedHosts::default());
        assert_eq!(allowed.allow("my_service.corp-net"), Ok(()));
    }

    #[test]
    fn only_names_that_no_other_machine_can_take_are_served() {
        for (host, served) in [
            ("127.0.0.1:3001", true),
            ("192.168.1.5:3001", true),
            ("[::1]:3001", true),
            ("localhost:3001", true),
            ("localhost", true),
            ("acs-emulator:8080", true),
            ("ACS-Emulator", true),
            ("evil:8080", false),
            ("evil.internal:8080", false),
            ("my-laptop.local", false),
            (".localhost", false),
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
