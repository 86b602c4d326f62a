//! How an assignment is printed.

use api_types::PhoneAssignmentOutput;

use crate::report::Row;

impl Row for PhoneAssignmentOutput {
    const COLUMNS: &'static [&'static str] =
        &["tenant", "object", "kind", "state", "verified", "drift"];

    fn cells(&self) -> Vec<String> {
        let entry = self.entry.as_ref();
        let kind = entry.map(|entry| &entry.access).or(self.at_acs.as_ref());
        let verified = entry.map(|entry| match (&entry.not_verified_since, &entry.verified_at) {
            (Some(since), _) => format!("not since {since}"),
            (None, at) => at.clone().unwrap_or_default(),
        });
        vec![
            self.tenant_id.clone(),
            self.object_id.clone(),
            kind.map(|access| access.principal_type.clone()).unwrap_or_default(),
            entry.map(|entry| entry.state.to_owned()).unwrap_or_default(),
            verified.unwrap_or_default(),
            self.drift.unwrap_or_default().to_owned(),
        ]
    }
}
