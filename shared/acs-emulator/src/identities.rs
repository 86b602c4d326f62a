//! The identities of the resource, and the journal that stores them.

mod assignments;

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use crate::identity::{Identity, RevocationRules, TokenState, from_millis, millis};
pub(crate) use assignments::Assignment;

use crate::journal::{Event, Journal};
use crate::keys::{KeyMark, KeyRing};
use crate::mri::Mri;

/// All identities, and the journal that stores them, if there is one.
pub(crate) struct Identities {
    inner: Mutex<Inner>,
}

/// An identity as the control API lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub id: Mri,
    pub created_at: OffsetDateTime,
    pub live_tokens: usize,
}

impl Identities {
    pub(crate) fn new(
        journal: Option<Journal>,
        events: Vec<Event>,
        rules: RevocationRules,
    ) -> Self {
        let mut inner =
            Inner { journal, known: HashMap::new(), rules, assignments: HashMap::new() };
        for event in events {
            inner.apply(event);
        }
        Self { inner: Mutex::new(inner) }
    }

    pub(crate) fn create(&self, id: &Mri, now: OffsetDateTime) -> io::Result<()> {
        self.lock().record(Event::IdentityCreated { id: key(id), at: millis(now) })
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
        let mut inner = self.lock();
        let exists = inner.known.get(id.as_str()).is_some_and(|identity| !identity.deleted);
        if !exists && !even_if_gone {
            return Ok(None);
        }
        if !inner.known.contains_key(id.as_str()) {
            inner.record(Event::IdentityCreated { id: key(id), at: millis(now) })?;
        }
        let (at, expires) = (millis(now), millis(expires));
        inner.record(Event::TokenIssued { id: key(id), at, expires, key: minted })?;
        Ok(inner.known.get(id.as_str()).map(Identity::generation))
    }

    /// Ends every token issued so far, and returns whether the identity exists. An unknown identity
    /// is treated as revoked.
    pub(crate) fn revoke(&self, id: &Mri, now: OffsetDateTime) -> io::Result<bool> {
        self.record_if_known(id, Event::TokensRevoked { id: key(id), at: millis(now) })
    }

    /// Deletes the identity and ends its tokens, and returns whether it existed. An unknown
    /// identity is treated as deleted.
    pub(crate) fn delete(&self, id: &Mri, now: OffsetDateTime) -> io::Result<bool> {
        self.record_if_known(id, Event::IdentityDeleted { id: key(id), at: millis(now) })
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
        let inner = self.lock();
        inner.known.get(id.as_str()).map_or(TokenState::IdentityUnknown, |identity| {
            identity.token_state(generation, millis(issued), millis(now), inner.rules)
        })
    }

    /// The existing identities, oldest first, and any deleted identity for which a token was issued
    /// afterwards. Teams users do not belong to the resource, so they are not listed.
    pub(crate) fn list(&self, now: OffsetDateTime, ring: &KeyRing) -> Vec<Listed> {
        let now = millis(now);
        let inner = self.lock();
        let mut listed: Vec<_> = inner
            .known
            .iter()
            .filter(|(id, _)| !Mri::names_teams_user(id))
            .map(|(id, identity)| {
                let live_tokens = identity.live_tokens(now, ring, inner.rules);
                let id = Mri::from_skype_id(id.strip_prefix("8:").unwrap_or(id));
                let created_at = from_millis(identity.created_at);
                (identity.deleted, Listed { id, created_at, live_tokens })
            })
            .filter(|(deleted, listed)| !deleted || listed.live_tokens > 0)
            .map(|(_, listed)| listed)
            .collect();
        listed.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        listed
    }

    /// Removes everything.
    pub(crate) fn clear(&self) -> io::Result<()> {
        let mut inner = self.lock();
        inner.known.clear();
        inner.assignments.clear();
        inner.journal.as_mut().map_or(Ok(()), Journal::clear)
    }

    fn record_if_known(&self, id: &Mri, event: Event) -> io::Result<bool> {
        let mut inner = self.lock();
        let Some(known) = inner.known.get(id.as_str()) else { return Ok(false) };
        let exists = !known.deleted;
        inner.record(event)?;
        Ok(exists)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Inner {
    journal: Option<Journal>,
    known: HashMap<String, Identity>,
    rules: RevocationRules,
    assignments: HashMap<String, Assignment>,
}

impl Inner {
    /// Writes the journal first: an event that cannot be stored did not happen.
    fn record(&mut self, event: Event) -> io::Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.append(&event)?;
        }
        self.apply(event);
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::IdentityCreated { id, at } => {
                self.known.insert(id, Identity::new(at));
            }
            Event::TokenIssued { id, at, expires, key } => {
                if let Some(identity) = self.known.get_mut(&id) {
                    identity.issued(at, expires, key);
                }
            }
            Event::TokensRevoked { id, at } => self.end_generation(&id, at, false),
            Event::IdentityDeleted { id, at } => self.end_generation(&id, at, true),
            Event::Assigned { name, assignment } => {
                self.assignments.insert(name, assignment);
            }
            Event::Unassigned { name, at } => self.end_assignment(&name, at),
            Event::AssignmentUsed { id, by } => {
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
}

fn key(id: &Mri) -> String {
    id.as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-05 07:08:09 UTC);

    const REVOKED: TokenState =
        TokenState::Ended { deleted: false, at: NOW, effective: NOW, pending: false };
    const DELETED: TokenState =
        TokenState::Ended { deleted: true, at: NOW, effective: NOW, pending: false };

    fn state(identities: &Identities, id: &Mri, generation: u64) -> TokenState {
        identities.token_state(id, generation, NOW, NOW)
    }

    fn ring() -> KeyRing {
        let keys = [(); 2].map(|()| crate::access_key::AccessKey::generate().unwrap());
        KeyRing { keys, retired: Vec::new() }
    }

    fn one() -> (Identities, Mri) {
        let (identities, id) =
            (Identities::new(None, Vec::new(), RevocationRules::default()), Mri::new("r", "a"));
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
    fn a_restart_knows_everything_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let open = || {
            let (journal, events) = Journal::open(&path).unwrap();
            Identities::new(Some(journal), events, RevocationRules::default())
        };
        let (kept, gone) = (Mri::new("r", "kept"), Mri::new("r", "gone"));
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
