//! The URLs of gateway and issuer, which other machines may reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use tokio::net::TcpListener;

use super::start_error::StackStartError;

/// The URLs of a service that other machines may reach.
pub(crate) struct ReachableUrl {
    /// For all machines.
    pub(crate) public: String,
    /// For this machine: of a listener on all addresses, the one on loopback.
    pub(crate) local: String,
}

impl ReachableUrl {
    pub(super) fn of(listener: &TcpListener, https: bool) -> Result<Self, StackStartError> {
        let address = listener.local_addr().map_err(StackStartError::System)?;
        let scheme = if https { "https" } else { "http" };
        let url = |ip| format!("{scheme}://{}", SocketAddr::new(ip, address.port()));
        let local =
            if address.ip().is_unspecified() { loopback(address.ip()) } else { address.ip() };
        Ok(Self { public: url(reachable_address(address.ip())?), local: url(local) })
    }
}

fn loopback(family: IpAddr) -> IpAddr {
    if family.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() }
}

/// The address at which other machines reach a listener on `host`. For all addresses, it is the one
/// from which this machine would send to the internet; connecting a UDP socket sends nothing.
pub(super) fn reachable_address(host: IpAddr) -> Result<IpAddr, StackStartError> {
    if !host.is_unspecified() {
        return Ok(host);
    }
    // RFC 5737 and RFC 3849: addresses for documentation, which no machine has.
    let elsewhere = if host.is_ipv4() { "203.0.113.1:9" } else { "[2001:db8::1]:9" };
    let found = UdpSocket::bind((host, 0)).and_then(|socket| {
        socket.connect(elsewhere)?;
        socket.local_addr()
    });
    found.map(|address| address.ip()).map_err(|_| StackStartError::NoAddress)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_on_all_addresses_has_a_url_for_this_machine_and_one_for_others() {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // A machine without a network has no other address.
        let Ok(urls) = ReachableUrl::of(&listener, true) else { return };
        assert_eq!(urls.local, format!("https://127.0.0.1:{port}"));
        assert!(!urls.public.contains("0.0.0.0") && urls.public.ends_with(&format!(":{port}")));
    }

    #[test]
    fn a_given_address_is_the_reachable_one() {
        for host in ["127.0.0.1", "192.168.1.5", "::1"] {
            let host = host.parse().unwrap();
            assert_eq!(reachable_address(host).unwrap(), host);
        }
    }
}
