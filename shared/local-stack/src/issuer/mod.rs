//! Issuers: the development issuer, which is an OIDC provider that signs any claims that a client
//! requests, and the keys of real issuers, which are found by discovery.

mod authorizer_keys;
mod discovery;
mod key;
mod profile;
mod token_form;
mod trusted_keys;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use bearer_verifier::KeySet;
use serde_json::{Value, json};

use crate::clock::StackClock;
use crate::json_response::json;
pub(crate) use authorizer_keys::add_issuer_keys;
pub use discovery::DiscoveryError;
pub(crate) use key::IssuerAlgorithm;
pub use key::KeyError;
pub(crate) use key::SigningKey;
pub(crate) use profile::{ENTRA_TENANT, entra_object_id};
use token_form::{TokenDefaults, TokenForm};
pub(crate) use trusted_keys::TrustedKeys;

/// A note in the discovery document, so that readers do not mistake this provider for a real login.
pub(crate) const WARNING: &str =
    "FOR DEVELOPMENT ONLY: signs a token for any caller, with any subject and scope";

/// The provider.
pub(crate) struct OidcIssuer {
    url: String,
    audience: String,
    scope: String,
    /// The key that API Gateway's JWT authorizer accepts.
    rsa: SigningKey,
    /// The key of providers whose tokens it refuses.
    ec: SigningKey,
    clock: Arc<StackClock>,
}

impl OidcIssuer {
    /// An issuer at `url` whose tokens are for `audience`, with `scope` by default.
    ///
    /// The keys are kept in `[rsa, ec]`, so that tokens stay valid after a restart; without files,
    /// each start creates new keys.
    pub(crate) fn new(
        url: &str,
        audience: &str,
        scope: &str,
        [rsa, ec]: [Option<&Path>; 2],
        clock: Arc<StackClock>,
    ) -> Result<Self, KeyError> {
        Ok(Self {
            url: url.to_owned(),
            audience: audience.to_owned(),
            scope: scope.to_owned(),
            rsa: SigningKey::load_or_create(rsa, IssuerAlgorithm::Rs256)?,
            ec: SigningKey::load_or_create(ec, IssuerAlgorithm::Es256)?,
            clock,
        })
    }

    /// The issuer's `iss`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The public keys, for a verifier.
    pub(crate) fn key_set(&self) -> KeySet {
        KeySet::from_json(self.jwks().to_string().as_bytes()).unwrap_or_default()
    }

    /// The public keys, as `/jwks` shows them.
    fn jwks(&self) -> Value {
        json!({ "keys": [self.rsa.jwk(), self.ec.jwk()] })
    }

    fn discovery(&self) -> Value {
        let url = &self.url;
        json!({
            "issuer": url,
            "jwks_uri": format!("{url}/jwks"),
            "token_endpoint": format!("{url}/token"),
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "warning": WARNING,
        })
    }

    /// The token for a form. The error names the invalid parameter.
    fn token(&self, form: &[u8]) -> Result<Value, String> {
        let form = TokenForm::parse(form)?;
        let defaults = TokenDefaults {
            issuer: &self.url,
            audience: &self.audience,
            scope: &self.scope,
            now: self.clock.now().unix_timestamp(),
        };
        let key = match form.algorithm() {
            IssuerAlgorithm::Rs256 => &self.rsa,
            IssuerAlgorithm::Es256 => &self.ec,
        };
        let lifetime = form.lifetime();
        let token = key
            .sign(&Value::Object(form.into_claims(&defaults)))
            .map_err(|_| "the system's random generator failed: try again".to_owned())?;
        Ok(json!({ "access_token": token, "token_type": "Bearer", "expires_in": lifetime }))
    }
}

/// The issuer's routes.
pub(crate) fn router(issuer: Arc<OidcIssuer>) -> Router {
    Router::new()
        .route(
            "/.well-known/openid-configuration",
            get(async |State(issuer): State<Arc<OidcIssuer>>| {
                json(StatusCode::OK, &issuer.discovery())
            }),
        )
        .route("/jwks", get(jwks))
        .route("/.well-known/jwks.json", get(jwks))
        .route("/token", post(token))
        .with_state(issuer)
}

/// The path of the keys on the console, which is on loopback even if the issuer is not.
pub(crate) const KEYS_PATH: &str = "/issuer/jwks";

/// The route of the keys for the console.
pub(crate) fn keys_router(issuer: Arc<OidcIssuer>) -> Router {
    Router::new().route(KEYS_PATH, get(jwks)).with_state(issuer)
}

async fn jwks(State(issuer): State<Arc<OidcIssuer>>) -> Response {
    json(StatusCode::OK, &issuer.jwks())
}

async fn token(State(issuer): State<Arc<OidcIssuer>>, form: Bytes) -> Response {
    match issuer.token(&form) {
        Ok(token) => json(StatusCode::OK, &token),
        // RFC 6749 §5.2.
        Err(problem) => {
            let body = json!({ "error": "invalid_request", "error_description": problem });
            json(StatusCode::BAD_REQUEST, &body)
        }
    }
}

#[cfg(test)]
mod tests;
