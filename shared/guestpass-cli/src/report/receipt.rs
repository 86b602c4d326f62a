//! A receipt of a revocation, as it is shown. Its JSON is the same as in the service's API.

use identity_core::{
    event::EventSource,
    identity::AcsId,
    record::{self, By, ReceiptId},
};
use serde::Serialize;

use crate::report::{output::Row, timestamp};

/// A revocation, and the time from which it is guaranteed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptView {
    #[serde(rename = "receiptId")]
    id: ReceiptId,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<AcsId>,
    epoch: u64,
    blocked: bool,
    cause: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    accepted_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_by: Option<String>,
}

impl From<&record::Receipt> for ReceiptView {
    fn from(receipt: &record::Receipt) -> Self {
        Self {
            id: receipt.id.clone(),
            identity: receipt.identity.clone(),
            epoch: receipt.epoch,
            blocked: receipt.blocked,
            cause: receipt.cause.by.as_str(),
            by: match &receipt.cause.by {
                By::Administrator { id } => id.as_ref().map(|id| id.as_str().to_owned()),
                By::User | By::Event { .. } => None,
            },
            source: match &receipt.cause.by {
                By::Event { source, .. } => source.map(EventSource::as_str),
                By::User | By::Administrator { .. } => None,
            },
            event_id: match &receipt.cause.by {
                By::Event { id, .. } => Some(id.clone()),
                By::User | By::Administrator { .. } => None,
            },
            reason: receipt.cause.reason.as_ref().map(|reason| reason.as_str().to_owned()),
            accepted_at: timestamp::format(receipt.accepted_at),
            revoked_at: receipt.revoked_at.map(timestamp::format),
            effective_by: receipt.effective_by().map(timestamp::format),
        }
    }
}

impl Row for ReceiptView {
    const COLUMNS: &'static [&'static str] = &[
        "receipt",
        "ACS id",
        "epoch",
        "blocked",
        "cause",
        "by",
        "reason",
        "accepted",
        "revoked",
        "effective by",
    ];

    fn cells(&self) -> Vec<String> {
        let or_empty = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            self.id.0.clone(),
            self.identity.as_ref().map(ToString::to_string).unwrap_or_default(),
            self.epoch.to_string(),
            if self.blocked { "yes" } else { "no" }.to_owned(),
            self.cause.to_owned(),
            or_empty(&self.by),
            or_empty(&self.reason),
            self.accepted_at.clone(),
            self.revoked_at.clone().unwrap_or_else(|| "not yet confirmed by ACS".to_owned()),
            or_empty(&self.effective_by),
        ]
    }
}
