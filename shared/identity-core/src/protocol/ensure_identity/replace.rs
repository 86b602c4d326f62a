//! Replaces an identity of a resource that is being drained.
//!
//! ```text
//! 1  store  mark        for deletion, if the identity was not used since it was read
//! 2  ACS    delete      in the old resource
//! 3  store  tombstone   if the mark is still ours
//! 4                     the usual first call, which places the new identity elsewhere
//! ```
//!
//! All of these steps exist without it, so a process can die after any of them: the next request
//! or the scheduled job finishes the deletion. To create the new identity first would lose the old
//! one if the process died in between, and a block would then revoke the tokens of only one.

use std::time::{Duration, SystemTime};

use tracing::info;

use crate::model::{Actor, AuditAction, AuditEntry, Error, Invocation, ReceiptId, Record};
use crate::ports::{Change, Clock, IdentityClients, IdentityStore, Step};
use crate::protocol::finish_pending;

/// Whether the identity is in a resource that is being drained, and has no valid token.
pub(super) fn is_replaceable(acs: &impl IdentityClients, record: &Record, now: SystemTime) -> bool {
    let unused = now.duration_since(record.last_issued_at).unwrap_or_default();
    acs.is_draining(&record.resource) && unused >= WITHOUT_TOKENS_AFTER
}

/// Deletes the identity, so that the user has none. If the record changed in the meantime, this
/// does nothing. Either way, the caller reads the record again.
pub(super) async fn delete_replaced(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    record: &Record,
    invocation: &Invocation,
) -> Result<(), Error> {
    let now = clock.now();
    let Some(next) = record.marked_for_deletion(&ReceiptId(invocation.id.clone()), now) else {
        return Ok(());
    };
    let by = Actor::Cleanup { run: invocation.id.clone() };
    let audit = AuditEntry::of(&next, &invocation.id, by, AuditAction::DeleteIdentity, now);
    let step = Step::new(Some(record), &next).unless_used().audited(Some(&audit));
    if let Change::Made(marked) = store.commit(step).await? {
        finish_pending::perform_pending(store, acs, clock, &marked, invocation).await?;
        info!(
            acs.id = record.acs_id().map(ToString::to_string),
            acs.resource = record.resource.as_str(),
            "unused identity of a draining resource deleted: its user gets a new one"
        );
    }
    Ok(())
}

/// A token lives for at most 24 hours, and clocks differ a little.
pub(super) const WITHOUT_TOKENS_AFTER: Duration = Duration::from_hours(25);

#[cfg(test)]
mod tests;
