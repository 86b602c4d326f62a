//! The app's own tokens, by client credentials (RFC 6749 §4.4).

use std::fmt;
use std::time::{Duration, SystemTime};

use identity_core::secret::Secret;
use serde::Deserialize;

use crate::app::GraphApp;
use crate::directory_id::DirectoryId;
use crate::error::GraphError;

/// A token of the app in one tenant.
#[derive(Clone)]
pub(crate) struct AppToken {
    pub(crate) token: Secret,
    expires_at: SystemTime,
}

impl AppToken {
    /// Whether the token can be used for a request at `now`.
    pub(crate) fn is_usable(&self, now: SystemTime) -> bool {
        now + MARGIN < self.expires_at
    }

    pub(crate) fn is(&self, token: &Secret) -> bool {
        self.token == *token
    }
}

impl fmt::Debug for AppToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A token that expires sooner is replaced. Entra's tokens are valid for at least an hour.
const MARGIN: Duration = Duration::from_mins(5);

/// The URL and the body of a request for a token.
pub(crate) fn token_request(
    app: &GraphApp,
    tenant: &DirectoryId,
    secret: &Secret,
) -> (String, String) {
    let url = format!("{}/{tenant}/oauth2/v2.0/token", app.login_url);
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", app.client_id.as_str())
        .append_pair("client_secret", secret.expose())
        .append_pair("scope", &format!("{}/.default", app.graph_url))
        .finish();
    (url, form)
}

/// Reads the response. Messages of serde and of Entra are dropped, because they can quote the
/// token or the request.
pub(crate) fn read_token(
    status: u16,
    body: &[u8],
    now: SystemTime,
) -> Result<AppToken, GraphError> {
    #[derive(Deserialize)]
    struct Granted {
        access_token: String,
        expires_in: u32,
    }
    match status {
        200 => {
            let granted: Granted = serde_json::from_slice(body)
                .map_err(|_| GraphError::Invalid("Entra's token endpoint"))?;
            Ok(AppToken {
                token: Secret::new(granted.access_token),
                expires_at: now + Duration::from_secs(granted.expires_in.into()),
            })
        }
        400..=499 if status != 408 && status != 429 => {
            Err(GraphError::AppRefused(describe(status, body)))
        }
        _ => Err(GraphError::Unavailable(format!("Entra answered {}", describe(status, body)))),
    }
}

/// The status and Entra's error codes, such as `401 AADSTS7000215`.
fn describe(status: u16, body: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Refusal {
        error_codes: Vec<u32>,
    }
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let codes = refusal.error_codes.iter().take(3).map(|code| format!(" AADSTS{code}"));
    format!("{status}{}", codes.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(expires_in: u64) -> AppToken {
        let body = format!(r#"{{"access_token": "t", "expires_in": {expires_in}}}"#);
        read_token(200, body.as_bytes(), SystemTime::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_token_is_replaced_five_minutes_before_it_expires() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(token(3600).is_usable(at(3299)));
        assert!(!token(3600).is_usable(at(3300)));
    }

    #[test]
    fn r51_a_token_is_not_printed() {
        let secret = r#"{"access_token": "s3cret", "expires_in": 60}"#;
        let token = read_token(200, secret.as_bytes(), SystemTime::UNIX_EPOCH).unwrap();
        assert!(!format!("{token:?}").contains("s3cret"));
        assert_eq!(token.token.expose(), "s3cret");
    }

    #[test]
    fn an_invalid_secret_is_told_from_an_outage_and_no_message_is_quoted() {
        let body = br#"{"error": "invalid_client", "error_codes": [7000215], "error_description": "quoted"}"#;
        let of =
            |status, body: &[u8]| read_token(status, body, SystemTime::UNIX_EPOCH).unwrap_err();
        let refused = of(401, body);
        assert!(matches!(&refused, GraphError::AppRefused(why) if why == "401 AADSTS7000215"));
        for status in [408, 429, 500, 503] {
            assert!(matches!(of(status, b"oops"), GraphError::Unavailable(_)), "{status}");
        }
        for body in [&b"{}"[..], b"", br#"{"access_token": 1, "expires_in": 1}"#] {
            assert!(matches!(of(200, body), GraphError::Invalid(_)));
        }
    }
}
