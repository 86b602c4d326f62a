//! Signals of identity providers over HTTP: from the transmitter through the gateway, the function
//! and the queue to ACS.

use std::time::Duration;

use e2e::{EVENTS, HttpReply, REVOKE, ServiceStack};
use serde_json::{Value, json};

const RECEIVE: &str = "receive-security-event";

async fn token(stack: &ServiceStack, bearer: &str) -> HttpReply {
    stack.call("POST /v1/token", bearer, Value::Null).await
}

#[tokio::test]
async fn r26_a_session_that_is_revoked_elsewhere_ends_here() {
    let stack = ServiceStack::start().await;
    let alice = stack.user("alice").await;
    let before = token(&stack, &alice).await;
    assert_eq!(before.status, 200);
    stack.advance(Duration::from_secs(2)).await;

    let sent = stack.signal("ssf", json!({ "sub": "alice" })).await;
    assert_eq!(sent["status"], 202, "{sent}");
    stack.until_processed().await;
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, "revoked");
    assert_eq!(token(&stack, &alice).await.problem(), "sign-in-required");

    let route = format!("GET /v1/identities/{}", stack.address("alice"));
    let record = stack.call(&route, &stack.admin().await, Value::Null).await;
    assert_eq!(record.body["receipts"][0]["source"], "ssf", "{record:?}");
    let again = stack.signed_in_anew("alice").await;
    assert_eq!(token(&stack, &again).await.status, 200);
    assert_eq!(stack.metric_sum(RECEIVE, "SignalsAccepted"), 1);
}

#[tokio::test]
async fn r26_a_signal_that_comes_again_changes_nothing() {
    let stack = ServiceStack::start().await;
    let before = token(&stack, &stack.user("alice").await).await;
    stack.advance(Duration::from_secs(2)).await;
    let signal = json!({ "sub": "alice", "jti": "set-1", "copies": 5 });
    assert_eq!(stack.signal("ssf", signal).await["status"], 202);
    stack.until_processed().await;
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, "revoked");
    assert_eq!(stack.metric_sum(RECEIVE, "SignalsAccepted"), 5);
    assert_eq!(stack.metric_sum(REVOKE, "EventsApplied"), 1);
    assert_eq!(stack.request_count("revokeAccessTokens").await, 1);
}

#[tokio::test]
async fn r26_a_forged_signal_changes_nothing() {
    let stack = ServiceStack::start().await;
    let alice = stack.user("alice").await;
    let before = token(&stack, &alice).await;
    stack.advance(Duration::from_secs(2)).await;
    for (valid, status, err) in [
        ("bad-signature", 400, "authentication_failed"),
        ("unsigned", 400, "authentication_failed"),
        ("wrong-issuer", 400, "invalid_issuer"),
        ("wrong-audience", 400, "invalid_audience"),
        ("wrong-type", 400, "invalid_request"),
        ("expired", 400, "invalid_request"),
        ("no-subject", 400, "invalid_request"),
        ("wrong-credentials", 401, "authentication_failed"),
    ] {
        let sent = stack.signal("ssf", json!({ "sub": "alice", "valid": valid })).await;
        assert_eq!(sent["status"], status, "{valid}: {sent}");
        assert!(sent["body"].to_string().contains(err), "{valid}: {sent}");
    }
    assert_eq!(stack.messages(EVENTS).await, [] as [Value; 0]);
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, Value::Null);
    assert_eq!(token(&stack, &alice).await.status, 200);
    assert_eq!(stack.metric_sum(RECEIVE, "SignalsRefused"), 8);
}

#[tokio::test]
async fn r26_a_request_that_no_transmitter_makes_is_refused() {
    let stack = ServiceStack::start().await;
    let set = ("content-type", "application/secevent+jwt");
    let wrong = ("authorization", "Bearer wrong");
    for (transmitter, headers, body, status) in [
        ("unknown", vec![set], "x".to_owned(), 404),
        ("SSF", vec![set], "x".to_owned(), 404),
        ("ssf", vec![set], "x".to_owned(), 401),
        ("ssf", vec![set, wrong], "x".repeat(64 * 1024 + 1), 401),
        ("ssf-poll", vec![set], "x".repeat(64 * 1024 + 1), 413),
        ("ssf-poll", vec![("content-type", "application/json")], "x".to_owned(), 400),
        ("ssf-poll", vec![set], "x.y.z".to_owned(), 400),
    ] {
        let (found, body) = stack.push(transmitter, &headers, body).await;
        assert_eq!(found, status, "{transmitter} {headers:?} {body}");
    }
    assert_eq!(stack.messages(EVENTS).await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_disabled_user_is_blocked_until_the_same_kind_enables_them() {
    let stack = ServiceStack::start().await;
    let first = token(&stack, &stack.user("alice").await).await;
    assert_eq!(first.status, 200);
    let risc = "https://schemas.openid.net/secevent/risc/event-type";
    let send = async |event: &str| {
        stack.advance(Duration::from_secs(2)).await;
        let event = format!("{risc}/{event}");
        let sent = stack.signal("ssf", json!({ "sub": "alice", "event": event })).await;
        assert_eq!(sent["status"], 202, "{sent}");
        stack.until_processed().await;
    };
    send("account-disabled").await;
    let anew = stack.signed_in_anew("alice").await;
    assert_eq!(token(&stack, &anew).await.problem(), "user-blocked");
    // Another source cannot lift the block.
    stack.send_event("user.enabled", "alice", 1).await;
    stack.until_processed().await;
    assert_eq!(token(&stack, &anew).await.problem(), "user-blocked");
    send("account-enabled").await;
    let anew = stack.signed_in_anew("alice").await;
    assert_eq!(token(&stack, &anew).await.status, 200);
}
