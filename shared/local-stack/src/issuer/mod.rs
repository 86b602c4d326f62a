//! Issuers: the development issuer, which is an OIDC provider that signs any claims that a client
//! requests, and the keys of real issuers, which are found by discovery.

mod authorize;
mod authorizer_keys;
mod discovery;
mod key;
mod profile;
mod provider;
mod token_form;
mod trusted_keys;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::json as object;

use authorize::{AuthorizationEndpoint, ExchangeRefusal, SignInGrants};
pub(crate) use authorizer_keys::add_issuer_keys;
pub use discovery::DiscoveryError;
pub(crate) use key::IssuerAlgorithm;
pub use key::KeyError;
pub(crate) use key::SigningKey;
pub(crate) use profile::{ENTRA_TENANT, ProviderProfile, entra_object_id};
pub(crate) use provider::{OidcIssuer, WARNING};
pub(crate) use trusted_keys::TrustedKeys;

use crate::json_response::json;

/// The issuer's routes. Users are only sent back to this machine and to `allowed_origins`.
pub(crate) fn router(issuer: Arc<OidcIssuer>, allowed_origins: Vec<String>) -> Router {
    let grants = SignInGrants::default();
    let endpoint = AuthorizationEndpoint { issuer: Arc::clone(&issuer), grants, allowed_origins };
    let endpoint = Arc::new(endpoint);
    let exchange = Router::new().route("/token", post(token)).with_state(Arc::clone(&endpoint));
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery_document))
        .route("/jwks", get(jwks))
        .route("/.well-known/jwks.json", get(jwks))
        .with_state(issuer)
        .merge(exchange)
        .merge(authorize::router(endpoint))
}

/// The path of the keys on the console, which is on loopback even if the issuer is not.
pub(crate) const KEYS_PATH: &str = "/issuer/jwks";

/// The route of the keys for the console.
pub(crate) fn keys_router(issuer: Arc<OidcIssuer>) -> Router {
    Router::new().route(KEYS_PATH, get(jwks)).with_state(issuer)
}

async fn discovery_document(State(issuer): State<Arc<OidcIssuer>>) -> Response {
    json(StatusCode::OK, &issuer.discovery())
}

async fn jwks(State(issuer): State<Arc<OidcIssuer>>) -> Response {
    json(StatusCode::OK, &issuer.jwks())
}

async fn token(State(endpoint): State<Arc<AuthorizationEndpoint>>, form: Bytes) -> Response {
    let issuer = &endpoint.issuer;
    let answer = authorize::exchange(issuer, &endpoint.grants, &form).unwrap_or_else(|| {
        issuer.token(&form).map_err(|problem| ExchangeRefusal("invalid_request", problem))
    });
    match answer {
        Ok(token) => json(StatusCode::OK, &token),
        // RFC 6749 §5.2.
        Err(ExchangeRefusal(error, description)) => {
            let body = object!({ "error": error, "error_description": description });
            json(StatusCode::BAD_REQUEST, &body)
        }
    }
}

#[cfg(test)]
mod tests;
