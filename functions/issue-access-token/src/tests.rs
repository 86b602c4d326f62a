use std::collections::BTreeMap;

use identity_core::identity::{Scope, Scopes};
use identity_core::policy::Claims;
use identity_core::ports::ResourceClients;
use identity_core::record::State;
use identity_core::resource::Placement;
use identity_core::testing::{
    ClientCall, CoreFixture, MemoryIdentityClient, record, resource, user,
};
use lambda_edge::testing::{self, TestRequest, body, edge};
use lambda_http::{Body, Response};
use serde_json::{Value, json};

use super::*;

fn alice(state: State) -> CoreFixture {
    CoreFixture::with([record(TestRequest::ALICE, state, CoreFixture::with([]).clock.now())])
}

fn rules(policy: Value) -> IssuanceRules {
    let (access, policy) = (testing::access(), serde_json::from_value(policy).unwrap());
    IssuanceRules { access, policy, pace: TokenPace::per_minute(10).unwrap() }
}

async fn call(fixture: &CoreFixture, event: TestRequest) -> Response<Body> {
    call_with(fixture, &rules(json!({})), event).await
}

async fn call_with(
    fixture: &CoreFixture,
    rules: &IssuanceRules,
    event: TestRequest,
) -> Response<Body> {
    let request = event.request();
    let response = handle(&fixture.store, &fixture.acs, &fixture.clock, rules, &request);
    serve("CreateToken", &fixture.clock, &edge(), &request, response).await.unwrap()
}

fn own() -> TestRequest {
    TestRequest::new("POST /v1/token")
}

fn of_identity(id: &str) -> TestRequest {
    TestRequest::new("POST /v1/identities/{id}/token").id(id)
}

fn kind(response: &Response<Body>) -> String {
    body(response)["type"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_first_call_gives_a_token_and_nothing_caches_it() {
    let fixture = CoreFixture::with([]);
    for method in ["GET", "POST"] {
        let response = call(&fixture, TestRequest::new(&format!("{method} /v1/token"))).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["cache-control"], "no-store");
        let body = body(&response);
        assert!(body["token"].as_str().unwrap().starts_with("token-"));
        assert_eq!(body["expiresIn"], 3600);
        assert_eq!(body["user"]["communicationUserId"], "8:acs:res_1");
    }
    assert_eq!(fixture.acs.calls(), [ClientCall::CreateWithToken, ClientCall::Issue]);
    assert_eq!(fixture.records.records()[0].external_id, user(TestRequest::ALICE));
}

#[tokio::test]
async fn scopes_and_lifetime_reach_acs_as_asked() {
    let fixture = alice(State::active("8:acs:1"));
    let asked = json!({ "scopes": ["voip", "chat"], "expiresInMinutes": 1440 });
    assert_eq!(call(&fixture, own().json(&asked)).await.status(), 200);
    let request = fixture.acs.requests().remove(0);
    assert_eq!(request.scopes, Scopes::of(vec![Scope::Chat, Scope::Voip]).unwrap());
    assert_eq!(request.lifetime.minutes(), 1440);
}

#[tokio::test]
async fn a_rule_places_the_new_identity_of_its_users() {
    let fixture = CoreFixture::with([]);
    let client = |name: &str| (resource(name), MemoryIdentityClient::of_resource(name));
    let clients = BTreeMap::from([client("main"), client("eu2")]);
    let clients = ResourceClients::new(clients, Placement::default()).unwrap();
    let placed = json!({ "if": { "email": "alice" }, "scopes": ["voip"], "resource": "eu2" });
    let rules = rules(json!({ "rules": [placed] }));
    for (user, expected) in [("alice", "eu2"), ("bob", "main")] {
        let request = own().claim("sub", user).claim("email", user).request();
        handle(&fixture.store, &clients, &fixture.clock, &rules, &request).await.unwrap();
        let records = fixture.records.records();
        let of = |name: &str| records.iter().find(|one| one.external_id.as_str().ends_with(name));
        assert_eq!(of(user).unwrap().resource, resource(expected), "{user}");
    }
}

#[tokio::test]
async fn a_caller_who_asks_for_no_lifetime_gets_their_part_of_the_spread() {
    let policy = json!({ "otherwise": { "scopes": ["chat"], "defaultLifetimeMinutes": 480 } });
    let rules = rules(policy);
    let alice = user(TestRequest::ALICE);
    let alice = rules.policy.grant(&Claims::flattened([])).default_lifetime(&alice).minutes();
    assert!((360..480).contains(&alice), "{alice}");
    let fixture = CoreFixture::with([]);
    for (request, minutes) in [
        (own(), alice),
        (own().json(&json!({ "expiresInMinutes": 480 })), 480),
        (of_identity(TestRequest::ALICE), 60),
    ] {
        assert_eq!(call_with(&fixture, &rules, request).await.status(), 200);
        assert_eq!(fixture.acs.requests().last().unwrap().lifetime.minutes(), minutes);
    }
}

#[tokio::test]
async fn r53_bad_bodies_are_refused_and_acs_is_not_asked() {
    let fixture = alice(State::active("8:acs:1"));
    for (sent, problem) in [
        (json!({ "scopes": [] }), "invalid-scopes"),
        (json!({ "scopes": ["root"] }), "invalid-scopes"),
        (json!({ "scopes": ["chat", "chat"] }), "invalid-scopes"),
        (json!({ "scopes": "chat" }), "invalid-body"),
        (json!({ "expiresInMinutes": 59 }), "invalid-lifetime"),
        (json!({ "expiresInMinutes": 1441 }), "invalid-lifetime"),
        (json!({ "expiresInMinutes": 60.5 }), "invalid-lifetime"),
        (json!({ "expiresInMinutes": "60" }), "invalid-lifetime"),
        (json!({ "expiresInMinutes": -60 }), "invalid-lifetime"),
        (json!({ "userId": "bob" }), "invalid-body"),
        (json!({ "scopes": ["chat"], "acsId": "8:acs:2" }), "invalid-body"),
        (json!({ "__proto__": {} }), "invalid-body"),
        (json!([]), "invalid-body"),
        (json!([["chat"], 60]), "invalid-body"),
        (json!("chat"), "invalid-body"),
    ] {
        let response = call(&fixture, own().json(&sent)).await;
        assert_eq!(response.status(), 400, "{sent}");
        assert_eq!(kind(&response), format!("/problems/{problem}"), "{sent}");
    }
    for broken in ["{", "{\"scopes\":[\"chat\"],\"scopes\":[\"voip\"]}", "\"\\ud800\""] {
        let response = call(&fixture, own().body("application/json", broken)).await;
        assert_eq!(kind(&response), "/problems/invalid-body", "{broken}");
    }
    assert_eq!(fixture.acs.calls(), []);
}

#[tokio::test]
async fn a_body_is_json_and_small() {
    let fixture = alice(State::active("8:acs:1"));
    let charset = own().body("application/json; charset=utf-8", "{}");
    assert_eq!(call(&fixture, charset).await.status(), 200);
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        assert_eq!(
            call(&fixture, own().body(media_type, "{}")).await.status(),
            415,
            "{media_type}"
        );
    }
    let large = format!("{{}}{}", " ".repeat(16 * 1024));
    assert_eq!(call(&fixture, own().body("application/json", &large)).await.status(), 413);
}

#[tokio::test]
async fn r53_who_the_caller_is_comes_from_the_authorizer_alone() {
    let fixture = alice(State::active("8:acs:1"));
    assert_eq!(call(&fixture, own().without_authorizer()).await.status(), 401);
    for claim in ["sub", "iss"] {
        assert_eq!(call(&fixture, own().claim(claim, "")).await.status(), 401, "{claim}");
    }
    assert_eq!(fixture.acs.calls(), []);
    let bob = call(&fixture, own().claim("sub", "bob")).await;
    assert_ne!(body(&bob)["user"]["communicationUserId"], "8:acs:1");
}

#[tokio::test]
async fn each_route_needs_its_scope_even_if_the_gateway_forgot() {
    let fixture = alice(State::active("8:acs:1"));
    let only_admin = own().claim("scope", "guestpass.admin openid");
    assert_eq!(call(&fixture, only_admin).await.status(), 403);
    let only_token = of_identity("8:acs:1").claim("scope", "guestpass.token");
    assert_eq!(call(&fixture, only_token).await.status(), 403);
    let lookalike = own().claim("scope", "guestpass.tokens xguestpass.token");
    assert_eq!(call(&fixture, lookalike).await.status(), 403);
    let entra = own().claim("scope", "").claim("scp", "guestpass.token");
    assert_eq!(call(&fixture, entra).await.status(), 200);
}

#[tokio::test]
async fn an_administrator_gets_a_token_for_an_identity_by_either_name() {
    let fixture = alice(State::active("8:acs:1"));
    for id in ["8:acs:1", TestRequest::ALICE] {
        let response = call(&fixture, of_identity(id)).await;
        assert_eq!(body(&response)["user"]["communicationUserId"], "8:acs:1", "{id}");
    }
    for id in ["8:acs:2", "bob", "bob smith", "8:acs:../1"] {
        let response = call(&fixture, of_identity(id)).await;
        assert_eq!(kind(&response), "/problems/not-found", "{id}");
    }
}

#[tokio::test]
async fn a_guest_is_held_to_the_policy() {
    let policy = json!({ "rules": [{ "if": { "role": "guest" }, "scopes": ["voip.join"] }] });
    let (fixture, rules) = (alice(State::active("8:acs:1")), rules(policy));
    let guest = || own().claim("role", "guest");
    let wide = guest().json(&json!({ "scopes": ["voip"] }));
    assert_eq!(kind(&call_with(&fixture, &rules, wide).await), "/problems/beyond-policy");
    assert_eq!(fixture.acs.calls(), []);
    assert_eq!(call_with(&fixture, &rules, guest()).await.status(), 200);
    assert_eq!(fixture.acs.requests()[0].scopes, Scopes::of(vec![Scope::VoipJoin]).unwrap());
}

#[tokio::test]
async fn what_the_client_should_do_next_is_in_the_answer() {
    for (state, status, retry) in
        [(State::blocked("8:acs:1"), 403, "never"), (State::deleting("8:acs:1"), 409, "later")]
    {
        let response = call(&alice(state), own()).await;
        assert_eq!(response.status(), status);
        assert_eq!(body(&response)["retry"], retry);
        assert_eq!(response.headers().contains_key("retry-after"), retry == "later");
    }
    let unauthenticated = call(&CoreFixture::with([]), own().without_authorizer()).await;
    assert_eq!(body(&unauthenticated)["retry"], "sign-in");
}

#[test]
fn a_variable_that_is_missing_or_wrong_is_named() {
    let good = |name: &str| {
        Some(match name {
            "ACS_SECRET_ARN" => "arn:aws:secretsmanager:eu-west-1:1:secret:acs".to_owned(),
            "POLICY" | "ACS_PLACEMENT" => "{}".to_owned(),
            "ADMIN_CONDITION" => r#"{"role": "admin"}"#.to_owned(),
            "PACE_PER_MINUTE" | "ISSUED_EARLY_SECONDS" => "10".to_owned(),
            "AUDIT_RETENTION_DAYS" => "400".to_owned(),
            "CALLER_HASH_SECRET_ARN" => "arn:aws:secretsmanager:eu-west-1:1:secret:k".to_owned(),
            "ACS_API_VERSION" => "2026-09-23".to_owned(),
            _ => "value".to_owned(),
        })
    };
    assert!(Config::from_env(&good).is_ok());
    for missing in ["TABLE_NAME", "ACS_SECRET_ARN", "TOKEN_SCOPE", "ADMIN_SCOPE"] {
        let env = |name: &str| good(name).filter(|_| name != missing);
        let error = Config::from_env(&env).err().unwrap().to_string();
        assert!(error.contains(missing) && error.contains("not set"), "{error}");
    }
    // The connection string itself instead of the ARN of its secret.
    let secret = "endpoint=https://a.example/;accesskey=a2V5";
    let malformed = |name: &str| good(name).map(|value| value.replace("arn:", secret));
    let error = Config::from_env(&malformed).err().unwrap().to_string();
    assert!(error.contains("ACS_SECRET_ARN") && !error.contains("a2V5"), "{error}");
}

/// The bearer's `iat` is 1800000600; the clock of the fixture is at 1800000000.
#[tokio::test]
async fn r58_a_bearer_from_before_a_sign_out_is_told_to_sign_in_again() {
    let fixture = alice(State::active("8:acs:1"));
    let later = fixture.clock.now() + std::time::Duration::from_mins(15);
    fixture.records.meanwhile(|seen| identity_core::record::Record {
        not_before: Some(later),
        ..seen.clone()
    });
    let refused = call(&fixture, own()).await;
    assert_eq!((refused.status().as_u16(), &*kind(&refused)), (401, "/problems/sign-in-required"));
    assert_eq!(body(&refused)["retry"], "sign-in");
    assert_eq!(fixture.acs.calls(), [] as [ClientCall; 0]);
    assert_eq!(call(&fixture, own().claim("iat", "1800000901")).await.status(), 200);
}

#[tokio::test]
async fn r84_a_user_who_asks_in_a_loop_is_paced_and_another_is_served() {
    let fixture = CoreFixture::with([]);
    let mut statuses = Vec::new();
    for _ in 0..100 {
        statuses.push(call(&fixture, own()).await.status().as_u16());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 6);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 94);
    let paced = call(&fixture, own()).await;
    assert_eq!(kind(&paced), "/problems/too-many-tokens");
    assert_eq!(paced.headers()["retry-after"], "6");
    assert_eq!(fixture.acs.calls().len(), 6);
    assert_eq!(call(&fixture, own().claim("sub", "bob")).await.status(), 200);
}

#[tokio::test]
async fn an_administrators_scope_without_the_condition_is_403_for_everything() {
    let fixture = alice(State::active("8:acs:1"));
    let event = of_identity("8:acs:1").claim("role", "user");
    let refused = call(&fixture, event).await;
    assert_eq!(kind(&refused), "/problems/not-an-administrator");
    let env = |name: &str| testing::env(name).filter(|_| name != "ADMIN_CONDITION");
    let closed = IssuanceRules { access: testing::access_in(&env), ..rules(json!({})) };
    let refused = call_with(&fixture, &closed, of_identity("8:acs:1")).await;
    assert_eq!(kind(&refused), "/problems/not-an-administrator");
    assert_eq!(fixture.acs.calls(), [] as [ClientCall; 0]);
}
