use identity_core::event::EventSource;
use identity_core::identity::{AcsId, ExternalId};
use identity_core::record::{By, Reason, Receipt, ReceiptId, Record, StateName};
use serde::Serialize;

use crate::{TokenOutput, UserOutput, format_timestamp};

/// An identity.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityOutput {
    /// The external id of the user.
    pub external_id: String,
    /// The API always returns it. The operator's tool omits it for a user without an identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateName>,
    /// The ACS identity, once it is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserOutput>,
    /// The number of revocations, plus one.
    pub epoch: u64,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// RFC 3339, UTC: the time of the last token, or of the creation if no token was issued yet.
    pub last_issued_at: String,
    /// Whether ACS has yet to confirm a revocation.
    pub revocation_pending: bool,
    /// The name of its ACS resource. Only for administrators, and not in a list: no index has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Only for administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decisions: Option<Vec<DecisionOutput>>,
    /// RFC 3339, UTC: older bearer tokens are refused. Only for administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// Only for administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipts: Option<Vec<ReceiptOutput>>,
}

/// The last decision of one origin about whether the user is blocked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionOutput {
    /// `administrator`, or the name of an event source.
    pub origin: String,
    /// Whether the decision is to block.
    pub blocks: bool,
    /// Whether this decision blocks the user now: no unblock by an administrator overrides it.
    pub in_force: bool,
    /// RFC 3339, UTC.
    pub decided_at: String,
}

/// A revocation of the user's tokens, and the time from which it is guaranteed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptOutput {
    /// The id of the revocation.
    pub receipt_id: ReceiptId,
    /// The ACS identity whose tokens were revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<AcsId>,
    /// The epoch of the record after the revocation.
    pub epoch: u64,
    /// Whether the user was blocked as well.
    pub blocked: bool,
    /// The origin of the revocation: `user`, `administrator`, or the type of an event.
    pub cause: String,
    /// The administrator's external id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The event source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'static str>,
    /// The id of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// The reason that the administrator or the event gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// RFC 3339, UTC: the service returns no older token after this time.
    pub accepted_at: String,
    /// RFC 3339, UTC: the time at which ACS confirmed the revocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
    /// RFC 3339, UTC: the time at which the revocation has reached every service of ACS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_by: Option<String>,
}

/// An identity that was created or found, optionally with a token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedIdentityOutput {
    /// The identity.
    #[serde(flatten)]
    pub identity: IdentityOutput,
    /// The token, if it was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<TokenOutput>,
}

/// A page of identities.
#[derive(Serialize)]
pub struct IdentityListOutput {
    /// The identities.
    pub identities: Vec<IdentityOutput>,
    /// The `cursor` of the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl From<&Receipt> for ReceiptOutput {
    fn from(receipt: &Receipt) -> Self {
        let (by, source, event_id) = match &receipt.cause.by {
            By::User => (None, None, None),
            By::Administrator { id } => (id.as_ref(), None, None),
            By::Event { source, id, .. } => (None, *source, Some(id.clone())),
            By::Unknown { source, id, .. } => {
                (None, source.as_deref().and_then(EventSource::parse), id.clone())
            }
        };
        Self {
            receipt_id: receipt.id.clone(),
            identity: receipt.identity.clone(),
            epoch: receipt.epoch,
            blocked: receipt.blocked,
            cause: receipt.cause.by.as_str().to_owned(),
            by: by.map(|id: &ExternalId| id.as_str().to_owned()),
            source: source.map(EventSource::as_str),
            event_id,
            reason: receipt.cause.reason.clone(),
            accepted_at: format_timestamp(receipt.accepted_at),
            revoked_at: receipt.revoked_at.map(format_timestamp),
            effective_by: receipt.effective_by().map(format_timestamp),
        }
    }
}

impl IdentityOutput {
    /// For administrators: adds the name of the ACS resource.
    #[must_use]
    pub fn in_resource(self, record: &Record) -> Self {
        Self { resource: Some(record.resource.to_string()), ..self }
    }

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
            decided_at: format_timestamp(decision.at),
        });
        Self {
            decisions: Some(decisions.collect()),
            not_before: record.not_before.map(format_timestamp),
            receipts: Some(receipts),
            ..Self::from(record)
        }
    }
}

impl From<&Record> for IdentityOutput {
    fn from(record: &Record) -> Self {
        Self {
            resource: None,
            decisions: None,
            not_before: None,
            receipts: None,
            external_id: record.external_id.as_str().to_owned(),
            state: Some(record.state.name()),
            user: record.acs_id().map(UserOutput::from),
            epoch: record.epoch,
            created_at: format_timestamp(record.created_at),
            last_issued_at: format_timestamp(record.last_issued_at),
            revocation_pending: record.pending_revocation.is_some(),
        }
    }
}
