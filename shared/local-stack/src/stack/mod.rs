//! A running stack: its addresses, its start and its end.

mod data_directory;
mod fleet;
mod introduction;
mod listeners;
mod reachable_url;
mod servers;
mod stack_file;
mod start;
mod start_error;
mod tls;
mod transmitters;

use std::sync::Arc;

use tokio::sync::watch;

use data_directory::DataDirectory;
use servers::Servers;
use stack_file::{StackAddresses, StackFile};
pub use start_error::StackStartError;

use crate::acs::LocalAcs;
use crate::clock::StackClock;
use crate::output::flush;
use crate::runtime::FunctionPool;

/// A running stack. Dropping it kills it; [`LocalStack::stop`] ends it in order.
pub struct LocalStack {
    addresses: StackAddresses,
    file: StackFile,
    functions: Vec<Arc<FunctionPool>>,
    /// Turns true when the functions must end.
    end_functions: watch::Sender<bool>,
    acs: LocalAcs,
    servers: Servers,
    clock: Arc<StackClock>,
    data: DataDirectory,
}

impl LocalStack {
    /// The base of the API's URLs.
    #[must_use]
    pub fn gateway(&self) -> &str {
        &self.addresses.gateway.public
    }

    /// The URL of the console.
    #[must_use]
    pub fn console(&self) -> &str {
        &self.addresses.console
    }

    /// The URL of the issuer, which is its `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.addresses.issuer.public
    }

    /// The URL for `PutEvents`.
    #[must_use]
    pub fn events(&self) -> &str {
        &self.addresses.events
    }

    /// The endpoint of ACS.
    #[must_use]
    pub fn acs(&self) -> &str {
        &self.addresses.acs.http
    }

    /// The name of the stack's own event bus, if the template has one.
    pub(crate) fn event_bus(&self) -> Option<&str> {
        self.addresses.event_bus.as_deref()
    }

    /// The endpoint of DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> &str {
        &self.addresses.dynamodb
    }

    /// The ids of a function's processes, by the name of its binary.
    #[must_use]
    pub fn pids(&self, function: &str) -> Vec<u32> {
        self.functions.iter().find(|f| f.name() == function).map(|f| f.pids()).unwrap_or_default()
    }

    /// Prints the addresses of all services, and the commands for the first requests.
    pub fn print_introduction(&self) {
        introduction::print(&self.addresses, &self.clock);
    }

    /// Stops everything: when it returns, all processes have ended and all ports are free.
    pub async fn stop(self) {
        let Self { file, functions, end_functions, acs, servers, clock, data, addresses: _ } = self;
        drop(file);
        end_functions.send_replace(true);
        for function in &functions {
            function.stopped().await;
        }
        servers.stop().await;
        acs.stop().await;
        clock.remove_file();
        drop(data);
        let _ = tokio::task::spawn_blocking(flush).await;
    }
}

// `AcsUrls` and `StackAddresses` hold the access key, so `Debug` shows only the public half of a stack.
impl std::fmt::Debug for LocalStack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalStack {}", self.addresses.to_public_json())
    }
}
