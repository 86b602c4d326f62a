//! A receipt of a revocation, as it is shown.

use api_types::ReceiptOutput;

use crate::report::Row;

impl Row for ReceiptOutput {
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
            self.receipt_id.0.clone(),
            self.identity.as_ref().map(ToString::to_string).unwrap_or_default(),
            self.epoch.to_string(),
            if self.blocked { "yes" } else { "no" }.to_owned(),
            self.cause.clone(),
            or_empty(&self.by),
            self.reason.as_ref().map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
            self.accepted_at.clone(),
            self.revoked_at.clone().unwrap_or_else(|| "not yet confirmed by ACS".to_owned()),
            or_empty(&self.effective_by),
        ]
    }
}
