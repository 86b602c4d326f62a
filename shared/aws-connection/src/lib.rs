//! Connects the adapters to AWS: `identity-store` to its tables, `aws-secrets` to its secrets.
//! This crate grants no permissions by itself: a request needs the SDK of a service, and only
//! the adapters depend on those.

mod http;

use std::{fmt, sync::OnceLock, time::Duration};

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_types::sdk_config::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use tracing::error;

/// The configuration for a client of any service: the credentials and the region of the process
/// environment, and time limits that leave a function time to answer. A request ends within 3 s,
/// including all attempts.
///
/// `AWS_ENDPOINT_URL`, and the variable of a service, such as `AWS_ENDPOINT_URL_DYNAMODB`, are
/// supported, and so are `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`. The TLS roots are
/// Amazon's, and those of the file `SSL_CERT_FILE`. No configuration file and no other service is
/// read.
///
/// All clients of a process share one HTTP client, because its setup takes a measurable part of
/// init.
#[must_use]
pub fn config() -> SdkConfig {
    static CONFIG: OnceLock<SdkConfig> = OnceLock::new();
    CONFIG.get_or_init(|| config_of(process_env, added_roots())).clone()
}

/// Lambda provides all values in the environment. The SDK's own loader also looks in many other
/// places; its code would make a function about a tenth larger, and its init longer.
fn config_of(env: Env, added_roots: Option<&str>) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(1))
        // Three attempts; a function has 10 s, and ACS may take 6 of them.
        .operation_timeout(Duration::from_secs(3))
        .build();
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(env("AWS_REGION").map(Region::new))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts)
        .service_config(Endpoints(env));
    config.set_http_client(http::client_of(added_roots));
    config.set_endpoint_url(env("AWS_ENDPOINT_URL"));
    config.set_use_fips(is_true(env, "AWS_USE_FIPS_ENDPOINT"));
    config.set_use_dual_stack(is_true(env, "AWS_USE_DUALSTACK_ENDPOINT"));
    config.build()
}

/// Whether a variable is `true` in any case; `None` if it is not set.
fn is_true(env: Env, name: &str) -> Option<bool> {
    env(name).map(|value| value.trim().eq_ignore_ascii_case("true"))
}

/// Looks up a variable.
type Env = fn(&str) -> Option<String>;

fn process_env(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "Lambda sets the region and the endpoints")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The endpoint variables of services, such as `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
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

/// Without valid added roots, only AWS itself can be reached, and the log says why.
fn added_roots() -> Option<&'static str> {
    trust_roots::added().unwrap_or_else(|error| {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        error!(%error, cause, "added root certificates ignored");
        None
    })
}

#[cfg(test)]
mod tests {
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
    fn the_environment_sets_the_region_and_the_endpoints() {
        let config = config_of(env, None);
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
    fn the_environment_chooses_fips_and_dual_stack_endpoints() {
        let chosen = |value: Option<&'static str>| {
            let config = match value {
                None => config_of(env, None),
                Some("true") => config_of(|_| Some("true".to_owned()), None),
                Some("TRUE") => config_of(|_| Some("TRUE".to_owned()), None),
                Some(_) => config_of(|_| Some("false".to_owned()), None),
            };
            (config.use_fips(), config.use_dual_stack())
        };
        for (value, expected) in [
            (None, None),
            (Some("true"), Some(true)),
            (Some("TRUE"), Some(true)),
            (Some("false"), Some(false)),
        ] {
            assert_eq!(chosen(value), (expected, expected), "{value:?}");
        }
        // Each variable is for itself.
        let fips =
            config_of(|name| (name == "AWS_USE_FIPS_ENDPOINT").then(|| "true".to_owned()), None);
        assert_eq!((fips.use_fips(), fips.use_dual_stack()), (Some(true), None));
    }
}
