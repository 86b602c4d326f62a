//! Deletes an identity, with its tokens and all its data in ACS.

use tracing::info;

use crate::model::{
    AcsId, Actor, AuditAction, AuditEntry, Bearer, By, CutOff, Error, IdentityRef, Invocation,
    ReceiptId, Record, State, admit_bearer,
};
use crate::ports::{Change, Clock, IdentityClients, IdentityStore, Step};
use crate::protocol::find_settled::find_settled;
use crate::protocol::finish_pending;

/// The parameters of the operation.
#[derive(Clone, Debug)]
pub struct DeleteIdentityRequest {
    /// The identity to delete.
    pub identity: IdentityRef,
    /// The requester of the deletion.
    pub by: By,
    /// The bearer token of a user who deletes their own account; `None` for other callers.
    pub bearer: Option<Bearer>,
    /// What to do if no resource that is configured knows the identity.
    pub if_foreign: IfForeign,
    /// The request being served.
    pub invocation: Invocation,
}

/// What to do if ACS says that the identity belongs to another resource, or if the resource of its
/// record is not configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfForeign {
    /// Return the error. The identity may exist in the other resource, with tokens that are valid.
    Refuse,
    /// Take it for deleted. Only an operator can know that its resource was deleted in Azure.
    Gone,
}

/// Deletes the identity and returns its ID. The call succeeds if the identity no longer exists,
/// so that it can be repeated.
///
/// A bearer token from before a cut-off cannot delete an identity that was created after it. If
/// there is nothing left to delete, the call is a repeated request and succeeds.
///
/// A blocked user stays blocked. Bearer tokens from before the deletion are refused: only a new
/// sign-in of the user creates a new identity, not the next call of the app.
pub async fn delete_identity(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    request: DeleteIdentityRequest,
) -> Result<Option<AcsId>, Error> {
    let invocation = &request.invocation;
    let receipt = ReceiptId(invocation.id.clone());
    for _ in 0..MAX_LOOKS {
        let now = clock.now();
        let seen = find_settled(store, clock, &request.identity).await?;
        let before = match (&seen, &request.identity, &request.by) {
            (Some(seen), ..) => seen.clone(),
            // A user without an identity also expects their bearer tokens to be refused
            // afterwards.
            (None, IdentityRef::External(user), By::User) => Record::unseen(user, now),
            (None, ..) => return Ok(None),
        };
        let acs_id = before.acs_id().cloned();
        match request.bearer.map(|bearer| admit_bearer(&before, bearer, now)) {
            None | Some(Ok(())) => {}
            Some(Err(_)) if acs_id.is_none() => return Ok(None),
            // Finish the deletion that this bearer token started.
            Some(Err(_)) if matches!(before.state, State::Deleting { .. }) => {}
            Some(Err(refusal)) => return Err(refusal),
        }
        let cut = CutOff { not_before: now, account_deleted_at: None };
        let next = before.cut_off(&cut, &receipt, now);
        let audit = audit(&next, &request, now);
        let step = Step::new(seen.as_ref(), &next).audited(audit.as_ref());
        if let Change::Made(marked) = store.commit(step).await? {
            let done = finish_pending::perform_pending(store, acs, clock, &marked, invocation);
            match (done.await, request.if_foreign) {
                (Err(Error::ForeignIdentity(_) | Error::UnknownResource(_)), IfForeign::Gone) => {
                    finish_pending::confirm_deletion(store, clock, &marked).await?;
                }
                (done, _) => drop(done?),
            }
            info!(acs.id = acs_id.as_ref().map(ToString::to_string), "identity deleted");
            return Ok(acs_id);
        }
    }
    Err(Error::busy())
}

/// The audit entry for the request, if an administrator made it.
fn audit(
    next: &Record,
    request: &DeleteIdentityRequest,
    at: std::time::SystemTime,
) -> Option<AuditEntry> {
    let By::Administrator { id: Some(id) } = &request.by else { return None };
    let by = Actor::Administrator(id.clone());
    Some(AuditEntry::of(next, &request.invocation.id, by, AuditAction::DeleteIdentity, at))
}

/// How often a deletion is retried when other requests change the record in the meantime.
const MAX_LOOKS: usize = 8;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::record::State;
    use crate::protocol::find_settled::INDEX_LAG;
    use crate::testing::{ClientCall, CoreFixture, acs_id, user};

    async fn delete(fixture: &CoreFixture) -> Result<Option<AcsId>, Error> {
        delete_as(fixture, By::administrator(&user("root"))).await
    }

    async fn delete_as(fixture: &CoreFixture, by: By) -> Result<Option<AcsId>, Error> {
        delete_request(fixture, IdentityRef::External(user("alice")), by).await
    }

    async fn delete_request(
        fixture: &CoreFixture,
        identity: IdentityRef,
        by: By,
    ) -> Result<Option<AcsId>, Error> {
        let request = DeleteIdentityRequest {
            identity,
            by,
            bearer: None,
            if_foreign: IfForeign::Refuse,
            invocation: fixture.invocation("delete"),
        };
        delete_identity(&fixture.store, &fixture.acs, &fixture.clock, request).await
    }

    #[tokio::test]
    async fn the_identity_goes_and_a_tombstone_stays() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        delete(&fixture).await.unwrap();
        assert_eq!(fixture.acs.identities(), []);
        assert_eq!(fixture.alice().unwrap().state, State::Deleted);
    }

    #[tokio::test]
    async fn r07_deleting_twice_or_an_unknown_user_is_success() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        delete(&fixture).await.unwrap();
        delete(&fixture).await.unwrap();
        assert_eq!(fixture.acs.calls(), [ClientCall::Delete]);
        delete(&CoreFixture::with([])).await.unwrap();
    }

    #[tokio::test]
    async fn r58_a_bearer_from_before_a_cut_off_deletes_nothing_that_is_newer() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let bearer = Bearer { issued_at: Some(fixture.clock.now()), authenticated_at: None };
        let not_before = Some(fixture.clock.now());
        fixture.records.meanwhile(move |seen| Record { not_before, ..seen.clone() });
        let delete = async || {
            let identity = IdentityRef::External(user("alice"));
            let (by, invocation) = (By::User, fixture.invocation("delete"));
            let request = DeleteIdentityRequest {
                identity,
                by,
                bearer: Some(bearer),
                if_foreign: IfForeign::Refuse,
                invocation,
            };
            delete_identity(&fixture.store, &fixture.acs, &fixture.clock, request).await
        };
        assert!(matches!(delete().await, Err(Error::SignInRequired)));
        // The bearer token may finish the deletion that it started.
        fixture.records.meanwhile(|seen| {
            let deleting = State::Deleting { acs_id: acs_id("8:acs:1"), blocked: false };
            Record { state: deleting, ..seen.clone() }
        });
        assert_eq!(delete().await.unwrap(), Some(acs_id("8:acs:1")));
        let gone = fixture.alice();
        assert_eq!(delete().await.unwrap(), None);
        assert_eq!(fixture.alice(), gone, "the repeated request changes nothing");
    }

    #[tokio::test]
    async fn a_deletion_that_another_request_began_is_finished() {
        let fixture = CoreFixture::where_alice_is(State::deleting("8:acs:1"));
        delete(&fixture).await.unwrap();
        assert_eq!(fixture.acs.identities(), []);
        assert_eq!(fixture.alice().unwrap().state, State::Deleted);
    }

    #[tokio::test]
    async fn if_acs_fails_the_mark_stays_and_the_next_call_finishes() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let mut first = true;
        fixture.acs.fail(move |_| {
            std::mem::take(&mut first)
                .then(|| Error::AcsUnavailable { maybe_applied: true, source: "no answer".into() })
        });
        assert!(matches!(delete(&fixture).await, Err(Error::AcsUnavailable { .. })));
        assert_eq!(fixture.alice().unwrap().state, State::deleting("8:acs:1"));
        delete(&fixture).await.unwrap();
        assert_eq!(fixture.alice().unwrap().state, State::Deleted);
    }

    #[tokio::test]
    async fn a_blocked_user_stays_blocked_when_their_identity_is_deleted() {
        let fixture = CoreFixture::where_alice_is(State::blocked("8:acs:1"));
        delete(&fixture).await.unwrap();
        assert_eq!(fixture.acs.identities(), []);
        assert_eq!(fixture.alice().unwrap().state, State::Blocked { acs_id: None });
        delete(&fixture).await.unwrap();
        assert_eq!(fixture.alice().unwrap().state, State::Blocked { acs_id: None });
    }

    #[tokio::test]
    async fn an_identity_can_be_named_by_its_acs_id_and_an_unknown_one_is_gone_already() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        for (id, deleted) in [("8:acs:1", Some(acs_id("8:acs:1"))), ("8:acs:1", None)] {
            assert_eq!(delete_by(&fixture, id).await.unwrap(), deleted);
        }
        assert!(matches!(delete_by(&fixture, "8:acs:unknown").await, Err(Error::Busy { .. })));
        fixture.clock.advance(INDEX_LAG);
        assert_eq!(delete_by(&fixture, "8:acs:unknown").await.unwrap(), None);
        assert_eq!(fixture.acs.calls(), [ClientCall::Delete]);
    }

    async fn delete_by(fixture: &CoreFixture, id: &str) -> Result<Option<AcsId>, Error> {
        let by = By::administrator(&user("root"));
        delete_request(fixture, IdentityRef::Acs(acs_id(id)), by).await
    }

    #[tokio::test]
    async fn an_identity_that_the_index_lacks_yet_is_not_said_to_be_deleted() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        fixture.records.index_lags(true);
        for _ in 0..2 {
            assert!(matches!(delete_by(&fixture, "8:acs:1").await, Err(Error::Busy { .. })));
            fixture.clock.advance(Duration::from_secs(14));
        }
        fixture.records.index_lags(false);
        assert_eq!(delete_by(&fixture, "8:acs:1").await.unwrap(), Some(acs_id("8:acs:1")));
    }

    #[tokio::test]
    async fn r58_bearers_from_before_a_deletion_open_nothing_even_without_an_identity() {
        for fixture in
            [CoreFixture::where_alice_is(State::active("8:acs:1")), CoreFixture::with([])]
        {
            delete_as(&fixture, By::User).await.unwrap();
            let record = fixture.alice().unwrap();
            assert_eq!(record.state, State::Deleted);
            assert_eq!(record.not_before, Some(fixture.clock.now()));
        }
        let fixture = CoreFixture::with([]);
        delete(&fixture).await.unwrap();
        assert_eq!(fixture.alice(), None, "an administrator's typing mistake leaves nothing");
    }

    #[tokio::test]
    async fn r58_a_deletion_that_the_cleanup_had_begun_keeps_the_cut_off() {
        let fixture = CoreFixture::where_alice_is(State::deleting("8:acs:1"));
        let cleanup = fixture.alice().unwrap();
        delete_as(&fixture, By::User).await.unwrap();
        let late = cleanup.deletion_confirmed(fixture.clock.now());
        let refused = fixture.store.advance(Some(&cleanup), &late).await.unwrap();
        assert!(matches!(refused, Change::Refused(_)));
        assert_eq!(fixture.alice().unwrap().not_before, Some(fixture.clock.now()));
    }

    #[tokio::test]
    async fn r62_an_administrators_deletion_is_in_the_audit_log() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        delete(&fixture).await.unwrap();
        let log = fixture.records.audit_log();
        assert_eq!((log.len(), log[0].action), (1, AuditAction::DeleteIdentity));
        assert_eq!(log[0].identity, Some(acs_id("8:acs:1")));
    }
}
