use std::time::Duration;

use identity_core::guest::Invitation;
use identity_core::testing::invitations::{PIN, closed, full, locked, revoked, revoking, with_pin};
use identity_core::testing::{ClientCall, CoreFixture, invitation};
use lambda_edge::testing::{self, TestRequest, body, edge};
use lambda_http::{Body, Response};
use serde_json::{Value, json};

use super::*;

const DEVICE: &str = "aaaaaaaaaaaaaaaaaaaaaa";

async fn fixture(change: fn(&mut Invitation)) -> CoreFixture {
    let fixture = CoreFixture::with([]);
    let mut made = invitation("handle");
    change(&mut made);
    fixture.store.add_invitation(&made).await.unwrap();
    fixture
}

async fn send(fixture: &CoreFixture, event: TestRequest) -> Response<Body> {
    let rules = GuestRules::from_env(&testing::env).unwrap();
    let request = event.request();
    let response = handle(&fixture.store, &fixture.acs, &fixture.clock, &rules, &request);
    serve("ExchangeGuestPass", &fixture.clock, &edge(), &request, response).await.unwrap()
}

async fn exchange(fixture: &CoreFixture, sent: &Value) -> Response<Body> {
    send(fixture, with(sent)).await
}

fn with(sent: &Value) -> TestRequest {
    TestRequest::new("POST /v1/guest/token").without_authorizer().json(sent)
}

fn pass() -> Value {
    json!({ "handle": "handle", "device": DEVICE })
}

fn pass_with(name: &str, value: Value) -> Value {
    let mut sent = pass();
    sent[name] = value;
    sent
}

#[tokio::test]
async fn a_guest_gets_a_token_and_the_meeting_and_the_same_identity_again() {
    let fixture = fixture(|_| {}).await;
    let first = exchange(&fixture, &pass()).await;
    assert_eq!(first.status(), 200);
    let first = body(&first);
    assert!(first["token"].is_string() && first["refreshAfter"].is_string(), "{first}");
    let meeting = json!({ "joinUrl": "https://teams.microsoft.com/l/meetup-join/1" });
    assert_eq!((&first["meeting"], &first["displayName"]), (&meeting, &json!("Ada")));
    assert_eq!(first["opensAt"], "2027-01-15T08:00:00.000Z");
    assert_eq!(first["closesAt"], "2027-01-15T09:00:00.000Z");
    let second = body(&exchange(&fixture, &pass_with("pin", Value::Null)).await);
    assert_eq!(first["user"], second["user"]);
    assert_eq!(fixture.acs.calls(), [ClientCall::CreateWithToken, ClientCall::Issue]);
}

#[tokio::test]
async fn each_refusal_has_its_own_type() {
    type Change = fn(&mut Invitation);
    let early = |made: &mut Invitation| made.opens_at += Duration::from_mins(10);
    let cases: [(Change, Value, u16, &str); 9] = [
        (early, pass(), 403, "invitation-not-open"),
        (closed, pass(), 410, "invitation-closed"),
        (revoking, pass(), 410, "invitation-revoked"),
        (revoked, pass(), 410, "invitation-revoked"),
        (full, pass(), 403, "invitation-used-up"),
        (locked, pass(), 403, "invitation-locked"),
        (with_pin, pass(), 403, "pin-required"),
        (with_pin, pass_with("pin", json!("000000")), 403, "pin-wrong"),
        (|_| {}, pass_with("handle", json!("other")), 404, "invitation-unknown"),
    ];
    for (change, sent, status, kind) in cases {
        let fixture = fixture(change).await;
        let refused = exchange(&fixture, &sent).await;
        let expected = format!("/problems/{kind}");
        let problem = body(&refused);
        assert_eq!((refused.status().as_u16(), &problem["type"]), (status, &json!(expected)));
        assert_eq!(fixture.acs.calls(), [], "{kind}");
        let retry = refused.headers().get("retry-after").map(|value| value.to_str().unwrap());
        // A guest who waits in front of the page asks again in five minutes.
        assert_eq!(retry, (kind == "invitation-not-open").then_some("300"), "{kind}");
    }
    let fixture = fixture(with_pin).await;
    assert_eq!(exchange(&fixture, &pass_with("pin", json!(PIN))).await.status(), 200);
}

#[tokio::test]
async fn a_text_that_is_no_handle_is_as_an_unknown_handle() {
    let fixture = fixture(|_| {}).await;
    let unknown = format!("gp_{}", "A".repeat(22));
    let unknown = exchange(&fixture, &pass_with("handle", json!(unknown))).await;
    for text in ["", "gp_", "x", "guest|1", "\u{1f642}", &"x".repeat(1900)] {
        let malformed = exchange(&fixture, &pass_with("handle", json!(text))).await;
        assert_eq!((malformed.status(), body(&malformed)), (unknown.status(), body(&unknown)));
    }
}

#[tokio::test]
async fn r53_neither_a_claim_nor_a_header_nor_a_member_says_who_the_guest_is() {
    let fixture = fixture(|_| {}).await;
    let first = body(&exchange(&fixture, &pass()).await);
    let other = pass_with("device", json!("b".repeat(22)));
    let claimed = TestRequest::new("POST /v1/guest/token")
        .claim("sub", "alice")
        .header("x-user", DEVICE)
        .header("authorization", "Bearer x")
        .json(&other);
    let second = body(&send(&fixture, claimed).await);
    assert_ne!(first["user"], second["user"]);
    for name in ["acsId", "user", "communicationUserId", "externalId", "sub", "scopes", "name"] {
        let refused = exchange(&fixture, &pass_with(name, first["user"].clone())).await;
        assert_eq!(body(&refused)["type"], "/problems/invalid-body", "{name}");
    }
}

#[tokio::test]
async fn a_body_of_another_form_is_refused() {
    let fixture = fixture(|_| {}).await;
    for sent in [
        json!({}),
        json!({ "handle": "handle" }),
        json!({ "device": DEVICE }),
        json!(["handle", DEVICE]),
        pass_with("handle", json!(7)),
        pass_with("device", json!("short")),
        pass_with("device", json!("a".repeat(87))),
        pass_with("pin", json!(123_456)),
        pass_with("pin", json!("12345")),
    ] {
        let refused = exchange(&fixture, &sent).await;
        assert_eq!(body(&refused)["type"], "/problems/invalid-body", "{sent}");
    }
    let empty = send(&fixture, TestRequest::new("POST /v1/guest/token").without_authorizer());
    assert_eq!(empty.await.status(), 400);
    let long = exchange(&fixture, &pass_with("handle", json!("x".repeat(2048)))).await;
    assert_eq!(long.status(), 413);
    assert!(body(&long)["detail"].as_str().unwrap().contains("2 KiB"));
}

#[tokio::test]
async fn without_guests_in_the_policy_there_is_nothing() {
    let fixture = fixture(|_| {}).await;
    let off = |name: &str| if name == "POLICY" { None } else { testing::env(name) };
    let rules = GuestRules::from_env(&off).unwrap();
    let request = with(&pass()).request();
    let response = handle(&fixture.store, &fixture.acs, &fixture.clock, &rules, &request);
    let refused =
        serve("ExchangeGuestPass", &fixture.clock, &edge(), &request, response).await.unwrap();
    assert_eq!(body(&refused)["type"], "/problems/not-found");
}
