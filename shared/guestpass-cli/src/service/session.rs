//! The service: ACS, the table and the time, and the requests of the tool.

mod acs_alone;
mod backend;

use std::sync::Once;
use std::time::Duration;

use acs_client::AcsIdentityClient;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use identity_core::Error;
use identity_core::administrator::Administrator;
use identity_core::identity::Invocation;
use identity_core::ports::{Clock, IdentityStore as _, ResourceClients, SystemClock};
use identity_core::record::Record;
use identity_core::resource::ResourceName;
use identity_store::DynamoIdentityStore;
use tokio::task::JoinSet;

use crate::report::{CliError, Result, note};
use crate::service::aws::local_config;
use crate::service::resources::unreachable;
use crate::service::{ServiceAccess, Target, explain, operator};

pub(crate) use acs_alone::{AcsAlone, acs_id, needs_table};
pub(crate) use backend::IdentityBackend;

/// Everything that a rule of `identity-core` needs.
pub(crate) struct ServiceSession {
    /// The selected service.
    pub(crate) target: Target,
    /// The clients of the ACS resources.
    pub(crate) acs: ResourceClients<AcsIdentityClient<SystemClock>>,
    /// The table.
    pub(crate) store: DynamoIdentityStore,
    /// The time.
    pub(crate) clock: SystemClock,
}

impl ServiceSession {
    /// Builds the clients. Signs in to AWS, and opens no other connection yet.
    pub(crate) async fn of(target: Target) -> Result<Self> {
        let table = target.table()?.to_owned();
        target.sign_in().await?;
        let store = DynamoIdentityStore::new(Client::new(&aws_config(&target).await?), table)
            .audited(target.audit_table.clone());
        let acs = target.resources.clients(target.clock)?;
        Ok(Self { acs, store, clock: target.clock, target })
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

    /// The client of the resource that has the assignments to Teams Phone: the first one.
    pub(crate) fn phone(&self) -> Result<&AcsIdentityClient<SystemClock>> {
        self.acs.first().ok_or_else(|| CliError::usage("no ACS resource is configured"))
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

    /// The name of the record's ACS resource, if the service has more than one.
    pub(crate) fn resource_of(&self, record: &Record) -> Option<ResourceName> {
        self.target.resources.are_several().then(|| record.resource.clone())
    }

    /// The listed records of this resource, or with `None` all of them. If the service has more
    /// than one resource, each record is read again, because the index of a list has no resources.
    pub(crate) async fn of_resource(
        &self,
        listed: Vec<Record>,
        resource: Option<&ResourceName>,
    ) -> Result<Vec<Record>> {
        if !self.target.resources.are_several() {
            return Ok(listed);
        }
        let mut found = Vec::new();
        for some in listed.chunks(READS_AT_A_TIME) {
            let mut reads = JoinSet::new();
            for (place, record) in some.iter().enumerate() {
                let (store, user) = (self.store.clone(), record.external_id.clone());
                reads.spawn(async move { (place, store.find(&user).await) });
            }
            let mut read: Vec<_> = reads.join_all().await;
            read.sort_by_key(|(place, _)| *place);
            for ((_, again), record) in read.into_iter().zip(some) {
                let again = again.map_err(|error| self.explain(&error))?;
                // A record that was deleted meanwhile has no resource.
                let Some(Record { resource: name, .. }) = again else { continue };
                if resource.is_none_or(|only| *only == name) {
                    found.push(Record { resource: name, ..record.clone() });
                }
            }
        }
        Ok(found)
    }

    /// Explains an error to the user.
    pub(crate) fn explain(&self, error: &Error) -> CliError {
        explain(error, &self.target)
    }
}

/// A client of the first ACS resource, for operations that need no record.
pub(crate) async fn acs_client(target: &Target) -> Result<AcsIdentityClient<SystemClock>> {
    target.sign_in().await?;
    AcsIdentityClient::new(target.acs().clone(), target.clock)
        .map_err(|error| unreachable(error.to_string()))
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
        // AWS is not asked for credentials that the user may not have.
        ServiceAccess::AcsAlone { .. } => Err(target.no_service()),
    }
}

/// How many records are read at once.
const READS_AT_A_TIME: usize = 20;

/// The longest run time of a function. Other requests rely on it when they take over unfinished
/// work.
const LONGEST: Duration = Duration::from_secs(10);

/// The time limit for all calls to ACS in a request together.
const FOR_ACS: Duration = Duration::from_secs(6);
