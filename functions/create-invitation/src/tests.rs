use identity_core::record::State;
use identity_core::testing::{CoreFixture, CountingRandom, record};
use lambda_edge::testing::{self, TestRequest, body, edge};
use lambda_http::{Body, Response};
use serde_json::{Value, json};

use super::*;

const LINK: &str = "https://teams.microsoft.com/l/meetup-join/1";

async fn create_with(fixture: &CoreFixture, env: &impl Env, event: TestRequest) -> Response<Body> {
    let page = GuestPage(Some("https://app.example/join/".to_owned()));
    let (rules, random) = (InvitationRules::from_env(env).unwrap(), CountingRandom::default());
    let request = event.request();
    let response = handle(&fixture.store, &fixture.clock, &random, &rules, &page, &request);
    serve("CreateInvitation", &fixture.clock, &edge(), &request, response).await.unwrap()
}

async fn create(fixture: &CoreFixture, sent: &Value) -> Response<Body> {
    let event = TestRequest::inviting("POST /v1/invitations").json(sent);
    create_with(fixture, &testing::env, event).await
}

fn minimal() -> Value {
    json!({ "meeting": { "joinUrl": LINK }, "closesAt": "2027-01-15T10:00:00Z" })
}

fn with(name: &str, value: Value) -> Value {
    let mut sent = minimal();
    sent[name] = value;
    sent
}

#[tokio::test]
async fn the_handle_and_the_pin_are_in_the_response_and_the_link_has_the_handle_as_fragment() {
    let created = create(&CoreFixture::with([]), &with("pin", json!(true))).await;
    assert_eq!(created.status(), 201);
    let created = body(&created);
    let handle = created["handle"].as_str().unwrap();
    assert!(handle.starts_with("gp_") && handle.len() == 25, "{handle}");
    assert_eq!(created["joinUrl"], format!("https://app.example/join/#{handle}"));
    assert_eq!(created["pin"].as_str().unwrap().len(), 6);
    let invitation = &created["invitation"];
    assert_eq!(invitation["state"], "open");
    assert_eq!(invitation["closesAt"], "2027-01-15T10:00:00.000Z");
    assert_eq!(invitation["deleteAt"], "2027-01-15T12:00:00.000Z");
    assert_eq!(invitation["devices"], json!({ "most": 1, "used": 0 }));
    assert_eq!(invitation["scopes"], json!(["voip.join"]));
    assert_eq!(invitation["pin"], true);
}

#[tokio::test]
async fn r73_what_the_guest_is_invited_to_is_not_in_the_response() {
    let mut sent = with("displayName", json!("Ada Lovelace"));
    sent["meeting"] = json!({ "meetingId": "123 456 789", "passcode": "p4ss" });
    let created = create(&CoreFixture::with([]), &sent).await;
    assert_eq!(created.status(), 201);
    let text = body(&created).to_string();
    for secret in ["Ada", "123 456", "p4ss"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_member_that_may_be_absent_may_be_null() {
    let mut sent = minimal();
    for name in ["opensAt", "displayName", "scopes", "devices", "pin", "deleteAfterHours"] {
        sent[name] = Value::Null;
    }
    sent["reference"] = Value::Null;
    let created = create(&CoreFixture::with([]), &sent).await;
    assert_eq!(created.status(), 201);
    assert_eq!(body(&created).get("pin"), None);
}

#[tokio::test]
async fn a_member_out_of_bounds_is_named() {
    for (name, value) in [
        ("closesAt", json!("2027-01-15T07:00:00Z")),
        ("closesAt", json!("2027-03-15T07:00:00Z")),
        ("devices", json!(0)),
        ("devices", json!(11)),
        ("scopes", json!(["voip"])),
        ("displayName", json!("a\nb")),
        ("reference", json!("x".repeat(129))),
        ("deleteAfterHours", json!(169)),
    ] {
        let refused = create(&CoreFixture::with([]), &with(name, value.clone())).await;
        let problem = body(&refused);
        assert_eq!(problem["type"], "/problems/invalid-invitation", "{name}: {value}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with(&format!("invalid value at `/{name}`: ")), "{detail}");
    }
    let evil = json!({ "joinUrl": "https://evil.example/l/meetup-join/1" });
    let refused = create(&CoreFixture::with([]), &with("meeting", evil)).await;
    assert_eq!(body(&refused)["type"], "/problems/invalid-invitation");
}

#[tokio::test]
async fn a_body_of_another_form_is_refused() {
    for (sent, kind) in [
        (json!({}), "invalid-body"),
        (with("closesAt", json!("tomorrow")), "invalid-body"),
        (with("opensAt", json!(7)), "invalid-body"),
        (with("devices", json!(1.5)), "invalid-body"),
        (with("devices", json!("2")), "invalid-body"),
        (with("pin", json!("123456")), "invalid-body"),
        (with("meeting", json!(LINK)), "invalid-body"),
        (with("meeting", json!({})), "invalid-body"),
        (with("meeting", json!({ "joinUrl": LINK, "meetingId": "1" })), "invalid-body"),
        (with("meeting", json!({ "joinUrl": LINK, "passcode": "1" })), "invalid-body"),
        (with("createdBy", json!("bob")), "invalid-body"),
        (with("scopes", json!(["root"])), "invalid-scopes"),
        (with("scopes", json!([])), "invalid-scopes"),
    ] {
        let refused = create(&CoreFixture::with([]), &sent).await;
        assert_eq!(refused.status(), 400, "{sent}");
        assert_eq!(body(&refused)["type"], format!("/problems/{kind}"), "{sent}");
    }
}

#[tokio::test]
async fn only_a_back_end_with_the_scope_may_invite_and_not_if_it_is_blocked() {
    let event = || TestRequest::inviting("POST /v1/invitations").json(&minimal());
    let fixture = CoreFixture::with([]);
    for (claim, value, status) in [
        ("scope", "guestpass.token guestpass.admin", 403),
        ("iss", "https://other.example", 403),
        ("sub", "bob", 201),
    ] {
        let response = create_with(&fixture, &testing::env, event().claim(claim, value)).await;
        assert_eq!(response.status().as_u16(), status, "{claim}: {value}");
    }
    let unknown = create_with(&fixture, &testing::env, event().without_authorizer()).await;
    assert_eq!(unknown.status(), 401);
    let blocked = record(TestRequest::ALICE, State::Blocked { acs_id: None }, fixture.clock.now());
    let refused = create(&CoreFixture::with([blocked]), &minimal()).await;
    assert_eq!(body(&refused)["type"], "/problems/user-blocked");
}

#[tokio::test]
async fn without_guests_in_the_policy_there_is_nothing() {
    let event = || TestRequest::inviting("POST /v1/invitations").json(&json!({ "x": 1 }));
    for name in ["POLICY", "INVITE_SCOPE"] {
        let off = move |asked: &str| if asked == name { None } else { testing::env(asked) };
        let refused = create_with(&CoreFixture::with([]), &off, event()).await;
        let expected = if name == "POLICY" { 404 } else { 403 };
        assert_eq!(refused.status().as_u16(), expected, "{name}");
    }
}
