//! The JSON of requests and responses about identities.

use identity_core::Error;
use identity_core::identity::{AccessToken, AcsId, Scopes, TokenRequest};
use identity_core::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::auth::is_token;
use crate::client::json;
use crate::http::parse_json_date;

/// The body of *create identity* with a token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateWithToken<'a> {
    create_token_with_scopes: &'a Scopes,
    expires_in_minutes: u16,
}

/// The body of *issue access token*.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Issue<'a> {
    scopes: &'a Scopes,
    expires_in_minutes: u16,
}

/// Serializes the body of *create identity* with a token.
pub(crate) fn create_with_token(token: &TokenRequest) -> Result<Vec<u8>, Error> {
    json(&CreateWithToken {
        create_token_with_scopes: &token.scopes,
        expires_in_minutes: token.lifetime.minutes(),
    })
}

/// Serializes the body of *issue access token*.
pub(crate) fn issue(token: &TokenRequest) -> Result<Vec<u8>, Error> {
    json(&Issue { scopes: &token.scopes, expires_in_minutes: token.lifetime.minutes() })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdentityWithToken {
    identity: Identity,
    access_token: Option<Token>,
}

/// The same response without the token, whether or not the token is valid.
#[derive(Deserialize)]
struct JustIdentity {
    identity: Identity,
}

#[derive(Deserialize)]
struct Identity {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    token: String,
    expires_on: String,
}

impl Token {
    fn validated(self) -> Option<AccessToken> {
        let expires_on = parse_json_date(&self.expires_on)?;
        is_token(&self.token).then(|| AccessToken { token: Secret::new(self.token), expires_on })
    }
}

// The code below drops the messages of serde, because they can quote the input, such as a token.

/// Parses the response to *create identity*.
pub(crate) fn read_identity(body: &[u8]) -> Option<AcsId> {
    let response: JustIdentity = serde_json::from_slice(body).ok()?;
    AcsId::parse(&response.identity.id)
}

/// Parses the response to *create identity* with a token.
pub(crate) fn read_identity_with_token(body: &[u8]) -> Option<(AcsId, AccessToken)> {
    let response: IdentityWithToken = serde_json::from_slice(body).ok()?;
    Some((AcsId::parse(&response.identity.id)?, response.access_token?.validated()?))
}

/// Parses the response to *issue access token*.
pub(crate) fn read_token(body: &[u8]) -> Option<AccessToken> {
    serde_json::from_slice::<Token>(body).ok()?.validated()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use identity_core::identity::Lifetime;

    use super::*;

    fn request() -> TokenRequest {
        let scopes = Scopes::parse(["voip.join", "chat", "chat.join.limited"]).unwrap();
        TokenRequest { scopes, lifetime: Lifetime::HOUR }
    }

    #[test]
    fn request_bodies_have_the_format_of_acs() {
        assert_eq!(
            String::from_utf8(create_with_token(&request()).unwrap()).unwrap(),
            r#"{"createTokenWithScopes":["chat","chat.join.limited","voip.join"],"expiresInMinutes":60}"#
        );
        assert_eq!(
            String::from_utf8(issue(&request()).unwrap()).unwrap(),
            r#"{"scopes":["chat","chat.join.limited","voip.join"],"expiresInMinutes":60}"#
        );
    }

    #[test]
    fn unknown_members_of_a_response_are_ignored() {
        let body = br#"{"identity":{"customId":"x","id":"8:acs:1_2"},"new":1,
            "accessToken":{"token":"a.b.c","expiresOn":"2023-10-19T15:34:47.9325159+00:00"}}"#;
        let (id, token) = read_identity_with_token(body).unwrap();
        assert_eq!(id.as_str(), "8:acs:1_2");
        assert_eq!(token.token.expose(), "a.b.c");
        let expiry = SystemTime::UNIX_EPOCH + Duration::new(1_697_729_687, 932_515_900);
        assert_eq!(token.expires_on, expiry);
        assert_eq!(read_identity(body), Some(id));
    }

    #[test]
    fn an_invalid_body_is_not_parsed() {
        for body in [
            "",
            "null",
            "[]",
            "{}",
            "<html>",
            r#"{"identity":{"id":""}}"#,
            r#"{"identity":{"id":"8:../../x"}}"#,
            r#"{"identity":{"id":"8:acs:1_2"}"#,
        ] {
            assert_eq!(read_identity(body.as_bytes()), None, "{body}");
        }
        for token in [
            r#"{"token":"","expiresOn":"2023-10-19T15:34:47+00:00"}"#,
            r#"{"token":"a b","expiresOn":"2023-10-19T15:34:47+00:00"}"#,
            r#"{"token":"a.b.c","expiresOn":"soon"}"#,
            r#"{"token":"a.b.c"}"#,
            "null",
        ] {
            assert_eq!(read_token(token.as_bytes()), None, "{token}");
            let body = format!(r#"{{"identity":{{"id":"8:acs:1_2"}},"accessToken":{token}}}"#);
            assert_eq!(read_identity_with_token(body.as_bytes()), None, "{body}");
        }
    }
}
