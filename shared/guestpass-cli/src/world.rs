//! The service itself: ACS, the table and the time, and requests of our own.

pub(crate) mod aws;
pub(crate) mod secret;

use std::{sync::Once, time::Duration};

use acs_client::AcsIdentityClient;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use identity_core::{Error, administrator::Administrator, identity::Invocation, ports::Clock};
use identity_store::DynamoIdentityStore;

use crate::{
    clock::SystemClock,
    explain::explain,
    failure::{Failure, Result},
    operator,
    output::note,
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
    /// Gets everything ready. Signs in to AWS, and connects to nothing else yet.
    pub(crate) async fn of(target: Target) -> Result<Self> {
        let table = target.table()?.to_owned();
        let store = DynamoIdentityStore::new(Client::new(&aws(&target).await?), table)
            .audited(target.audit_table.clone());
        Ok(Self { acs: acs(&target)?, store, clock: target.clock, target })
    }

    /// The operator, as the administrator who acts. Warns once if there is no audit log that
    /// would name them.
    pub(crate) fn administrator(&self) -> Administrator {
        static WARNING: Once = Once::new();
        if let Err(failure) = self.target.audit_table() {
            WARNING.call_once(|| {
                note("warning: the audit log gets no entry of this");
                if let Some(remedy) = failure.todo() {
                    note(&format!("  do:  {remedy}"));
                }
            });
        }
        operator::administrator()
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

/// How AWS is reached: see [`aws`](mod@aws).
pub(crate) async fn aws(target: &Target) -> Result<SdkConfig> {
    match &target.way {
        Way::Local { stack, .. } => Ok(aws::local(&stack.dynamodb).await),
        Way::Direct { .. } => Ok(target.aws.config().await?.clone()),
    }
}

/// As long as a function may take: others rely on it when they take over what
/// somebody left half done.
const LONGEST: Duration = Duration::from_secs(10);

/// How long ACS may take, all calls of a request together.
const FOR_ACS: Duration = Duration::from_secs(6);
