//! Responses as a client gets them.
#![expect(clippy::unwrap_used, reason = "a test may die")]

use std::time::{Duration, SystemTime};

use identity_core::{
    Error,
    event::{EventKind, EventSource},
    exchange_teams_token::TeamsTokenFault,
    record::{By, Cause, Origin, Reason, Record, RevocationOrder, State},
    testing::{ManualClock, order, record},
};
use lambda_edge::{
    Answer, IdentityOutput, Problem, ReceiptOutput, serve,
    testing::{body, callers},
};
use lambda_http::{Body, Context, Request, RequestExt as _, Response, http::StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

async fn respond(request: &Request, result: Result<Answer, Problem>) -> Response<Body> {
    serve("Test", &ManualClock::default(), &callers(), request, async { result }).await.unwrap()
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
        (Error::Throttled { retry_after: wait, source: source() }, 503, "throttled", Some("3")),
        (
            Error::AcsUnavailable { maybe_applied: true, source: source() },
            503,
            "unavailable",
            Some("2"),
        ),
        (Error::StoreUnavailable(source()), 503, "unavailable", Some("2")),
    ] {
        let problem = Problem::from(error);
        assert_eq!(
            (problem.status().as_u16(), problem.type_uri()),
            (status, format!("/problems/{kind}"))
        );
        let response = respond(&Request::default(), Err(problem)).await;
        assert_eq!(response.status(), status, "{kind}");
        assert_eq!(retry_after(&response), seconds, "{kind}");
    }
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
            (problem.status().as_u16(), problem.type_uri()),
            (status, format!("/problems/{kind}"))
        );
    }
}

#[tokio::test]
async fn a_problem_says_whether_to_retry_or_to_sign_in() {
    let busy = Problem::from(Error::Busy { retry_after: Duration::ZERO });
    for (problem, retry) in
        [(Problem::UNAUTHENTICATED, "sign-in"), (Problem::FORBIDDEN, "never"), (busy, "later")]
    {
        let challenged = problem.status() == StatusCode::UNAUTHORIZED;
        let response = respond(&Request::default(), Err(problem)).await;
        assert_eq!(body(&response)["retry"], retry);
        let challenge = response.headers().get("www-authenticate");
        assert_eq!(challenge.map(|value| value.to_str().unwrap()), challenged.then_some("Bearer"));
    }
}

#[tokio::test]
async fn a_success_has_its_status_and_its_body() {
    let answer = Answer::json(StatusCode::CREATED, &json!({ "a": 1 }));
    let response = respond(&Request::default(), answer).await;
    assert_eq!((response.status(), body(&response)), (StatusCode::CREATED, json!({ "a": 1 })));
    // A binary body would be encoded in base64 on its way through Lambda.
    assert!(matches!(response.body(), Body::Text(_)));
    let empty = respond(&Request::default(), Ok(Answer::empty())).await;
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
        let response = respond(&request, Ok(Answer::empty())).await;
        assert_eq!(response.headers()["x-request-id"], returned, "{sent:?}");
    }
}

/// Alice: an administrator signed her out at 1 s, and Okta disabled her at 3 s. ACS has
/// confirmed the sign-out. She got another token between the two.
fn alice() -> Record {
    let first = order("r1", false, at(1));
    let by = By::Event {
        source: Some(EventSource::Okta),
        kind: EventKind::Disabled,
        id: "e-1".to_owned(),
    };
    let cause = Cause { by, reason: Reason::parse("left") };
    let second = RevocationOrder { cause, ..order("r2", true, at(3)) };
    let alice = record("alice", State::active("8:acs:1"), at(0));
    let signed_out = alice.revoked(&first, at(1)).revocation_confirmed(at(2));
    Record { tokens_revoked: false, ..signed_out }.revoked(&second, at(3))
}

fn shown(output: impl Serialize) -> Value {
    serde_json::to_value(output).unwrap()
}

#[test]
fn only_an_administrator_sees_the_history_of_an_identity() {
    let own = shown(IdentityOutput::from(&alice()));
    assert_eq!(own["externalId"], "alice");
    assert_eq!(own["state"], "blocked");
    assert_eq!(own["user"], json!({ "communicationUserId": "8:acs:1" }));
    assert_eq!(own["createdAt"], "2027-01-15T08:00:00.000Z");
    assert_eq!(own["revocationPending"], true);
    for field in ["receipts", "decisions", "notBefore"] {
        assert_eq!(own.get(field), None, "{field}");
    }
    let history = shown(IdentityOutput::with_history(&alice()));
    let receipts = history["receipts"].as_array().unwrap();
    let ids: Vec<_> = receipts.iter().map(|one| &one["receiptId"]).collect();
    assert_eq!(ids, ["r2", "r1"], "newest first");
    assert_eq!(history["notBefore"], "2027-01-15T08:00:03.000Z");
}

#[test]
fn a_decision_names_its_origin_and_whether_it_is_in_force() {
    let decisions = |user: &Record| shown(IdentityOutput::with_history(user))["decisions"].take();
    let of_okta = |in_force: bool| {
        json!({
            "origin": "okta",
            "blocks": true,
            "inForce": in_force,
            "decidedAt": "2027-01-15T08:00:03.000Z",
        })
    };
    assert_eq!(decisions(&alice()), json!([of_okta(true)]));
    let unblocked = alice().unblocked(Origin::ADMINISTRATOR, at(4), at(4));
    let of_administrator = json!({
        "origin": "administrator",
        "blocks": false,
        "inForce": false,
        "decidedAt": "2027-01-15T08:00:04.000Z",
    });
    assert_eq!(decisions(&unblocked), json!([of_administrator, of_okta(false)]));
}

#[test]
fn a_receipt_names_its_cause_and_the_time_from_which_it_holds() {
    let alice = alice();
    let receipts = |user: &Record| -> Vec<_> {
        user.receipts.iter().map(|receipt| shown(ReceiptOutput::from(receipt))).collect()
    };
    let of_administrator = json!({
        "receiptId": "r1",
        "identity": "8:acs:1",
        "epoch": alice.epoch - 1,
        "blocked": false,
        "cause": "administrator",
        "by": "root",
        "acceptedAt": "2027-01-15T08:00:01.000Z",
        "revokedAt": "2027-01-15T08:00:02.000Z",
        "effectiveBy": "2027-01-15T08:15:02.000Z",
    });
    let of_event = json!({
        "receiptId": "r2",
        "identity": "8:acs:1",
        "epoch": alice.epoch,
        "blocked": true,
        "cause": "user.disabled",
        "source": "okta",
        "eventId": "e-1",
        "reason": "left",
        "acceptedAt": "2027-01-15T08:00:03.000Z",
    });
    assert_eq!(receipts(&alice), [of_administrator, of_event]);
}
