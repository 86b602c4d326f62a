//! Teams Phone: administrators assign users, who exchange their own Entra tokens, and events end the
//! assignments.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

use std::time::Duration;

use e2e::{HttpReply, REVOKE, ServiceStack};
use serde_json::{Value, json};

/// The development user, tenant and application of the emulator's Entra.
const USER: &str = "e0000000-0000-4000-8000-000000000003";
const TENANT: &str = "e0000000-0000-4000-8000-000000000001";
const APP: &str = "e0000000-0000-4000-8000-000000000002";

/// Another user, tenant or application.
const OTHER: &str = "f0000000-0000-4000-8000-000000000009";

/// The `sub` of that user at the stack's issuer.
const SUBJECT: &str = "phone-user";

async fn bearer(stack: &ServiceStack) -> String {
    let form = [("sub", SUBJECT), ("scope", "guestpass.token"), ("oid", USER), ("tid", TENANT)];
    stack.bearer_with(&form).await
}

/// An Entra token of that user for Teams Phone, changed by `claims`.
async fn entra(stack: &ServiceStack, claims: &Value) -> Value {
    let mut order = json!({ "scp": "TeamsExtension.ManageCalls" });
    order.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let token = stack.emulator("POST entra/token", order).await["token"].clone();
    stack.keep_secret(&token);
    token
}

async fn exchange(stack: &ServiceStack, bearer: &str, token: &Value) -> HttpReply {
    stack.call("POST /v1/token/teams-phone", bearer, json!({ "token": token })).await
}

/// Calls the route of an assignment as an administrator.
async fn administer(stack: &ServiceStack, method: &str, body: Value) -> HttpReply {
    let route = format!("{method} /v1/teams-phone/assignments/{TENANT}/{USER}");
    stack.call(&route, &stack.admin().await, body).await
}

/// Assigns the user, who is known by their external id.
async fn assign(stack: &ServiceStack) -> HttpReply {
    let user = format!("{}|{SUBJECT}", stack.url("issuer"));
    administer(stack, "PUT", json!({ "clientIds": [APP], "user": user })).await
}

#[tokio::test]
async fn a_user_of_teams_phone_gets_tokens_until_the_assignment_ends() {
    let stack = ServiceStack::start().await;
    let (bearer, token) = (bearer(&stack).await, entra(&stack, &json!({})).await);
    let early = exchange(&stack, &bearer, &token).await;
    assert_eq!((early.status, early.problem()), (403, "teams-phone-not-assigned"));
    for _ in 0..2 {
        let assigned = assign(&stack).await;
        assert_eq!((assigned.status, &assigned.body["state"]), (200, &json!("assigned")));
        assert!(assigned.body["verifiedAt"].is_string(), "{assigned:?}");
    }
    let reply = exchange(&stack, &bearer, &token).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(stack.invalid_reason(&reply.body["token"]).await, Value::Null);
    let id = reply.body["user"]["communicationUserId"].as_str().unwrap();
    assert!(id.ends_with(&format!("_{TENANT}_{USER}")), "{id}");

    let shown = administer(&stack, "GET", Value::Null).await;
    assert_eq!((shown.status, &shown.body["drift"]), (200, &Value::Null), "{shown:?}");
    assert_eq!(shown.body["atAcs"]["clientIds"], json!([APP]));
    let admin = stack.admin().await;
    let listed = stack.call("GET /v1/teams-phone/assignments", &admin, Value::Null).await;
    assert_eq!(listed.body["assignments"][0]["objectId"], USER);

    for _ in 0..2 {
        assert_eq!(administer(&stack, "DELETE", Value::Null).await.status, 204);
    }
    assert_eq!(stack.invalid_reason(&reply.body["token"]).await, "revoked");
    assert_eq!(exchange(&stack, &bearer, &token).await.status, 403);
    let gone = administer(&stack, "GET", Value::Null).await;
    assert_eq!((gone.status, gone.problem()), (404, "teams-phone-no-assignment"));
}

// Without the check of the signature, the forged token reaches ACS.
#[tokio::test]
async fn r90_a_foreign_or_forged_or_forbidden_token_never_reaches_acs() {
    let stack = ServiceStack::start().await;
    let bearer = bearer(&stack).await;
    for (claims, status, problem) in [
        (json!({ "oid": OTHER }), 403, "teams-token-of-another-user"),
        (json!({ "tenant": OTHER }), 403, "teams-token-of-another-user"),
        (json!({ "appId": OTHER }), 403, "teams-phone-app"),
        (json!({ "aud": "https://graph.microsoft.com" }), 400, "teams-phone-token-audience"),
        (json!({ "scp": "Teams.ManageCalls" }), 403, "teams-phone-consent"),
        (json!({ "expiresInSeconds": -5 }), 401, "teams-token-expired"),
        (json!({ "iss": "https://idp.example" }), 401, "teams-phone-token-invalid"),
    ] {
        let token = entra(&stack, &claims).await;
        let reply = exchange(&stack, &bearer, &token).await;
        assert_eq!((reply.status, reply.problem()), (status, problem), "{claims}");
    }
    let token = entra(&stack, &json!({})).await;
    let (head, _) = token.as_str().unwrap().rsplit_once('.').unwrap();
    let forged = exchange(&stack, &bearer, &json!(format!("{head}.c2lnbmF0dXJl"))).await;
    assert_eq!((forged.status, forged.problem()), (401, "teams-phone-token-invalid"));
    let stranger = stack.user("stranger").await;
    assert_eq!(exchange(&stack, &stranger, &token).await.status, 403);
    assert!(stack.requests().await.is_empty(), "{:?}", stack.requests().await);
}

#[tokio::test]
async fn r92_an_account_that_is_disabled_loses_its_assignment_and_gets_none_back() {
    let stack = ServiceStack::start().await;
    let (bearer, token) = (bearer(&stack).await, entra(&stack, &json!({})).await);
    assert_eq!(assign(&stack).await.status, 200);
    let reply = exchange(&stack, &bearer, &token).await;
    assert_eq!(stack.invalid_reason(&reply.body["token"]).await, Value::Null, "{reply:?}");

    stack.send_event("user.disabled", SUBJECT, 1).await;
    stack.until_processed().await;
    assert_eq!(stack.invalid_reason(&reply.body["token"]).await, "revoked");
    assert_eq!(administer(&stack, "GET", Value::Null).await.status, 404);
    assert_eq!(stack.metric_sum(REVOKE, "PhoneAssignmentsEnded"), 1);
    let blocked = assign(&stack).await;
    assert_eq!((blocked.status, blocked.problem()), (403, "user-blocked"));

    stack.send_event("user.enabled", SUBJECT, 2).await;
    stack.until_processed().await;
    assert_eq!(administer(&stack, "GET", Value::Null).await.status, 404);
    stack.advance(Duration::from_secs(2)).await;
    let anew = self::bearer(&stack).await;
    let late = exchange(&stack, &anew, &token).await;
    assert_eq!((late.status, late.problem()), (403, "teams-phone-not-assigned"), "{late:?}");
}
