use identity_core::guest::Invitation;
use identity_core::testing::invitations::known;
use identity_core::testing::{CoreFixture, invitation, user};
use lambda_edge::testing::{self, TestRequest, body, edge};
use lambda_http::{Body, Response};
use serde_json::{Value, json};

use super::*;

/// An invitation of Alice that one device used.
async fn used() -> (CoreFixture, Invitation) {
    let fixture = CoreFixture::with([]);
    let mut made = Invitation { created_by: user(TestRequest::ALICE), ..invitation("handle") };
    known(&mut made);
    fixture.store.add_invitation(&made).await.unwrap();
    (fixture, made)
}

async fn revoke(fixture: &CoreFixture, event: TestRequest) -> Response<Body> {
    let rules = InvitationRules::from_env(&testing::env).unwrap();
    let request = event.request();
    let response = handle(&fixture.store, &fixture.acs, &fixture.clock, &rules, &request);
    serve("RevokeInvitation", &fixture.clock, &edge(), &request, response).await.unwrap()
}

fn with(id: &str, sent: &Value) -> TestRequest {
    TestRequest::inviting("POST /v1/invitations/{id}/revoke").id(id).json(sent)
}

#[tokio::test]
async fn the_receipt_says_since_when_and_how_many_and_a_repeated_request_returns_it_again() {
    let (fixture, made) = used().await;
    let first = revoke(&fixture, with(made.id.as_str(), &json!({ "reason": "leaked" }))).await;
    assert_eq!(first.status(), 200);
    let receipt = body(&first);
    assert_eq!(receipt["identities"], 1);
    assert_eq!(receipt["reason"], "leaked");
    assert_eq!(receipt["acceptedAt"], "2027-01-15T08:00:00.000Z");
    assert_eq!(receipt["effectiveBy"], "2027-01-15T08:15:00.000Z");
    let again = revoke(&fixture, with(made.id.as_str(), &json!({}))).await;
    assert_eq!(body(&again), receipt);
}

#[tokio::test]
async fn only_who_made_it_revokes_it() {
    let (fixture, made) = used().await;
    let sent = json!({ "reason": null });
    let mallory = with(made.id.as_str(), &sent).claim("sub", "mallory");
    assert_eq!(revoke(&fixture, mallory).await.status(), 404);
    assert_eq!(revoke(&fixture, with("x", &sent)).await.status(), 404);
    let long = json!({ "reason": "x".repeat(257) });
    assert_eq!(revoke(&fixture, with(made.id.as_str(), &long)).await.status(), 400);
    let found = fixture.store.find_invitation(&made.id).await.unwrap().unwrap();
    assert!(!found.is_revoked());
}
