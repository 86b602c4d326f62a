//! What API Gateway sends to a REQUEST authorizer (payload format 2.0), and the simple response that
//! it expects.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The part of the event that is used: `identitySource` has the values of the headers that the
/// template names, here `Authorization`.
#[derive(Deserialize)]
pub(crate) struct AuthorizerEvent {
    #[serde(rename = "identitySource", default)]
    identity_source: Vec<String>,
}

impl AuthorizerEvent {
    /// The bearer, with or without the scheme `Bearer`, as API Gateway's own authorizer accepts it.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let header = self.identity_source.first()?.trim();
        match header.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer ") => Some(token.trim()),
            _ => Some(header),
        }
    }
}

/// The answer to API Gateway, which passes `context` to the function behind the route.
#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthorizerResponse {
    is_authorized: bool,
    context: AuthorizerContext,
}

#[derive(Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizerContext {
    /// The verified claims. Without them, the function behind the route knows no caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<Map<String, Value>>,
    /// By how many seconds the issuer dates its tokens too early, if the configuration says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_early_seconds: Option<u16>,
}

impl AuthorizerResponse {
    /// The caller has these verified claims.
    pub(crate) fn caller(claims: Map<String, Value>, issued_early_seconds: Option<u16>) -> Self {
        let context = AuthorizerContext { claims: Some(claims), issued_early_seconds };
        Self { is_authorized: true, context }
    }

    /// The request goes on without a caller, so that the function answers 401 with a problem
    /// document. API Gateway itself would answer 403, on which clients do not sign in again.
    pub(crate) fn without_caller() -> Self {
        Self { is_authorized: true, context: AuthorizerContext::default() }
    }

    /// API Gateway answers 403.
    pub(crate) fn refused() -> Self {
        Self { is_authorized: false, context: AuthorizerContext::default() }
    }
}

impl std::fmt::Debug for AuthorizerEvent {
    /// A bearer must not be in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthorizerEvent(…)")
    }
}

impl std::fmt::Debug for AuthorizerResponse {
    /// Claims can be personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let has_caller = self.context.claims.is_some();
        write!(f, "AuthorizerResponse({}, has_caller: {has_caller})", self.is_authorized)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(source: &Value) -> AuthorizerEvent {
        serde_json::from_value(json!({ "version": "2.0", "identitySource": source })).unwrap()
    }

    #[test]
    fn the_scheme_of_a_bearer_is_optional_and_in_any_case() {
        for header in ["Bearer a.b.c", "bearer  a.b.c", "a.b.c", " BEARER a.b.c "] {
            assert_eq!(event(&json!([header])).bearer(), Some("a.b.c"), "{header}");
        }
        assert_eq!(event(&json!([])).bearer(), None);
    }

    #[test]
    fn only_a_verified_bearer_gives_claims() {
        let claims = Map::from_iter([("sub".to_owned(), json!("carol"))]);
        for (response, expected) in [
            (
                AuthorizerResponse::caller(claims.clone(), None),
                json!({ "isAuthorized": true, "context": { "claims": { "sub": "carol" } } }),
            ),
            (
                AuthorizerResponse::caller(claims, Some(300)),
                json!({ "isAuthorized": true,
                        "context": { "claims": { "sub": "carol" }, "issuedEarlySeconds": 300 } }),
            ),
            (AuthorizerResponse::without_caller(), json!({ "isAuthorized": true, "context": {} })),
            (AuthorizerResponse::refused(), json!({ "isAuthorized": false, "context": {} })),
        ] {
            assert_eq!(serde_json::to_value(response).unwrap(), expected);
        }
    }

    #[test]
    fn r50_a_bearer_and_its_claims_are_not_printed() {
        let claims = Map::from_iter([("sub".to_owned(), json!("carol"))]);
        let printed = format!("{:?}", AuthorizerResponse::caller(claims, None));
        assert_eq!(printed, "AuthorizerResponse(true, has_caller: true)");
        assert_eq!(format!("{:?}", event(&json!(["Bearer secret"]))), "AuthorizerEvent(…)");
    }
}
