//! Callers who request tokens while a signal about their user arrives.

use std::sync::Arc;
use std::time::Duration;

use e2e::{REVOKE, ServiceStack};
use serde_json::{Value, json};

use super::call_until_refused;
use super::scim::ScimProvider;

/// A stack where one user may request tokens in a loop: the default pace prevents a race.
async fn stack(options: &[&str]) -> Arc<ServiceStack> {
    let options = [&["--parameter", "PacePerMinute=0"], options].concat();
    Arc::new(ServiceStack::with(&options).await)
}

/// Lets 25 callers race what `send` sends about their user. Afterwards no token of the user is
/// valid, and the bearer gets `refusal`.
async fn race(
    stack: &Arc<ServiceStack>,
    bearer: &str,
    refusal: &'static str,
    send: impl AsyncFnOnce(),
) {
    let first = stack.call("POST /v1/token", bearer, Value::Null).await;
    assert_eq!(first.status, 200, "{first:?}");
    // Bearers from the second of a sign-out are refused, and so is one from before it.
    stack.advance(Duration::from_secs(2)).await;
    let callers: Vec<_> = (0..25)
        .map(|_| tokio::spawn(call_until_refused(stack.clone(), bearer.to_owned(), refusal)))
        .collect();
    let requests = async || stack.request_count("issueAccessToken").await > 10;
    stack.until("the callers are at work", requests).await;
    send().await;
    stack.until_processed().await;
    let mut tokens = vec![first.body["token"].clone()];
    for caller in callers {
        tokens.extend(caller.await.unwrap());
    }
    for token in &tokens {
        assert_eq!(stack.invalid_reason(token).await, "revoked");
    }
    let again = stack.call("POST /v1/token", bearer, Value::Null).await;
    assert_eq!(again.problem(), refusal);
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_r26_none_of_twenty_five_callers_that_race_a_signal_keeps_a_valid_token() {
    for transmitter in ["ssf", "logout", "universal-logout", "google", "apple"] {
        let stack = stack(&[]).await;
        race(&stack, &stack.user("alice").await, "sign-in-required", async || {
            let sent = stack.signal(transmitter, json!({ "sub": "alice" })).await;
            let status = sent["status"].as_u64().unwrap();
            assert!((200..300).contains(&status), "{transmitter}: {sent}");
        })
        .await;
        assert_eq!(stack.metric_sum(REVOKE, "EventsApplied"), 1, "{transmitter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_none_of_twenty_five_callers_that_race_a_change_in_entra_keeps_a_valid_token() {
    let stack = stack(&["--parameter", "SubjectClaims=tid,oid"]).await;
    super::entra::subscribe(&stack).await;
    let bearer = super::entra::bearer(&stack).await;
    race(&stack, &bearer, "user-blocked", async || {
        let disabled = json!({ "accountEnabled": false });
        let changed = stack.local("POST entra/users/alice", disabled).await;
        assert_eq!(changed["notified"], json!([202]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_none_of_twenty_five_callers_that_race_a_deprovisioning_keeps_a_valid_token() {
    let stack = stack(&[]).await;
    let provider = ScimProvider::of(&stack);
    let alice = json!({ "userName": "alice", "externalId": "o-1", "active": true });
    let (status, user) = provider.send("POST Users", alice).await;
    assert_eq!(status, 201, "{user}");
    race(&stack, &stack.user("alice").await, "user-blocked", async || {
        provider.set_active(user["id"].as_str().unwrap(), "False").await;
    })
    .await;
}

/// The text of a sample event of a provider, and where its time is.
macro_rules! sample {
    ($path:literal, $time:literal) => {
        (include_str!(concat!("../../../../shared/identity-events/", $path)), $time)
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_none_of_twenty_five_callers_that_race_a_providers_event_keeps_a_valid_token() {
    let log = sample!("fixtures/auth0/user-blocked.json", "/detail/data/date");
    let stream = sample!("samples/auth0-events/user-updated-blocked.json", "/detail/time");
    let okta = sample!("fixtures/okta/sessions-cleared.json", "/detail/published");
    for ((text, time), user, refusal) in [
        (log, "auth0|6553da60a54af58e29493993", "user-blocked"),
        (stream, "auth0|64f0c0ffee0000000000a11c", "user-blocked"),
        (okta, "alice@example.com", "sign-in-required"),
    ] {
        let mut event: Value = serde_json::from_str(text).unwrap();
        let bus = event["source"].as_str().unwrap().to_owned();
        let stack = stack(&["--parameter", &format!("PartnerEventBus={bus}")]).await;
        race(&stack, &stack.user(user).await, refusal, async || {
            *event.pointer_mut(time).unwrap() = stack.seconds_from_now(0).await.into();
            let sent = stack.local("POST events", json!({ "bus": bus, "events": [event] })).await;
            assert_eq!(sent["events"][0]["rules"].as_array().unwrap().len(), 1, "{sent}");
        })
        .await;
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
