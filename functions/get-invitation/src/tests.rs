use identity_core::guest::Invitation;
use identity_core::testing::invitations::known;
use identity_core::testing::{CoreFixture, invitation, user};
use lambda_edge::testing::{self, TestRequest, body, edge};
use lambda_http::{Body, Response};
use serde_json::Value;

use super::*;

/// An invitation of Alice that one device used.
async fn used() -> (CoreFixture, Invitation) {
    let fixture = CoreFixture::with([]);
    let mut made = Invitation { created_by: user(TestRequest::ALICE), ..invitation("handle") };
    known(&mut made);
    fixture.store.add_invitation(&made).await.unwrap();
    (fixture, made)
}

async fn get(fixture: &CoreFixture, event: TestRequest) -> Response<Body> {
    let rules = InvitationRules::from_env(&testing::env).unwrap();
    let request = event.request();
    let response = handle(&fixture.store, &fixture.clock, &rules, &request);
    serve("GetInvitation", &fixture.clock, &edge(), &request, response).await.unwrap()
}

fn asking(id: &str) -> TestRequest {
    TestRequest::inviting("GET /v1/invitations/{id}").id(id)
}

#[tokio::test]
async fn an_invitation_is_shown_with_its_guests_and_without_its_secrets() {
    let (fixture, made) = used().await;
    let shown = body(&get(&fixture, asking(made.id.as_str())).await);
    assert_eq!(shown["id"], made.id.as_str());
    assert_eq!(shown["guests"].as_array().unwrap().len(), 1);
    assert_eq!(shown["guests"][0]["admittedAt"], shown["opensAt"]);
    assert_eq!(shown["guests"][0].get("communicationUserId"), None);
    assert_eq!(shown["receipts"], Value::Array(vec![]));
    assert!(!shown.to_string().contains("teams.microsoft.com"), "{shown}");
}

#[tokio::test]
async fn r52_another_callers_invitation_is_as_one_that_does_not_exist() {
    let (fixture, made) = used().await;
    let mallory = |id: &str| asking(id).claim("sub", "mallory");
    let foreign = get(&fixture, mallory(made.id.as_str())).await;
    assert_eq!(foreign.status(), 404);
    for missing in [&"A".repeat(43), "x", "8:acs:1"] {
        let unknown = get(&fixture, mallory(missing)).await;
        assert_eq!((foreign.status(), body(&foreign)), (unknown.status(), body(&unknown)));
    }
    let admin = mallory(made.id.as_str()).claim("scope", "guestpass.invite guestpass.admin");
    assert_eq!(get(&fixture, admin).await.status(), 200);
}
