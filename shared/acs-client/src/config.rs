//! What a client needs to know.

use std::{error::Error, time::Duration};

use reqwest::Client;

use crate::{ApiVersion, ConnectionString, Credential, Endpoint, KeySource, http, retry::ATTEMPTS};

/// How to reach a resource.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it is.
    pub endpoint: Endpoint,
    /// What opens it.
    pub credential: Credential,
    /// The version of the API.
    pub api_version: ApiVersion,
    /// Further roots to trust, in PEM: for an emulator with a certificate of its
    /// own. Otherwise Mozilla's roots are trusted, as of this crate's build.
    pub extra_roots_pem: Option<String>,
    /// Whether bearer tokens may go to an emulator on this machine over http. Without
    /// it they go over https only; to another machine they always do.
    pub bearer_over_loopback_http: bool,
    /// How long things may take.
    pub limits: Limits,
}

impl Config {
    /// The defaults for a resource, opened by its access key.
    #[must_use]
    pub fn new(connection_string: ConnectionString) -> Self {
        let ConnectionString { endpoint, key } = connection_string;
        Self::with_credential(endpoint, Credential::key(key))
    }

    /// The defaults for a resource, opened by `credential`.
    #[must_use]
    pub fn with_credential(endpoint: Endpoint, credential: Credential) -> Self {
        Self {
            endpoint,
            credential,
            api_version: ApiVersion::default(),
            extra_roots_pem: None,
            bearer_over_loopback_http: false,
            limits: Limits::default(),
        }
    }

    /// The defaults for a resource whose connection strings are read from `source`:
    /// now, and again when ACS refuses the key, see [`Credential::keys`].
    ///
    /// Waits for as long as the source takes; its error is handed on.
    pub async fn load(
        source: impl KeySource + 'static,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let current = source.load().await?;
        let endpoint = current.primary.endpoint.clone();
        Ok(Self::with_credential(endpoint, Credential::keys(current, source)))
    }

    pub(crate) fn http(&self) -> Result<Client, ConfigError> {
        if self.credential.is_bearer() && !self.may_send_bearer() {
            return Err(ConfigError::BearerOverHttp);
        }
        let https_only = self.endpoint.is_https();
        http::client(https_only, self.extra_roots_pem.as_deref(), self.limits.connect)
    }

    /// An endpoint that is not https is on this machine, or it is none.
    pub(crate) fn may_send_bearer(&self) -> bool {
        self.endpoint.is_https() || self.bearer_over_loopback_http
    }
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// To connect: 1 s. TCP and TLS take three round trips.
    pub connect: Duration,
    /// For one attempt, from connecting to the last byte: 3 s. ACS answers within
    /// 0.1 s mostly, and nearly always within 1 s. To fetch a bearer token, or to
    /// read the keys again, may take as long.
    pub attempt: Duration,
    /// For one call with all its attempts: 6 s, however late its deadline.
    pub call: Duration,
    /// How often one call may ask ACS: 3. One that keeps a pace of its own says 1, and waits
    /// its turn before it asks again. A key that was replaced is tried once in any case.
    pub attempts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            attempt: Duration::from_secs(3),
            call: Duration::from_secs(6),
            attempts: ATTEMPTS,
        }
    }
}

/// Why there is no client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The extra roots are not certificates.
    #[error("the extra roots hold no certificate in PEM (-----BEGIN CERTIFICATE-----)")]
    ExtraRoots,
    /// The endpoint is http, and the credential a bearer token.
    #[error(
        "a bearer token goes over https only; for an emulator on this machine, set \
         `bearer_over_loopback_http`"
    )]
    BearerOverHttp,
    /// The authority is not an address of Entra.
    #[error("the authority is not `https://` and a host; leave it out for Entra's own")]
    Authority,
    /// The tenant is neither a GUID nor a domain.
    #[error("the tenant is not a GUID or a domain: letters, digits, `-` and `.`")]
    Tenant,
    /// The HTTP client could not be made.
    #[error("cannot make the HTTP client: {0}")]
    Http(String),
}
