//! The configuration of a client.

use std::error::Error;
use std::time::Duration;

use identity_core::phone::ResourceAccountName;
use reqwest::Client;

use crate::api_version::ApiVersion;
use crate::auth::{ConnectionString, Credential, Endpoint, KeySource};
use crate::call::retry::ATTEMPTS;
use crate::config_error::ClientConfigError;
use crate::http;

/// The configuration of a client: resource, credential and limits.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address of the resource.
    pub endpoint: Endpoint,
    /// The credential for the resource.
    pub credential: Credential,
    /// The version of the API.
    pub api_version: ApiVersion,
    /// Additional root certificates to trust, in PEM, for an emulator with its own certificate. The
    /// client always trusts Mozilla's root certificates, as of this crate's build.
    pub extra_roots_pem: Option<String>,
    /// Whether requests over https go through the proxy of the environment (`HTTPS_PROXY`,
    /// `NO_PROXY`). By default they do not.
    pub uses_proxy: bool,
    /// Whether bearer tokens may be sent over http to an emulator on this machine. By default they
    /// are sent over https only, and to another machine always over https.
    pub bearer_over_loopback_http: bool,
    /// How assignments of Teams Phone spell a resource account.
    pub resource_account_name: ResourceAccountName,
    /// The time limits.
    pub limits: CallLimits,
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
            uses_proxy: false,
            bearer_over_loopback_http: false,
            resource_account_name: ResourceAccountName::default(),
            limits: CallLimits::default(),
        }
    }

    /// The default configuration for a resource whose connection strings come from `source`. They
    /// are read now, and again when ACS refuses the key, see [`Credential::keys`].
    ///
    /// Waits for the source without a limit, and returns its error.
    pub async fn load(
        source: impl KeySource + 'static,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let current = source.load().await?;
        let endpoint = current.primary.endpoint.clone();
        Ok(Self::with_credential(endpoint, Credential::keys(current, source)))
    }

    pub(crate) fn http(&self) -> Result<Client, ClientConfigError> {
        if self.credential.is_bearer() && !self.may_send_bearer() {
            return Err(ClientConfigError::BearerOverHttp);
        }
        let https_only = self.endpoint.is_https();
        // Only emulators speak http: on this machine or in its network, which no proxy reaches.
        let is_proxied = self.uses_proxy && https_only;
        http::client(https_only, is_proxied, self.extra_roots_pem.as_deref(), self.limits.connect)
    }

    /// Whether a bearer token may be sent. Any machine on the way could use it, so over http it is
    /// only sent to this machine.
    pub(crate) fn may_send_bearer(&self) -> bool {
        self.endpoint.is_https() || (self.bearer_over_loopback_http && self.endpoint.is_loopback())
    }
}

/// The time limits of a client, and the number of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// For connecting: 1 s. TCP and TLS take three round trips.
    pub connect: Duration,
    /// For one attempt, from connecting to the last byte: 3 s. ACS usually answers within 0.1 s,
    /// and nearly always within 1 s. The same limit applies to fetching a bearer token and to
    /// reading the keys again.
    pub attempt: Duration,
    /// For one call with all its attempts: 6 s, even if the deadline of the call is later.
    pub call: Duration,
    /// The maximum number of attempts per call: 3. A caller with its own rate limit sets 1, and
    /// retries in its next slot. After a key was replaced, a second attempt is always allowed.
    pub attempts: u32,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            attempt: Duration::from_secs(3),
            call: Duration::from_secs(6),
            attempts: ATTEMPTS,
        }
    }
}
