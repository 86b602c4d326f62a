use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity_core::phone::PhoneFault;
use identity_core::record::State;
use identity_core::testing::phone::{MemoryPhone, PhoneCall, guid};
use identity_core::testing::{ManualClock, MemoryIdentityStore, record};
use lambda_edge::testing::{TestRequest, body, edge, env};
use lambda_http::{Body, Response};
use serde_json::{Value, json};

use super::*;

/// The ports, and the rules with these further members of the parameter.
struct PhoneFixture {
    store: MemoryIdentityStore,
    acs: MemoryPhone,
    clock: ManualClock,
    rules: PhoneRules,
}

impl PhoneFixture {
    fn new(settings: Option<&str>) -> Self {
        let settings = settings.map(|more| {
            format!(r#"{{"tenants": ["{}"], "clients": ["{}"]{more}}}"#, guid(1), guid(9))
        });
        let env = |name: &str| match name {
            "TEAMS_PHONE" => settings.clone(),
            name => env(name),
        };
        let rules = PhoneRules::from_env(&env).unwrap();
        let (store, acs) = (MemoryIdentityStore::default(), MemoryPhone::default());
        Self { store, acs, clock: ManualClock::default(), rules }
    }

    async fn call(&self, request: TestRequest) -> Response<Body> {
        let Self { store, acs, clock, rules } = self;
        let request = request.request();
        let name = operation(&request);
        if is_exchange(&request) {
            let response = exchange::exchange(store, acs, clock, acs, rules, &request);
            serve(name, clock, &edge(), &request, response).await.unwrap()
        } else {
            let response = administer(store, acs, clock, rules, &request);
            serve(name, clock, &edge(), &request, response).await.unwrap()
        }
    }
}

fn on() -> PhoneFixture {
    PhoneFixture::new(Some(""))
}

/// A token with the claims of an Entra token of the object 5.
fn entra(change: impl FnOnce(&mut Value)) -> String {
    let mut claims = json!({
        "iss": format!("https://sts.windows.net/{}/", guid(1)),
        "oid": guid(5),
        "tid": guid(1),
        "exp": 1_800_003_600,
        "aud": "https://auth.msft.communication.azure.com",
        "scp": "TeamsExtension.ManageCalls",
        "appid": guid(9),
    });
    change(&mut claims);
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn exchange_of(token: &str) -> TestRequest {
    let claims = TestRequest::new("POST /v1/token/teams-phone").json(&json!({ "token": token }));
    claims.claim("oid", guid(5).as_str()).claim("tid", guid(1).as_str())
}

fn of_object(method: &str, object: &str) -> TestRequest {
    let route = format!("{method} /v1/teams-phone/assignments/{}/{object}", guid(1));
    TestRequest::new(&route).parameters(&[("tenant", guid(1).as_str()), ("object", object)])
}

fn put() -> TestRequest {
    of_object("PUT", guid(5).as_str()).json(&json!({ "clientIds": [guid(9)], "user": "alice" }))
}

fn problem(response: &Response<Body>) -> (u16, String) {
    let kind = body(response)["type"].as_str().unwrap_or_default().to_owned();
    (response.status().as_u16(), kind.replace("/problems/", ""))
}

#[tokio::test]
async fn the_callers_own_token_is_exchanged() {
    let fixture = on();
    let response = fixture.call(exchange_of(&entra(|_| {}))).await;
    assert_eq!(response.status(), 200);
    assert!(body(&response)["token"].is_string());
    assert_eq!(fixture.acs.calls(), [PhoneCall::Verify, PhoneCall::Exchange]);
}

#[tokio::test]
async fn r90_a_token_that_is_not_the_callers_own_or_not_allowed_does_not_reach_acs() {
    let fixture = on();
    for (event, expected) in [
        (exchange_of("garbage"), (400, "teams-token-malformed")),
        (
            exchange_of(&entra(|claims| claims["oid"] = json!(guid(6)))),
            (403, "teams-token-of-another-user"),
        ),
        (exchange_of(&entra(|_| {})).claim("oid", ""), (403, "teams-token-of-another-user")),
        (
            exchange_of(&entra(|_| {})).claim("iss", "https://other.example"),
            (403, "teams-token-of-another-user"),
        ),
        (exchange_of(&entra(|claims| claims["exp"] = 1.into())), (401, "teams-token-expired")),
        (
            exchange_of(&entra(|claims| claims["scp"] = "User.Read".into())),
            (403, "teams-phone-consent"),
        ),
        (
            exchange_of(&entra(|claims| claims["aud"] = "https://graph.microsoft.com".into())),
            (400, "teams-phone-token-audience"),
        ),
        (exchange_of(&entra(|claims| claims["appid"] = json!(guid(8)))), (403, "teams-phone-app")),
    ] {
        let (status, kind) = expected;
        assert_eq!(problem(&fixture.call(event).await), (status, kind.to_owned()));
    }
    fixture.acs.refuse_signatures(PhoneFault::Forged);
    let forged = fixture.call(exchange_of(&entra(|_| {}))).await;
    assert_eq!(problem(&forged), (401, "teams-phone-token-invalid".to_owned()));
    fixture.acs.refuse_signatures(PhoneFault::KeysUnavailable);
    assert_eq!(fixture.call(exchange_of(&entra(|_| {}))).await.status(), 503);
    assert!(!fixture.acs.calls().contains(&PhoneCall::Exchange));
}

#[tokio::test]
async fn r59_a_blocked_user_gets_no_token() {
    let mut fixture = on();
    let blocked = State::Blocked { acs_id: None };
    fixture.store =
        MemoryIdentityStore::with([record(TestRequest::ALICE, blocked, fixture.clock.now())]);
    let response = fixture.call(exchange_of(&entra(|_| {}))).await;
    assert_eq!(problem(&response), (403, "user-blocked".to_owned()));
}

#[tokio::test]
async fn an_administrator_makes_shows_lists_and_ends_an_assignment() {
    let fixture = on();
    let object = guid(5);
    let missing = fixture.call(of_object("GET", object.as_str())).await;
    assert_eq!(problem(&missing), (404, "teams-phone-no-assignment".to_owned()));
    for _ in 0..2 {
        let made = body(&fixture.call(put()).await);
        assert_eq!((&made["state"], &made["user"]), (&json!("assigned"), &json!("alice")));
        assert_eq!(made["clientIds"], json!([guid(9)]));
    }
    let shown = body(&fixture.call(of_object("GET", object.as_str())).await);
    assert_eq!((&shown["drift"], &shown["principalType"]), (&Value::Null, &json!("user")));
    assert_eq!(shown["atAcs"]["clientIds"], json!([guid(9)]));
    let list = || TestRequest::new("GET /v1/teams-phone/assignments");
    let listed = body(&fixture.call(list()).await);
    assert_eq!(listed["assignments"][0]["objectId"], json!(object));
    assert_eq!(listed["assignments"][0]["notVerifiedSince"], Value::Null);
    fixture.clock.advance(std::time::Duration::from_hours(7 * 24));
    let listed = body(&fixture.call(list().query("limit=1")).await);
    assert!(listed["assignments"][0]["notVerifiedSince"].is_string());
    for _ in 0..2 {
        let ended = fixture.call(of_object("DELETE", object.as_str())).await;
        assert_eq!(ended.status(), 204);
    }
    assert_eq!(body(&fixture.call(list()).await)["assignments"], json!([]));
}

#[tokio::test]
async fn pages_lead_to_the_end_and_an_invalid_query_is_refused() {
    let fixture = on();
    for object in 1..=5 {
        let request = of_object("PUT", guid(object).as_str());
        let made = fixture.call(request.json(&json!({ "clientIds": [guid(9)] }))).await;
        assert_eq!(made.status(), 200);
    }
    let list = |query: &str| TestRequest::new("GET /v1/teams-phone/assignments").query(query);
    let (mut seen, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = body(&fixture.call(list(&query)).await);
        seen.extend(page["assignments"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => query = format!("limit=2&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5);
    for bad in ["limit=51", "cursor=e30", "sort=asc"] {
        assert_eq!(fixture.call(list(bad)).await.status(), 400, "{bad}");
    }
}

#[tokio::test]
async fn an_invalid_or_forbidden_assignment_is_refused_before_acs_is_asked() {
    let fixture = PhoneFixture::new(Some(
        r#", "principalTypes": ["user"], "administrators": {"team": "phone"}"#,
    ));
    let request =
        |body: Value| of_object("PUT", guid(5).as_str()).json(&body).claim("team", "phone");
    for (event, expected) in [
        (put(), (403, "not-an-administrator")),
        (request(json!({})), (400, "invalid-body")),
        (request(json!({ "clientIds": ["app"] })), (400, "invalid-body")),
        (request(json!({ "principalType": "a b" })), (400, "invalid-body")),
        (request(json!({ "tenant": "x" })), (400, "invalid-body")),
        (request(json!({ "user": "8:acs:1" })), (400, "invalid-external-id")),
        (request(json!({ "clientIds": [guid(8)] })), (403, "teams-phone-app")),
        (request(json!({ "principalType": "resourceAccount" })), (403, "teams-phone-kind")),
        (of_object("PUT", "x").claim("team", "phone"), (404, "teams-phone-no-assignment")),
    ] {
        let (status, kind) = expected;
        assert_eq!(problem(&fixture.call(event).await), (status, kind.to_owned()));
    }
    assert_eq!(fixture.acs.calls(), []);
}

#[tokio::test]
async fn without_the_parameter_every_route_is_off_and_an_ordinary_user_may_not_assign() {
    let off = PhoneFixture::new(None);
    for request in
        [exchange_of(&entra(|_| {})), put(), TestRequest::new("GET /v1/teams-phone/assignments")]
    {
        assert_eq!(problem(&off.call(request).await), (403, "teams-phone-off".to_owned()));
    }
    let fixture = on();
    for request in [put().claim("role", "user"), put().claim("scope", "guestpass.token")] {
        assert_eq!(fixture.call(request).await.status(), 403);
    }
    assert_eq!(fixture.call(put().without_authorizer()).await.status(), 401);
    assert_eq!(fixture.acs.calls(), []);
}
