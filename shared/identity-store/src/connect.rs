//! How the store reaches `DynamoDB`.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, environment::EnvironmentVariableCredentialsProvider, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_dynamodb::{Client, config::SharedHttpClient};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

/// A client with the credentials and the region of the process environment.
pub(crate) async fn client() -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(1))
        // Three attempts; a function has 10 s, and ACS may take 6 of them.
        .operation_timeout(Duration::from_secs(3))
        .build();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(https())
        // Where Lambda puts them. The other places the SDK would look in cost init time.
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts)
        .load()
        .await;
    Client::new(&config)
}

/// The SDK's own client, but with roots that are compiled in, and without a proxy. So an
/// endpoint of one's own, in `AWS_ENDPOINT_URL_DYNAMODB`, is one over http.
fn https() -> SharedHttpClient {
    let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    // It cannot fail as of now; the default is the system's roots.
    let tls = TlsContext::builder().with_trust_store(roots).build().unwrap_or_default();
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(tls).build_https()
}

/// What the endpoints of `DynamoDB` chain to. To load the system's trust store, with some
/// 140 roots, would take longer than all the rest of init. Amazon asks whoever has a
/// store of their own to take all five.
const AMAZON_ROOTS: &str = include_str!("amazon_roots.pem");

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_STANDARD};

    use super::*;

    #[test]
    fn the_roots_are_five_that_mozilla_trusts() {
        let mozilla = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
        let mozilla: Vec<_> = mozilla.iter().map(|der| BASE64_STANDARD.encode(der)).collect();
        let roots = AMAZON_ROOTS.split("-----BEGIN CERTIFICATE-----").skip(1);
        let roots: Vec<String> = roots
            .map(|root| root.split("-----END CERTIFICATE-----").next().unwrap())
            .map(|root| root.split_whitespace().collect())
            .collect();
        assert_eq!(roots.len(), 5);
        assert!(roots.iter().all(|root| mozilla.contains(root)));
    }

    #[test]
    fn the_tls_stack_takes_the_roots() {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(https())
            .build();
        // It would panic here.
        drop(Client::from_conf(config));
    }
}
