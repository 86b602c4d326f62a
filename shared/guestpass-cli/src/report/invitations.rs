//! Invitations and guests as they are shown. Their JSON is that of the service's API.

use std::time::SystemTime;

use api_types::{
    CreatedInvitationOutput, GuestRevocationOutput, GuestTokenOutput, InvitationDetailsOutput,
    InvitationOutput, InvitationReceiptOutput, InvitedGuestOutput, MeetingOutput,
};

use identity_core::guest::Invitation;
use serde::Serialize;

use super::views::joined;
use crate::report::Row;

impl Row for InvitationOutput {
    const COLUMNS: &'static [&'static str] =
        &["id", "state", "devices", "opens", "closes", "deleted", "scopes", "PIN", "reference"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.state.to_owned(),
            format!("{} of {}", self.devices.used, self.devices.most),
            self.opens_at.clone(),
            self.closes_at.clone(),
            self.delete_at.clone(),
            joined(&self.scopes),
            if self.pin { "yes" } else { "" }.to_owned(),
            self.reference.clone().unwrap_or_default(),
        ]
    }
}

/// An invitation with its creator: an operator sees those of all callers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedInvitation {
    #[serde(flatten)]
    output: InvitationOutput,
    created_by: String,
}

impl ListedInvitation {
    /// An invitation as it is at a time.
    pub(crate) fn new(invitation: &Invitation, now: SystemTime) -> Self {
        let created_by = invitation.created_by.as_str().to_owned();
        Self { output: InvitationOutput::new(invitation, now), created_by }
    }
}

impl Row for ListedInvitation {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "state",
        "devices",
        "opens",
        "closes",
        "deleted",
        "scopes",
        "PIN",
        "reference",
        "by",
    ];
    const OPTIONAL: &'static [&'static str] = &["scopes", "deleted", "PIN", "opens"];

    fn cells(&self) -> Vec<String> {
        self.output.cells().into_iter().chain([self.created_by.clone()]).collect()
    }
}

impl Row for CreatedInvitationOutput {
    const COLUMNS: &'static [&'static str] =
        &["handle", "PIN", "link", "id", "state", "devices", "opens", "closes", "deleted"];

    fn cells(&self) -> Vec<String> {
        let own = [
            self.handle.clone(),
            self.pin.clone().unwrap_or_default(),
            self.join_url.clone().unwrap_or_default(),
        ];
        own.into_iter().chain(self.invitation.cells().into_iter().take(6)).collect()
    }

    fn variables(&self) -> Option<Vec<(&'static str, String)>> {
        let mut variables = vec![("GUEST_HANDLE", self.handle.clone())];
        variables.extend(self.pin.clone().map(|pin| ("GUEST_PIN", pin)));
        variables.extend(self.join_url.clone().map(|link| ("GUEST_LINK", link)));
        variables.push(("INVITATION_ID", self.invitation.id.clone()));
        Some(variables)
    }
}

impl Row for InvitationDetailsOutput {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "state",
        "devices",
        "opens",
        "closes",
        "deleted",
        "scopes",
        "PIN",
        "reference",
        "guests",
        "revoked",
    ];

    fn cells(&self) -> Vec<String> {
        let guest = |guest: &InvitedGuestOutput| {
            let name = guest.communication_user_id.as_ref().map(ToString::to_string);
            let name =
                name.unwrap_or_else(|| format!("device {} without an identity", guest.device));
            match &guest.revocation {
                Some(GuestRevocationOutput { state, failures }) if *failures > 0 => {
                    format!("{name} ({state}: ACS refused {failures} times)")
                }
                Some(GuestRevocationOutput { state, .. }) => format!("{name} ({state})"),
                None => name,
            }
        };
        let guests: Vec<String> = self.guests.iter().map(guest).collect();
        let revoked = self.receipts.first().map(|receipt| {
            receipt.revoked_at.clone().unwrap_or_else(|| "not yet confirmed by ACS".to_owned())
        });
        let more = [guests.join(" "), revoked.unwrap_or_default()];
        self.invitation.cells().into_iter().chain(more).collect()
    }
}

impl Row for InvitationReceiptOutput {
    const COLUMNS: &'static [&'static str] =
        &["receipt", "guests", "reason", "accepted", "revoked", "effective by"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.receipt_id.0.clone(),
            self.identities.to_string(),
            self.reason.as_ref().map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
            self.accepted_at.clone(),
            self.revoked_at.clone().unwrap_or_else(|| "not yet confirmed by ACS".to_owned()),
            self.effective_by.clone().unwrap_or_default(),
        ]
    }
}

impl Row for GuestTokenOutput {
    const COLUMNS: &'static [&'static str] =
        &["token", "ACS id", "scopes", "expires", "in", "meeting", "name", "closes"];

    fn cells(&self) -> Vec<String> {
        let meeting = match &self.meeting {
            MeetingOutput::Link { join_url } => join_url.clone(),
            MeetingOutput::Id { meeting_id, .. } => meeting_id.clone(),
        };
        let name = self.display_name.clone().unwrap_or_default();
        self.token.cells().into_iter().chain([meeting, name, self.closes_at.clone()]).collect()
    }

    fn variables(&self) -> Option<Vec<(&'static str, String)>> {
        self.token.variables()
    }
}
