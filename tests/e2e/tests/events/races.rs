//! Callers who request tokens while a signal about their user arrives.

use std::sync::Arc;
use std::time::Duration;

use e2e::{REVOKE, ServiceStack};
use serde_json::{Value, json};

use super::call_until_refused;

/// A simulated transmitter of each kind that signs its messages.
const TRANSMITTERS: [&str; 4] = ["ssf", "logout", "universal-logout", "google"];

#[tokio::test(flavor = "multi_thread")]
async fn r12_r26_none_of_twenty_five_callers_that_race_a_signal_keeps_a_valid_token() {
    for transmitter in TRANSMITTERS {
        // The callers are one user in a loop: with the default pace there would be no race.
        let stack = Arc::new(ServiceStack::with(&["--parameter", "PacePerMinute=0"]).await);
        let bearer = stack.user("alice").await;
        let first = stack.call("POST /v1/token", &bearer, Value::Null).await;
        // Bearers from the second of a sign-out are refused, and so is one from before it.
        stack.advance(Duration::from_secs(2)).await;
        let callers: Vec<_> = (0..25)
            .map(|_| {
                tokio::spawn(call_until_refused(stack.clone(), bearer.clone(), "sign-in-required"))
            })
            .collect();
        let requests = async || stack.request_count("issueAccessToken").await > 10;
        stack.until("the callers are at work", requests).await;
        let sent = stack.signal(transmitter, json!({ "sub": "alice" })).await;
        assert!((200..300).contains(&sent["status"].as_u64().unwrap()), "{transmitter}: {sent}");
        stack.until_processed().await;
        let mut tokens = vec![first.body["token"].clone()];
        for caller in callers {
            tokens.extend(caller.await.unwrap());
        }
        for token in &tokens {
            assert_eq!(stack.invalid_reason(token).await, "revoked", "{transmitter}");
        }
        let again = stack.call("POST /v1/token", &bearer, Value::Null).await;
        assert_eq!(again.problem(), "sign-in-required", "{transmitter}");
        assert_eq!(stack.metric_sum(REVOKE, "EventsApplied"), 1, "{transmitter}");
    }
}

#[tokio::test]
async fn r26_a_signal_that_is_fetched_ends_a_session() {
    let stack = ServiceStack::start().await;
    let bearer = stack.user("alice").await;
    let before = stack.call("POST /v1/token", &bearer, Value::Null).await;
    stack.advance(Duration::from_secs(2)).await;
    stack.signal("ssf-poll", json!({ "sub": "alice" })).await;
    let run = json!({ "time": stack.seconds_from_now(0).await });
    stack.invoke("poll-security-events", &run).await;
    stack.until_processed().await;
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, "revoked");
    let again = stack.call("POST /v1/token", &bearer, Value::Null).await;
    assert_eq!(again.problem(), "sign-in-required");
    // The message was acknowledged, so a second run fetches nothing.
    stack.invoke("poll-security-events", &run).await;
    stack.until_processed().await;
    assert_eq!(stack.metric_sum(REVOKE, "EventsApplied"), 1);
}
