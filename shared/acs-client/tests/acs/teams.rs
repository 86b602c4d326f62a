//! The operations for Teams.

use std::time::{Duration, SystemTime};

use acs_client::{Answered, Cause, Mistake, PrincipalType, Silence, Unanswered};
use identity_core::{Error, secret::Secret};

use crate::support::{
    ASSIGNMENT, ID, OBJECT, Operation, Reply, Server, TENANT, TOKEN, USER_TOKEN, World, assignment,
    chain,
};

const SOON: Duration = Duration::from_secs(5);

fn error(status: u16, code: &str, message: &str, target: Option<&str>) -> Reply {
    let error = serde_json::json!({"code": code, "message": message, "target": target});
    let body = serde_json::json!({"error": error}).to_string();
    Reply::with(status, "ms-cv: abc.0\r\n", &body)
}

#[tokio::test]
async fn what_is_exchanged_is_what_the_caller_gets() {
    let expiry = SystemTime::UNIX_EPOCH + Duration::new(1_800_003_600, 123_456_700);
    let user = Secret::new(USER_TOKEN);

    let world = World::new([Operation::ExchangeTeamsUser.success()]);
    let soon = world.in_time(SOON);
    let token = world.acs.exchange_teams_user_token(&user, "app", "user", soon).await.unwrap();
    assert_eq!((token.token.expose(), token.expires_on), (TOKEN, expiry));

    let world = World::new([Operation::ExchangeTeamsExtension.success()]);
    let (id, token) = world.acs.exchange_teams_extension_token(&user, soon).await.unwrap();
    assert_eq!((id.as_str(), token.token.expose()), (ID, TOKEN));
}

#[tokio::test]
async fn the_mistakes_in_a_teams_exchange_are_told_apart() {
    for (status, code, message, target, cause) in [
        (
            401,
            "InvalidAccessToken",
            "Provided access token is not valid.",
            None,
            Cause::InvalidAccessToken,
        ),
        (
            400,
            "ValidationError",
            "AppId: The AppId field is required.",
            Some("AppId"),
            Cause::AppId(Mistake::Missing),
        ),
        (
            400,
            "ValidationError",
            "Provided AppId has invalid format.",
            Some("appId"),
            Cause::AppId(Mistake::Malformed),
        ),
        (
            400,
            "ValidationError",
            "AAD application is not the expected one.",
            Some("appId"),
            Cause::AppId(Mistake::Mismatched),
        ),
        (
            400,
            "ValidationError",
            "Provided AAD token issued for unexpected user.",
            Some("userId"),
            Cause::UserId(Mistake::Mismatched),
        ),
    ] {
        let world = World::new([error(status, code, message, target)]);
        let refused = world.call(Operation::ExchangeTeamsUser).await.unwrap_err();
        assert!(matches!(refused, Error::AcsRefused(_)), "{refused:?}");
        let answered = Answered::of(&refused).unwrap();
        assert_eq!(answered.cause(), &cause);
        assert_eq!(answered.target(), target.unwrap_or_default());
        assert_eq!((answered.code(), answered.ms_cv()), (code, "abc.0"));
        let sent = world.server.arrived();
        let sent_id = sent[0].header("x-ms-client-request-id").unwrap();
        assert_eq!((sent.len(), answered.request_id()), (1, sent_id));
    }
}

#[tokio::test]
async fn an_assignment_is_found_put_and_deleted() {
    let (tenant, object) = (TENANT.parse().unwrap(), OBJECT.parse().unwrap());
    let world = World::new([Reply::with(200, "", ASSIGNMENT)]);
    let soon = world.in_time(SOON);
    let found = world.acs.find_teams_extension_assignment(&tenant, &object, soon).await.unwrap();
    assert_eq!(found, Some(assignment()));

    for status in [200, 201] {
        let world = World::new([Reply::with(status, "", ASSIGNMENT)]);
        let put = world.acs.put_teams_extension_assignment(&assignment(), soon).await.unwrap();
        assert_eq!(put, assignment());
    }

    let none = error(404, "NotFound", "No.", None);
    let world = World::new([none.clone()]);
    let found = world.acs.find_teams_extension_assignment(&tenant, &object, soon).await.unwrap();
    assert_eq!(found, None);
    World::new([none]).call(Operation::DeleteAssignment).await.unwrap();
}

#[tokio::test]
async fn a_404_for_the_path_does_not_say_that_there_is_no_assignment() {
    for operation in
        [Operation::FindAssignment, Operation::DeleteAssignment, Operation::PutAssignment]
    {
        let world = World::new([Reply::with(404, "ms-cv: abc.0\r\n", "")]);
        let refused = world.call(operation).await.unwrap_err();
        assert_eq!(Answered::of(&refused).unwrap().cause(), &Cause::NoSuchOperation);
    }
}

#[tokio::test]
async fn an_assignment_of_somebody_else_is_not_the_answer() {
    for (is, as_if) in [(TENANT, OBJECT), (OBJECT, TENANT), ("\"user\"", "\"robot\"")] {
        for operation in [Operation::FindAssignment, Operation::PutAssignment] {
            let body = ASSIGNMENT.replace(is, as_if);
            let world = World::new([Reply::with(200, "", &body)]);
            let refused = world.call(operation).await.unwrap_err();
            assert!(matches!(refused, Error::AcsUnavailable { .. }), "{body}: {refused:?}");
        }
    }
    let body = ASSIGNMENT.replace("\"user\"", "\"resourceAccount\"");
    let world = World::new([Reply::with(200, "", &body)]);
    let soon = world.in_time(SOON);
    let found = world.acs.put_teams_extension_assignment(&assignment(), soon).await.unwrap();
    assert_eq!(found.principal_type, PrincipalType::ResourceAccount);
}

#[tokio::test]
async fn a_users_token_takes_the_place_of_our_signature() {
    let world = World::new([Operation::ExchangeTeamsExtension.success()]);
    world.call(Operation::ExchangeTeamsExtension).await.unwrap();
    let arrived = world.server.arrived().remove(0);
    assert_eq!(arrived.header("authorization"), Some(format!("Bearer {USER_TOKEN}").as_str()));
    assert_eq!((arrived.header("x-ms-date"), arrived.header("x-ms-content-sha256")), (None, None));
}

#[tokio::test]
async fn a_users_token_does_not_travel_in_the_clear_nor_break_a_header() {
    let server = Server::start([Operation::ExchangeTeamsExtension.success()]);
    let world = World::of(server, |config| config.bearer_over_loopback_http = false);
    let refused = world.call(Operation::ExchangeTeamsExtension).await.unwrap_err();
    let Error::AcsRefused(source) = &refused else { unreachable!("{refused:?}") };
    let unanswered: &Unanswered = source.downcast_ref().unwrap();
    assert!(matches!(unanswered.why(), Silence::BearerOverHttp));
    assert!(chain(&refused).contains("bearer_over_loopback_http"), "{}", chain(&refused));

    let soon = world.in_time(SOON);
    for bad in ["a\r\nx: y", "a\0b", "\u{7f}"] {
        let world = World::new([Operation::ExchangeTeamsExtension.success()]);
        let token = Secret::new(bad);
        let refused = world.acs.exchange_teams_extension_token(&token, soon).await.unwrap_err();
        assert!(matches!(refused, Error::AcsRefused(_)), "{refused:?}");
        assert_eq!(world.server.count(), 0);
    }
    assert_eq!(world.server.count(), 0);
}
