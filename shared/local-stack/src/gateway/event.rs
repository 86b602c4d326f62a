//! Builds the event for a request, in payload format 2.0 of API Gateway.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::clock;

/// A request without its body: what an authorizer knows of it.
pub(crate) struct RequestHead<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) route_key: &'a str,
    pub(crate) path_parameters: BTreeMap<String, String>,
    pub(crate) request_id: &'a str,
    pub(crate) source_ip: String,
    pub(crate) now: OffsetDateTime,
}

impl RequestHead<'_> {
    /// The members that the event of a function and that of an authorizer have in common.
    pub(crate) fn event(&self) -> Value {
        let Self { parts, route_key, request_id, now, .. } = self;
        // An HTTP API decodes the path, and passes the query on unchanged.
        let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy();
        let mut headers = headers(&parts.headers);
        headers.insert("x-forwarded-for".to_owned(), self.source_ip.clone().into());
        headers.insert("x-forwarded-proto".to_owned(), "http".into());
        let context = json!({
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": headers.get("host").cloned().unwrap_or_default(),
            "domainPrefix": "local",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": format!("{:?}", parts.version),
                "sourceIp": self.source_ip,
                "userAgent": headers.get("user-agent").cloned().unwrap_or_default(),
            },
            "requestId": request_id,
            "routeKey": route_key,
            "stage": "$default",
            "time": gateway_time(*now),
            "timeEpoch": clock::epoch_ms(*now),
        });
        let mut event = json!({
            "version": "2.0",
            "routeKey": route_key,
            "rawPath": path,
            "rawQueryString": parts.uri.query().unwrap_or_default(),
            "headers": headers,
            "requestContext": context,
        });
        let cookies = cookies(&parts.headers);
        if !cookies.is_empty() {
            insert(&mut event, "cookies", cookies.into());
        }
        let query = query(parts.uri.query().unwrap_or_default());
        if !query.is_empty() {
            insert(&mut event, "queryStringParameters", query.into());
        }
        if !self.path_parameters.is_empty() {
            insert(&mut event, "pathParameters", json!(self.path_parameters));
        }
        event
    }
}

/// The event of a function. `authorizer` is what the authorizer has found out; `None` for a public
/// route.
pub(crate) fn event(head: &RequestHead<'_>, authorizer: Option<Value>, body: &Bytes) -> Value {
    let mut event = head.event();
    if let (Some(authorizer), Some(context)) = (authorizer, event.get_mut("requestContext")) {
        insert(context, "authorizer", authorizer);
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
fn headers(headers: &HeaderMap) -> Map<String, Value> {
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
fn query(query: &str) -> Map<String, Value> {
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

/// Whether API Gateway treats a body as text; any other body is sent in base64.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    essence.starts_with("text/")
        || matches!(
            essence.as_str(),
            "application/json" | "application/javascript" | "application/xml"
        )
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
}

/// `12/Mar/2020:19:03:58 +0000`
fn gateway_time(at: OffsetDateTime) -> String {
    let format =
        format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    at.format(&format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn event_of(request: Request<&'static [u8]>) -> Value {
        let (parts, body) = request.into_parts();
        let head = RequestHead {
            parts: &parts,
            route_key: "GET /a/{id}",
            path_parameters: BTreeMap::from([("id".to_owned(), "b c".to_owned())]),
            request_id: "r",
            source_ip: "127.0.0.1".to_owned(),
            now: OffsetDateTime::from_unix_timestamp(1_584_039_838).unwrap(),
        };
        event(&head, None, &Bytes::from_static(body))
    }

    #[test]
    fn the_event_of_a_request_is_that_of_api_gateway() {
        let request = Request::get("/a/b%20c?x=1&y=%26&x=2")
            .header("Host", "localhost:3000")
            .header("X-Twice", "1")
            .header("X-Twice", "2")
            .header("Cookie", "a=1; b=2")
            .header("User-Agent", "curl")
            .body(&b""[..])
            .unwrap();
        assert_eq!(
            event_of(request),
            json!({
                "version": "2.0",
                "routeKey": "GET /a/{id}",
                "rawPath": "/a/b c",
                "rawQueryString": "x=1&y=%26&x=2",
                "cookies": ["a=1", "b=2"],
                "headers": {
                    "host": "localhost:3000", "x-twice": "1,2", "user-agent": "curl",
                    "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http",
                },
                "queryStringParameters": { "x": "1,2", "y": "&" },
                "pathParameters": { "id": "b c" },
                "requestContext": {
                    "accountId": "000000000000",
                    "apiId": "local",
                    "domainName": "localhost:3000",
                    "domainPrefix": "local",
                    "http": {
                        "method": "GET", "path": "/a/b c", "protocol": "HTTP/1.1",
                        "sourceIp": "127.0.0.1", "userAgent": "curl",
                    },
                    "requestId": "r",
                    "routeKey": "GET /a/{id}",
                    "stage": "$default",
                    "time": "12/Mar/2020:19:03:58 +0000",
                    "timeEpoch": 1_584_039_838_000_i64,
                },
                "isBase64Encoded": false,
            })
        );
    }

    #[test]
    fn a_body_is_text_only_if_its_content_type_is_text() {
        for (content_type, body, text) in [
            (Some("application/json; charset=utf-8"), &b"{}"[..], true),
            (Some("Text/Plain"), b"a", true),
            (Some("application/problem+json"), b"{}", true),
            (None, b"a", true),
            (Some("application/x-www-form-urlencoded"), b"a=1", false),
            (Some("application/octet-stream"), b"a", false),
            (Some("application/json"), b"\xff", false),
        ] {
            let mut request = Request::post("/");
            if let Some(content_type) = content_type {
                request = request.header("content-type", content_type);
            }
            let event = event_of(request.body(body).unwrap());
            assert_eq!(event["isBase64Encoded"], !text, "{content_type:?}");
            let expected = if text {
                String::from_utf8_lossy(body).into_owned()
            } else {
                STANDARD.encode(body)
            };
            assert_eq!(event["body"], expected, "{content_type:?}");
        }
    }
}
