//! An OIDC provider for development: it signs any claims that a client requests.

mod key;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use crate::clock::StackClock;
use crate::json_response::json;
pub use key::KeyError;
pub(crate) use key::SigningKey;

/// A note in the discovery document, so that readers do not mistake this provider for a real login.
pub(crate) const WARNING: &str =
    "FOR DEVELOPMENT ONLY: signs a token for any caller, with any subject and scope";

/// An hour, as with most providers.
const DEFAULT_LIFETIME: i64 = 3600;

/// The provider.
pub(crate) struct OidcIssuer {
    url: String,
    audience: String,
    scope: String,
    key: SigningKey,
    clock: Arc<StackClock>,
}

impl OidcIssuer {
    /// An issuer at `url` whose tokens are for `audience`, with `scope` by default.
    ///
    /// The key is kept in `file`, so that tokens stay valid after a restart; without a file, each
    /// start creates a new key.
    pub(crate) fn new(
        url: &str,
        audience: &str,
        scope: &str,
        file: Option<&Path>,
        clock: Arc<StackClock>,
    ) -> Result<Self, KeyError> {
        let key = match file {
            Some(file) => SigningKey::load_or_create(file)?,
            None => SigningKey::generate()?,
        };
        Ok(Self {
            url: url.to_owned(),
            audience: audience.to_owned(),
            scope: scope.to_owned(),
            key,
            clock,
        })
    }

    /// The public keys, as `/jwks` shows them.
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [self.key.jwk()] })
    }

    fn discovery(&self) -> Value {
        let url = &self.url;
        json!({
            "issuer": url,
            "jwks_uri": format!("{url}/jwks"),
            "token_endpoint": format!("{url}/token"),
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "warning": WARNING,
        })
    }

    /// The token for a form. The error names the invalid parameter.
    fn token(&self, form: &[u8]) -> Result<Value, String> {
        let now = self.clock.now().unix_timestamp();
        let mut claims = Map::new();
        let mut audience: Vec<String> = Vec::new();
        let (mut lifetime, mut issued_early) = (DEFAULT_LIFETIME, 0);
        for (name, value) in form_urlencoded::parse(form) {
            match &*name {
                "aud" => audience.push(value.into_owned()),
                "expires_in" => lifetime = seconds(&name, &value)?,
                "issued_early" => issued_early = seconds(&name, &value)?,
                "not_before" => {
                    let nbf = now.saturating_add(seconds(&name, &value)?);
                    claims.insert("nbf".to_owned(), nbf.into());
                }
                "exp" | "iat" | "nbf" | "jti" => {
                    let help = "use expires_in, not_before or issued_early, in seconds";
                    return Err(format!("unsupported parameter `{name}`: {help}"));
                }
                _ if claims.contains_key(&*name) => {
                    return Err(format!("duplicate parameter `{name}`"));
                }
                _ => {
                    claims.insert(name.into_owned(), value.into_owned().into());
                }
            }
        }
        if claims.get("sub").and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(
                "missing parameter `sub`: the user of the token, for example sub=alice".to_owned()
            );
        }
        claims.entry("iss").or_insert_with(|| self.url.clone().into());
        claims.entry("scope").or_insert_with(|| self.scope.clone().into());
        match audience.as_slice() {
            [] => drop(claims.insert("aud".to_owned(), self.audience.clone().into())),
            // `aud=` requests a token without `aud`, like Amazon Cognito's access tokens.
            [one] if one.is_empty() => {}
            [one] => drop(claims.insert("aud".to_owned(), one.clone().into())),
            several => drop(claims.insert("aud".to_owned(), several.into())),
        }
        claims.insert("iat".to_owned(), now.saturating_sub(issued_early).into());
        claims.insert("exp".to_owned(), now.saturating_add(lifetime).into());
        claims.insert("jti".to_owned(), uuid::Uuid::new_v4().to_string().into());
        let token = self
            .key
            .sign(&Value::Object(claims))
            .map_err(|_| "the system's random generator failed: try again".to_owned())?;
        Ok(json!({ "access_token": token, "token_type": "Bearer", "expires_in": lifetime }))
    }
}

fn seconds(name: &str, value: &str) -> Result<i64, String> {
    value
        .parse()
        .map_err(|_| format!("invalid value for `{name}`: must be a whole number of seconds"))
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
