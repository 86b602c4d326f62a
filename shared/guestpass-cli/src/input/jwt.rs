//! Reads JSON Web Tokens. This module verifies nothing.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use identity_core::exchange_teams_token::UnverifiedClaims;
use serde_json::{Map, Value};

/// The content of a token.
#[derive(Clone, Debug)]
pub(crate) struct UnverifiedJwt {
    /// The header.
    pub(crate) header: Map<String, Value>,
    /// The claims.
    pub(crate) claims: Map<String, Value>,
}

impl UnverifiedJwt {
    /// Reads a token of three parts, of which the first two are JSON objects.
    pub(crate) fn read(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (header, claims) = (object(parts.next()?)?, object(parts.next()?)?);
        // There must be a third part, the signature, and no fourth.
        (parts.next().is_some() && parts.next().is_none()).then_some(Self { header, claims })
    }

    /// A claim that is text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// A claim that is a time: seconds since 1970.
    pub(crate) fn moment(&self, name: &str) -> Option<SystemTime> {
        let seconds = self.claims.get(name)?.as_f64().filter(|it| it.is_finite() && *it >= 0.0)?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
    }

    /// A claim with one word or several words: a list, or text.
    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        match self.claims.get(name) {
            Some(Value::String(text)) => {
                text.split([' ', ',']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
            }
            Some(Value::Array(list)) => {
                list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The audiences; Amazon Cognito's access tokens have a `client_id` instead.
    pub(crate) fn audiences(&self) -> Vec<String> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(_) => self.words("aud"),
            None => self.text("client_id").map(str::to_owned).into_iter().collect(),
        }
    }

    /// The ACS id, if ACS issued the token.
    pub(crate) fn acs_id(&self) -> Option<String> {
        self.text("skypeid").map(|id| format!("8:{id}"))
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The token in a text: the text itself, after `Bearer `, or in the response of a token
/// endpoint.
pub(crate) fn token_in(text: &str) -> Option<String> {
    let text = text.trim();
    if let Ok(Value::Object(answer)) = serde_json::from_str(text) {
        let nested = answer.get("accessToken").and_then(|token| token.get("token"));
        let places = ["token", "access_token", "accessToken"].map(|name| answer.get(name));
        let found = places.into_iter().chain([nested]).flatten().find_map(Value::as_str);
        return found.map(str::to_owned);
    }
    let token = text.strip_prefix("Bearer ").unwrap_or(text).trim();
    (!token.is_empty() && !token.contains(char::is_whitespace)).then(|| token.to_owned())
}

/// The claims of the token that matter here.
pub(crate) fn teams_claims(token: &str) -> UnverifiedClaims {
    let claims = UnverifiedJwt::read(token).map(|token| Value::Object(token.claims));
    claims.and_then(|claims| serde_json::from_value(claims).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(&json!({"alg": "none"})), part(claims))
    }

    #[test]
    fn a_token_is_found_wherever_it_usually_stands() {
        for text in [
            "a.b.c",
            " a.b.c\n",
            "Bearer a.b.c",
            r#"{"token":"a.b.c"}"#,
            r#"{"access_token":"a.b.c"}"#,
            r#"{"accessToken":{"token":"a.b.c"}}"#,
        ] {
            assert_eq!(token_in(text).as_deref(), Some("a.b.c"), "{text}");
        }
        for text in ["", "a b", "{}", r#"{"token":1}"#] {
            assert_eq!(token_in(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_token_is_not_read() {
        for text in ["", "a", "a.b.c", "e30.e30", "e30.e30.x.y", "e30.W10.x"] {
            assert!(UnverifiedJwt::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn claims_come_in_the_shapes_that_issuers_use() {
        let claims =
            json!({ "aud": ["a", "b"], "scope": "x y", "acsScope": "chat,voip", "exp": 90.5 });
        let read = UnverifiedJwt::read(&token(&claims)).unwrap();
        assert_eq!(read.audiences(), ["a", "b"]);
        assert_eq!(read.words("scope"), ["x", "y"]);
        assert_eq!(read.words("acsScope"), ["chat", "voip"]);
        assert_eq!(
            read.moment("exp"),
            Some(SystemTime::UNIX_EPOCH + Duration::from_millis(90_500))
        );
        let cognito = UnverifiedJwt::read(&token(&json!({ "client_id": "app" }))).unwrap();
        assert_eq!(cognito.audiences(), ["app"]);
    }
}
