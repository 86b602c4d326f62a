use std::time::SystemTime;

use identity_core::get_invitation::{GuestRevocation, InvitationDetails, InvitedGuest};
use identity_core::guest::{
    GuestHandle, GuestPin, Invitation, InvitationRevocation, InvitationStatus, Meeting,
};
use identity_core::identity::{AcsId, Scopes};
use identity_core::record::{Reason, ReceiptId};
use serde::Serialize;

use crate::{TokenOutput, format_timestamp};

/// An invitation. It has nothing by which a guest could use it, and not the meeting.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvitationOutput {
    /// The id, which is not the handle.
    pub id: String,
    /// The name that the creator gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// `open`, `locked`, `closed`, `revoking` or `revoked`.
    pub state: &'static str,
    /// RFC 3339, UTC.
    pub opens_at: String,
    /// RFC 3339, UTC: no token is issued after this time.
    pub closes_at: String,
    /// RFC 3339, UTC: the identities of the guests are deleted after this time.
    pub delete_at: String,
    /// How many devices it admits, and how many it has admitted.
    pub devices: InvitationDevicesOutput,
    /// The scopes of the guests' tokens.
    pub scopes: Scopes,
    /// Whether a new device must send a PIN.
    pub pin: bool,
    /// RFC 3339, UTC.
    pub created_at: String,
}

/// The places of an invitation.
#[derive(Serialize)]
pub struct InvitationDevicesOutput {
    /// How many devices the invitation admits.
    pub most: u8,
    /// How many it has admitted.
    pub used: usize,
}

impl InvitationOutput {
    /// The output for an invitation: its state depends on the time.
    #[must_use]
    pub fn new(invitation: &Invitation, now: SystemTime) -> Self {
        Self {
            id: invitation.id.as_str().to_owned(),
            reference: invitation.reference.as_ref().map(|text| text.expose().to_owned()),
            state: InvitationStatus::as_str(invitation.status(now)),
            opens_at: format_timestamp(invitation.opens_at),
            closes_at: format_timestamp(invitation.closes_at),
            delete_at: format_timestamp(invitation.delete_at),
            devices: InvitationDevicesOutput {
                most: invitation.most,
                used: invitation.devices.len(),
            },
            scopes: invitation.scopes.clone(),
            pin: invitation.wants_pin(),
            created_at: format_timestamp(invitation.created_at),
        }
    }
}

/// A new invitation, with what only this response has: the handle and the PIN.
///
/// It does not implement `Debug`, so it cannot be printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedInvitationOutput {
    /// A password for the invitation.
    pub handle: String,
    /// The link for the guest: the deployment's page with the handle as its fragment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_url: Option<String>,
    /// Six digits, if a PIN was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// The invitation.
    pub invitation: InvitationOutput,
}

impl CreatedInvitationOutput {
    /// The output for a new invitation. `page` is the page on which guests join.
    #[must_use]
    pub fn new(
        handle: &GuestHandle,
        pin: Option<&GuestPin>,
        page: Option<&str>,
        invitation: InvitationOutput,
    ) -> Self {
        Self {
            handle: handle.expose().to_owned(),
            // A fragment is not sent to the server of the page, and so is in no log there.
            join_url: page.map(|page| format!("{page}#{}", handle.expose())),
            pin: pin.map(|pin| pin.expose().to_owned()),
            invitation,
        }
    }
}

/// A page of invitations.
#[derive(Serialize)]
pub struct InvitationListOutput {
    /// The invitations.
    pub invitations: Vec<InvitationOutput>,
    /// The `cursor` of the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An invitation with its guests.
#[derive(Serialize)]
pub struct InvitationDetailsOutput {
    /// The invitation.
    #[serde(flatten)]
    pub invitation: InvitationOutput,
    /// One for each device that was admitted.
    pub guests: Vec<InvitedGuestOutput>,
    /// The receipt of the revocation, if there was one.
    pub receipts: Vec<InvitationReceiptOutput>,
}

/// A guest: a device that was admitted.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvitedGuestOutput {
    /// The name of the device within the invitation.
    pub device: String,
    /// The ACS identity, once it is created, until it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub communication_user_id: Option<AcsId>,
    /// RFC 3339, UTC.
    pub admitted_at: String,
    /// RFC 3339, UTC: the time of the last token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_issued_at: Option<String>,
    /// How far the revocation is, while the invitation is being revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation: Option<GuestRevocationOutput>,
}

/// How far the revocation of one guest is.
#[derive(Serialize)]
pub struct GuestRevocationOutput {
    /// `pending`, `stuck` or `confirmed`.
    pub state: &'static str,
    /// How often ACS refused it.
    pub failures: u8,
}

impl From<GuestRevocation> for GuestRevocationOutput {
    fn from(revocation: GuestRevocation) -> Self {
        match revocation {
            GuestRevocation::Confirmed => Self { state: "confirmed", failures: 0 },
            GuestRevocation::Pending { failures } => Self { state: "pending", failures },
            GuestRevocation::Stuck { failures } => Self { state: "stuck", failures },
        }
    }
}

/// The revocation of an invitation and of the tokens of its guests.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvitationReceiptOutput {
    /// The id of the revocation.
    pub receipt_id: ReceiptId,
    /// RFC 3339, UTC: no guest gets a token after this time.
    pub accepted_at: String,
    /// RFC 3339, UTC: the time at which ACS had confirmed the revocation for every guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
    /// RFC 3339, UTC: the time at which the revocation has reached every service of ACS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_by: Option<String>,
    /// How many devices were admitted and are blocked.
    pub identities: usize,
    /// The reason that the caller gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl InvitationReceiptOutput {
    /// The receipt of an invitation; `None` if it was not revoked.
    #[must_use]
    pub fn of(invitation: &Invitation) -> Option<Self> {
        let revocation: &InvitationRevocation = invitation.revocation.as_ref()?;
        Some(Self {
            receipt_id: revocation.receipt.clone(),
            accepted_at: format_timestamp(revocation.accepted_at),
            revoked_at: revocation.revoked_at.map(format_timestamp),
            effective_by: revocation.effective_by().map(format_timestamp),
            identities: invitation.devices.len(),
            reason: revocation.reason.clone(),
        })
    }
}

impl InvitationDetailsOutput {
    /// The output for an invitation and its guests.
    #[must_use]
    pub fn new(details: &InvitationDetails, now: SystemTime) -> Self {
        let guest = |one| InvitedGuestOutput::new(one, details.revocation(one));
        Self {
            invitation: InvitationOutput::new(&details.invitation, now),
            guests: details.guests.iter().map(guest).collect(),
            receipts: InvitationReceiptOutput::of(&details.invitation).into_iter().collect(),
        }
    }
}

impl InvitedGuestOutput {
    fn new(guest: &InvitedGuest, revocation: Option<GuestRevocation>) -> Self {
        let acs_id = guest.record.as_ref().and_then(|record| record.acs_id());
        Self {
            device: guest.device.as_str().to_owned(),
            communication_user_id: acs_id.cloned(),
            admitted_at: format_timestamp(guest.admitted_at),
            last_issued_at: guest
                .record
                .as_ref()
                .filter(|record| record.acs_id().is_some())
                .map(|record| format_timestamp(record.last_issued_at)),
            revocation: revocation.map(GuestRevocationOutput::from),
        }
    }
}

/// A guest's token, with the meeting that it is for.
///
/// It does not implement `Debug`, so it cannot be printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GuestTokenOutput {
    /// The token, as users get it.
    #[serde(flatten)]
    pub token: TokenOutput,
    /// The meeting.
    pub meeting: MeetingOutput,
    /// The name under which the guest should join.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// RFC 3339, UTC.
    pub opens_at: String,
    /// RFC 3339, UTC: no token is issued after this time.
    pub closes_at: String,
}

/// How a guest's app joins the meeting, as Microsoft's Calling SDK names it.
#[derive(Serialize)]
#[serde(untagged)]
pub enum MeetingOutput {
    /// By its link.
    #[serde(rename_all = "camelCase")]
    Link {
        /// The link.
        join_url: String,
    },
    /// By its ID.
    #[serde(rename_all = "camelCase")]
    Id {
        /// The ID.
        meeting_id: String,
        /// The passcode, if the meeting has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        passcode: Option<String>,
    },
}

impl From<&Meeting> for MeetingOutput {
    fn from(meeting: &Meeting) -> Self {
        match meeting {
            Meeting::Link(link) => Self::Link { join_url: link.expose().to_owned() },
            Meeting::Id { meeting_id, passcode } => Self::Id {
                meeting_id: meeting_id.expose().to_owned(),
                passcode: passcode.as_ref().map(|passcode| passcode.expose().to_owned()),
            },
        }
    }
}
