//! The listeners of a stack. They are on loopback, because the stack issues tokens without
//! authentication. On request, gateway and issuer are reachable from other machines.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use acs_emulator::Tls;
use tokio::net::TcpListener;

use super::reachable_url::ReachableUrl;
use super::start_error::StackStartError;
use super::tls::certificate;
use crate::dynamodb::bind_engine;
use crate::options::StackOptions;

/// One listener for each service other than ACS.
pub(super) struct Listeners {
    pub(super) gateway: TcpListener,
    pub(super) console: TcpListener,
    pub(super) issuer: TcpListener,
    pub(super) events: TcpListener,
    pub(super) dynamodb: TcpListener,
    pub(super) secrets: TcpListener,
    pub(super) entra: TcpListener,
    /// The certificate of gateway and issuer, if they speak https.
    pub(super) tls: Option<Tls>,
    /// The DynamoDB engine behind the port `dynamodb`.
    pub(super) engine: TcpListener,
}

impl Listeners {
    /// Binds the first port and those after it, or any free ports if it is 0. The listeners beside
    /// these are those of ACS: for http and https, and for http of each other resource, which have
    /// any free ports.
    pub(super) async fn bind(
        options: &StackOptions,
    ) -> Result<(Self, ([TcpListener; 2], Vec<TcpListener>)), StackStartError> {
        let (first, host) = (options.port, options.host);
        let listen_on = async |host: IpAddr, offset: u16, what: &'static str| {
            let port = if first == 0 { 0 } else { first.saturating_add(offset) };
            TcpListener::bind((host, port)).await.map_err(|source| match source.kind() {
                io::ErrorKind::AddrInUse => StackStartError::PortInUse { port, what },
                io::ErrorKind::AddrNotAvailable => StackStartError::HostNotHere(host),
                _ => StackStartError::Port { port, what, source },
            })
        };
        let listen = async |offset, what| listen_on(Ipv4Addr::LOCALHOST.into(), offset, what).await;
        let services = Self {
            gateway: listen_on(host, 0, "gateway").await?,
            console: listen(1, "console").await?,
            issuer: listen_on(host, 2, "issuer").await?,
            events: listen(3, "events").await?,
            dynamodb: listen(6, "DynamoDB").await?,
            secrets: listen(7, "Secrets Manager").await?,
            entra: listen(8, "Microsoft Entra").await?,
            tls: certificate(options)?,
            engine: bind_engine().await.map_err(StackStartError::System)?,
        };
        let main = [listen(4, "ACS http").await?, listen(5, "ACS https").await?];
        let mut others = Vec::new();
        for _ in 1..options.resources {
            let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
            others.push(bound.map_err(StackStartError::System)?);
        }
        Ok((services, (main, others)))
    }
}

impl Listeners {
    /// The URLs of gateway and issuer.
    pub(super) fn reachable_urls(&self) -> Result<[ReachableUrl; 2], StackStartError> {
        let of = |listener| ReachableUrl::of(listener, self.tls.is_some());
        Ok([of(&self.gateway)?, of(&self.issuer)?])
    }
}

/// The URL of a listener on loopback.
pub(super) fn url(listener: &TcpListener) -> Result<String, StackStartError> {
    let address = listener.local_addr().map_err(StackStartError::System)?;
    Ok(format!("http://{address}"))
}
