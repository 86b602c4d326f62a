//! Connects the adapters to AWS: `identity-store` to its tables, `aws-secrets` to its secrets.
//! This crate grants no permissions by itself: a request needs the SDK of a service, and only
//! the adapters depend on those.

use std::{fmt, sync::OnceLock, time::Duration};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider,
    retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_types::{
    sdk_config::SharedCredentialsProvider,
    service_config::{LoadServiceConfig, ServiceConfigKey},
};

/// What a client of any service needs: the credentials and the region of the process
/// environment, and limits that leave a function time to answer. A request ends within
/// 3 s, with all its attempts.
///
/// `AWS_ENDPOINT_URL`, and the one of a service, such as `AWS_ENDPOINT_URL_DYNAMODB`, are
/// obeyed, but over http only: the roots are Amazon's. No file and no other service is
/// asked.
///
/// All clients of a process share one HTTP client, whose setup is a part of init that one can
/// measure.
#[must_use]
pub fn config() -> SdkConfig {
    static CONFIG: OnceLock<SdkConfig> = OnceLock::new();
    CONFIG.get_or_init(|| config_of(process_env)).clone()
}

/// All of it is where Lambda puts it. The SDK's own loader would look in many other places;
/// to have its code here makes a function larger by a tenth, and its init longer.
fn config_of(env: Env) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(1))
        // Three attempts; a function has 10 s, and ACS may take 6 of them.
        .operation_timeout(Duration::from_secs(3))
        .build();
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(env("AWS_REGION").map(Region::new))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http.tls_context(tls()).build_https())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts)
        .service_config(Endpoints(env));
    config.set_endpoint_url(env("AWS_ENDPOINT_URL"));
    config.build()
}

/// Looks a variable up.
type Env = fn(&str) -> Option<String>;

fn process_env(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "where Lambda says how to reach AWS")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The variables of one service: `AWS_ENDPOINT_URL_SECRETS_MANAGER` and the like.
struct Endpoints(Env);

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        self.0(&format!("{}_{service}", key.env()))
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoints")
    }
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

    fn env(name: &str) -> Option<String> {
        let value = match name {
            "AWS_REGION" => "eu-west-1",
            "AWS_ENDPOINT_URL" => "http://127.0.0.1:1",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER" => "http://127.0.0.1:2",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn the_environment_says_where_aws_is() {
        let config = config_of(env);
        assert_eq!(config.region().map(AsRef::as_ref), Some("eu-west-1"));
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:1"));
        let endpoint = |service| {
            let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL");
            config.service_config()?.load_config(key.profile("endpoint_url").build().unwrap())
        };
        assert_eq!(endpoint("Secrets Manager").as_deref(), Some("http://127.0.0.1:2"));
        assert_eq!(endpoint("DynamoDB"), None);
    }

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
