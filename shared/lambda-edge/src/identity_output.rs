use identity_core::{
    identity::AcsId,
    record::{Record, StateName},
};
use serde::Serialize;

use crate::rfc3339;

/// An identity, as the client sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityOutput {
    external_id: String,
    state: StateName,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User>,
    epoch: u64,
    /// RFC 3339, UTC.
    created_at: String,
    /// RFC 3339, UTC: the last token, or the creation if there was none yet.
    last_issued_at: String,
    /// Whether ACS has still to confirm a revocation.
    revocation_pending: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    communication_user_id: AcsId,
}

impl From<&Record> for IdentityOutput {
    fn from(record: &Record) -> Self {
        Self {
            external_id: record.external_id.as_str().to_owned(),
            state: record.state.name(),
            user: record.acs_id().map(|acs_id| User { communication_user_id: acs_id.clone() }),
            epoch: record.epoch,
            created_at: rfc3339(record.created_at),
            last_issued_at: rfc3339(record.last_issued_at),
            revocation_pending: record.pending_revocation.is_some(),
        }
    }
}
