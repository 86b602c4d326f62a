//! Tests of a Lambda authorizer: payload format 2.0, simple responses.

use serde_json::{Value, json};

use crate::fixture::StackFixture;

async fn fixture() -> StackFixture {
    StackFixture::with(|options| {
        options.parameters.insert("Authorizer".to_owned(), "lambda".to_owned());
    })
    .await
}

/// The status and the body of a request with this `Authorization`.
async fn get(fixture: &StackFixture, path: &str, authorization: Option<&str>) -> (u16, Value) {
    let mut request = fixture.client.get(format!("{}{path}", fixture.stack.gateway()));
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn the_context_of_the_authorizer_reaches_the_function_as_json() {
    let fixture = fixture().await;
    let (status, body) = get(&fixture, "/things/7?a=1", Some("Bearer yes")).await;
    assert_eq!(status, 200);
    let authorizer = &body["context"]["authorizer"];
    assert_eq!(authorizer.get("jwt"), None, "{authorizer}");
    assert_eq!(authorizer["lambda"]["count"], 1);
    let event = &authorizer["lambda"]["event"];
    for (pointer, expected) in [
        ("/version", json!("2.0")),
        ("/type", json!("REQUEST")),
        ("/routeKey", json!("GET /things/{id}")),
        ("/rawPath", json!("/things/7")),
        ("/rawQueryString", json!("a=1")),
        ("/pathParameters/id", json!("7")),
        ("/identitySource", json!(["Bearer yes"])),
        ("/headers/authorization", json!("Bearer yes")),
    ] {
        assert_eq!(event.pointer(pointer), Some(&expected), "{pointer} of {event}");
    }
    assert!(event["routeArn"].as_str().unwrap().starts_with("arn:aws:execute-api:"), "{event}");
    assert_eq!((event.get("body"), event["requestContext"].get("authorizer")), (None, None));
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_refusal_is_403_a_missing_bearer_401_and_a_failure_500() {
    let fixture = fixture().await;
    for (authorization, status, message) in [
        (None, 401, "Unauthorized"),
        (Some(""), 401, "Unauthorized"),
        (Some("Bearer no"), 403, "Forbidden"),
        (Some("Bearer fail"), 500, "Internal Server Error"),
        (Some("Bearer odd"), 500, "Internal Server Error"),
    ] {
        let answer = get(&fixture, "/echo", authorization).await;
        assert_eq!(answer, (status, json!({ "message": message })), "{authorization:?}");
    }
    assert_eq!(get(&fixture, "/open", None).await.0, 200, "a public route has no authorizer");
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_decision_is_reused_for_all_routes_until_it_expires() {
    let fixture = fixture().await;
    let count = async |path: &str, bearer: &str| {
        let (_, body) = get(&fixture, path, Some(bearer)).await;
        body["context"]["authorizer"]["lambda"]["count"].clone()
    };
    assert_eq!(count("/echo", "Bearer one").await, 1);
    assert_eq!(count("/things/1", "Bearer one").await, 1);
    assert_eq!(count("/echo", "Bearer two").await, 2);
    fixture.advance(29).await;
    assert_eq!(count("/echo", "Bearer one").await, 1);
    fixture.advance(31).await;
    assert_eq!(count("/echo", "Bearer one").await, 3);
    fixture.stack.stop().await;
}
