//! Tests of which requests are accepted, and of the responses to the others.

use acs_emulator::{Emulator, EmulatorOptions};
use serde_json::json;
use time::Duration;

use crate::support::{EmulatorFixture, ServiceReply, V2023, now, refusal};

fn create(fixture: &EmulatorFixture) -> crate::support::Draft {
    fixture.draft("POST", &format!("/identities{V2023}"), "{}")
}

fn assert_denied(reply: &ServiceReply, message: &str) {
    let expected = (401, "Denied".to_owned(), message.to_owned(), None);
    assert_eq!(refusal(reply), expected);
    assert_eq!(reply.header("api-supported-versions"), None);
    assert_eq!(reply.header("www-authenticate"), None);
}

#[tokio::test]
async fn both_keys_of_the_resource_sign() {
    let fixture = EmulatorFixture::new().await;
    assert_eq!(fixture.send(create(&fixture)).await.status, 201);
    let key = fixture.emulator.secondary_access_key().expose().to_owned();
    let reply = fixture.send(crate::support::Draft { key, ..create(&fixture) }).await;
    assert_eq!(reply.status, 201);
}

#[tokio::test]
async fn a_wrong_key_is_denied() {
    let (fixture, other) = (EmulatorFixture::new().await, EmulatorFixture::new().await);
    let key = other.emulator.access_key().expose().to_owned();
    let reply = fixture.send(crate::support::Draft { key, ..create(&fixture) }).await;
    assert_denied(&reply, "Denied by the resource provider.");
}

#[tokio::test]
async fn a_denial_is_dated_by_the_clock_that_judges_signatures_and_the_rest_by_the_movable_one() {
    let fixture = EmulatorFixture::new().await;
    fixture.emulator.clock().advance(3600);
    let other = EmulatorFixture::new().await.emulator.access_key().expose().to_owned();
    let denied = fixture.send(crate::support::Draft { key: other, ..create(&fixture) }).await;
    assert_eq!(denied.status, 401);
    assert!((denied.date() - now()).abs() < Duration::minutes(1), "{}", denied.date());
    let created = fixture.send(create(&fixture)).await;
    assert_eq!(created.status, 201);
    assert!((created.date() - now()) > Duration::minutes(59), "{}", created.date());
}

#[tokio::test]
async fn no_signature_and_no_header_is_denied() {
    let fixture = EmulatorFixture::new().await;
    let url = format!("{}/identities{V2023}", fixture.server.endpoint());
    let response = fixture.client.post(url).send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert!(response.text().await.unwrap().contains("Denied by the resource provider."));
}

#[tokio::test]
async fn a_header_that_is_not_hmac_is_told_so() {
    let fixture = EmulatorFixture::new().await;
    let mut draft = create(&fixture);
    draft.spoiled.push(("authorization", "HMAC-SHA256 Signature=x".into()));
    let message = "Given value does not match HMAC header structure";
    assert_denied(&fixture.send(draft).await, message);
}

#[tokio::test]
async fn another_body_than_was_hashed_is_told_so() {
    let fixture = EmulatorFixture::new().await;
    let mut draft = create(&fixture);
    draft
        .spoiled
        .push(("x-ms-content-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".into()));
    let message = "Request 'x-ms-content-sha256' differs from generated content hash.";
    assert_denied(&fixture.send(draft).await, message);
}

#[tokio::test]
async fn a_date_too_far_off_is_told_the_margin() {
    let fixture = EmulatorFixture::new().await;
    for offset in [Duration::minutes(-6), Duration::minutes(6)] {
        let reply =
            fixture.send(crate::support::Draft { date: now() + offset, ..create(&fixture) }).await;
        let (status, _, message, _) = refusal(&reply);
        assert_eq!(status, 401);
        assert!(message.starts_with("The given request could not be resolved."), "{message}");
        assert!(message.contains("5 minutes"), "{message}");
    }
}

#[tokio::test]
async fn the_margin_can_be_set_and_the_movable_clock_does_not_move_it() {
    let skew = std::time::Duration::from_hours(1);
    let fixture = EmulatorFixture::with(
        Emulator::builder().options(EmulatorOptions { skew, ..EmulatorOptions::default() }),
    )
    .await;
    fixture.emulator.clock().advance(10 * 24 * 3600);
    let date = now() - Duration::minutes(50);
    let reply = fixture.send(crate::support::Draft { date, ..create(&fixture) }).await;
    assert_eq!(reply.status, 201);
}

#[tokio::test]
async fn a_service_of_another_time_refuses_right_signatures_and_dates_the_refusal_by_that_time() {
    let fixture = EmulatorFixture::new().await;
    let skew = async |seconds: i64| {
        let told = fixture.control("POST", "clock", &json!({ "skewSeconds": seconds })).await;
        assert_eq!(told.json()["skewSeconds"], seconds);
    };
    for seconds in [400, -400] {
        skew(seconds).await;
        let reply = fixture.send(create(&fixture)).await;
        let (status, code, message, _) = refusal(&reply);
        assert_eq!((status, code.as_str()), (401, "Denied"));
        assert!(message.contains("within 5 minutes of the service's time"), "{message}");
        let there = now() + Duration::seconds(seconds);
        assert!((reply.date() - there).abs() < Duration::minutes(1), "{}", reply.date());
        // A request that signs this date is accepted, and its response is dated by the movable
        // clock.
        let believed =
            fixture.send(crate::support::Draft { date: reply.date(), ..create(&fixture) }).await;
        assert_eq!(believed.status, 201);
        assert!((believed.date() - now()).abs() < Duration::minutes(1), "{}", believed.date());
    }
    for seconds in [200, -200, 0] {
        skew(seconds).await;
        assert_eq!(fixture.send(create(&fixture)).await.status, 201, "{seconds}");
    }
}

#[tokio::test]
async fn a_retry_with_the_same_signature_is_believed() {
    let fixture = EmulatorFixture::new().await;
    let draft = create(&fixture);
    assert_eq!(fixture.send(draft.clone()).await.status, 201);
    assert_eq!(fixture.send(draft).await.status, 201);
}

#[tokio::test]
async fn identifiers_may_be_encoded_or_literal_in_the_signed_path() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    for id in [id.clone(), id.replace(':', "%3A"), id.replace(':', "%3a")] {
        assert_eq!(fixture.revoke(&id).await.status, 204, "{id}");
    }
}
