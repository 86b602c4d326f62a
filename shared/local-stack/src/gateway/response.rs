//! Converts a function's response, format 2.0, to HTTP.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

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
    let json: Value = serde_json::from_slice(payload).ok()?;
    if json.get("statusCode").is_none() {
        // Format 2.0 treats any other JSON as the body.
        let body = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
        return build(StatusCode::OK, [pair("content-type", "application/json")?], body.into());
    }
    let answer: FunctionResponse = serde_json::from_value(json).ok()?;
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
    for cookie in answer.cookies.unwrap_or_default() {
        headers.push(pair("set-cookie", &cookie)?);
    }
    let body = match answer.body {
        Some(body) if answer.is_base64_encoded => STANDARD.decode(body).ok()?,
        Some(body) => body.into_bytes(),
        None => Vec::new(),
    };
    if !body.is_empty() && !headers.iter().any(|(name, _)| name == header::CONTENT_TYPE) {
        headers.push(pair("content-type", "text/plain;charset=utf-8")?);
    }
    build(StatusCode::from_u16(answer.status_code).ok()?, headers, body.into())
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
mod tests {
    use serde_json::json;

    use super::*;

    fn of(answer: &Value) -> Option<Response> {
        response(answer.to_string().as_bytes())
    }

    async fn body(response: Response) -> Vec<u8> {
        axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()
    }

    #[tokio::test]
    async fn a_function_response_becomes_an_http_response() {
        let response = of(&json!({
            "statusCode": 201,
            "headers": { "Content-Type": "application/json", "X-Count": 3, "content-length": "99" },
            "multiValueHeaders": { "x-many": ["1", "2"] },
            "cookies": ["a=1", "b=2"],
            "body": "e30=",
            "isBase64Encoded": true,
        }))
        .unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()["x-count"], "3");
        assert_eq!(response.headers().get_all("x-many").iter().count(), 2);
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        assert_eq!(response.headers().get("content-length"), None);
        assert_eq!(body(response).await, b"{}");
    }

    #[tokio::test]
    async fn a_header_in_both_forms_is_sent_once() {
        let response = of(&json!({
            "statusCode": 204, "headers": { "x-a": "1" }, "multiValueHeaders": { "x-a": ["1"] },
        }))
        .unwrap();
        assert_eq!(response.headers().get_all("x-a").iter().count(), 1);
    }

    #[tokio::test]
    async fn json_without_a_status_is_the_body() {
        let response = of(&json!({ "hello": "world" })).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(body(response).await, br#"{"hello":"world"}"#);
    }

    #[test]
    fn an_invalid_function_response_is_refused() {
        assert!(response(b"oops").is_none());
        for answer in [
            json!({ "statusCode": 99 }),
            json!({ "statusCode": "200" }),
            json!({ "statusCode": 200, "headers": { "a b": "c" } }),
            json!({ "statusCode": 200, "body": "?", "isBase64Encoded": true }),
        ] {
            assert!(of(&answer).is_none(), "{answer}");
        }
    }
}
