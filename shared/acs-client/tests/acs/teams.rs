//! The operations for Teams.

use std::time::{Duration, SystemTime};

use acs_client::{
    Answered, ErrorCause, Mistake, PrincipalType, ResourceAccountName, Silence,
    TeamsExtensionAssignment, Unanswered,
};
use identity_core::{
    Error, phone::PhoneFault, ports::TeamsPhoneClient, secret::Secret, testing::admission,
};

use crate::support::{
    ASSIGNMENT, ClientFixture, ID, OBJECT, ScriptedOperation, ScriptedReply, ScriptedServer,
    TENANT, TOKEN, USER_TOKEN, assignment, chain, maybe_applied,
};

const SOON: Duration = Duration::from_secs(5);

fn error(status: u16, code: &str, message: &str, target: Option<&str>) -> ScriptedReply {
    let error = serde_json::json!({"code": code, "message": message, "target": target});
    let body = serde_json::json!({"error": error}).to_string();
    ScriptedReply::with(status, "ms-cv: abc.0\r\n", &body)
}

#[tokio::test]
async fn the_caller_gets_the_token_of_the_exchange() {
    let expiry = SystemTime::UNIX_EPOCH + Duration::new(1_800_003_600, 123_456_700);
    let user = Secret::new(USER_TOKEN);

    let fixture = ClientFixture::new([ScriptedOperation::ExchangeTeamsUser.success()]);
    let soon = fixture.deadline_in(SOON);
    let token = fixture.acs.exchange_teams_user_token(&user, "app", "user", soon).await.unwrap();
    assert_eq!((token.token.expose(), token.expires_on), (TOKEN, expiry));

    let fixture = ClientFixture::new([ScriptedOperation::ExchangeTeamsExtension.success()]);
    let (id, token) = fixture.acs.exchange_teams_extension_token(&user, soon).await.unwrap();
    assert_eq!((id.as_str(), token.token.expose()), (ID, TOKEN));
}

#[tokio::test]
async fn the_mistakes_in_a_teams_exchange_have_different_causes() {
    for (status, code, message, target, cause) in [
        (
            401,
            "InvalidAccessToken",
            "Provided access token is not valid.",
            None,
            ErrorCause::InvalidAccessToken,
        ),
        (
            400,
            "ValidationError",
            "AppId: The AppId field is required.",
            Some("AppId"),
            ErrorCause::AppId(Mistake::Missing),
        ),
        (
            400,
            "ValidationError",
            "Provided AppId has invalid format.",
            Some("appId"),
            ErrorCause::AppId(Mistake::Malformed),
        ),
        (
            400,
            "ValidationError",
            "AAD application is not the expected one.",
            Some("appId"),
            ErrorCause::AppId(Mistake::Mismatched),
        ),
        (
            400,
            "ValidationError",
            "Provided AAD token issued for unexpected user.",
            Some("userId"),
            ErrorCause::UserId(Mistake::Mismatched),
        ),
    ] {
        let fixture = ClientFixture::new([error(status, code, message, target)]);
        let refused = fixture.call(ScriptedOperation::ExchangeTeamsUser).await.unwrap_err();
        assert!(matches!(refused, Error::AcsRefused(_)), "{refused:?}");
        let answered = Answered::of(&refused).unwrap();
        assert_eq!(answered.cause(), &cause);
        assert_eq!(answered.target(), target.unwrap_or_default());
        assert_eq!((answered.code(), answered.ms_cv()), (code, "abc.0"));
        let sent = fixture.server.received();
        let sent_id = sent[0].header("x-ms-client-request-id").unwrap();
        assert_eq!((sent.len(), answered.request_id()), (1, sent_id));
    }
}

#[tokio::test]
async fn an_assignment_is_found_put_and_deleted() {
    let (tenant, object) = (TENANT.parse().unwrap(), OBJECT.parse().unwrap());
    let fixture = ClientFixture::new([ScriptedReply::with(200, "", ASSIGNMENT)]);
    let soon = fixture.deadline_in(SOON);
    let found = fixture.acs.find_teams_extension_assignment(&tenant, &object, soon).await.unwrap();
    assert_eq!(found, Some(assignment()));

    for status in [200, 201] {
        let fixture = ClientFixture::new([ScriptedReply::with(status, "", ASSIGNMENT)]);
        let put = fixture.acs.put_teams_extension_assignment(&assignment(), soon).await.unwrap();
        assert_eq!(put, assignment());
    }

    let none = error(404, "NotFound", "No.", None);
    let fixture = ClientFixture::new([none.clone()]);
    let found = fixture.acs.find_teams_extension_assignment(&tenant, &object, soon).await.unwrap();
    assert_eq!(found, None);
    ClientFixture::new([none]).call(ScriptedOperation::DeleteAssignment).await.unwrap();
}

#[tokio::test]
async fn a_404_for_the_path_does_not_mean_that_the_assignment_is_missing() {
    for operation in [
        ScriptedOperation::FindAssignment,
        ScriptedOperation::DeleteAssignment,
        ScriptedOperation::PutAssignment,
    ] {
        let fixture = ClientFixture::new([ScriptedReply::with(404, "ms-cv: abc.0\r\n", "")]);
        let refused = fixture.call(operation).await.unwrap_err();
        assert_eq!(Answered::of(&refused).unwrap().cause(), &ErrorCause::NoSuchOperation);
    }
}

#[tokio::test]
async fn an_assignment_of_another_principal_is_an_invalid_response() {
    for (original, replacement) in [(TENANT, OBJECT), (OBJECT, TENANT), ("\"user\"", "\"\"")] {
        for operation in [ScriptedOperation::FindAssignment, ScriptedOperation::PutAssignment] {
            let body = ASSIGNMENT.replace(original, replacement);
            let fixture = ClientFixture::new([ScriptedReply::with(200, "", &body)]);
            let refused = fixture.call(operation).await.unwrap_err();
            assert!(matches!(refused, Error::AcsUnavailable { .. }), "{body}: {refused:?}");
        }
    }
    let body = ASSIGNMENT.replace("\"user\"", "\"resourceAccount\"");
    let fixture = ClientFixture::new([ScriptedReply::with(200, "", &body)]);
    let soon = fixture.deadline_in(SOON);
    let found = fixture.acs.put_teams_extension_assignment(&assignment(), soon).await.unwrap();
    assert_eq!(found.principal_type, PrincipalType::ResourceAccount);
}

#[tokio::test]
async fn every_spelling_of_a_kind_is_read() {
    let (tenant, object) = (TENANT.parse().unwrap(), OBJECT.parse().unwrap());
    for (spelled, expected) in [
        ("User", PrincipalType::User),
        ("resourceAccount", PrincipalType::ResourceAccount),
        ("teamsResourceAccount", PrincipalType::ResourceAccount),
        ("TeamsResourceAccount", PrincipalType::ResourceAccount),
        ("callQueue", PrincipalType::Other("callQueue".to_owned())),
    ] {
        for clients in
            [r#""clientIds":["cccccccc-2222-3333-4444-555555555555"]"#, r#""clientIds":null"#]
        {
            let body = ASSIGNMENT
                .replace("\"user\"", &format!("\"{spelled}\""))
                .replace(r#""clientIds":["cccccccc-2222-3333-4444-555555555555"]"#, clients);
            let fixture = ClientFixture::new([ScriptedReply::with(200, "", &body)]);
            let soon = fixture.deadline_in(SOON);
            let found = fixture.acs.find_teams_extension_assignment(&tenant, &object, soon);
            assert_eq!(found.await.unwrap().unwrap().principal_type, expected, "{body}");
        }
    }
}

#[tokio::test]
async fn a_resource_account_is_spelled_as_configured_and_without_empty_client_ids() {
    for (name, sent) in [
        (ResourceAccountName::Specified, r#"{"principalType":"resourceAccount"}"#),
        (ResourceAccountName::Documented, r#"{"principalType":"teamsResourceAccount"}"#),
    ] {
        let server = ScriptedServer::start([ScriptedReply::with(200, "", ASSIGNMENT)]);
        let fixture = ClientFixture::of(server, |config| config.resource_account_name = name);
        let account = TeamsExtensionAssignment {
            principal_type: PrincipalType::ResourceAccount,
            client_ids: Vec::new(),
            ..assignment()
        };
        let soon = fixture.deadline_in(SOON);
        fixture.acs.put_teams_extension_assignment(&account, soon).await.unwrap();
        let body = fixture.server.received().remove(0).body;
        assert_eq!(String::from_utf8_lossy(&body), sent);
    }
}

#[tokio::test]
async fn a_400_to_a_resource_account_names_the_other_spelling() {
    for (code, target) in [("ValidationError", Some("principalType")), ("BadRequest", None)] {
        let fixture = ClientFixture::new([error(400, code, "No.", target)]);
        let account = TeamsExtensionAssignment {
            principal_type: PrincipalType::ResourceAccount,
            ..assignment()
        };
        let soon = fixture.deadline_in(SOON);
        let refused = fixture.acs.put_teams_extension_assignment(&account, soon).await.unwrap_err();
        let text = chain(&refused);
        assert!(text.contains("it may expect `teamsResourceAccount`"), "{text}");
    }
    let fixture = ClientFixture::new([error(400, "ValidationError", "No.", Some("clientIds"))]);
    let refused = fixture.call(ScriptedOperation::PutAssignment).await.unwrap_err();
    assert!(!chain(&refused).contains("teamsResourceAccount"), "{refused:?}");
}

#[tokio::test]
async fn an_assignment_that_an_earlier_attempt_may_have_made_is_not_reported_as_refused() {
    for first in [ScriptedReply::status(500), ScriptedReply::Close] {
        for last in [429, 401, 403] {
            let fixture = ClientFixture::new([first.clone(), ScriptedReply::status(last)]);
            let error = fixture.call(ScriptedOperation::PutAssignment).await.unwrap_err();
            assert_eq!(Answered::of(&error).map(Answered::status), Some(last));
            assert!(maybe_applied(Err(error)), "{last}");
            assert_eq!(fixture.server.count(), 2, "{last}");
        }
    }
    // The only attempt proves that ACS did nothing.
    for (only, is_throttled) in [(429, true), (401, false), (403, false)] {
        let fixture = ClientFixture::new([ScriptedReply::status(only)]);
        match fixture.call(ScriptedOperation::PutAssignment).await {
            Err(Error::Throttled { .. }) => assert!(is_throttled, "{only}"),
            Err(Error::AcsRefused(_)) => assert!(!is_throttled, "{only}"),
            other => unreachable!("{only}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_user_without_a_client_id_is_not_assigned() {
    let fixture = ClientFixture::new([ScriptedReply::with(200, "", ASSIGNMENT)]);
    let user = TeamsExtensionAssignment { client_ids: Vec::new(), ..assignment() };
    let soon = fixture.deadline_in(SOON);
    let refused = fixture.acs.put_teams_extension_assignment(&user, soon).await.unwrap_err();
    assert!(matches!(refused, Error::AcsRefused(_)), "{refused:?}");
    assert!(chain(&refused).contains("the client id of at least one app"), "{}", chain(&refused));
    assert_eq!(fixture.server.count(), 0);
}

#[tokio::test]
async fn the_port_says_why_a_user_of_teams_phone_is_refused() {
    for (status, code, fault) in [
        (401, "Denied", PhoneFault::NotAssigned),
        (403, "Forbidden", PhoneFault::NotAssigned),
        (403, "UserLicenseNotPresentForbidden", PhoneFault::MissingLicense),
        (403, "SubscriptionNotAllowed", PhoneFault::SubscriptionNotAllowed),
    ] {
        let fixture = ClientFixture::new([error(status, code, "No.", None)]);
        let (token, soon) = (Secret::new(USER_TOKEN), fixture.deadline_in(SOON));
        let refused = fixture.acs.exchange_phone_token(admission(), &token, soon).await;
        assert!(matches!(refused, Err(Error::TeamsPhone(found)) if found == fault), "{code}");
    }
    let fixture = ClientFixture::new([error(400, "BadRequest", "No.", None)]);
    let (token, soon) = (Secret::new(USER_TOKEN), fixture.deadline_in(SOON));
    let refused = fixture.acs.exchange_phone_token(admission(), &token, soon).await;
    assert!(matches!(refused, Err(Error::AcsRefused(_))), "{refused:?}");
}

#[tokio::test]
async fn a_users_token_replaces_the_signature() {
    let fixture = ClientFixture::new([ScriptedOperation::ExchangeTeamsExtension.success()]);
    fixture.call(ScriptedOperation::ExchangeTeamsExtension).await.unwrap();
    let received = fixture.server.received().remove(0);
    assert_eq!(received.header("authorization"), Some(format!("Bearer {USER_TOKEN}").as_str()));
    assert_eq!(
        (received.header("x-ms-date"), received.header("x-ms-content-sha256")),
        (None, None)
    );
}

#[tokio::test]
async fn a_users_token_is_not_sent_over_http_or_in_an_invalid_header() {
    let server = ScriptedServer::start([ScriptedOperation::ExchangeTeamsExtension.success()]);
    let fixture = ClientFixture::of(server, |config| config.bearer_over_loopback_http = false);
    let refused = fixture.call(ScriptedOperation::ExchangeTeamsExtension).await.unwrap_err();
    let Error::AcsRefused(source) = &refused else { unreachable!("{refused:?}") };
    let unanswered: &Unanswered = source.downcast_ref().unwrap();
    assert!(matches!(unanswered.why(), Silence::BearerOverHttp));
    assert!(chain(&refused).contains("bearer_over_loopback_http"), "{}", chain(&refused));

    let soon = fixture.deadline_in(SOON);
    for bad in ["a\r\nx: y", "a\0b", "\u{7f}"] {
        let fixture = ClientFixture::new([ScriptedOperation::ExchangeTeamsExtension.success()]);
        let token = Secret::new(bad);
        let refused = fixture.acs.exchange_teams_extension_token(&token, soon).await.unwrap_err();
        assert!(matches!(refused, Error::AcsRefused(_)), "{refused:?}");
        assert_eq!(fixture.server.count(), 0);
    }
    assert_eq!(fixture.server.count(), 0);
}
