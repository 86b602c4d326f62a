//! Bearer tokens for an Entra app.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use identity_core::secret::Secret;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use serde::Deserialize;

use super::{BearerToken, ENTRA_SCOPE, Endpoint, TokenError, TokenSource, is_token};
use crate::config_error::ClientConfigError;
use crate::http::{self, LONGEST_NAME, chain, clean, read_capped};
use identity_core::phone::Guid;

/// The credential of an Entra app, which authenticates with a client secret or with the token of an
/// issuer that the app trusts (OAuth 2.0 client credentials, RFC 6749 §4.4).
///
/// The app needs a role on the ACS resource; without one, ACS answers 401 `Denied`.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/fixture.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let emulator = acs_emulator::Emulator::builder().entra_client("11111111-2222-3333-4444-555555555555", "s3cret").build()?;
/// # let server = emulator.serve_on_loopback().await?;
/// # let (endpoint, authority, clock) = (server.endpoint(), server.endpoint(), MachineClock);
/// # let client_secret = "s3cret".to_owned();
/// # let deadline = std::time::SystemTime::now() + std::time::Duration::from_secs(20);
/// use acs_client::{AppProof, Credential, EntraApp, EntraAppCredential};
/// use acs_client::identity_core::{ports::IdentityClient, secret::Secret};
///
/// let app = EntraApp {
///     tenant: "aaaaaaaa-2222-3333-4444-555555555555".to_owned(),
///     client_id: "11111111-2222-3333-4444-555555555555".to_owned(),
///     proof: AppProof::Secret(Secret::new(client_secret)),
///     authority: None,
///     extra_roots_pem: None,
///     uses_proxy: false,
/// };
/// # let app = EntraApp { authority: Some(authority.parse()?), ..app };
/// let credential = Credential::bearer(EntraAppCredential::new(app)?);
/// // https://<resource>.communication.azure.com
/// let config = Config::with_credential(endpoint.parse()?, credential);
/// # let config = Config { bearer_over_loopback_http: true, ..config };
/// let acs = AcsIdentityClient::new(config, clock)?;
/// acs.create_identity(deadline).await?;
/// # Ok(())
/// # }
/// ```
pub struct EntraAppCredential {
    app: EntraApp,
    http: Client,
    url: Url,
}

/// An Entra app.
#[derive(Clone, Debug)]
pub struct EntraApp {
    /// The tenant of the app: a GUID, or one of the tenant's domains.
    pub tenant: String,
    /// The application (client) id.
    pub client_id: String,
    /// How the app authenticates.
    pub proof: AppProof,
    /// The address of Entra, if it is not [`AUTHORITY`].
    pub authority: Option<Endpoint>,
    /// Additional root certificates to trust, in PEM, for an emulator with its own certificate.
    pub extra_roots_pem: Option<String>,
    /// Whether requests over https go through the proxy of the environment (`HTTPS_PROXY`,
    /// `NO_PROXY`).
    pub uses_proxy: bool,
}

/// How an Entra app authenticates.
#[derive(Clone, Debug)]
pub enum AppProof {
    /// With the value of a client secret, not its id.
    Secret(Secret),
    /// With a token of an issuer that the app trusts (a federated identity credential, RFC 7523
    /// §2.2), for example of Kubernetes. The file is read for each request, because its token is
    /// replaced before it expires. It has at most 64 KiB.
    AssertionFile(PathBuf),
}

impl AppProof {
    /// The members of the request for a token, and their values.
    async fn form(&self) -> Result<Vec<(&'static str, Secret)>, TokenError> {
        let path = match self {
            Self::Secret(secret) => return Ok(vec![("client_secret", secret.clone())]),
            Self::AssertionFile(path) => path,
        };
        let refused = |why: Box<dyn Error + Send + Sync>| {
            let file = path.display();
            TokenError::Refused(
                format!("the assertion in the file {file} cannot be used: {why}").into(),
            )
        };
        // A pipe or a remote file may not answer. On this thread, no time limit could end the wait.
        let named = path.clone();
        let read = tokio::task::spawn_blocking(move || read_assertion(&named)).await;
        let read = read.map_err(|error| refused(error.into()))?;
        let assertion = read.map_err(|error| refused(error.into()))?;
        let assertion = assertion.trim();
        if !is_token(assertion) {
            return Err(refused("it is not a token".into()));
        }
        Ok(vec![
            ("client_assertion_type", Secret::new(JWT_BEARER)),
            ("client_assertion", Secret::new(assertion)),
        ])
    }
}

/// The text of the file.
fn read_assertion(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(LONGEST_ASSERTION + 1).read_to_string(&mut text)?;
    if u64::try_from(read).is_ok_and(|read| read > LONGEST_ASSERTION) {
        return Err(io::Error::other("it is longer than 65,536 bytes"));
    }
    Ok(text)
}

/// Tokens have some kilobytes. A larger file is another one, or a device without an end.
const LONGEST_ASSERTION: u64 = 64 * 1024;

/// The type of an assertion that is a JSON Web Token (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Entra's public cloud.
pub const AUTHORITY: &str = "https://login.microsoftonline.com";

impl EntraAppCredential {
    /// Creates the credential. It opens no connection yet.
    pub fn new(app: EntraApp) -> Result<Self, ClientConfigError> {
        let authority = match &app.authority {
            Some(authority) => authority.clone(),
            None => AUTHORITY.parse().map_err(|_| ClientConfigError::Authority)?,
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        // A tenant of dots only would change the path of the URL.
        if !app.tenant.bytes().all(is_name) || app.tenant.trim_matches('.').is_empty() {
            return Err(ClientConfigError::Tenant);
        }
        let mut url = authority.root().clone();
        url.set_path(&format!("/{}/oauth2/v2.0/token", app.tenant));
        let is_https = authority.is_https();
        let is_proxied = app.uses_proxy && is_https;
        let http = http::client(is_https, is_proxied, app.extra_roots_pem.as_deref(), CONNECT)?;
        Ok(Self { app, http, url })
    }

    /// The body of the request for a token.
    async fn form(&self) -> Result<String, TokenError> {
        let proof = self.app.proof.form().await?;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        form.append_pair("client_id", &self.app.client_id);
        for (name, value) in proof {
            form.append_pair(name, value.expose());
        }
        Ok(form.append_pair("scope", ENTRA_SCOPE).finish())
    }
}

impl TokenSource for EntraAppCredential {
    async fn fetch(&self, now: SystemTime) -> Result<BearerToken, TokenError> {
        let form = self.form().await?;
        let request = self
            .http
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let (status, body) = async {
            let mut response = request.send().await?;
            Ok((response.status().as_u16(), read_capped(&mut response).await?))
        }
        .await
        .map_err(|error: reqwest::Error| {
            TokenError::Unavailable(chain(&error.without_url()).into())
        })?;
        match status {
            200 => read_token(&body, now),
            400..=499 if status != 408 && status != 429 => {
                Err(TokenError::Refused(describe_failure(status, &body).into()))
            }
            _ => Err(TokenError::Unavailable(describe_failure(status, &body).into())),
        }
    }
}

impl fmt::Debug for EntraAppCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntraAppCredential").field("app", &self.app).finish_non_exhaustive()
    }
}

// The code below drops the messages of serde, because they can quote the input, such as a token.

fn read_token(body: &[u8], now: SystemTime) -> Result<BearerToken, TokenError> {
    #[derive(Deserialize)]
    struct Granted {
        access_token: String,
        expires_in: u32,
    }
    let granted: Granted = serde_json::from_slice(body).map_err(|_| TokenError::Unusable)?;
    Ok(BearerToken {
        token: Secret::new(granted.access_token),
        expires_on: now + Duration::from_secs(granted.expires_in.into()),
    })
}

/// Entra's error codes. Its messages are left out, because they quote the request.
fn describe_failure(status: u16, body: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Failed {
        error: String,
        error_codes: Vec<u32>,
        correlation_id: Option<Guid>,
    }
    let failed: Failed = serde_json::from_slice(body).unwrap_or_default();
    // The error names of RFC 6749 §5.2 have this form; any other text may quote the request.
    let is_name = failed.error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let name = if is_name { clean(&failed.error, LONGEST_NAME) } else { String::new() };
    let codes = failed.error_codes.iter().take(3).map(|code| format!(" AADSTS{code}"));
    let id = failed.correlation_id.map(|id| format!(" (correlation id {id})"));
    let (codes, id) = (codes.collect::<String>(), id.unwrap_or_default());
    format!("Entra answered {status} {name}{codes}{id}")
}

/// TCP and TLS take three round trips.
const CONNECT: Duration = Duration::from_secs(1);
