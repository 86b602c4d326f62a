//! What is on the wire.

use std::time::{Duration, SystemTime};

use acs_client::{
    AccessKey, AcsIdentityClient, ApiVersion, ApiVersionError,
    sign::{Unsigned, sign},
};

use crate::support::{
    Arrived, ID, KEY, OBJECT, Operation, Reply, Server, TENANT, TOKEN, TestClock, USER_TOKEN,
    World, config, id, request,
};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn each_operation_is_one_request_as_acs_documents_it() {
    let path = "/identities/8%3Aacs%3A11111111-2222-3333-4444-555555555555_66666666";
    let version = "?api-version=2026-09-23 HTTP/1.1";
    let token = r#""expiresInMinutes":60}"#;
    let assignment = format!("/access/teamsExtension/tenants/{TENANT}/assignments/{OBJECT}");
    for (operation, line, body) in [
        (Operation::Create, "POST /identities".to_owned(), String::new()),
        (
            Operation::CreateWithToken,
            "POST /identities".to_owned(),
            format!(r#"{{"createTokenWithScopes":["chat","voip"],{token}"#),
        ),
        (
            Operation::Issue,
            format!("POST {path}/:issueAccessToken"),
            format!(r#"{{"scopes":["chat","voip"],{token}"#),
        ),
        (Operation::Revoke, format!("POST {path}/:revokeAccessTokens"), String::new()),
        (Operation::Delete, format!("DELETE {path}"), String::new()),
        (
            Operation::ExchangeTeamsUser,
            "POST /teamsUser/:exchangeAccessToken".to_owned(),
            format!(r#"{{"token":"{USER_TOKEN}","appId":"app","userId":"user"}}"#),
        ),
        (
            Operation::ExchangeTeamsExtension,
            "POST /access/teamsExtension/:exchangeAccessToken".to_owned(),
            "{}".to_owned(),
        ),
        (Operation::FindAssignment, format!("GET {assignment}"), String::new()),
        (
            Operation::PutAssignment,
            format!("PUT {assignment}"),
            r#"{"principalType":"user","clientIds":["cccccccc-2222-3333-4444-555555555555"]}"#
                .to_owned(),
        ),
        (Operation::DeleteAssignment, format!("DELETE {assignment}"), String::new()),
    ] {
        let world = World::new([operation.success()]);
        world.call(operation).await.unwrap();
        let arrived = world.server.arrived();
        assert_eq!(arrived.len(), 1, "{operation:?}");
        assert_eq!(arrived[0].line(), format!("{line}{version}"));
        assert_eq!(String::from_utf8(arrived[0].body.clone()).unwrap(), body);
        if line.starts_with('P') {
            let length = body.len().to_string();
            assert_eq!(arrived[0].header("content-length"), Some(length.as_str()));
            assert_eq!(arrived[0].header("content-type"), Some("application/json"));
        }
    }
}

#[tokio::test]
async fn what_acs_answers_is_what_the_caller_gets() {
    let world = World::new([Operation::CreateWithToken.success(), Reply::token()]);
    let deadline = world.in_time(SOON);
    let expiry = SystemTime::UNIX_EPOCH + Duration::new(1_800_003_600, 123_456_700);

    let (created, token) =
        world.acs.create_identity_with_token(&request(), deadline).await.unwrap();
    assert_eq!((created.as_str(), token.token.expose()), (ID, TOKEN));
    assert_eq!(token.expires_on, expiry);

    let token = world.acs.issue_access_token(&id(), &request(), deadline).await.unwrap();
    assert_eq!((token.token.expose(), token.expires_on), (TOKEN, expiry));
}

#[tokio::test]
async fn what_is_signed_is_what_arrives() {
    let key: AccessKey = KEY.parse().unwrap();
    for operation in Operation::ALL.into_iter().filter(|operation| operation.is_signed()) {
        let world = World::new([operation.success()]);
        world.call(operation).await.unwrap();
        let arrived: Arrived = world.server.arrived().remove(0);
        let header = |name| arrived.header(name).unwrap();
        let mut line = arrived.line().split(' ');
        let signed = sign(
            &key,
            Unsigned {
                verb: line.next().unwrap(),
                path_and_query: line.next().unwrap(),
                host: header("host"),
                date: header("x-ms-date"),
                body: &arrived.body,
            },
        );
        assert_eq!(header("host"), world.server.address.to_string());
        assert_eq!(header("x-ms-date"), "Fri, 15 Jan 2027 08:00:00 GMT");
        assert_eq!(header("x-ms-content-sha256"), signed.content_sha256);
        assert_eq!(header("authorization"), signed.authorization.expose());
    }
}

#[tokio::test]
async fn a_request_says_who_sends_it_and_no_more() {
    let world = World::new([Reply::done()]);
    world.call(Operation::Revoke).await.unwrap();
    let arrived = world.server.arrived().remove(0);
    let mut names: Vec<_> = arrived
        .head
        .lines()
        .skip(1)
        .map(|line| line.split(':').next().unwrap().to_lowercase())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "user-agent",
            "x-ms-client-request-id",
            "x-ms-content-sha256",
            "x-ms-date",
        ]
    );
    assert!(arrived.header("user-agent").unwrap().starts_with("guestpass/"));
}

#[tokio::test]
async fn attempts_of_a_call_share_their_request_id_and_calls_do_not() {
    let world = World::new([Reply::status(503), Reply::done()]);
    world.call(Operation::Revoke).await.unwrap();
    world.call(Operation::Revoke).await.unwrap();
    let arrived = world.server.arrived();
    let ids: Vec<_> =
        arrived.iter().map(|one| one.header("x-ms-client-request-id").unwrap()).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[1], ids[2]);
}

#[tokio::test]
async fn a_connection_opened_in_advance_is_used() {
    let world = World::new([Reply::with(404, "", "<html>"), Reply::done()]);
    world.acs.connect().await;
    world.call(Operation::Delete).await.unwrap();
    let arrived = world.server.arrived();
    assert_eq!(world.server.connections(), 1);
    assert_eq!(arrived[0].line(), "GET / HTTP/1.1");
    assert_eq!(arrived[0].header("authorization"), None);
}

#[tokio::test]
async fn connecting_in_advance_to_nobody_is_no_error() {
    let acs = AcsIdentityClient::new(config("http://127.0.0.1:1"), TestClock::new()).unwrap();
    acs.connect().await;
}

#[tokio::test]
async fn the_version_can_be_chosen_and_not_abused() {
    let server = Server::start([Reply::done()]);
    let world = World::of(server, |config| config.api_version = "2023-10-01".parse().unwrap());
    world.call(Operation::Delete).await.unwrap();
    assert!(world.server.arrived()[0].line().contains("?api-version=2023-10-01 "));

    for good in ["2026-09-23", "2021-10-31-preview", "2020-07-20-preview2"] {
        assert!(good.parse::<ApiVersion>().is_ok(), "{good}");
    }
    for bad in [
        "",
        "foo",
        "a b",
        "2023-10-01&x=y",
        "2023-10-01#",
        "2023-10-1",
        "20231001",
        "2023-10-01-beta",
        "2023-10-01-preview-2",
        "2023-10-01preview",
        "٢٠٢٣-10-01",
    ] {
        assert_eq!(bad.parse::<ApiVersion>(), Err(ApiVersionError), "{bad}");
    }
}

#[test]
fn roots_that_are_no_certificates_are_refused_at_once() {
    for bad in ["", "nonsense", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"] {
        let mut config = config("https://localhost:8443");
        config.extra_roots_pem = Some(bad.to_owned());
        assert!(AcsIdentityClient::new(config, TestClock::new()).is_err(), "{bad}");
    }
}
