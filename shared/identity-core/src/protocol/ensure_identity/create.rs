//! Creates an identity under a reservation.

use std::time::SystemTime;

use tracing::{debug, error, info, warn};

use super::request::{EnsuredIdentity, IdentityRequest};
use crate::model::{
    AccessToken, AcsId, Admission, AuditAction, Error, ExternalId, Invocation, Lease, Record,
    ResourceName, State, TokenRequest,
};
use crate::ports::{Change, Clock, IdentityClient, IdentityClients, IdentityStore, Orphan, Step};
use crate::protocol::resources;

/// The record to reserve for a user, and our lease on it.
pub(super) struct Reservation<'a> {
    pub(super) user: &'a ExternalId,
    pub(super) seen: Option<&'a Record>,
    pub(super) lease: Lease,
}

/// Creates the identity. `None` if another request was faster or changed the record in the
/// meantime: the caller must read the record again.
pub(super) async fn create(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    request: &IdentityRequest<'_>,
    reservation: Reservation<'_>,
    first_token: Option<(Admission, &TokenRequest)>,
) -> Result<Option<EnsuredIdentity>, Error> {
    let resource = request.resource.cloned().unwrap_or_else(|| acs.place(reservation.user));
    let acs = resources::client_of(acs, &resource)?;
    let paced = first_token.as_ref().and_then(|(admission, _)| admission.pace_until());
    let Some(reserved) = reserve(store, clock, request, reservation, resource).await? else {
        return Ok(None);
    };
    let invocation = request.invocation;
    let (acs_id, token) = match create_in_acs(acs, first_token, invocation.acs_until).await {
        Ok(created) => created,
        Err(cause) => {
            release(store, clock, &reserved).await;
            return Err(cause);
        }
    };
    let pace_until = paced.or(reserved.pace_until);
    let active = reserved.activated(acs_id.clone(), pace_until, clock.now());
    let record = match activate(store, acs, clock, request, &acs_id, &reserved, &active).await? {
        Change::Made(record) => record,
        // The activation was applied, and no request has changed the record since.
        Change::Refused(Some(record)) if record == active => record,
        // The activation was applied, and another request has revoked, blocked or deleted the
        // identity since. That request is now responsible for it, and our token is not returned.
        Change::Refused(Some(record)) if record.acs_id() == Some(&acs_id) => return Ok(None),
        Change::Refused(found) => {
            let orphan = orphan(acs_id, &reserved, clock);
            delete_orphan(store, acs, orphan, invocation).await;
            // The user signed out or the account was deleted during the creation. The caller
            // must ask again to get another identity.
            let is_deleted = found.is_some_and(|record| record.state == State::Deleted);
            return if is_deleted { Err(Error::busy()) } else { Ok(None) };
        }
    };
    Ok(Some(EnsuredIdentity { record, acs_id, token, created: true }))
}

/// Reserves the record for the identity. `None` if another request was faster.
async fn reserve(
    store: &impl IdentityStore,
    clock: &impl Clock,
    request: &IdentityRequest<'_>,
    Reservation { user, seen, lease }: Reservation<'_>,
    resource: ResourceName,
) -> Result<Option<Record>, Error> {
    let reserved = Record::reserved(user, seen, lease, clock.now());
    let next = Record { resource, due_at: request.due_at, ..reserved };
    let reserved = match store.advance(seen, &next).await {
        Ok(Change::Made(reserved)) => reserved,
        Ok(Change::Refused(_)) => return Ok(None),
        Err(cause) => {
            // The reservation may have been stored. ACS was not called, so releasing it saves
            // other requests from waiting for the lease to end.
            release(store, clock, &next).await;
            return Err(cause);
        }
    };
    if seen.is_some_and(|seen| matches!(seen.state, State::Provisioning { .. })) {
        // The previous holder of the lease died, and ACS has no query for what it created.
        warn!(metric.identities_abandoned = 1, "reservation taken over after its lease expired");
    }
    Ok(Some(reserved))
}

/// Writes the identity into the reserved record. If the outcome is unknown, the reservation is
/// released instead; the record that refuses the release decides like one that refuses the
/// activation.
async fn activate(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    request: &IdentityRequest<'_>,
    acs_id: &AcsId,
    reserved: &Record,
    active: &Record,
) -> Result<Change, Error> {
    let audit = request.audit(active, AuditAction::CreateIdentity, clock.now());
    let activation = Step::new(Some(reserved), active).audited(audit.as_ref());
    let cause = match store.commit(activation).await {
        Ok(Change::Made(record)) => {
            info!(acs.id = %acs_id, metric.identities_created = 1, "identity created for a new user");
            return Ok(Change::Made(record));
        }
        Ok(refused) => return Ok(refused),
        Err(cause) => cause,
    };
    match store.advance(Some(reserved), &reserved.released(clock.now())).await {
        Ok(Change::Made(_)) => {
            let orphan = orphan(acs_id.clone(), reserved, clock);
            delete_orphan(store, acs, orphan, request.invocation).await;
            Err(cause)
        }
        Ok(refused) => Ok(refused),
        Err(_) => {
            error!(
                acs.id = %acs_id,
                "outcome of store write unknown: keeping the identity in ACS"
            );
            record_orphan(store, orphan(acs_id.clone(), reserved, clock)).await;
            Err(cause)
        }
    }
}

/// Releases a reservation that did not lead to an identity.
async fn release(store: &impl IdentityStore, clock: &impl Clock, reserved: &Record) {
    if store.advance(Some(reserved), &reserved.released(clock.now())).await.is_err() {
        debug!("reservation not released: it expires with its lease");
    }
}

async fn create_in_acs(
    acs: &impl IdentityClient,
    first_token: Option<(Admission, &TokenRequest)>,
    deadline: SystemTime,
) -> Result<(AcsId, Option<AccessToken>), Error> {
    let created = match first_token {
        Some((admission, token)) => {
            let created = acs.create_identity_with_token(admission, token, deadline).await;
            created.map(|(acs_id, token)| (acs_id, Some(token)))
        }
        None => acs.create_identity(deadline).await.map(|acs_id| (acs_id, None)),
    };
    created.inspect_err(|cause| {
        if matches!(cause, Error::AcsUnavailable { maybe_applied: true, .. }) {
            warn!(
                metric.identities_abandoned = 1,
                "outcome of create unknown: an orphaned identity may exist in ACS"
            );
        }
    })
}

/// The note that possibly no record names the identity.
fn orphan(acs_id: AcsId, reserved: &Record, clock: &impl Clock) -> Orphan {
    Orphan {
        acs_id,
        user: reserved.external_id.clone(),
        resource: reserved.resource.clone(),
        noted_at: clock.now(),
    }
}

/// Deletes an identity that is in no record and never will be.
async fn delete_orphan(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    orphan: Orphan,
    invocation: &Invocation,
) {
    if let Err(cause) = acs.delete_identity(&orphan.acs_id, invocation.acs_until).await {
        warn!(acs.id = %orphan.acs_id, %cause, "failed to delete an orphaned identity; the scheduled job retries");
        record_orphan(store, orphan).await;
    }
}

/// Records an identity whose ownership is unknown, for the scheduled job.
async fn record_orphan(store: &impl IdentityStore, orphan: Orphan) {
    if let Err(cause) = store.note_orphan(&orphan).await {
        error!(
            acs.id = %orphan.acs_id,
            metric.identities_abandoned = 1,
            %cause,
            "failed to record a possibly orphaned identity"
        );
    }
}
