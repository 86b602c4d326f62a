//! The JSON of an entry of the inventory of Teams Phone. Unknown members are ignored, because an
//! older version may run beside a newer one.

use std::time::{Duration, SystemTime};

use identity_core::identity::ExternalId;
use identity_core::phone::{Guid, PhoneEntry, PhoneState, PrincipalType, TeamsExtensionAssignment};
use serde::{Deserialize, Serialize};

use crate::item::milliseconds;

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryJson {
    tenant_id: Guid,
    object_id: Guid,
    principal_type: String,
    client_ids: Vec<Guid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    state: String,
    created_at: u64,
    assigned_at: u64,
    changed_at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verified_at: Option<u64>,
    by: String,
}

/// Serializes an entry, except its version.
pub(crate) fn write(entry: &PhoneEntry) -> String {
    let TeamsExtensionAssignment { tenant_id, object_id, principal_type, client_ids } =
        entry.assignment.clone();
    let json = EntryJson {
        tenant_id,
        object_id,
        principal_type: principal_type.as_str().to_owned(),
        client_ids,
        user: entry.user.as_ref().map(|user| user.as_str().to_owned()),
        state: entry.state.as_str().to_owned(),
        created_at: milliseconds(entry.created_at),
        assigned_at: milliseconds(entry.assigned_at),
        changed_at: milliseconds(entry.changed_at),
        verified_at: entry.verified_at.map(milliseconds),
        by: entry.by.clone(),
    };
    // Texts and numbers always have a JSON form.
    serde_json::to_string(&json).unwrap_or_default()
}

/// Parses an entry; `None` if it is invalid.
pub(crate) fn read(json: &str, version: u64) -> Option<PhoneEntry> {
    let json: EntryJson = serde_json::from_str(json).ok()?;
    let at = |millis| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis));
    Some(PhoneEntry {
        assignment: TeamsExtensionAssignment {
            tenant_id: json.tenant_id,
            object_id: json.object_id,
            principal_type: PrincipalType::parse(&json.principal_type)?,
            client_ids: json.client_ids,
        },
        user: json.user.map(|user| ExternalId::parse(&user).ok_or(())).transpose().ok()?,
        state: PhoneState::parse(&json.state)?,
        version,
        created_at: at(json.created_at)?,
        assigned_at: at(json.assigned_at)?,
        changed_at: at(json.changed_at)?,
        verified_at: json.verified_at.map(|millis| at(millis).ok_or(())).transpose().ok()?,
        by: json.by,
    })
}
