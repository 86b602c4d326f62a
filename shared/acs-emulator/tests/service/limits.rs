//! Tests of the documented limits: one test per row, and the content of a 429.

use acs_emulator::{Emulator, EmulatorOptions};
use serde_json::json;

use crate::support::{Draft, EmulatorFixture, V2023, refusal};

/// Sends one signed request until a place is missing, and returns that last response.
async fn exceed(
    fixture: &EmulatorFixture,
    draft: Draft,
    limit: usize,
) -> crate::support::ServiceReply {
    for call in 1..=limit {
        let reply = fixture.send(draft.clone()).await;
        assert_ne!(reply.status, 429, "call {call}");
    }
    fixture.send(draft).await
}

fn create(fixture: &EmulatorFixture) -> Draft {
    fixture.draft("POST", &format!("/identities{V2023}"), "")
}

async fn assert_limit(method: &str, target: &str, body: &str, limit: usize) {
    let fixture = EmulatorFixture::new().await;
    let target = target.replace("{id}", &fixture.create().await);
    // The identity already took a place if the row is about creating.
    let free = if method == "POST" && target.starts_with("/identities?") && body.is_empty() {
        limit - 1
    } else {
        limit
    };
    let reply = exceed(&fixture, fixture.draft(method, &target, body), free).await;
    let message = "The resource has reached its limit of requests for this operation.";
    let expected = (429, "TooManyRequests".to_owned(), message.to_owned(), None);
    assert_eq!(refusal(&reply), expected);
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(reply.header("api-supported-versions"), None);
    assert_eq!(reply.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn create_identity_1000_per_30_seconds() {
    assert_limit("POST", &format!("/identities{V2023}"), "", 1000).await;
}

// The rows with tokens are counted by requests that are refused for their content: a call takes its
// place before its body is checked, and on a slow machine a thousand signatures would take longer
// than the window.

#[tokio::test]
async fn issue_token_1000_per_30_seconds() {
    let target = format!("/identities/{{id}}/:issueAccessToken{V2023}");
    assert_limit("POST", &target, r#"{"scopes":["pstn"]}"#, 1000).await;
}

#[tokio::test]
async fn create_user_and_token_1000_per_30_seconds() {
    let body = r#"{"createTokenWithScopes":["pstn"]}"#;
    assert_limit("POST", &format!("/identities{V2023}"), body, 1000).await;
}

#[tokio::test]
async fn revoke_500_per_30_seconds() {
    let target = format!("/identities/{{id}}/:revokeAccessTokens{V2023}");
    assert_limit("POST", &target, "", 500).await;
}

#[tokio::test]
async fn delete_500_per_30_seconds() {
    assert_limit("DELETE", &format!("/identities/{{id}}{V2023}"), "", 500).await;
}

#[tokio::test]
async fn exchange_teams_token_500_per_30_seconds() {
    let target = format!("/teamsUser/:exchangeAccessToken{V2023}");
    assert_limit("POST", &target, r#"{"token":""}"#, 500).await;
}

#[tokio::test]
async fn after_the_window_or_a_reset_there_is_room_again() {
    let fixture = EmulatorFixture::new().await;
    let deletion = fixture.draft("DELETE", &format!("/identities/x{V2023}"), "");
    assert_eq!(exceed(&fixture, deletion.clone(), 500).await.status, 429);
    fixture.control("POST", "clock", &json!({"advanceSeconds": 30})).await;
    assert_eq!(exceed(&fixture, deletion.clone(), 500).await.status, 429);
    fixture.control("POST", "reset", &json!({})).await;
    assert_eq!(fixture.send(deletion).await.status, 401);
}

#[tokio::test]
async fn what_is_throttled_has_no_effect_and_is_logged_and_not_counted_by_the_fault_script() {
    let fixture = EmulatorFixture::new().await;
    fixture
        .script(json!([{"operation": "createIdentity", "nth": 1001, "action": {"status": 503}}]))
        .await;
    assert_eq!(exceed(&fixture, create(&fixture), 1000).await.status, 429);
    assert_eq!(fixture.look("identities").await["identities"].as_array().unwrap().len(), 1000);
    assert_eq!(fixture.look("requests").await["requests"][999]["status"], 429);
    fixture.control("POST", "clock", &json!({"advanceSeconds": 30})).await;
    assert_eq!(fixture.send(create(&fixture)).await.status, 503);
}

#[tokio::test]
async fn a_call_that_is_not_believed_takes_no_place() {
    let fixture = EmulatorFixture::new().await;
    let mut denied = fixture.draft("DELETE", &format!("/identities/x{V2023}"), "");
    denied.spoiled.push(("authorization", "none".into()));
    assert_eq!(exceed(&fixture, denied, 500).await.status, 401);
}

#[tokio::test]
async fn a_call_that_is_refused_takes_a_place_only_if_refused_calls_count() {
    for (count_refused, served) in [(false, true), (true, false)] {
        let fixture = EmulatorFixture::with(
            Emulator::builder()
                .options(EmulatorOptions { count_refused, ..EmulatorOptions::default() }),
        )
        .await;
        let deletion = fixture.draft("DELETE", &format!("/identities/x{V2023}"), "");
        assert_eq!(exceed(&fixture, deletion.clone(), 500).await.status, 429);
        fixture.control("POST", "clock", &json!({"advanceSeconds": 20})).await;
        for _ in 0..500 {
            assert_eq!(fixture.send(deletion.clone()).await.status, 429);
        }
        // The 500 served requests have left the window; the refused ones have not.
        fixture.control("POST", "clock", &json!({"advanceSeconds": 11})).await;
        let status = fixture.send(deletion).await.status;
        assert_eq!(status != 429, served, "count_refused: {count_refused}, {status}");
    }
}

#[tokio::test]
async fn without_retry_after_a_429_names_no_time() {
    let fixture = EmulatorFixture::with(
        Emulator::builder()
            .options(EmulatorOptions { no_retry_after: true, ..EmulatorOptions::default() }),
    )
    .await;
    let reply =
        exceed(&fixture, fixture.draft("DELETE", &format!("/identities/x{V2023}"), ""), 500).await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, None));
}

#[tokio::test]
async fn without_limits_nothing_is_throttled() {
    let fixture = EmulatorFixture::with(
        Emulator::builder()
            .options(EmulatorOptions { no_limits: true, ..EmulatorOptions::default() }),
    )
    .await;
    let deletion = fixture.draft("DELETE", &format!("/identities/x{V2023}"), "");
    assert_eq!(exceed(&fixture, deletion, 500).await.status, 401);
}
