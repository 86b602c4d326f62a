//! Keys are found through the metadata of an issuer on this machine.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may die")]

use std::time::{Duration, Instant};

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::{Router, routing::get};
use bearer_verifier::testing::Signer;
use bearer_verifier::{SignedToken, TokenProfile};
use harness::TestServer;
use issuer_keys::{IssuerKeyCache, KeyDiscovery, KeyLocation};
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
    let token = signer.sign(
        &json!({ "alg": "RS256", "kid": "rsa", "typ": "secevent+jwt" }),
        &json!({ "iss": issuer }),
    );
    let token = SignedToken::parse_as(&token, SET).ok().unwrap();
    let keys = IssuerKeyCache::new(false).unwrap();
    let now = Instant::now();
    assert!(!keys.are_current(&location, now));
    assert!(keys.keys(&location, &token, now).await.unwrap().knows_key_of(&token));
    assert!(keys.are_current(&location, now));
    let later = now + Duration::from_secs(1);
    assert!(keys.keys(&location, &token, later).await.is_some());
    assert!(!keys.are_current(&location, later), "they come from the cache");

    let openid = KeyLocation { discovery: KeyDiscovery::OpenId, ..location };
    assert!(keys.keys(&openid, &token, now).await.is_none(), "it has no such document");
    assert!(!keys.are_current(&openid, now));
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
