//! Extends an invitation: a later end, more devices, or new attempts at the PIN.

use std::time::SystemTime;

use tracing::info;

use super::create_invitation::{check_devices, check_end, outlives_chat};
use crate::model::{
    Error, GuestPolicy, InvalidInvitation, Invitation, InvitationId, InvitationRefusal,
    InvitationStep,
};
use crate::ports::{Clock, InvitationChange, InvitationStore};
use crate::protocol::inviter::Inviter;

/// The parameters of the operation.
#[derive(Clone, Debug)]
pub struct ExtendInvitationRequest {
    /// The invitation.
    pub id: InvitationId,
    /// The new end, not before the present one.
    pub closes_at: Option<SystemTime>,
    /// The new number of devices, not less than the present one.
    pub devices: Option<u64>,
    /// Whether new devices may try PINs again.
    pub unlock: bool,
    /// Who extends it.
    pub by: Inviter,
}

/// Extends the invitation. [`InvitationRefusal::Revoked`] if it was revoked, and
/// [`InvitationRefusal::Closed`] once its guests are due for deletion.
pub async fn extend_invitation(
    store: &impl InvitationStore,
    clock: &impl Clock,
    guests: Option<&GuestPolicy>,
    request: ExtendInvitationRequest,
) -> Result<Invitation, Error> {
    let guests = guests.ok_or(Error::GuestsDisabled)?;
    let mut found = request.by.sees(store.find_invitation(&request.id).await?)?;
    for _ in 0..MAX_LOOKS {
        let now = clock.now();
        if found.is_revoked() {
            return Err(Error::InvitationRefused(InvitationRefusal::Revoked));
        }
        if found.delete_at <= now {
            return Err(Error::InvitationRefused(InvitationRefusal::Closed));
        }
        let step = extension(&found, &request, guests, now).map_err(Error::InvalidInvitation)?;
        match store.change_invitation(&found.id, &step).await? {
            InvitationChange::Made(extended) => {
                info!(invitation.id = %extended.id, unlock = request.unlock, "invitation extended");
                return Ok(extended);
            }
            InvitationChange::Refused(stored) => found = request.by.sees(stored)?,
        }
    }
    Err(Error::busy())
}

fn extension(
    found: &Invitation,
    request: &ExtendInvitationRequest,
    guests: &GuestPolicy,
    now: SystemTime,
) -> Result<InvitationStep<'static>, InvalidInvitation> {
    let closes_at = request.closes_at.unwrap_or(found.closes_at);
    if closes_at < found.closes_at {
        let reason = "must not be before the present end; revoke the invitation to end it early";
        return Err(InvalidInvitation::new("closesAt", reason));
    }
    if request.closes_at.is_some() {
        check_end(closes_at, found.opens_at, guests, now)?;
        if outlives_chat(&found.scopes, closes_at) {
            let reason = "must not be after 30 September 2028, when ACS Chat ends: the invitation \
                          has a chat scope";
            return Err(InvalidInvitation::new("closesAt", reason));
        }
    }
    let most = match request.devices {
        Some(devices) => check_devices(devices, guests)?,
        None => found.most,
    };
    if most < found.most {
        return Err(InvalidInvitation::new("devices", "must not be less than before"));
    }
    let delete_at = closes_at + found.delete_after();
    Ok(InvitationStep::Extend { closes_at, delete_at, most, unlock: request.unlock, now })
}

/// How often it retries when other requests change the invitation in the meantime.
const MAX_LOOKS: usize = 4;

#[cfg(test)]
mod tests;
