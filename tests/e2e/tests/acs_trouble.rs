//! When ACS fails, the caller gets an error in time, and nothing stays half done.

use std::time::{Duration, Instant};

use e2e::{HttpReply, ServiceStack};
use serde_json::{Value, json};

/// R40: the caller gets an answer within this time. A function answers within 7.5 s; a process may
/// have to start first.
const PATIENCE: Duration = Duration::from_secs(20);

async fn first_call(stack: &ServiceStack, name: &str) -> HttpReply {
    let bearer = stack.user(name).await;
    let began = Instant::now();
    let reply = stack.call("POST /v1/token", &bearer, Value::Null).await;
    assert!(began.elapsed() < PATIENCE, "{name} waited for {:?}", began.elapsed());
    reply
}

#[tokio::test]
async fn r40_a_first_call_that_fails_leaves_nothing_and_the_next_one_succeeds() {
    let stack = ServiceStack::start().await;
    for (name, action) in [
        ("500", json!({ "status": 500 })),
        ("503", json!({ "status": 503, "retryAfter": "1" })),
        ("redirect", json!({ "status": 301 })),
        ("html", json!({ "html": true })),
        ("reset", json!({ "resetBefore": true })),
    ] {
        stack.emulator("POST reset", Value::Null).await;
        stack.fault("createIdentity", action).await;
        let refused = first_call(&stack, name).await;
        assert_eq!((refused.status, refused.problem()), (503, "unavailable"), "{name}");
        assert_eq!(refused.body["retry"], "later");
        assert_eq!(
            stack.request_count("createIdentityWithToken").await,
            1,
            "R06: {name} is not repeated"
        );
        let bearer = stack.user(name).await;
        assert_eq!(stack.call("GET /v1/identity", &bearer, Value::Null).await.status, 404);
        stack.remove_faults().await;
        assert_eq!(first_call(&stack, name).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn r05_a_create_with_an_unknown_outcome_leaves_one_orphan_and_no_token() {
    let stack = ServiceStack::start().await;
    for (name, action) in
        [("reset", json!({ "resetAfter": true })), ("half", json!({ "halfBody": true }))]
    {
        stack.emulator("POST reset", Value::Null).await;
        stack.fault("createIdentity", action).await;
        assert_eq!(first_call(&stack, name).await.status, 503, "{name}");
        stack.remove_faults().await;
        let token = first_call(&stack, name).await;
        assert_eq!(token.status, 200, "{name}");
        let known = stack.emulator("GET identities", Value::Null).await;
        assert_eq!(known["identities"].as_array().unwrap().len(), 2, "one of them is lost");
        let counted =
            stack.log("issue-access-token").matches("\"metric.identities_abandoned\":1").count();
        assert!(counted > 0, "and it is counted");
    }
}

#[tokio::test]
async fn r42_a_throttled_call_fails_at_once_and_r80_the_operation_pauses() {
    let stack = ServiceStack::start().await;
    assert_eq!(first_call(&stack, "alice").await.status, 200);
    stack.fault("issueAccessToken", json!({ "status": 429, "retryAfter": "200" })).await;
    let refused = first_call(&stack, "alice").await;
    assert_eq!((refused.status, refused.problem()), (503, "throttled"));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    // The hold is up to a fifth longer than ACS asks for, and the caller waits up to a minute more.
    assert!((200..=301).contains(&wait), "{wait}");
    assert_eq!(stack.request_count("issueAccessToken").await, 1, "one attempt and no more");

    stack.remove_faults().await;
    let held = first_call(&stack, "alice").await;
    assert_eq!((held.status, held.problem()), (503, "throttled"));
    assert_eq!(stack.request_count("issueAccessToken").await, 1, "ACS is not asked");
    assert_eq!(stack.metric_sum("issue-access-token", "AcsHeld"), 1);
    // Creating has its own limit, and a revocation is never held back.
    assert_eq!(first_call(&stack, "bob").await.status, 200);
    let alice = stack.user("alice").await;
    assert_eq!(stack.call("DELETE /v1/token", &alice, Value::Null).await.status, 200);

    stack.advance(Duration::from_secs(wait + 1)).await;
    assert_eq!(first_call(&stack, "alice").await.status, 200, "the hold has ended");
}

#[tokio::test]
async fn r40_a_call_to_a_slow_acs_times_out() {
    let stack = ServiceStack::start().await;
    assert_eq!(first_call(&stack, "bob").await.status, 200);
    stack.fault("*", json!({ "hold": true })).await;
    // A creation is tried once, a token for an existing identity three times.
    for name in ["alice", "bob"] {
        let refused = first_call(&stack, name).await;
        assert_eq!((refused.status, refused.problem()), (503, "unavailable"), "{name}");
    }
    stack.remove_faults().await;
    stack.emulator("POST faults/release", Value::Null).await;
    for name in ["alice", "bob"] {
        assert_eq!(first_call(&stack, name).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn r43_an_invalid_key_is_a_500_and_the_log_names_the_cause() {
    let stack = ServiceStack::start().await;
    assert_eq!(first_call(&stack, "alice").await.status, 200);
    stack.regenerate_key().await;
    let refused = first_call(&stack, "alice").await;
    assert_eq!((refused.status, refused.problem()), (500, "internal"));
    assert_eq!(refused.body["retry"], "never");
    let log = stack.log("issue-access-token");
    let cause = log.lines().find(|line| line.contains("\"level\":\"ERROR\"")).unwrap();
    assert!(cause.contains("access key") && cause.contains("401"), "{cause}");
    let id = refused.header("x-request-id");
    assert!(!id.is_empty() && cause.contains(id), "the cause is found by the request id: {cause}");
}

// The functions read the secret when their process starts, so processes that start after the change
// use the other resource.
#[tokio::test]
async fn an_identity_of_another_resource_is_reported_and_never_counts_as_revoked_or_deleted() {
    let (stack, other) = tokio::join!(ServiceStack::start(), ServiceStack::start());
    let admin = stack.admin().await;
    let created = stack.call("POST /v1/identities", &admin, json!({})).await;
    let id = created.body["user"]["communicationUserId"].as_str().unwrap().to_owned();
    stack.put_secret(&other.regenerate_key().await).await;

    let admin = stack.admin().await;
    for route in [
        format!("POST /v1/identities/{id}/token"),
        format!("POST /v1/identities/{id}/revoke"),
        format!("DELETE /v1/identities/{id}"),
    ] {
        let refused = stack.call(&route, &admin, json!({})).await;
        let told = (refused.status, refused.problem());
        assert_eq!(told, (500, "foreign-resource"), "{route}");
        assert_eq!(refused.body["retry"], "never", "{route}");
    }
    for function in ["issue-access-token", "revoke-access-tokens", "delete-identity"] {
        assert_eq!(stack.metric_sum(function, "IdentitiesForeign"), 1, "{function}");
        let log = stack.log(function);
        let named = |line: &str| line.contains("another ACS resource") && line.contains(&id);
        assert!(log.lines().any(named), "{function}: {log}");
    }

    // Less than an hour in total, otherwise the schedule would start its own runs in between.
    for _ in 0..7 {
        let by = Duration::from_secs(16);
        tokio::join!(stack.advance(by), other.advance(by));
        stack.cleanup(100, "apply").await;
    }
    assert_eq!(stack.metric_sum("delete-stale-identities", "IdentitiesForeign"), 6);
    let listed = stack.call("GET /v1/identities?state=stuck", &admin, Value::Null).await;
    assert_eq!(listed.body["identities"][0]["user"]["communicationUserId"], id.as_str());
    let known = stack.emulator("GET identities", Value::Null).await;
    assert_eq!(known["identities"][0]["id"], id.as_str(), "and it lives on there");
}

#[tokio::test]
async fn r13_a_revocation_that_acs_does_not_confirm_is_503_and_no_token_is_returned() {
    let stack = ServiceStack::start().await;
    let alice = stack.user("alice").await;
    let token = stack.call("POST /v1/token", &alice, Value::Null).await;
    stack.fault("revokeAccessTokens", json!({ "status": 500 })).await;
    let unsure = stack.call("DELETE /v1/token", &alice, Value::Null).await;
    assert_eq!((unsure.status, unsure.problem()), (503, "unavailable"));
    let identity = stack.call("GET /v1/identity", &alice, Value::Null).await;
    assert_eq!(identity.body["revocationPending"], true);
    let busy = stack.call("POST /v1/token", &alice, Value::Null).await;
    assert_eq!((busy.status, busy.problem()), (409, "busy"));
    stack.remove_faults().await;
    let sure = stack.call("DELETE /v1/token", &alice, Value::Null).await;
    assert_eq!(sure.status, 200);
    assert_eq!(stack.invalid_reason(&token.body["token"]).await, "revoked");
    let alice = stack.signed_in_anew("alice").await;
    assert_eq!(stack.call("POST /v1/token", &alice, Value::Null).await.status, 200);
}

#[tokio::test]
async fn a_deletion_that_acs_does_not_confirm_can_be_repeated() {
    let stack = ServiceStack::start().await;
    let alice = stack.user("alice").await;
    stack.call("POST /v1/token", &alice, Value::Null).await;
    stack.fault("deleteIdentity", json!({ "status": 500 })).await;
    assert_eq!(stack.call("DELETE /v1/identity", &alice, Value::Null).await.status, 503);
    assert_eq!(stack.call("POST /v1/token", &alice, Value::Null).await.problem(), "busy");
    stack.remove_faults().await;
    assert_eq!(stack.call("DELETE /v1/identity", &alice, Value::Null).await.status, 204);
    let known = stack.emulator("GET identities", Value::Null).await;
    assert_eq!(known["identities"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn r05_a_function_that_is_killed_before_it_stored_the_identity_blocks_no_other_request() {
    let stack = std::sync::Arc::new(ServiceStack::start().await);
    stack.fault("createIdentity", json!({ "hold": true })).await;
    let killed = tokio::spawn({
        let stack = stack.clone();
        async move { first_call(&stack, "alice").await }
    });
    stack.until_held(1).await;
    for pid in stack.processes("issue-access-token").await {
        let kill = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
        assert!(kill.is_ok_and(|status| status.success()));
    }
    assert_eq!(killed.await.map(|reply| reply.status).ok(), Some(500));
    stack.remove_faults().await;
    stack.emulator("POST faults/release", Value::Null).await;
    let busy = first_call(&stack, "alice").await;
    assert_eq!((busy.status, busy.problem()), (409, "busy"), "the lease still runs");
    let wait: u64 = busy.header("retry-after").parse().unwrap_or(u64::MAX);
    assert!((1..=15).contains(&wait), "{wait}");
    assert_eq!(first_call(&stack, "bob").await.status, 200);

    assert_eq!(stack.metric_sum("issue-access-token", "IdentitiesAbandoned"), 0);
    stack.advance(Duration::from_secs(16)).await;
    assert_eq!(first_call(&stack, "alice").await.status, 200, "the lease is over");
    assert_eq!(stack.metric_sum("issue-access-token", "IdentitiesAbandoned"), 1);
    let known = stack.emulator("GET identities", Value::Null).await;
    assert_eq!(known["identities"].as_array().map(Vec::len), Some(3), "one of them is lost");
}
