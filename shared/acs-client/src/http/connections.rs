//! The HTTP client, which keeps the connections.

use std::time::Duration;

use https_client::{Client, HttpsClientError, Response};

use super::chain;
use crate::config_error::ClientConfigError;

/// Creates a client that trusts Mozilla's root certificates, those of `SSL_CERT_FILE`, and
/// `extra_roots_pem`.
pub(crate) fn client(
    https_only: bool,
    is_proxied: bool,
    extra_roots_pem: Option<&str>,
    connect: Duration,
) -> Result<Client, ClientConfigError> {
    let create = if is_proxied { https_client::proxied_client } else { https_client::client };
    create(https_only, extra_roots_pem, connect).map_err(|error| match error {
        HttpsClientError::ExtraRoots => ClientConfigError::ExtraRoots,
        HttpsClientError::AddedRoots(error) => ClientConfigError::Http(chain(error)),
        HttpsClientError::Tls(source) => ClientConfigError::Http(chain(&source)),
        HttpsClientError::Build(source) => ClientConfigError::Http(chain(&source)),
    })
}

/// Reads a body. Returns an empty body if it is too large.
pub(crate) async fn read_capped(response: &mut Response) -> Result<Vec<u8>, reqwest::Error> {
    let body = https_client::read_capped(response, LARGEST_BODY).await?;
    Ok(body.unwrap_or_default())
}

/// A response of ACS has about 2 KB.
const LARGEST_BODY: usize = 64 * 1024;
