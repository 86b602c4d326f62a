//! The HTTPS client of the functions: compiled-in roots, no redirects, no retries.

use std::sync::Arc;
use std::time::Duration;

pub use reqwest::{Client, Error as RequestError, Method, Response};
use reqwest::{ClientBuilder, redirect};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
#[cfg(feature = "amazon-roots")]
use rustls::pki_types::TrustAnchor;
use rustls::{CipherSuite, ClientConfig, RootCertStore};
use trust_roots::{TrustRootsError, add_pem};

/// Creates a client that neither follows redirects nor retries. It trusts Mozilla's root
/// certificates, those of the file `SSL_CERT_FILE`, and `extra_roots_pem`.
///
/// # Errors
/// `extra_roots_pem` contains no certificate, the file of `SSL_CERT_FILE` is invalid, or the TLS
/// library could not be initialized.
pub fn client(
    https_only: bool,
    extra_roots_pem: Option<&str>,
    connect: Duration,
) -> Result<Client, HttpsClientError> {
    let builder = builder(https_only, tls(extra_roots_pem)?, connect);
    builder.no_proxy().build().map_err(HttpsClientError::Build)
}

/// Creates a client for the endpoints of AWS. It trusts Amazon's five root certificates, which Amazon
/// asks clients with a trust store of their own to include, and `added_roots_pem`.
///
/// # Errors
/// As for [`client`].
#[cfg(feature = "amazon-roots")]
pub fn amazon_client(
    added_roots_pem: Option<&str>,
    connect: Duration,
) -> Result<Client, HttpsClientError> {
    let mut roots = RootCertStore { roots: amazon_roots().cloned().collect() };
    if let Some(pem) = added_roots_pem {
        add_pem(&mut roots, pem).map_err(|_| HttpsClientError::ExtraRoots)?;
    }
    let builder = builder(false, tls_with(roots)?, connect);
    builder.no_proxy().build().map_err(HttpsClientError::Build)
}

/// The same, through the proxy of the environment (`HTTPS_PROXY`, `NO_PROXY`): for a program on an
/// operator's machine.
///
/// # Errors
/// As for [`client`].
pub fn proxied_client(
    https_only: bool,
    extra_roots_pem: Option<&str>,
    connect: Duration,
) -> Result<Client, HttpsClientError> {
    let builder = builder(https_only, tls(extra_roots_pem)?, connect);
    builder.build().map_err(HttpsClientError::Build)
}

fn builder(https_only: bool, tls: ClientConfig, connect: Duration) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("guestpass/", env!("CARGO_PKG_VERSION")))
        .https_only(https_only)
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .http1_only()
        .connect_timeout(connect)
        .pool_idle_timeout(IDLE)
        .tls_backend_preconfigured(tls)
}

/// The roots are compiled in, because loading those of the system would add about 5 ms to a cold
/// start. They are compiled in parsed, so that init does not parse Mozilla's certificates.
fn tls(extra_pem: Option<&str>) -> Result<ClientConfig, HttpsClientError> {
    let mut roots = RootCertStore::empty();
    #[cfg(feature = "mozilla-roots")]
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(pem) = trust_roots::added()? {
        add_pem(&mut roots, pem).map_err(|_| HttpsClientError::ExtraRoots)?;
    }
    if let Some(pem) = extra_pem {
        add_pem(&mut roots, pem).map_err(|_| HttpsClientError::ExtraRoots)?;
    }
    tls_with(roots)
}

fn tls_with(roots: RootCertStore) -> Result<ClientConfig, HttpsClientError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .map_err(HttpsClientError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Offers AES-128 before AES-256. The handshake of AES-256 computes SHA-384, for which most processors
/// have no instructions: a tenth of the instructions of init.
fn provider() -> CryptoProvider {
    let mut provider = default_provider();
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != FIRST_SUITE);
    provider
}

const FIRST_SUITE: CipherSuite = CipherSuite::TLS13_AES_128_GCM_SHA256;

/// Of Mozilla's roots, those of the endpoints of AWS.
#[cfg(feature = "amazon-roots")]
fn amazon_roots() -> impl Iterator<Item = &'static TrustAnchor<'static>> {
    // The common name is the last part of a subject, so no subject needs to be searched.
    let is_amazon = |root: &&TrustAnchor<'_>| {
        AMAZON_ROOTS.iter().any(|name| root.subject.ends_with(name.as_bytes()))
    };
    webpki_roots::TLS_SERVER_ROOTS.iter().filter(is_amazon)
}

/// The common names of the root certificates of the endpoints of AWS.
#[cfg(feature = "amazon-roots")]
const AMAZON_ROOTS: [&str; 5] = [
    "Amazon Root CA 1",
    "Amazon Root CA 2",
    "Amazon Root CA 3",
    "Amazon Root CA 4",
    "Starfield Services Root Certificate Authority - G2",
];

/// Reads a body of at most `limit` bytes. Returns `None` if it is longer.
///
/// # Errors
/// The connection failed, or the request timed out.
pub async fn read_capped(
    response: &mut Response,
    limit: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// Why a client could not be created.
#[derive(Debug, thiserror::Error)]
pub enum HttpsClientError {
    /// The additional roots contain no valid certificate.
    #[error("no certificate in PEM format (-----BEGIN CERTIFICATE-----)")]
    ExtraRoots,
    /// The root certificates that the operator added are invalid.
    #[error(transparent)]
    AddedRoots(#[from] &'static TrustRootsError),
    /// The TLS library refused the configuration.
    #[error("failed to create the TLS configuration")]
    Tls(#[source] rustls::Error),
    /// The HTTP library refused the configuration.
    #[error("failed to create the HTTP client")]
    Build(#[source] reqwest::Error),
}

/// Shorter than the idle timeout of most servers, so that the client is usually the one to close an
/// idle connection.
const IDLE: Duration = Duration::from_secs(50);

#[cfg(test)]
mod tests {
    use axum::{Router, http::header::LOCATION, routing::get};
    use harness::TestServer;
    use rustls::SupportedCipherSuite;

    use super::*;

    async fn server() -> TestServer {
        let moved = async || (axum::http::StatusCode::FOUND, [(LOCATION, "/text")]);
        let routes =
            Router::new().route("/text", get(async || "12345")).route("/moved", get(moved));
        TestServer::start(routes).await.unwrap()
    }

    fn plain() -> Client {
        client(false, None, Duration::from_secs(1)).unwrap()
    }

    #[cfg(feature = "amazon-roots")]
    #[test]
    fn of_mozillas_roots_the_endpoints_of_aws_need_five() {
        let found = |name: &str| {
            amazon_roots().filter(|root| root.subject.ends_with(name.as_bytes())).count()
        };
        assert_eq!(AMAZON_ROOTS.map(found), [1; 5]);
        assert_eq!(amazon_roots().count(), 5);
    }

    #[test]
    fn aes_128_is_offered_first_and_no_cipher_suite_is_lost() {
        let offered = provider().cipher_suites;
        assert_eq!(offered.first().map(SupportedCipherSuite::suite), Some(FIRST_SUITE));
        let mut default = default_provider().cipher_suites;
        assert_ne!(offered, default);
        default.retain(|suite| suite.suite() != FIRST_SUITE);
        assert_eq!(offered.get(1..), Some(&*default));
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_not_read() {
        let server = server().await;
        let url = format!("{}/text", server.url());
        for (limit, expected) in [(5, Some(b"12345".to_vec())), (4, None)] {
            let mut response = plain().get(&url).send().await.unwrap();
            assert_eq!(read_capped(&mut response, limit).await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let server = server().await;
        let response = plain().get(format!("{}/moved", server.url())).send().await.unwrap();
        assert_eq!(response.status(), 302);
    }

    #[tokio::test]
    async fn plain_http_needs_permission() {
        let server = server().await;
        let https_only = client(true, None, Duration::from_secs(1)).unwrap();
        assert!(https_only.get(server.url()).send().await.unwrap_err().is_builder());
    }

    #[test]
    fn roots_without_a_certificate_are_refused() {
        let refused = client(true, Some("no certificate"), Duration::from_secs(1));
        assert!(matches!(refused, Err(HttpsClientError::ExtraRoots)));
    }
}
