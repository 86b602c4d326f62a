use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use identity_core::exchange_teams_token::TeamsTokenFault;
use identity_core::record::State;
use identity_core::testing::{ManualClock, MemoryIdentityStore, MemoryTeamsTokenExchange, record};
use lambda_edge::testing::{TestRequest, access, body, edge};
use lambda_http::{Body, Response};
use serde_json::{Value, json};

use super::*;

/// A token with the claims of an Entra token. Its signature is not checked here.
fn entra(change: impl FnOnce(&mut Value)) -> String {
    let mut claims = json!({
        "oid": "0a",
        "tid": "0b",
        "exp": 1_800_003_600,
        "aud": "https://auth.msft.communication.azure.com",
        "scp": "Teams.ManageCalls Teams.ManageChats",
    });
    change(&mut claims);
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn event(token: &str) -> TestRequest {
    let body = json!({ "token": token, "appId": "1c" });
    TestRequest::new("POST /v1/token/teams").json(&body).claim("oid", "0a").claim("tid", "0b")
}

async fn exchange(acs: &MemoryTeamsTokenExchange, event: TestRequest) -> Response<Body> {
    let (clock, request) = (ManualClock::default(), event.request());
    let (store, access) = (MemoryIdentityStore::default(), access());
    let response = handle(&store, acs, &clock, &access, &request);
    serve("ExchangeTeamsUserAccessToken", &clock, &edge(), &request, response).await.unwrap()
}

#[tokio::test]
async fn r59_a_blocked_user_gets_no_teams_token() {
    let (acs, clock, access) =
        (MemoryTeamsTokenExchange::default(), ManualClock::default(), access());
    let blocked = record(TestRequest::ALICE, State::Blocked { acs_id: None }, clock.now());
    let store = MemoryIdentityStore::with([blocked]);
    let request = event(&entra(|_| {})).request();
    let response = handle(&store, &acs, &clock, &access, &request);
    let response = serve("Exchange", &clock, &edge(), &request, response).await.unwrap();
    assert_eq!(problem(&response), (403, "user-blocked".to_owned()));
    assert_eq!(acs.asked(), []);
}

fn problem(response: &Response<Body>) -> (u16, String) {
    let kind = body(response)["type"].as_str().unwrap_or_default().to_owned();
    (response.status().as_u16(), kind.replace("/problems/", ""))
}

#[tokio::test]
async fn the_callers_own_token_is_exchanged() {
    let acs = MemoryTeamsTokenExchange::default();
    let response = exchange(&acs, event(&entra(|_| {}))).await;
    assert_eq!(response.status(), 200);
    let body = body(&response);
    assert_eq!(body["user"]["communicationUserId"], "8:orgid:0a");
    assert!(body["token"].is_string() && body["expiresOn"].is_string());
    assert_eq!(acs.asked(), [("1c".to_owned(), "0a".to_owned())]);
}

#[tokio::test]
async fn r15_a_token_that_is_not_the_callers_own_is_403_and_acs_is_not_asked() {
    let acs = MemoryTeamsTokenExchange::default();
    let another = (403, "teams-token-of-another-user".to_owned());
    for event in [
        event(&entra(|claims| claims["oid"] = "0c".into())),
        event(&entra(|claims| claims["tid"] = "0c".into())),
        event(&entra(|_| {})).claim("oid", ""),
        event(&entra(|claims| claims["oid"] = "".into())).claim("oid", ""),
        event(&entra(|_| {})).claim("tid", "0d"),
    ] {
        assert_eq!(problem(&exchange(&acs, event).await), another);
    }
    assert_eq!(acs.asked(), []);
}

#[tokio::test]
async fn r15_only_entra_or_the_main_issuer_says_who_a_user_is_at_entra() {
    let acs = MemoryTeamsTokenExchange::default();
    for (issuer, status) in [
        ("https://idp.example", 200),
        ("https://login.microsoftonline.com/0b/v2.0", 200),
        ("https://sts.windows.net/0b/", 200),
        ("https://login.microsoftonline.com/0c/v2.0", 403),
        ("https://login.microsoftonline.com/0b/v2.0/", 403),
        ("https://login.microsoftonline.com.evil.example/0b/v2.0", 403),
        ("https://other.example", 403),
    ] {
        let event = event(&entra(|_| {})).claim("iss", issuer);
        assert_eq!(exchange(&acs, event).await.status(), status, "{issuer}");
    }
}

#[tokio::test]
async fn each_of_the_usual_mistakes_has_a_problem_type_of_its_own() {
    let acs = MemoryTeamsTokenExchange::default();
    let exp = |exp: u64| entra(move |claims| claims["exp"] = exp.into());
    for (event, expected) in [
        (event("garbage"), (400, "teams-token-malformed")),
        (event("a.b.c"), (400, "teams-token-malformed")),
        (event(""), (400, "teams-token-malformed")),
        (event(&exp(1_799_999_999)), (401, "teams-token-expired")),
        (event(&exp(1_800_000_060)), (400, "teams-token-expiring")),
        (event(&"x".repeat(64 * 1024)), (413, "body-too-large")),
    ] {
        let response = exchange(&acs, event).await;
        assert_eq!(problem(&response), (expected.0, expected.1.to_owned()));
    }
    assert_eq!(acs.asked(), [], "none of it needs ACS to be told");
    let wrong_audience = entra(|claims| claims["aud"] = "https://graph.microsoft.com".into());
    let lacking = entra(|claims| claims["scp"] = "Teams.ManageCalls".into());
    for (token, fault, expected) in [
        (&wrong_audience, TeamsTokenFault::Invalid, "teams-token-audience"),
        (&lacking, TeamsTokenFault::Invalid, "teams-token-permission"),
        (&entra(|_| {}), TeamsTokenFault::Invalid, "teams-token-invalid"),
        (&entra(|_| {}), TeamsTokenFault::WrongApp, "teams-token-app"),
        (&entra(|_| {}), TeamsTokenFault::WrongUser, "teams-token-user"),
    ] {
        acs.refuse(fault);
        let response = exchange(&acs, event(token)).await;
        assert_eq!(problem(&response), (400, expected.to_owned()));
    }
}

#[tokio::test]
async fn the_body_cannot_name_a_user() {
    let acs = MemoryTeamsTokenExchange::default();
    let body = json!({ "token": entra(|_| {}), "appId": "1c", "userId": "0a" });
    let response = exchange(&acs, event("x").json(&body)).await;
    assert_eq!(problem(&response), (400, "invalid-body".to_owned()));
    let without = TestRequest::new("POST /v1/token/teams");
    let empty = exchange(&acs, without.claim("oid", "0a")).await;
    assert_eq!(problem(&empty), (400, "teams-token-malformed".to_owned()));
}

#[tokio::test]
async fn only_a_bearer_with_the_scope_may() {
    let acs = MemoryTeamsTokenExchange::default();
    let without = event(&entra(|_| {})).claim("scope", "openid");
    assert_eq!(exchange(&acs, without).await.status(), 403);
    let anonymous = event(&entra(|_| {})).without_authorizer();
    assert_eq!(exchange(&acs, anonymous).await.status(), 401);
}
