//! Revokes an invitation and cuts off all its guests.
//!
//! ```text
//! 1  store  revoking     from now on, the invitation gives no token; returns its devices
//! 2         block        each device, also one without a record yet, and revoke its tokens in ACS
//! 3  store  revoked
//! ```
//!
//! No guest is missed: a device that was admitted before 1 is in the map that 1 returns, and a later
//! one is refused. If the process dies in between, the next request or the scheduled job repeats 2
//! and 3.

use std::time::SystemTime;

use futures_util::future::join_all;
use tracing::{info, warn};

use crate::model::{
    Actor, AuditAction, AuditEntry, By, Cause, DeviceId, Error, GuestPolicy, Invitation,
    InvitationId, InvitationRevocation, InvitationState, InvitationStep, Invocation, Reason,
    ReceiptId, Record, RevocationOrder, State,
};
use crate::ports::{Change, Clock, IdentityClients, IdentityStore, InvitationStore, Step};
use crate::protocol::finish_pending;
use crate::protocol::inviter::Inviter;

/// The parameters of the operation.
#[derive(Clone, Debug)]
pub struct RevokeInvitationRequest {
    /// The invitation.
    pub id: InvitationId,
    /// The reason, for the receipts and the audit log.
    pub reason: Option<Reason>,
    /// Who revokes it.
    pub by: Inviter,
    /// The request being served.
    pub invocation: Invocation,
}

/// Revokes the invitation, and returns it with its receipt. Success means that no token of its
/// guests is valid any more. A repeated request returns the same receipt.
///
/// After an error, assume that tokens are still valid. The invitation gives no new ones, and a later
/// request or run finishes the work.
pub async fn revoke_invitation(
    store: &(impl IdentityStore + InvitationStore),
    acs: &impl IdentityClients,
    clock: &impl Clock,
    guests: Option<&GuestPolicy>,
    request: RevokeInvitationRequest,
) -> Result<Invitation, Error> {
    guests.ok_or(Error::GuestsDisabled)?;
    request.by.sees(store.find_invitation(&request.id).await?)?;
    let revocation = InvitationRevocation {
        receipt: ReceiptId(request.invocation.id.clone()),
        by: request.by.id().clone(),
        reason: request.reason.clone(),
        accepted_at: clock.now(),
        revoked_at: None,
    };
    let step = InvitationStep::Revoke(&revocation);
    let stored = request.by.sees(store.change_invitation(&request.id, &step).await?.stored())?;
    if stored.state == InvitationState::Revoked {
        return Ok(stored);
    }
    // If another request has begun a revocation, this one finishes it, too: to cut off a guest twice
    // does no harm.
    finish_revocation(store, acs, clock, &stored, &request.invocation).await
}

/// Cuts off every guest of an invitation that is being revoked, and then records that it is
/// revoked. If ACS refuses one of them, the others are cut off all the same. Of several failures,
/// the result is one that a repeated request heals, so that the caller repeats it.
async fn finish_revocation(
    store: &(impl IdentityStore + InvitationStore),
    acs: &impl IdentityClients,
    clock: &impl Clock,
    revoking: &Invitation,
    invocation: &Invocation,
) -> Result<Invitation, Error> {
    let devices: Vec<&DeviceId> = revoking.devices.keys().collect();
    let mut failure = None;
    for some in devices.chunks(AT_A_TIME) {
        let cut_off = some.iter().map(async |device| {
            let blocked = block_guest(store, clock, revoking, device).await?;
            let done =
                finish_pending::perform_pending(store, acs, clock, &blocked, invocation).await;
            done.inspect_err(|cause| report_failure(revoking, &blocked, cause))
        });
        for cut_off in join_all(cut_off).await {
            match cut_off {
                Err(cause @ (Error::StoreUnavailable(_) | Error::StoreRefused(_))) => {
                    return Err(cause);
                }
                Err(cause) if failure.is_none() || heals(&cause) => failure = Some(cause),
                Ok(_) | Err(_) => {}
            }
        }
    }
    match failure {
        Some(cause) => Err(cause),
        None => confirm_revocation(store, clock, revoking).await,
    }
}

/// Whether the request can succeed if it is only repeated.
fn heals(cause: &Error) -> bool {
    matches!(cause, Error::Busy { .. } | Error::Throttled { .. } | Error::AcsUnavailable { .. })
}

/// Other log lines about a guest do not name the invitation.
fn report_failure(revoking: &Invitation, guest: &Record, cause: &Error) {
    warn!(
        invitation.id = %revoking.id,
        acs.id = guest.acs_id().map(ToString::to_string),
        %cause,
        "guest not cut off: a later request or run retries"
    );
}

/// Records that an invitation is revoked, once every guest is cut off.
pub(crate) async fn confirm_revocation(
    store: &impl InvitationStore,
    clock: &impl Clock,
    revoking: &Invitation,
) -> Result<Invitation, Error> {
    let step = InvitationStep::ConfirmRevocation { at: clock.now() };
    let stored = store.change_invitation(&revoking.id, &step).await?.stored();
    // Another request may have confirmed it in the meantime.
    let revoked = stored.filter(|found| found.state == InvitationState::Revoked);
    info!(invitation.id = %revoking.id, guests = revoking.devices.len(), "invitation revoked");
    revoked.ok_or_else(Error::busy)
}

/// Blocks one guest, and returns the record: the caller then performs its pending revocation. A
/// guest without a record gets a blocked one, because the request that admitted the device may be
/// about to create their identity.
///
/// A block that is recorded already is not recorded again, which would forget how often ACS has
/// refused it. A stuck guest is: this is how an operator asks for further attempts.
pub(crate) async fn block_guest(
    store: &impl IdentityStore,
    clock: &impl Clock,
    revoking: &Invitation,
    device: &DeviceId,
) -> Result<Record, Error> {
    let guest = revoking.guest(device);
    for _ in 0..MAX_LOOKS {
        let (seen, now) = (store.find(&guest).await?, clock.now());
        if let Some(record) = seen.as_ref().filter(|record| is_recorded(record, revoking)) {
            return Ok(record.clone());
        }
        let unseen = || Record { due_at: Some(revoking.delete_at), ..Record::unseen(&guest, now) };
        let order = order(revoking, now)?;
        let next = seen.clone().unwrap_or_else(unseen).revoked(&order, now);
        let audit = audit(&next, &order, now);
        let step = Step::new(seen.as_ref(), &next).audited(audit.as_ref());
        if let Change::Made(blocked) = store.commit(step).await? {
            return Ok(blocked);
        }
    }
    Err(Error::busy())
}

/// Whether the guest is blocked by this revocation.
fn is_recorded(record: &Record, revoking: &Invitation) -> bool {
    let receipt = revoking.revocation.as_ref().map(|revocation| &revocation.receipt);
    let is_blocked = matches!(record.state, State::Blocked { .. });
    is_blocked && record.receipts.iter().any(|one| Some(&one.id) == receipt)
}

/// The order to block a guest, as the caller who revoked the invitation gave it.
fn order(revoking: &Invitation, now: SystemTime) -> Result<RevocationOrder, Error> {
    let revocation = revoking.revocation.as_ref();
    let revocation = revocation.ok_or(Error::Internal("a revocation without its receipt"))?;
    let by = By::administrator(&revocation.by);
    Ok(RevocationOrder {
        receipt: revocation.receipt.clone(),
        at: now,
        not_before: now,
        block: true,
        cause: Cause { by, reason: revocation.reason.clone() },
        sign_out_pace_until: None,
    })
}

fn audit(next: &Record, order: &RevocationOrder, at: SystemTime) -> Option<AuditEntry> {
    let By::Administrator { id: Some(id) } = &order.cause.by else { return None };
    let by = Actor::Administrator(id.clone());
    let entry = AuditEntry::of(next, &order.receipt.0, by, AuditAction::BlockUser, at);
    Some(AuditEntry { reason: order.cause.reason.clone(), ..entry })
}

/// How often a guest is tried when other requests change the record in the meantime.
const MAX_LOOKS: usize = 8;

/// The number of guests that are cut off at a time.
const AT_A_TIME: usize = 8;

#[cfg(test)]
mod tests;
