//! Access to the API of a transmitter.

use identity_core::secret::Secret;
use reqwest::Client;
use serde::Deserialize;

use super::metadata::is_confidential;
use crate::report::{CliError, Exit, Result, innermost};
use crate::service::internet::TIMEOUT;

/// The scopes that the interoperability profile of CAEP defines.
const SCOPE: &str = "ssf.read ssf.manage";

/// The transmitter, and how its API is used. It has no `Debug`, because it holds a credential.
pub(crate) struct TransmitterAccess {
    /// The transmitter's `iss`.
    pub(crate) issuer: String,
    pub(crate) credential: ApiCredential,
}

/// A credential for a transmitter's API.
pub(crate) enum ApiCredential {
    /// An access token.
    Token(Secret),
    /// A client that can get access tokens.
    Client {
        /// The token endpoint.
        token_url: String,
        client_id: String,
        client_secret: Secret,
        /// `None` for the default scopes.
        scope: Option<String>,
    },
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
}

impl ApiCredential {
    /// The access token. With a client, a new one: RFC 6749 §4.4.
    pub(super) async fn access_token(&self, client: &Client) -> Result<Secret> {
        let (url, id, secret, scope) = match self {
            Self::Token(token) => return Ok(token.clone()),
            Self::Client { token_url, client_id, client_secret, scope } => {
                (token_url, client_id, client_secret, scope.as_deref().unwrap_or(SCOPE))
            }
        };
        if !is_confidential(url) {
            return Err(CliError::usage(format!("invalid value {url:?} for --token-url"))
                .because("the client's secret is sent there, so it must be an https URL")
                .hint("give the token endpoint of the transmitter's authorization server"));
        }
        let refused = |exit, why: String| {
            CliError::new(exit, format!("no access token from {url}"))
                .because(why)
                .hint("check --token-url, --client-id, the client's secret and --scope")
        };
        let form = form(&[("grant_type", "client_credentials"), ("scope", scope)])?;
        let request = client
            .post(url)
            .timeout(TIMEOUT)
            .basic_auth(id, Some(secret.expose()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let answer =
            request.send().await.map_err(|error| refused(Exit::Later, innermost(&error)))?;
        let status = answer.status();
        if !status.is_success() {
            let exit = if status.is_server_error() { Exit::Later } else { Exit::Refused };
            return Err(refused(exit, format!("it answered {}", status.as_u16())));
        }
        let body = answer.bytes().await.map_err(|error| refused(Exit::Later, innermost(&error)))?;
        // The parser's message can quote the body, which holds a token.
        let answer: TokenAnswer = serde_json::from_slice(&body)
            .map_err(|_| refused(Exit::Failed, "its answer has no access_token".to_owned()))?;
        Ok(Secret::new(answer.access_token))
    }
}

/// The body of a form. The values are encoded by the parser of URLs.
fn form(fields: &[(&str, &str)]) -> Result<String> {
    let url = reqwest::Url::parse_with_params("https://form.invalid", fields);
    let url = url.map_err(|error| CliError::usage(format!("invalid scope: {error}")))?;
    Ok(url.query().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded() {
        let form = form(&[("grant_type", "client_credentials"), ("scope", "a b&c=d")]).unwrap();
        assert_eq!(form, "grant_type=client_credentials&scope=a+b%26c%3Dd");
    }

    #[tokio::test]
    async fn a_secret_is_never_sent_without_encryption() {
        let client = Client::builder().build().unwrap();
        let credential = ApiCredential::Client {
            token_url: "http://idp.example/token".to_owned(),
            client_id: "guestpass".to_owned(),
            client_secret: Secret::new("canary"),
            scope: None,
        };
        let problem = credential.access_token(&client).await.err().unwrap().to_string();
        assert!(problem.contains("must be an https URL"), "{problem}");
    }
}
