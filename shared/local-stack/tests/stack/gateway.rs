//! Tests of the gateway from a client's point of view.

use crate::fixture::StackFixture;
use serde_json::{Value, json};

#[tokio::test]
async fn a_request_reaches_the_function_with_verified_claims() {
    let fixture = StackFixture::start().await;
    let token = fixture.token("guestpass.token").await;
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
    assert_eq!(jwt["scopes"], json!(["guestpass.token"]));
    assert_eq!(answer["context"]["routeKey"], "POST /echo");
    fixture.stack.stop().await;
}

#[tokio::test]
async fn the_template_decides_which_callers_are_accepted() {
    let fixture = StackFixture::start().await;
    let user = fixture.token("guestpass.token").await;
    let admin = fixture.token("guestpass.admin").await;
    for (path, token, status, body, challenge) in [
        ("/echo", None, 401, "Unauthorized", "Bearer"),
        (
            "/echo",
            Some("garbage"),
            401,
            "Unauthorized",
            "Bearer scope=\"guestpass.token\" error=\"invalid_token\"",
        ),
        (
            "/echo",
            Some(admin.as_str()),
            403,
            "Forbidden",
            "Bearer scope=\"guestpass.token\" error=\"insufficient_scope\"",
        ),
        ("/things/1", Some(&user), 403, "Forbidden", "Bearer scope=\"guestpass.admin\""),
        ("/nowhere", Some(&user), 404, "Not Found", ""),
        ("/things/1/more", Some(&admin), 404, "Not Found", ""),
        ("/things/", Some(&admin), 404, "Not Found", ""),
    ] {
        let mut request = fixture.client.get(format!("{}{path}", fixture.stack.gateway()));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        let header = response.headers().get("www-authenticate");
        let header = header.map(|value| value.to_str().unwrap()).unwrap_or_default();
        assert!(header.starts_with(challenge), "{path}: {header}");
        assert_eq!(response.json::<Value>().await.unwrap(), json!({ "message": body }), "{path}");
    }
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
async fn a_body_over_ten_megabytes_is_refused() {
    let fixture = StackFixture::start().await;
    let token = fixture.token("guestpass.token").await;
    let response = fixture
        .client
        .post(format!("{}/echo", fixture.stack.gateway()))
        .bearer_auth(token)
        .body(vec![b'a'; 10 * 1024 * 1024 + 1])
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 413);
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
