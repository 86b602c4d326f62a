//! The identities of the resource and the lives of their tokens.
//!
//! A token belongs to the generation its identity had when it was issued.
//! Revoking and deleting begin a new generation, so the answer to "does it
//! still live" does not depend on seconds.

mod assignments;

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

pub(crate) use assignments::Assignment;

use crate::journal::{Event, Journal};
use crate::mri::Mri;

/// All identities, and the journal that keeps them if there is one.
pub(crate) struct Identities {
    inner: Mutex<Inner>,
}

/// What became of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenState {
    Live,
    Revoked,
    IdentityDeleted,
    /// Of an identity that a reset forgot.
    IdentityUnknown,
}

/// An identity as the control API lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub id: Mri,
    pub created_at: OffsetDateTime,
    pub live_tokens: usize,
}

/// What one preview tells of an identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Details {
    pub custom_id: Option<String>,
    pub last_token_at: Option<OffsetDateTime>,
}

impl Identities {
    pub(crate) fn new(journal: Option<Journal>, events: Vec<Event>) -> Self {
        let mut inner = Inner {
            journal,
            known: HashMap::new(),
            custom: HashMap::new(),
            assignments: HashMap::new(),
        };
        for event in events {
            inner.apply(event);
        }
        Self { inner: Mutex::new(inner) }
    }

    pub(crate) fn create(&self, id: &Mri, now: OffsetDateTime) -> io::Result<()> {
        self.lock().record(Event::IdentityCreated { id: key(id), at: millis(now) })
    }

    /// Gives the identity that has `custom_id`; if none has, creates `new` and
    /// lets that have it.
    pub(crate) fn create_once(
        &self,
        new: Mri,
        custom_id: &str,
        now: OffsetDateTime,
    ) -> io::Result<Mri> {
        let mut inner = self.lock();
        if let Some(id) = inner.custom.get(custom_id) {
            return Ok(Mri::from_skype_id(id.strip_prefix("8:").unwrap_or(id)));
        }
        inner.record(Event::IdentityCreated { id: key(&new), at: millis(now) })?;
        let custom_id = custom_id.to_owned();
        inner.record(Event::CustomIdGiven { id: key(&new), custom_id })?;
        Ok(new)
    }

    /// What is known of an identity that exists.
    pub(crate) fn details(&self, id: &Mri) -> Option<Details> {
        let inner = self.lock();
        let identity = inner.known.get(id.as_str()).filter(|identity| !identity.deleted)?;
        let last_token_at = identity.last_token_at.map(from_millis);
        Some(Details { custom_id: identity.custom_id.clone(), last_token_at })
    }

    /// Notes a token that will live until `expires`, and gives its generation;
    /// nothing if the identity was deleted or never created and `even_if_gone`
    /// does not say that this is no obstacle.
    pub(crate) fn issue(
        &self,
        id: &Mri,
        now: OffsetDateTime,
        expires: OffsetDateTime,
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
        inner.record(Event::TokenIssued {
            id: key(id),
            at: Some(millis(now)),
            expires: millis(expires),
        })?;
        Ok(inner.known.get(id.as_str()).map(|identity| identity.generation))
    }

    /// Ends the life of every token issued so far. Unknown is already revoked.
    pub(crate) fn revoke(&self, id: &Mri) -> io::Result<()> {
        self.record_if_known(id, Event::TokensRevoked { id: key(id) })
    }

    /// Ends the identity and its tokens. Unknown is already deleted.
    pub(crate) fn delete(&self, id: &Mri) -> io::Result<()> {
        self.record_if_known(id, Event::IdentityDeleted { id: key(id) })
    }

    /// Whether a token of `generation` still lives, its expiry aside.
    pub(crate) fn token_state(&self, id: &Mri, generation: u64) -> TokenState {
        match self.lock().known.get(id.as_str()) {
            None => TokenState::IdentityUnknown,
            Some(identity) if identity.generation == generation => TokenState::Live,
            Some(identity) if identity.deleted => TokenState::IdentityDeleted,
            Some(_) => TokenState::Revoked,
        }
    }

    /// The identities that exist, oldest first, and any deleted one for which
    /// a token was issued afterwards. Teams users are none of the resource's.
    pub(crate) fn list(&self, now: OffsetDateTime) -> Vec<Listed> {
        let now = millis(now);
        let inner = self.lock();
        let mut listed: Vec<_> = inner
            .known
            .iter()
            .filter(|(id, _)| !Mri::names_teams_user(id))
            .map(|(id, identity)| (identity.deleted, identity.listed(id, now)))
            .filter(|(deleted, listed)| !deleted || listed.live_tokens > 0)
            .map(|(_, listed)| listed)
            .collect();
        listed.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        listed
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) -> io::Result<()> {
        let mut inner = self.lock();
        inner.known.clear();
        inner.custom.clear();
        inner.assignments.clear();
        inner.journal.as_mut().map_or(Ok(()), Journal::clear)
    }

    fn record_if_known(&self, id: &Mri, event: Event) -> io::Result<()> {
        let mut inner = self.lock();
        if inner.known.contains_key(id.as_str()) { inner.record(event) } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Inner {
    journal: Option<Journal>,
    known: HashMap<String, Identity>,
    /// Identities by their custom ids.
    custom: HashMap<String, String>,
    assignments: HashMap<String, Assignment>,
}

impl Inner {
    /// Writes first: what cannot be kept did not happen.
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
                let identity = Identity { created_at: at, ..Identity::default() };
                self.known.insert(id, identity);
            }
            Event::TokenIssued { id, at, expires } => {
                if let Some(identity) = self.known.get_mut(&id) {
                    identity.last_token_at = at.or(identity.last_token_at);
                    identity.expiries.push(expires);
                }
            }
            Event::TokensRevoked { id } => self.end_generation(&id, false),
            Event::IdentityDeleted { id } => self.end_generation(&id, true),
            Event::CustomIdGiven { id, custom_id } => {
                if let Some(identity) = self.known.get_mut(&id) {
                    identity.custom_id = Some(custom_id.clone());
                    self.custom.insert(custom_id, id);
                }
            }
            Event::Assigned { name, assignment } => {
                self.assignments.insert(name, assignment);
            }
            Event::Unassigned { name } => self.end_assignment(&name),
            Event::LetIn { id, by } => {
                if let Some(identity) = self.known.get_mut(&id) {
                    identity.let_in_by = Some(by);
                }
            }
        }
    }

    fn end_generation(&mut self, id: &str, deleted: bool) {
        if let Some(identity) = self.known.get_mut(id) {
            identity.generation += 1;
            identity.expiries.clear();
            identity.deleted |= deleted;
            if deleted && let Some(custom_id) = identity.custom_id.take() {
                self.custom.remove(&custom_id);
            }
        }
    }
}

#[derive(Default)]
struct Identity {
    created_at: i64,
    generation: u64,
    /// Kept after deletion, so that its tokens are known to be dead.
    deleted: bool,
    /// When the tokens of this generation end. Ended ones stay: the clock may go back.
    expiries: Vec<i64>,
    last_token_at: Option<i64>,
    custom_id: Option<String>,
    /// The assignment by which its user last came by a token.
    let_in_by: Option<String>,
}

impl Identity {
    fn listed(&self, id: &str, now: i64) -> Listed {
        Listed {
            id: Mri::from_skype_id(id.strip_prefix("8:").unwrap_or(id)),
            created_at: from_millis(self.created_at),
            live_tokens: self.expiries.iter().filter(|expires| **expires > now).count(),
        }
    }
}

fn key(id: &Mri) -> String {
    id.as_str().to_owned()
}

fn millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn from_millis(millis: i64) -> OffsetDateTime {
    let nanos = i128::from(millis) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-05 07:08:09 UTC);

    fn one() -> (Identities, Mri) {
        let (identities, id) = (Identities::new(None, Vec::new()), Mri::new("r", "a"));
        identities.create(&id, NOW).unwrap();
        (identities, id)
    }

    fn issue(identities: &Identities, id: &Mri) -> Option<u64> {
        identities.issue(id, NOW, NOW + Duration::hours(1), false).unwrap()
    }

    #[test]
    fn a_revocation_ends_the_tokens_of_the_same_second_and_spares_the_next() {
        let (identities, id) = one();
        let before = issue(&identities, &id).unwrap();
        identities.revoke(&id).unwrap();
        let after = issue(&identities, &id).unwrap();
        assert_eq!(identities.token_state(&id, before), TokenState::Revoked);
        assert_eq!(identities.token_state(&id, after), TokenState::Live);
    }

    #[test]
    fn a_deleted_identity_gets_no_token_unless_that_is_asked_for() {
        let (identities, id) = one();
        let before = issue(&identities, &id).unwrap();
        identities.delete(&id).unwrap();
        assert_eq!(issue(&identities, &id), None);
        assert_eq!(identities.token_state(&id, before), TokenState::IdentityDeleted);
        assert!(identities.list(NOW).is_empty());

        let expires = NOW + Duration::hours(1);
        let after = identities.issue(&id, NOW, expires, true).unwrap().unwrap();
        assert_eq!(identities.token_state(&id, after), TokenState::Live);
        assert_eq!(identities.list(NOW).len(), 1);
    }

    #[test]
    fn live_tokens_are_counted_by_the_clock() {
        let (identities, id) = one();
        issue(&identities, &id);
        assert_eq!(identities.list(NOW)[0].live_tokens, 1);
        assert_eq!(identities.list(NOW + Duration::hours(1))[0].live_tokens, 0);
        assert_eq!(identities.list(NOW)[0].live_tokens, 1);
    }

    #[test]
    fn a_restart_knows_everything_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let open = || {
            let (journal, events) = Journal::open(&path).unwrap();
            Identities::new(Some(journal), events)
        };
        let (kept, gone) = (Mri::new("r", "kept"), Mri::new("r", "gone"));
        let first = open();
        first.create(&kept, NOW).unwrap();
        first.create(&gone, NOW).unwrap();
        let revoked = issue(&first, &kept).unwrap();
        first.revoke(&kept).unwrap();
        let live = issue(&first, &kept).unwrap();
        first.delete(&gone).unwrap();
        let listed = first.list(NOW);
        drop(first);

        let second = open();
        assert_eq!(second.list(NOW), listed);
        assert_eq!(second.token_state(&kept, revoked), TokenState::Revoked);
        assert_eq!(second.token_state(&kept, live), TokenState::Live);
        assert_eq!(second.token_state(&gone, 0), TokenState::IdentityDeleted);
        second.clear().unwrap();
        assert_eq!(open().token_state(&kept, live), TokenState::IdentityUnknown);
    }
}
