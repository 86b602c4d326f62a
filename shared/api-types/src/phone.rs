use std::time::{Duration, SystemTime};

use identity_core::phone::{PhoneEntry, PhonePrincipal, TeamsExtensionAssignment};
use serde::Serialize;

use crate::format_timestamp;

/// An assignment to Teams Phone.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhoneAssignmentOutput {
    /// The tenant of the principal.
    pub tenant_id: String,
    /// The object id of the principal.
    pub object_id: String,
    /// What the inventory has; absent if it does not have the assignment.
    #[serde(flatten)]
    pub entry: Option<PhoneEntryOutput>,
    /// What ACS has; absent if ACS was not asked, or does not have the assignment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_acs: Option<PhoneAccessOutput>,
    /// How the inventory and ACS differ; absent if they do not, or if ACS was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<&'static str>,
}

/// An entry of the inventory.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhoneEntryOutput {
    /// `assigning`, `assigned` or `removing`.
    pub state: &'static str,
    /// The kind of the principal and its apps.
    #[serde(flatten)]
    pub access: PhoneAccessOutput,
    /// The external id of the user who is the principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Who changed it last.
    pub by: String,
    /// RFC 3339, UTC: when the assignment was last requested.
    pub assigned_at: String,
    /// RFC 3339, UTC: when ACS last confirmed the assignment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<String>,
    /// RFC 3339, UTC: present if ACS has not confirmed the assignment for a week; since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_verified_since: Option<String>,
}

/// The kind of a principal, and the apps it may sign in with.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhoneAccessOutput {
    /// `user` or `resourceAccount`.
    pub principal_type: String,
    /// The ids of the Entra apps.
    pub client_ids: Vec<String>,
}

/// One page of the inventory.
#[derive(Serialize)]
pub struct PhoneAssignmentListOutput {
    /// The assignments.
    pub assignments: Vec<PhoneAssignmentOutput>,
    /// The cursor of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl PhoneAssignmentOutput {
    /// The output for an entry of the inventory.
    #[must_use]
    pub fn of(entry: &PhoneEntry, now: SystemTime) -> Self {
        Self::compared(&entry.principal(), Some(entry), None, None, now)
    }

    /// The output for an entry that was compared with ACS.
    #[must_use]
    pub fn compared(
        principal: &PhonePrincipal,
        entry: Option<&PhoneEntry>,
        at_acs: Option<&TeamsExtensionAssignment>,
        drift: Option<&'static str>,
        now: SystemTime,
    ) -> Self {
        Self {
            tenant_id: principal.tenant_id.to_string(),
            object_id: principal.object_id.to_string(),
            entry: entry.map(|entry| PhoneEntryOutput::of(entry, now)),
            at_acs: at_acs.map(PhoneAccessOutput::from),
            drift,
        }
    }
}

impl PhoneEntryOutput {
    fn of(entry: &PhoneEntry, now: SystemTime) -> Self {
        let known_at = entry.verified_at.unwrap_or(entry.assigned_at);
        let is_old = now.duration_since(known_at).unwrap_or_default() >= VERIFIED_FOR;
        Self {
            state: entry.state.as_str(),
            access: PhoneAccessOutput::from(&entry.assignment),
            user: entry.user.as_ref().map(|user| user.as_str().to_owned()),
            by: entry.by.clone(),
            assigned_at: format_timestamp(entry.assigned_at),
            verified_at: entry.verified_at.map(format_timestamp),
            not_verified_since: is_old.then(|| format_timestamp(known_at)),
        }
    }
}

impl From<&TeamsExtensionAssignment> for PhoneAccessOutput {
    fn from(assignment: &TeamsExtensionAssignment) -> Self {
        Self {
            principal_type: assignment.principal_type.to_string(),
            client_ids: assignment.client_ids.iter().map(ToString::to_string).collect(),
        }
    }
}

/// After this time, the inventory may no longer say what ACS has.
const VERIFIED_FOR: Duration = Duration::from_hours(7 * 24);
