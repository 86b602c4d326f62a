//! The HTTP client: it holds the connections.

use std::time::Duration;

use reqwest::{Certificate, Client, Response, redirect};

use crate::{ConfigError, error::chain};

/// Makes a client that follows no redirect, repeats nothing, and trusts Mozilla's
/// roots and `extra_roots_pem`.
pub(crate) fn client(
    https_only: bool,
    extra_roots_pem: Option<&str>,
    connect: Duration,
) -> Result<Client, ConfigError> {
    Client::builder()
        .user_agent(concat!("guestpass/", env!("CARGO_PKG_VERSION")))
        .https_only(https_only)
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .no_proxy()
        .http1_only()
        .connect_timeout(connect)
        .pool_idle_timeout(IDLE)
        .tls_certs_only(roots(extra_roots_pem)?)
        .build()
        .map_err(|error| ConfigError::Http(chain(&error)))
}

/// Compiled in: loading the system's would cost a cold start some 5 ms.
fn roots(extra_pem: Option<&str>) -> Result<Vec<Certificate>, ConfigError> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let mut roots = roots
        .map(|der| Certificate::from_der(der))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| ConfigError::Http(chain(&error)))?;
    if let Some(pem) = extra_pem {
        let extra = Certificate::from_pem_bundle(pem.as_bytes()).unwrap_or_default();
        if extra.is_empty() {
            return Err(ConfigError::ExtraRoots);
        }
        roots.extend(extra);
    }
    Ok(roots)
}

/// Reads a body; nothing of one that is too large.
pub(crate) async fn read_capped(response: &mut Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST_BODY {
            return Ok(Vec::new());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// ACS's answers have some 2 KB.
const LARGEST_BODY: usize = 64 * 1024;

/// Shorter than what servers usually grant, so that a connection is rather closed
/// by us than under us.
const IDLE: Duration = Duration::from_secs(50);
