//! The service: ACS, the table and the time, and the requests of the tool.

use std::sync::Once;
use std::time::Duration;

use acs_client::AcsIdentityClient;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use identity_core::Error;
use identity_core::administrator::Administrator;
use identity_core::identity::Invocation;
use identity_core::ports::{Clock, SystemClock};
use identity_store::DynamoIdentityStore;

use crate::report::{CliError, Result, note};
use crate::service::aws::local_config;
use crate::service::{ServiceAccess, Target, explain, operator};

/// Everything that a rule of `identity-core` needs.
pub(crate) struct ServiceSession {
    /// The selected service.
    pub(crate) target: Target,
    /// The client of ACS.
    pub(crate) acs: AcsIdentityClient<SystemClock>,
    /// The table.
    pub(crate) store: DynamoIdentityStore,
    /// The time.
    pub(crate) clock: SystemClock,
}

impl ServiceSession {
    /// Builds the clients. Signs in to AWS, and opens no other connection yet.
    pub(crate) async fn of(target: Target) -> Result<Self> {
        let table = target.table()?.to_owned();
        let store = DynamoIdentityStore::new(Client::new(&aws_config(&target).await?), table)
            .audited(target.audit_table.clone());
        Ok(Self { acs: acs_client(&target)?, store, clock: target.clock, target })
    }

    /// The operator as an administrator. Warns once if no audit table is configured.
    pub(crate) fn administrator(&self) -> Administrator {
        static WARNING: Once = Once::new();
        if let Err(failure) = self.target.audit_table() {
            WARNING.call_once(|| {
                note("warning: the audit log gets no entry of this");
                if let Some(remedy) = failure.hint_text() {
                    note(&format!("  do:  {remedy}"));
                }
            });
        }
        operator::administrator()
    }

    /// Runs a request under the rules of the functions: it has its own id and a deadline.
    pub(crate) async fn run<T>(
        &self,
        operation: impl AsyncFnOnce(Invocation) -> std::result::Result<T, Error>,
    ) -> Result<T> {
        self.try_run(operation).await.map_err(|error| self.explain(&error))
    }

    /// The same, for a caller that handles errors itself.
    pub(crate) async fn try_run<T>(
        &self,
        operation: impl AsyncFnOnce(Invocation) -> std::result::Result<T, Error>,
    ) -> std::result::Result<T, Error> {
        let served = tokio::time::timeout(LONGEST, operation(invocation(&self.clock)));
        served.await.unwrap_or_else(|_| {
            Err(Error::StoreUnavailable("it took longer than a request may take".into()))
        })
    }

    /// Explains an error to the user.
    pub(crate) fn explain(&self, error: &Error) -> CliError {
        explain(error, &self.target)
    }
}

/// A client of ACS.
pub(crate) fn acs_client(target: &Target) -> Result<AcsIdentityClient<SystemClock>> {
    AcsIdentityClient::new(target.acs.clone(), target.clock)
        .map_err(|error| CliError::usage("ACS cannot be reached").because(error.to_string()))
}

/// A request of the tool, with a unique id and the time limit of a function.
pub(crate) fn invocation(clock: &impl Clock) -> Invocation {
    let now = clock.now();
    Invocation {
        id: format!("guestpass-{}", uuid::Uuid::new_v4()),
        deadline: now + LONGEST,
        acs_until: now + FOR_ACS,
        patience: Invocation::PATIENCE,
    }
}

/// The AWS configuration: see [`aws`](mod@crate::service::aws).
pub(crate) async fn aws_config(target: &Target) -> Result<SdkConfig> {
    match &target.way {
        ServiceAccess::Local { stack, .. } => Ok(local_config(&stack.dynamodb).await),
        ServiceAccess::Direct { .. } => Ok(target.aws.config().await?.clone()),
    }
}

/// The longest run time of a function. Other requests rely on it when they take over unfinished
/// work.
const LONGEST: Duration = Duration::from_secs(10);

/// The time limit for all calls to ACS in a request together.
const FOR_ACS: Duration = Duration::from_secs(6);
