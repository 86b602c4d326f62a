//! Delete an identity, with its tokens and everything ACS keeps about it.

use tracing::info;

use crate::{
    Error,
    get_identity::find,
    identity::{AcsId, IdentityRef, Invocation},
    ports::{Change, Clock, IdentityClient, IdentityStore},
    record::{ReceiptId, State},
    settle,
};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which identity.
    pub identity: IdentityRef,
    /// The request being served.
    pub invocation: Invocation,
}

/// Deletes the identity, and says which it was. One that is gone already is success,
/// so that a repeated request is.
///
/// A user who was blocked stays blocked.
pub async fn delete_identity(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    request: Request,
) -> Result<Option<AcsId>, Error> {
    let Request { identity, invocation } = request;
    for _ in 0..MAX_LOOKS {
        let Some(seen) = find(store, &identity).await? else { return Ok(None) };
        let acs_id = seen.acs_id().cloned();
        if matches!(seen.state, State::Deleting { .. }) {
            settle::finish(store, acs, clock, &seen, &invocation).await?;
            return Ok(acs_id);
        }
        let by = ReceiptId(invocation.id.clone());
        let Some(next) = seen.marked_for_deletion(&by, clock.now()) else { return Ok(None) };
        if let Change::Made(marked) = store.advance(Some(&seen), &next).await? {
            settle::finish(store, acs, clock, &marked, &invocation).await?;
            info!(acs.id = acs_id.as_ref().map(ToString::to_string), "deleted the identity");
            return Ok(acs_id);
        }
    }
    Err(Error::busy())
}

/// How often a deletion tries again when others change the record meanwhile.
const MAX_LOOKS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{AcsCall, World, acs_id, user};

    async fn delete(world: &World) -> Result<Option<AcsId>, Error> {
        let identity = IdentityRef::External(user("alice"));
        let request = Request { identity, invocation: world.invocation("delete") };
        delete_identity(&world.store, &world.acs, &world.clock, request).await
    }

    #[tokio::test]
    async fn the_identity_goes_and_a_tombstone_stays() {
        let world = World::where_alice_is(State::active("8:acs:1"));
        delete(&world).await.unwrap();
        assert_eq!(world.acs.identities(), []);
        assert_eq!(world.alice().unwrap().state, State::Deleted);
    }

    #[tokio::test]
    async fn r07_deleting_twice_or_nobody_is_success() {
        let world = World::where_alice_is(State::active("8:acs:1"));
        delete(&world).await.unwrap();
        delete(&world).await.unwrap();
        assert_eq!(world.acs.calls(), [AcsCall::Delete]);
        delete(&World::with([])).await.unwrap();
    }

    #[tokio::test]
    async fn a_deletion_somebody_else_began_is_finished() {
        let world = World::where_alice_is(State::deleting("8:acs:1"));
        delete(&world).await.unwrap();
        assert_eq!(world.acs.identities(), []);
        assert_eq!(world.alice().unwrap().state, State::Deleted);
    }

    #[tokio::test]
    async fn if_acs_fails_the_mark_stays_and_the_next_call_finishes() {
        let world = World::where_alice_is(State::active("8:acs:1"));
        let mut first = true;
        world.acs.fail(move |_| {
            std::mem::take(&mut first)
                .then(|| Error::AcsUnavailable { maybe_applied: true, source: "no answer".into() })
        });
        assert!(matches!(delete(&world).await, Err(Error::AcsUnavailable { .. })));
        assert_eq!(world.alice().unwrap().state, State::deleting("8:acs:1"));
        delete(&world).await.unwrap();
        assert_eq!(world.alice().unwrap().state, State::Deleted);
    }

    #[tokio::test]
    async fn a_blocked_user_stays_blocked_when_their_identity_is_deleted() {
        let world = World::where_alice_is(State::blocked("8:acs:1"));
        delete(&world).await.unwrap();
        assert_eq!(world.acs.identities(), []);
        assert_eq!(world.alice().unwrap().state, State::Blocked { acs_id: None });
        delete(&world).await.unwrap();
        assert_eq!(world.alice().unwrap().state, State::Blocked { acs_id: None });
    }

    #[tokio::test]
    async fn an_identity_can_be_named_by_its_acs_id_and_an_unknown_one_is_gone_already() {
        let world = World::where_alice_is(State::active("8:acs:1"));
        for id in ["8:acs:unknown", "8:acs:1", "8:acs:1"] {
            let identity = IdentityRef::Acs(acs_id(id));
            let request = Request { identity, invocation: world.invocation("delete") };
            delete_identity(&world.store, &world.acs, &world.clock, request).await.unwrap();
        }
        assert_eq!(world.acs.calls(), [AcsCall::Delete]);
    }
}
