//! The four ways in which companies cut a user off, beside each other: each ends the live token,
//! and neither a forgery nor a repetition of it changes anything.

use std::time::Duration;

use e2e::{HttpReply, REVOKE, ServiceStack};
use serde_json::{Value, json};

use super::scim::ScimProvider;

async fn token(stack: &ServiceStack, bearer: &str) -> HttpReply {
    stack.call("POST /v1/token", bearer, Value::Null).await
}

/// Sends a forgery, and then the genuine message and its repetitions.
async fn cut_off(
    stack: &ServiceStack,
    bearer: &str,
    refusal: &str,
    forge: impl AsyncFnOnce(),
    send: impl AsyncFnOnce(),
) {
    let before = token(stack, bearer).await;
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, Value::Null);
    // A bearer from the second of a sign-out is refused like one from before it.
    stack.advance(Duration::from_secs(2)).await;

    forge().await;
    stack.until_processed().await;
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, Value::Null);
    assert_eq!(token(stack, bearer).await.status, 200);

    let applied = stack.metric_sum(REVOKE, "EventsApplied");
    let revoked = stack.request_count("revokeAccessTokens").await;
    send().await;
    stack.until_processed().await;
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, "revoked");
    let refused = token(stack, bearer).await;
    assert_eq!(refused.problem(), refusal, "{refused:?}");
    assert_eq!(stack.metric_sum(REVOKE, "EventsApplied"), applied + 1);
    assert_eq!(stack.request_count("revokeAccessTokens").await, revoked + 1);
}

#[tokio::test]
async fn r26_okta_caep_and_scim_each_end_the_session_and_their_forgeries_change_nothing() {
    let stack = ServiceStack::start().await;
    for (transmitter, forged, accepted) in [("ssf", 400, 202), ("universal-logout", 401, 204)] {
        let bearer = stack.user(transmitter).await;
        let forge = async || {
            let signal = json!({ "sub": transmitter, "valid": "bad-signature" });
            assert_eq!(stack.signal(transmitter, signal).await["status"], forged);
        };
        let send = async || {
            let signal = json!({ "sub": transmitter, "copies": 3 });
            assert_eq!(stack.signal(transmitter, signal).await["status"], accepted);
        };
        cut_off(&stack, &bearer, "sign-in-required", forge, send).await;
    }

    let provider = ScimProvider::of(&stack);
    let (status, user) =
        provider.send("POST Users", json!({ "userName": "alice", "active": true })).await;
    assert_eq!(status, 201, "{user}");
    let id = user["id"].as_str().unwrap();
    let forge = async || {
        let route = format!("DELETE Users/{id}");
        assert_eq!(
            provider.send_as("forged-token-of-enough-length", &route, Value::Null).await.0,
            401
        );
    };
    // A second deactivation is a new request, which decides anew.
    let send = async || provider.set_active(id, "False").await;
    cut_off(&stack, &stack.user("alice").await, "user-blocked", forge, send).await;
}

#[tokio::test]
async fn r26_a_user_disabled_in_entra_is_cut_off_and_forged_notifications_change_nothing() {
    let stack = ServiceStack::with(&["--parameter", "SubjectClaims=tid,oid"]).await;
    super::entra::subscribe(&stack).await;
    let bearer = super::entra::bearer(&stack).await;
    let forge = async || {
        let user = stack.local("GET entra", Value::Null).await;
        let id = &user["users"][0]["id"];
        let notification = json!({ "value": [{
            "changeType": "deleted", "clientState": "forged", "tenantId": user["tenant"],
            "resource": format!("Users/{}", id.as_str().unwrap()), "resourceData": { "id": id },
        }] });
        let json = ("content-type", "application/json");
        assert_eq!(stack.push("entra", &[json], notification.to_string()).await.0, 403);
    };
    let send = async || {
        for _ in 0..3 {
            let disabled = json!({ "accountEnabled": false });
            let changed = stack.local("POST entra/users/alice", disabled).await;
            assert_eq!(changed["notified"], json!([202]));
        }
    };
    cut_off(&stack, &bearer, "user-blocked", forge, send).await;
}
