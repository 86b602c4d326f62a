//! What is in the queue is what `revoke-on-event` reads, and SQS gets exactly that.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may die")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::{Client, Config};
use axum::Router;
use axum::http::StatusCode;
use event_queue::{EventQueue, MemoryEventQueue, SignalMessage, SqsEventQueue};
use identity_core::event::{EventKind, EventMode, EventSource};
use identity_core::identity::{ExternalId, IdentityRef, Issuer};
use identity_events::{EventSettings, Reading, read};
use security_events::{AcceptedUsers, Transmitters, UserSignal};

fn message(resolution: Duration) -> SignalMessage {
    SignalMessage {
        transmitter: "okta".to_owned(),
        source: EventSource::Ssf,
        mode: EventMode::Shadow,
        kind: EventKind::Disabled,
        user: ExternalId::of_subject("https://idp.example", "a b").unwrap(),
        occurred_at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_643),
        accepted_at: SystemTime::UNIX_EPOCH + Duration::from_mins(30_000_001),
        resolution,
        event_id: "e".repeat(200),
        reason: Some("hijacking".to_owned()),
    }
}

fn event_of(body: &str) -> (EventSource, Option<EventMode>, identity_core::event::Event) {
    let issuer = Issuer::parse("https://idp.example").unwrap();
    match read(body, &EventSettings::of(issuer)).unwrap() {
        Reading::Events { source, mode, events, .. } => {
            (source, mode, events.into_iter().next().unwrap())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_is_read_as_the_event_that_was_sent() {
    let queue = MemoryEventQueue::default();
    for (resolution, milliseconds) in [(1, 643), (1000, 0)] {
        let sent = message(Duration::from_millis(resolution));
        queue.send(std::slice::from_ref(&sent)).await.unwrap();
        let (source, mode, event) = event_of(queue.bodies().last().unwrap());
        assert_eq!((source, mode), (EventSource::Ssf, Some(EventMode::Shadow)));
        assert_eq!(event.kind, EventKind::Disabled);
        assert_eq!(event.identity, IdentityRef::External(sent.user));
        assert_eq!(event.resolution, Duration::from_millis(resolution));
        let at = Duration::from_millis(1_800_000_000_000 + milliseconds);
        assert_eq!(event.occurred_at, SystemTime::UNIX_EPOCH + at);
        assert_eq!(event.id, "e".repeat(128));
        assert_eq!(event.reason.unwrap().as_str(), "hijacking");
    }
}

#[tokio::test]
async fn each_message_has_its_own_id_and_may_have_no_reason() {
    let queue = MemoryEventQueue::default();
    let plain = SignalMessage { reason: None, ..message(Duration::from_secs(1)) };
    queue.send(&[plain.clone(), plain]).await.unwrap();
    let [one, other] = queue.bodies().try_into().unwrap();
    assert_ne!(one, other);
    assert_eq!(event_of(&one).2.reason, None);
}

#[test]
fn a_message_has_the_transmitter_of_its_signal_and_all_that_it_says() {
    let users = AcceptedUsers {
        issuer: Issuer::parse("https://idp.example").unwrap(),
        other_issuers: false,
        subject_claims: "sub".parse().unwrap(),
    };
    let configured = r#"[{"name": "okta", "kind": "ssf", "mode": "shadow",
        "issuer": "https://idp.example", "audiences": ["a"]}]"#;
    let transmitters = Transmitters::parse(configured, &users).unwrap();
    let expected = message(Duration::from_millis(1));
    let signal = UserSignal {
        user: expected.user.clone(),
        kind: expected.kind,
        occurred_at: expected.occurred_at,
        resolution: expected.resolution,
        event_id: expected.event_id.clone(),
        reason: expected.reason.clone(),
    };
    let transmitter = transmitters.find("okta").unwrap();
    assert_eq!(SignalMessage::of(transmitter, signal, expected.accepted_at), expected);
}

/// What SQS received, and its answer from then on.
type Received = Arc<Mutex<Vec<serde_json::Value>>>;

async fn sqs(status: StatusCode, answer: &'static str) -> (SqsEventQueue, Received) {
    let received = Received::default();
    let bodies = Arc::clone(&received);
    let app = Router::new().fallback(async move |body: String| {
        bodies.lock().unwrap().push(serde_json::from_str(&body).unwrap());
        (status, answer)
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .endpoint_url(url)
        .retry_config(aws_sdk_sqs::config::retry::RetryConfig::disabled())
        .build();
    let queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/events".to_owned();
    (SqsEventQueue::new(Client::from_conf(config), queue), received)
}

#[tokio::test]
async fn sqs_gets_one_message_per_user() {
    let (queue, received) = sqs(StatusCode::OK, r#"{"MessageId": "m"}"#).await;
    let one = message(Duration::from_secs(1));
    queue.send(&[one.clone(), one]).await.unwrap();
    let received = received.lock().unwrap();
    assert_eq!(received.len(), 2);
    for request in received.iter() {
        let url = "https://sqs.eu-west-1.amazonaws.com/123456789012/events";
        assert_eq!(request.get("QueueUrl").unwrap(), url);
        let body = request.get("MessageBody").unwrap().as_str().unwrap();
        assert_eq!(event_of(body).2.kind, EventKind::Disabled);
    }
}

#[tokio::test]
async fn an_error_says_what_to_do_and_quotes_no_message() {
    let denied = r#"{"__type": "com.amazonaws.sqs#AccessDenied", "message": "no"}"#;
    let gone = r#"{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "gone"}"#;
    for (answer, expected) in [
        (denied, "AccessDenied (no); the function needs sqs:SendMessage for the queue"),
        (gone, "QueueDoesNotExist (gone)"),
    ] {
        let (queue, received) = sqs(StatusCode::BAD_REQUEST, answer).await;
        let one = message(Duration::from_secs(1));
        let error = queue.send(&[one.clone(), one]).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(received.lock().unwrap().len(), 1, "the sender repeats the signal");
    }
    let down = SqsEventQueue::new(
        Client::from_conf(
            Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("eu-west-1"))
                .credentials_provider(Credentials::new("id", "key", None, None, "test"))
                .endpoint_url("http://127.0.0.1:1")
                .retry_config(aws_sdk_sqs::config::retry::RetryConfig::disabled())
                .build(),
        ),
        "https://sqs.example/q".to_owned(),
    );
    let error = down.send(&[message(Duration::from_secs(1))]).await.unwrap_err();
    assert!(error.to_string().contains("dispatch failure"), "{error}");
    assert!(!format!("{error:?}").contains("hijacking"));
}
