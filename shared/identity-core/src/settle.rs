//! Whoever meets what a dead invocation began, finishes it.
//!
//! A revocation is recorded before ACS is asked, and a deletion likewise, so a
//! crash in between leaves a record that says what is still to be done. Somebody
//! alive may be doing it right now; they are left alone for as long as an
//! invocation can live.

use std::time::Duration;

use tracing::info;

use crate::{
    Error, foreign,
    identity::Invocation,
    ports::{Change, Clock, IdentityClient, IdentityStore},
    record::{ReceiptId, Record, State},
};

/// What became of it.
pub(crate) enum Settled {
    /// Finished, by us or by somebody else: look again.
    Done,
    /// Somebody is at it; come back after this.
    Busy(Duration),
}

/// Finishes the revocation or the deletion that `record` says was begun, unless it
/// is so young that its author may be alive. Of many who try, one does it.
///
/// An author who was alive all the same, and whose request reaches ACS this late, can
/// still kill a token issued since; its holder asks for another.
pub(crate) async fn settle(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    record: &Record,
    invocation: &Invocation,
) -> Result<Settled, Error> {
    match claim(store, clock, record, invocation).await? {
        Claim::Busy(left) => Ok(Settled::Busy(left)),
        Claim::Lost => Ok(Settled::Done),
        Claim::Ours(ours) => {
            finish(store, acs, clock, &ours, invocation).await?;
            Ok(Settled::Done)
        }
    }
}

/// Who may finish what was begun.
pub(crate) enum Claim {
    /// We, and nobody else.
    Ours(Box<Record>),
    /// Somebody else has changed the record.
    Lost,
    /// Perhaps its author is alive; come back after this.
    Busy(Duration),
}

/// Takes up what `record` says was begun, unless its author may be alive.
pub(crate) async fn claim(
    store: &impl IdentityStore,
    clock: &impl Clock,
    record: &Record,
    invocation: &Invocation,
) -> Result<Claim, Error> {
    let age = clock.now().duration_since(record.changed_at).unwrap_or_default();
    if let Some(left) = ABANDONED_AFTER.checked_sub(age).filter(|left| !left.is_zero()) {
        // Most authors are done within a second; those who died are waited for longer.
        return Ok(Claim::Busy(left.min(Duration::from_secs(5))));
    }
    let ours = record.taken_up(&ReceiptId(invocation.id.clone()), clock.now());
    match store.advance(Some(record), &ours).await? {
        Change::Made(ours) => {
            info!(acs.id = ours.acs_id().map(ToString::to_string), "finishing what was half done");
            Ok(Claim::Ours(Box::new(ours)))
        }
        Change::Refused(_) => Ok(Claim::Lost),
    }
}

/// Does at ACS what `record` says is to be done, and notes it; the record as it is then
/// kept. One that has moved on meanwhile keeps its new state.
pub(crate) async fn finish(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    record: &Record,
    invocation: &Invocation,
) -> Result<Record, Error> {
    match &record.state {
        State::Deleting { acs_id, .. } => {
            let deleted = acs.delete_identity(acs_id, invocation.acs_until).await;
            deleted.inspect_err(|cause| foreign::report(acs_id, cause))?;
            info!(acs.id = %acs_id, "ACS has deleted the identity");
            note(store, record, record.deletion_confirmed(clock.now())).await
        }
        State::Active { acs_id } | State::Blocked { acs_id: Some(acs_id) }
            if record.pending_revocation.is_some() =>
        {
            let revoked = acs.revoke_access_tokens(acs_id, invocation.acs_until).await;
            revoked.inspect_err(|cause| foreign::report(acs_id, cause))?;
            let noted = note(store, record, record.revocation_confirmed(clock.now())).await?;
            let blocked = u64::from(record.state.is_blocked());
            info!(
                acs.id = %acs_id,
                metric.revocations_confirmed = 1,
                metric.blocked_users_revoked = blocked,
                "ACS has revoked every token"
            );
            Ok(noted)
        }
        _ => Ok(record.clone()),
    }
}

/// Notes that `record` has become `next`; what is kept then.
async fn note(store: &impl IdentityStore, record: &Record, next: Record) -> Result<Record, Error> {
    Ok(match store.advance(Some(record), &next).await? {
        Change::Made(noted) => noted,
        Change::Refused(found) => found.unwrap_or(next),
    })
}

/// No function that changes records may run longer than 10 s (the template says
/// so), and clocks differ a little.
pub const ABANDONED_AFTER: Duration = Duration::from_secs(15);
