//! Converts a function's response, format 2.0, to HTTP.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The response of a function. `multiValueHeaders` is supported because `lambda_http` writes it for a
/// header that occurs twice.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionResponse {
    status_code: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    multi_value_headers: Option<BTreeMap<String, Vec<Value>>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The HTTP response for a function's response; `None` if that is invalid.
pub(crate) fn response(payload: &[u8]) -> Option<Response> {
    match serde_json::from_slice(payload) {
        Ok(Value::Object(members)) if members.contains_key("statusCode") => formatted(members),
        Ok(Value::String(text)) => unformatted(text.into()),
        // Anything else is the body, even if it is not JSON.
        _ => unformatted(payload.to_owned().into()),
    }
}

/// A response without a status in format 2.0.
fn unformatted(body: Body) -> Option<Response> {
    build(StatusCode::OK, [pair("content-type", "application/json")?], body)
}

/// A response in format 2.0.
fn formatted(members: Map<String, Value>) -> Option<Response> {
    let answer: FunctionResponse = serde_json::from_value(Value::Object(members)).ok()?;
    let mut headers = Vec::new();
    for (name, value) in answer.headers.unwrap_or_default() {
        headers.push(pair(&name, &text(&value))?);
    }
    for (name, values) in answer.multi_value_headers.unwrap_or_default() {
        let pairs: Vec<_> =
            values.iter().map(|value| pair(&name, &text(value))).collect::<Option<_>>()?;
        if let Some((name, _)) = pairs.first() {
            headers.retain(|(other, _)| other != name);
        }
        headers.extend(pairs);
    }
    // The entries of `cookies` come before a set-cookie among the headers.
    let cookies = answer.cookies.unwrap_or_default();
    let cookies = cookies.iter().map(|cookie| pair("set-cookie", cookie));
    headers.splice(0..0, cookies.collect::<Option<Vec<_>>>()?);
    let body = match answer.body {
        Some(body) if answer.is_base64_encoded => STANDARD.decode(body).ok()?,
        Some(body) => body.into_bytes(),
        None => Vec::new(),
    };
    if !body.is_empty() && !headers.iter().any(|(name, _)| name == header::CONTENT_TYPE) {
        headers.push(pair("content-type", "text/plain;charset=utf-8")?);
    }
    // An informational status cannot end a response.
    let status = StatusCode::from_u16(answer.status_code).ok().filter(|s| !s.is_informational())?;
    build(status, headers, body.into())
}

fn build(
    status: StatusCode,
    headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    body: Body,
) -> Option<Response> {
    let mut response = Response::builder().status(status).body(body).ok()?;
    for (name, value) in headers {
        // The server sets these headers itself.
        if name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING {
            response.headers_mut().append(name, value);
        }
    }
    Some(response)
}

fn pair(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((name.parse().ok()?, value.parse().ok()?))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests;
