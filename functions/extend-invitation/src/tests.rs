use identity_core::guest::Invitation;
use identity_core::testing::invitations::{locked, revoked, with_pin};
use identity_core::testing::{CoreFixture, invitation, user};
use lambda_edge::testing::{self, TestRequest, body, edge};
use lambda_http::{Body, Response};
use serde_json::{Value, json};

use super::*;

/// An invitation of Alice for two devices, which closes at nine.
async fn made(change: fn(&mut Invitation)) -> (CoreFixture, Invitation) {
    let fixture = CoreFixture::with([]);
    let mut made = Invitation { created_by: user(TestRequest::ALICE), ..invitation("handle") };
    change(&mut made);
    fixture.store.add_invitation(&made).await.unwrap();
    (fixture, made)
}

async fn extend(fixture: &CoreFixture, event: TestRequest) -> Response<Body> {
    let rules = InvitationRules::from_env(&testing::env).unwrap();
    let request = event.request();
    let response = handle(&fixture.store, &fixture.clock, &rules, &request);
    serve("ExtendInvitation", &fixture.clock, &edge(), &request, response).await.unwrap()
}

fn with(id: &str, sent: &Value) -> TestRequest {
    TestRequest::inviting("PATCH /v1/invitations/{id}").id(id).json(sent)
}

#[tokio::test]
async fn the_end_moves_and_with_it_the_deletion() {
    let (fixture, made) = made(|_| {}).await;
    let sent = json!({ "closesAt": "2027-01-15T11:00:00Z", "devices": 5 });
    let extended = body(&extend(&fixture, with(made.id.as_str(), &sent)).await);
    assert_eq!(extended["closesAt"], "2027-01-15T11:00:00.000Z");
    assert_eq!(extended["deleteAt"], "2027-01-15T13:00:00.000Z");
    assert_eq!(extended["devices"]["most"], 5);
}

#[tokio::test]
async fn a_locked_invitation_is_unlocked() {
    let (fixture, made) = made(|made| {
        with_pin(made);
        locked(made);
    })
    .await;
    let sent = json!({ "unlock": true });
    let extended = extend(&fixture, with(made.id.as_str(), &sent)).await;
    assert_eq!(body(&extended)["state"], "open");
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    for (sent, kind) in [
        (json!({}), "invalid-body"),
        (json!({ "unlock": false }), "invalid-body"),
        (json!({ "closesAt": "soon" }), "invalid-body"),
        (json!({ "devices": true }), "invalid-body"),
        (json!({ "meeting": {} }), "invalid-body"),
        (json!({ "closesAt": "2027-01-15T08:30:00Z" }), "invalid-invitation"),
        (json!({ "devices": 1 }), "invalid-invitation"),
        (json!({ "devices": 11 }), "invalid-invitation"),
    ] {
        let (fixture, made) = made(|_| {}).await;
        let refused = extend(&fixture, with(made.id.as_str(), &sent)).await;
        assert_eq!(refused.status(), 400, "{sent}");
        assert_eq!(body(&refused)["type"], format!("/problems/{kind}"), "{sent}");
    }
}

#[tokio::test]
async fn only_who_made_it_changes_it_and_nobody_revives_a_revoked_one() {
    let sent = json!({ "devices": 5 });
    let (fixture, one) = made(|_| {}).await;
    let mallory = with(one.id.as_str(), &sent).claim("sub", "mallory");
    assert_eq!(extend(&fixture, mallory).await.status(), 404);
    let (fixture, one) = made(revoked).await;
    let refused = extend(&fixture, with(one.id.as_str(), &sent)).await;
    assert_eq!(
        (refused.status().as_u16(), &body(&refused)["type"]),
        (410, &json!("/problems/invitation-revoked"))
    );
}
