//! The hosts that may be reached over http.

use std::net::Ipv4Addr;
use std::sync::OnceLock;

/// The environment variable that lists hosts, separated by commas: those of emulators in other
/// containers, whose network is trusted.
pub const INSECURE_HOSTS: &str = "GUESTPASS_INSECURE_HOSTS";

/// Hosts to which requests may be sent without encryption.
#[derive(Clone, Debug, Default)]
pub(super) struct InsecureHosts(String);

impl InsecureHosts {
    /// The hosts of a list that is separated by commas.
    pub(super) fn of(list: &str) -> Self {
        Self(list.to_owned())
    }

    /// The hosts of [`INSECURE_HOSTS`], which is read once per process.
    pub(super) fn of_process() -> &'static Self {
        static HOSTS: OnceLock<InsecureHosts> = OnceLock::new();
        HOSTS.get_or_init(|| {
            let list = std::env::var_os(INSECURE_HOSTS).unwrap_or_default();
            Self::of(&list.to_string_lossy())
        })
    }

    /// Whether `host`, as it is in a URL, is this machine or in the list.
    pub(super) fn has(&self, host: &str) -> bool {
        is_loopback(host) || self.0.split(',').any(|name| name.trim().eq_ignore_ascii_case(host))
    }
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_listed_hosts_are_reached_over_http() {
        let hosts = InsecureHosts::of("acs-emulator, ACS.Example,10.0.0.2,");
        for (host, expected) in [
            ("acs-emulator", true),
            ("acs.example", true),
            ("10.0.0.2", true),
            ("127.0.0.1", true),
            ("[::1]", true),
            ("app.localhost", true),
            ("emulator", false),
            ("x.acs.example", false),
            ("acs.example.evil.example", false),
            ("10.0.0.20", false),
            ("example", false),
        ] {
            assert_eq!(hosts.has(host), expected, "{host}");
        }
        assert!(InsecureHosts::default().has("localhost"));
        assert!(!InsecureHosts::default().has("acs-emulator"));
    }
}
