//! Each test is one measured property of what an HTTP API makes of a function's response.

use serde_json::json;

use super::*;

fn of(answer: &Value) -> Option<Response> {
    response(answer.to_string().as_bytes())
}

async fn body(response: Response) -> Vec<u8> {
    axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()
}

fn values<'a>(response: &'a Response, name: &str) -> Vec<&'a str> {
    response.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn a_function_response_becomes_an_http_response() {
    let response = of(&json!({
        "statusCode": 201,
        "headers": { "Content-Type": "application/json", "X-Count": 3, "content-length": "99" },
        "multiValueHeaders": { "x-many": ["1", "2"] },
        "body": "e30=",
        "isBase64Encoded": true,
    }))
    .unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(values(&response, "x-count"), ["3"]);
    assert_eq!(values(&response, "x-many"), ["1", "2"]);
    assert_eq!(response.headers().get("content-length"), None);
    assert_eq!(body(response).await, b"{}");
}

#[test]
fn a_header_in_both_forms_is_sent_once() {
    let response = of(&json!({
        "statusCode": 204, "headers": { "x-a": "1" }, "multiValueHeaders": { "x-a": ["1"] },
    }))
    .unwrap();
    assert_eq!(values(&response, "x-a"), ["1"]);
}

#[test]
fn the_cookies_of_a_response_come_before_a_set_cookie_header() {
    let response = of(&json!({
        "statusCode": 200, "headers": { "Set-Cookie": "c=3" }, "cookies": ["a=1", "b=2"],
    }))
    .unwrap();
    assert_eq!(values(&response, "set-cookie"), ["a=1", "b=2", "c=3"]);
}

#[tokio::test]
async fn a_response_without_a_status_is_the_body_of_a_200() {
    for (payload, expected) in [
        (r#"{ "hello": "world" }"#, r#"{ "hello": "world" }"#),
        ("[1, 2]", "[1, 2]"),
        (r#""test""#, "test"),
        (r#""""#, ""),
        ("null", "null"),
        ("oops {", "oops {"),
        ("", ""),
    ] {
        let response = response(payload.as_bytes()).unwrap();
        assert_eq!(response.status(), 200, "{payload}");
        assert_eq!(values(&response, "content-type"), ["application/json"], "{payload}");
        assert_eq!(body(response).await, expected.as_bytes(), "{payload}");
    }
}

#[test]
fn a_body_without_a_content_type_is_plain_text() {
    for (answer, expected) in [
        (json!({ "statusCode": 200, "body": "a" }), &["text/plain;charset=utf-8"][..]),
        (json!({ "statusCode": 200, "body": "a", "headers": { "content-type": "a/b" } }), &["a/b"]),
        (json!({ "statusCode": 204 }), &[]),
    ] {
        assert_eq!(values(&of(&answer).unwrap(), "content-type"), expected, "{answer}");
    }
}

#[test]
fn a_function_response_with_an_invalid_member_is_refused() {
    for answer in [
        json!({ "statusCode": 0 }),
        json!({ "statusCode": 99 }),
        json!({ "statusCode": 101 }),
        json!({ "statusCode": 1000 }),
        json!({ "statusCode": 200.5 }),
        json!({ "statusCode": "200" }),
        json!({ "statusCode": 200, "headers": { "a b": "c" } }),
        json!({ "statusCode": 200, "cookies": ["a\n"] }),
        json!({ "statusCode": 200, "body": "?", "isBase64Encoded": true }),
    ] {
        assert!(of(&answer).is_none(), "{answer}");
    }
}
