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

use futures_util::{StreamExt, TryStreamExt, stream};
use tracing::info;

use crate::model::{
    By, Cause, DeviceId, Error, GuestPolicy, IdentityRef, Invitation, InvitationId,
    InvitationRevocation, InvitationState, InvitationStep, Invocation, Reason, ReceiptId,
};
use crate::operations::revoke_access_tokens::{
    IfMissing, RevokeAccessTokensRequest, revoke_access_tokens,
};
use crate::ports::{Clock, IdentityClients, IdentityStore, InvitationStore};
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
/// revoked.
pub(crate) async fn finish_revocation(
    store: &(impl IdentityStore + InvitationStore),
    acs: &impl IdentityClients,
    clock: &impl Clock,
    revoking: &Invitation,
    invocation: &Invocation,
) -> Result<Invitation, Error> {
    let devices = stream::iter(revoking.devices.keys());
    let cut_off = devices.map(|device| cut_off(store, acs, clock, revoking, device, invocation));
    let cut_off: Vec<()> = cut_off.buffer_unordered(AT_A_TIME).try_collect().await?;
    let step = InvitationStep::ConfirmRevocation { at: clock.now() };
    let stored = store.change_invitation(&revoking.id, &step).await?.stored();
    // Another request may have confirmed it in the meantime.
    let revoked = stored.filter(|found| found.state == InvitationState::Revoked);
    info!(invitation.id = %revoking.id, guests = cut_off.len(), "invitation revoked");
    revoked.ok_or_else(Error::busy)
}

/// Blocks one guest and revokes their tokens. A guest without a record gets a blocked one, because
/// the request that admitted the device may be about to create their identity.
async fn cut_off(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    revoking: &Invitation,
    device: &DeviceId,
    invocation: &Invocation,
) -> Result<(), Error> {
    let revocation = revoking.revocation.as_ref();
    let revocation = revocation.ok_or(Error::Internal("a revocation without its receipt"))?;
    let by = By::administrator(&revocation.by);
    let request = RevokeAccessTokensRequest {
        identity: IdentityRef::External(revoking.guest(device)),
        block: true,
        bearer: None,
        if_missing: IfMissing::CreateGuest { due_at: revoking.delete_at },
        pace: None,
        cause: Cause { by, reason: revocation.reason.clone() },
        invocation: Invocation { id: revocation.receipt.0.clone(), ..invocation.clone() },
    };
    revoke_access_tokens(store, acs, clock, request).await.map(drop)
}

/// The number of guests that are cut off at a time.
const AT_A_TIME: usize = 8;

#[cfg(test)]
mod tests;
