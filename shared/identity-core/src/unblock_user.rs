//! Unblock a user: they get tokens again.

use tracing::info;

use crate::{
    Error,
    get_identity::find,
    identity::IdentityRef,
    ports::{Change, Clock, IdentityStore},
    record::{Record, State},
};

/// Lifts the block, whoever set it, as decided now: an older "disabled" that is still
/// on its way changes nothing. [`Error::NotFound`] if nothing is known about the user; one
/// who is not blocked is success.
pub async fn unblock_user(
    store: &impl IdentityStore,
    clock: &impl Clock,
    identity: &IdentityRef,
) -> Result<Record, Error> {
    for _ in 0..MAX_LOOKS {
        let seen = find(store, identity).await?.ok_or(Error::NotFound)?;
        if matches!(seen.state, State::Provisioning { .. }) {
            return Err(Error::busy());
        }
        let next = seen.unblocked(clock.now(), clock.now());
        if let Change::Made(record) = store.advance(Some(&seen), &next).await? {
            info!(acs.id = record.acs_id().map(ToString::to_string), "unblocked the user");
            return Ok(record);
        }
    }
    Err(Error::busy())
}

/// How often it tries again when others change the record meanwhile.
const MAX_LOOKS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::State,
        testing::{World, user},
    };

    fn alice() -> IdentityRef {
        IdentityRef::External(user("alice"))
    }

    #[tokio::test]
    async fn a_blocked_user_is_active_again_and_the_decision_is_dated() {
        let world = World::where_alice_is(State::blocked("8:acs:1"));
        let record = unblock_user(&world.store, &world.clock, &alice()).await.unwrap();
        assert_eq!(record.state, State::active("8:acs:1"));
        assert_eq!(record.decided_at, Some(world.clock.now()));
        assert_eq!(world.alice(), Some(record));
    }

    #[tokio::test]
    async fn unblocking_somebody_who_is_not_blocked_is_a_decision_too_and_no_token_is_lost() {
        let world = World::where_alice_is(State::active("8:acs:1"));
        let record = unblock_user(&world.store, &world.clock, &alice()).await.unwrap();
        assert_eq!((record.epoch, record.decided_at), (1, Some(world.clock.now())));
        assert_eq!(world.alice(), Some(record));
    }

    #[tokio::test]
    async fn nobody_is_not_found() {
        let world = World::with([]);
        let nobody = unblock_user(&world.store, &world.clock, &alice()).await;
        assert!(matches!(nobody, Err(Error::NotFound)));
    }
}
