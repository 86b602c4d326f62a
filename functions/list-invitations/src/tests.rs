use std::collections::BTreeSet;

use identity_core::guest::Invitation;
use identity_core::testing::{CoreFixture, invitation, user};
use lambda_edge::testing::{self, TestRequest, body, edge};
use lambda_http::{Body, Response};

use super::*;

/// Fifteen invitations of Alice, and five of Bob.
async fn twenty() -> CoreFixture {
    let fixture = CoreFixture::with([]);
    for index in 0..20 {
        let name = if index < 15 { TestRequest::ALICE } else { "https://idp.example|bob" };
        let made = invitation(&format!("handle-{index}"));
        let made = Invitation { created_by: user(name), ..made };
        fixture.store.add_invitation(&made).await.unwrap();
    }
    fixture
}

async fn list(fixture: &CoreFixture, event: TestRequest) -> Response<Body> {
    let rules = InvitationRules::from_env(&testing::env).unwrap();
    let request = event.request();
    let response = handle(&fixture.store, &fixture.clock, &rules, &request);
    serve("ListInvitations", &fixture.clock, &edge(), &request, response).await.unwrap()
}

fn asking(query: &str) -> TestRequest {
    TestRequest::inviting("GET /v1/invitations").query(query)
}

/// The ids on all pages.
async fn ids(fixture: &CoreFixture, event: &TestRequest, filter: &str) -> BTreeSet<String> {
    let (mut seen, mut query) = (BTreeSet::new(), format!("limit=4{filter}"));
    loop {
        let page = body(&list(fixture, event.clone().query(&query)).await);
        for one in page["invitations"].as_array().unwrap() {
            assert!(seen.insert(one["id"].as_str().unwrap().to_owned()), "listed twice: {one}");
        }
        match page["next"].as_str() {
            Some(next) => query = format!("limit=4{filter}&cursor={next}"),
            None => return seen,
        }
    }
}

#[tokio::test]
async fn a_caller_sees_their_own_invitations_and_an_administrator_all() {
    let fixture = twenty().await;
    let alice = asking("");
    let admin = asking("").claim("scope", "guestpass.invite guestpass.admin");
    for (event, count) in [
        (alice.clone(), 15),
        (alice.clone().claim("sub", "bob"), 5),
        (alice.claim("sub", "carol"), 0),
        (admin.clone(), 20),
        // The claims do not meet AdminCondition.
        (admin.claim("role", "user").claim("sub", "bob"), 5),
    ] {
        assert_eq!(ids(&fixture, &event, "").await.len(), count, "{event:?}");
    }
}

#[tokio::test]
async fn a_list_is_narrowed_by_state() {
    let fixture = twenty().await;
    for (state, count) in [("open", 15), ("closed", 0), ("revoked", 0)] {
        let found = ids(&fixture, &asking(""), &format!("&state={state}")).await;
        assert_eq!(found.len(), count, "{state}");
    }
}

#[tokio::test]
async fn an_invalid_query_is_refused() {
    let fixture = twenty().await;
    for query in ["state=happy", "limit=101", "cursor=e30", "sort=asc"] {
        assert_eq!(list(&fixture, asking(query)).await.status(), 400, "{query}");
    }
}
