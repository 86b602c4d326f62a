//! Exchanges a guest pass, which is the handle of an invitation and a device, for an access token.
//!
//! ```text
//! 1  store  find         the invitation
//! 2         decide       revoked, closed, not open yet; or the device is in the map → 5
//! 3  store  count PIN    before it is compared
//! 4  store  admit        the device, if there is still room: this write makes a guest
//! 5         ensure identity, the protocol of every user: reserve, create, activate; or issue
//! ```
//!
//! A renewal is the same request again, without a PIN: 1, 2 and 5. Each step can be repeated after
//! a crash or a lost response, because the device names the guest.

use std::time::SystemTime;

use tracing::{info, warn};

use crate::model::identity::Scopes;
use crate::model::{
    AccessToken, AcsId, AdmittedGuest, DeviceId, DeviceSecret, Error, GuestEntry, GuestHandle,
    GuestKeys, GuestPin, GuestPolicy, Invitation, InvitationId, InvitationRefusal, InvitationStep,
    Invocation, Meeting, Requester, Secret, TokenPace, guest,
};
use crate::ports::{Clock, IdentityClients, IdentityStore, InvitationChange, InvitationStore};
use crate::protocol::ensure_identity::{IdentityRequest, IdentitySelector, ensure_identity};

/// The parameters of the operation.
#[derive(Clone, Debug)]
pub struct ExchangeGuestPassRequest {
    /// The handle of the invitation.
    pub handle: GuestHandle,
    /// The secret of the guest's device.
    pub device: DeviceSecret,
    /// The PIN, which only a new device needs.
    pub pin: Option<GuestPin>,
    /// How often one guest may ask; `None` for no limit.
    pub pace: Option<TokenPace>,
    /// The request being served.
    pub invocation: Invocation,
}

/// What a guest gets.
#[derive(Clone, Debug)]
pub struct GuestPass {
    /// The ID of the guest's identity in ACS.
    pub acs_id: AcsId,
    /// The token.
    pub token: AccessToken,
    /// The scopes of the token.
    pub scopes: Scopes,
    /// Whether this call created the identity.
    pub created: bool,
    /// Whether this call admitted the device.
    pub admitted: bool,
    /// The invitation.
    pub invitation: InvitationId,
    /// The meeting.
    pub meeting: Meeting,
    /// The name that the guest has in the meeting.
    pub display_name: Option<Secret>,
    /// When the invitation opened.
    pub opens_at: SystemTime,
    /// When the invitation closes. No token is issued from then on.
    pub closes_at: SystemTime,
}

/// Exchanges a guest pass. [`Error::InvitationRefused`] says why the invitation gives no token.
pub async fn exchange_guest_pass(
    store: &(impl IdentityStore + InvitationStore),
    acs: &impl IdentityClients,
    clock: &impl Clock,
    guests: Option<&GuestPolicy>,
    request: ExchangeGuestPassRequest,
) -> Result<GuestPass, Error> {
    let guests = guests.ok_or(Error::GuestsDisabled)?;
    let exchanged = exchange(store, acs, clock, guests, &request).await;
    match &exchanged {
        Ok(pass) => info!(
            invitation.id = %pass.invitation,
            acs.id = %pass.acs_id,
            metric.guest_tokens = 1_u64,
            metric.guests_admitted = u64::from(pass.admitted),
            "token issued to a guest"
        ),
        Err(Error::InvitationRefused(refusal)) => {
            let is = |other| u64::from(*refusal == other);
            warn!(
                invitation.id = %request.handle.invitation_id(),
                reason = refusal.as_str(),
                metric.guests_refused = 1_u64,
                metric.guest_pins_wrong = is(InvitationRefusal::PinWrong),
                metric.invitations_unknown = is(InvitationRefusal::Unknown),
                "guest refused"
            );
        }
        Err(Error::BeyondPolicy) => warn!(
            invitation.id = %request.handle.invitation_id(),
            reason = "beyond-policy",
            metric.guests_refused = 1_u64,
            "guest refused"
        ),
        Err(_) => {}
    }
    exchanged
}

async fn exchange(
    store: &(impl IdentityStore + InvitationStore),
    acs: &impl IdentityClients,
    clock: &impl Clock,
    guests: &GuestPolicy,
    request: &ExchangeGuestPassRequest,
) -> Result<GuestPass, Error> {
    let (id, keys) = (request.handle.invitation_id(), GuestKeys::of(&request.handle)?);
    let device = keys.device_id(&request.device);
    let found = store.find_invitation(&id).await?.ok_or(UNKNOWN)?;
    let invited = keys.open(&id, &found.sealed)?;
    let entering = EnteringDevice { keys, device, pin: request.pin.as_ref() };
    let entered = enter(store, clock, guests, &entering, found).await?;
    let token = entered.invitation.token(clock.now(), guests.max_lifetime());
    let identity = IdentityRequest {
        selector: IdentitySelector::Users(entered.invitation.guest(&entering.device)),
        token: Some(&token),
        resource: guests.resource(),
        due_at: Some(entered.invitation.delete_at),
        requester: Requester::Guest { entry: entered.entry, pace: request.pace },
        invocation: &request.invocation,
    };
    let ensured = ensure_identity(store, acs, clock, &identity).await?;
    Ok(GuestPass {
        acs_id: ensured.acs_id,
        token: ensured.token.ok_or(Error::Internal("a token was requested and not returned"))?,
        scopes: token.scopes,
        created: ensured.created,
        admitted: entered.is_new,
        invitation: id,
        meeting: invited.meeting,
        display_name: invited.display_name,
        opens_at: entered.invitation.opens_at,
        closes_at: entered.invitation.closes_at,
    })
}

/// The device that asks, with the keys of the handle that it sent.
struct EnteringDevice<'a> {
    keys: GuestKeys,
    device: DeviceId,
    pin: Option<&'a GuestPin>,
}

/// A device that is in the map of the invitation.
struct EnteredDevice {
    invitation: Invitation,
    entry: AdmittedGuest,
    is_new: bool,
}

/// Brings the device into the map of the invitation, unless it is there. A refused write is decided
/// about again with the invitation that refused it: the device can be in the map by a write of our
/// own that was sent twice, or of a request at the same time.
async fn enter(
    store: &impl InvitationStore,
    clock: &impl Clock,
    guests: &GuestPolicy,
    entering: &EnteringDevice<'_>,
    found: Invitation,
) -> Result<EnteredDevice, Error> {
    let (mut invitation, mut is_new) = (found, false);
    for _ in 0..MAX_LOOKS {
        let at = clock.now();
        let sends_pin = entering.pin.is_some();
        let decided = guest::decide(&invitation, &entering.device, sends_pin, at)
            .map_err(Error::InvitationRefused)?;
        // The policy may have been narrowed since the invitation was made. Without a token, a device
        // takes no place.
        if !invitation.scopes.is_within(guests.scopes()) {
            return Err(Error::BeyondPolicy);
        }
        let with_pin = match decided {
            GuestEntry::Admitted(entry) => {
                return Ok(EnteredDevice { invitation, entry, is_new });
            }
            GuestEntry::New { with_pin } => with_pin,
        };
        if with_pin {
            match check_pin(store, entering, &invitation.id).await? {
                InvitationChange::Made(_) => {}
                InvitationChange::Refused(found) => {
                    invitation = found.ok_or(UNKNOWN)?;
                    continue;
                }
            }
        }
        let device = &entering.device;
        let step = InvitationStep::Admit { device, at, gives_pin_back: with_pin };
        let change = store.change_invitation(&invitation.id, &step).await?;
        is_new = matches!(change, InvitationChange::Made(_));
        invitation = change.stored().ok_or(UNKNOWN)?;
    }
    Err(Error::busy())
}

/// Counts the PIN, and then compares it. If it was counted, it is right, or the result is an error.
async fn check_pin(
    store: &impl InvitationStore,
    entering: &EnteringDevice<'_>,
    id: &InvitationId,
) -> Result<InvitationChange, Error> {
    let counted = store.change_invitation(id, &InvitationStep::CountPin).await?;
    let InvitationChange::Made(invitation) = &counted else { return Ok(counted) };
    let check = invitation.pin.zip(entering.pin);
    if check.is_some_and(|(check, pin)| entering.keys.is_pin(pin, check.tag)) {
        return Ok(counted);
    }
    if check.is_none_or(|(check, _)| check.left == 0)
        && let InvitationChange::Made(_) =
            store.change_invitation(id, &InvitationStep::Lock).await?
    {
        warn!(
            invitation.id = %id,
            metric.invitations_locked = 1_u64,
            "invitation locked: too many wrong PINs"
        );
    }
    Err(Error::InvitationRefused(InvitationRefusal::PinWrong))
}

const UNKNOWN: Error = Error::InvitationRefused(InvitationRefusal::Unknown);

/// How often one request decides: at first, after a write that was refused, and after the write
/// that admits the device.
const MAX_LOOKS: usize = 4;

#[cfg(test)]
mod tests;
