//! The Lambda authorizer `authorize-caller`, in front of the real functions.

use e2e::{ADMIN_ROLE, ServiceStack};
use reqwest::{Certificate, Client};
use serde_json::{Value, json};

/// A stack with the Lambda authorizer and these parameters.
async fn stack(parameters: &[&str]) -> ServiceStack {
    let mut options = vec!["--parameter", "Authorizer=lambda"];
    for parameter in parameters {
        options.extend(["--parameter", parameter]);
    }
    ServiceStack::with(&options).await
}

#[tokio::test]
async fn a_user_and_an_administrator_are_served_as_with_the_jwt_authorizer() {
    let stack = stack(&[]).await;
    let token = stack.call("POST /v1/token", &stack.user("alice").await, Value::Null).await;
    assert_eq!(token.status, 200, "{token:?}");
    let id = token.body["user"]["communicationUserId"].as_str().unwrap().to_owned();
    let admin = stack.admin().await;
    let found = stack.call(&format!("GET /v1/identities/{id}"), &admin, Value::Null).await;
    assert_eq!(found.body["externalId"], format!("{}|alice", stack.url("issuer")));
    let user = [("sub", "root"), ("scope", "guestpass.admin"), ("role", "user")];
    let no_admin = stack.bearer_with(&user).await;
    let refused = stack.call(&format!("GET /v1/identities/{id}"), &no_admin, Value::Null).await;
    assert_eq!((refused.status, refused.problem()), (403, "not-an-administrator"));
}

/// The issuer is not on loopback or speaks https, and the function trusts no authority of the stack.
#[tokio::test]
async fn a_reachable_stack_serves_its_users() {
    for https in [false, true] {
        let reachable = ["--parameter", "Authorizer=lambda", "--host", "127.0.0.2"];
        let more: &[&str] = if https { &["--https"] } else { &[] };
        let stack = ServiceStack::with(&[&reachable, more].concat()).await;
        let mut client = Client::builder().no_proxy();
        if https {
            let authority = std::fs::read(stack.url("caCert")).unwrap();
            client = client.tls_certs_only([Certificate::from_pem(&authority).unwrap()]);
        }
        let client = client.build().unwrap();
        let form = [("sub", "alice"), ("scope", "guestpass.token"), ("alg", "ES256")];
        let issued = client.post(format!("{}/token", stack.url("issuer"))).form(&form).send().await;
        let issued: Value = issued.unwrap().json().await.unwrap();
        let bearer = issued["access_token"].as_str().unwrap();
        stack.keep_secret(&issued["access_token"]);
        let token = client.post(format!("{}/v1/token", stack.url("gateway"))).bearer_auth(bearer);
        let token = token.send().await.unwrap();
        assert_eq!(token.status(), 200, "https: {https}");
        let token: Value = token.json().await.unwrap();
        stack.keep_secret(&token["token"]);
    }
}

/// The authorizer's answer is cached, and knows nothing of the revocation: the function decides.
#[tokio::test]
async fn a_blocked_user_gets_no_token_although_the_authorizers_answer_is_cached() {
    let stack = stack(&["AuthorizerCacheSeconds=300"]).await;
    let alice = stack.user("alice").await;
    let token = stack.call("POST /v1/token", &alice, Value::Null).await;
    let id = token.body["user"]["communicationUserId"].as_str().unwrap().to_owned();
    let revoke = format!("POST /v1/identities/{id}/revoke");
    let blocked = stack.call(&revoke, &stack.admin().await, json!({ "block": true })).await;
    assert_eq!(blocked.status, 200, "{blocked:?}");
    let refused = stack.call("POST /v1/token", &alice, Value::Null).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let log = stack.log("authorize-caller");
    assert_eq!(log.matches("bearer accepted").count(), 2, "one for alice, one for root: {log}");
}

#[tokio::test]
async fn an_expired_bearer_gets_a_problem_document_that_says_to_sign_in() {
    let stack = stack(&[]).await;
    let expired = [("sub", "alice"), ("scope", "guestpass.token"), ("expires_in", "-61")];
    let refused =
        stack.call("POST /v1/token", &stack.bearer_with(&expired).await, Value::Null).await;
    assert_eq!((refused.status, refused.problem()), (401, "unauthenticated"));
    assert_eq!(refused.body["retry"], "sign-in");
}

#[tokio::test]
async fn without_a_token_scope_the_audience_is_enough_for_users_but_not_for_administrators() {
    for authorizer in ["jwt", "lambda"] {
        let authorizer = format!("Authorizer={authorizer}");
        let stack =
            ServiceStack::with(&["--parameter", &authorizer, "--parameter", "TokenScope="]).await;
        let unscoped = stack.bearer_with(&[("sub", "alice"), ("scope", ""), ADMIN_ROLE]).await;
        let token = stack.call("POST /v1/token", &unscoped, Value::Null).await;
        assert_eq!(token.status, 200, "{authorizer}: {token:?}");
        let refused = stack.call("GET /v1/identities", &unscoped, Value::Null).await;
        assert_eq!(refused.status, 403, "{authorizer}: {refused:?}");
    }
}
