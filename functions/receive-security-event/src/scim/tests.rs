use std::rc::Rc;
use std::time::Duration;

use event_queue::MemoryEventQueue;
use identity_core::event::{EventKind, EventMode, EventSource};
use identity_core::identity::Issuer;
use identity_core::secret::Secret;
use identity_core::testing::ManualClock;
use lambda_edge::testing::{TestRequest, body};
use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use scim_users::testing::MemoryScimUserStore;
use security_events::{AcceptedUsers, Transmitters};
use serde_json::{Value, json};

use super::*;
use crate::secret_cache::SecretCache;
use crate::tests::support::logged;

/// A secret in memory; an error if it has no text.
struct OneSecret {
    text: Rc<Cell<Option<&'static str>>>,
    reads: Rc<Cell<u32>>,
}

impl SecretSource for OneSecret {
    async fn read(&self) -> Result<Secret, String> {
        self.reads.set(self.reads.get() + 1);
        self.text.get().map(Secret::new).ok_or_else(|| "no answer".to_owned())
    }
}

const TOKEN: &str = "token-of-entra-0123456789";
const OTHER_TOKEN: &str = "token-of-okta-0123456789";
const SECRETS: &str = r#"{
    "entra-scim": {"token": "token-of-entra-0123456789"},
    "okta-scim": {"token": "token-of-okta-0123456789"},
    "short": {"token": "short"},
    "ssf": {"token": "token-of-another-kind-0123"}
}"#;

struct ScimStand {
    receiver: Receiver<OneSecret, MemoryEventQueue>,
    queue: MemoryEventQueue,
    store: MemoryScimUserStore,
    clock: ManualClock,
    now: Instant,
    secret: Rc<Cell<Option<&'static str>>>,
    /// How often the secret was read.
    reads: Rc<Cell<u32>>,
}

impl ScimStand {
    fn new(secret: Option<&'static str>) -> Self {
        let issuer = "https://idp.example";
        let configured = json!([
            { "name": "ssf", "kind": "ssf", "issuer": issuer, "audiences": ["a"] },
            { "name": "entra-scim", "kind": "scim", "tokenIssuer": issuer },
            { "name": "okta-scim", "kind": "scim", "tokenIssuer": issuer, "subject": "userName", "mode": "shadow" },
            { "name": "short", "kind": "scim", "tokenIssuer": issuer },
        ]);
        let users = AcceptedUsers {
            issuer: Issuer::parse(issuer).unwrap(),
            other_issuers: false,
            subject_claims: "sub".parse().unwrap(),
        };
        let transmitters = Transmitters::parse(&configured.to_string(), &users).unwrap();
        let queue = MemoryEventQueue::default();
        let reads = Rc::<Cell<u32>>::default();
        let secret = Rc::new(Cell::new(secret));
        let source = OneSecret { text: Rc::clone(&secret), reads: Rc::clone(&reads) };
        let secrets = SecretCache::new(Some(source));
        let receiver = Receiver::new(transmitters, secrets, queue.clone()).unwrap();
        let (store, clock) = (MemoryScimUserStore::default(), ManualClock::default());
        Self { receiver, queue, store, clock, now: Instant::now(), secret, reads }
    }

    async fn send(&self, request: &TestRequest) -> Response<Body> {
        let http = request.request();
        let path = scim_path(&http).unwrap();
        receive_scim(&self.receiver, &self.store, &http, &path, &self.clock, self.now).await
    }
}

/// A request with the token of Entra.
fn scim(method: &str, path: &str) -> TestRequest {
    TestRequest::new(&format!("{method} /scim/v2/{{proxy+}}"))
        .without_authorizer()
        .parameter("proxy", path)
        .header("host", "api.example")
        .header("authorization", &format!("Bearer {TOKEN}"))
}

fn carol(active: &Value) -> Value {
    json!({ "userName": "carol", "externalId": "c-1", "active": active })
}

#[test]
fn only_a_request_below_the_path_of_scim_is_one() {
    assert_eq!(scim_path(&scim("GET", "Users/7").request()).as_deref(), Some("Users/7"));
    let signal = TestRequest::new("POST /v1/signals/{transmitter}").parameter("transmitter", "x");
    assert_eq!(scim_path(&signal.request()), None);
    assert_eq!(scim_path(&TestRequest::new("GET /x").request()), None);
}

#[tokio::test]
async fn a_deactivation_is_in_the_queue_before_it_is_answered() {
    let stand = ScimStand::new(Some(SECRETS));
    let created =
        scim("POST", "Users").body("application/scim+json", &carol(&json!("False")).to_string());
    let response = stand.send(&created).await;
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/scim+json");
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    let id = body(&response)["id"].as_str().unwrap().to_owned();
    let location = format!("https://api.example/scim/v2/Users/{id}");
    assert_eq!(response.headers()[LOCATION], location.as_str());
    let [message] = &stand.queue.messages()[..] else { panic!("one message") };
    assert_eq!((message.source, message.mode), (EventSource::Scim, EventMode::Apply));
    assert_eq!((message.kind, message.transmitter.as_str()), (EventKind::Disabled, "entra-scim"));
    assert_eq!(message.user.as_str(), "https://idp.example|c-1");
    assert_eq!(message.resolution, Duration::from_millis(1));
    assert_eq!((message.occurred_at, message.accepted_at), (stand.clock.now(), stand.clock.now()));
    assert!(message.event_id.starts_with(&id), "{}", message.event_id);

    let list = scim("GET", "Users").query("filter=userName%20eq%20%22Carol%22");
    assert_eq!(body(&stand.send(&list).await)["totalResults"], 1);
    let deleted = stand.send(&scim("DELETE", &format!("Users/{id}"))).await;
    assert_eq!((deleted.status().as_u16(), deleted.body().is_empty()), (204, true));
}

#[tokio::test]
async fn every_answer_of_scim_has_a_request_id_and_is_plain() {
    let stand = ScimStand::new(Some(SECRETS));
    let down = ScimStand::new(None);
    for (stand, request, status) in [
        (&stand, scim("GET", "Users"), 200),
        (&stand, scim("GET", "Users/unknown"), 404),
        (&stand, scim("GET", "Users").header("authorization", "Bearer guess"), 401),
        (&down, scim("GET", "Users"), 503),
    ] {
        let request = request.header("x-request-id", "sent-1");
        let (log, response) = logged(stand.send(&request)).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["x-request-id"], "sent-1");
        assert_eq!(log.last().unwrap()["CorrelationId"], "sent-1");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/scim+json");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn the_token_says_which_transmitter_it_is() {
    let stand = ScimStand::new(Some(SECRETS));
    assert_eq!(stand.send(&scim("POST", "Users").json(&carol(&json!(false)))).await.status(), 201);
    let other = scim("POST", "Users").header("authorization", &format!("bearer {OTHER_TOKEN}"));
    let response = stand.send(&other.json(&carol(&json!(false)))).await;
    assert_eq!(response.status(), 201, "each has its own users");
    let messages = stand.queue.messages();
    let last = messages.last().unwrap();
    assert_eq!((last.transmitter.as_str(), last.mode), ("okta-scim", EventMode::Shadow));
    assert_eq!(last.user.as_str(), "https://idp.example|carol");
}

#[tokio::test]
async fn only_a_token_of_no_transmitter_makes_it_read_the_secret_again() {
    let mut stand = ScimStand::new(Some(SECRETS));
    let of_none = "token-of-none-0123456789";
    for (seconds, token, status, reads) in [
        (0, TOKEN, 200, 1),
        (61, TOKEN, 200, 1),
        (0, OTHER_TOKEN, 200, 1),
        (0, of_none, 401, 2),
        (59, of_none, 401, 2),
        (1, of_none, 401, 3),
    ] {
        stand.now += Duration::from_secs(seconds);
        let request = scim("GET", "Users").header("authorization", &format!("Bearer {token}"));
        assert_eq!(stand.send(&request).await.status(), status);
        assert_eq!(stand.reads.get(), reads, "{token}");
    }
}

#[tokio::test]
async fn a_secret_that_is_not_readable_is_read_once_for_all_transmitters() {
    let stand = ScimStand::new(None);
    for _ in 0..3 {
        assert_eq!(stand.send(&scim("GET", "Users")).await.status(), 503);
        assert_eq!(stand.reads.get(), 1);
    }
}

#[tokio::test]
async fn r26_scim_compares_the_token_before_it_reads_anything() {
    let stand = ScimStand::new(Some(SECRETS));
    for authorization in [
        "",
        TOKEN,
        "Bearer",
        "Bearer short",
        "Bearer token-of-another-kind-0123",
        "Bearer token-of-entra-012345678",
        "Basic token-of-entra-0123456789",
    ] {
        for request in [scim("POST", "Users").body("text/plain", "nonsense"), scim("GET", "")] {
            let response = stand.send(&request.header("authorization", authorization)).await;
            assert_eq!(response.status(), 401, "{authorization}");
            assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
            assert_eq!(response.headers()[CONTENT_TYPE], "application/scim+json");
            assert_eq!(body(&response)["status"], "401");
        }
    }
    assert_eq!(stand.queue.messages(), []);
}

#[tokio::test]
async fn r26_scim_does_not_answer_own_trouble_as_a_refusal() {
    let stand = ScimStand::new(None);
    let response = stand.send(&scim("GET", "Users")).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()[RETRY_AFTER]),
        (503, &HeaderValue::from_static("1"))
    );

    let stand = ScimStand::new(Some(SECRETS));
    stand.queue.set_down(true);
    let create = scim("POST", "Users").json(&carol(&json!(false)));
    assert_eq!(stand.send(&create).await.status(), 503);
    stand.queue.set_down(false);
    assert_eq!(stand.send(&create).await.status(), 201, "nothing was stored before");

    // Without the secret of now, another token may be the new one.
    let mut stand = ScimStand::new(Some(SECRETS));
    let other = scim("GET", "Users").header("authorization", "Bearer token-of-entra-new-0123");
    assert_eq!(stand.send(&other).await.status(), 401);
    stand.secret.set(None);
    stand.now += Duration::from_mins(1);
    assert_eq!(stand.send(&other).await.status(), 503);
    assert_eq!(stand.send(&scim("GET", "Users")).await.status(), 200);
}

#[test]
fn a_location_is_only_made_of_a_host() {
    let url = |host: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        base_url(&headers)
    };
    assert_eq!(url("api.example:443"), "https://api.example:443/scim/v2");
    for host in ["", "a/b", "a?b", "a b", "a@b"] {
        assert_eq!(url(host), "/scim/v2", "{host}");
    }
    assert_eq!(base_url(&HeaderMap::new()), "/scim/v2");
}

#[test]
fn a_user_who_is_looked_for_in_vain_is_not_a_refusal() {
    for (status, sent, expected) in [
        (200, 0, SignalOutcome::Ignored("no-change")),
        (200, 2, SignalOutcome::Accepted(2)),
        (204, 1, SignalOutcome::Accepted(1)),
        (400, 0, SignalOutcome::Refused("invalid-request")),
        (401, 0, SignalOutcome::Refused("authentication")),
        (404, 0, SignalOutcome::Ignored("not-found")),
        (405, 0, SignalOutcome::Ignored("not-found")),
        (409, 0, SignalOutcome::Ignored("name-taken")),
        (413, 0, SignalOutcome::Refused("body-too-large")),
        (415, 0, SignalOutcome::Refused("media-type")),
        (500, 1, SignalOutcome::Failed("scim-unavailable")),
        (501, 0, SignalOutcome::Ignored("not-found")),
        (503, 0, SignalOutcome::Failed("scim-unavailable")),
    ] {
        assert_eq!(outcome_of(status, sent), expected, "{status}");
    }
}
