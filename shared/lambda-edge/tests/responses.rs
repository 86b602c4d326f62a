//! Responses as a client gets them.

use std::time::Duration;

use api_types::ProblemType;
use identity_core::{
    Error, exchange_teams_token::TeamsTokenFault, phone::PhoneFault, testing::ManualClock,
};
use lambda_edge::{
    ApiResponse, Problem, serve,
    testing::{body, edge},
};
use lambda_http::{Body, Context, Request, RequestExt as _, Response, http::StatusCode};
use serde_json::{Value, json};

async fn respond(request: &Request, result: Result<ApiResponse, Problem>) -> Response<Body> {
    serve("Test", &ManualClock::default(), &edge(), request, async { result }).await.unwrap()
}

fn retry_after(response: &Response<Body>) -> Option<&str> {
    response.headers().get("retry-after").and_then(|value| value.to_str().ok())
}

#[tokio::test]
async fn each_error_has_its_own_status_and_type() {
    let wait = Duration::from_millis(2_001);
    let source = || "connection refused".into();
    for (error, status, kind, seconds) in [
        (Error::BeyondPolicy, 403, "beyond-policy", None),
        (Error::Blocked, 403, "user-blocked", None),
        (Error::NotFound, 404, "not-found", None),
        (Error::Busy { retry_after: wait }, 409, "busy", Some("3")),
        (Error::SignInRequired, 401, "sign-in-required", None),
        (Error::TooManyTokens { retry_after: wait }, 429, "too-many-tokens", Some("3")),
        (Error::TooManySignOuts { retry_after: wait }, 429, "too-many-sign-outs", Some("3")),
        (Error::Stuck, 500, "identity-stuck", None),
        (Error::ForeignIdentity(source()), 500, "foreign-resource", None),
        (Error::Internal("x"), 500, "internal", None),
        (Error::AcsRefused(source()), 500, "internal", None),
        (Error::StoreRefused(source()), 500, "internal", None),
    ] {
        let problem = Problem::from(error);
        assert_eq!(
            (problem.kind().status, problem.kind().uri()),
            (status, format!("/problems/{kind}"))
        );
        let response = respond(&Request::default(), Err(problem)).await;
        assert_eq!(response.status(), status, "{kind}");
        assert_eq!(retry_after(&response), seconds, "{kind}");
    }
}

#[tokio::test]
async fn a_503_has_a_random_wait_that_is_not_shorter_than_known() {
    let wait = Duration::from_millis(2_001);
    let source = || "connection refused".into();
    for (error, kind, seconds) in [
        (Error::Throttled { retry_after: wait, source: source() }, "throttled", 3..=5),
        (Error::AcsUnavailable { maybe_applied: true, source: source() }, "unavailable", 2..=4),
        (Error::StoreUnavailable(source()), "unavailable", 2..=4),
    ] {
        let response = respond(&Request::default(), Err(Problem::from(error))).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{kind}");
        assert_eq!(body(&response)["type"], format!("/problems/{kind}"));
        let wait: u64 = retry_after(&response).unwrap().parse().unwrap();
        assert!(seconds.contains(&wait), "{kind}: {wait}");
    }
}

#[tokio::test]
async fn the_wait_of_a_503_grows_with_each_failure_and_a_success_ends_that() {
    let (edge, clock, request) = (edge(), ManualClock::default(), Request::default());
    let wait = async |result: Result<ApiResponse, Problem>| {
        // The turns of earlier callers are over.
        clock.advance(Duration::from_hours(1));
        let response = serve("Test", &clock, &edge, &request, async { result }).await.unwrap();
        retry_after(&response).map(|wait| wait.parse::<u64>().unwrap())
    };
    let failure = || Err(Problem::from(Error::StoreUnavailable("connection refused".into())));
    for least in [2, 4, 8] {
        let wait = wait(failure()).await.unwrap();
        assert!((least..=least + least.max(4) / 2).contains(&wait), "{least}: {wait}");
    }
    // A refusal does not prove that ACS and the store are available.
    assert_eq!(wait(Err(ProblemType::INVALID_BODY.into())).await, None);
    assert!(wait(failure()).await.unwrap() >= 16);
    assert_eq!(wait(Ok(ApiResponse::empty())).await, None);
    assert!(wait(failure()).await.unwrap() <= 4);
}

#[test]
fn each_fault_of_a_teams_token_has_its_own_type() {
    for (fault, status, kind) in [
        (TeamsTokenFault::AnotherUser, 403, "teams-token-of-another-user"),
        (TeamsTokenFault::Expired, 401, "teams-token-expired"),
        (TeamsTokenFault::Expiring, 400, "teams-token-expiring"),
        (TeamsTokenFault::WrongAudience, 400, "teams-token-audience"),
        (TeamsTokenFault::MissingPermission, 400, "teams-token-permission"),
        (TeamsTokenFault::WrongApp, 400, "teams-token-app"),
        (TeamsTokenFault::WrongUser, 400, "teams-token-user"),
        (TeamsTokenFault::Invalid, 400, "teams-token-invalid"),
    ] {
        let problem = Problem::from(Error::TeamsToken(fault));
        assert_eq!(
            (problem.kind().status, problem.kind().uri()),
            (status, format!("/problems/{kind}"))
        );
    }
}

#[test]
fn each_fault_of_teams_phone_has_its_own_type() {
    for (fault, status, kind) in [
        (PhoneFault::Off, 403, "teams-phone-off"),
        (PhoneFault::Forged, 401, "teams-phone-token-invalid"),
        (PhoneFault::KeysUnavailable, 503, "unavailable"),
        (PhoneFault::WrongAudience, 400, "teams-phone-token-audience"),
        (PhoneFault::MissingConsent, 403, "teams-phone-consent"),
        (PhoneFault::WrongTenant, 403, "teams-phone-tenant"),
        (PhoneFault::WrongClient, 403, "teams-phone-app"),
        (PhoneFault::WrongKind, 403, "teams-phone-kind"),
        (PhoneFault::NoClient, 400, "invalid-body"),
        (PhoneFault::NotAssigned, 403, "teams-phone-not-assigned"),
        (PhoneFault::MissingLicense, 403, "teams-phone-license"),
        (PhoneFault::SubscriptionNotAllowed, 403, "teams-phone-subscription"),
    ] {
        let problem = Problem::from(Error::TeamsPhone(fault));
        assert_eq!(
            (problem.kind().status, problem.kind().uri()),
            (status, format!("/problems/{kind}"))
        );
    }
}

#[tokio::test]
async fn a_problem_says_whether_to_retry_or_to_sign_in() {
    let busy = Problem::from(Error::Busy { retry_after: Duration::ZERO });
    for (problem, retry) in [
        (ProblemType::UNAUTHENTICATED.into(), "sign-in"),
        (ProblemType::FORBIDDEN.into(), "never"),
        (busy, "later"),
    ] {
        let challenged = problem.kind() == ProblemType::UNAUTHENTICATED;
        let response = respond(&Request::default(), Err(problem)).await;
        assert_eq!(body(&response)["retry"], retry);
        let challenge = response.headers().get("www-authenticate");
        assert_eq!(challenge.map(|value| value.to_str().unwrap()), challenged.then_some("Bearer"));
    }
}

#[tokio::test]
async fn a_success_has_its_status_and_its_body() {
    let success = ApiResponse::json(StatusCode::CREATED, &json!({ "a": 1 }));
    let response = respond(&Request::default(), success).await;
    assert_eq!((response.status(), body(&response)), (StatusCode::CREATED, json!({ "a": 1 })));
    // A binary body would be encoded in base64 on its way through Lambda.
    assert!(matches!(response.body(), Body::Text(_)));
    let empty = respond(&Request::default(), Ok(ApiResponse::empty())).await;
    assert_eq!((empty.status(), body(&empty)), (StatusCode::NO_CONTENT, Value::Null));
    assert!(matches!(empty.body(), Body::Empty));
}

#[tokio::test]
async fn an_unusable_request_id_is_replaced_by_lambdas() {
    let longest = "x".repeat(128);
    let too_long = "x".repeat(129);
    for (sent, returned) in [
        (Some("a-b_c.d:e"), "a-b_c.d:e"),
        (Some(longest.as_str()), longest.as_str()),
        (Some(too_long.as_str()), "lambda-1"),
        (Some(""), "lambda-1"),
        (Some("a b"), "lambda-1"),
        (Some("<x>"), "lambda-1"),
        (None, "lambda-1"),
    ] {
        let mut context = Context::default();
        "lambda-1".clone_into(&mut context.request_id);
        let mut request = Request::default().with_lambda_context(context);
        if let Some(sent) = sent {
            request.headers_mut().insert("x-request-id", sent.parse().unwrap());
        }
        let response = respond(&request, Ok(ApiResponse::empty())).await;
        assert_eq!(response.headers()["x-request-id"], returned, "{sent:?}");
    }
}
