//! Imports an identity that another application created in the same ACS resource: records whose
//! it is. ACS is not asked.

use crate::model::audit::{Actor, AuditAction, AuditEntry};
use crate::model::error::Error;
use crate::model::identity::{AcsId, ExternalId, Invocation};
use crate::model::record::{Record, State};
use crate::model::resource::ResourceName;
use crate::ports::{Change, Clock, IdentityStore, Step};

/// The result of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    /// The user has the identity now.
    Imported,
    /// The user had the identity before.
    AlreadyPresent,
    /// Nothing was changed.
    Conflict(ImportConflict),
}

/// Why an identity was not imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportConflict {
    /// The user has another identity, or one is being created.
    #[error("the user has another identity")]
    UserHasAnother,
    /// The user has no identity, but a record, which can refuse old bearers and tokens.
    #[error("the user's identity was deleted, or the user is blocked")]
    UserWithoutIdentity,
    /// The identity belongs to another user, or belonged to one and was deleted.
    #[error("the identity belongs to another user")]
    IdentityOfAnother,
    /// The user has the identity, but the record names another ACS resource.
    #[error("the record of the user names another ACS resource")]
    AnotherResource,
}

/// An identity to import.
#[derive(Clone, Copy, Debug)]
pub struct ImportedIdentity<'a> {
    /// The user who gets the identity.
    pub user: &'a ExternalId,
    /// The identity.
    pub acs_id: &'a AcsId,
    /// The ACS resource that the identity belongs to. ACS is not asked whether it does.
    pub resource: &'a ResourceName,
}

/// Records whose identity it is, unless the user has a record or the identity has a user. It never overwrites a record, and a repeated import changes nothing.
///
/// Do not import one identity for two users at once: the index of ACS IDs is eventually consistent,
/// so both can succeed. A second look after the write would have the same gap, and by then the user
/// may have a token, so the record could not be removed safely. Only a second item per identity
/// would exclude it, in each write that creates one.
pub async fn import_identity(
    store: &impl IdentityStore,
    clock: &impl Clock,
    imported: ImportedIdentity<'_>,
    by: &ExternalId,
    invocation: &Invocation,
) -> Result<ImportOutcome, Error> {
    let ImportedIdentity { user, acs_id, resource } = imported;
    if user.is_guest() {
        return Err(Error::ReservedExternalId);
    }
    if let Some(record) = store.find(user).await? {
        return Ok(compare(&record, imported));
    }
    if store.find_by_acs_id(acs_id).await?.is_some_and(|owner| owner != *user) {
        return Ok(ImportOutcome::Conflict(ImportConflict::IdentityOfAnother));
    }
    let now = clock.now();
    let state = State::Active { acs_id: acs_id.clone() };
    let resource = resource.clone();
    let next = Record { state, resource, epoch: 1, ..Record::unseen(user, now) };
    let by = Actor::Administrator(by.clone());
    let audit = AuditEntry::of(&next, &invocation.id, by, AuditAction::ImportIdentity, now);
    match store.commit(Step::new(None, &next).audited(Some(&audit))).await? {
        Change::Made(_) => Ok(ImportOutcome::Imported),
        Change::Refused(Some(record)) => Ok(compare(&record, imported)),
        Change::Refused(None) => Err(Error::busy()),
    }
}

fn compare(record: &Record, imported: ImportedIdentity<'_>) -> ImportOutcome {
    match record.acs_id() {
        Some(present) if present == imported.acs_id && record.resource == *imported.resource => {
            ImportOutcome::AlreadyPresent
        }
        Some(present) if present == imported.acs_id => {
            ImportOutcome::Conflict(ImportConflict::AnotherResource)
        }
        None if !matches!(record.state, State::Provisioning { .. }) => {
            ImportOutcome::Conflict(ImportConflict::UserWithoutIdentity)
        }
        _ => ImportOutcome::Conflict(ImportConflict::UserHasAnother),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use futures_util::FutureExt as _;

    use super::*;
    use crate::record::{Lease, LeaseId};
    use crate::testing::{CoreFixture, acs_id, record, resource, user};

    async fn import(fixture: &CoreFixture, name: &str, id: &str) -> ImportOutcome {
        import_into(fixture, name, id, &ResourceName::MAIN).await
    }

    async fn import_into(
        fixture: &CoreFixture,
        name: &str,
        id: &str,
        resource: &ResourceName,
    ) -> ImportOutcome {
        let invocation = fixture.invocation("import");
        let (store, clock) = (&fixture.store, &fixture.clock);
        let (user, acs_id, by) = (&user(name), &acs_id(id), user("root"));
        let imported = ImportedIdentity { user, acs_id, resource };
        import_identity(store, clock, imported, &by, &invocation).await.unwrap()
    }

    #[tokio::test]
    async fn an_imported_identity_stays_in_the_resource_that_it_was_imported_with() {
        let fixture = CoreFixture::with([]);
        let eu2 = resource("eu2");
        let import = async |resource| import_into(&fixture, "alice", "8:acs:1", resource).await;
        assert_eq!(import(&eu2).await, ImportOutcome::Imported);
        assert_eq!(fixture.alice().unwrap().resource, eu2);
        assert_eq!(import(&eu2).await, ImportOutcome::AlreadyPresent);
        let conflict = ImportOutcome::Conflict(ImportConflict::AnotherResource);
        assert_eq!(import(&ResourceName::MAIN).await, conflict);
        assert_eq!(fixture.alice().unwrap().resource, eu2);
    }

    #[tokio::test]
    async fn an_imported_identity_is_the_users_and_acs_is_not_asked() {
        let fixture = CoreFixture::with([]);
        assert_eq!(import(&fixture, "alice", "8:acs:1").await, ImportOutcome::Imported);
        let record = fixture.alice().unwrap();
        assert_eq!((&record.state, record.epoch), (&State::active("8:acs:1"), 1));
        assert_eq!(record.last_issued_at, fixture.clock.now(), "the cleanup spares it");
        assert_eq!(fixture.acs.calls(), []);
        assert_eq!(import(&fixture, "alice", "8:acs:1").await, ImportOutcome::AlreadyPresent);
        assert_eq!(fixture.alice().unwrap(), record);
    }

    #[tokio::test]
    async fn an_import_never_overwrites_a_record() {
        let conflict = ImportOutcome::Conflict;
        // The first request of the user is being served.
        let lease = Lease { id: LeaseId("l".to_owned()), ends: SystemTime::UNIX_EPOCH };
        for (state, outcome) in [
            (State::active("8:acs:2"), conflict(ImportConflict::UserHasAnother)),
            (State::Provisioning { lease }, conflict(ImportConflict::UserHasAnother)),
            (State::blocked("8:acs:1"), ImportOutcome::AlreadyPresent),
            (State::Blocked { acs_id: None }, conflict(ImportConflict::UserWithoutIdentity)),
            (State::Deleted, conflict(ImportConflict::UserWithoutIdentity)),
        ] {
            let fixture = CoreFixture::where_alice_is(state);
            let before = fixture.alice();
            assert_eq!(import(&fixture, "alice", "8:acs:1").await, outcome, "{before:?}");
            assert_eq!(fixture.alice(), before);
        }
    }

    /// A clock that another request uses between our read and our write.
    struct RacingClock<'a>(&'a CoreFixture, Record);

    impl Clock for RacingClock<'_> {
        fn now(&self) -> SystemTime {
            let Self(fixture, record) = self;
            fixture.store.advance(None, record).now_or_never().unwrap().unwrap();
            fixture.clock.now()
        }

        async fn sleep(&self, _: Duration) {}
    }

    #[tokio::test]
    async fn a_record_that_was_created_in_the_meantime_is_not_overwritten() {
        for (id, outcome) in [
            ("8:acs:1", ImportOutcome::AlreadyPresent),
            ("8:acs:2", ImportOutcome::Conflict(ImportConflict::UserHasAnother)),
        ] {
            let fixture = CoreFixture::with([]);
            let earlier = fixture.clock.now() - Duration::from_secs(1);
            let theirs = record("alice", State::active("8:acs:1"), earlier);
            let (clock, invocation) = (RacingClock(&fixture, theirs), fixture.invocation("import"));
            let (user, acs_id, by) = (&user("alice"), &acs_id(id), user("root"));
            let one = ImportedIdentity { user, acs_id, resource: &ResourceName::MAIN };
            let imported = import_identity(&fixture.store, &clock, one, &by, &invocation).await;
            assert_eq!(imported.unwrap(), outcome);
            assert_eq!(fixture.alice().unwrap().state, State::active("8:acs:1"));
        }
    }

    #[tokio::test]
    async fn an_import_has_an_entry_in_the_audit_log() {
        let fixture = CoreFixture::with([]);
        import(&fixture, "alice", "8:acs:1").await;
        let log = fixture.records.audit_log();
        assert_eq!(log.len(), 1);
        assert_eq!((log[0].action, &log[0].user), (AuditAction::ImportIdentity, &user("alice")));
    }

    #[tokio::test]
    async fn an_identity_of_another_user_is_not_imported() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let outcome = ImportOutcome::Conflict(ImportConflict::IdentityOfAnother);
        assert_eq!(import(&fixture, "bob", "8:acs:1").await, outcome);
        assert_eq!(fixture.store.find(&user("bob")).await.unwrap(), None);
    }
}
