use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use dynoxide::Database;
use tokio::{net::TcpListener, task::JoinHandle};

/// A DynamoDB engine on a free port of loopback. It ends when this is dropped.
#[derive(Debug)]
pub struct DynamoEngine {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl DynamoEngine {
    /// Serves a database.
    pub async fn start(database: Database) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(dynoxide::server::serve_on(listener, database));
        Ok(Self { address, serving })
    }

    /// The address of the engine.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the engine.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets the engine run until the runtime ends, and returns its URL.
    #[must_use]
    pub fn detach(self) -> String {
        let url = self.url();
        std::mem::forget(self);
        url
    }
}

impl Drop for DynamoEngine {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
