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

use crate::support::{ID, Operation, Reply, Server, TestClock, World, config, maybe_applied};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Failures that leave open whether ACS did the operation.
fn unsure() -> [Reply; 9] {
    [
        Reply::status(500),
        Reply::status(502),
        Reply::status(503),
        Reply::status(504),
        Reply::Close,
        Reply::Reset,
        Reply::Hang(String::new()),
        Reply::Hang("HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{".to_owned()),
        Reply::SayAndClose("HTTP/1.1 201 OK\r\ncontent-length: 90\r\n\r\n{\"iden".to_owned()),
    ]
}

/// A world with a long limit for a late response, and a short limit for one that never arrives.
fn in_trouble(trouble: &Reply, replies: impl Into<VecDeque<Reply>>) -> World {
    let limit = if matches!(trouble, Reply::Hang(_)) { MS(2000) } else { MS(60_000) };
    World::of(Server::start(replies), |config| {
        (config.limits.attempt, config.limits.call) = (limit, MS(600_000));
    })
}

/// The result of an operation, and the number of its requests and pauses.
type Outcome = (Result<(), Error>, usize, usize);

/// Runs all operations concurrently: most of them wait for a timeout.
async fn side_by_side(cases: Vec<(World, Operation)>) -> Vec<Outcome> {
    let mut tasks = JoinSet::new();
    for (world, operation) in cases {
        tasks.spawn(async move {
            let outcome = world.call(operation).await;
            (outcome, world.server.count(), world.clock.pauses().len())
        });
    }
    tasks.join_all().await
}

#[tokio::test]
async fn r06_create_is_sent_once_if_acs_may_have_seen_it() {
    let mut cases = Vec::new();
    for operation in Operation::CREATIONS {
        for trouble in unsure() {
            cases.push((in_trouble(&trouble, [trouble.clone(), operation.success()]), operation));
        }
    }
    for (outcome, requests, pauses) in side_by_side(cases).await {
        assert_eq!((requests, pauses), (1, 0), "{outcome:?}");
        assert!(maybe_applied(outcome));
    }
}

#[tokio::test]
async fn an_identity_whose_token_cannot_be_read_is_deleted_again() {
    for token in ["{}", "7", r#"{"token":"t","expiresOn":"tomorrow"}"#] {
        let body = format!(r#"{{"identity":{{"id":"{ID}"}},"accessToken":{token}}}"#);
        let world = World::new([Reply::with(201, "", &body), Reply::done()]);
        let error = world.call(Operation::CreateWithToken).await.unwrap_err();
        assert!(matches!(error, Error::AcsUnavailable { maybe_applied: false, .. }), "{error:?}");
        let arrived = world.server.arrived();
        assert_eq!(arrived.len(), 2, "{token}");
        assert!(arrived[1].line().starts_with("DELETE /identities/"), "{token}");
    }
}

#[tokio::test]
async fn r06_create_is_sent_again_if_there_was_no_connection() {
    for operation in Operation::ALL {
        // The socket is bound but does not listen: the kernel refuses connections, and no other
        // process gets the port.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let clock = TestClock::new();
        let server = Arc::new(Mutex::new(None));
        let place = server.clone();
        clock.at_first_pause(move || {
            let listener: TcpListener = socket.listen(16).unwrap().into_std().unwrap();
            listener.set_nonblocking(false).unwrap();
            *place.lock().unwrap() = Some(Server::on(listener, [operation.success()]));
        });
        let acs =
            AcsIdentityClient::new(config(&format!("http://{address}")), clock.clone()).unwrap();
        let world = World { server: Server::start([]), clock, acs };
        world.call(operation).await.unwrap();
        assert_eq!(world.clock.pauses().len(), 1);
        assert_eq!(server.lock().unwrap().as_ref().unwrap().count(), 1);
    }
}

#[tokio::test]
async fn without_a_connection_acs_cannot_have_done_it() {
    let garbage = Server::start([Reply::Close]);
    for endpoint in
        ["http://127.0.0.1:1".to_owned(), format!("https://127.0.0.1:{}", garbage.address.port())]
    {
        // The second server does not speak TLS: it never finds a request in the client's
        // greeting.
        let clock = TestClock::new();
        let mut config = config(&endpoint);
        config.limits.connect = MS(200);
        let acs = AcsIdentityClient::new(config, clock.clone()).unwrap();
        let world = World { server: garbage.clone(), clock, acs };
        assert!(!maybe_applied(world.call(Operation::Create).await), "{endpoint}");
        assert_eq!(world.clock.pauses().len(), 2, "{endpoint}");
    }
    assert_eq!(garbage.count(), 0);
}

#[tokio::test]
async fn r42_the_others_are_sent_at_most_three_times() {
    let (mut cured, mut ill) = (Vec::new(), Vec::new());
    for operation in Operation::REPEATABLE {
        for trouble in unsure() {
            let replies = [trouble.clone(), trouble.clone(), operation.success()];
            cured.push((in_trouble(&trouble, replies), operation));
            ill.push((in_trouble(&trouble, [trouble.clone()]), operation));
        }
    }
    let (cured, ill) = tokio::join!(side_by_side(cured), side_by_side(ill));
    for (outcome, requests, pauses) in cured {
        assert_eq!((requests, pauses), (3, 2), "{outcome:?}");
        outcome.unwrap();
    }
    for (outcome, requests, pauses) in ill {
        assert_eq!((requests, pauses), (3, 2), "{outcome:?}");
        assert!(maybe_applied(outcome));
    }
}

#[tokio::test]
async fn what_will_not_change_is_not_sent_again() {
    for operation in Operation::ALL {
        for status in [200, 202, 301, 307, 400, 401, 403, 404, 408, 409, 413, 501, 505] {
            let world = World::new([Reply::with(status, "", "<html>")]);
            assert!(world.call(operation).await.is_err(), "{operation:?} {status}");
            assert_eq!(world.server.count(), 1, "{operation:?} {status}");
        }
    }
}

#[tokio::test]
async fn that_an_earlier_attempt_may_have_worked_is_not_forgotten() {
    let world = World::new([Reply::Close]);
    let server = world.server.clone();
    world.clock.at_first_pause(move || server.stop());
    assert!(maybe_applied(world.call(Operation::Revoke).await));
    assert_eq!((world.server.count(), world.clock.pauses().len()), (1, 2));
}

#[tokio::test]
async fn r42_pauses_are_short_and_jittered_unless_acs_asks_for_longer() {
    let world = World::new([Reply::status(500)]);
    for _ in 0..20 {
        assert!(world.call(Operation::Delete).await.is_err());
    }
    let pauses = world.clock.pauses();
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
        let world = World::new([Reply::with(503, &header, ""), Reply::done()]);
        world.call(Operation::Delete).await.unwrap();
        let [pause] = world.clock.pauses()[..] else { unreachable!() };
        match expected {
            Some(expected) => assert_eq!(pause, expected, "{header}"),
            None => assert!(pause <= MS(100), "{header}"),
        }
    }
}

#[tokio::test]
async fn a_503_whose_wait_does_not_fit_is_not_repeated() {
    for (asked, left, fits) in [
        ("4", 20, true),
        ("6", 20, false),   // Longer than a call may take.
        ("4", 3, false),    // Later than the deadline.
        ("61", 400, false), // Longer than a minute.
        ("99999999999999999999999999", 20, false),
    ] {
        let header = format!("retry-after: {asked}\r\n");
        let world = World::new([Reply::with(503, &header, ""), Reply::token()]);
        let outcome = world.call_within(Operation::Issue, Duration::from_secs(left)).await;
        assert_eq!(outcome.is_ok(), fits, "{asked}: {outcome:?}");
        assert_eq!(world.server.count(), if fits { 2 } else { 1 }, "{asked}");
    }
}

#[tokio::test]
async fn nothing_is_sent_when_the_time_is_over() {
    for left in [Duration::ZERO, MS(100)] {
        for operation in Operation::ALL {
            let world = World::new([operation.success()]);
            assert!(!maybe_applied(world.call_within(operation, left).await));
            assert_eq!(world.server.count(), 0);
        }
    }
}

#[tokio::test]
async fn an_attempt_is_made_with_250_ms_left_and_not_with_less() {
    for (left, is_made) in [(249, false), (250, true)] {
        let clock = TestClock::new();
        // The port refuses connections, so that the attempt fails at once on a slow machine, too.
        let acs = AcsIdentityClient::new(config("http://127.0.0.1:1"), clock.clone()).unwrap();
        let error = acs.create_identity(clock.now() + MS(left)).await.unwrap_err();
        let unanswered: &Unanswered = error.source().unwrap().downcast_ref().unwrap();
        assert_eq!(matches!(unanswered.why(), Silence::NotConnected(_)), is_made, "{unanswered:?}");
    }
}

#[tokio::test]
async fn r42_an_attempt_ends_before_the_deadline_and_none_follows() {
    for (left, limit) in [(400, 3000), (3000, 400)] {
        // The deadline is near, or the bound of a whole call is.
        let server = Server::start([Reply::Hang(String::new())]);
        let world = World::of(server, |config| config.limits.call = MS(limit));
        world.clock.tick();
        let start = Instant::now();
        assert!(maybe_applied(world.call_within(Operation::Issue, MS(left)).await));
        let took = start.elapsed();
        assert!(took >= MS(390) && took < MS(1500), "{took:?}");
        assert_eq!((world.server.count(), world.clock.pauses().len()), (1, 0));
    }
}

#[tokio::test]
async fn r40_a_body_that_drips_is_cut_by_the_same_limit() {
    let drip = "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n".to_owned();
    let drip = Reply::Hang(drip);
    let world = in_trouble(&drip, [drip.clone()]);
    let start = Instant::now();
    assert!(maybe_applied(world.call(Operation::Create).await));
    assert!(start.elapsed() < MS(15_000), "{:?}", start.elapsed());
}
