//! The JWT authorizer of an HTTP API.
//!
//! It checks what API Gateway documents: the key by `kid`, an RSA signature, `iss`, `aud` (or
//! `client_id` if `aud` is missing), `exp`, `nbf`, `iat`, and one of the route's scopes in `scope`
//! or `scp`. API Gateway documents no leeway, and no check of `typ` and `crit`, so this has none.

use std::borrow::Cow;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearer_verifier::{Algorithm, TokenRefusal, verify_message};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::issuer::TrustedKeys;
use crate::template;

/// The claims of a verified token. Only the authorizer creates them.
pub(crate) struct JwtClaims(Map<String, Value>);

impl JwtClaims {
    /// The member `requestContext.authorizer` of an event, for a route that needs one of `scopes`.
    pub(crate) fn context(&self, scopes: &[String]) -> Value {
        // Not the scopes of the route: all scopes of the token, but only if the route has any.
        let scopes = if scopes.is_empty() { Value::Null } else { self.scopes().into() };
        json!({ "jwt": { "claims": self.flattened(), "scopes": scopes } })
    }

    /// The claims as an event has them: text, whatever their type in the token. A claim that is
    /// null is left out.
    fn flattened(&self) -> Map<String, Value> {
        let claims = self.0.iter().filter(|(_, value)| !value.is_null());
        claims.map(|(name, value)| (name.clone(), flat(value).into())).collect()
    }

    /// The scopes of the token: those in `scp` if it exists, else those in `scope`.
    fn scopes(&self) -> Vec<&str> {
        let claim = self.0.get("scp").or_else(|| self.0.get("scope"));
        texts(claim).into_iter().flat_map(str::split_whitespace).collect()
    }
}

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AuthorizerRefusal {
    /// The request has no token.
    Missing,
    /// The token is invalid, for this reason.
    Invalid(Cow<'static, str>),
    /// The token is valid, but has none of the route's scopes.
    Scope,
}

/// Verifies tokens of one issuer.
pub(crate) struct JwtAuthorizer {
    config: template::JwtAuthorizerSpec,
    keys: TrustedKeys,
}

impl JwtAuthorizer {
    /// An authorizer that trusts `keys`.
    pub(crate) fn new(config: template::JwtAuthorizerSpec, keys: TrustedKeys) -> Self {
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
        let token = bearer(headers).ok_or(AuthorizerRefusal::Missing)?;
        let claims = self.verified(&token)?;
        self.check(&claims, now)?;
        if !scopes.is_empty() && !has_one(&claims, scopes) {
            return Err(AuthorizerRefusal::Scope);
        }
        Ok(JwtClaims(claims))
    }

    /// Fetches the issuer's keys again, if that is necessary for the token among `headers`.
    pub(crate) async fn refresh_keys(&self, headers: &HeaderMap) {
        if let Some(token) = bearer(headers) {
            self.keys.refresh(&token).await;
        }
    }

    fn verified(&self, token: &str) -> Result<Map<String, Value>, AuthorizerRefusal> {
        let segments = || invalid("token contains an invalid number of segments");
        let (message, signature) = token.rsplit_once('.').ok_or_else(segments)?;
        let (header, payload) = message.split_once('.').ok_or_else(segments)?;
        if payload.contains('.') {
            return Err(segments());
        }
        let TokenHeader { alg, kid } = decoded(header)
            .ok_or_else(|| invalid("the token does not have the header of a signed JWT"))?;
        let algorithm = rsa_algorithm(&alg)?;
        // API Gateway finds the key by `kid`, so a token without it is refused.
        let unknown_key = || invalid("the token's kid does not name a key of the issuer");
        let keys = self.keys.current().filter(|_| kid.is_some()).ok_or_else(unknown_key)?;
        let claims = decoded(payload)
            .ok_or_else(|| invalid("the payload of the token is not a JSON object"))?;
        let forged = || invalid("the signature is invalid");
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| forged())?;
        match verify_message(algorithm, kid, message.as_bytes(), signature, &keys) {
            Ok(()) => Ok(claims),
            Err(TokenRefusal::UnknownKey) => Err(unknown_key()),
            Err(_) => Err(forged()),
        }
    }

    fn check(&self, claims: &Map<String, Value>, now: i64) -> Result<(), AuthorizerRefusal> {
        if claims.get("iss").and_then(Value::as_str) != Some(&self.config.issuer) {
            return Err(invalid("the token is from another issuer"));
        }
        let audience = claims.get("aud").or_else(|| claims.get("client_id"));
        if !texts(audience).iter().any(|text| self.config.audience.iter().any(|a| a == text)) {
            return Err(invalid("the token does not have a valid audience"));
        }
        let time = |name| claims.get(name).and_then(Value::as_f64);
        #[expect(clippy::cast_precision_loss, reason = "exact until the year 285 million")]
        let now = now as f64;
        if time("exp").is_none_or(|exp| exp <= now) {
            return Err(invalid("the token has expired"));
        }
        for name in ["nbf", "iat"] {
            if claims.contains_key(name) && time(name).is_none_or(|at| at > now) {
                return Err(invalid("the token is not valid yet"));
            }
        }
        Ok(())
    }
}

/// The value of the header `Authorization`. Several headers are joined like all others, which is
/// not a valid token.
pub(super) fn authorization(headers: &HeaderMap) -> String {
    let values = headers.get_all(header::AUTHORIZATION).iter();
    values.filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",")
}

/// The token of the request, if it has one.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = authorization(headers);
    let value = value.trim();
    // API Gateway accepts the token with or without the scheme.
    match value.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer ") => {
            Some(token.trim().to_owned())
        }
        _ => Some(value.to_owned()).filter(|value| !value.is_empty()),
    }
}

/// The part of a token's header that the authorizer uses.
#[derive(Deserialize)]
struct TokenHeader {
    alg: String,
    kid: Option<String>,
}

/// A part of a token: JSON in base64.
fn decoded<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// API Gateway accepts only signatures with RSA.
fn rsa_algorithm(name: &str) -> Result<Algorithm, AuthorizerRefusal> {
    match name {
        "RS256" => Ok(Algorithm::Rs256),
        "RS384" => Ok(Algorithm::Rs384),
        "RS512" => Ok(Algorithm::Rs512),
        // Only names from this list are repeated in the response.
        _ => Err(match OTHER_ALGORITHMS.iter().find(|other| **other == name) {
            Some(other) => {
                AuthorizerRefusal::Invalid(format!("signing method {other} is invalid").into())
            }
            None => invalid("the signature algorithm is unknown"),
        }),
    }
}

/// Signature algorithms that API Gateway refuses. Whether it accepts PS256 is unknown.
const OTHER_ALGORITHMS: [&str; 11] = [
    "none", "HS256", "HS384", "HS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512",
    "EdDSA",
];

fn invalid(why: &'static str) -> AuthorizerRefusal {
    AuthorizerRefusal::Invalid(why.into())
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
