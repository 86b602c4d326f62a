use std::time::SystemTime;

use crate::model::identity::Scopes;
use crate::model::{Meeting, Secret};
use crate::protocol::inviter::Inviter;

/// The parameters of the operation.
#[derive(Clone, Debug)]
pub struct CreateInvitationRequest {
    /// The meeting.
    pub meeting: Meeting,
    /// When the invitation opens; `None` for now.
    pub opens_at: Option<SystemTime>,
    /// When the invitation closes.
    pub closes_at: SystemTime,
    /// The name that the guest has in the meeting.
    pub display_name: Option<Secret>,
    /// The scopes of the tokens; `None` for all that the policy permits to guests.
    pub scopes: Option<Scopes>,
    /// The number of devices to admit; `None` for one.
    pub devices: Option<u64>,
    /// Whether a new device must send a PIN; `None` for what the policy says.
    pub pin: Option<bool>,
    /// How many hours after the end the identities are deleted; `None` for what the policy says.
    pub delete_after_hours: Option<u64>,
    /// The creator's own name for the invitation.
    pub reference: Option<Secret>,
    /// Who creates it.
    pub by: Inviter,
}
