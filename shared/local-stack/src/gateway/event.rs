//! Builds the event for a request, in payload format 2.0 of API Gateway.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::clock;

/// A request without its body: what an authorizer knows of it.
pub(crate) struct RequestHead<'a> {
    pub(crate) parts: &'a Parts,
    /// The decoded path.
    pub(crate) path: &'a str,
    pub(crate) route_key: &'a str,
    pub(crate) path_parameters: BTreeMap<String, String>,
    pub(crate) request_id: &'a str,
    /// The value of `x-amzn-trace-id` for a request that has none.
    pub(crate) trace_id: &'a str,
    pub(crate) source_ip: String,
    pub(crate) now: OffsetDateTime,
}

impl RequestHead<'_> {
    /// The members that the event of a function and that of an authorizer have in common.
    pub(crate) fn event(&self) -> Value {
        let Self { parts, path, route_key, request_id, now, .. } = self;
        let headers = self.headers();
        let context = json!({
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": headers.get("host").cloned().unwrap_or_default(),
            "domainPrefix": "local",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                // API Gateway writes this for every version of HTTP.
                "protocol": "HTTP/1.1",
                "sourceIp": self.source_ip,
                "userAgent": headers.get("user-agent").cloned().unwrap_or_default(),
            },
            "requestId": request_id,
            "routeKey": route_key,
            "stage": "$default",
            "time": gateway_time(*now),
            "timeEpoch": clock::epoch_ms(*now),
        });
        // The query is passed on as it was sent, the path is decoded.
        let query = parts.uri.query().unwrap_or_default();
        let mut event = json!({
            "version": "2.0",
            "routeKey": route_key,
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            "requestContext": context,
        });
        let cookies = cookies(&parts.headers);
        if !cookies.is_empty() {
            insert(&mut event, "cookies", cookies.into());
        }
        if !query.is_empty() {
            insert(&mut event, "queryStringParameters", parameters(query).into());
        }
        if !self.path_parameters.is_empty() {
            insert(&mut event, "pathParameters", json!(self.path_parameters));
        }
        event
    }

    /// The headers of the request, and those that every event has.
    fn headers(&self) -> Map<String, Value> {
        let mut headers = joined(&self.parts.headers);
        headers.entry("content-length").or_insert_with(|| "0".into());
        headers.entry("x-amzn-trace-id").or_insert_with(|| self.trace_id.into());
        let peers = match headers.get("x-forwarded-for").and_then(Value::as_str) {
            Some(before) => format!("{before}, {}", self.source_ip),
            None => self.source_ip.clone(),
        };
        headers.insert("x-forwarded-for".to_owned(), peers.into());
        // As in the cloud, although the local gateway listens without TLS on another port.
        headers.insert("x-forwarded-port".to_owned(), "443".into());
        headers.insert("x-forwarded-proto".to_owned(), "https".into());
        headers
    }
}

/// The event of a function. `authorizer` is what the authorizer has found out; `None` for a public
/// route.
pub(crate) fn event(head: &RequestHead<'_>, authorizer: Option<Value>, body: &Bytes) -> Value {
    let mut event = head.event();
    if let (Some(authorizer), Some(context)) = (authorizer, event.get_mut("requestContext")) {
        insert(context, "authorizer", authorizer);
    }
    if let Some(headers) = event.get_mut("headers") {
        // The complete body is known here, even if the client sent it in chunks.
        insert(headers, "content-length", body.len().to_string().into());
    }
    insert(&mut event, "isBase64Encoded", false.into());
    if !body.is_empty() {
        match std::str::from_utf8(body) {
            Ok(text) if is_text(&head.parts.headers) => insert(&mut event, "body", text.into()),
            _ => {
                insert(&mut event, "body", STANDARD.encode(body).into());
                insert(&mut event, "isBase64Encoded", true.into());
            }
        }
    }
    event
}

fn insert(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

/// Header names are in lower case; several values of one name are joined by commas; cookies are
/// separate.
fn joined(headers: &HeaderMap) -> Map<String, Value> {
    let text =
        |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .keys()
        .filter(|name| *name != header::COOKIE)
        .map(|name| {
            let values: Vec<_> = headers.get_all(name).iter().map(text).collect();
            (name.as_str().to_owned(), values.join(",").into())
        })
        .collect()
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .map(|cookie| cookie.trim().to_owned())
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

/// Decoded; several values of one name are joined by commas.
fn parameters(query: &str) -> Map<String, Value> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        joined
            .entry(name.into_owned())
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    joined.into_iter().map(|(name, value)| (name, value.into())).collect()
}

/// Whether API Gateway treats a body as text. Any other body is sent in base64, above all one
/// without a content type.
fn is_text(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    // Whether `application/problem+json` and its like are text is unknown. Base64 is the form that a
    // function must be able to read.
    essence.starts_with("text/")
        || matches!(
            essence.as_str(),
            "application/json" | "application/javascript" | "application/xml"
        )
}

/// `12/Mar/2020:19:03:58 +0000`
fn gateway_time(at: OffsetDateTime) -> String {
    let format =
        format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    at.format(&format).unwrap_or_default()
}

#[cfg(test)]
mod tests;
