use identity_core::record::State;
use identity_core::testing::{ClientCall, CoreFixture, record};
use lambda_edge::testing::{self, TestRequest, body, edge};
use lambda_http::{Body, Response};
use serde_json::json;

use super::*;

fn alice() -> CoreFixture {
    CoreFixture::with([record(
        TestRequest::ALICE,
        State::active("8:acs:1"),
        CoreFixture::with([]).clock.now(),
    )])
}

async fn revoke(fixture: &CoreFixture, event: TestRequest) -> Response<Body> {
    let rules = RevokeRules { access: testing::access(), pace: TokenPace::per_minute(10).unwrap() };
    let request = event.request();
    let response = handle(&fixture.store, &fixture.acs, &fixture.clock, &rules, &request);
    serve("RevokeToken", &fixture.clock, &edge(), &request, response).await.unwrap()
}

fn sign_out() -> TestRequest {
    TestRequest::new("DELETE /v1/token")
}

fn admin(id: &str) -> TestRequest {
    TestRequest::new("POST /v1/identities/{id}/revoke").id(id)
}

#[tokio::test]
async fn a_revocation_is_answered_with_a_receipt() {
    let response = revoke(&alice(), sign_out()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        body(&response),
        json!({
            "receiptId": "",
            "identity": "8:acs:1",
            "epoch": 2,
            "blocked": false,
            "cause": "user",
            "acceptedAt": "2027-01-15T08:00:00.000Z",
            "revokedAt": "2027-01-15T08:00:00.000Z",
            "effectiveBy": "2027-01-15T08:15:00.000Z",
        })
    );
}

#[tokio::test]
async fn r13_signing_out_without_an_identity_is_success() {
    assert_eq!(revoke(&CoreFixture::with([]), sign_out()).await.status(), 204);
}

#[tokio::test]
async fn r13_if_acs_does_not_confirm_the_answer_is_503() {
    let fixture = alice();
    fixture.acs.fail(|_| {
        Some(CoreError::AcsUnavailable { maybe_applied: true, source: "no answer".into() })
    });
    let response = revoke(&fixture, admin("8:acs:1").json(&json!({ "block": true }))).await;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(fixture.records.records()[0].state, State::blocked("8:acs:1"));
}

#[tokio::test]
async fn an_administrator_can_block_by_either_name_and_before_the_first_call() {
    let block = json!({ "block": true });
    let create = json!({ "block": true, "createIfMissing": true });
    for (id, body_sent, status) in [
        ("8:acs:1", &block, 200),
        (TestRequest::ALICE, &block, 200),
        ("unseen", &block, 404),
        ("unseen", &create, 200),
        ("8:acs:2", &create, 409),
    ] {
        let fixture = alice();
        let response = revoke(&fixture, admin(id).json(body_sent)).await;
        assert_eq!(response.status(), status, "{id}");
        assert_eq!(body(&response)["blocked"] == true, status == 200, "{id}");
    }
    let unseen = revoke(&alice(), admin("unseen")).await;
    assert_eq!(body(&unseen)["type"], "/problems/no-such-user");
}

#[tokio::test]
async fn a_caller_cannot_sign_out_or_block_other_users() {
    let fixture = alice();
    let bob = admin("8:acs:1").claim("sub", "bob").claim("scope", "guestpass.token");
    assert_eq!(revoke(&fixture, bob).await.status(), 403);
    assert_eq!(fixture.acs.calls(), [] as [ClientCall; 0]);
    for bad in [json!([true]), json!({ "block": 1 }), json!({ "blocked": true })] {
        assert_eq!(revoke(&fixture, admin("8:acs:1").json(&bad)).await.status(), 400, "{bad}");
    }
    let sent = json!({ "block": true, "externalId": "bob" });
    assert_eq!(revoke(&fixture, sign_out().json(&sent)).await.status(), 200);
    assert_eq!(fixture.records.records()[0].state, State::active("8:acs:1"), "not blocked");
}

#[tokio::test]
async fn an_absent_member_can_be_null_and_an_absent_reason_can_be_empty() {
    for sent in [
        json!({ "block": null, "createIfMissing": null, "reason": null }),
        json!({ "block": false, "createIfMissing": false, "reason": "" }),
    ] {
        let receipt = revoke(&alice(), admin("8:acs:1").json(&sent)).await;
        assert_eq!(body(&receipt)["blocked"], false, "{sent}");
        assert!(body(&receipt).get("reason").is_none(), "{sent}");
        assert_eq!(revoke(&alice(), admin("unseen").json(&sent)).await.status(), 404, "{sent}");
    }
    let lost = revoke(&alice(), admin("8:acs:1").json(&json!({ "reason": "lost phone" }))).await;
    assert_eq!(body(&lost)["reason"], "lost phone");
}

#[tokio::test]
async fn an_invalid_reason_is_named_and_not_quoted() {
    let longest = "\u{1f600}".repeat(256);
    let sent = json!({ "reason": longest });
    assert_eq!(body(&revoke(&alice(), admin("8:acs:1").json(&sent)).await)["reason"], longest);
    for bad in ["\u{1f600}".repeat(257), "canary\n".to_owned()] {
        let refused = revoke(&alice(), admin("8:acs:1").json(&json!({ "reason": bad }))).await;
        let expected = "invalid value at `/reason`: must have at most 256 characters, and no control character";
        assert_eq!(body(&refused)["detail"], expected);
        assert_eq!(body(&refused)["type"], "/problems/invalid-body");
    }
}
