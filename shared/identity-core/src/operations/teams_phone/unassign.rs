//! Ends an assignment to Teams Phone, which also revokes the tokens that were issued through it.

use tracing::info;

use super::MAX_LOOKS;
use super::audit_entry::entry_of;
use crate::model::phone::{
    PhoneEntry, PhonePrincipal, PhoneState, PhoneWork, PrincipalType, TeamsExtensionAssignment,
};
use crate::model::{Actor, AuditAction, Error, ExternalId, Invocation};
use crate::ports::{Clock, IdentityStore, PhoneInventory, TeamsPhoneClient};
use crate::protocol::finish_pending::ABANDONED_AFTER;
use crate::protocol::waiting::Waiting;

/// The parameters of the operation.
#[derive(Clone, Debug)]
pub struct UnassignPhoneRequest {
    /// The principal.
    pub principal: PhonePrincipal,
    /// The user of this service who is the principal, if known.
    pub user: Option<ExternalId>,
    /// Who ends the assignment.
    pub by: Actor,
    /// Ends only an assignment that was requested at this time or earlier.
    pub requested_until: Option<std::time::SystemTime>,
    /// The request being served.
    pub invocation: Invocation,
}

/// Ends the assignment. It succeeds if ACS has no assignment. Returns whether ACS was asked.
///
/// After an error, ACS may still have the assignment. The intent stays recorded, and a repeated
/// request or the scheduled job finishes the work.
pub async fn unassign_phone<S: IdentityStore + PhoneInventory>(
    store: &S,
    acs: &impl TeamsPhoneClient,
    clock: &impl Clock,
    request: &UnassignPhoneRequest,
) -> Result<bool, Error> {
    let UnassignPhoneRequest { principal, user, by, requested_until, invocation } = request;
    let mut waiting = Waiting::new(clock.now(), invocation);
    for _ in 0..MAX_LOOKS {
        let seen = store.find_entry(principal).await?;
        let now = clock.now();
        if let (Some(until), Some(entry)) = (requested_until, &seen) {
            let is_newer = entry.assigned_at > *until;
            if entry.state == PhoneState::Removed || is_newer {
                return Ok(false);
            }
        }
        let work = seen.as_ref().map(|entry| entry.work(now, ABANDONED_AFTER));
        if let Some(PhoneWork::Running(left)) = work {
            waiting.wait(clock, left).await?;
            continue;
        }
        let before = seen.clone().unwrap_or_else(|| PhoneEntry::unseen(unknown(principal), now));
        let next = PhoneEntry {
            user: before.user.clone().or_else(|| user.clone()),
            by: by.name().to_owned(),
            ..before.changed(PhoneState::Removing, now)
        };
        let record = match &next.user {
            Some(user) => store.find(user).await?,
            None => None,
        };
        let action = AuditAction::UnassignPhone;
        let audit = entry_of(&next, record.as_ref(), by.clone(), action, invocation, now);
        if store.write_entry(seen.as_ref(), &next, audit.as_ref()).await? {
            perform(store, acs, clock, &next, invocation).await?;
            return Ok(true);
        }
    }
    Err(Error::busy())
}

/// Ends the assignment of `entry` in any case. Another request may have changed the entry.
pub(crate) async fn remove(
    store: &impl PhoneInventory,
    acs: &impl TeamsPhoneClient,
    clock: &impl Clock,
    entry: &PhoneEntry,
    invocation: &Invocation,
) -> Result<bool, Error> {
    let next = entry.changed(PhoneState::Removing, clock.now());
    if !store.write_entry(Some(entry), &next, None).await? {
        return Ok(false);
    }
    perform(store, acs, clock, &next, invocation).await?;
    Ok(true)
}

/// Asks ACS, and records the outcome.
async fn perform(
    store: &impl PhoneInventory,
    acs: &impl TeamsPhoneClient,
    clock: &impl Clock,
    next: &PhoneEntry,
    invocation: &Invocation,
) -> Result<(), Error> {
    let principal = next.principal();
    acs.delete_assignment(&principal, invocation.acs_until).await?;
    // If this is refused, another process took the work over, and finishes it.
    store.write_entry(Some(next), &next.confirmed(None, clock.now()), None).await?;
    info!(phone.principal = %principal, "Teams Phone assignment ended");
    Ok(())
}

/// The assignment of a principal that the inventory does not know.
fn unknown(principal: &PhonePrincipal) -> TeamsExtensionAssignment {
    let PhonePrincipal { tenant_id, object_id } = principal.clone();
    let (principal_type, client_ids) = (PrincipalType::User, Vec::new());
    TeamsExtensionAssignment { tenant_id, object_id, principal_type, client_ids }
}
