//! Creates an invitation to one meeting. The handle and the PIN are in the result and nowhere else.

mod request;
mod terms;

use tracing::info;

use self::terms::Terms;
use crate::model::guest::{PIN_ATTEMPTS, PinCheck};
use crate::model::{
    Error, GuestHandle, GuestKeys, GuestPin, GuestPolicy, Invitation, InvitationState,
};
use crate::ports::{Clock, InvitationStore, RandomSource};

pub use self::request::CreateInvitationRequest;
pub(super) use self::terms::{check_devices, check_end, outlives_chat};

/// A new invitation, with its secrets.
#[derive(Clone, Debug)]
pub struct CreatedInvitation {
    /// The handle. It cannot be read again.
    pub handle: GuestHandle,
    /// The PIN, if the invitation has one. It cannot be read again.
    pub pin: Option<GuestPin>,
    /// The invitation.
    pub invitation: Invitation,
}

/// Creates the invitation. [`Error::InvalidInvitation`] if a member is out of bounds.
///
/// A repeated request creates another invitation, which closes without having been used.
pub async fn create_invitation(
    store: &impl InvitationStore,
    clock: &impl Clock,
    random: &impl RandomSource,
    guests: Option<&GuestPolicy>,
    request: CreateInvitationRequest,
) -> Result<CreatedInvitation, Error> {
    let guests = guests.ok_or(Error::GuestsDisabled)?;
    let now = clock.now();
    let terms = Terms::checked(&request, guests, now).map_err(Error::InvalidInvitation)?;
    let handle = GuestHandle::generated(random.bytes()?);
    let (id, keys) = (handle.invitation_id(), GuestKeys::of(&handle)?);
    let pin = if terms.has_pin { Some(random_pin(random)?) } else { None };
    let invitation = Invitation {
        sealed: keys.seal(&id, &terms.invited, random.bytes()?)?,
        id,
        state: InvitationState::Open,
        most: terms.devices,
        devices: std::collections::BTreeMap::new(),
        opens_at: terms.opens_at,
        closes_at: request.closes_at,
        delete_at: terms.delete_at,
        scopes: terms.scopes,
        max_lifetime: guests.max_lifetime(),
        pin: pin.as_ref().map(|pin| PinCheck { tag: keys.pin_tag(pin), left: PIN_ATTEMPTS }),
        reference: request.reference,
        created_by: request.by.id().clone(),
        created_at: now,
        revocation: None,
    };
    store.add_invitation(&invitation).await?;
    info!(invitation.id = %invitation.id, metric.invitations_created = 1_u64, "invitation created");
    Ok(CreatedInvitation { handle, pin, invitation })
}

fn random_pin(random: &impl RandomSource) -> Result<GuestPin, Error> {
    loop {
        if let Some(pin) = GuestPin::generated(u32::from_be_bytes(random.bytes()?)) {
            return Ok(pin);
        }
    }
}

#[cfg(test)]
mod tests;
