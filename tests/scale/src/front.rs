//! What stands before the engine: it answers `DescribeTable` by itself.
//!
//! `DynamoDB` counts a table's entries about every six hours, and says what it has counted.
//! The engine counts whenever it is asked, which takes it seconds in a large table, and a
//! function waits for one.

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

struct Front {
    engine: String,
    description: String,
    client: reqwest::Client,
}

/// Passes what is asked on to `engine`, a URL; but the table is as `description` says.
pub(crate) fn front(engine: String, description: &Value) -> Router {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let front = Front { engine, description: description.to_string(), client };
    Router::new().route("/", post(answer)).with_state(Arc::new(front))
}

async fn answer(State(front): State<Arc<Front>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    if target.is_some_and(|target| target.ends_with(".DescribeTable")) {
        let content_type = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
        return (content_type, front.description.clone()).into_response();
    }
    match front.pass_on(headers, body).await {
        Ok(response) => response,
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

impl Front {
    async fn pass_on(&self, headers: HeaderMap, body: Bytes) -> reqwest::Result<Response> {
        let headers = without(headers, [header::HOST, header::CONTENT_LENGTH]);
        let request = self.client.post(&self.engine).headers(headers).body(body);
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = Body::from(answer.bytes().await?);
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
