//! The records of all identities, which only change by journal entries.

use std::collections::HashMap;
use std::io;

use super::identity::{RevocationRules, StoredIdentity};
use super::{Assignment, Journal, JournalEntry};

/// All identities and assignments, and the journal that stores them, if there is one.
pub(super) struct Records {
    pub journal: Option<Journal>,
    pub known: HashMap<String, StoredIdentity>,
    pub rules: RevocationRules,
    pub assignments: HashMap<String, Assignment>,
}

impl Records {
    /// Writes the journal first: an event that cannot be stored did not happen.
    pub(super) fn record(&mut self, event: JournalEntry) -> io::Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.append(&event)?;
        }
        self.apply(event);
        Ok(())
    }

    pub(super) fn apply(&mut self, event: JournalEntry) {
        match event {
            JournalEntry::IdentityCreated { id, at } => {
                self.known.insert(id, StoredIdentity::new(at));
            }
            JournalEntry::TokenIssued { id, at, expires, key } => {
                if let Some(identity) = self.known.get_mut(&id) {
                    identity.issued(at, expires, key);
                }
            }
            JournalEntry::TokensRevoked { id, at } => self.end_generation(&id, at, false),
            JournalEntry::IdentityDeleted { id, at } => self.end_generation(&id, at, true),
            JournalEntry::Assigned { name, assignment } => {
                self.assignments.insert(name, assignment);
            }
            JournalEntry::Unassigned { name, at } => self.end_assignment(&name, at),
            JournalEntry::AssignmentUsed { id, by } => {
                if let Some(identity) = self.known.get_mut(&id) {
                    identity.assigned_by = Some(by);
                }
            }
        }
    }

    fn end_generation(&mut self, id: &str, at: i64, deleted: bool) {
        if let Some(identity) = self.known.get_mut(id) {
            identity.end_generation(at, deleted, self.rules);
        }
    }

    fn end_assignment(&mut self, name: &str, at: i64) {
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
