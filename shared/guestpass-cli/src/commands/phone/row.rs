//! How an assignment is printed.

use api_types::PhoneAssignmentOutput;

use crate::report::Row;

impl Row for PhoneAssignmentOutput {
    const COLUMNS: &'static [&'static str] =
        &["tenant", "object", "kind", "state", "verified", "drift", "user"];
    // Most services have one tenant.
    const OPTIONAL: &'static [&'static str] = &["tenant", "kind"];

    fn cells(&self) -> Vec<String> {
        let entry = self.entry.as_ref();
        let kind = entry.map(|entry| &entry.access).or(self.at_acs.as_ref());
        vec![
            self.tenant_id.clone(),
            self.object_id.clone(),
            kind.map(|access| access.principal_type.clone()).unwrap_or_default(),
            entry.map(|entry| entry.state.to_owned()).unwrap_or_default(),
            entry.and_then(|entry| entry.verified_at.clone()).unwrap_or_default(),
            self.drift.unwrap_or_default().to_owned(),
            entry.and_then(|entry| entry.user.clone()).unwrap_or_default(),
        ]
    }
}
