//! The responses of the gateway itself, as they were measured at HTTP APIs.

use std::collections::BTreeMap;

use crate::fixture::StackFixture;
use reqwest::{Method, Response};
use serde_json::{Value, json};

impl StackFixture {
    async fn request(&self, method: &str, path: &str, authorization: Option<&str>) -> Response {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.stack.gateway()));
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        request.send().await.unwrap()
    }
}

#[tokio::test]
async fn a_refusal_has_the_measured_status_challenge_and_body() {
    let fixture = StackFixture::start().await;
    let user = fixture.token("guestpass.token").await;
    let admin = fixture.token("guestpass.admin").await;
    let invalid = |scope: &str, why: &str| {
        format!("Bearer scope=\"{scope}\" error=\"invalid_token\" error_description=\"{why}\"")
    };
    let segments = "token contains an invalid number of segments";
    let scope = "Bearer scope=\"guestpass.token\" error=\"insufficient_scope\" error_description=\"the token has none of the scopes of this route\"";
    for (path, token, status, message, challenge) in [
        ("/echo", None, 401, "Unauthorized", "Bearer".to_owned()),
        ("/echo", Some(""), 401, "Unauthorized", "Bearer".to_owned()),
        ("/echo", Some("opaque"), 401, "Unauthorized", invalid("guestpass.token", segments)),
        ("/unscoped", Some("opaque"), 401, "Unauthorized", invalid("", segments)),
        ("/echo", Some(admin.as_str()), 403, "Forbidden", scope.to_owned()),
        ("/things/1", Some(&user), 403, "Forbidden", scope.replace(".token", ".admin")),
        ("/nowhere", Some(&user), 404, "Not Found", String::new()),
        ("/nowhere", None, 404, "Not Found", String::new()),
        ("/things/1/more", Some(&admin), 404, "Not Found", String::new()),
        ("/things/", Some(&admin), 404, "Not Found", String::new()),
    ] {
        let response = fixture.request("GET", path, token).await;
        assert_eq!(response.status(), status, "{path}");
        let header = response.headers().get("www-authenticate");
        let header = header.map(|value| value.to_str().unwrap()).unwrap_or_default();
        assert_eq!(header, challenge, "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body, json!({ "message": message }), "{path}");
    }
    assert!(fixture.stack.pids("echo_function").is_empty(), "a refusal needs no function");
    fixture.stack.stop().await;
}

#[tokio::test]
async fn an_expired_token_is_refused_with_exactly_the_measured_headers() {
    let fixture = StackFixture::start().await;
    let token = fixture.token("guestpass.token").await;
    fixture.advance(24 * 3600).await;
    let response = fixture.request("GET", "/echo", Some(&format!("Bearer {token}"))).await;
    assert_eq!(response.status(), 401);
    let mut headers: BTreeMap<_, _> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    assert!(headers.remove("date").is_some() && headers.remove("apigw-requestid").is_some());
    let challenge = "Bearer scope=\"guestpass.token\" error=\"invalid_token\" error_description=\"the token has expired\"";
    assert_eq!(
        headers,
        BTreeMap::from([("content-length", "26"), ("www-authenticate", challenge)])
    );
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_method_without_a_route_is_a_404_with_and_without_a_token() {
    let fixture = StackFixture::start().await;
    let token = fixture.token("guestpass.token").await;
    for method in ["HEAD", "OPTIONS", "PATCH", "BREW"] {
        for token in [None, Some(token.as_str())] {
            let response = fixture.request(method, "/echo", token).await;
            assert_eq!(response.status(), 404, "{method}");
        }
    }
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_request_over_the_size_of_the_gateway_or_of_lambda_is_a_413() {
    let fixture = StackFixture::with(|options| {
        options.gateway.body_bytes = 5_000;
        options.gateway.event_bytes = 6_000;
    })
    .await;
    let token = fixture.token("guestpass.token").await;
    // In base64, 4,000 bytes take 5,336 of the event.
    for (content_type, length, status) in [
        ("text/plain", 5_001, 413),
        ("text/plain", 3_000, 200),
        ("application/octet-stream", 4_000, 413),
    ] {
        let request = fixture.client.post(format!("{}/echo", fixture.stack.gateway()));
        let request = request.header("content-type", content_type).bearer_auth(&token);
        let response = request.body(vec![b'a'; length]).send().await.unwrap();
        assert_eq!(response.status(), status, "{content_type}");
        if status == 413 {
            let body: Value = response.json().await.unwrap();
            assert_eq!(body, json!({ "message": "Request Entity Too Large" }));
        }
    }
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_route_over_its_rate_limit_is_a_429_until_the_bucket_is_filled_again() {
    let fixture = StackFixture::start().await;
    for status in [401, 401, 429, 429] {
        assert_eq!(fixture.request("GET", "/unscoped", None).await.status(), status);
    }
    let refused = fixture.request("GET", "/unscoped", None).await;
    assert_eq!(refused.headers().get("retry-after"), None);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body, json!({ "message": "Too Many Requests" }));
    // Another route has another bucket.
    assert_eq!(fixture.request("GET", "/echo", None).await.status(), 401);
    // 0.001 requests per second: one more after a thousand seconds.
    fixture.advance(1000).await;
    for status in [401, 429] {
        assert_eq!(fixture.request("GET", "/unscoped", None).await.status(), status);
    }
    fixture.stack.stop().await;
}

#[tokio::test]
async fn throttling_can_be_switched_off() {
    let fixture = StackFixture::with(|options| options.gateway.throttling = false).await;
    for _ in 0..4 {
        assert_eq!(fixture.request("GET", "/unscoped", None).await.status(), 401);
    }
    fixture.stack.stop().await;
}
