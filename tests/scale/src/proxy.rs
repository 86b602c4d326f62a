//! A proxy in front of the engine, which answers `DescribeTable` itself.
//!
//! `DynamoDB` counts a table's entries about every six hours, and returns the stored number. The
//! engine counts on every request, which takes seconds in a large table, and a function waits for
//! it.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::Value;

struct EngineProxy {
    engine: String,
    description: String,
    client: reqwest::Client,
}

/// Forwards requests to `engine`, a URL; `DescribeTable` returns `description`.
pub(crate) fn proxy(engine: String, description: &Value) -> Router {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let proxy = EngineProxy { engine, description: description.to_string(), client };
    Router::new().route("/", post(respond)).with_state(Arc::new(proxy))
}

async fn respond(
    State(proxy): State<Arc<EngineProxy>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    if target.is_some_and(|target| target.ends_with(".DescribeTable")) {
        let content_type = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
        return (content_type, proxy.description.clone()).into_response();
    }
    match proxy.forward(headers, body).await {
        Ok(response) => response,
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

impl EngineProxy {
    async fn forward(&self, headers: HeaderMap, body: Bytes) -> reqwest::Result<Response> {
        let headers = without(headers, [header::HOST, header::CONTENT_LENGTH]);
        let request = self.client.post(&self.engine).headers(headers).body(body);
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = Body::from(response.bytes().await?);
        let headers = without(headers, [header::CONTENT_LENGTH, header::TRANSFER_ENCODING]);
        Ok((status, headers, body).into_response())
    }
}

fn without<const N: usize>(mut headers: HeaderMap, names: [HeaderName; N]) -> HeaderMap {
    for name in names {
        headers.remove(name);
    }
    headers
}
