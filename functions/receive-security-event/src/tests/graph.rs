use event_queue::MemoryEventQueue;
use identity_core::event::EventMode;
use identity_core::identity::Issuer;
use identity_core::testing::ManualClock;
use lambda_edge::testing::TestRequest;
use lambda_http::{Body, Response};
use security_events::{AcceptedUsers, Transmitters};
use serde_json::{Value, json};

use super::support::FixedSecret;
use std::time::Instant;

use crate::receiver::Receiver;
use crate::secret_cache::SecretCache;

pub(super) const TENANT: &str = "11111111-2222-3333-4444-555555555555";
pub(super) const USER: &str = "99999999-8888-7777-6666-555555555555";
pub(super) const STATE: &str = r#"{"entra": {"clientState": "synthetic-client-state"}}"#;

pub(super) struct GraphStand {
    receiver: Receiver<FixedSecret, MemoryEventQueue>,
    pub(super) queue: MemoryEventQueue,
    clock: ManualClock,
}

impl GraphStand {
    fn new(secret: Option<&'static str>) -> Self {
        Self::with_url("https://api.example.com/v1/signals/entra", secret)
    }

    /// With this `notificationUrl`.
    pub(super) fn with_url(url: &str, secret: Option<&'static str>) -> Self {
        let configured = json!([{
            "name": "entra", "kind": "graph", "mode": "shadow", "tenants": [TENANT],
            "clientId": "aaaaaaaa-0000-0000-0000-000000000001",
            "notificationUrl": url,
            "tokenIssuer": "https://idp.example",
        }]);
        let users = AcceptedUsers {
            issuer: Issuer::parse("https://idp.example").unwrap(),
            other_issuers: false,
            subject_claims: "tid,oid".parse().unwrap(),
        };
        let transmitters = Transmitters::parse(&configured.to_string(), &users).unwrap();
        let (queue, secret) = (MemoryEventQueue::default(), secret.map(FixedSecret));
        let receiver = Receiver::new(transmitters, SecretCache::new(secret), queue.clone());
        Self { receiver: receiver.unwrap(), queue, clock: ManualClock::default() }
    }

    pub(super) async fn send(&self, request: &TestRequest) -> Response<Body> {
        self.receiver.receive(&request.request(), &self.clock, Instant::now()).await
    }

    async fn post(&self, media_type: &str, body: &str) -> u16 {
        self.send(&request().body(media_type, body)).await.status().as_u16()
    }

    async fn notify(&self, notifications: &[Value]) -> u16 {
        self.post("application/json", &json!({ "value": notifications }).to_string()).await
    }
}

fn request() -> TestRequest {
    TestRequest::new("POST /v1/signals/{transmitter}")
        .without_authorizer()
        .parameter("transmitter", "entra")
}

/// Graph's request before it creates a subscription.
fn confirmation(token: &str) -> TestRequest {
    let encoded: Vec<_> = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
    request().query(&format!("validationToken={}", encoded.concat()))
}

pub(super) fn notification(user: &str) -> Value {
    json!({
        "changeType": "updated",
        "clientState": "synthetic-client-state",
        "resource": format!("Users/{user}"),
        "resourceData": { "id": user, "eventTime": "2026-10-05T09:12:33.3062901Z" },
        "subscriptionExpirationDateTime": "2026-10-07T23:21:19.3554403+00:00",
        "tenantId": TENANT,
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut changed = notification(USER);
    changed[name] = value;
    changed
}

pub(super) fn text(response: &Response<Body>) -> &str {
    match response.body() {
        Body::Text(text) => text,
        _ => "",
    }
}

#[tokio::test]
async fn a_new_subscription_is_confirmed_with_its_token_and_nothing_else() {
    let stand = GraphStand::new(Some(STATE));
    for token in ["Validation: Testing client <b>&\"x\"", &"x".repeat(1024)] {
        let response = stand.send(&confirmation(token)).await;
        assert_eq!((response.status().as_u16(), text(&response)), (200, token));
        assert_eq!(response.headers()["content-type"], "text/plain");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn r26_a_token_that_is_too_long_or_has_control_characters_is_refused() {
    let stand = GraphStand::new(Some(STATE));
    for token in ["", "a\nb", "a\u{7f}", "a\u{e9}", &"x".repeat(1025)] {
        let response = stand.send(&confirmation(token)).await;
        assert_eq!((response.status().as_u16(), text(&response)), (400, ""), "{token:?}");
    }
}

#[tokio::test]
async fn a_changed_user_is_in_the_queue_before_the_answer() {
    let stand = GraphStand::new(Some(STATE));
    let other = notification("88888888-8888-7777-6666-555555555555");
    let status = stand.notify(&[notification(USER), notification(USER), other]).await;
    assert_eq!(status, 202);
    let look_ups = stand.queue.look_ups();
    let [first, second] = &look_ups[..] else { panic!("{look_ups:?}") };
    assert_eq!(first.look_up.user.as_str(), format!("https://idp.example|{TENANT}|{USER}"));
    assert_eq!((first.look_up.tenant.as_str(), first.look_up.object_id.as_str()), (TENANT, USER));
    assert_eq!((first.look_up.transmitter.as_str(), first.mode), ("entra", EventMode::Shadow));
    assert_ne!(first.look_up.user, second.look_up.user);
}

#[tokio::test]
async fn event_grid_can_deliver_the_same() {
    let stand = GraphStand::new(Some(STATE));
    let event = json!({ "specversion": "1.0", "data": notification(USER) });
    for (media_type, body) in [
        ("application/cloudevents+json; charset=utf-8", event.to_string()),
        ("application/cloudevents-batch+json", json!([event]).to_string()),
        ("application/json", json!([event]).to_string()),
    ] {
        assert_eq!(stand.post(media_type, &body).await, 202, "{media_type}");
    }
    assert_eq!(stand.queue.look_ups().len(), 3);
}

#[tokio::test]
async fn a_notification_about_the_subscription_or_another_resource_needs_no_message() {
    let stand = GraphStand::new(Some(STATE));
    for name in ["reauthorizationRequired", "missed", "subscriptionRemoved"] {
        assert_eq!(stand.notify(&[with("lifecycleEvent", json!(name))]).await, 202);
    }
    assert_eq!(stand.notify(&[with("resource", json!("Groups/1"))]).await, 202);
    assert_eq!(stand.queue.look_ups(), []);
}

#[tokio::test]
async fn r26_a_wrong_client_state_or_tenant_is_refused_with_all_that_came_with_it() {
    let stand = GraphStand::new(Some(STATE));
    for forged in [
        with("clientState", json!("guess")),
        with("clientState", json!("synthetic-client-state ")),
        with("tenantId", json!("22222222-2222-3333-4444-555555555555")),
    ] {
        assert_eq!(stand.notify(std::slice::from_ref(&forged)).await, 403);
        assert_eq!(stand.notify(&[notification(USER), forged]).await, 403);
    }
    assert_eq!(stand.queue.look_ups(), []);
}

#[tokio::test]
async fn r26_a_body_that_is_too_long_or_not_a_notification_is_refused() {
    let stand = GraphStand::new(Some(STATE));
    let body = json!({ "value": [notification(USER)] }).to_string();
    for (media_type, body, status) in [
        ("application/json", " ".repeat(65_537), 413),
        ("application/json", "not json".to_owned(), 400),
        ("application/json", "{}".to_owned(), 400),
        ("text/plain", body.clone(), 400),
        ("application/x-www-form-urlencoded", body, 400),
    ] {
        assert_eq!(stand.post(media_type, &body).await, status, "{media_type}");
    }
    assert_eq!(stand.notify(&[with("clientState", Value::Null)]).await, 400);
    assert_eq!(stand.queue.look_ups(), []);
}

#[tokio::test]
async fn trouble_of_our_own_is_not_a_refusal() {
    for secret in [None, Some(r#"{"other": {"clientState": "x"}}"#), Some("not json")] {
        let stand = GraphStand::new(secret);
        assert_eq!(stand.notify(&[notification(USER)]).await, 503, "{secret:?}");
    }
    let stand = GraphStand::new(Some(STATE));
    stand.queue.set_down(true);
    assert_eq!(stand.notify(&[notification(USER)]).await, 503);
}
