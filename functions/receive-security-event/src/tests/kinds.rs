//! The kinds whose messages are one signed token: how each is asked, and how it answers.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use axum::{Router, routing::get};
use bearer_verifier::testing::Signer;
use event_queue::MemoryEventQueue;
use harness::TestServer;
use identity_core::event::{EventKind, EventMode, EventSource};
use identity_core::identity::Issuer;
use identity_core::testing::ManualClock;
use lambda_edge::testing::{TestRequest, body};
use lambda_http::http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use lambda_http::{Body, Response};
use security_events::{AcceptedUsers, Transmitters};
use serde_json::{Value, json};

use super::support::{FixedSecret, NOW, logged};
use crate::receiver::Receiver;
use crate::secret_cache::SecretCache;

const AUDIENCE: &str = "https://guestpass.example/v1/signals/idp";

const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";

const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";

const KINDS: [EventSource; 4] = [
    EventSource::BackChannelLogout,
    EventSource::GlobalTokenRevocation,
    EventSource::Apple,
    EventSource::Google,
];

static SIGNER: LazyLock<Arc<Signer>> = LazyLock::new(Arc::default);

/// A transmitter of one kind, and a receiver for it.
struct KindStand {
    kind: EventSource,
    server: TestServer,
    receiver: Receiver<FixedSecret, MemoryEventQueue>,
    queue: MemoryEventQueue,
}

impl KindStand {
    async fn start(kind: EventSource) -> Self {
        let keys = SIGNER.jwks().to_string();
        let routes = Router::new().route("/jwks", get(async move || keys));
        Self::with(kind, TestServer::start(routes).await.unwrap())
    }

    fn with(kind: EventSource, server: TestServer) -> Self {
        let mut configured = json!({
            "name": "idp", "kind": kind.as_str(), "issuer": server.url(),
            "jwksUri": format!("{}/jwks", server.url()), "audiences": [AUDIENCE],
            "tokenIssuer": "https://idp.example",
        });
        if kind == EventSource::GlobalTokenRevocation {
            configured["clientIds"] = json!(["client-1"]);
        }
        let users = AcceptedUsers {
            issuer: Issuer::parse("https://idp.example").unwrap(),
            other_issuers: false,
            subject_claims: "sub".parse().unwrap(),
        };
        let transmitters = Transmitters::parse(&json!([configured]).to_string(), &users).unwrap();
        let queue = MemoryEventQueue::default();
        let receiver = Receiver::new(transmitters, SecretCache::new(None), queue.clone()).unwrap();
        Self { kind, server, receiver, queue }
    }

    /// The claims of a message about carol.
    fn claims(&self) -> Value {
        let mut claims = json!({
            "iss": self.server.url(), "aud": AUDIENCE, "jti": "canary-jti", "iat": NOW - 60,
            "exp": NOW + 60,
        });
        let own = match self.kind {
            EventSource::BackChannelLogout => json!({ "sub": "carol", "events": { LOGOUT: {} } }),
            EventSource::GlobalTokenRevocation => json!({ "sub": "client-1", "nbf": NOW - 60 }),
            EventSource::Apple => {
                let event = json!({ "type": "consent-revoked", "sub": "carol" });
                json!({ "events": event.to_string() })
            }
            _ => {
                let subject = json!({ "iss": self.server.url(), "sub": "carol" });
                let name = format!("{RISC}sessions-revoked");
                json!({ "events": { name: { "subject": subject } } })
            }
        };
        claims.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        claims
    }

    fn header(&self) -> Value {
        match self.kind {
            EventSource::BackChannelLogout => json!({ "typ": "logout+jwt" }),
            EventSource::GlobalTokenRevocation => json!({ "typ": "global-token-revocation+jwt" }),
            _ => json!({}),
        }
    }

    fn token(&self, signer: &Signer, header: &Value, claims: &Value) -> String {
        let mut all = json!({ "alg": "RS256", "kid": "rsa" });
        let members = all.as_object_mut().unwrap();
        members.extend(self.header().as_object().unwrap().clone());
        members.extend(header.as_object().unwrap().clone());
        signer.sign(&all, claims)
    }

    fn good(&self) -> String {
        self.token(&SIGNER, &json!({}), &self.claims())
    }

    /// The request that carries a token.
    fn request(&self, token: &str) -> TestRequest {
        let request = TestRequest::new("POST /v1/signals/{transmitter}")
            .without_authorizer()
            .parameter("transmitter", "idp");
        match self.kind {
            EventSource::BackChannelLogout => {
                let form = format!("logout_token={token}");
                request.body("application/x-www-form-urlencoded", &form)
            }
            EventSource::GlobalTokenRevocation => {
                let subject =
                    json!({ "format": "iss_sub", "iss": self.server.url(), "sub": "carol" });
                let body = json!({ "sub_id": subject }).to_string();
                request
                    .header("authorization", &format!("Bearer {token}"))
                    .body("application/json", &body)
            }
            EventSource::Apple => {
                request.body("application/json", &json!({ "payload": token }).to_string())
            }
            _ => request.body("application/secevent+jwt", token),
        }
    }

    async fn send(&self, request: &TestRequest) -> Response<Body> {
        let clock = ManualClock::default();
        self.receiver.receive(&request.request(), &clock, Instant::now()).await
    }

    async fn deliver(&self, token: &str) -> Response<Body> {
        self.send(&self.request(token)).await
    }

    fn accepted(&self) -> u16 {
        match self.kind {
            EventSource::GlobalTokenRevocation => 204,
            EventSource::Google => 202,
            _ => 200,
        }
    }

    fn refused(&self) -> u16 {
        if self.kind == EventSource::GlobalTokenRevocation { 401 } else { 400 }
    }
}

#[tokio::test]
async fn a_genuine_message_is_in_the_queue_before_it_is_accepted_and_may_come_again() {
    for kind in KINDS {
        let stand = KindStand::start(kind).await;
        for _ in 0..2 {
            let response = stand.deliver(&stand.good()).await;
            assert_eq!(response.status().as_u16(), stand.accepted(), "{kind:?}");
            assert!(response.body().is_empty());
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        }
        let messages = stand.queue.messages();
        let [first, again] = messages.as_slice() else { panic!("{messages:?}") };
        // The watermark of the user's record makes the second one a no-op.
        assert_eq!(first, again);
        assert_eq!((first.source, first.mode), (kind, EventMode::Apply));
        assert_eq!((first.kind, first.event_id.as_str()), (EventKind::SignedOut, "canary-jti"));
        assert_eq!(first.user.as_str(), "https://idp.example|carol");
    }
}

#[tokio::test]
async fn r26_a_message_that_is_not_genuine_puts_nothing_into_the_queue() {
    for kind in KINDS {
        let stand = KindStand::start(kind).await;
        let claims = |name: &str, value: Value| {
            let mut claims = stand.claims();
            claims[name] = value;
            stand.token(&SIGNER, &json!({}), &claims)
        };
        for token in [
            "canary".to_owned(),
            stand.token(&Signer::default(), &json!({}), &stand.claims()),
            stand.token(&SIGNER, &json!({ "alg": "none" }), &stand.claims()),
            stand.token(&SIGNER, &json!({ "typ": "at+jwt" }), &stand.claims()),
            claims("iss", json!("https://canary.example")),
            claims("aud", json!("canary")),
            claims("iat", json!(NOW + 3600)),
        ] {
            let (log, response) = logged(stand.deliver(&token)).await;
            assert_eq!(response.status().as_u16(), stand.refused(), "{kind:?} {token}");
            let bearer = response.headers().get(WWW_AUTHENTICATE).is_some();
            assert_eq!(bearer, stand.refused() == 401);
            let answer = body(&response);
            let code = if kind == EventSource::Google { "err" } else { "error" };
            assert!(answer[code].is_string(), "{answer}");
            assert!(!answer.to_string().contains("canary"), "{answer}");
            let line = log.last().unwrap();
            assert_eq!(
                (&line["metric.signals_refused"], &line["level"]),
                (&json!(1), &json!("WARN"))
            );
            assert!(log.iter().all(|line| !line.to_string().contains("canary")), "{log:?}");
        }
        assert_eq!(stand.queue.messages(), []);
    }
}

#[tokio::test]
async fn r26_trouble_of_this_deployment_is_no_refusal() {
    for kind in KINDS {
        let stand = KindStand::start(kind).await;
        stand.queue.set_down(true);
        assert_eq!(stand.deliver(&stand.good()).await.status(), 503, "{kind:?}");
        let without_keys = TestServer::start(Router::new()).await.unwrap();
        let stand = KindStand::with(kind, without_keys);
        assert_eq!(stand.deliver(&stand.good()).await.status(), 503, "{kind:?}");
    }
}

#[tokio::test]
async fn r26_a_body_of_another_kind_or_size_is_refused() {
    for kind in KINDS {
        let stand = KindStand::start(kind).await;
        let status = async |media_type: &str, text: &str| {
            let request = stand.request(&stand.good()).body(media_type, text);
            stand.send(&request).await.status().as_u16()
        };
        assert_eq!(status("text/plain", "x").await, 400, "{kind:?}");
        let media_type = match kind {
            EventSource::BackChannelLogout => "application/x-www-form-urlencoded",
            EventSource::Google => "application/secevent+jwt",
            _ => "application/json",
        };
        for text in ["", "{}", "[]", "state=x"] {
            assert_eq!(status(media_type, text).await, 400, "{kind:?} {text}");
        }
        assert_eq!(status(media_type, &"x".repeat(64 * 1024 + 1)).await, 413, "{kind:?}");
        assert_eq!(stand.queue.messages(), []);
    }
}

#[tokio::test]
async fn a_genuine_message_that_changes_nothing_is_accepted_and_counted() {
    for (kind, name, value, reason) in [
        (EventSource::BackChannelLogout, "sub", Value::Null, "user"),
        (EventSource::Apple, "events", json!({ "type": "email-disabled" }), "event"),
        (EventSource::Google, "events", json!({}), "event"),
    ] {
        let stand = KindStand::start(kind).await;
        let mut claims = stand.claims();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
            claims["sid"] = json!("session");
        } else {
            claims[name] = value;
        }
        let token = stand.token(&SIGNER, &json!({}), &claims);
        let (log, response) = logged(stand.deliver(&token)).await;
        assert_eq!(response.status().as_u16(), stand.accepted(), "{kind:?}");
        let line = log.last().unwrap();
        assert_eq!(line["metric.signals_ignored"], 1, "{line}");
        assert!(line["ResultDescription"].as_str().unwrap().contains(reason), "{line}");
        assert_eq!(stand.queue.messages(), []);
    }
}

#[tokio::test]
async fn r26_a_revocation_request_has_the_status_of_its_fault() {
    let stand = KindStand::start(EventSource::GlobalTokenRevocation).await;
    let subject = |changes: Value| {
        let mut subject = json!({ "format": "iss_sub", "iss": stand.server.url(), "sub": "carol" });
        subject.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        json!({ "sub_id": subject })
    };
    for (body, status) in [
        (subject(json!({})), 204),
        (subject(json!({ "more": 1 })), 400),
        (json!({ "sub_id": { "format": "email", "email": "c@x.example" } }), 400),
        (subject(json!({ "iss": "https://other.example" })), 403),
        (subject(json!({ "sub": "" })), 422),
    ] {
        let request = stand.request(&stand.good()).body("application/json", &body.to_string());
        assert_eq!(stand.send(&request).await.status().as_u16(), status, "{body}");
    }
    let mut claims = stand.claims();
    claims["sub"] = json!("client-2");
    let other_client = stand.token(&SIGNER, &json!({}), &claims);
    assert_eq!(stand.deliver(&other_client).await.status(), 403);
    for authorization in ["", "Bearer", "Basic x", &stand.good()] {
        let request = stand.request("x").header("authorization", authorization);
        assert_eq!(stand.send(&request).await.status(), 401, "{authorization}");
    }
    let request = stand.request("x").header("authorization", &format!("bearer {}", stand.good()));
    assert_eq!(stand.send(&request).await.status(), 204);
    // An unauthenticated caller learns nothing about the body.
    let request = stand.request("x").body("application/json", "{}");
    assert_eq!(stand.send(&request).await.status(), 401);
    assert_eq!(stand.queue.messages().len(), 2);
}
