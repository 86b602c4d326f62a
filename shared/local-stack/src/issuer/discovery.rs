//! Finds the keys of a real issuer, as API Gateway does: `OpenID` Connect Discovery 1.0 §4.

use std::time::Duration;

use bearer_verifier::KeySet;
use reqwest::{Client, redirect};
use serde::Deserialize;
use serde_json::Value;

/// How long an issuer may take for a response.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes of a document that are read. Real documents have a few kilobytes.
const MAX_BYTES: usize = 1024 * 1024;

/// Why the keys of an issuer are not available.
#[derive(Debug, thiserror::Error)]
#[error("issuer discovery failed: {url}: {problem}")]
pub struct DiscoveryError {
    /// The URL of the request.
    url: String,
    problem: String,
}

impl DiscoveryError {
    pub(super) fn new(url: &str, problem: impl Into<String>) -> Self {
        Self { url: url.to_owned(), problem: problem.into() }
    }
}

/// The members of a discovery document that are used.
#[derive(Deserialize)]
struct ProviderMetadata {
    issuer: String,
    jwks_uri: String,
}

/// A client for discovery. It trusts the certificates that the system trusts.
pub(super) fn http_client() -> Result<Client, reqwest::Error> {
    Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).build()
}

/// The URL of the keys of `issuer`.
pub(super) async fn find_jwks_uri(client: &Client, issuer: &str) -> Result<String, DiscoveryError> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let found: ProviderMetadata = serde_json::from_slice(&get(client, &url).await?)
        .map_err(|_| DiscoveryError::new(&url, "expected JSON with `issuer` and `jwks_uri`"))?;
    if found.issuer == issuer {
        return Ok(found.jwks_uri);
    }
    // Tokens have the issuer of the document, and each of them would be refused.
    let named = &found.issuer;
    let problem = format!("the issuer's name there is `{named}`; set the parameter Issuer to that");
    Err(DiscoveryError::new(&url, problem))
}

/// The keys at `url`. At least one must be an RSA key: API Gateway accepts no other signature.
pub(super) async fn fetch_keys(client: &Client, url: &str) -> Result<KeySet, DiscoveryError> {
    let document = get(client, url).await?;
    let keys = KeySet::from_json(&document)
        .map_err(|error| DiscoveryError::new(url, error.to_string()))?;
    let json: Value = serde_json::from_slice(&document).unwrap_or_default();
    let mut listed = json.get("keys").and_then(Value::as_array).into_iter().flatten();
    if listed.any(|key| key.get("kty").is_some_and(|kind| kind == "RSA")) {
        return Ok(keys);
    }
    let problem = "no RSA key; API Gateway's JWT authorizer verifies only RSA signatures";
    Err(DiscoveryError::new(url, problem))
}

async fn get(client: &Client, url: &str) -> Result<Vec<u8>, DiscoveryError> {
    let failed = |error: reqwest::Error| DiscoveryError::new(url, cause(&error));
    let mut response = client.get(url).send().await.map_err(failed)?;
    if response.status() != 200 {
        let status = response.status().as_u16();
        return Err(DiscoveryError::new(url, format!("status {status} instead of 200")));
    }
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(failed)? {
        body.extend_from_slice(&part);
        if body.len() > MAX_BYTES {
            return Err(DiscoveryError::new(url, "the document is larger than 1 MiB"));
        }
    }
    Ok(body)
}

/// The innermost cause: the outer ones only repeat the URL.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
