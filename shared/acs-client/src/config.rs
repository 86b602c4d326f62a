//! What a client needs to know.

use std::time::Duration;

use reqwest::{Certificate, Client, redirect};

use crate::{ApiVersion, ConnectionString, error::chain};

/// How to reach a resource.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it is, and what opens it.
    pub connection_string: ConnectionString,
    /// The version of the API.
    pub api_version: ApiVersion,
    /// Further roots to trust, in PEM: for an emulator with a certificate of its
    /// own. Otherwise Mozilla's roots are trusted, as of this crate's build.
    pub extra_roots_pem: Option<String>,
    /// How long things may take.
    pub limits: Limits,
}

impl Config {
    /// The defaults for a resource.
    #[must_use]
    pub fn new(connection_string: ConnectionString) -> Self {
        Self {
            connection_string,
            api_version: ApiVersion::default(),
            extra_roots_pem: None,
            limits: Limits::default(),
        }
    }

    /// The HTTP client: it holds the connections, so there is one per client.
    pub(crate) fn http(&self) -> Result<Client, ConfigError> {
        Client::builder()
            .user_agent(concat!("guestpass/", env!("CARGO_PKG_VERSION")))
            .https_only(self.connection_string.endpoint.root().scheme() == "https")
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .no_proxy()
            .http1_only()
            .connect_timeout(self.limits.connect)
            .pool_idle_timeout(IDLE)
            .tls_certs_only(self.roots()?)
            .build()
            .map_err(|error| ConfigError::Http(chain(&error)))
    }

    /// Compiled in: loading the system's would cost a cold start some 5 ms.
    fn roots(&self) -> Result<Vec<Certificate>, ConfigError> {
        let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
        let mut roots = roots
            .map(|der| Certificate::from_der(der))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| ConfigError::Http(chain(&error)))?;
        if let Some(pem) = &self.extra_roots_pem {
            let extra = Certificate::from_pem_bundle(pem.as_bytes()).unwrap_or_default();
            if extra.is_empty() {
                return Err(ConfigError::ExtraRoots);
            }
            roots.extend(extra);
        }
        Ok(roots)
    }
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// To connect: 1 s. TCP and TLS take three round trips.
    pub connect: Duration,
    /// For one attempt, from connecting to the last byte: 3 s. ACS answers within
    /// 0.1 s mostly, and nearly always within 1 s.
    pub attempt: Duration,
    /// For one call with all its attempts: 6 s, however late its deadline.
    pub call: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            attempt: Duration::from_secs(3),
            call: Duration::from_secs(6),
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
    /// The HTTP client could not be made.
    #[error("cannot make the HTTP client: {0}")]
    Http(String),
}

/// Shorter than what servers usually grant, so that a connection is rather closed
/// by us than under us.
const IDLE: Duration = Duration::from_secs(50);
