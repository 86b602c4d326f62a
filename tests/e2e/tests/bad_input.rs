//! Bad input gets a clear answer and loses nothing.

use e2e::{ADMIN_ROLE, ServiceStack, WITHOUT_ROUTES};
use serde_json::{Value, json};

#[tokio::test]
async fn the_error_for_an_invalid_body_names_what_is_invalid() {
    let stack = ServiceStack::start().await;
    let alice = stack.user("alice").await;
    for (body, status, problem) in [
        (json!({ "scopes": [] }), 400, "invalid-scopes"),
        (json!({ "scopes": ["root"] }), 400, "invalid-scopes"),
        (json!({ "scopes": ["chat", "chat"] }), 400, "invalid-scopes"),
        (json!({ "expiresInMinutes": 59 }), 400, "invalid-lifetime"),
        (json!({ "expiresInMinutes": 1441 }), 400, "invalid-lifetime"),
        (json!({ "unknown": 1 }), 400, "invalid-body"),
        (json!([1]), 400, "invalid-body"),
        (json!([["chat"], 60]), 400, "invalid-body"),
    ] {
        let reply = stack.call("POST /v1/token", &alice, body.clone()).await;
        assert_eq!((reply.status, reply.problem()), (status, problem), "{body}");
        assert_eq!(reply.body["retry"], "never", "{body}");
    }
    for (media_type, body, status, problem) in [
        ("application/json", "{", 400, "invalid-body"),
        ("application/json", "\u{fffd}", 400, "invalid-body"),
        ("text/plain", "{}", 415, "unsupported-media-type"),
        ("application/x-www-form-urlencoded", "scopes=chat", 415, "unsupported-media-type"),
        ("application/json", &format!("[{}]", "1,".repeat(10_000)), 413, "body-too-large"),
    ] {
        let headers = vec![
            ("authorization", format!("Bearer {alice}")),
            ("content-type", media_type.to_owned()),
        ];
        let reply = stack.send("POST /v1/token", headers, Some(body.to_owned())).await;
        assert_eq!((reply.status, reply.problem()), (status, problem), "{media_type}");
    }
    assert!(stack.requests().await.is_empty(), "ACS heard of none of it");
    assert_eq!(stack.call("GET /v1/identity", &alice, Value::Null).await.status, 404);
    assert_eq!(stack.call("POST /v1/token", &alice, Value::Null).await.status, 200);
}

#[tokio::test]
async fn a_route_that_the_template_does_not_have_is_not_found() {
    let stack = ServiceStack::start().await;
    let scope = ("scope", "guestpass.token guestpass.admin");
    let admin = stack.bearer_with(&[("sub", "alice"), scope, ADMIN_ROLE]).await;
    for route in ["GET /", "PUT /v1/token", "GET /v2/token", "GET /v1/token/x", "GET /v1//token"] {
        assert_eq!(stack.call(route, &admin, Value::Null).await.status, 404, "{route}");
    }
}

#[tokio::test]
async fn a_request_id_is_returned() {
    let stack = ServiceStack::start().await;
    let alice = stack.user("alice").await;
    let headers = vec![
        ("authorization", format!("Bearer {alice}")),
        ("x-request-id", "from-the-app-7".to_owned()),
    ];
    let reply = stack.send("GET /v1/identity", headers, None).await;
    assert_eq!(reply.header("x-request-id"), "from-the-app-7");
    let log = stack.log("get-identity");
    assert!(log.contains("\"CorrelationId\":\"from-the-app-7\""), "{log}");
}

#[tokio::test]
async fn r54_no_event_of_api_gateway_breaks_a_function() {
    let stack = ServiceStack::start().await;
    let event = json!({
        "version": "2.0",
        "rawPath": "/v1/token",
        "rawQueryString": "a=\"b\" <c>",
        "headers": { "host": "a<b" },
        "requestContext": { "domainName": "a<b", "http": { "method": "POST" } },
        "body": "not base64",
        "isBase64Encoded": true,
    });
    let behind_routes =
        stack.functions().await.into_iter().filter(|name| !WITHOUT_ROUTES.contains(&&**name));
    for function in behind_routes {
        for event in [&event, &json!({}), &json!([1])] {
            let response = stack.invoke(&function, event).await;
            // It knows its callers by the path, and each authenticates itself.
            if function == "receive-security-event" {
                assert_eq!(response["statusCode"], 404, "{event}");
                continue;
            }
            // It has no callers: what counts is in the body.
            if function == "exchange-guest-pass" {
                let status = response["statusCode"].as_u64().unwrap();
                assert!((400..500).contains(&status), "{function}: {event}: {status}");
                continue;
            }
            assert_eq!(response["statusCode"], 401, "{function}: {event}");
            assert_eq!(response["headers"]["content-type"], "application/problem+json");
            assert!(response["body"].as_str().unwrap().contains("/problems/unauthenticated"));
        }
    }
}
