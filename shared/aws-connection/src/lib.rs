//! How the adapters reach AWS: `identity-store` its table, `acs-secret` its secret. Whoever
//! has this crate can reach nothing by it: what is asked for needs an SDK, and those are
//! the adapters'.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, SdkConfig, environment::EnvironmentVariableCredentialsProvider,
    retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

/// What a client of any service needs: the credentials and the region of the process
/// environment, and limits that leave a function time to answer. A request ends within
/// 3 s, with all its attempts.
pub async fn config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(1))
        // Three attempts; a function has 10 s, and ACS may take 6 of them.
        .operation_timeout(Duration::from_secs(3))
        .build();
    // The SDK's own client, but without a proxy. So an endpoint of one's own, in
    // `AWS_ENDPOINT_URL_DYNAMODB` and the like, is one over http.
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.tls_context(tls()).build_https())
        // Where Lambda puts them. The other places the SDK would look in cost init time.
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts)
        .load()
        .await
}

/// The roots that are compiled in.
fn tls() -> TlsContext {
    let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    // It cannot fail as of now; the default is the system's roots.
    TlsContext::builder().with_trust_store(roots).build().unwrap_or_default()
}

/// What the endpoints of AWS chain to. To load the system's trust store, with some
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
}
