//! An identity provider's events take effect on the whole stack: from the bus through the queue to
//! the function, and at ACS.

use std::sync::Arc;
use std::time::Duration;

use e2e::{DEAD_LETTERS, DELIVERIES, EVENTS, HttpReply, REVOKE, ServiceStack, VISIBILITY};
use serde_json::{Value, json};

use super::call_until_refused;

async fn token(stack: &ServiceStack, name: &str) -> HttpReply {
    stack.call("POST /v1/token", &stack.user(name).await, Value::Null).await
}

async fn refused(stack: &ServiceStack, name: &str) {
    let reply = token(stack, name).await;
    assert_eq!((reply.status, reply.problem()), (403, "user-blocked"), "{name}");
    assert_eq!(reply.body["retry"], "never");
}

/// The administrator's view of a user.
async fn identity(stack: &ServiceStack, name: &str) -> Value {
    let route = format!("GET /v1/identities/{}", stack.address(name));
    stack.call(&route, &stack.admin().await, Value::Null).await.body
}

/// The number of live tokens in ACS.
async fn live_tokens(stack: &ServiceStack) -> u64 {
    let known = stack.emulator("GET identities", Value::Null).await;
    known["identities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["liveTokens"].as_u64().unwrap())
        .sum()
}

// Without the rule that the newest decision counts, the older "enabled" lets her in again
// (the core's tests of it go through every order).
#[tokio::test]
async fn r21_a_disabled_user_is_cut_off_at_once_until_a_newer_event_enables_them() {
    let stack = ServiceStack::start().await;
    let before = token(&stack, "alice").await;
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, Value::Null);

    stack.send_event("user.disabled", "alice", 0).await;
    stack.until_processed().await;
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, "revoked");
    refused(&stack, "alice").await;

    stack.send_event("user.enabled", "alice", -60).await;
    stack.until_processed().await;
    assert_eq!(stack.metric_sum(REVOKE, "EventsWithoutEffect"), 1);
    refused(&stack, "alice").await;

    stack.send_event("user.enabled", "alice", 1).await;
    stack.until_processed().await;
    // It is unknown whether a token from the same second as the revocation is valid.
    stack.advance(Duration::from_secs(1)).await;
    let after = token(&stack, "alice").await;
    assert_eq!(after.status, 200, "{after:?}");
    assert_eq!(stack.invalid_reason(&after.body["token"]).await, Value::Null);
    assert_eq!(after.body["user"], before.body["user"]);
    assert_eq!(stack.metric_sum(REVOKE, "EventsApplied"), 2);
}

// With the rule on the default bus, every sender that may put events there could block any user.
#[tokio::test]
async fn our_own_events_have_no_effect_on_the_accounts_default_bus() {
    let stack = ServiceStack::start().await;
    let before = token(&stack, "alice").await;
    let detail = stack.detail("alice", 0).await;
    stack.put_events_on("default", &[("user.disabled", detail)]).await;
    // The effects of that event are complete when this one is processed.
    stack.send_event("user.signed-out", "bob", 0).await;
    stack.until_processed().await;
    assert_eq!(stack.metric_sum(REVOKE, "EventsApplied"), 1, "only the one about bob");
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, Value::Null);
    assert_eq!(token(&stack, "alice").await.status, 200);
}

#[tokio::test]
async fn every_revocation_leaves_a_receipt_that_administrators_can_read() {
    let stack = ServiceStack::start().await;
    let id = token(&stack, "alice").await.body["user"]["communicationUserId"].clone();
    let mut detail = stack.detail("alice", 0).await;
    detail["eventId"] = "hr-4711".into();
    detail["reason"] = "left the company".into();
    stack.put_events(&[("user.disabled", detail)]).await;
    stack.until_processed().await;
    let seen = identity(&stack, "alice").await;
    let [receipt] = seen["receipts"].as_array().unwrap().as_slice() else { panic!("{seen}") };
    assert_eq!((&receipt["identity"], &receipt["blocked"]), (&id, &json!(true)));
    assert_eq!(
        (&receipt["eventId"], &receipt["reason"]),
        (&json!("hr-4711"), &json!("left the company"))
    );
    assert!(receipt["acceptedAt"].as_str() <= receipt["revokedAt"].as_str(), "{receipt}");
    assert!(receipt["revokedAt"].as_str() < receipt["effectiveBy"].as_str(), "{receipt}");
}

// Without the last write of a token call, which refuses a token of an epoch that is over,
// those whose answers are held back here are given their tokens; and in some orders, which
// the interleavings find, such a token lives.
#[tokio::test(flavor = "multi_thread")]
async fn r12_none_of_twenty_five_callers_that_race_a_block_keeps_a_valid_token() {
    // The callers are one user in a loop: with the default pace there would be no race.
    let stack = Arc::new(ServiceStack::with(&["--parameter", "PacePerMinute=0"]).await);
    let first = token(&stack, "alice").await;
    // The function's first start is not part of the race.
    stack.send_event("user.signed-out", "unknown-user", 0).await;
    stack.until_processed().await;
    let bearer = stack.user("alice").await;
    let callers: Vec<_> = (0..25)
        .map(|_| tokio::spawn(call_until_refused(stack.clone(), bearer.clone(), "user-blocked")))
        .collect();
    stack
        .until("they are at it", async || stack.request_count("issueAccessToken").await > 10)
        .await;
    stack.fault("issueAccessToken", json!({ "hold": true })).await;
    let held = async || stack.emulator("GET faults", Value::Null).await["held"].as_u64();
    stack.until("ten tokens are on their way", async || held().await >= Some(10)).await;
    // From now on ACS does not answer. The number of held responses is read first, because more may
    // come.
    let held_back = held().await.unwrap();
    let answered = stack.request_count("issueAccessToken").await - held_back;
    stack.send_event("user.disabled", "alice", 0).await;
    stack.until_processed().await;
    stack.remove_faults().await;
    stack.emulator("POST faults/release", Value::Null).await;

    let mut tokens = vec![first.body["token"].clone()];
    for caller in callers {
        tokens.extend(caller.await.unwrap());
    }
    assert!(tokens.len() > 5, "it was no race: {}", tokens.len());
    let given = tokens.len() as u64 - 1;
    assert!(given <= answered, "{given} tokens left, of {answered} before the block");
    for token in &tokens {
        assert_eq!(stack.invalid_reason(token).await, "revoked");
    }
    assert_eq!(live_tokens(&stack).await, 0, "not even one that no caller received");
    refused(&stack, "alice").await;
}

// With an activation that does not look whether the reservation still stands, the call
// answers a token.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_arrives_while_the_identity_is_created_leaves_nothing_behind() {
    let stack = Arc::new(ServiceStack::start().await);
    // The function waits for ACS for a limited time, and its first start takes part of it.
    stack.send_event("user.signed-out", "unknown-user", 0).await;
    stack.until_processed().await;
    stack.fault("createIdentity", json!({ "hold": true })).await;
    let created = tokio::spawn({
        let stack = Arc::clone(&stack);
        async move { token(&stack, "alice").await }
    });
    stack.until_held(1).await;
    stack.send_event("user.disabled", "alice", 0).await;
    stack.until_processed().await;
    stack.remove_faults().await;
    stack.emulator("POST faults/release", Value::Null).await;
    let reply = created.await.unwrap();
    assert_eq!((reply.status, reply.problem()), (403, "user-blocked"), "no token");
    let known = stack.emulator("GET identities", Value::Null).await;
    assert_eq!(known["identities"], json!([]));
    refused(&stack, "alice").await;
    assert_eq!(stack.request_count("createIdentityWithToken").await, 1);
}

// If "recorded" were taken for "revoked", the redelivery would find nothing to do, and
// ACS be asked once.
#[tokio::test]
async fn r25_the_next_delivery_finishes_what_a_killed_one_recorded_and_did_not_confirm() {
    let stack = ServiceStack::start().await;
    let before = token(&stack, "alice").await;
    stack.fault("revokeAccessTokens", json!({ "hold": true })).await;
    stack.send_event("user.disabled", "alice", 0).await;
    stack.until_held(1).await;
    stack.kill(REVOKE).await;
    stack.remove_faults().await;
    stack.emulator("POST faults/release", Value::Null).await;
    let half = identity(&stack, "alice").await;
    assert_eq!((&half["state"], &half["revocationPending"]), (&json!("blocked"), &json!(true)));
    assert_eq!(half["receipts"][0]["revokedAt"], Value::Null, "not revoked before ACS says so");
    refused(&stack, "alice").await;
    assert_eq!(stack.messages(EVENTS).await.len(), 1, "it is not lost");

    stack.advance(VISIBILITY).await;
    stack.until_processed().await;
    let whole = identity(&stack, "alice").await;
    assert_eq!((&whole["state"], &whole["revocationPending"]), (&json!("blocked"), &json!(false)));
    assert!(whole["receipts"][0]["revokedAt"].is_string(), "{whole}");
    assert_eq!(whole["receipts"].as_array().unwrap().len(), 1, "it is the same revocation");
    assert_eq!(stack.request_count("revokeAccessTokens").await, 2);
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, "revoked");
    refused(&stack, "alice").await;
}

// Taken off the queue at its first failure, it would be nowhere; never given up, it would
// be delivered a sixth time.
#[tokio::test]
async fn r23_a_poison_message_is_unchanged_in_the_dead_letter_queue_after_five_deliveries() {
    let stack = ServiceStack::start().await;
    let poison = json!({ "occurredAt": "no time at all", "externalId": "é \u{1F600} \" \\ </x>" });
    stack.put_events(&[("user.disabled", poison)]).await;
    let body = stack.messages(EVENTS).await[0]["body"].clone();
    for deliveries in 1..=DELIVERIES {
        stack
            .until("it was received and refused", async || {
                stack.metric_sum(REVOKE, "EventsMalformed") == deliveries
            })
            .await;
        assert_eq!(stack.messages(DEAD_LETTERS).await.len(), 0, "{deliveries}");
        stack.advance(VISIBILITY).await;
    }
    stack
        .until("it is a dead letter", async || stack.messages(DEAD_LETTERS).await.len() == 1)
        .await;
    let dead = stack.messages(DEAD_LETTERS).await.remove(0);
    assert_eq!((&dead["body"], &dead["receiveCount"]), (&body, &json!(5)));
    assert_eq!(stack.messages(EVENTS).await.len(), 0);
    assert_eq!(stack.metric_sum(REVOKE, "EventsMalformed"), 5, "and never again");
    assert_eq!(stack.metric_sum(REVOKE, "EventsDeadLettered"), 1, "the alarm counts it");
}

// If the function failed as a whole, all ten would come again.
#[tokio::test]
async fn r22_one_invalid_message_does_not_delay_nine_valid_ones() {
    let stack = ServiceStack::start().await;
    let before = token(&stack, "alice").await;
    stack.fault("revokeAccessTokens", json!({ "status": 500 })).await;
    let names = ["bob", "carol", "dave", "erin", "frank", "grace", "heidi"];
    let mut events = vec![
        ("user.disabled", json!({ "occurredAt": "no time at all" })),
        ("user.promoted", stack.detail("alice", 0).await),
        ("user.disabled", stack.detail("alice", 0).await),
    ];
    for name in names {
        events.push(("user.disabled", stack.detail(name, 0).await));
    }
    stack.put_events(&events).await;
    stack.until("two are left", async || stack.messages(EVENTS).await.len() == 2).await;
    for name in names {
        refused(&stack, name).await;
    }
    assert_eq!(stack.metric_sum(REVOKE, "EventsApplied"), 7);
    assert_eq!(stack.metric_sum(REVOKE, "EventsIgnored"), 1, "acknowledged, and counted");
    assert_eq!(
        stack.invalid_reason(&before.body["token"]).await,
        Value::Null,
        "ACS has not confirmed it"
    );

    stack.remove_faults().await;
    stack.advance(VISIBILITY).await;
    stack.until("one is left", async || stack.messages(EVENTS).await.len() == 1).await;
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, "revoked");
    assert!(stack.messages(EVENTS).await[0]["body"].as_str().unwrap().contains("no time at all"));
}

// Were the mode not looked at, her token would be dead.
#[tokio::test]
async fn shadow_mode_logs_what_would_happen_and_changes_nothing() {
    let stack = ServiceStack::with(&["--parameter", "EventModeGuestpass=shadow"]).await;
    let before = token(&stack, "alice").await;
    let seen = identity(&stack, "alice").await;
    for kind in ["user.disabled", "user.deleted", "user.signed-out"] {
        stack.send_event(kind, "alice", 1).await;
    }
    stack.until_processed().await;
    assert_eq!(stack.metric_sum(REVOKE, "EventsShadowed"), 3);
    assert_eq!(stack.metric_sum(REVOKE, "EventsApplied"), 0);
    assert_eq!(identity(&stack, "alice").await, seen);
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, Value::Null);
    assert_eq!(token(&stack, "alice").await.status, 200);
}

/// An event as its provider sends it, without the time.
struct Sent {
    body: &'static str,
    /// The path of the time in the event.
    time: &'static str,
    /// The user's `sub`.
    sub: &'static str,
    bus: &'static str,
}

#[tokio::test]
async fn events_of_auth0_and_okta_are_applied_in_their_original_format() {
    for sent in [
        Sent {
            body: include_str!(
                "../../../../shared/identity-events/fixtures/auth0/user-blocked.json"
            ),
            time: "/detail/data/date",
            sub: "auth0|6553da60a54af58e29493993",
            bus: "aws.partner/auth0.com/tenant/auth0.logs",
        },
        Sent {
            body: include_str!("../../../../shared/identity-events/fixtures/okta/suspended.json"),
            time: "/detail/published",
            sub: "alice@example.com",
            bus: "aws.partner/okta.com/example/guestpass",
        },
    ] {
        let bus = format!("PartnerEventBus={}", sent.bus);
        let stack = ServiceStack::with(&["--parameter", &bus]).await;
        let before = token(&stack, sent.sub).await;
        assert_eq!(before.status, 200);
        let mut event: Value = serde_json::from_str(sent.body).unwrap();
        *event.pointer_mut(sent.time).unwrap() = stack.seconds_from_now(0).await.into();
        let told = json!({ "bus": sent.bus, "events": [event] });
        let told = stack.local("POST events", told).await;
        assert_eq!(told["events"][0]["rules"].as_array().unwrap().len(), 1, "{told}");
        stack.until_processed().await;
        assert_eq!(stack.invalid_reason(&before.body["token"]).await, "revoked", "{}", sent.sub);
        refused(&stack, sent.sub).await;
    }
}

/// `CloudTrail` names the pool only in an administrator's call. Users of a pool can have tokens of
/// Cognito's issuers only: here the second of two.
#[tokio::test]
async fn a_cognito_user_who_signs_out_everywhere_loses_the_tokens_of_their_issuer() {
    let issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example1";
    let issuers = format!(r#"Issuers=[{{"issuer": "{issuer}", "audiences": ["app"]}}]"#);
    let stack =
        ServiceStack::with(&["--parameter", "Authorizer=lambda", "--parameter", &issuers]).await;
    let sub = "4a1f2c3e-9b64-4d0e-8f57-2d1c6a7b8c90";
    let user = json!({ "externalId": format!("{issuer}|{sub}"), "token": { "scopes": ["voip"] } });
    let created = stack.call("POST /v1/identities", &stack.admin().await, user).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let body =
        include_str!("../../../../shared/identity-events/fixtures/cognito/global-sign-out.json");
    let mut event: Value = serde_json::from_str(body).unwrap();
    event["detail"]["eventTime"] = stack.seconds_from_now(0).await.into();
    stack.local("POST events", json!({ "events": [event] })).await;
    stack.until_processed().await;
    let token = &created.body["accessToken"]["token"];
    assert_eq!(stack.invalid_reason(token).await, "revoked");
}
