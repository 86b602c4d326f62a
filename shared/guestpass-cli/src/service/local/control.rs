//! The control API of a local stack: JSON over HTTP, on this machine.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::Value;

use crate::report::{CliError, Exit, Result, innermost};

/// Calls `url`, with or without a body.
pub(crate) async fn call(
    method: Method,
    url: String,
    headers: &[(&'static str, &'static str)],
    body: Option<String>,
) -> Result<Value> {
    call_within(Duration::from_secs(30), method, url, headers, body).await
}

/// Sends a request that a healthy stack answers at once.
pub(crate) async fn ask(url: String) -> Result<Value> {
    call_within(Duration::from_secs(5), Method::GET, url, &[], None).await
}

async fn call_within(
    limit: Duration,
    method: Method,
    url: String,
    headers: &[(&'static str, &'static str)],
    body: Option<String>,
) -> Result<Value> {
    let failed = |error: reqwest::Error| {
        CliError::new(Exit::Later, "the local stack does not answer")
            .because(innermost(&error))
            .hint("start it again with `make run`")
    };
    let client =
        Client::builder().no_proxy().connect_timeout(Duration::from_secs(1)).timeout(limit);
    let client = client.build().map_err(failed)?;
    let mut request = client.request(method, url).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.body(body.unwrap_or_default()).send().await.map_err(failed)?;
    let is_done = answer.status().is_success();
    let body = answer.bytes().await.map_err(failed)?;
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    if is_done {
        return Ok(value);
    }
    let told = value.get("message").and_then(Value::as_str).unwrap_or("no reason was given");
    Err(CliError::usage("the local stack refused the request")
        .because(told)
        .hint("fix the request and try again"))
}
