//! Revoke access tokens: everything issued for an identity until now dies, and
//! with `block` its user gets nothing new.
//!
//! The order is what makes the promise: first the record (from then on no token
//! leaves), then ACS, then the confirmation, then the answer. "Recorded" is never
//! taken for "revoked".

use std::time::SystemTime;

use tracing::info;

use crate::{
    Error,
    get_identity::find,
    identity::{ExternalId, IdentityRef, Invocation},
    ports::{Change, Clock, IdentityClient, IdentityStore},
    record::{Cause, Order, Receipt, ReceiptId, Record, State},
    settle,
};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose tokens.
    pub identity: IdentityRef,
    /// Whether the user is cut off, too: no token until somebody unblocks them. A
    /// user who was never seen can be blocked by their external id.
    pub block: bool,
    /// Who wants it, and why.
    pub cause: Cause,
    /// The request being served.
    pub invocation: Invocation,
}

/// Revokes. `None` if there is nothing to revoke: the user has no identity, and is
/// not to be blocked.
///
/// An error means "assume the tokens live". What was recorded by then stays
/// recorded, and whoever meets it finishes it.
pub async fn revoke_access_tokens(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    request: Request,
) -> Result<Option<Receipt>, Error> {
    let Request { identity, block, cause, invocation } = request;
    let receipt = ReceiptId(invocation.id.clone());
    for _ in 0..MAX_LOOKS {
        let seen = find(store, &identity).await?;
        let user = match (&seen, &identity) {
            (Some(record), _) => record.external_id.clone(),
            (None, IdentityRef::External(user)) => user.clone(),
            (None, IdentityRef::Acs(_)) => return Ok(None),
        };
        let order =
            Order { receipt: receipt.clone(), at: clock.now(), block, cause: cause.clone() };
        let Some(next) = step(seen.as_ref(), &user, &order, clock.now()) else {
            return Ok(None);
        };
        if let Change::Made(recorded) = store.advance(seen.as_ref(), &next).await? {
            let kept = settle::finish(store, acs, clock, &recorded, &invocation).await?;
            info!(acs.id = recorded.acs_id().map(ToString::to_string), block, "revoked");
            // As whoever asks for it later will read it.
            let kept = kept.receipts.into_iter().rfind(|kept| kept.id == receipt);
            let receipt = kept.or_else(|| recorded.receipts.into_iter().next_back());
            return Ok(receipt.map(|mut receipt| {
                receipt.revoked_at.get_or_insert(clock.now());
                receipt
            }));
        }
    }
    Err(Error::busy())
}

/// The record after the revocation; `None` if it would change nothing.
fn step(
    seen: Option<&Record>,
    user: &ExternalId,
    order: &Order,
    now: SystemTime,
) -> Option<Record> {
    match seen {
        None | Some(Record { state: State::Deleted, .. }) if !order.block => None,
        None => Some(Record::unseen(user, now).revoked(order, now)),
        Some(record) => Some(record.revoked(order, now)),
    }
}

/// How often a revocation tries again when others change the record meanwhile.
const MAX_LOOKS: usize = 8;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        identity::AccessToken,
        record::{By, Lease, LeaseId, Reason, StateName},
        testing::{AcsCall, Loss, StoreCall, World, acs_id, an_hour, user},
    };

    async fn revoke(world: &World, block: bool) -> Result<Option<Receipt>, Error> {
        let identity = IdentityRef::External(user("alice"));
        let cause = Cause { by: By::Administrator, reason: Reason::parse("left the company") };
        let request = Request { identity, block, cause, invocation: world.invocation("receipt") };
        revoke_access_tokens(&world.store, &world.acs, &world.clock, request).await
    }

    async fn token(world: &World) -> AccessToken {
        let deadline = world.clock.now();
        world.acs.issue_access_token(&acs_id("8:acs:1"), &an_hour(), deadline).await.unwrap()
    }

    #[tokio::test]
    async fn every_token_dies_and_the_receipt_says_since_when() {
        let world = World::where_alice_is(State::active("8:acs:1"));
        let old = token(&world).await;
        let receipt = revoke(&world, false).await.unwrap().unwrap();
        assert!(!world.acs.is_alive(&old));
        assert_eq!(receipt.id, ReceiptId("receipt".to_owned()));
        assert_eq!(receipt.identity, Some(acs_id("8:acs:1")));
        assert_eq!((receipt.epoch, receipt.blocked), (2, false));
        assert_eq!(receipt.effective_by(), Some(world.clock.now() + Duration::from_mins(15)));
        let record = world.alice().unwrap();
        assert_eq!((record.epoch, record.pending_revocation), (2, None));
        assert_eq!(record.state, State::active("8:acs:1"));
        assert_eq!(record.receipts, [receipt], "and the record keeps it");
    }

    /// A clock that has moved on whenever somebody looks at it.
    struct Ticking(std::sync::atomic::AtomicU64);

    impl Clock for Ticking {
        fn now(&self) -> SystemTime {
            let seconds = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
        }

        async fn sleep(&self, _: Duration) {}
    }

    #[tokio::test]
    async fn the_receipt_is_the_one_that_is_kept_to_the_second() {
        let world = World::where_alice_is(State::active("8:acs:1"));
        let request = Request {
            identity: IdentityRef::External(user("alice")),
            block: false,
            cause: Cause::of(By::Administrator),
            invocation: world.invocation("receipt"),
        };
        let clock = Ticking(1.into());
        let receipt = revoke_access_tokens(&world.store, &world.acs, &clock, request).await;
        assert_eq!(world.alice().unwrap().receipts, [receipt.unwrap().unwrap()]);
    }

    #[tokio::test]
    async fn r13_revoking_twice_or_for_nobody_is_success() {
        let world = World::where_alice_is(State::active("8:acs:1"));
        assert!(revoke(&world, true).await.unwrap().is_some());
        assert_eq!(revoke(&world, false).await.unwrap().unwrap().epoch, 3);
        assert_eq!(world.alice().unwrap().state.name(), StateName::Blocked, "and stays blocked");
        for world in [World::with([]), World::where_alice_is(State::Deleted)] {
            assert_eq!(revoke(&world, false).await.unwrap(), None);
            assert_eq!(world.acs.calls(), []);
        }
    }

    #[tokio::test]
    async fn r13_unsure_is_an_error_and_the_record_remembers() {
        let world = World::where_alice_is(State::active("8:acs:1"));
        world.acs.fail(|_| {
            Some(Error::AcsUnavailable { maybe_applied: true, source: "no answer".into() })
        });
        assert!(matches!(revoke(&world, true).await, Err(Error::AcsUnavailable { .. })));
        let record = world.alice().unwrap();
        assert_eq!(record.state, State::blocked("8:acs:1"), "blocked from the first write on");
        assert!(record.pending_revocation.is_some());
    }

    #[tokio::test]
    async fn a_lost_confirmation_is_not_a_success() {
        let world = World::where_alice_is(State::active("8:acs:1"));
        let mut writes = 0;
        world.store.lose(move |call| {
            writes += u32::from(matches!(call, StoreCall::Advance(_)));
            (writes == 2).then_some(Loss::Request)
        });
        assert!(matches!(revoke(&world, false).await, Err(Error::StoreUnavailable(_))));
        assert!(world.alice().unwrap().pending_revocation.is_some());
    }

    #[tokio::test]
    async fn a_user_can_be_blocked_before_they_were_ever_seen() {
        let world = World::with([]);
        let receipt = revoke(&world, true).await.unwrap().unwrap();
        assert_eq!((receipt.identity, receipt.blocked), (None, true));
        assert_eq!(world.alice().unwrap().state, State::Blocked { acs_id: None });
        assert_eq!(world.acs.calls(), [], "there is nothing to revoke");
    }

    #[tokio::test]
    async fn a_reservation_does_not_survive_a_revocation() {
        for (block, expected) in [(false, State::Deleted), (true, State::Blocked { acs_id: None })]
        {
            let world = World::with([]);
            let ends = world.clock.now() + Duration::from_secs(15);
            let lease = Lease { id: LeaseId("other".to_owned()), ends };
            let reserved = Record::reserved(&user("alice"), None, lease, world.clock.now());
            world.store.advance(None, &reserved).await.unwrap();
            revoke(&world, block).await.unwrap();
            assert_eq!(world.alice().unwrap().state, expected);
        }
    }

    #[tokio::test]
    async fn revoking_on_the_way_out_finishes_the_deletion() {
        let world = World::where_alice_is(State::deleting("8:acs:1"));
        revoke(&world, true).await.unwrap();
        assert_eq!(world.acs.identities(), []);
        assert_eq!(world.alice().unwrap().state, State::Blocked { acs_id: None });
    }

    #[tokio::test]
    async fn an_unknown_acs_id_is_not_made_up() {
        let world = World::with([]);
        let identity = IdentityRef::Acs(acs_id("8:acs:unknown"));
        let cause = Cause::of(By::Administrator);
        let request = Request { identity, block: true, cause, invocation: world.invocation("r") };
        let revoked = revoke_access_tokens(&world.store, &world.acs, &world.clock, request).await;
        assert_eq!(revoked.unwrap(), None);
        assert_eq!(world.records.records(), []);
    }

    #[tokio::test]
    async fn a_revocation_is_recorded_before_acs_is_asked() {
        let world = World::where_alice_is(State::active("8:acs:1"));
        let records = world.records.clone();
        let (seen, at_acs) = std::sync::mpsc::channel();
        world.acs.while_answering(move || seen.send(records.records()).unwrap());
        revoke(&world, true).await.unwrap();
        let record = at_acs.recv().unwrap().remove(0);
        assert_eq!(record.state, State::blocked("8:acs:1"));
        assert!(record.pending_revocation.is_some());
        assert_eq!(record.receipts[0].revoked_at, None, "not revoked before ACS says so");
        assert_eq!(world.acs.calls(), [AcsCall::Revoke]);
    }
}
