//! Which requests are retried, how often, and how long it takes.

use std::{
    collections::VecDeque,
    error::Error as _,
    net::TcpListener,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use acs_client::{AcsIdentityClient, Silence, Unanswered};
use identity_core::{
    Error,
    ports::{Clock as _, IdentityClient as _},
};
use tokio::task::JoinSet;

use crate::support::{
    ClientFixture, ID, ScriptedOperation, ScriptedReply, ScriptedServer, TestClock, config,
    maybe_applied,
};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Failures after which it is unknown whether ACS performed the operation.
fn unknown_outcomes() -> [ScriptedReply; 9] {
    [
        ScriptedReply::status(500),
        ScriptedReply::status(502),
        ScriptedReply::status(503),
        ScriptedReply::status(504),
        ScriptedReply::Close,
        ScriptedReply::Reset,
        ScriptedReply::Hang(String::new()),
        ScriptedReply::Hang("HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{".to_owned()),
        ScriptedReply::RespondAndClose(
            "HTTP/1.1 201 OK\r\ncontent-length: 90\r\n\r\n{\"iden".to_owned(),
        ),
    ]
}

/// A fixture with a long limit for a late response, and a short limit for one that never arrives.
fn failing_fixture(
    failure: &ScriptedReply,
    replies: impl Into<VecDeque<ScriptedReply>>,
) -> ClientFixture {
    let limit = if matches!(failure, ScriptedReply::Hang(_)) { MS(2000) } else { MS(60_000) };
    ClientFixture::of(ScriptedServer::start(replies), |config| {
        (config.limits.attempt, config.limits.call) = (limit, MS(600_000));
    })
}

/// The result of an operation, and the number of its requests and pauses.
type Outcome = (Result<(), Error>, usize, usize);

/// Runs all operations concurrently, because most of them wait for a timeout.
async fn call_concurrently(cases: Vec<(ClientFixture, ScriptedOperation)>) -> Vec<Outcome> {
    let mut tasks = JoinSet::new();
    for (fixture, operation) in cases {
        tasks.spawn(async move {
            let outcome = fixture.call(operation).await;
            (outcome, fixture.server.count(), fixture.clock.pauses().len())
        });
    }
    tasks.join_all().await
}

#[tokio::test]
async fn r06_a_creation_is_sent_once_if_acs_may_have_received_it() {
    let mut cases = Vec::new();
    for operation in ScriptedOperation::CREATIONS {
        for failure in unknown_outcomes() {
            cases.push((
                failing_fixture(&failure, [failure.clone(), operation.success()]),
                operation,
            ));
        }
    }
    for (outcome, requests, pauses) in call_concurrently(cases).await {
        assert_eq!((requests, pauses), (1, 0), "{outcome:?}");
        assert!(maybe_applied(outcome));
    }
}

#[tokio::test]
async fn an_identity_whose_token_is_invalid_is_deleted() {
    for token in ["{}", "7", r#"{"token":"t","expiresOn":"tomorrow"}"#] {
        let body = format!(r#"{{"identity":{{"id":"{ID}"}},"accessToken":{token}}}"#);
        let fixture =
            ClientFixture::new([ScriptedReply::with(201, "", &body), ScriptedReply::done()]);
        let error = fixture.call(ScriptedOperation::CreateWithToken).await.unwrap_err();
        assert!(matches!(error, Error::AcsUnavailable { maybe_applied: false, .. }), "{error:?}");
        let received = fixture.server.received();
        assert_eq!(received.len(), 2, "{token}");
        assert!(received[1].line().starts_with("DELETE /identities/"), "{token}");
    }
}

#[tokio::test]
async fn r06_a_creation_is_retried_after_a_failed_connection() {
    for operation in ScriptedOperation::ALL {
        // The socket is bound but does not listen: the kernel refuses connections, and no other
        // process gets the port.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let clock = TestClock::new();
        let server = Arc::new(Mutex::new(None));
        let started = server.clone();
        clock.at_first_pause(move || {
            let listener: TcpListener = socket.listen(16).unwrap().into_std().unwrap();
            listener.set_nonblocking(false).unwrap();
            *started.lock().unwrap() = Some(ScriptedServer::on(listener, [operation.success()]));
        });
        let acs =
            AcsIdentityClient::new(config(&format!("http://{address}")), clock.clone()).unwrap();
        let fixture = ClientFixture { server: ScriptedServer::start([]), clock, acs };
        fixture.call(operation).await.unwrap();
        assert_eq!(fixture.clock.pauses().len(), 1);
        assert_eq!(server.lock().unwrap().as_ref().unwrap().count(), 1);
    }
}

#[tokio::test]
async fn after_a_failed_connection_the_operation_counts_as_not_performed() {
    let garbage = ScriptedServer::start([ScriptedReply::Close]);
    for endpoint in
        ["http://127.0.0.1:1".to_owned(), format!("https://127.0.0.1:{}", garbage.address.port())]
    {
        // The second server does not use TLS, so it never receives a complete request.
        let clock = TestClock::new();
        let mut config = config(&endpoint);
        config.limits.connect = MS(200);
        let acs = AcsIdentityClient::new(config, clock.clone()).unwrap();
        let fixture = ClientFixture { server: garbage.clone(), clock, acs };
        assert!(!maybe_applied(fixture.call(ScriptedOperation::Create).await), "{endpoint}");
        assert_eq!(fixture.clock.pauses().len(), 2, "{endpoint}");
    }
    assert_eq!(garbage.count(), 0);
}

#[tokio::test]
async fn r42_the_other_operations_are_sent_at_most_three_times() {
    let (mut recovering, mut failing) = (Vec::new(), Vec::new());
    for operation in ScriptedOperation::REPEATABLE {
        for failure in unknown_outcomes() {
            let replies = [failure.clone(), failure.clone(), operation.success()];
            recovering.push((failing_fixture(&failure, replies), operation));
            failing.push((failing_fixture(&failure, [failure.clone()]), operation));
        }
    }
    let (recovering, failing) =
        tokio::join!(call_concurrently(recovering), call_concurrently(failing));
    for (outcome, requests, pauses) in recovering {
        assert_eq!((requests, pauses), (3, 2), "{outcome:?}");
        outcome.unwrap();
    }
    for (outcome, requests, pauses) in failing {
        assert_eq!((requests, pauses), (3, 2), "{outcome:?}");
        assert!(maybe_applied(outcome));
    }
}

#[tokio::test]
async fn a_response_that_a_retry_cannot_change_is_not_retried() {
    for operation in ScriptedOperation::ALL {
        for status in [200, 202, 301, 307, 400, 401, 403, 404, 408, 409, 413, 501, 505] {
            let fixture = ClientFixture::new([ScriptedReply::with(status, "", "<html>")]);
            assert!(fixture.call(operation).await.is_err(), "{operation:?} {status}");
            assert_eq!(fixture.server.count(), 1, "{operation:?} {status}");
        }
    }
}

#[tokio::test]
async fn an_earlier_attempt_that_may_have_succeeded_is_reported() {
    let fixture = ClientFixture::new([ScriptedReply::Close]);
    let server = fixture.server.clone();
    fixture.clock.at_first_pause(move || server.stop());
    assert!(maybe_applied(fixture.call(ScriptedOperation::Revoke).await));
    assert_eq!((fixture.server.count(), fixture.clock.pauses().len()), (1, 2));
}

#[tokio::test]
async fn r42_pauses_are_short_and_random_unless_retry_after_is_longer() {
    let fixture = ClientFixture::new([ScriptedReply::status(500)]);
    for _ in 0..20 {
        assert!(fixture.call(ScriptedOperation::Delete).await.is_err());
    }
    let pauses = fixture.clock.pauses();
    assert_eq!(pauses.len(), 40);
    for pair in pauses.chunks(2) {
        assert!(pair[0] <= MS(100) && pair[1] <= MS(200), "{pair:?}");
    }
    assert!(pauses.windows(2).any(|pair| pair[0] != pair[1]));

    for (header, expected) in [
        ("2", Some(MS(2000))),
        ("Fri, 15 Jan 2027 08:00:03 GMT", Some(MS(3000))),
        ("-7", None),
        ("soon", None),
        ("Fri, 15 Jan 2027 07:59:00 GMT", None),
    ] {
        let header = format!("retry-after: {header}\r\n");
        let fixture =
            ClientFixture::new([ScriptedReply::with(503, &header, ""), ScriptedReply::done()]);
        fixture.call(ScriptedOperation::Delete).await.unwrap();
        let [pause] = fixture.clock.pauses()[..] else { unreachable!() };
        match expected {
            Some(expected) => assert_eq!(pause, expected, "{header}"),
            None => assert!(pause <= MS(100), "{header}"),
        }
    }
}

#[tokio::test]
async fn a_503_whose_retry_after_does_not_fit_is_not_retried() {
    for (retry_after, left, fits) in [
        ("4", 20, true),
        ("6", 20, false),   // Longer than a call may take.
        ("4", 3, false),    // Later than the deadline.
        ("61", 400, false), // Longer than a minute.
        ("99999999999999999999999999", 20, false),
    ] {
        let header = format!("retry-after: {retry_after}\r\n");
        let fixture =
            ClientFixture::new([ScriptedReply::with(503, &header, ""), ScriptedReply::token()]);
        let outcome =
            fixture.call_within(ScriptedOperation::Issue, Duration::from_secs(left)).await;
        assert_eq!(outcome.is_ok(), fits, "{retry_after}: {outcome:?}");
        assert_eq!(fixture.server.count(), if fits { 2 } else { 1 }, "{retry_after}");
    }
}

#[tokio::test]
async fn nothing_is_sent_when_the_time_is_over() {
    for left in [Duration::ZERO, MS(100)] {
        for operation in ScriptedOperation::ALL {
            let fixture = ClientFixture::new([operation.success()]);
            assert!(!maybe_applied(fixture.call_within(operation, left).await));
            assert_eq!(fixture.server.count(), 0);
        }
    }
}

#[tokio::test]
async fn an_attempt_needs_at_least_250_ms() {
    for (left, is_made) in [(249, false), (250, true)] {
        let clock = TestClock::new();
        // The port refuses connections, so the attempt fails at once, even on a slow machine.
        let acs = AcsIdentityClient::new(config("http://127.0.0.1:1"), clock.clone()).unwrap();
        let error = acs.create_identity(clock.now() + MS(left)).await.unwrap_err();
        let unanswered: &Unanswered = error.source().unwrap().downcast_ref().unwrap();
        assert_eq!(matches!(unanswered.why(), Silence::NotConnected(_)), is_made, "{unanswered:?}");
    }
}

#[tokio::test]
async fn r42_an_attempt_ends_before_the_deadline_and_is_not_retried() {
    for (left, limit) in [(400, 3000), (3000, 400)] {
        // First the deadline is near, then the limit of a whole call.
        let server = ScriptedServer::start([ScriptedReply::Hang(String::new())]);
        let fixture = ClientFixture::of(server, |config| config.limits.call = MS(limit));
        fixture.clock.tick();
        let start = Instant::now();
        assert!(maybe_applied(fixture.call_within(ScriptedOperation::Issue, MS(left)).await));
        let took = start.elapsed();
        assert!(took >= MS(390) && took < MS(1500), "{took:?}");
        assert_eq!((fixture.server.count(), fixture.clock.pauses().len()), (1, 0));
    }
}

#[tokio::test]
async fn r40_a_body_that_never_ends_is_cut_off_by_the_same_limit() {
    let endless = "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n".to_owned();
    let endless = ScriptedReply::Hang(endless);
    let fixture = failing_fixture(&endless, [endless.clone()]);
    let start = Instant::now();
    assert!(maybe_applied(fixture.call(ScriptedOperation::Create).await));
    assert!(start.elapsed() < MS(15_000), "{:?}", start.elapsed());
}
