//! A transmitter on this machine, a receiver that is configured for it, and the log.

use std::cell::Cell;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::{Router, routing::get};
use bearer_verifier::testing::Signer;
use event_queue::MemoryEventQueue;
use harness::TestServer;
use identity_core::event::EventMode;
use identity_core::identity::Issuer;
use identity_core::secret::Secret;
use identity_core::testing::ManualClock;
use lambda_edge::testing::TestRequest;
use lambda_http::{Body, Response};
use security_events::{AcceptedUsers, Transmitters};
use serde_json::{Map, Value, json};
use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;

use crate::receiver::Receiver;
use crate::secret_cache::{SecretCache, SecretSource};

pub(super) const AUDIENCE: &str = "https://guestpass.example/ssf";

/// The time of the manual clock, in seconds since 1970.
pub(super) const NOW: u64 = 1_800_000_000;

/// A secret in memory.
pub(super) struct FixedSecret(pub(super) &'static str);

impl SecretSource for FixedSecret {
    async fn read(&self) -> Result<Secret, String> {
        Ok(Secret::new(self.0))
    }
}

/// The documents of a transmitter.
struct TestTransmitter {
    signer: Arc<Signer>,
    server: TestServer,
    fetches: Arc<AtomicUsize>,
    is_down: Arc<AtomicBool>,
}

impl TestTransmitter {
    async fn start(signer: Arc<Signer>) -> Self {
        let (fetches, is_down) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (count, down) = (Arc::clone(&fetches), Arc::clone(&is_down));
        let metadata = async move |headers: HeaderMap| {
            if down.load(Ordering::Relaxed) {
                return StatusCode::BAD_GATEWAY.into_response();
            }
            count.fetch_add(1, Ordering::Relaxed);
            let url = format!("http://{}", headers["host"].to_str().unwrap());
            json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") }).to_string().into_response()
        };
        let keys = signer.jwks().to_string();
        let routes = Router::new()
            .route("/.well-known/ssf-configuration", get(metadata))
            .route("/jwks", get(async move || keys));
        let server = TestServer::start(routes).await.unwrap();
        Self { signer, server, fetches, is_down }
    }
}

/// A transmitter, and a receiver for it.
pub(super) struct Stand {
    transmitter: Arc<TestTransmitter>,
    pub(super) receiver: Receiver<FixedSecret, MemoryEventQueue>,
    pub(super) queue: MemoryEventQueue,
    clock: ManualClock,
    now: Cell<Instant>,
}

impl Stand {
    /// With keys of its own.
    pub(super) async fn start() -> Self {
        Self::with_signer(Arc::new(Signer::default())).await
    }

    /// With keys that are generated once.
    pub(super) async fn shared() -> Self {
        static SIGNER: LazyLock<Arc<Signer>> = LazyLock::new(Arc::default);
        Self::with_signer(Arc::clone(&SIGNER)).await
    }

    async fn with_signer(signer: Arc<Signer>) -> Self {
        let transmitter = Arc::new(TestTransmitter::start(signer).await);
        Self::of(transmitter, EventMode::Apply, None)
    }

    /// Another receiver, without keys and messages.
    pub(super) fn in_mode(&self, mode: EventMode) -> Self {
        Self::of(Arc::clone(&self.transmitter), mode, None)
    }

    /// Another receiver, with this secret.
    pub(super) fn with_secret(&self, secret: &'static str) -> Self {
        Self::of(Arc::clone(&self.transmitter), EventMode::Apply, Some(FixedSecret(secret)))
    }

    fn of(transmitter: Arc<TestTransmitter>, mode: EventMode, secret: Option<FixedSecret>) -> Self {
        let configured = json!([{
            "name": "idp", "kind": "ssf", "mode": mode.as_str(),
            "issuer": transmitter.server.url(), "audiences": [AUDIENCE],
            "tokenIssuer": "https://idp.example",
        }]);
        let users = AcceptedUsers {
            issuer: Issuer::parse("https://idp.example").unwrap(),
            other_issuers: false,
            subject_claims: "sub".parse().unwrap(),
        };
        let transmitters = Transmitters::parse(&configured.to_string(), &users).unwrap();
        let queue = MemoryEventQueue::default();
        let receiver = Receiver::new(transmitters, SecretCache::new(secret), queue.clone());
        let (clock, now) = (ManualClock::default(), Cell::new(Instant::now()));
        Self { transmitter, receiver: receiver.unwrap(), queue, clock, now }
    }

    /// The claims of a SET that ends the sessions of carol.
    pub(super) fn claims(&self, id: &str) -> Value {
        let issuer = self.transmitter.server.url();
        json!({
            "iss": issuer, "aud": AUDIENCE, "iat": NOW - 60, "jti": id,
            "sub_id": { "format": "iss_sub", "iss": issuer, "sub": "carol" },
            "events": { "https://schemas.openid.net/secevent/caep/event-type/session-revoked": {} },
        })
    }

    /// A SET that is really signed.
    pub(super) fn set(&self, id: &str) -> String {
        self.sign(&self.claims(id))
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_parts(Map::new(), claims)
    }

    /// A SET with other members in its header.
    pub(super) fn sign_with(&self, header: &Value, id: &str) -> String {
        self.sign_parts(header.as_object().unwrap().clone(), &self.claims(id))
    }

    pub(super) fn sign_parts(&self, more: Map<String, Value>, claims: &Value) -> String {
        let mut header = json!({ "alg": "RS256", "typ": "secevent+jwt", "kid": "rsa" });
        header.as_object_mut().unwrap().extend(more);
        self.transmitter.signer.sign(&header, claims)
    }

    pub(super) async fn push(&self, token: &str) -> Response<Body> {
        self.send(&push("idp", token)).await
    }

    pub(super) async fn send(&self, request: &TestRequest) -> Response<Body> {
        self.receiver.receive(&request.request(), &self.clock, self.now()).await
    }

    /// How often the metadata of the transmitter was fetched.
    pub(super) fn fetches(&self) -> usize {
        self.transmitter.fetches.load(Ordering::Relaxed)
    }

    /// Whether the transmitter answers.
    pub(super) fn set_down(&self, is_down: bool) {
        self.transmitter.is_down.store(is_down, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> Instant {
        self.now.get()
    }

    pub(super) fn advance(&self, duration: Duration) {
        self.now.set(self.now.get() + duration);
    }
}

/// A push of a SET to the transmitter's path.
pub(super) fn push(name: &str, token: &str) -> TestRequest {
    TestRequest::new("POST /v1/signals/{transmitter}")
        .without_authorizer()
        .parameter("transmitter", name)
        .body("application/secevent+jwt", token)
}

static LISTENER: OnceLock<Dispatch> = OnceLock::new();

/// Returns the lines that `work` logged, and its result.
pub(crate) async fn logged<T>(work: impl Future<Output = T>) -> (Vec<Value>, T) {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().json().flatten_event(true).with_writer(log.clone()).finish();
    // Keep one subscriber for as long as the tests run: otherwise tracing would cache, for every
    // thread, that a log statement is of no interest if a test without a log reaches it first.
    LISTENER.get_or_init(|| Dispatch::new(tracing_subscriber::registry()));
    let guard = tracing::subscriber::set_default(subscriber);
    tracing::callsite::rebuild_interest_cache();
    let result = work.await;
    drop(guard);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), result)
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
