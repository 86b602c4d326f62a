use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::{Duration, Instant};

use axum::{Router, http::StatusCode, response::IntoResponse, routing::get};
use bearer_verifier::TokenRefusal;
use bearer_verifier::testing::{Signer, b64};
use harness::TestServer;
use identity_core::testing::ManualClock;
use serde_json::{Value, json};

use super::*;
use crate::event::AuthorizerResponse;

/// An issuer on this machine, with a server for its documents.
struct TestIssuer {
    signer: Signer,
    server: TestServer,
    /// How often the key set was fetched.
    fetches: Arc<AtomicUsize>,
    /// Whether the issuer answers.
    is_down: Arc<std::sync::atomic::AtomicBool>,
}

impl TestIssuer {
    async fn start() -> Self {
        let signer = Signer::default();
        let keys = signer.jwks().to_string();
        let (fetches, is_down) = (Arc::<AtomicUsize>::default(), Arc::default());
        let (count, down) = (Arc::clone(&fetches), Arc::clone(&is_down));
        let jwks = async move || {
            count.fetch_add(1, Ordering::Relaxed);
            let down: &std::sync::atomic::AtomicBool = &down;
            if down.load(Ordering::Relaxed) {
                return StatusCode::BAD_GATEWAY.into_response();
            }
            keys.into_response()
        };
        let discovery = async |headers: axum::http::HeaderMap| {
            let url = format!("http://{}", headers["host"].to_str().unwrap());
            json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") }).to_string()
        };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks));
        let server = TestServer::start(routes).await.unwrap();
        Self { signer, server, fetches, is_down }
    }

    fn authorizer(&self) -> Authorizer {
        authorizer_of(&self.server.url(), "")
    }

    fn claims(&self) -> Value {
        json!({
            "iss": self.server.url(), "aud": "app", "sub": "carol",
            "iat": NOW - 5, "exp": NOW + 3600, "realm_access": { "roles": ["guest"] },
        })
    }

    fn token(&self, claims: &Value) -> String {
        self.signer.sign(&json!({ "alg": "ES256", "kid": "p256" }), claims)
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }
}

/// The time of a new `ManualClock`.
const NOW: u64 = 1_800_000_000;

fn authorizer_of(issuer: &str, issuers: &str) -> Authorizer {
    let env = |name: &str| match name {
        "ISSUER" => Some(issuer.to_owned()),
        "AUDIENCE" => Some("app".to_owned()),
        "ISSUERS" => Some(issuers.to_owned()),
        _ => None,
    };
    Authorizer::new(AuthorizerConfig::from_env(&env).unwrap().issuers).unwrap()
}

async fn authorize_at(
    authorizer: &Authorizer,
    token: &str,
    at: Instant,
) -> Result<AuthorizerResponse, TokenRefusal> {
    let clock = ManualClock::default();
    let event = serde_json::from_value(json!({ "identitySource": [format!("Bearer {token}")] }));
    authorizer.authorize(event.unwrap(), &clock, at).await
}

async fn authorize(
    authorizer: &Authorizer,
    token: &str,
) -> Result<AuthorizerResponse, TokenRefusal> {
    authorize_at(authorizer, token, Instant::now()).await
}

#[tokio::test]
async fn a_verified_bearer_gives_its_claims_with_their_json_types() {
    let issuer = TestIssuer::start().await;
    let response = authorize(&issuer.authorizer(), &issuer.token(&issuer.claims())).await;
    let Value::Object(claims) = issuer.claims() else { unreachable!() };
    assert_eq!(response, Ok(AuthorizerResponse::caller(claims, None)));
}

#[tokio::test]
async fn a_genuine_bearer_out_of_its_time_goes_on_without_a_caller_and_a_forged_one_is_refused() {
    let issuer = TestIssuer::start().await;
    let authorizer = issuer.authorizer();
    let with = |name: &str, value: Value| {
        let mut claims = issuer.claims();
        claims[name] = value;
        issuer.token(&claims)
    };
    for genuine in [with("exp", json!(NOW - 61)), with("nbf", json!(NOW + 61))] {
        let response = authorize(&authorizer, &genuine).await;
        assert_eq!(response, Ok(AuthorizerResponse::without_caller()), "{genuine}");
    }
    let mut expired_for_others = issuer.claims();
    (expired_for_others["exp"], expired_for_others["aud"]) = (json!(NOW - 61), json!("other"));
    for refused in [
        with("aud", json!("other")),
        with("iss", json!("https://other.example")),
        issuer.token(&expired_for_others),
        Signer::default().sign(&json!({ "alg": "ES256", "kid": "p256" }), &issuer.claims()),
        format!("{}.{}.", b64(br#"{"alg":"none"}"#), b64(issuer.claims().to_string().as_bytes())),
        String::new(),
    ] {
        let response = authorize(&authorizer, &refused).await;
        assert_eq!(response, Ok(AuthorizerResponse::refused()), "{refused}");
    }
}

#[tokio::test]
async fn keys_are_fetched_before_the_first_request_and_not_again_for_each() {
    let issuer = TestIssuer::start().await;
    let authorizer = issuer.authorizer();
    authorizer.prefetch_keys(Instant::now()).await;
    for _ in 0..3 {
        authorize(&authorizer, &issuer.token(&issuer.claims())).await.unwrap();
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn an_unknown_key_id_fetches_the_keys_at_most_once_a_minute() {
    let issuer = TestIssuer::start().await;
    let (authorizer, start) = (issuer.authorizer(), Instant::now());
    authorizer.prefetch_keys(start).await;
    let token = issuer.signer.sign(&json!({ "alg": "ES256", "kid": "new" }), &issuer.claims());
    for (seconds, fetches) in [(1, 1), (59, 1), (60, 2), (119, 2), (120, 3)] {
        let at = start + Duration::from_secs(seconds);
        let response = authorize_at(&authorizer, &token, at).await;
        // The issuer may have published the key since: the client can sign in again.
        assert_eq!(response, Ok(AuthorizerResponse::without_caller()));
        assert_eq!(issuer.fetches(), fetches, "after {seconds} s");
    }
}

#[tokio::test]
async fn while_the_issuer_is_down_the_last_keys_are_used_and_then_nothing_is_decided() {
    let issuer = TestIssuer::start().await;
    let (authorizer, start) = (issuer.authorizer(), Instant::now());
    authorizer.prefetch_keys(start).await;
    issuer.is_down.store(true, Ordering::Relaxed);
    let token = issuer.token(&issuer.claims());
    let hours = |hours| start + Duration::from_hours(hours);
    assert!(authorize_at(&authorizer, &token, hours(5)).await.is_ok());
    let undecided = authorize_at(&authorizer, &token, hours(6)).await;
    assert_eq!(undecided, Err(TokenRefusal::KeysUnavailable));
    issuer.is_down.store(false, Ordering::Relaxed);
    assert!(authorize_at(&authorizer, &token, hours(7)).await.is_ok());
}

#[tokio::test]
async fn each_issuer_has_its_own_audiences_and_keys() {
    let (first, second) = (TestIssuer::start().await, TestIssuer::start().await);
    let url = second.server.url();
    let more = json!([{ "issuer": url, "audiences": ["web"], "jwksUri": format!("{url}/jwks"),
                       "issuedEarlySeconds": 300 }]);
    let authorizer = authorizer_of(&first.server.url(), &more.to_string());
    let mut claims = second.claims();
    let refused = authorize(&authorizer, &second.token(&claims)).await;
    assert_eq!(refused, Ok(AuthorizerResponse::refused()), "the audience of the first issuer");
    claims["aud"] = json!("web");
    let accepted = authorize(&authorizer, &second.token(&claims)).await;
    let Value::Object(expected) = claims.clone() else { unreachable!() };
    assert_eq!(accepted, Ok(AuthorizerResponse::caller(expected, Some(300))));
    let forged = authorize(&authorizer, &first.token(&claims)).await;
    assert_eq!(forged, Ok(AuthorizerResponse::refused()), "signed by the first issuer");
}

/// A document of an issuer that must not be used.
async fn keys_of(discovery: fn(&str) -> String, jwks: String) -> Result<(), TokenRefusal> {
    let signer = Signer::default();
    let discover = async move |headers: axum::http::HeaderMap| {
        discovery(&format!("http://{}", headers["host"].to_str().unwrap()))
    };
    let keys = if jwks.is_empty() { signer.jwks().to_string() } else { jwks };
    let routes = Router::new()
        .route("/.well-known/openid-configuration", get(discover))
        .route("/jwks", get(async move || keys));
    let server = TestServer::start(routes).await.unwrap();
    let claims = json!({ "iss": server.url(), "aud": "app", "iat": NOW, "exp": NOW + 60 });
    let token = signer.sign(&json!({ "alg": "ES256", "kid": "p256" }), &claims);
    authorize(&authorizer_of(&server.url(), ""), &token).await.map(drop)
}

#[tokio::test]
async fn only_a_valid_discovery_document_leads_to_keys() {
    let valid = |url: &str| json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") }).to_string();
    assert_eq!(keys_of(valid, String::new()).await, Ok(()));
    let too_long = format!("{{\"keys\": [], \"x\": \"{}\"}}", "x".repeat(150_000));
    assert_eq!(keys_of(valid, too_long).await, Err(TokenRefusal::KeysUnavailable));
    let invalid: [fn(&str) -> String; 4] = [
        |_| "not JSON".to_owned(),
        |url| json!({ "issuer": url }).to_string(),
        |url| {
            json!({ "issuer": "https://a.example", "jwks_uri": format!("{url}/jwks") }).to_string()
        },
        |url| json!({ "issuer": url, "jwks_uri": "http://keys.example/jwks" }).to_string(),
    ];
    for discovery in invalid {
        assert_eq!(keys_of(discovery, String::new()).await, Err(TokenRefusal::KeysUnavailable));
    }
}
