//! The listeners of a stack. All of them are on loopback, because the stack issues tokens without
//! authentication.

use std::io;
use std::net::Ipv4Addr;

use tokio::net::TcpListener;

use super::start_error::StackStartError;
use crate::dynamodb::bind_engine;

/// One listener for each service other than ACS.
pub(super) struct Listeners {
    pub(super) gateway: TcpListener,
    pub(super) console: TcpListener,
    pub(super) issuer: TcpListener,
    pub(super) events: TcpListener,
    pub(super) dynamodb: TcpListener,
    pub(super) secrets: TcpListener,
    /// The DynamoDB engine behind the port `dynamodb`.
    pub(super) engine: TcpListener,
}

impl Listeners {
    /// Binds `first` and the ports after it, or any free ports if it is 0. The last two listeners
    /// are those of ACS, for http and https.
    pub(super) async fn bind(first: u16) -> Result<(Self, [TcpListener; 2]), StackStartError> {
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
        let services = Self {
            gateway: listen(0, "gateway").await?,
            console: listen(1, "console").await?,
            issuer: listen(2, "issuer").await?,
            events: listen(3, "events").await?,
            dynamodb: listen(6, "DynamoDB").await?,
            secrets: listen(7, "Secrets Manager").await?,
            engine: bind_engine().await.map_err(StackStartError::System)?,
        };
        Ok((services, [listen(4, "ACS http").await?, listen(5, "ACS https").await?]))
    }
}

/// The URL of a listener.
pub(super) fn url(listener: &TcpListener) -> Result<String, StackStartError> {
    let address = listener.local_addr().map_err(StackStartError::System)?;
    Ok(format!("http://{address}"))
}
