//! The entries of the journal.

use serde::{Deserialize, Serialize};

use super::Assignment;
use crate::state::KeyMark;

/// An event of an identity. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub(crate) enum JournalEntry {
    IdentityCreated {
        id: String,
        at: i64,
    },
    /// Older journals do not have a token's time and its key.
    TokenIssued {
        id: String,
        #[serde(default)]
        at: i64,
        expires: i64,
        #[serde(default)]
        key: KeyMark,
    },
    TokensRevoked {
        id: String,
        #[serde(default)]
        at: i64,
    },
    IdentityDeleted {
        id: String,
        #[serde(default)]
        at: i64,
    },
    Assigned {
        name: String,
        assignment: Assignment,
    },
    Unassigned {
        name: String,
        #[serde(default)]
        at: i64,
    },
    #[serde(rename = "letIn")]
    AssignmentUsed {
        id: String,
        by: String,
    },
}

impl JournalEntry {
    /// When the event happened; `None` if the entry does not contain it.
    pub(super) fn at(&self) -> Option<i64> {
        match self {
            Self::IdentityCreated { at, .. }
            | Self::TokenIssued { at, .. }
            | Self::TokensRevoked { at, .. }
            | Self::IdentityDeleted { at, .. }
            | Self::Unassigned { at, .. } => Some(*at),
            Self::Assigned { .. } | Self::AssignmentUsed { .. } => None,
        }
    }
}
