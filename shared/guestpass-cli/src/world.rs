//! The service itself: ACS, the table and the time, and requests of our own.

use std::time::Duration;

use acs_client::AcsIdentityClient;
use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::{Client, config::Credentials};
use identity_core::{Error, identity::Invocation, ports::Clock};
use identity_store::DynamoIdentityStore;

use crate::{
    clock::SystemClock,
    explain::explain,
    failure::{Failure, Result},
    target::{Target, Way},
};

/// Everything a rule needs.
pub(crate) struct World {
    /// What is meant.
    pub(crate) target: Target,
    /// ACS.
    pub(crate) acs: AcsIdentityClient<SystemClock>,
    /// The table.
    pub(crate) store: DynamoIdentityStore,
    /// The time.
    pub(crate) clock: SystemClock,
}

impl World {
    /// Gets everything ready. Connects to nothing yet.
    pub(crate) async fn of(target: Target) -> Result<Self> {
        let table = target.table()?.to_owned();
        let store = DynamoIdentityStore::new(dynamodb(&target).await?, table);
        Ok(Self { acs: acs(&target)?, store, clock: target.clock, target })
    }

    /// Serves a request of ours under the rules of the functions: it has a name of its
    /// own, and ends in time.
    pub(crate) async fn serve<T>(
        &self,
        operation: impl AsyncFnOnce(Invocation) -> std::result::Result<T, Error>,
    ) -> Result<T> {
        self.try_serve(operation).await.map_err(|error| self.explain(&error))
    }

    /// The same, for a caller who acts on errors.
    pub(crate) async fn try_serve<T>(
        &self,
        operation: impl AsyncFnOnce(Invocation) -> std::result::Result<T, Error>,
    ) -> std::result::Result<T, Error> {
        let served = tokio::time::timeout(LONGEST, operation(invocation(&self.clock)));
        served.await.unwrap_or_else(|_| {
            Err(Error::StoreUnavailable("it took longer than a request may take".into()))
        })
    }

    /// What an error means here.
    pub(crate) fn explain(&self, error: &Error) -> Failure {
        explain(error, &self.target)
    }
}

/// A client of ACS.
pub(crate) fn acs(target: &Target) -> Result<AcsIdentityClient<SystemClock>> {
    AcsIdentityClient::new(target.acs.clone(), target.clock)
        .map_err(|error| Failure::usage("ACS cannot be reached").because(error.to_string()))
}

/// A request of ours: unique, and with as much time as a function has.
pub(crate) fn invocation(clock: &impl Clock) -> Invocation {
    let now = clock.now();
    Invocation {
        id: format!("guestpass-{}", uuid::Uuid::new_v4()),
        deadline: now + LONGEST,
        acs_until: now + FOR_ACS,
        patience: Invocation::PATIENCE,
    }
}

async fn dynamodb(target: &Target) -> Result<Client> {
    Ok(Client::new(&aws(target).await?))
}

/// How AWS is reached: with the operator's own credentials, from wherever the AWS
/// command line would take them.
pub(crate) async fn aws(target: &Target) -> Result<SdkConfig> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(4))
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts);
    match &target.way {
        Way::Local { stack, .. } => {
            loader = loader
                .endpoint_url(&stack.dynamodb)
                .region(Region::from_static("us-east-1"))
                .credentials_provider(Credentials::new("local", "local", None, None, "local"));
        }
        Way::Direct { .. } => {
            if let Some(profile) = &target.profile {
                loader = loader.profile_name(profile);
            }
            if let Some(region) = &target.region {
                loader = loader.region(Region::new(region.clone()));
            }
        }
    }
    let config = loader.load().await;
    if config.region().is_none_or(|region| region.as_ref().is_empty()) {
        return Err(Failure::usage("no AWS region is named")
            .because("neither --region, AWS_REGION nor the profile says where the table is")
            .so("set AWS_REGION to the region the service is deployed in"));
    }
    Ok(config)
}

/// As long as a function may take: others rely on it when they take over what
/// somebody left half done.
const LONGEST: Duration = Duration::from_secs(10);

/// How long ACS may take, all calls of a request together.
const FOR_ACS: Duration = Duration::from_secs(6);
