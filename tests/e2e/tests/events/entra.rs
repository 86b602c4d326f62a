//! A change of a user in Entra takes effect on the whole stack: from Graph's notification through
//! the gateway's route, the queue and the look-up, and at ACS.

use std::time::Duration;

use e2e::{DEAD_LETTERS, DELIVERIES, EVENTS, HttpReply, REVOKE, ServiceStack, VISIBILITY};
use serde_json::{Value, json};

const WATCH: &str = "watch-entra-users";

/// A stack whose users are named as Entra names them, with a subscription to their changes.
async fn stack() -> ServiceStack {
    let stack = ServiceStack::with(&["--parameter", "SubjectClaims=tid,oid"]).await;
    subscribe(&stack).await;
    stack
}

/// Adds alice to Entra, and subscribes to the changes of its users.
pub(super) async fn subscribe(stack: &ServiceStack) {
    for secret in ["local-stack-entra-client-state", "local-stack-entra-client-secret"] {
        stack.keep_secret(&secret.into());
    }
    stack.local("POST entra/users/alice", json!({})).await;
    watch(stack).await;
}

/// One run of the scheduled function.
async fn watch(stack: &ServiceStack) -> Value {
    let answer = stack.invoke(WATCH, &json!({})).await;
    assert!(answer["tenants"].is_array(), "{answer}");
    stack.until_processed().await;
    answer
}

pub(super) async fn bearer(stack: &ServiceStack) -> String {
    stack.bearer_with(&[("profile", "entra"), ("sub", "alice")]).await
}

async fn token(stack: &ServiceStack, bearer: &str) -> HttpReply {
    stack.call("POST /v1/token", bearer, Value::Null).await
}

/// Changes alice in Entra, and returns the statuses that the notifications got.
async fn change(stack: &ServiceStack, change: Value) -> Value {
    let changed = stack.local("POST entra/users/alice", change).await;
    stack.until_processed().await;
    changed["notified"].clone()
}

#[tokio::test]
async fn a_user_who_is_disabled_in_entra_is_cut_off_until_they_are_enabled_again() {
    let stack = stack().await;
    let old = bearer(&stack).await;
    let before = token(&stack, &old).await;
    assert_eq!(before.status, 200, "{before:?}");

    assert_eq!(change(&stack, json!({ "accountEnabled": false })).await, json!([202]));
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, "revoked");
    let refused = token(&stack, &old).await;
    assert_eq!((refused.status, refused.problem()), (403, "user-blocked"));

    // The same again, and a change of something else, have no effect.
    let revoked = stack.request_count("revokeAccessTokens").await;
    assert_eq!(change(&stack, json!({})).await, json!([202]));
    assert_eq!(stack.request_count("revokeAccessTokens").await, revoked);

    change(&stack, json!({ "accountEnabled": true })).await;
    stack.advance(Duration::from_mins(6)).await;
    let after = token(&stack, &bearer(&stack).await).await;
    assert_eq!(after.status, 200, "{after:?}");
    assert_eq!(after.body["user"], before.body["user"]);
}

#[tokio::test]
async fn revoked_sessions_revoke_once_and_the_old_bearer_is_refused() {
    let stack = stack().await;
    let old = bearer(&stack).await;
    let before = token(&stack, &old).await;
    stack.advance(Duration::from_mins(1)).await;
    change(&stack, json!({ "revokeSessions": true })).await;
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, "revoked");
    let refused = token(&stack, &old).await;
    assert_eq!((refused.status, refused.problem()), (401, "sign-in-required"));
    let applied = stack.metric_sum(REVOKE, "EventsApplied");
    change(&stack, json!({})).await;
    assert_eq!(stack.metric_sum(REVOKE, "EventsApplied"), applied);
}

#[tokio::test]
async fn a_lost_notification_is_found_by_the_next_run() {
    let stack = stack().await;
    let before = token(&stack, &bearer(&stack).await).await;
    let lost = json!({ "accountEnabled": false, "notify": false });
    assert_eq!(change(&stack, lost).await, json!([]));
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, Value::Null);
    let answer = watch(&stack).await;
    assert_eq!(answer["tenants"][0]["changedUsers"], 1);
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, "revoked");
}

#[tokio::test]
async fn the_subscription_is_renewed_and_a_lost_one_is_replaced() {
    let stack = stack().await;
    let subscriptions =
        async || stack.local("GET entra", Value::Null).await["subscriptions"].clone();
    let first = subscriptions().await;
    for _ in 0..3 {
        stack.advance(Duration::from_hours(48)).await;
        watch(&stack).await;
    }
    let renewed = subscriptions().await;
    assert_eq!(renewed[0]["id"], first[0]["id"]);
    assert_ne!(renewed[0]["expirationDateTime"], first[0]["expirationDateTime"]);

    stack.local("DELETE entra/subscriptions", json!({})).await;
    watch(&stack).await;
    let replaced = subscriptions().await;
    assert_eq!(replaced.as_array().unwrap().len(), 1);
    assert_ne!(replaced[0]["id"], first[0]["id"]);
}

#[tokio::test]
async fn r26_forged_notifications_change_nothing() {
    let stack = stack().await;
    let before = token(&stack, &bearer(&stack).await).await;
    stack
        .local("POST entra/users/alice", json!({ "accountEnabled": false, "notify": false }))
        .await;
    let entra = stack.local("GET entra", Value::Null).await;
    let id = entra["users"][0]["id"].clone();
    let notification = |client_state: &str, tenant: &Value| {
        json!({ "value": [{
            "changeType": "updated", "clientState": client_state, "tenantId": tenant,
            "resource": format!("Users/{}", id.as_str().unwrap()), "resourceData": { "id": id },
        }] })
        .to_string()
    };
    let other_tenant = json!("22222222-2222-3333-4444-555555555555");
    for (body, status) in [
        (notification("guess", &entra["tenant"]), 403),
        (notification("local-stack-entra-client-state", &other_tenant), 403),
        ("not json".to_owned(), 400),
        (" ".repeat(65_537), 413),
    ] {
        let (found, answer) =
            stack.push("entra", &[("content-type", "application/json")], body).await;
        assert_eq!(found, status, "{answer}");
    }
    stack.until_processed().await;
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, Value::Null);
}

#[tokio::test]
async fn r23_while_graph_is_down_look_ups_are_delivered_again_and_then_are_dead_letters() {
    let stack = stack().await;
    let before = token(&stack, &bearer(&stack).await).await;
    stack.local("POST entra/faults", json!({ "status": 500, "times": 1 })).await;
    stack.local("POST entra/users/alice", json!({ "accountEnabled": false })).await;
    let failed = async || stack.metric_sum(REVOKE, "EventsFailed") == 1;
    assert!(harness::wait_until_async(Duration::from_mins(1), failed).await);
    stack.advance(VISIBILITY).await;
    stack.until_processed().await;
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, "revoked");

    stack.local("POST entra/faults", json!({ "status": 500, "times": 100 })).await;
    stack.local("POST entra/users/alice", json!({ "accountEnabled": true })).await;
    for delivery in 1..=DELIVERIES {
        let failed = async || stack.metric_sum(REVOKE, "EventsFailed") == 1 + delivery;
        assert!(harness::wait_until_async(Duration::from_mins(1), failed).await, "{delivery}");
        stack.advance(VISIBILITY).await;
    }
    stack
        .until("it is a dead letter", async || stack.messages(DEAD_LETTERS).await.len() == 1)
        .await;
    assert_eq!(stack.messages(EVENTS).await.len(), 0);
}
