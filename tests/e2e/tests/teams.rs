//! The exchange of a Teams user's Entra token for an ACS token: only the caller's own token is
//! accepted.
#![expect(clippy::indexing_slicing, reason = "tests may panic")]

use e2e::{HttpReply, ServiceStack};
use serde_json::{Value, json};

/// The development user, tenant and application of the emulator's Entra.
const USER: &str = "e0000000-0000-4000-8000-000000000003";
const TENANT: &str = "e0000000-0000-4000-8000-000000000001";
const APP: &str = "e0000000-0000-4000-8000-000000000002";

/// A bearer of that user, from an identity provider that asserts the user's Entra identity.
async fn bearer(stack: &ServiceStack) -> String {
    let form = [("sub", "s"), ("scope", "guestpass.token"), ("oid", USER), ("tid", TENANT)];
    stack.bearer_with(&form).await
}

/// An Entra token of that user, changed by `claims`.
async fn entra(stack: &ServiceStack, claims: Value) -> Value {
    stack.emulator("POST entra/token", claims).await["token"].clone()
}

async fn exchange(stack: &ServiceStack, bearer: &str, token: &Value, app: &str) -> HttpReply {
    stack.keep_secret(token);
    let body = json!({ "token": token, "appId": app });
    stack.call("POST /v1/token/teams", bearer, body).await
}

#[tokio::test]
async fn a_teams_user_gets_a_token_that_ends_with_their_entra_token() {
    let stack = ServiceStack::start().await;
    let bearer = bearer(&stack).await;
    let token = entra(&stack, json!({ "expiresInSeconds": 4000 })).await;
    let reply = exchange(&stack, &bearer, &token, APP).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(stack.invalid_reason(&reply.body["token"]).await, Value::Null);
    assert_eq!(reply.body["user"]["communicationUserId"], format!("8:orgid:{USER}"));
    let left = reply.body["expiresIn"].as_i64().unwrap();
    assert!((3980..=4000).contains(&left), "{left}");
}

#[tokio::test]
async fn r15_another_users_teams_token_is_403_and_acs_is_not_called() {
    let stack = ServiceStack::start().await;
    let bearer = bearer(&stack).await;
    let other = "f0000000-0000-4000-8000-000000000009";
    for claims in [json!({ "oid": other }), json!({ "tenant": other })] {
        let token = entra(&stack, claims).await;
        let reply = exchange(&stack, &bearer, &token, APP).await;
        let found = (reply.status, reply.problem());
        assert_eq!(found, (403, "teams-token-of-another-user"));
    }
    let token = entra(&stack, json!({})).await;
    let stranger = stack.user("stranger").await;
    assert_eq!(exchange(&stack, &stranger, &token, APP).await.status, 403);
    assert!(stack.requests().await.is_empty());
}

#[tokio::test]
async fn each_common_mistake_has_its_own_error() {
    let stack = ServiceStack::start().await;
    let bearer = bearer(&stack).await;
    let graph = json!({ "aud": "https://graph.microsoft.com" });
    let calls_only = json!({ "scp": "Teams.ManageCalls" });
    for (claims, app, status, problem) in [
        (json!({ "expiresInSeconds": -5 }), APP, 401, "teams-token-expired"),
        (json!({ "expiresInSeconds": 300 }), APP, 400, "teams-token-expiring"),
        (graph, APP, 400, "teams-token-audience"),
        (calls_only, APP, 400, "teams-token-permission"),
        (json!({}), USER, 400, "teams-token-app"),
        (json!({}), "no-guid", 400, "teams-token-app"),
        (json!({}), "", 400, "teams-token-app"),
    ] {
        let token = entra(&stack, claims.clone()).await;
        let reply = exchange(&stack, &bearer, &token, app).await;
        assert_eq!((reply.status, reply.problem()), (status, problem), "{claims} {app}");
    }
    let forged = entra(&stack, json!({})).await;
    let (head, _) = forged.as_str().unwrap().rsplit_once('.').unwrap();
    let forged = json!(format!("{head}.c2lnbmF0dXJl"));
    let reply = exchange(&stack, &bearer, &forged, APP).await;
    assert_eq!((reply.status, reply.problem()), (400, "teams-token-invalid"));
    let garbage = exchange(&stack, &bearer, &json!("garbage"), APP).await;
    assert_eq!(garbage.problem(), "teams-token-malformed");
    let large = exchange(&stack, &bearer, &json!("x".repeat(64 * 1024)), APP).await;
    assert_eq!((large.status, large.problem()), (413, "body-too-large"));
}
