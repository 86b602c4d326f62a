use identity_core::{
    identity::AcsId,
    record::{By, Reason, Receipt, ReceiptId, Record, StateName},
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
    #[serde(skip_serializing_if = "Option::is_none")]
    receipts: Option<Vec<ReceiptOutput>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    communication_user_id: AcsId,
}

/// What was done about a user's tokens, and from when on it can be relied upon.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptOutput {
    receipt_id: ReceiptId,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<AcsId>,
    epoch: u64,
    blocked: bool,
    /// Who asked for it: `user`, `administrator`, or the type of an event.
    cause: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// RFC 3339, UTC: from then on nothing older was handed out.
    accepted_at: String,
    /// RFC 3339, UTC: when ACS had confirmed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    /// RFC 3339, UTC: when it has reached every service of ACS.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_by: Option<String>,
}

impl From<&Receipt> for ReceiptOutput {
    fn from(receipt: &Receipt) -> Self {
        let event_id = match &receipt.cause.by {
            By::Event { id, .. } => Some(id.clone()),
            By::User | By::Administrator => None,
        };
        Self {
            receipt_id: receipt.id.clone(),
            identity: receipt.identity.clone(),
            epoch: receipt.epoch,
            blocked: receipt.blocked,
            cause: receipt.cause.by.as_str(),
            event_id,
            reason: receipt.cause.reason.clone(),
            accepted_at: rfc3339(receipt.accepted_at),
            revoked_at: receipt.revoked_at.map(rfc3339),
            effective_by: receipt.effective_by().map(rfc3339),
        }
    }
}

impl IdentityOutput {
    /// With the last revocations, newest first: for administrators.
    #[must_use]
    pub fn with_receipts(record: &Record) -> Self {
        let receipts = record.receipts.iter().rev().map(ReceiptOutput::from).collect();
        Self { receipts: Some(receipts), ..Self::from(record) }
    }
}

impl From<&Record> for IdentityOutput {
    fn from(record: &Record) -> Self {
        Self {
            receipts: None,
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
