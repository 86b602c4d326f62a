//! Who gets in, and who does not.

use e2e::Stack;
use serde_json::{Value, json};

/// Every route of the contract, with a name in it that nobody has.
fn routes() -> Vec<(String, String)> {
    let operations = infra::operations().into_iter();
    operations.map(|one| (one.route.replace("{id}", "8:acs:unknown"), one.scope)).collect()
}

#[tokio::test]
async fn r52_a_bearer_that_nobody_vouches_for_is_401_on_every_route() {
    let stack = Stack::start().await;
    let scope = ("scope", "guestpass.token guestpass.admin");
    let good = stack.bearer_with(&[("sub", "alice"), scope]).await;
    let expired = stack.bearer_with(&[("sub", "alice"), scope, ("expires_in", "-1")]).await;
    let foreign = stack.bearer_with(&[("sub", "alice"), scope, ("aud", "somebody-else")]).await;
    let other = Stack::start().await;
    let wrong_issuer = other.bearer_with(&[("sub", "alice"), scope]).await;
    let (head, signature) = good.rsplit_once('.').unwrap_or_default();
    let (_, payload) = head.split_once('.').unwrap_or_default();
    // {"alg":"none","typ":"JWT"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
    let tampered = format!("{head}.{}", signature.chars().rev().collect::<String>());
    for (route, _) in &routes() {
        let missing = stack.send(route, vec![], None).await;
        assert_eq!(missing.status, 401, "{route} without a bearer");
        for (kind, bearer) in [
            ("garbage", "garbage"),
            ("empty", ""),
            ("expired", &expired),
            ("wrong audience", &foreign),
            ("wrong issuer", &wrong_issuer),
            ("alg none", &unsigned),
            ("tampered", &tampered),
        ] {
            let reply = stack.call(route, bearer, Value::Null).await;
            assert_eq!(reply.status, 401, "{route} with a bearer that is {kind}");
        }
    }
    assert_eq!(stack.asked("createIdentityWithToken").await, 0);
}

#[tokio::test]
async fn r52_a_bearer_without_the_routes_scope_is_403() {
    let stack = Stack::start().await;
    let user = stack.user("alice").await;
    let admin = stack.admin().await;
    let neither = stack.bearer("alice", "openid").await;
    for (route, scope) in &routes() {
        assert_eq!(stack.call(route, &neither, Value::Null).await.status, 403, "{route}");
        let other = if scope == "guestpass.token" { &admin } else { &user };
        assert_eq!(stack.call(route, other, Value::Null).await.status, 403, "{route}");
    }
}

#[tokio::test]
async fn r52_another_users_identity_cannot_be_reached_nor_told_from_none() {
    let stack = Stack::start().await;
    let (alice, bob) = (stack.user("alice").await, stack.user("bob").await);
    let token = stack.call("POST /v1/token", &alice, Value::Null).await;
    let id = token.body["user"]["communicationUserId"].as_str().unwrap_or_default();
    for method in ["GET /v1/identities/{id}", "POST /v1/identities/{id}/token"] {
        let existing = stack.call(&method.replace("{id}", id), &bob, Value::Null).await;
        let unknown = stack.call(&method.replace("{id}", "8:acs:none"), &bob, Value::Null).await;
        assert_eq!((existing.status, &existing.body), (unknown.status, &unknown.body));
        assert_eq!(existing.status, 403);
    }
    assert_eq!(stack.call("GET /v1/identity", &bob, Value::Null).await.status, 404);
    let admin = stack.admin().await;
    for (route, status) in [
        ("GET /v1/identities/8:acs:none", 404),
        ("POST /v1/identities/8:acs:none/token", 404),
        ("POST /v1/identities/nobody/token", 404),
        ("POST /v1/identities/nobody/revoke", 404),
        // The index may not have it yet.
        ("POST /v1/identities/8:acs:none/revoke", 409),
        ("DELETE /v1/identities/8:acs:none", 409),
    ] {
        assert_eq!(stack.call(route, &admin, Value::Null).await.status, status, "{route}");
    }
    assert_eq!(stack.dead(&token.body["token"]).await, Value::Null, "nothing of it touched her");
}

#[tokio::test]
async fn r53_nothing_but_the_bearer_says_who_the_caller_is() {
    let stack = Stack::start().await;
    let alice = stack.user("alice").await;
    let first = stack.call("POST /v1/token", &alice, Value::Null).await;
    let bob = stack.user("bob").await;
    let headers = ["x-user", "x-amzn-oidc-identity", "x-ms-client-principal-id", "sub"]
        .map(|name| (name, "alice".to_owned()));
    let bearer = ("authorization", format!("Bearer {bob}"));
    let reply = stack.send("POST /v1/token", [&headers[..], &[bearer]].concat(), None).await;
    assert_eq!(reply.status, 200);
    assert_ne!(reply.body["user"], first.body["user"]);
    for body in [json!({ "sub": "alice" }), json!({ "externalId": "alice" })] {
        assert_eq!(stack.call("POST /v1/token", &bob, body).await.status, 400);
    }
}
