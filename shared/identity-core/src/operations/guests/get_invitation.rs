//! Shows an invitation with its guests.

use std::time::SystemTime;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::model::{
    DeviceId, Error, GuestPolicy, Invitation, InvitationId, InvitationState, Record, State,
};
use crate::ports::{IdentityStore, InvitationStore};
use crate::protocol::inviter::Inviter;

/// The parameters of the operation.
#[derive(Clone, Debug)]
pub struct GetInvitationRequest {
    /// The invitation.
    pub id: InvitationId,
    /// Who asks.
    pub by: Inviter,
}

/// An invitation with its guests.
#[derive(Clone, Debug)]
pub struct InvitationDetails {
    /// The invitation.
    pub invitation: Invitation,
    /// The guests, the first admitted one first.
    pub guests: Vec<InvitedGuest>,
}

/// A guest of an invitation.
#[derive(Clone, Debug)]
pub struct InvitedGuest {
    /// The device.
    pub device: DeviceId,
    /// When the device was admitted.
    pub admitted_at: SystemTime,
    /// The record of the guest; `None` if the request that admitted the device ended early.
    pub record: Option<Record>,
}

/// How far the revocation of a guest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestRevocation {
    /// ACS has confirmed it, or the guest had no token.
    Confirmed,
    /// ACS has not confirmed it yet, and has refused it this often.
    Pending {
        /// The number of refusals that the scheduled job has counted.
        failures: u8,
    },
    /// ACS has refused it too often, and it is not tried again without an operator.
    Stuck {
        /// The number of refusals.
        failures: u8,
    },
}

impl InvitationDetails {
    /// How far the revocation of a guest is; `None` unless the invitation is being revoked.
    #[must_use]
    pub fn revocation(&self, guest: &InvitedGuest) -> Option<GuestRevocation> {
        if self.invitation.state != InvitationState::Revoking {
            return None;
        }
        let Some(record) = &guest.record else {
            return Some(GuestRevocation::Pending { failures: 0 });
        };
        let failures = record.attempts;
        Some(match record.state {
            State::Stuck { .. } => GuestRevocation::Stuck { failures },
            _ if record.is_unfinished() => GuestRevocation::Pending { failures },
            State::Blocked { .. } | State::Deleted => GuestRevocation::Confirmed,
            _ => GuestRevocation::Pending { failures },
        })
    }
}

/// Reads an invitation and the records of its guests.
pub async fn get_invitation(
    store: &(impl IdentityStore + InvitationStore),
    guests: Option<&GuestPolicy>,
    request: GetInvitationRequest,
) -> Result<InvitationDetails, Error> {
    guests.ok_or(Error::GuestsDisabled)?;
    let invitation = request.by.sees(store.find_invitation(&request.id).await?)?;
    let mut devices: Vec<_> = invitation.devices.clone().into_iter().collect();
    devices.sort_by_key(|(_, admitted_at)| *admitted_at);
    let read = stream::iter(devices).map(async |(device, admitted_at)| {
        let record = store.find(&invitation.guest(&device)).await?;
        Ok::<_, Error>(InvitedGuest { device, admitted_at, record })
    });
    let guests = read.buffered(AT_A_TIME).try_collect().await?;
    Ok(InvitationDetails { invitation, guests })
}

/// The number of records that are read at a time.
const AT_A_TIME: usize = 8;
