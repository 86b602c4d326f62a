//! The listeners of a stack. All of them are on loopback, because the stack issues tokens without
//! authentication.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use super::start_error::StackStartError;

/// One listener for each service.
pub(crate) struct Listeners {
    pub(crate) gateway: TcpListener,
    pub(crate) console: TcpListener,
    pub(crate) issuer: TcpListener,
    pub(crate) events: TcpListener,
    pub(crate) acs_http: TcpListener,
    pub(crate) acs_https: TcpListener,
    pub(crate) dynamodb: TcpListener,
    pub(crate) secrets: TcpListener,
}

impl Listeners {
    /// Binds `first` and the ports after it, or any free ports if it is 0.
    pub(crate) async fn take(first: u16) -> Result<Self, StackStartError> {
        let listen = async |offset: u16, what: &'static str| {
            let port = if first == 0 { 0 } else { first.saturating_add(offset) };
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| {
                if source.kind() == io::ErrorKind::AddrInUse {
                    StackStartError::PortInUse { port, what }
                } else {
                    StackStartError::Port { port, what, source }
                }
            })
        };
        Ok(Self {
            gateway: listen(0, "gateway").await?,
            console: listen(1, "console").await?,
            issuer: listen(2, "issuer").await?,
            events: listen(3, "events").await?,
            acs_http: listen(4, "ACS http").await?,
            acs_https: listen(5, "ACS https").await?,
            dynamodb: listen(6, "DynamoDB").await?,
            secrets: listen(7, "Secrets Manager").await?,
        })
    }
}

/// The URL of a listener.
pub(crate) fn url(listener: &TcpListener) -> io::Result<String> {
    listener.local_addr().map(|address: SocketAddr| format!("http://{address}"))
}
