//! Tests of the gateway from a client's point of view.

mod authorizer;

use std::collections::BTreeSet;

use crate::fixture::StackFixture;
use serde_json::{Value, json};

#[tokio::test]
async fn a_request_reaches_the_function_with_verified_claims() {
    let fixture = StackFixture::start().await;
    let token = fixture.token("openid guestpass.token").await;
    let answer: Value = fixture
        .client
        .post(format!("{}/echo?a=1", fixture.stack.gateway()))
        .bearer_auth(token)
        .header("content-type", "application/json")
        .body("{\"b\":2}")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["body"], "{\"b\":2}");
    let jwt = &answer["context"]["authorizer"]["jwt"];
    assert_eq!(jwt["claims"]["sub"], "alice");
    assert_eq!(jwt["claims"]["iss"], fixture.stack.issuer());
    assert!(jwt["claims"]["exp"].is_string(), "{jwt}");
    assert_eq!(jwt["scopes"], json!(["openid", "guestpass.token"]));
    assert_eq!(answer["context"]["routeKey"], "POST /echo");
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_path_is_decoded_before_its_route_is_looked_for() {
    let fixture = StackFixture::start().await;
    let admin = fixture.token("guestpass.admin").await;
    let things = format!("{}/things/a%20b", fixture.stack.gateway());
    let answer: Value =
        fixture.client.get(things).bearer_auth(&admin).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["id"], "a b");
    // API Gateway also decodes a path before it looks for the route.
    let slash = format!("{}/things/a%2Fb", fixture.stack.gateway());
    let answer = fixture.client.get(slash).bearer_auth(&admin).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    let open = format!("{}/open", fixture.stack.gateway());
    let answer: Value = fixture.client.get(open).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["context"].get("authorizer"), None);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_route_without_scopes_accepts_any_token() {
    let fixture = StackFixture::start().await;
    let answer: Value = fixture.get("/unscoped").await.json().await.unwrap();
    let jwt = &answer["context"]["authorizer"]["jwt"];
    assert_eq!((&jwt["claims"]["sub"], &jwt["scopes"]), (&json!("alice"), &Value::Null));
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_response_has_the_headers_of_api_gateway_and_no_others() {
    let fixture = StackFixture::start().await;
    let response = fixture.get("/echo").await;
    let names: BTreeSet<_> = response.headers().keys().map(ToString::to_string).collect();
    let expected = ["apigw-requestid", "content-length", "content-type", "date"];
    assert_eq!(names, expected.map(str::to_owned).into());
    let request_id = response.headers()["apigw-requestid"].clone();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["context"]["requestId"], request_id.to_str().unwrap());
    fixture.stack.stop().await;
}

#[tokio::test]
async fn the_default_admin_condition_can_be_overridden() {
    let fixture = StackFixture::start().await;
    let answer: Value = fixture.get("/echo").await.json().await.unwrap();
    assert_eq!(answer["adminCondition"], r#"{"role": "guestpass-admin"}"#);
    fixture.stack.stop().await;
    for given in ["", r#"{"azp": "tool"}"#] {
        let fixture = StackFixture::with(|options| {
            options.parameters.insert("AdminCondition".to_owned(), given.to_owned());
        })
        .await;
        let answer: Value = fixture.get("/echo").await.json().await.unwrap();
        assert_eq!(answer["adminCondition"], given);
        fixture.stack.stop().await;
    }
}

#[tokio::test]
async fn a_function_has_the_environment_of_lambda_and_no_other_variables() {
    let fixture = StackFixture::start().await;
    let answer: Value = fixture.get("/echo").await.json().await.unwrap();
    let variables: Vec<_> =
        answer["variables"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    for expected in [
        "TABLE_NAME",
        "ACS_CONNECTION_STRING",
        "RUST_LOG",
        "AWS_ENDPOINT_URL_DYNAMODB",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    ] {
        assert!(variables.contains(&expected), "{expected}: {variables:?}");
    }
    for leak in ["PATH", "HOME", "CARGO_MANIFEST_DIR"] {
        assert!(!variables.contains(&leak), "{leak}");
    }
    fixture.stack.stop().await;
}
