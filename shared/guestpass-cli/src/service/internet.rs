//! Connections to servers that are not on this machine: AWS, issuers, transmitters.
//!
//! As the client of ACS, they trust Mozilla's root certificates, which are compiled in, and those
//! of the file `SSL_CERT_FILE`, and go through the proxy of `HTTPS_PROXY`, except for the hosts of
//! `NO_PROXY`.

use std::time::Duration;

use aws_config::ConfigLoader;
use aws_sdk_dynamodb::config::RuntimeComponents;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use https_client::{Client, HttpsClientError};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use crate::report::{CliError, Result, innermost};

/// A client for issuers and transmitters. It follows no redirects. Each request needs a timeout.
pub(crate) fn http_client() -> std::result::Result<Client, HttpsClientError> {
    https_client::proxied_client(false, None, CONNECT)
}

/// The same, without a proxy, which cannot reach this machine.
pub(crate) fn direct_http_client() -> std::result::Result<Client, HttpsClientError> {
    https_client::client(false, None, CONNECT)
}

/// Lets the clients of AWS, and the providers of credentials, use the proxy and the root
/// certificates.
///
/// # Errors
/// The file of `SSL_CERT_FILE`, or the address of the proxy, is invalid.
pub(crate) fn with_aws_connections(
    loader: ConfigLoader,
    env: fn(&str) -> Option<String>,
) -> Result<ConfigLoader> {
    let proxy = proxy(env)?;
    let roots = TrustStore::empty().with_pem_certificate(aws_roots(added_roots()?));
    let tls = TlsContext::builder().with_trust_store(roots).build();
    let tls = tls.map_err(|error| CliError::usage("cannot use TLS").because(innermost(&error)))?;
    let client = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder();
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        let connector = connector.proxy_config(proxy.clone());
        let connector = connector.tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        connector.tls_context(tls.clone()).build()
    });
    Ok(loader.http_client(client))
}

/// The proxy for https. Plain http is never sent through one: the services that give a machine its
/// credentials, and emulators, are reached by http.
fn proxy(env: fn(&str) -> Option<String>) -> Result<ProxyConfig> {
    let variable = |names: &[&'static str]| {
        let value = |name: &&'static str| env(name).filter(|value| !value.trim().is_empty());
        names.iter().find_map(|name| Some((*name, value(name)?)))
    };
    let Some((name, url)) = variable(&PROXIES) else { return Ok(ProxyConfig::disabled()) };
    let url = if url.contains("://") { url } else { format!("http://{url}") };
    // The cause would quote the credentials in the URL.
    let proxy = ProxyConfig::https(url.trim()).map_err(|_| {
        CliError::usage(format!("{name} is not the URL of a proxy"))
            .hint(format!("set {name} to a URL like http://proxy.example:3128"))
    })?;
    Ok(match variable(&EXCEPTIONS) {
        Some((_, hosts)) => proxy.no_proxy(hosts),
        None => proxy,
    })
}

/// The variables of a proxy for https, in the order in which the clients read them.
pub(crate) const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The variables of hosts that are reached without the proxy.
pub(crate) const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The certificates of `SSL_CERT_FILE`.
fn added_roots() -> Result<Option<&'static str>> {
    trust_roots::added().map_err(|error| {
        let failure = CliError::usage(error.to_string());
        let failure = match std::error::Error::source(error) {
            Some(_) => failure.because(innermost(error)),
            None => failure,
        };
        failure.hint("set SSL_CERT_FILE to a file with certificates in PEM format, or unset it")
    })
}

/// Mozilla's and the added root certificates in PEM format. An endpoint of AWS can also be one of
/// an emulator, so Amazon's roots would not be enough.
fn aws_roots(added: Option<&str>) -> String {
    let mozilla = TLS_SERVER_ROOT_CERTS.iter().map(|der| {
        let base64 = BASE64_STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
    });
    mozilla.chain(added.map(ToOwned::to_owned)).collect()
}

/// How long a server may take for a response.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// An operator may be further away from a server than a function is.
const CONNECT: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_roots_do_not_take_the_place_of_mozillas() {
        let count = |added| aws_roots(added).matches("BEGIN CERTIFICATE").count();
        assert_eq!(count(None), TLS_SERVER_ROOT_CERTS.len());
        let own = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(count(Some(own)), TLS_SERVER_ROOT_CERTS.len() + 1);
    }
}
