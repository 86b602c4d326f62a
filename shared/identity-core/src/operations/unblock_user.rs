//! Unblocks a user, who can then get tokens again.

use tracing::info;

use crate::model::{
    Actor, AuditAction, AuditEntry, Error, ExternalId, IdentityRef, Invocation, Origin, Record,
    State,
};
use crate::ports::{Change, Clock, IdentityStore, Step};
use crate::protocol::find_settled::find_settled;

/// Lifts every block older than now, whichever origin set it. An older "disabled" event that
/// arrives later has no effect. [`Error::NotFound`] if the user has no record; success if the
/// user is not blocked.
pub async fn unblock_user(
    store: &impl IdentityStore,
    clock: &impl Clock,
    identity: &IdentityRef,
    by: &ExternalId,
    invocation: &Invocation,
) -> Result<Record, Error> {
    for _ in 0..MAX_LOOKS {
        let seen = find_settled(store, clock, identity).await?.ok_or(Error::NotFound)?;
        if matches!(seen.state, State::Provisioning { .. }) {
            return Err(Error::busy());
        }
        let now = clock.now();
        let next = seen.unblocked(Origin::ADMINISTRATOR, now, now);
        let by = Actor::Administrator(by.clone());
        let audit = AuditEntry::of(&next, &invocation.id, by, AuditAction::UnblockUser, now);
        let step = Step::new(Some(&seen), &next).audited(Some(&audit));
        if let Change::Made(record) = store.commit(step).await? {
            info!(acs.id = record.acs_id().map(ToString::to_string), "user unblocked");
            return Ok(record);
        }
    }
    Err(Error::busy())
}

/// How often it retries when other requests change the record in the meantime.
const MAX_LOOKS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::State;
    use crate::testing::{CoreFixture, user};

    async fn unblock(fixture: &CoreFixture) -> Result<Record, Error> {
        let invocation = fixture.invocation("unblock");
        unblock_user(&fixture.store, &fixture.clock, &alice(), &user("root"), &invocation).await
    }

    fn alice() -> IdentityRef {
        IdentityRef::External(user("alice"))
    }

    #[tokio::test]
    async fn a_blocked_user_is_active_again_and_the_decision_is_dated() {
        let fixture = CoreFixture::where_alice_is(State::blocked("8:acs:1"));
        let record = unblock(&fixture).await.unwrap();
        assert_eq!(record.state, State::active("8:acs:1"));
        assert_eq!(record.decisions.newest(), Some(fixture.clock.now()));
        assert_eq!(fixture.alice(), Some(record));
    }

    #[tokio::test]
    async fn unblocking_a_user_who_is_not_blocked_is_recorded_and_loses_no_token() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let record = unblock(&fixture).await.unwrap();
        assert_eq!((record.epoch, record.decisions.newest()), (1, Some(fixture.clock.now())));
        assert_eq!(fixture.alice(), Some(record));
    }

    #[tokio::test]
    async fn an_unknown_user_is_not_found() {
        let fixture = CoreFixture::with([]);
        let unblocked = unblock(&fixture).await;
        assert!(matches!(unblocked, Err(Error::NotFound)));
    }
}
