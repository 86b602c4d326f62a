//! The AWS configuration: uses the operator's own credentials, from the same sources as the AWS
//! CLI.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{
    ProvideCredentials, Result as Provided, SharedCredentialsProvider, future,
};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};

use crate::options::ServiceOptions;
use crate::report::{CliError, Exit, Result, innermost};
use crate::service::CliEnvironment;
use crate::service::internet::with_aws_connections;

/// The operator's AWS configuration. Loads credentials when they are first needed, and only
/// once.
pub(crate) struct AwsSettings {
    profile: Option<String>,
    region: Option<String>,
    env: fn(&str) -> Option<String>,
    config: OnceCell<SdkConfig>,
}

impl AwsSettings {
    /// The configuration that the flags and the environment select.
    pub(crate) fn of(options: &ServiceOptions, environment: &CliEnvironment) -> Self {
        let (profile, region) = (options.profile.clone(), options.region.clone());
        Self { profile, region, env: environment.env, config: OnceCell::new() }
    }

    /// The region, if a flag, the environment or the profile names one. Reads files only.
    pub(crate) async fn region(&self) -> Option<Region> {
        let mut of_profile = ProfileFileRegionProvider::builder();
        if let Some(profile) = &self.profile {
            of_profile = of_profile.profile_name(profile);
        }
        RegionProviderChain::first_try(self.region.clone().map(Region::new))
            .or_else(EnvironmentVariableRegionProvider::new())
            .or_else(of_profile.build())
            .region()
            .await
            .filter(|region| !region.as_ref().is_empty())
    }

    /// The configuration for a client of any AWS service. It already has credentials: a sign-in
    /// can take longer than a request may.
    pub(crate) async fn config(&self) -> Result<&SdkConfig> {
        self.config.get_or_try_init(|| self.load()).await
    }

    async fn load(&self) -> Result<SdkConfig> {
        let mut loader = with_aws_connections(loader(), self.env)?;
        if let Some(region) = self.region().await {
            loader = loader.region(region);
        }
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        let config = loader.load().await;
        let Some(region) = config.region().filter(|region| !region.as_ref().is_empty()) else {
            return Err(CliError::usage("no AWS region is named")
                .because("neither --region, AWS_REGION nor the profile says where the service is")
                .hint("set AWS_REGION to the region the service is deployed in"));
        };
        let provider = self.credentials(&config, region.clone()).ok_or_else(no_credentials)?;
        let asked = Instant::now();
        let first = match timeout(LONGEST, provider.provide_credentials()).await {
            Ok(first) => first.map_err(|error| self.not_provided(&error))?,
            Err(_) => return Err(self.too_slow(asked.elapsed())),
        };
        let known = SharedCredentialsProvider::new(CachedCredentials { first, then: provider });
        Ok(config.to_builder().credentials_provider(known).build())
    }

    /// A profile from the command line takes precedence over keys in the environment. A profile
    /// from `AWS_PROFILE` is a default, and keys in the environment take precedence over it.
    fn credentials(&self, config: &SdkConfig, region: Region) -> Option<SharedCredentialsProvider> {
        let Some(profile) = &self.profile else { return config.credentials_provider() };
        let mut settings = ProviderConfig::default().with_region(Some(region));
        if let Some(http) = config.http_client() {
            settings = settings.with_http_client(http);
        }
        let provider =
            ProfileFileCredentialsProvider::builder().configure(&settings).profile_name(profile);
        Some(SharedCredentialsProvider::new(provider.build()))
    }

    fn not_provided(&self, error: &CredentialsError) -> CliError {
        let why = innermost(error);
        let failure = match (&self.profile, error) {
            (Some(profile), _) => {
                CliError::new(Exit::Refused, format!("the profile {profile} gives no AWS credentials"))
                    .because(why)
                    .hint("`aws configure list-profiles` shows those there are; sign in with `aws sso login`")
            }
            (None, CredentialsError::CredentialsNotLoaded(_)) => no_credentials(),
            (None, _) => CliError::new(Exit::Refused, "failed to load AWS credentials")
                .because(why)
                .hint("see what `aws sts get-caller-identity` says; sign in (`aws sso login`), or give --profile"),
        };
        failure.caused_by(error)
    }

    fn too_slow(&self, waited: Duration) -> CliError {
        let whose = self.profile.as_ref().map(|profile| format!(" of the profile {profile}"));
        CliError::new(Exit::Later, "timed out while loading AWS credentials")
            .because(format!(
                "the credentials provider{} did not respond within {} s",
                whose.unwrap_or_default(),
                waited.as_secs()
            ))
            .hint("see whether `aws sts get-caller-identity` answers; then try again")
    }
}

/// The configuration for a service of a local stack: without real credentials, and without a
/// proxy, which cannot reach this machine.
pub(crate) async fn local_config(endpoint: &str) -> SdkConfig {
    // Unlike the SDK's default client, this one ignores `HTTP_PROXY`.
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
    loader()
        .http_client(http)
        .endpoint_url(endpoint)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .load()
        .await
}

/// The error for a request that cannot be signed because no credentials were found.
pub(crate) fn no_credentials() -> CliError {
    CliError::new(Exit::Refused, "no AWS credentials found")
        .because("the environment, the profile, single sign-on and this machine's role give none")
        .hint("sign in (`aws sso login`), set AWS_PROFILE, or give --profile")
}

fn loader() -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(4))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts)
}

/// Credentials that are already loaded, and the provider of the next ones.
#[derive(Debug)]
struct CachedCredentials {
    first: Credentials,
    then: SharedCredentialsProvider,
}

impl CachedCredentials {
    async fn newest(&self) -> Provided {
        #[expect(clippy::disallowed_methods, reason = "AWS goes by the time of this machine")]
        let soon = std::time::SystemTime::now() + EARLY;
        match self.first.expiry() {
            Some(ends) if ends <= soon => self.then.provide_credentials().await,
            _ => Ok(self.first.clone()),
        }
    }
}

impl ProvideCredentials for CachedCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.newest())
    }
}

/// The user may have to sign in, or to enter a second factor.
const LONGEST: Duration = Duration::from_mins(2);

/// How long before their expiry credentials are replaced.
const EARLY: Duration = Duration::from_secs(20);
