//! One deletion of a bulk run: first whether there is anything to delete, then the deletion.

use std::time::{Duration, SystemTime};

use identity_core::Error;
use identity_core::audit::Actor;
use identity_core::delete_identity::{DeleteIdentityRequest, IfForeign, delete_identity};
use identity_core::delete_stale_identities::{StaleOutcome, delete_if_unused_since};
use identity_core::get_identity::get_identity;
use identity_core::identity::{AcsId, ExternalId, IdentityRef, Invocation};
use identity_core::ports::{IdentityClient as _, IdentityClients as _, IdentityStore as _};
use identity_core::record::{By, Record, State};
use identity_core::resource::ResourceName;

use crate::report::CliError;
use crate::service::{AcsAlone, ServiceSession, explain};

/// An identity to delete.
#[derive(Clone)]
pub(crate) enum BulkItem {
    /// The identity with this name.
    Named(IdentityRef),
    /// The identity with this name, whose ACS resource was deleted in Azure with all identities.
    MaybeGone(IdentityRef),
    /// The identity with this name. If it has no record, it is deleted only in this ACS resource.
    Unrecorded(AcsId, ResourceName),
    /// The identity of this user, if it has not changed since the plan was made.
    Planned(Box<PlannedIdentity>),
}

/// An identity as it was when the plan was made.
#[derive(Clone)]
pub(crate) struct PlannedIdentity {
    /// The user of the identity.
    pub(crate) user: ExternalId,
    /// The ACS id.
    pub(crate) acs_id: AcsId,
    /// When it was last used.
    pub(crate) last_issued_at: SystemTime,
    /// The epoch of the record.
    pub(crate) epoch: u64,
}

impl PlannedIdentity {
    /// How its record has changed since the plan was made. A deletion that an earlier run began is
    /// no change.
    fn change_in(&self, record: &Record) -> Option<&'static str> {
        let is_begun = matches!(record.state, State::Deleting { .. });
        if record.last_issued_at != self.last_issued_at {
            return Some(USED);
        }
        (record.epoch != self.epoch && !is_begun).then_some(CHANGED)
    }
}

/// Why an identity of a plan is spared.
const USED: &str = "it was used after the plan was made";
/// The same.
const CHANGED: &str = "it changed after the plan was made";

impl BulkItem {
    /// The name as it was given.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Named(IdentityRef::External(user))
            | Self::MaybeGone(IdentityRef::External(user)) => user.as_str().to_owned(),
            Self::Named(IdentityRef::Acs(acs_id))
            | Self::MaybeGone(IdentityRef::Acs(acs_id))
            | Self::Unrecorded(acs_id, _) => acs_id.to_string(),
            Self::Planned(planned) => planned.user.as_str().to_owned(),
        }
    }
}

/// Deletes identities one by one.
pub(crate) trait IdentityDeleter: Send + Sync + 'static {
    /// What names an identity.
    type Item: Clone + Send + 'static;

    /// The name as it was given.
    fn name(item: &Self::Item) -> String;

    /// Whether there is anything to delete. Costs ACS nothing.
    fn find(&self, item: &Self::Item) -> impl Future<Output = Result<BulkStep, Error>> + Send;

    /// Deletes the identity.
    fn delete(&self, item: Self::Item) -> impl Future<Output = Result<BulkStep, Error>> + Send;

    /// Explains an error to the user.
    fn explain_failure(&self, error: &Error) -> CliError;
}

/// A service: its records say what there is.
impl IdentityDeleter for ServiceSession {
    type Item = BulkItem;

    fn name(item: &BulkItem) -> String {
        item.name()
    }

    async fn find(&self, item: &BulkItem) -> Result<BulkStep, Error> {
        find_identity(self, item).await
    }

    async fn delete(&self, item: BulkItem) -> Result<BulkStep, Error> {
        self.try_run(async |invocation| delete(self, item, invocation).await).await
    }

    fn explain_failure(&self, error: &Error) -> CliError {
        self.explain(error)
    }
}

/// An ACS resource alone. ACS cannot say which identities exist, so each deletion is requested.
impl IdentityDeleter for AcsAlone {
    type Item = AcsId;

    fn name(item: &AcsId) -> String {
        item.to_string()
    }

    async fn find(&self, _: &AcsId) -> Result<BulkStep, Error> {
        Ok(BulkStep::Present)
    }

    async fn delete(&self, item: AcsId) -> Result<BulkStep, Error> {
        self.delete_identity(&item).await.map(|()| BulkStep::Deleted)
    }

    fn explain_failure(&self, error: &Error) -> CliError {
        explain(error, &self.target)
    }
}

/// The result of a step.
pub(crate) enum BulkStep {
    /// There is nothing to delete.
    Gone,
    /// There is an identity.
    Present,
    /// It has changed since the plan was made.
    Changed(&'static str),
    /// It was deleted.
    Deleted,
    /// The step failed.
    Failed(Error),
}

/// Whether there is anything to delete.
async fn find_identity(session: &ServiceSession, item: &BulkItem) -> Result<BulkStep, Error> {
    let name = match item {
        BulkItem::Named(name) | BulkItem::MaybeGone(name) => name.clone(),
        BulkItem::Unrecorded(acs_id, _) => IdentityRef::Acs(acs_id.clone()),
        BulkItem::Planned(planned) => IdentityRef::External(planned.user.clone()),
    };
    let found = session.try_run(async |_| get_identity(&session.store, &name).await).await;
    let record = match (found, item) {
        (Err(Error::NotFound), BulkItem::Unrecorded(..)) => return Ok(BulkStep::Present),
        (Err(Error::NotFound), _) => return Ok(BulkStep::Gone),
        (found, _) => found?,
    };
    // A deletion removes a reservation without an identity, so it counts as present.
    let is_there = record.acs_id().is_some() || matches!(record.state, State::Provisioning { .. });
    if !is_there {
        return Ok(BulkStep::Gone);
    }
    if let BulkItem::Planned(planned) = item
        && let Some(how) = planned.change_in(&record)
    {
        return Ok(BulkStep::Changed(how));
    }
    Ok(BulkStep::Present)
}

/// Deletes the identity.
async fn delete(
    session: &ServiceSession,
    item: BulkItem,
    invocation: Invocation,
) -> Result<BulkStep, Error> {
    let ServiceSession { store, acs, .. } = session;
    let deleted = match item {
        BulkItem::Named(name) => delete_named(session, name, IfForeign::Refuse, invocation).await?,
        BulkItem::MaybeGone(name) => {
            delete_named(session, name, IfForeign::Gone, invocation).await?
        }
        // The operator expects that there may be no record, so the deletion does not wait for
        // the index.
        BulkItem::Unrecorded(acs_id, resource)
            if store.find_by_acs_id(&acs_id).await?.is_none() =>
        {
            let deadline = invocation.acs_until;
            acs.client(&resource)?.delete_identity(&acs_id, deadline).await?;
            Some(acs_id)
        }
        BulkItem::Unrecorded(acs_id, _) => {
            let name = IdentityRef::Acs(acs_id);
            delete_named(session, name, IfForeign::Refuse, invocation).await?
        }
        BulkItem::Planned(planned) => return delete_planned(session, &planned, invocation).await,
    };
    Ok(ended(deleted.as_ref()))
}

fn ended(deleted: Option<&AcsId>) -> BulkStep {
    if deleted.is_some() { BulkStep::Deleted } else { BulkStep::Gone }
}

async fn delete_named(
    session: &ServiceSession,
    identity: IdentityRef,
    if_foreign: IfForeign,
    invocation: Invocation,
) -> Result<Option<AcsId>, Error> {
    let ServiceSession { store, acs, clock, .. } = session;
    let by = By::administrator(session.administrator().id());
    let request = DeleteIdentityRequest { identity, by, bearer: None, if_foreign, invocation };
    delete_identity(store, acs, clock, request).await
}

/// Deletes the identity of a plan, if it has not changed. It was compared before it waited for its
/// turn, and if ACS throttles requests, it waits for minutes: so it is compared again, and only the
/// record that was compared is marked for deletion.
async fn delete_planned(
    session: &ServiceSession,
    planned: &PlannedIdentity,
    invocation: Invocation,
) -> Result<BulkStep, Error> {
    let ServiceSession { store, acs, clock, .. } = session;
    let user = &planned.user;
    let found = store.find(user).await?;
    let identity = found.as_ref().filter(|record| record.acs_id().is_some());
    if let Some(how) = identity.and_then(|record| planned.change_in(record)) {
        return Ok(BulkStep::Changed(how));
    }
    // The record keeps milliseconds, so an identity was used since the plan if its time is greater
    // than this one.
    let cutoff = planned.last_issued_at + Duration::from_millis(1);
    let actor = Actor::Administrator(session.administrator().id().clone());
    let deletion = delete_if_unused_since(store, acs, clock, found, cutoff, &actor, &invocation);
    match deletion.await? {
        StaleOutcome::Deleted => Ok(BulkStep::Deleted),
        StaleOutcome::Used => Ok(BulkStep::Changed(USED)),
        StaleOutcome::Changed => match store.find(user).await?.map(|record| record.state) {
            // An earlier run started this deletion. Naming the identity by its ACS id does not
            // affect a new identity that the user got in the meantime.
            Some(State::Deleting { acs_id, .. }) if acs_id == planned.acs_id => {
                let name = IdentityRef::Acs(acs_id);
                let deleted = delete_named(session, name, IfForeign::Refuse, invocation).await?;
                Ok(ended(deleted.as_ref()))
            }
            None | Some(State::Deleted | State::Blocked { acs_id: None }) => Ok(BulkStep::Gone),
            Some(_) => Ok(BulkStep::Changed(CHANGED)),
        },
    }
}
