//! The port of DynamoDB: it forwards requests to the engine.
//!
//! The engine lets every web page read its responses (CORS), and has no other way to serve than a
//! TCP port. So its own port is on a loopback address that a page cannot guess, and only the port
//! of this module is published. It forwards no `Origin`, so that the engine sends no CORS headers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use aws_lc_rs::rand;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use reqwest::Client;
use tokio::net::TcpListener;

/// DynamoDB's limit for the body of a request is 16 MB.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// Binds the engine's own port. On Linux, its address is one of the 2^24 of loopback; macOS has
/// only 127.0.0.1, where a page could find the port by trying all of them. The engine serves
/// only the path `/` and ignores unknown headers, so it cannot check a secret of this module.
pub(crate) async fn bind_engine() -> io::Result<TcpListener> {
    let mut random = [0; 3];
    rand::fill(&mut random).map_err(|_| io::Error::other("the random generator failed"))?;
    let [a, b, c] = random;
    match TcpListener::bind((Ipv4Addr::new(127, a, b, c), 0)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
    }
}

/// Forwards requests to the engine.
pub(crate) fn router(engine: SocketAddr) -> Result<Router, reqwest::Error> {
    // The engine speaks http, so the certificates of the system need not be loaded.
    let client = Client::builder().no_proxy().tls_certs_only([]).build()?;
    let router = Router::new().fallback(forward).layer(DefaultBodyLimit::max(BODY_LIMIT));
    Ok(router.with_state((client, engine)))
}

async fn forward(
    State((client, engine)): State<(Client, SocketAddr)>,
    method: Method,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response {
    for name in [header::HOST, header::ORIGIN, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
    let request = client.request(method, format!("http://{engine}/")).headers(headers).body(body);
    let Ok(response) = request.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, mut headers) = (response.status(), response.headers().clone());
    headers.remove(header::TRANSFER_ENCODING);
    match response.bytes().await {
        Ok(body) => (status, headers, body).into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
