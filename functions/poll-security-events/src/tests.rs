//! Runs against a transmitter on this machine.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Router, body::Bytes};
use bearer_verifier::testing::Signer;
use event_queue::MemoryEventQueue;
use harness::TestServer;
use identity_core::event::EventMode;
use identity_core::identity::Issuer;
use identity_core::secret::Secret;
use identity_core::testing::ManualClock;
use security_events::{AcceptedUsers, TransmitterSecrets, Transmitters};
use serde_json::{Value, json};

use crate::config::{PollConfig, PolledStream};
use crate::poll_all;
use crate::poll_run::{PollOutcome, PollRun};
use crate::set_verifier::SetVerifier;
use crate::stream_api::StreamApi;

/// The time of the runs, in seconds since 1970.
const NOW: u64 = 1_800_000_000;

const AUDIENCE: &str = "guestpass";

const BY_TOKEN: &str = r#"{"idp": {"token": "t1"}}"#;

static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::default);

/// What a transmitter keeps.
#[derive(Default)]
struct Stream {
    sets: BTreeMap<String, String>,
    acknowledged: Vec<String>,
    refused: BTreeMap<String, Value>,
    requests: Vec<Value>,
    /// The keys are not served.
    is_keyless: bool,
}

type Shared = Arc<Mutex<Stream>>;

/// A transmitter, and a queue for its signals.
struct Fixture {
    server: TestServer,
    stream: Shared,
    queue: MemoryEventQueue,
    verifier: SetVerifier,
}

impl Fixture {
    async fn start() -> Self {
        let stream = Shared::default();
        let routes = Router::new()
            .route("/poll", post(poll))
            .route("/token", post(token))
            .route("/jwks", get(jwks))
            .with_state(Arc::clone(&stream));
        let server = TestServer::start(routes).await.unwrap();
        let (queue, verifier) = (MemoryEventQueue::default(), SetVerifier::new(false).unwrap());
        Self { server, stream, queue, verifier }
    }

    /// Adds a genuine SET about alice, with other claims.
    fn add(&self, jti: &str, change: &Value) {
        let mut claims = json!({
            "iss": self.server.url(), "aud": AUDIENCE, "iat": NOW, "jti": jti,
            "sub_id": { "format": "iss_sub", "iss": self.server.url(), "sub": "alice" },
            "events": { "https://schemas.openid.net/secevent/caep/event-type/session-revoked": {} },
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let header = json!({ "alg": "RS256", "typ": "secevent+jwt", "kid": "rsa" });
        self.add_text(jti, &SIGNER.sign(&header, &claims));
    }

    fn add_text(&self, jti: &str, set: &str) {
        self.stream.lock().unwrap().sets.insert(jti.to_owned(), set.to_owned());
    }

    fn config(&self) -> PollConfig {
        let url = self.server.url();
        let configured = json!([
            { "name": "idp", "kind": "ssf", "issuer": url, "audiences": [AUDIENCE],
              "jwksUri": format!("{url}/jwks"), "tokenIssuer": "https://idp.example",
              "delivery": "poll", "pollUrl": format!("{url}/poll"), "mode": "shadow" },
            { "name": "pushed", "kind": "ssf", "issuer": url, "audiences": [AUDIENCE],
              "tokenIssuer": "https://idp.example" },
        ]);
        let users = AcceptedUsers {
            issuer: Issuer::parse("https://idp.example").unwrap(),
            other_issuers: false,
            subject_claims: "sub".parse().unwrap(),
        };
        let transmitters = Transmitters::parse(&configured.to_string(), &users).unwrap();
        PollConfig {
            streams: transmitters.iter().filter_map(PolledStream::of).collect(),
            secret: "arn:aws:secretsmanager:eu-west-1:1:secret:x".parse().unwrap(),
            queue_url: String::new(),
            https_only: false,
        }
    }

    /// A run of at most `seconds`.
    async fn run(&self, secrets: &str, seconds: u64) -> Result<PollOutcome, String> {
        let config = self.config();
        let stream = &config.streams[0];
        let secrets = TransmitterSecrets::parse(&Secret::new(secrets)).unwrap();
        let failed = |error: crate::stream_api::StreamError| error.to_string();
        let until = Instant::now() + Duration::from_secs(seconds);
        let api = StreamApi::connect(false, stream, &secrets, until).await.map_err(failed)?;
        let run = PollRun {
            stream,
            api: &api,
            verifier: &self.verifier,
            queue: &self.queue,
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW),
            until,
            end: until + Duration::from_mins(1),
        };
        run.run().await.map_err(failed)
    }

    fn acknowledged(&self) -> Vec<String> {
        self.stream.lock().unwrap().acknowledged.clone()
    }
}

async fn poll(State(stream): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let bearer = headers["authorization"].to_str().unwrap();
    if bearer == "Bearer slow" {
        std::future::pending::<()>().await;
    }
    if !["Bearer t1", "Bearer t2"].contains(&bearer) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let request: Value = serde_json::from_slice(&body).unwrap();
    let mut stream = stream.lock().unwrap();
    for jti in request["ack"].as_array().into_iter().flatten() {
        let jti = jti.as_str().unwrap().to_owned();
        stream.sets.remove(&jti);
        stream.acknowledged.push(jti);
    }
    for (jti, error) in request["setErrs"].as_object().into_iter().flatten() {
        stream.sets.remove(jti);
        stream.refused.insert(jti.clone(), error.clone());
    }
    let limit = usize::try_from(request["maxEvents"].as_u64().unwrap()).unwrap();
    let sets: BTreeMap<_, _> = stream.sets.iter().take(limit).collect();
    let answer = json!({ "sets": sets, "moreAvailable": stream.sets.len() > limit });
    stream.requests.push(request);
    answer.to_string().into_response()
}

async fn token(headers: HeaderMap, form: String) -> Response {
    // guestpass:s1 in base64.
    let is_known = headers["authorization"] == "Basic Z3Vlc3RwYXNzOnMx";
    if is_known && form.contains("grant_type=client_credentials") {
        json!({ "access_token": "t2" }).to_string().into_response()
    } else {
        StatusCode::BAD_REQUEST.into_response()
    }
}

async fn jwks(State(stream): State<Shared>) -> Response {
    if stream.lock().unwrap().is_keyless {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    SIGNER.jwks().to_string().into_response()
}

#[tokio::test]
async fn a_stored_signal_is_acknowledged() {
    let fixture = Fixture::start().await;
    fixture.add("a", &json!({}));
    let outcome = fixture.run(BY_TOKEN, 60).await.unwrap();
    assert_eq!(outcome, PollOutcome { accepted: 1, ..PollOutcome::default() });
    let [message] = fixture.queue.messages().try_into().unwrap();
    assert_eq!((message.transmitter.as_str(), message.event_id.as_str()), ("idp", "a"));
    assert_eq!(message.user.as_str(), "https://idp.example|alice");
    assert_eq!(message.mode, EventMode::Shadow);
    assert_eq!(fixture.acknowledged(), ["a"]);
    let last = fixture.stream.lock().unwrap().requests.pop().unwrap();
    assert_eq!(last, json!({ "maxEvents": 0, "returnImmediately": true, "ack": ["a"] }));
}

#[tokio::test]
async fn a_signal_that_is_not_stored_is_not_acknowledged_and_comes_again() {
    let fixture = Fixture::start().await;
    fixture.add("a", &json!({}));
    fixture.queue.set_down(true);
    let problem = fixture.run(BY_TOKEN, 60).await.unwrap_err();
    assert!(problem.contains("queue of events not reachable"), "{problem}");
    assert!(fixture.acknowledged().is_empty());
    fixture.queue.set_down(false);
    assert_eq!(fixture.run(BY_TOKEN, 60).await.unwrap().accepted, 1);
    assert_eq!(fixture.acknowledged(), ["a"]);
}

#[tokio::test]
async fn a_refused_signal_is_reported_and_delays_no_other() {
    let fixture = Fixture::start().await;
    fixture.add("a-audience", &json!({ "aud": "other" }));
    fixture.add("b-issuer", &json!({ "iss": "https://other.example" }));
    fixture.add_text("c-text", "nonsense");
    fixture.add("d-ours", &json!({}));
    let outcome = fixture.run(BY_TOKEN, 60).await.unwrap();
    assert_eq!((outcome.accepted, outcome.refused), (1, 3));
    let stream = fixture.stream.lock().unwrap();
    let codes: Vec<_> =
        stream.refused.iter().map(|(jti, e)| format!("{jti} {}", e["err"])).collect();
    assert_eq!(
        codes,
        [
            r#"a-audience "invalid_audience""#,
            r#"b-issuer "invalid_issuer""#,
            r#"c-text "invalid_request""#
        ]
    );
    assert!(stream.sets.is_empty());
}

#[tokio::test]
async fn all_signals_are_fetched_in_one_run() {
    let fixture = Fixture::start().await;
    for number in 0..60 {
        fixture.add(&format!("{number:03}"), &json!({}));
    }
    assert_eq!(fixture.run(BY_TOKEN, 60).await.unwrap().accepted, 60);
    assert_eq!(fixture.acknowledged().len(), 60);
    assert_eq!(fixture.stream.lock().unwrap().requests.len(), 4, "three pages, and the last ack");
}

#[tokio::test]
async fn a_run_without_time_fetches_one_page_and_acknowledges_it() {
    let fixture = Fixture::start().await;
    for number in 0..60 {
        fixture.add(&format!("{number:03}"), &json!({}));
    }
    assert_eq!(fixture.run(BY_TOKEN, 7).await.unwrap().accepted, 25);
    assert_eq!(fixture.acknowledged().len(), 25);
}

#[tokio::test]
async fn without_the_keys_a_signal_stays_at_the_transmitter() {
    let fixture = Fixture::start().await;
    for number in 0..60 {
        fixture.add(&format!("{number:03}"), &json!({}));
    }
    fixture.stream.lock().unwrap().is_keyless = true;
    let outcome = fixture.run(BY_TOKEN, 60).await.unwrap();
    assert_eq!(outcome, PollOutcome { postponed: 25, ..PollOutcome::default() });
    let stream = fixture.stream.lock().unwrap();
    assert_eq!((stream.sets.len(), stream.requests.len()), (60, 1), "no endless loop");
}

#[tokio::test]
async fn events_about_the_stream_are_counted_and_acknowledged() {
    let fixture = Fixture::start().await;
    let ssf = "https://schemas.openid.net/secevent/ssf/event-type";
    let stream = json!({ "format": "opaque", "id": "s" });
    for (jti, event, content) in [
        ("v", "verification", json!({ "state": "x" })),
        ("u", "stream-updated", json!({ "status": "paused" })),
    ] {
        let events = json!({ format!("{ssf}/{event}"): content });
        fixture.add(jti, &json!({ "sub_id": stream, "events": events }));
    }
    fixture.add("i", &json!({ "events": { "https://other.example/type": {} } }));
    let outcome = fixture.run(BY_TOKEN, 60).await.unwrap();
    let expected = PollOutcome { ignored: 1, verified: 1, updated: 1, ..PollOutcome::default() };
    assert_eq!(outcome, expected);
    assert_eq!(fixture.acknowledged().len(), 3);
}

#[tokio::test]
async fn a_client_gets_an_access_token() {
    let fixture = Fixture::start().await;
    fixture.add("a", &json!({}));
    let client = |secret: &str| {
        let url = format!("{}/token", fixture.server.url());
        json!({ "idp": { "tokenUrl": url, "clientId": "guestpass", "clientSecret": secret } })
            .to_string()
    };
    assert_eq!(fixture.run(&client("s1"), 60).await.unwrap().accepted, 1);
    let problem = fixture.run(&client("canary"), 60).await.unwrap_err();
    assert_eq!(problem, "the token endpoint: the status is 400");
}

#[tokio::test]
async fn an_error_says_what_to_do_and_quotes_no_secret() {
    let fixture = Fixture::start().await;
    for (secrets, expected) in [
        (r#"{"other": {"token": "t1"}}"#, "no credentials for `idp`: set `token`, or"),
        (r#"{"idp": {"token": "canary"}}"#, "the stream's endpoint: the status is 401"),
        (
            r#"{"idp": {"tokenUrl": "http://x.example", "clientId": "a", "clientSecret": "canary"}}"#,
            "the token endpoint: `tokenUrl` in the secret must be an https URL",
        ),
    ] {
        let problem = fixture.run(secrets, 60).await.unwrap_err();
        assert!(problem.starts_with(expected) && !problem.contains("canary"), "{problem}");
    }
}

#[tokio::test]
async fn a_failed_stream_fails_the_run_after_all_others() {
    let fixture = Fixture::start().await;
    fixture.add("a", &json!({}));
    let mut config = fixture.config();
    let mut broken = config.streams[0].clone();
    "broken".clone_into(&mut broken.transmitter.name);
    config.streams.insert(0, broken);
    let clock = ManualClock::default();
    let until = Instant::now() + Duration::from_mins(1);
    let run = async |config: &PollConfig| {
        let secrets = TransmitterSecrets::parse(&Secret::new(BY_TOKEN)).unwrap();
        let run = poll_all(config, &secrets, &fixture.verifier, &fixture.queue, &clock, until);
        run.await.map_err(|error| error.to_string())
    };
    assert_eq!(run(&config).await.unwrap_err(), "failed to poll broken: see the log");
    assert_eq!(fixture.acknowledged(), ["a"]);
    config.streams.remove(0);
    assert_eq!(run(&config).await.unwrap()["idp"]["accepted"], 0);
}

#[tokio::test]
async fn a_run_without_time_for_a_stream_fails_and_another_stream_begins_the_next_run() {
    let fixture = Fixture::start().await;
    let mut config = fixture.config();
    let mut other = config.streams[0].clone();
    "other".clone_into(&mut other.transmitter.name);
    config.streams.push(other);
    let clock = ManualClock::default();
    let secrets = TransmitterSecrets::parse(&Secret::new(BY_TOKEN)).unwrap();
    for expected in
        ["failed to poll idp, other: see the log", "failed to poll other, idp: see the log"]
    {
        let until = Instant::now();
        let run = poll_all(&config, &secrets, &fixture.verifier, &fixture.queue, &clock, until);
        assert_eq!(run.await.unwrap_err().to_string(), expected);
        clock.advance(Duration::from_mins(1));
    }
    assert_eq!(fixture.stream.lock().unwrap().requests, [] as [Value; 0]);
}

#[tokio::test]
async fn a_stream_that_does_not_answer_takes_the_time_of_no_other() {
    let fixture = Fixture::start().await;
    fixture.add("a", &json!({}));
    let mut config = fixture.config();
    let mut slow = config.streams[0].clone();
    "slow".clone_into(&mut slow.transmitter.name);
    config.streams.insert(0, slow);
    let secrets = r#"{"idp": {"token": "t1"}, "slow": {"token": "slow"}}"#;
    let secrets = TransmitterSecrets::parse(&Secret::new(secrets)).unwrap();
    let (clock, until) = (ManualClock::default(), Instant::now() + Duration::from_secs(6));
    let run = poll_all(&config, &secrets, &fixture.verifier, &fixture.queue, &clock, until);
    assert_eq!(run.await.unwrap_err().to_string(), "failed to poll slow: see the log");
    assert_eq!(fixture.acknowledged(), ["a"]);
    assert!(Instant::now() < until, "the slow stream has half of the time");
}

#[test]
fn only_polled_streams_are_configured() {
    let transmitters = r#"[{"name": "idp", "kind": "ssf", "issuer": "https://idp.example",
        "audiences": ["a"], "delivery": "poll", "pollUrl": "https://idp.example/poll"},
        {"name": "pushed", "kind": "ssf", "issuer": "https://idp.example", "audiences": ["a"]}]"#;
    let config = |name: &str, value: &str| {
        PollConfig::from_env(&|asked: &str| match asked {
            _ if asked == name => Some(value.to_owned()),
            "TRANSMITTERS" => Some(transmitters.to_owned()),
            "ISSUER" => Some("https://idp.example".to_owned()),
            "EVENT_QUEUE_URL" => Some("https://sqs.example/events".to_owned()),
            "TRANSMITTER_SECRET_ARN" => Some("arn:aws:secretsmanager:x:1:secret:y".to_owned()),
            _ => None,
        })
        .map_err(|error| error.to_string())
    };
    let found = config("", "").unwrap();
    assert_eq!((found.streams.len(), found.https_only), (1, true));
    assert_eq!(found.streams[0].transmitter.name, "idp");
    for name in ["EVENT_QUEUE_URL", "TRANSMITTER_SECRET_ARN"] {
        let problem = config(name, "").err().unwrap();
        assert!(problem.contains(&format!("{name} is not set")), "{problem}");
    }
}
