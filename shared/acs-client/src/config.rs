//! The configuration of a client.

use std::{error::Error, time::Duration};

use reqwest::Client;

use crate::{
    api_version::ApiVersion,
    auth::{
        connection_string::{ConnectionString, Endpoint},
        credential::Credential,
        keys::KeySource,
    },
    call::retry::ATTEMPTS,
    config_error::ConfigError,
    http::connections,
};

/// The configuration of a client: resource, credential and limits.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address of the resource.
    pub endpoint: Endpoint,
    /// The credential for the resource.
    pub credential: Credential,
    /// The version of the API.
    pub api_version: ApiVersion,
    /// Additional roots to trust, in PEM: for an emulator with its own certificate. If there are
    /// none, the client trusts Mozilla's roots as of this crate's build.
    pub extra_roots_pem: Option<String>,
    /// Whether bearer tokens may be sent over http to an emulator on this machine. Without it
    /// they are sent over https only. To another machine they are always sent over https.
    pub bearer_over_loopback_http: bool,
    /// The time limits.
    pub limits: Limits,
}

impl Config {
    /// The default configuration for a resource and its access key.
    #[must_use]
    pub fn new(connection_string: ConnectionString) -> Self {
        let ConnectionString { endpoint, key } = connection_string;
        Self::with_credential(endpoint, Credential::key(key))
    }

    /// The default configuration for a resource with `credential`.
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

    /// The default configuration for a resource whose connection strings come from `source`. The
    /// client reads them now, and again when ACS refuses the key, see [`Credential::keys`].
    ///
    /// Waits for as long as the source takes, and returns the error of the source.
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
        connections::client(https_only, self.extra_roots_pem.as_deref(), self.limits.connect)
    }

    /// Whether a bearer token may be sent. An endpoint without https is always on this machine:
    /// no other one parses.
    pub(crate) fn may_send_bearer(&self) -> bool {
        self.endpoint.is_https() || self.bearer_over_loopback_http
    }
}

/// The time limits of a client, and the number of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// To connect: 1 s. TCP and TLS take three round trips.
    pub connect: Duration,
    /// For one attempt, from connecting to the last byte: 3 s. ACS usually answers within 0.1 s,
    /// and nearly always within 1 s. Fetching a bearer token, or reading the keys again, may
    /// take as long.
    pub attempt: Duration,
    /// For one call with all its attempts: 6 s, even if its deadline is later.
    pub call: Duration,
    /// The most attempts per call: 3. A caller with its own rate limit sets 1, and waits for its
    /// next slot before it retries. After a replaced key, one more attempt is made in any case.
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
