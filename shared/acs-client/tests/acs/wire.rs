//! The requests and responses on the wire.

use std::time::{Duration, SystemTime};

use acs_client::{
    AccessKey, AcsIdentityClient, ApiVersion, ApiVersionError,
    sign::{Unsigned, sign},
};

use crate::support::{
    ClientFixture, ID, KEY, OBJECT, ReceivedRequest, ScriptedOperation, ScriptedReply,
    ScriptedServer, TENANT, TOKEN, TestClock, USER_TOKEN, config, id, request,
};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn each_operation_sends_one_request_in_the_documented_form() {
    let path = "/identities/8%3Aacs%3A11111111-2222-3333-4444-555555555555_66666666";
    let version = "?api-version=2026-09-23 HTTP/1.1";
    let token = r#""expiresInMinutes":60}"#;
    let assignment = format!("/access/teamsExtension/tenants/{TENANT}/assignments/{OBJECT}");
    for (operation, line, body) in [
        (ScriptedOperation::Create, "POST /identities".to_owned(), String::new()),
        (
            ScriptedOperation::CreateWithToken,
            "POST /identities".to_owned(),
            format!(r#"{{"createTokenWithScopes":["chat","voip"],{token}"#),
        ),
        (
            ScriptedOperation::Issue,
            format!("POST {path}/:issueAccessToken"),
            format!(r#"{{"scopes":["chat","voip"],{token}"#),
        ),
        (ScriptedOperation::Revoke, format!("POST {path}/:revokeAccessTokens"), String::new()),
        (ScriptedOperation::Delete, format!("DELETE {path}"), String::new()),
        (
            ScriptedOperation::ExchangeTeamsUser,
            "POST /teamsUser/:exchangeAccessToken".to_owned(),
            format!(r#"{{"token":"{USER_TOKEN}","appId":"app","userId":"user"}}"#),
        ),
        (
            ScriptedOperation::ExchangeTeamsExtension,
            "POST /access/teamsExtension/:exchangeAccessToken".to_owned(),
            "{}".to_owned(),
        ),
        (ScriptedOperation::FindAssignment, format!("GET {assignment}"), String::new()),
        (
            ScriptedOperation::PutAssignment,
            format!("PUT {assignment}"),
            r#"{"principalType":"user","clientIds":["cccccccc-2222-3333-4444-555555555555"]}"#
                .to_owned(),
        ),
        (ScriptedOperation::DeleteAssignment, format!("DELETE {assignment}"), String::new()),
    ] {
        let fixture = ClientFixture::new([operation.success()]);
        fixture.call(operation).await.unwrap();
        let received = fixture.server.received();
        assert_eq!(received.len(), 1, "{operation:?}");
        assert_eq!(received[0].line(), format!("{line}{version}"));
        assert_eq!(String::from_utf8(received[0].body.clone()).unwrap(), body);
        if line.starts_with('P') {
            let length = body.len().to_string();
            assert_eq!(received[0].header("content-length"), Some(length.as_str()));
            assert_eq!(received[0].header("content-type"), Some("application/json"));
        }
    }
}

#[tokio::test]
async fn the_caller_gets_the_identity_and_the_token_of_the_response() {
    let fixture =
        ClientFixture::new([ScriptedOperation::CreateWithToken.success(), ScriptedReply::token()]);
    let deadline = fixture.deadline_in(SOON);
    let expiry = SystemTime::UNIX_EPOCH + Duration::new(1_800_003_600, 123_456_700);

    let (created, token) =
        fixture.acs.create_identity_with_token(&request(), deadline).await.unwrap();
    assert_eq!((created.as_str(), token.token.expose()), (ID, TOKEN));
    assert_eq!(token.expires_on, expiry);

    let token = fixture.acs.issue_access_token(&id(), &request(), deadline).await.unwrap();
    assert_eq!((token.token.expose(), token.expires_on), (TOKEN, expiry));
}

#[tokio::test]
async fn a_request_arrives_as_it_was_signed() {
    let key: AccessKey = KEY.parse().unwrap();
    for operation in ScriptedOperation::ALL.into_iter().filter(|operation| operation.is_signed()) {
        let fixture = ClientFixture::new([operation.success()]);
        fixture.call(operation).await.unwrap();
        let received: ReceivedRequest = fixture.server.received().remove(0);
        let header = |name| received.header(name).unwrap();
        let mut line = received.line().split(' ');
        let signed = sign(
            &key,
            Unsigned {
                verb: line.next().unwrap(),
                path_and_query: line.next().unwrap(),
                host: header("host"),
                date: header("x-ms-date"),
                body: &received.body,
            },
        );
        assert_eq!(header("host"), fixture.server.address.to_string());
        assert_eq!(header("x-ms-date"), "Fri, 15 Jan 2027 08:00:00 GMT");
        assert_eq!(header("x-ms-content-sha256"), signed.content_sha256);
        assert_eq!(header("authorization"), signed.authorization.expose());
    }
}

#[tokio::test]
async fn a_request_has_only_the_necessary_headers_and_a_user_agent() {
    let fixture = ClientFixture::new([ScriptedReply::done()]);
    fixture.call(ScriptedOperation::Revoke).await.unwrap();
    let received = fixture.server.received().remove(0);
    let mut names: Vec<_> = received
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
    assert!(received.header("user-agent").unwrap().starts_with("guestpass/"));
}

#[tokio::test]
async fn attempts_of_a_call_have_the_same_request_id_and_calls_have_different_ones() {
    let fixture = ClientFixture::new([ScriptedReply::status(503), ScriptedReply::done()]);
    fixture.call(ScriptedOperation::Revoke).await.unwrap();
    fixture.call(ScriptedOperation::Revoke).await.unwrap();
    let received = fixture.server.received();
    let ids: Vec<_> =
        received.iter().map(|one| one.header("x-ms-client-request-id").unwrap()).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[1], ids[2]);
}

#[tokio::test]
async fn a_connection_opened_in_advance_is_used() {
    let fixture =
        ClientFixture::new([ScriptedReply::with(404, "", "<html>"), ScriptedReply::done()]);
    fixture.acs.connect().await;
    fixture.call(ScriptedOperation::Delete).await.unwrap();
    let received = fixture.server.received();
    assert_eq!(fixture.server.connections(), 1);
    assert_eq!(received[0].line(), "GET / HTTP/1.1");
    assert_eq!(received[0].header("authorization"), None);
}

#[tokio::test]
async fn a_failed_connection_in_advance_is_not_an_error() {
    let acs = AcsIdentityClient::new(config("http://127.0.0.1:1"), TestClock::new()).unwrap();
    acs.connect().await;
}

#[tokio::test]
async fn the_version_can_be_configured_and_an_invalid_one_is_refused() {
    let server = ScriptedServer::start([ScriptedReply::done()]);
    let fixture =
        ClientFixture::of(server, |config| config.api_version = "2023-10-01".parse().unwrap());
    fixture.call(ScriptedOperation::Delete).await.unwrap();
    assert!(fixture.server.received()[0].line().contains("?api-version=2023-10-01 "));

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
fn invalid_root_certificates_are_refused_when_the_client_is_created() {
    for bad in ["", "nonsense", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"] {
        let mut config = config("https://localhost:8443");
        config.extra_roots_pem = Some(bad.to_owned());
        assert!(AcsIdentityClient::new(config, TestClock::new()).is_err(), "{bad}");
    }
}
