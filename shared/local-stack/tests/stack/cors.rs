//! The requests that a browser sends for a web app, in their exact form.

use crate::fixture::StackFixture;
use reqwest::header::HeaderMap;
use reqwest::{Method, Response};

const APP: &str = "http://localhost:5173";

impl StackFixture {
    async fn of_web_app() -> Self {
        Self::with(|options| {
            options.parameters.insert("AllowedOrigins".to_owned(), APP.to_owned());
        })
        .await
    }

    /// The preflight of Chromium for a POST with a bearer and a JSON body.
    async fn preflight(&self, path: &str, origin: &str) -> Response {
        self.client
            .request(Method::OPTIONS, format!("{}{path}", self.stack.gateway()))
            .header("accept", "*/*")
            .header("access-control-request-headers", "authorization,content-type")
            .header("access-control-request-method", "POST")
            .header("origin", origin)
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-site", "cross-site")
            .send()
            .await
            .unwrap()
    }

    async fn send_from(&self, path: &str, bearer: &str, origin: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.stack.gateway()));
        request.bearer_auth(bearer).header("origin", origin).send().await.unwrap()
    }
}

fn cors_headers(headers: &HeaderMap) -> Vec<(&str, &str)> {
    let mut named: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .filter(|(name, _)| name.starts_with("access-control-"))
        .collect();
    named.sort_unstable();
    named
}

#[tokio::test]
async fn a_web_app_whose_origin_is_named_may_call_the_api() {
    let fixture = StackFixture::of_web_app().await;
    let preflight = fixture.preflight("/echo", APP).await;
    assert_eq!(preflight.status(), 204);
    assert!(preflight.headers().contains_key("apigw-requestid"));
    let expected = [
        ("access-control-allow-headers", "authorization,content-type"),
        ("access-control-allow-methods", "GET,POST"),
        ("access-control-allow-origin", APP),
        ("access-control-max-age", "600"),
    ];
    assert_eq!(cors_headers(preflight.headers()), expected);
    let token = fixture.token("guestpass.token").await;
    let response = fixture.send_from("/echo", &token, APP).await;
    assert_eq!(response.status(), 200);
    let expected =
        [("access-control-allow-origin", APP), ("access-control-expose-headers", "x-request-id")];
    assert_eq!(cors_headers(response.headers()), expected);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_web_app_of_another_origin_gets_no_cors_headers() {
    let fixture = StackFixture::of_web_app().await;
    let preflight = fixture.preflight("/echo", "https://app.example.com").await;
    assert_eq!(preflight.status(), 204);
    assert_eq!(cors_headers(preflight.headers()), []);
    let token = fixture.token("guestpass.token").await;
    let response = fixture.send_from("/echo", &token, "https://app.example.com").await;
    assert_eq!(response.status(), 200);
    assert_eq!(cors_headers(response.headers()), []);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_preflight_needs_no_route_and_no_tokens_of_the_bucket() {
    let fixture = StackFixture::of_web_app().await;
    for _ in 0..3 {
        assert_eq!(fixture.preflight("/unscoped", APP).await.status(), 204);
    }
    assert_eq!(fixture.preflight("/nowhere", APP).await.status(), 204);
    assert!(fixture.stack.pids("echo_function").is_empty());
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_refusal_of_the_gateway_has_no_cors_headers() {
    let fixture = StackFixture::of_web_app().await;
    let token = fixture.token("guestpass.token").await;
    for (path, bearer, status) in [
        ("/echo", "opaque", 401),
        ("/things/1", token.as_str(), 403),
        ("/nowhere", &token, 404),
        ("/echo?do=error", &token, 500),
    ] {
        let response = fixture.send_from(path, bearer, APP).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(cors_headers(response.headers()), [], "{path}");
    }
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_web_app_of_this_machine_gets_its_bearer_from_the_issuer() {
    let fixture = StackFixture::with(|options| {
        let origins = format!("{APP},https://app.example.com");
        options.parameters.insert("AllowedOrigins".to_owned(), origins);
    })
    .await;
    let token = format!("{}/token", fixture.stack.issuer());
    let ask = async |origin: &str| {
        let request = fixture.client.post(&token).header("origin", origin).body("sub=alice");
        request.send().await.unwrap()
    };
    let response = ask(APP).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["access-control-allow-origin"]),
        (200, &APP.parse().unwrap())
    );
    let preflight = fixture.client.request(Method::OPTIONS, &token).header("origin", APP);
    let preflight = preflight.header("access-control-request-method", "POST").send().await.unwrap();
    assert_eq!(preflight.status(), 204);
    // A page of this machine that is not named cannot read the token, and no other page gets one.
    let unnamed = ask("http://localhost:9999").await;
    assert_eq!((unnamed.status().as_u16(), cors_headers(unnamed.headers())), (200, vec![]));
    assert_eq!(ask("https://app.example.com").await.status(), 403);
    fixture.stack.stop().await;
}
