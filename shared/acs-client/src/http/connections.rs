//! The HTTP client, which keeps the connections.

use std::time::Duration;

use reqwest::{Certificate, Client, Response, redirect};

use super::text::chain;
use crate::config_error::ClientConfigError;

/// Creates a client that neither follows redirects nor retries. It trusts Mozilla's root
/// certificates and `extra_roots_pem`.
pub(crate) fn client(
    https_only: bool,
    extra_roots_pem: Option<&str>,
    connect: Duration,
) -> Result<Client, ClientConfigError> {
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
        .map_err(|error| ClientConfigError::Http(chain(&error)))
}

/// The roots are compiled in, because loading those of the system would add about 5 ms to a cold
/// start.
fn roots(extra_pem: Option<&str>) -> Result<Vec<Certificate>, ClientConfigError> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let mut roots = roots
        .map(|der| Certificate::from_der(der))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| ClientConfigError::Http(chain(&error)))?;
    if let Some(pem) = extra_pem {
        let extra = Certificate::from_pem_bundle(pem.as_bytes()).unwrap_or_default();
        if extra.is_empty() {
            return Err(ClientConfigError::ExtraRoots);
        }
        roots.extend(extra);
    }
    Ok(roots)
}

/// Reads a body. Returns an empty body if it is too large.
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

/// A response of ACS has about 2 KB.
const LARGEST_BODY: usize = 64 * 1024;

/// Shorter than the idle timeout of most servers, so that the client is usually the one to close an
/// idle connection.
const IDLE: Duration = Duration::from_secs(50);
