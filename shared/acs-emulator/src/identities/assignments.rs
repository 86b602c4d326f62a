//! The assignments that let users exchange an Entra token, and the identities that used them.

use std::io;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Identities, Inner, key};
use crate::identity::millis;
use crate::journal::Event;
use crate::mri::Mri;
use crate::route::AssignmentKey;

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

impl Identities {
    pub(crate) fn assignment(&self, of: &AssignmentKey) -> Option<Assignment> {
        self.lock().assignments.get(&name(of)).cloned()
    }

    /// Creates or replaces an assignment, and returns whether it replaced one.
    pub(crate) fn assign(&self, of: &AssignmentKey, assignment: Assignment) -> io::Result<bool> {
        let mut inner = self.lock();
        let replaced = inner.assignments.contains_key(&name(of));
        inner.record(Event::Assigned { name: name(of), assignment })?;
        Ok(replaced)
    }

    /// Removes an assignment and ends the tokens of all users who got them by it. An unknown
    /// assignment is treated as removed.
    pub(crate) fn unassign(&self, of: &AssignmentKey, now: OffsetDateTime) -> io::Result<()> {
        let mut inner = self.lock();
        let name = name(of);
        if inner.assignments.contains_key(&name) {
            inner.record(Event::Unassigned { name, at: millis(now) })?;
        }
        Ok(())
    }

    /// Records the assignment by which an identity got its token, so that both end together.
    /// Returns whether the assignment still exists.
    pub(crate) fn record_assignment_use(&self, id: &Mri, by: &AssignmentKey) -> io::Result<bool> {
        let mut inner = self.lock();
        let by = name(by);
        let open = inner.assignments.contains_key(&by);
        if open {
            inner.record(Event::AssignmentUsed { id: key(id), by })?;
        }
        Ok(open)
    }
}

impl Inner {
    pub(super) fn end_assignment(&mut self, name: &str, at: i64) {
        self.assignments.remove(name);
        let came = |by: &Option<String>| by.as_deref() == Some(name);
        let ended: Vec<String> = self
            .known
            .iter()
            .filter(|(_, identity)| came(&identity.assigned_by))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ended {
            self.end_generation(&id, at, false);
        }
    }
}

/// The name of the assignment in the journal.
fn name(key: &AssignmentKey) -> String {
    format!("teams/{}/{}", key.tenant, key.object)
}
