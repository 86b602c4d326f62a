//! The identities of the resource, and the journal that stores them.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use super::identity::{RevocationRules, StoredIdentity, TokenState, from_millis, millis};
use super::records::Records;
use super::{Assignment, Journal, JournalEntry};
use crate::api::{AssignmentKey, Mri};
use crate::state::{KeyMark, KeyRing};

/// All identities, and the journal that stores them, if there is one.
pub(crate) struct Identities {
    records: Mutex<Records>,
}

/// An identity as the control API lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedIdentity {
    pub id: Mri,
    pub created_at: OffsetDateTime,
    pub live_tokens: usize,
}

impl Identities {
    pub(crate) fn new(
        journal: Option<Journal>,
        events: Vec<JournalEntry>,
        rules: RevocationRules,
    ) -> Self {
        let mut records =
            Records { journal, known: HashMap::new(), rules, assignments: HashMap::new() };
        for event in events {
            records.apply(event);
        }
        Self { records: Mutex::new(records) }
    }

    pub(crate) fn create(&self, id: &Mri, now: OffsetDateTime) -> io::Result<()> {
        self.lock().record(JournalEntry::IdentityCreated { id: key(id), at: millis(now) })
    }

    /// Records a token that expires at `expires` and was issued with the key `minted`, and returns
    /// its generation. Returns `None` if the identity was deleted or never created, unless
    /// `even_if_gone`.
    pub(crate) fn issue(
        &self,
        id: &Mri,
        now: OffsetDateTime,
        expires: OffsetDateTime,
        minted: KeyMark,
        even_if_gone: bool,
    ) -> io::Result<Option<u64>> {
        let mut records = self.lock();
        let exists = records.known.get(id.as_str()).is_some_and(|identity| !identity.deleted);
        if !exists && !even_if_gone {
            return Ok(None);
        }
        if !records.known.contains_key(id.as_str()) {
            records.record(JournalEntry::IdentityCreated { id: key(id), at: millis(now) })?;
        }
        let (at, expires) = (millis(now), millis(expires));
        records.record(JournalEntry::TokenIssued { id: key(id), at, expires, key: minted })?;
        Ok(records.known.get(id.as_str()).map(StoredIdentity::generation))
    }

    /// Ends every token issued so far, and returns whether the identity exists. An unknown identity
    /// is treated as revoked.
    pub(crate) fn revoke(&self, id: &Mri, now: OffsetDateTime) -> io::Result<bool> {
        self.record_if_known(id, JournalEntry::TokensRevoked { id: key(id), at: millis(now) })
    }

    /// Deletes the identity and ends its tokens, and returns whether it existed. An unknown
    /// identity is treated as deleted.
    pub(crate) fn delete(&self, id: &Mri, now: OffsetDateTime) -> io::Result<bool> {
        self.record_if_known(id, JournalEntry::IdentityDeleted { id: key(id), at: millis(now) })
    }

    /// Whether a token of `generation`, issued at `issued`, is valid at `now`, apart from its
    /// expiry and its key.
    pub(crate) fn token_state(
        &self,
        id: &Mri,
        generation: u64,
        issued: OffsetDateTime,
        now: OffsetDateTime,
    ) -> TokenState {
        let records = self.lock();
        records.known.get(id.as_str()).map_or(TokenState::IdentityUnknown, |identity| {
            identity.token_state(generation, millis(issued), millis(now), records.rules)
        })
    }

    /// The existing identities, oldest first, and any deleted identity for which a token was issued
    /// afterwards. Teams users do not belong to the resource, so they are not listed.
    pub(crate) fn list(&self, now: OffsetDateTime, ring: &KeyRing) -> Vec<ListedIdentity> {
        let now = millis(now);
        let records = self.lock();
        let mut listed: Vec<_> = records
            .known
            .iter()
            .filter(|(id, _)| !Mri::names_teams_user(id))
            .map(|(id, identity)| {
                let live_tokens = identity.live_tokens(now, ring, records.rules);
                let id = Mri::from_skype_id(id.strip_prefix("8:").unwrap_or(id));
                let created_at = from_millis(identity.created_at);
                (identity.deleted, ListedIdentity { id, created_at, live_tokens })
            })
            .filter(|(deleted, listed)| !deleted || listed.live_tokens > 0)
            .map(|(_, listed)| listed)
            .collect();
        listed.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        listed
    }

    pub(crate) fn assignment(&self, of: &AssignmentKey) -> Option<Assignment> {
        self.lock().assignments.get(&of.name()).cloned()
    }

    /// Creates or replaces an assignment, and returns whether it replaced one.
    pub(crate) fn assign(&self, of: &AssignmentKey, assignment: Assignment) -> io::Result<bool> {
        let mut records = self.lock();
        let replaced = records.assignments.contains_key(&of.name());
        records.record(JournalEntry::Assigned { name: of.name(), assignment })?;
        Ok(replaced)
    }

    /// Removes an assignment and ends the tokens of all users who got them by it. An unknown
    /// assignment is treated as removed.
    pub(crate) fn unassign(&self, of: &AssignmentKey, now: OffsetDateTime) -> io::Result<()> {
        let mut records = self.lock();
        let name = of.name();
        if records.assignments.contains_key(&name) {
            records.record(JournalEntry::Unassigned { name, at: millis(now) })?;
        }
        Ok(())
    }

    /// Records the assignment by which an identity got its token, so that both end together.
    /// Returns whether the assignment still exists.
    pub(crate) fn record_assignment_use(&self, id: &Mri, by: &AssignmentKey) -> io::Result<bool> {
        let mut records = self.lock();
        let by = by.name();
        let open = records.assignments.contains_key(&by);
        if open {
            records.record(JournalEntry::AssignmentUsed { id: key(id), by })?;
        }
        Ok(open)
    }

    /// Removes everything.
    pub(crate) fn clear(&self) -> io::Result<()> {
        let mut records = self.lock();
        records.known.clear();
        records.assignments.clear();
        records.journal.as_mut().map_or(Ok(()), Journal::clear)
    }

    fn record_if_known(&self, id: &Mri, event: JournalEntry) -> io::Result<bool> {
        let mut records = self.lock();
        let Some(known) = records.known.get(id.as_str()) else { return Ok(false) };
        let exists = !known.deleted;
        records.record(event)?;
        Ok(exists)
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(id: &Mri) -> String {
    id.as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;
    use crate::cloud::Cloud;

    const NOW: OffsetDateTime = datetime!(2026-03-05 07:08:09 UTC);

    const REVOKED: TokenState =
        TokenState::Ended { deleted: false, at: NOW, effective: NOW, pending: false };
    const DELETED: TokenState =
        TokenState::Ended { deleted: true, at: NOW, effective: NOW, pending: false };

    fn state(identities: &Identities, id: &Mri, generation: u64) -> TokenState {
        identities.token_state(id, generation, NOW, NOW)
    }

    fn ring() -> KeyRing {
        let keys = [(); 2].map(|()| crate::state::ResourceKey::generate().unwrap());
        KeyRing { keys, retired: Vec::new() }
    }

    fn one() -> (Identities, Mri) {
        let (identities, id) = (
            Identities::new(None, Vec::new(), RevocationRules::default()),
            Mri::new(Cloud::Public, "r", "a"),
        );
        identities.create(&id, NOW).unwrap();
        (identities, id)
    }

    fn issue(identities: &Identities, id: &Mri) -> Option<u64> {
        identities.issue(id, NOW, NOW + Duration::hours(1), KeyMark::default(), false).unwrap()
    }

    #[test]
    fn a_revocation_ends_the_tokens_of_the_same_second_and_spares_the_next() {
        let (identities, id) = one();
        let before = issue(&identities, &id).unwrap();
        identities.revoke(&id, NOW).unwrap();
        let after = issue(&identities, &id).unwrap();
        assert_eq!(state(&identities, &id, before), REVOKED);
        assert_eq!(state(&identities, &id, after), TokenState::Live);
    }

    #[test]
    fn a_deleted_identity_gets_no_token_unless_that_is_asked_for() {
        let (identities, id) = one();
        let before = issue(&identities, &id).unwrap();
        identities.delete(&id, NOW).unwrap();
        assert_eq!(issue(&identities, &id), None);
        assert_eq!(state(&identities, &id, before), DELETED);
        assert!(identities.list(NOW, &ring()).is_empty());

        let expires = NOW + Duration::hours(1);
        let after = identities.issue(&id, NOW, expires, KeyMark::default(), true).unwrap().unwrap();
        assert_eq!(state(&identities, &id, after), TokenState::Live);
        assert_eq!(identities.list(NOW, &ring()).len(), 1);
    }

    #[test]
    fn live_tokens_are_counted_by_the_clock() {
        let (identities, id) = one();
        issue(&identities, &id);
        assert_eq!(identities.list(NOW, &ring())[0].live_tokens, 1);
        assert_eq!(identities.list(NOW + Duration::hours(1), &ring())[0].live_tokens, 0);
        assert_eq!(identities.list(NOW, &ring())[0].live_tokens, 1);
    }

    #[test]
    fn a_restart_restores_all_identities() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let open = || {
            let (journal, events) = Journal::open(&path, NOW).unwrap();
            Identities::new(Some(journal), events, RevocationRules::default())
        };
        let (kept, gone) =
            (Mri::new(Cloud::Public, "r", "kept"), Mri::new(Cloud::Public, "r", "gone"));
        let first = open();
        first.create(&kept, NOW).unwrap();
        first.create(&gone, NOW).unwrap();
        let revoked = issue(&first, &kept).unwrap();
        first.revoke(&kept, NOW).unwrap();
        let live = issue(&first, &kept).unwrap();
        first.delete(&gone, NOW).unwrap();
        let listed = first.list(NOW, &ring());
        drop(first);

        let second = open();
        assert_eq!(second.list(NOW, &ring()), listed);
        assert_eq!(state(&second, &kept, revoked), REVOKED);
        assert_eq!(state(&second, &kept, live), TokenState::Live);
        assert_eq!(state(&second, &gone, 0), DELETED);
        second.clear().unwrap();
        assert_eq!(state(&open(), &kept, live), TokenState::IdentityUnknown);
    }
}
