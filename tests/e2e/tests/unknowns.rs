//! Where the behaviour of ACS is unknown, the service works with either behaviour. Each test runs
//! against both; the differences are only stated here.

use e2e::{ServiceStack, other_ways};
use serde_json::{Value, json};

fn acs_does(flag: &str) -> bool {
    other_ways().iter().any(|way| way == flag)
}

/// Alice has a record, and ACS no longer has her identity.
async fn a_lost_identity(stack: &ServiceStack) -> String {
    let alice = stack.user("alice").await;
    assert_eq!(stack.call("POST /v1/token", &alice, Value::Null).await.status, 200);
    stack.emulator("POST reset", Value::Null).await;
    alice
}

#[tokio::test]
async fn an_identity_that_acs_no_longer_has_is_reported_and_its_record_kept() {
    let stack = ServiceStack::start().await;
    let alice = a_lost_identity(&stack).await;
    let before = stack.call("GET /v1/identity", &alice, Value::Null).await;
    let token = stack.call("POST /v1/token", &alice, Value::Null).await;
    if acs_does("--issue-for-deleted") {
        assert_eq!(token.status, 200);
    } else {
        assert_eq!((token.status, token.problem()), (500, "internal"));
        let log = stack.log("issue-access-token");
        assert!(log.contains("404") && log.contains("\"level\":\"ERROR\""), "{log}");
    }
    let after = stack.call("GET /v1/identity", &alice, Value::Null).await;
    assert_eq!(after.body["user"], before.body["user"], "never dropped on ACS's word alone");
}

#[tokio::test]
async fn revoking_and_deleting_an_identity_that_acs_no_longer_has_succeeds() {
    let stack = ServiceStack::start().await;
    let alice = a_lost_identity(&stack).await;
    assert_eq!(stack.call("DELETE /v1/token", &alice, Value::Null).await.status, 200);
    let alice = stack.signed_in_anew("alice").await;
    assert_eq!(stack.call("DELETE /v1/identity", &alice, Value::Null).await.status, 204);
    let alice = stack.signed_in_anew("alice").await;
    let fresh = stack.call("POST /v1/token", &alice, Value::Null).await;
    assert_eq!(stack.invalid_reason(&fresh.body["token"]).await, Value::Null, "a fresh start");
}

#[tokio::test]
async fn no_token_of_a_deleted_identity_is_returned_even_if_acs_would_issue_one() {
    let stack = ServiceStack::start().await;
    let (alice, admin) = (stack.user("alice").await, stack.admin().await);
    let token = stack.call("POST /v1/token", &alice, Value::Null).await;
    let id = token.body["user"]["communicationUserId"].as_str().unwrap();
    assert_eq!(stack.call("DELETE /v1/identity", &alice, Value::Null).await.status, 204);
    let gone = stack.call(&format!("POST /v1/identities/{id}/token"), &admin, Value::Null).await;
    assert_eq!((gone.status, gone.problem()), (404, "not-found"));
    assert_eq!(stack.request_count("issueAccessToken").await, 0);
}

#[tokio::test]
async fn a_429_without_retry_after_still_gets_a_retry_time() {
    let stack = ServiceStack::start().await;
    let alice = stack.user("alice").await;
    stack.fault("createIdentity", json!({ "status": 429 })).await;
    let refused = stack.call("POST /v1/token", &alice, Value::Null).await;
    assert_eq!((refused.status, refused.problem()), (503, "throttled"));
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
}

#[tokio::test]
async fn a_token_of_the_same_second_as_a_sign_out_lives_unless_acs_counts_seconds() {
    let stack = ServiceStack::start().await;
    let (alice, admin) = (stack.user("alice").await, stack.admin().await);
    let old = stack.call("POST /v1/token", &alice, Value::Null).await;
    assert_eq!(stack.call("DELETE /v1/token", &alice, Value::Null).await.status, 200);
    // The user has to sign in again for a token; an administrator gets one at once.
    let id = old.body["user"]["communicationUserId"].as_str().unwrap();
    let route = format!("POST /v1/identities/{id}/token");
    let new = stack.call(&route, &admin, Value::Null).await;
    assert_eq!(stack.invalid_reason(&old.body["token"]).await, "revoked");
    // If ACS compares seconds, this is usually the second of the sign-out; the client retries.
    if !acs_does("--revoke-by-second") {
        assert_eq!(stack.invalid_reason(&new.body["token"]).await, Value::Null);
    }
    let alice = stack.signed_in_anew("alice").await;
    let next = stack.call("POST /v1/token", &alice, Value::Null).await;
    assert_eq!(stack.invalid_reason(&next.body["token"]).await, Value::Null);
}
