//! The JWT authorizer of an HTTP API.
//!
//! It checks what API Gateway documents: the key by `kid`, an RSA signature, `iss`, `aud` (or
//! `client_id` if `aud` is missing), `exp`, `nbf`, `iat`, and one of the route's scopes in `scope`
//! or `scp`. API Gateway does not document a leeway, so this has none.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use crate::template;

/// The claims of a verified token. Only the authorizer creates them.
pub(crate) struct JwtClaims(Map<String, Value>);

impl JwtClaims {
    /// The claims as an event has them: text, whatever their type in the token.
    pub(crate) fn flattened(&self) -> Map<String, Value> {
        self.0.iter().map(|(name, value)| (name.clone(), flat(value).into())).collect()
    }
}

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AuthorizerRefusal {
    /// The request has no token.
    Missing,
    /// The token is invalid, for this reason.
    Invalid(&'static str),
    /// The token is valid, but has none of the route's scopes.
    Scope,
}

/// Verifies tokens of one issuer.
pub(crate) struct JwtAuthorizer {
    config: template::AuthorizerSpec,
    keys: JwkSet,
}

impl JwtAuthorizer {
    /// An authorizer that trusts `keys`.
    pub(crate) fn new(config: template::AuthorizerSpec, keys: JwkSet) -> Self {
        Self { config, keys }
    }

    /// Verifies the token among `headers` for a route that needs one of `scopes`, at `now`
    /// (seconds since the epoch).
    pub(crate) fn authorize(
        &self,
        headers: &HeaderMap,
        scopes: &[String],
        now: i64,
    ) -> Result<JwtClaims, AuthorizerRefusal> {
        let value = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
            .filter(|value| !value.is_empty())
            .ok_or(AuthorizerRefusal::Missing)?;
        // API Gateway accepts the token with or without the scheme.
        let token = match value.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer ") => token.trim(),
            _ => value,
        };
        let claims = self.verified(token)?;
        self.check(&claims, now)?;
        if !scopes.is_empty() && !has_one(&claims, scopes) {
            return Err(AuthorizerRefusal::Scope);
        }
        Ok(JwtClaims(claims))
    }

    fn verified(&self, token: &str) -> Result<Map<String, Value>, AuthorizerRefusal> {
        const MALFORMED: AuthorizerRefusal = AuthorizerRefusal::Invalid("the token is not a JWT");
        let (message, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
        let (_, payload) = message.split_once('.').ok_or(MALFORMED)?;
        // An unsupported algorithm, above all `none`, is refused here.
        let header = jsonwebtoken::decode_header(token).map_err(|_| {
            AuthorizerRefusal::Invalid("the token does not have the header of a signed JWT")
        })?;
        if !matches!(header.alg, Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512) {
            return Err(AuthorizerRefusal::Invalid("the signature algorithm is not RSA"));
        }
        let key = header
            .kid
            .and_then(|kid| self.keys.find(&kid))
            .and_then(|jwk| DecodingKey::from_jwk(jwk).ok())
            .ok_or(AuthorizerRefusal::Invalid(
                "the token's kid does not name a key of the issuer",
            ))?;
        match jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, header.alg) {
            Ok(true) => {}
            _ => return Err(AuthorizerRefusal::Invalid("the signature is invalid")),
        }
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| MALFORMED)?;
        serde_json::from_slice(&payload).map_err(|_| MALFORMED)
    }

    fn check(&self, claims: &Map<String, Value>, now: i64) -> Result<(), AuthorizerRefusal> {
        if claims.get("iss").and_then(Value::as_str) != Some(&self.config.issuer) {
            return Err(AuthorizerRefusal::Invalid("the token is from another issuer"));
        }
        let audience = claims.get("aud").or_else(|| claims.get("client_id"));
        if !texts(audience).iter().any(|text| self.config.audience.iter().any(|a| a == text)) {
            return Err(AuthorizerRefusal::Invalid("the token does not have a valid audience"));
        }
        let time = |name| claims.get(name).and_then(Value::as_f64);
        #[expect(clippy::cast_precision_loss, reason = "exact until the year 285 million")]
        let now = now as f64;
        if time("exp").is_none_or(|exp| exp <= now) {
            return Err(AuthorizerRefusal::Invalid("the token has expired"));
        }
        for name in ["nbf", "iat"] {
            if claims.contains_key(name) && time(name).is_none_or(|at| at > now) {
                return Err(AuthorizerRefusal::Invalid("the token is not valid yet"));
            }
        }
        Ok(())
    }
}

fn has_one(claims: &Map<String, Value>, scopes: &[String]) -> bool {
    ["scope", "scp"]
        .iter()
        .flat_map(|name| texts(claims.get(*name)))
        .flat_map(str::split_whitespace)
        .any(|scope| scopes.iter().any(|accepted| accepted == scope))
}

/// A claim that is a string or an array of strings.
fn texts(claim: Option<&Value>) -> Vec<&str> {
    match claim {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// `[a b]` for an array and `map[k:v]` for an object: Go's format, which API Gateway uses.
fn flat(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(" "))
        }
        Value::Object(members) => {
            let members: Vec<_> =
                members.iter().map(|(name, value)| format!("{name}:{}", flat(value))).collect();
            format!("map[{}]", members.join(" "))
        }
    }
}

#[cfg(test)]
mod tests;
