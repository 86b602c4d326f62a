use identity_core::testing::{ClientCall, CoreFixture};
use lambda_edge::testing::{self, TestRequest, body, edge};
use lambda_http::{Body, Response};
use serde_json::{Value, json};

use super::*;

async fn create(fixture: &CoreFixture, event: TestRequest) -> Response<Body> {
    let (access, request) = (testing::access(), event.request());
    let response = handle(&fixture.store, &fixture.acs, &fixture.clock, &access, &request);
    serve("CreateIdentity", &fixture.clock, &edge(), &request, response).await.unwrap()
}

fn with(body: &Value) -> TestRequest {
    TestRequest::new("POST /v1/identities").json(body)
}

#[tokio::test]
async fn the_same_user_has_the_same_identity_the_second_time() {
    let fixture = CoreFixture::with([]);
    let first = create(&fixture, with(&json!({ "externalId": "crm-7" }))).await;
    let second = create(&fixture, with(&json!({ "externalId": "crm-7" }))).await;
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (201, 200));
    assert_eq!(body(&first), body(&second));
    assert_eq!(
        body(&first),
        json!({
            "externalId": "crm-7",
            "state": "active",
            "user": { "communicationUserId": "8:acs:res_1" },
            "epoch": 1,
            "createdAt": "2027-01-15T08:00:00.000Z",
            "lastIssuedAt": "2027-01-15T08:00:00.000Z",
            "revocationPending": false,
            "resource": "main",
        })
    );
}

#[tokio::test]
async fn a_token_comes_in_the_same_request() {
    let fixture = CoreFixture::with([]);
    let asked = json!({ "externalId": "crm-7", "token": { "scopes": ["voip.join"] } });
    let response = create(&fixture, with(&asked)).await;
    assert_eq!(response.status(), 201);
    assert!(body(&response)["accessToken"]["token"].is_string());
    assert_eq!(fixture.acs.calls(), [ClientCall::CreateWithToken]);
}

#[tokio::test]
async fn bad_bodies_are_refused() {
    let fixture = CoreFixture::with([]);
    for bad in [
        json!({ "externalId": "" }),
        json!({ "externalId": "8:acs:1" }),
        json!({ "externalId": "a b" }),
        json!({ "externalId": "guest|made-by-hand" }),
        json!({ "externalId": 7 }),
        json!({ "token": {} }),
        json!({ "token": { "scopes": [] } }),
        json!({ "token": { "scopes": ["chat"], "expiresInMinutes": 59 } }),
        json!({ "state": "active" }),
        json!(["crm-7", null]),
        json!({ "token": [["chat"], 60] }),
    ] {
        assert_eq!(create(&fixture, with(&bad)).await.status(), 400, "{bad}");
    }
    assert_eq!(fixture.records.records(), []);
}

#[tokio::test]
async fn the_detail_names_a_field_of_the_token_by_its_json_pointer() {
    for (token, expected) in [
        (json!({}), "missing field `scopes` at `/token/scopes`"),
        (json!({ "scopes": null }), "missing field `scopes` at `/token/scopes`"),
        (json!({ "scopes": [] }), "invalid value at `/token/scopes`: must not be empty"),
        (json!({ "scopes": ["chat", 7] }), "invalid value at `/token/scopes/1`: expected a string"),
        (
            json!({ "scopes": ["chat"], "expiresInMinutes": 60.5 }),
            "invalid value `60.5` at `/token/expiresInMinutes`: must be a whole number from 60 to 1440",
        ),
        (json!(7), "invalid value at `/token`: expected an object"),
    ] {
        let refused = create(&CoreFixture::with([]), with(&json!({ "token": token }))).await;
        assert_eq!(body(&refused)["detail"], expected);
    }
}

#[tokio::test]
async fn an_absent_member_can_be_null() {
    let sent = json!({ "externalId": null, "token": null });
    let created = create(&CoreFixture::with([]), with(&sent)).await;
    assert_eq!(created.status(), 201);
    assert!(body(&created).get("accessToken").is_none());
}

#[tokio::test]
async fn only_an_administrator_may() {
    for (claim, value) in [("scope", "guestpass.token"), ("role", "user")] {
        let event = with(&json!({})).claim(claim, value);
        assert_eq!(create(&CoreFixture::with([]), event).await.status(), 403, "{claim}");
    }
}

#[tokio::test]
async fn r61_a_user_of_another_issuer_is_a_mistake_and_of_this_one_has_one_name() {
    let fixture = CoreFixture::with([]);
    let other = create(&fixture, with(&json!({ "externalId": "https://evil.example|1" }))).await;
    assert_eq!(body(&other)["type"], "/problems/another-issuer");
    let same = create(&fixture, with(&json!({ "externalId": "https://IDP.example/|1" }))).await;
    assert_eq!(body(&same)["externalId"], "https://idp.example|1");
}
