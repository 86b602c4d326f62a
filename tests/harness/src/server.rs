use std::{io, net::SocketAddr};

use axum::{Router, routing::post};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

/// An HTTP server on a free port of loopback. It ends when this is dropped.
#[derive(Debug)]
pub struct TestServer {
    address: SocketAddr,
    serving: JoinHandle<io::Result<()>>,
}

impl TestServer {
    /// Serves `router`.
    pub async fn start(router: Router) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, serving })
    }

    /// The address of the server.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the server, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A Secrets Manager that returns the same secret for every request.
pub async fn secrets_manager(arn: &str, text: &str) -> io::Result<TestServer> {
    let secret = json!({ "ARN": arn, "SecretString": text }).to_string();
    TestServer::start(Router::new().route("/", post(async move || secret))).await
}
