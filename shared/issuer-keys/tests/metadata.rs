//! Keys are found through the metadata of an issuer on this machine.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may die")]

use std::time::{Duration, Instant};

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::{Router, routing::get};
use bearer_verifier::testing::Signer;
use bearer_verifier::{SignedToken, TokenProfile, TokenRefusal};
use harness::TestServer;
use issuer_keys::{IssuerKeyCache, KeyDiscovery, KeyLocation, Unverified};
use serde_json::json;

const SET: TokenProfile = TokenProfile::typed(&["secevent+jwt"], 10_000);

/// A transmitter whose metadata is at the place of the Shared Signals Framework.
async fn transmitter(signer: &Signer) -> TestServer {
    let keys = signer.jwks().to_string();
    let metadata = async |Path(path): Path<String>, headers: HeaderMap| {
        let host = format!("http://{}", headers["host"].to_str().unwrap());
        json!({ "issuer": format!("{host}/{path}"), "jwks_uri": format!("{host}/jwks") })
            .to_string()
    };
    let routes = Router::new()
        .route("/.well-known/ssf-configuration/{path}", get(metadata))
        .route("/jwks", get(async move || keys));
    TestServer::start(routes).await.unwrap()
}

#[tokio::test]
async fn the_keys_of_a_transmitter_are_found_through_its_metadata() {
    let signer = Signer::default();
    let server = transmitter(&signer).await;
    let issuer = format!("{}/tenant", server.url());
    let location =
        KeyLocation { issuer: &issuer, jwks_uri: None, discovery: KeyDiscovery::SharedSignals };
    let token_of = |kid: &str| {
        let header = json!({ "alg": "RS256", "kid": kid, "typ": "secevent+jwt" });
        signer.sign(&header, &json!({ "iss": issuer }))
    };
    let (known, new) = (token_of("rsa"), token_of("new"));
    let token = |text| SignedToken::parse_as(text, SET).ok().unwrap();
    let keys = IssuerKeyCache::new(false).unwrap();
    let now = Instant::now();
    // The keys were fetched for this very token, so the issuer does not have its key.
    let refused = keys.verified_claims(token(&new), &location, now).await;
    assert_eq!(refused, Err(Unverified::Refused(TokenRefusal::UnknownKey)));
    let later = now + Duration::from_secs(1);
    let claims = keys.verified_claims(token(&known), &location, later).await.unwrap();
    assert_eq!(claims["iss"], issuer);
    // The keys are from the cache, so the issuer may have published this one since.
    let unknown = keys.verified_claims(token(&new), &location, later).await;
    assert_eq!(unknown, Err(Unverified::KeysUnavailable));

    let other = KeyLocation { issuer: "https://other.example", ..location };
    let refused = keys.verified_claims(token(&known), &other, later).await;
    assert_eq!(refused, Err(Unverified::Refused(TokenRefusal::UnknownIssuer)));

    let openid = KeyLocation { discovery: KeyDiscovery::OpenId, ..location };
    let unknown = keys.verified_claims(token(&known), &openid, now).await;
    assert_eq!(unknown, Err(Unverified::KeysUnavailable), "it has no such document");
}

#[tokio::test]
async fn the_metadata_of_another_issuer_gives_no_keys() {
    let signer = Signer::default();
    let server = transmitter(&signer).await;
    let issuer = format!("{}/tenant/", server.url());
    let location =
        KeyLocation { issuer: &issuer, jwks_uri: None, discovery: KeyDiscovery::SharedSignals };
    let token = signer.sign(
        &json!({ "alg": "RS256", "kid": "rsa", "typ": "secevent+jwt" }),
        &json!({ "iss": issuer }),
    );
    let token = SignedToken::parse_as(&token, SET).ok().unwrap();
    let keys = IssuerKeyCache::new(false).unwrap();
    assert!(keys.keys(&location, &token, Instant::now()).await.is_none());
}
