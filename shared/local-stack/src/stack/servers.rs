//! HTTP servers that stop together.

use std::net::SocketAddr;
use std::time::Duration;

use acs_emulator::AllowedHosts;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::start_error::StackStartError;
use super::tls::{TlsListener, TlsPeer, with_peer};
use crate::local_only::local_only;

/// The servers of one stack.
pub(crate) struct Servers {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    /// The names of this machine for services that need no credentials.
    allowed_hosts: AllowedHosts,
}

/// How long an open connection may continue before it is cut.
const GRACE: Duration = Duration::from_secs(2);

impl Servers {
    pub(crate) fn new(allowed_hosts: AllowedHosts) -> Self {
        Self { tasks: JoinSet::new(), stop: watch::Sender::new(false), allowed_hosts }
    }

    /// Serves until the stack stops.
    pub(crate) fn serve(&mut self, listener: TcpListener, router: Router) {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let stop = self.stopping();
        self.tasks.spawn(async move {
            // This returns no error: a failed accept is retried.
            let _ = axum::serve(listener, service).with_graceful_shutdown(stop).await;
        });
    }

    /// The same for a service that needs no credentials: pages of other machines are refused.
    pub(crate) fn serve_local(&mut self, listener: TcpListener, router: Router) {
        let router = self.local_only(router);
        self.serve(listener, router);
    }

    /// The router without the requests of pages of other machines.
    pub(crate) fn local_only(&self, router: Router) -> Router {
        local_only(router, &self.allowed_hosts)
    }

    /// Serves with TLS if there is a certificate.
    pub(crate) fn serve_reachable(
        &mut self,
        listener: TcpListener,
        router: Router,
        tls: Option<&TlsAcceptor>,
    ) -> Result<(), StackStartError> {
        let Some(acceptor) = tls else {
            self.serve(listener, router);
            return Ok(());
        };
        let listener = TlsListener::start(listener, acceptor.clone());
        let listener = listener.map_err(StackStartError::System)?;
        let service = with_peer(router).into_make_service_with_connect_info::<TlsPeer>();
        let stop = self.stopping();
        self.tasks.spawn(async move {
            let _ = axum::serve(listener, service).with_graceful_shutdown(stop).await;
        });
        Ok(())
    }

    /// Runs a task that ends when the future of [`Self::stopping`] resolves.
    pub(crate) fn run(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Resolves when the servers must stop.
    pub(crate) fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.stop.subscribe();
        async move {
            // An error means that the sender is gone, which is treated the same.
            let _ = stop.wait_for(|stop| *stop).await;
        }
    }

    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, all).await;
        self.tasks.shutdown().await;
    }
}
