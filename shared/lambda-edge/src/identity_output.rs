use identity_core::{
    event::EventSource,
    identity::{AcsId, ExternalId},
    record::{By, Reason, Receipt, ReceiptId, Record, StateName},
};
use serde::Serialize;

use crate::rfc3339;

/// An identity as the client gets it.
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
    /// RFC 3339, UTC: the time of the last token, or of the creation if no token was issued yet.
    last_issued_at: String,
    /// Whether ACS has yet to confirm a revocation.
    revocation_pending: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    decisions: Option<Vec<DecisionOutput>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipts: Option<Vec<ReceiptOutput>>,
}

/// The last decision of one origin about whether the user is blocked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DecisionOutput {
    /// `administrator`, or the name of an event source.
    origin: String,
    blocks: bool,
    /// Whether this decision blocks the user now: no unblock by an administrator overrides it.
    in_force: bool,
    /// RFC 3339, UTC.
    decided_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    communication_user_id: AcsId,
}

/// A revocation of the user's tokens, and the time from which it is guaranteed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptOutput {
    receipt_id: ReceiptId,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<AcsId>,
    epoch: u64,
    blocked: bool,
    /// The origin of the revocation: `user`, `administrator`, or the type of an event.
    cause: &'static str,
    /// The administrator's external id.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// The event source.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// RFC 3339, UTC: the service returns no older token after this time.
    accepted_at: String,
    /// RFC 3339, UTC: the time at which ACS confirmed the revocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    /// RFC 3339, UTC: the time at which the revocation has reached every service of ACS.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_by: Option<String>,
}

impl From<&Receipt> for ReceiptOutput {
    fn from(receipt: &Receipt) -> Self {
        let (by, source, event_id) = match &receipt.cause.by {
            By::User => (None, None, None),
            By::Administrator { id } => (id.as_ref(), None, None),
            By::Event { source, id, .. } => (None, *source, Some(id.clone())),
        };
        Self {
            receipt_id: receipt.id.clone(),
            identity: receipt.identity.clone(),
            epoch: receipt.epoch,
            blocked: receipt.blocked,
            cause: receipt.cause.by.as_str(),
            by: by.map(|id: &ExternalId| id.as_str().to_owned()),
            source: source.map(EventSource::as_str),
            event_id,
            reason: receipt.cause.reason.clone(),
            accepted_at: rfc3339(receipt.accepted_at),
            revoked_at: receipt.revoked_at.map(rfc3339),
            effective_by: receipt.effective_by().map(rfc3339),
        }
    }
}

impl IdentityOutput {
    /// For administrators: adds the decisions about blocking with their origins, and the last
    /// revocations, newest first.
    #[must_use]
    pub fn with_history(record: &Record) -> Self {
        let receipts = record.receipts.iter().rev().map(ReceiptOutput::from).collect();
        let in_force: Vec<_> = record.decisions.blocking().map(|(origin, _)| origin).collect();
        let decisions = record.decisions.iter().map(|(origin, decision)| DecisionOutput {
            origin: origin.as_str().to_owned(),
            blocks: decision.blocks,
            in_force: in_force.contains(&origin),
            decided_at: rfc3339(decision.at),
        });
        Self {
            decisions: Some(decisions.collect()),
            not_before: record.not_before.map(rfc3339),
            receipts: Some(receipts),
            ..Self::from(record)
        }
    }
}

impl From<&Record> for IdentityOutput {
    fn from(record: &Record) -> Self {
        Self {
            decisions: None,
            not_before: None,
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
