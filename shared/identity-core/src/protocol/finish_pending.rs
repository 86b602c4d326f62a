//! Finishes the revocation or deletion that a dead invocation started.
//!
//! A revocation or deletion is recorded before ACS is called, so a crash in between leaves a
//! record that says what is still to do. A live invocation may be doing it right now; its record
//! is left alone for as long as an invocation can live.

use std::time::Duration;

use tracing::info;

use crate::model::{Error, Invocation, ReceiptId, Record, State};
use crate::ports::{Change, Clock, IdentityClient, IdentityClients, IdentityStore};
use crate::protocol::resources;

/// The outcome of [`finish_pending`].
pub(crate) enum PendingWork {
    /// Finished, by us or by another request: read the record again.
    Done,
    /// Another request may be working on it; retry after this time.
    Busy(Duration),
}

/// Finishes the revocation or deletion that `record` says was started, unless the record is so
/// young that its author may still be alive. If several requests try, only one does it.
///
/// If the author is still alive after all, and its request reaches ACS this late, that request
/// can revoke a token issued since; the holder of that token must ask for another.
pub(crate) async fn finish_pending(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    record: &Record,
    invocation: &Invocation,
) -> Result<PendingWork, Error> {
    match claim_pending(store, clock, record, invocation).await? {
        PendingClaim::Busy(left) => Ok(PendingWork::Busy(left)),
        PendingClaim::Lost => Ok(PendingWork::Done),
        PendingClaim::Ours(ours) => {
            perform_pending(store, acs, clock, &ours, invocation).await?;
            Ok(PendingWork::Done)
        }
    }
}

/// The result of [`claim_pending`].
pub(crate) enum PendingClaim {
    /// Only this request may finish the work.
    Ours(Box<Record>),
    /// Another request has changed the record.
    Lost,
    /// The author may still be alive; retry after this time.
    Busy(Duration),
}

/// Takes over the work that `record` says was started, unless its author may be alive.
pub(crate) async fn claim_pending(
    store: &impl IdentityStore,
    clock: &impl Clock,
    record: &Record,
    invocation: &Invocation,
) -> Result<PendingClaim, Error> {
    let age = clock.now().duration_since(record.changed_at).unwrap_or_default();
    if let Some(left) = ABANDONED_AFTER.checked_sub(age).filter(|left| !left.is_zero()) {
        // Most authors finish within a second, so the first retry comes soon.
        return Ok(PendingClaim::Busy(left.min(Duration::from_secs(5))));
    }
    let ours = record.taken_up(&ReceiptId(invocation.id.clone()), clock.now());
    match store.advance(Some(record), &ours).await? {
        Change::Made(ours) => {
            info!(
                acs.id = ours.acs_id().map(ToString::to_string),
                "took over pending work of another process"
            );
            Ok(PendingClaim::Ours(Box::new(ours)))
        }
        Change::Refused(_) => Ok(PendingClaim::Lost),
    }
}

/// Performs the pending work of `record` at ACS, records the result, and returns the stored
/// record. A record that has changed in the meantime keeps its new state.
pub(crate) async fn perform_pending(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    record: &Record,
    invocation: &Invocation,
) -> Result<Record, Error> {
    match &record.state {
        State::Deleting { acs_id, .. } => {
            let acs = resources::client_of(acs, &record.resource)?;
            let deleted = acs.delete_identity(acs_id, invocation.acs_until).await;
            deleted.inspect_err(|cause| {
                resources::report_foreign(acs_id, &record.resource, cause);
            })?;
            info!(acs.id = %acs_id, "identity deleted in ACS");
            confirm_deletion(store, clock, record).await
        }
        State::Active { acs_id } | State::Blocked { acs_id: Some(acs_id) }
            if record.pending_revocation.is_some() =>
        {
            let acs = resources::client_of(acs, &record.resource)?;
            let revoked = acs.revoke_access_tokens(acs_id, invocation.acs_until).await;
            revoked.inspect_err(|cause| {
                resources::report_foreign(acs_id, &record.resource, cause);
            })?;
            let noted = note(store, record, record.revocation_confirmed(clock.now())).await?;
            let blocked = u64::from(record.state.is_blocked());
            info!(
                acs.id = %acs_id,
                metric.revocations_confirmed = 1,
                metric.blocked_users_revoked = blocked,
                "tokens revoked in ACS"
            );
            Ok(noted)
        }
        _ => Ok(record.clone()),
    }
}

/// Records that the identity of `record`, whose deletion was started, does not exist any more.
pub(crate) async fn confirm_deletion(
    store: &impl IdentityStore,
    clock: &impl Clock,
    record: &Record,
) -> Result<Record, Error> {
    note(store, record, record.deletion_confirmed(clock.now())).await
}

/// Records that `record` has become `next`, and returns the stored record.
async fn note(store: &impl IdentityStore, record: &Record, next: Record) -> Result<Record, Error> {
    Ok(match store.advance(Some(record), &next).await? {
        Change::Made(noted) => noted,
        Change::Refused(found) => found.unwrap_or(next),
    })
}

/// No function that changes records may run longer than 10 s (the template sets this), and clocks
/// differ a little.
pub const ABANDONED_AFTER: Duration = Duration::from_secs(15);
