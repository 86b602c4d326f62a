//! The assignments that let users exchange their own Entra token.

use serde::{Deserialize, Serialize};

/// An assignment, as the service returns it and the journal stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Assignment {
    pub object_id: String,
    pub tenant_id: String,
    pub principal_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ids: Option<Vec<String>>,
}

impl Assignment {
    /// Whether it covers the application; an assignment without applications covers all of them.
    pub(crate) fn allows(&self, application: &str) -> bool {
        let named = self.client_ids.as_ref();
        named.is_none_or(|ids| ids.iter().any(|id| id.eq_ignore_ascii_case(application)))
    }
}
