//! A user who was cut off gets no token, on any route, with any bearer from before the cut-off.
#![expect(clippy::indexing_slicing, reason = "tests may panic")]

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use e2e::{
    ADMIN_ROLE, DEAD_LETTERS, DELIVERIES, HttpReply, REVOKE, ServiceStack, VISIBILITY, in_a_path,
};
use serde_json::{Value, json};

/// The development user, tenant and application of the emulator's Entra.
const USER: &str = "e0000000-0000-4000-8000-000000000003";
const TENANT: &str = "e0000000-0000-4000-8000-000000000001";
const APP: &str = "e0000000-0000-4000-8000-000000000002";

/// Every way to cut a user off.
const CUT_OFFS: [&str; 8] = [
    "user.signed-out",
    "user.credentials-changed",
    "user.disabled",
    "user.deleted",
    "administrator revokes",
    "administrator blocks",
    "own sign-out",
    "own deletion",
];

/// The routes of the contract that can return a token.
fn token_routes() -> BTreeSet<String> {
    let routes = infra::operations().into_iter().map(|one| one.route);
    routes.filter(|route| infra::issues_a_token(route)).collect()
}

/// A bearer of a user with all rights: an administrator, and a Teams user.
async fn bearer(stack: &ServiceStack, sub: &str) -> String {
    let scope = ("scope", "guestpass.token guestpass.admin");
    stack.bearer_with(&[("sub", sub), scope, ADMIN_ROLE, ("oid", USER), ("tid", TENANT)]).await
}

/// The external id of a bearer's user.
fn user_of(bearer: &str) -> String {
    let payload = bearer.split('.').nth(1).unwrap_or_default();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
    let text = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
    format!("{}|{}", text("iss"), text("sub"))
}

/// Requests a token on one of the routes. A route that is missing from this table fails the test.
async fn ask(stack: &ServiceStack, route: &str, bearer: &str) -> HttpReply {
    let bob = in_a_path(&format!("{}|bob", stack.url("issuer")));
    match route {
        "GET /v1/token" | "POST /v1/token" => stack.call(route, bearer, Value::Null).await,
        "POST /v1/token/teams" => {
            let token = stack.emulator("POST entra/token", json!({})).await["token"].clone();
            stack.keep_secret(&token);
            stack.call(route, bearer, json!({ "token": token, "appId": APP })).await
        }
        // An event may have ended the assignment, so it is made anew. It is refused for a blocked user.
        "POST /v1/token/teams-phone" => {
            let assignment = format!("PUT /v1/teams-phone/assignments/{TENANT}/{USER}");
            let body = json!({ "clientIds": [APP], "user": user_of(bearer) });
            stack.call(&assignment, &stack.admin().await, body).await;
            let order = json!({ "scp": "TeamsExtension.ManageCalls" });
            let token = stack.emulator("POST entra/token", order).await["token"].clone();
            stack.keep_secret(&token);
            stack.call(route, bearer, json!({ "token": token })).await
        }
        "POST /v1/identities" => {
            let body = json!({ "externalId": "crm-7", "token": { "scopes": ["voip"] } });
            stack.call(route, bearer, body).await
        }
        "POST /v1/identities/{id}/token" => {
            stack.call(&route.replace("{id}", &bob), bearer, Value::Null).await
        }
        other => unreachable!("{other} can answer a token and has no row here"),
    }
}

/// Cuts a user off, and waits until it has taken effect.
async fn cut_off(stack: &ServiceStack, how: &str, sub: &str, own: &str) {
    let route = format!("POST /v1/identities/{}/revoke", stack.address(sub));
    let root = stack.admin().await;
    let reply = match how {
        "administrator revokes" => stack.call(&route, &root, json!({})).await,
        "administrator blocks" => stack.call(&route, &root, json!({ "block": true })).await,
        "own sign-out" => stack.call("DELETE /v1/token", own, Value::Null).await,
        "own deletion" => stack.call("DELETE /v1/identity", own, Value::Null).await,
        event => {
            stack.send_event(event, sub, 0).await;
            stack.until_processed().await;
            return;
        }
    };
    assert!(reply.is_success(), "{how}: {reply:?}");
}

// Without the gate in the Teams exchange its route answers 200 here; without the look at the
// acting administrator's own record those of the administrators do.
#[tokio::test]
async fn r59_no_route_returns_a_token_to_a_user_who_was_cut_off() {
    let stack = ServiceStack::start().await;
    assert_eq!(
        stack.call("POST /v1/token", &stack.user("bob").await, Value::Null).await.status,
        200
    );
    let routes = token_routes();
    assert!(routes.len() >= 5, "{routes:?}");
    for how in CUT_OFFS {
        let sub = how.replace(' ', "-");
        let old = bearer(&stack, &sub).await;
        for route in &routes {
            let before = ask(&stack, route, &old).await;
            assert!(before.is_success(), "{how}, {route}, before: {before:?}");
        }
        cut_off(&stack, how, &sub, &old).await;
        for route in &routes {
            let refused = ask(&stack, route, &old).await;
            let status = refused.status;
            assert!(matches!(status, 401 | 403), "{how}, {route}: {refused:?}");
            assert!(!refused.body.to_string().contains("eyJ"), "{how}, {route}");
        }
        // A bearer from after the cut-off gets a token exactly if its user is not blocked.
        stack.advance(Duration::from_secs(2)).await;
        let new = bearer(&stack, &sub).await;
        let blocked = matches!(how, "user.disabled" | "administrator blocks");
        for route in &routes {
            let after = ask(&stack, route, &new).await;
            assert_eq!(after.is_success(), !blocked, "{how}, {route}: {after:?}");
        }
    }
}

#[tokio::test]
async fn r58_a_user_without_a_record_can_be_cut_off() {
    let stack = ServiceStack::start().await;
    for how in ["user.signed-out", "user.deleted", "user.disabled", "own sign-out", "own deletion"]
    {
        let sub = how.replace(' ', "-");
        let old = bearer(&stack, &sub).await;
        cut_off(&stack, how, &sub, &old).await;
        let refused = stack.call("POST /v1/token", &old, Value::Null).await;
        assert!(matches!(refused.status, 401 | 403), "{how}: {refused:?}");
    }
    assert_eq!(stack.request_count("createIdentityWithToken").await, 0);
}

#[tokio::test]
async fn r58_the_response_says_what_the_app_must_do() {
    let stack = ServiceStack::start().await;
    let old = stack.user("alice").await;
    assert_eq!(stack.call("POST /v1/token", &old, Value::Null).await.status, 200);
    assert_eq!(stack.call("DELETE /v1/token", &old, Value::Null).await.status, 200);
    let refused = stack.call("POST /v1/token", &old, Value::Null).await;
    assert_eq!((refused.status, refused.problem()), (401, "sign-in-required"));
    assert_eq!(refused.body["retry"], "sign-in");
}

#[tokio::test]
async fn r61_an_event_about_another_issuers_user_ends_in_the_dead_letter_queue() {
    let stack = ServiceStack::start().await;
    let mut detail = stack.detail("alice", 0).await;
    detail["issuer"] = format!("{}/", stack.url("issuer")).into();
    stack.put_events(&[("user.disabled", detail.clone())]).await;
    stack.until_processed().await;

    detail["issuer"] = "https://other.example".into();
    stack.put_events(&[("user.disabled", detail)]).await;
    for delivery in 1..=DELIVERIES {
        let is_delivered = async || stack.metric_sum(REVOKE, "EventsMalformed") == delivery;
        stack.until("the message is delivered again", is_delivered).await;
        stack.advance(VISIBILITY).await;
    }
    let is_dead = async || stack.messages(DEAD_LETTERS).await.len() == 1;
    stack.until("it is among the dead letters", is_dead).await;

    let alice = stack.user("alice").await;
    let refused = stack.call("POST /v1/token", &alice, Value::Null).await;
    assert_eq!(refused.problem(), "user-blocked", "one slash more is the same issuer");
    let list = stack.call("GET /v1/identities", &stack.admin().await, Value::Null).await;
    assert!(!list.body.to_string().contains("other.example"), "no record of it: {list:?}");
}

#[tokio::test]
async fn an_administrators_scope_without_the_condition_is_403_on_every_route() {
    let stack = ServiceStack::start().await;
    let scope_only = stack.bearer("mallory", "guestpass.admin").await;
    for operation in infra::operations().iter().filter(|one| one.scope == "guestpass.admin") {
        let route = operation.route.replace("{id}", "8:acs:unknown");
        let refused = stack.call(&route, &scope_only, Value::Null).await;
        let found = (refused.status, refused.problem());
        assert_eq!(found, (403, "not-an-administrator"), "{route}");
    }
    let closed = ServiceStack::with(&["--parameter", "AdminCondition="]).await;
    let refused = closed.call("GET /v1/identities", &closed.admin().await, Value::Null).await;
    assert_eq!(refused.problem(), "not-an-administrator");
}

// At the identity provider, bearers stay valid after a cut-off, also those of administrators.
#[tokio::test]
async fn r59_an_administrator_who_was_cut_off_is_refused_on_every_route() {
    let stack = ServiceStack::start().await;
    let before = stack.admin().await;
    stack.send_event("user.disabled", "root", 1).await;
    stack.until_processed().await;
    let bob = stack.call("POST /v1/token", &stack.user("bob").await, Value::Null).await;
    let id = bob.body["user"]["communicationUserId"].as_str().unwrap_or_default();
    stack.advance(Duration::from_secs(2)).await;
    for bearer in [&before, &stack.admin().await] {
        for operation in infra::operations().iter().filter(|one| one.scope == "guestpass.admin") {
            let route = operation.route.replace("{id}", id);
            let refused = stack.call(&route, bearer, Value::Null).await;
            let found = (refused.status, refused.problem());
            assert_eq!(found, (403, "user-blocked"), "{route}");
        }
    }
    assert_eq!(stack.invalid_reason(&bob.body["token"]).await, Value::Null, "and nothing was done");
}

// The old bearer belongs to the thief, and the new one to its owner.
#[tokio::test]
async fn r58_a_bearer_from_before_a_sign_out_ends_and_deletes_nothing_newer() {
    let stack = ServiceStack::start().await;
    let old = stack.user("alice").await;
    stack.call("POST /v1/token", &old, Value::Null).await;
    assert_eq!(stack.call("DELETE /v1/token", &old, Value::Null).await.status, 200);
    let new = stack.signed_in_anew("alice").await;
    let token = stack.call("POST /v1/token", &new, Value::Null).await;
    for route in ["DELETE /v1/token", "DELETE /v1/identity"] {
        let refused = stack.call(route, &old, Value::Null).await;
        let found = (refused.status, refused.problem());
        assert_eq!(found, (401, "sign-in-required"), "{route}");
    }
    assert_eq!(stack.invalid_reason(&token.body["token"]).await, Value::Null);
    assert_eq!(stack.call("POST /v1/token", &new, Value::Null).await.status, 200);
}

// Without the parameter, the new bearer seems to be from before the sign-out.
#[tokio::test]
async fn r58_a_provider_whose_clock_is_behind_locks_out_no_user_after_a_sign_out() {
    let stack = ServiceStack::with(&["--parameter", "IssuedEarlySeconds=300"]).await;
    let form = [("sub", "alice"), ("scope", "guestpass.token"), ("issued_early", "300")];
    let old = stack.bearer_with(&form).await;
    assert_eq!(stack.call("POST /v1/token", &old, Value::Null).await.status, 200);
    assert_eq!(stack.call("DELETE /v1/token", &old, Value::Null).await.status, 200);
    stack.advance(Duration::from_secs(2)).await;
    let new = stack.bearer_with(&form).await;
    assert_eq!(stack.call("POST /v1/token", &new, Value::Null).await.status, 200);
    let refused = stack.call("POST /v1/token", &old, Value::Null).await;
    assert_eq!(refused.problem(), "sign-in-required");
}

#[tokio::test]
async fn r62_every_log_line_of_a_request_has_a_hash_of_its_caller_also_for_refusals() {
    let stack = ServiceStack::start().await;
    let alice = stack.user("alice").await;
    for bearer in [&alice, &alice, &stack.user("bob").await] {
        stack.call("POST /v1/token", bearer, Value::Null).await;
    }
    stack.call("DELETE /v1/token", &alice, Value::Null).await;
    stack.call("POST /v1/token", &alice, Value::Null).await;
    let lines = stack.log("issue-access-token");
    let requests: Vec<Value> = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["OperationName"] == "CreateToken")
        .collect();
    let callers: Vec<&str> = requests.iter().map(|line| line["Caller"].as_str().unwrap()).collect();
    let [first, second, bob, refused] = callers.as_slice() else { panic!("{callers:?}") };
    assert_eq!((first, first), (second, refused));
    assert_ne!(first, bob);
    assert_eq!(requests.last().unwrap()["ResultSignature"], "401");
    assert!(callers.iter().all(|hash| hash.len() == 16), "{callers:?}");
}

#[tokio::test]
async fn r62_a_receipt_names_the_administrator() {
    let stack = ServiceStack::start().await;
    stack.call("POST /v1/token", &stack.user("alice").await, Value::Null).await;
    let route = format!("/v1/identities/{}", stack.address("alice"));
    let root = stack.admin().await;
    let receipt =
        stack.call(&format!("POST {route}/revoke"), &root, json!({ "block": true })).await;
    assert_eq!(receipt.body["by"], format!("{}|root", stack.url("issuer")));
    let identity = stack.call(&format!("GET {route}"), &root, Value::Null).await.body;
    assert_eq!(identity["receipts"][0]["by"], receipt.body["by"]);
    assert_eq!(identity["decisions"][0]["origin"], "administrator");
    assert_eq!(identity["decisions"][0]["inForce"], true);
}

// With a step of the clock between the two, each of them may be the newer one.
#[tokio::test]
async fn r60_a_users_sign_out_does_not_suppress_the_providers_sign_out_of_the_same_second() {
    let stack = ServiceStack::start().await;
    let alice = stack.user("alice").await;
    let token = stack.call("POST /v1/token", &alice, Value::Null).await;
    stack.call("DELETE /v1/token", &alice, Value::Null).await;
    stack.advance(Duration::from_secs(1)).await;
    let token_after = stack.call("POST /v1/token", &stack.user("alice").await, Value::Null).await;
    // CloudTrail reports whole seconds, and this second was over before the sign-out.
    let mut detail = stack.detail("alice", -1).await;
    let at = detail["occurredAt"].as_str().unwrap().split('.').next().unwrap().to_owned();
    detail["occurredAt"] = format!("{}Z", at.trim_end_matches('Z')).into();
    stack.put_events(&[("user.signed-out", detail)]).await;
    stack.until_processed().await;
    for token in [token, token_after] {
        if token.status == 200 {
            assert_ne!(stack.invalid_reason(&token.body["token"]).await, Value::Null);
        }
    }
}
