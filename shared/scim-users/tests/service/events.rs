//! Which events follow from a request, and in which order with the writes.

use std::time::Duration;

use scim_users::SubjectAttribute;
use serde_json::{Value, json};

use crate::fixture::{ScimFixture, now};

const CAROL: &str = "https://idp.example|c-1";

#[tokio::test]
async fn a_user_who_is_created_inactive_is_blocked_at_once() {
    let fixture = ScimFixture::new();
    let body = json!({ "userName": "carol", "externalId": "c-1", "active": "False" });
    let (status, user) = fixture.json("POST Users", &body).await;
    assert_eq!((status, &user["active"]), (201, &false.into()));
    let [event] = &fixture.events.sent()[..] else { panic!("one event") };
    assert_eq!(event.occurred_at, now());
    assert_eq!(event.id, "id-0-1-user.disabled");
    assert_eq!(fixture.events.take(), [format!("user.disabled {CAROL}")]);
}

#[tokio::test]
async fn each_change_of_active_is_an_event_later_than_the_one_before() {
    let fixture = ScimFixture::new();
    let id = fixture.carol(true).await;
    for active in [false, true, false] {
        assert_eq!(fixture.set_active(&id, active).await, 200);
    }
    let times: Vec<_> = fixture.events.sent().iter().map(|event| event.occurred_at).collect();
    let later = |milliseconds| now() + Duration::from_millis(milliseconds);
    assert_eq!(times, [later(1), later(2), later(3)], "although the clock stands still");
    let expected = ["disabled", "enabled", "disabled"].map(|kind| format!("user.{kind} {CAROL}"));
    assert_eq!(fixture.events.take(), expected);
}

#[tokio::test]
async fn a_repeated_deactivation_is_sent_again_and_a_repeated_activation_is_not() {
    let fixture = ScimFixture::new();
    let id = fixture.carol(true).await;
    assert_eq!(fixture.set_active(&id, true).await, 200);
    assert_eq!(fixture.events.take(), [""; 0]);
    for _ in 0..2 {
        assert_eq!(fixture.set_active(&id, false).await, 200);
        assert_eq!(fixture.events.take(), [format!("user.disabled {CAROL}")]);
    }
    let rename = json!({ "displayName": "C" });
    assert_eq!(fixture.json(&format!("PUT Users/{id}"), &rename).await.0, 200);
    assert_eq!(fixture.events.take(), [""; 0], "the request does not say that she is inactive");
}

#[tokio::test]
async fn a_deleted_user_is_deleted_here_and_their_resource_is_gone() {
    let fixture = ScimFixture::new();
    let id = fixture.carol(true).await;
    let deleted = fixture.send(&format!("DELETE Users/{id}"), b"").await;
    assert_eq!((deleted.status, deleted.body), (204, None));
    let [event] = &fixture.events.sent()[..] else { panic!("one event") };
    assert_eq!(event.occurred_at, now() + Duration::from_millis(1));
    assert_eq!(fixture.events.take(), [format!("user.deleted {CAROL}")]);
    assert_eq!(fixture.get(&format!("Users/{id}")).await.0, 404);
    assert_eq!(fixture.send(&format!("DELETE Users/{id}"), b"").await.status, 404);
    assert_eq!(fixture.events.take(), [""; 0]);
}

#[tokio::test]
async fn a_user_who_was_deleted_while_blocked_is_unblocked_when_they_are_created_again() {
    let fixture = ScimFixture::new();
    let id = fixture.carol(false).await;
    assert_eq!(fixture.send(&format!("DELETE Users/{id}"), b"").await.status, 204);
    fixture.events.take();
    let body = json!({ "userName": "carol", "externalId": "c-1" });
    assert_eq!(fixture.json("POST Users", &body).await.0, 201);
    assert_eq!(fixture.events.take(), [format!("user.enabled {CAROL}")]);
    let other = json!({ "userName": "dave", "externalId": "d-1" });
    assert_eq!(fixture.json("POST Users", &other).await.0, 201);
    assert_eq!(fixture.events.take(), [""; 0], "Dave was never blocked");
}

#[tokio::test]
async fn a_new_subject_ends_the_sessions_of_the_old_one() {
    let fixture = ScimFixture::new();
    let id = fixture.carol(true).await;
    let patch = |value: Value| json!({ "Operations": [{ "op": "replace", "path": "externalId", "value": value }] });
    let route = format!("PATCH Users/{id}");
    assert_eq!(fixture.json(&route, &patch(json!("c-2"))).await.0, 200);
    assert_eq!(fixture.events.take(), [format!("user.signed-out {CAROL}")]);
    assert_eq!(fixture.set_active(&id, false).await, 200);
    fixture.events.take();

    // She stays blocked under the old subject, and is blocked under the new one.
    assert_eq!(fixture.json(&route, &patch(json!("c-3"))).await.0, 200);
    assert_eq!(fixture.events.take(), ["user.disabled https://idp.example|c-3"]);
    assert_eq!(fixture.set_active(&id, true).await, 200);
    assert_eq!(fixture.events.take(), ["user.enabled https://idp.example|c-3"]);
    assert_eq!(fixture.json(&route, &patch(json!("c-2"))).await.0, 200);
    let expected =
        ["user.enabled https://idp.example|c-2", "user.signed-out https://idp.example|c-3"];
    assert_eq!(fixture.events.take(), expected, "c-2 was still blocked");
}

#[tokio::test]
async fn a_name_can_be_the_subject() {
    let fixture = ScimFixture::with(SubjectAttribute::UserName);
    let id = fixture.carol(true).await;
    assert_eq!(fixture.set_active(&id, false).await, 200);
    assert_eq!(fixture.events.take(), ["user.disabled https://idp.example|carol"]);
}

#[tokio::test]
async fn an_event_that_cannot_be_sent_changes_nothing() {
    let fixture = ScimFixture::new();
    let id = fixture.carol(true).await;
    fixture.events.fail();
    assert_eq!(fixture.set_active(&id, false).await, 503);
    assert_eq!(fixture.send(&format!("DELETE Users/{id}"), b"").await.status, 503);
    let body = json!({ "userName": "dave", "externalId": "d-1", "active": false });
    let response = fixture.send("POST Users", body.to_string().as_bytes()).await;
    assert_eq!(response.status, 503);
    assert!(response.headers.contains(&("retry-after", "1".to_owned())), "{response:?}");
    let (_, list) = fixture.get("Users").await;
    assert_eq!(list["totalResults"], 1);
    assert_eq!(list["Resources"][0]["active"], true);
}
