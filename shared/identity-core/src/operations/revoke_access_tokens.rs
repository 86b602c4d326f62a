//! Revokes every access token issued for an identity so far. With `block`, the user gets no new
//! one.
//!
//! The order of the steps is essential: first the record (from then on, no token is returned),
//! then ACS, then the confirmation, then the response. A recorded revocation is never treated as
//! a confirmed one.

use std::time::SystemTime;

use tracing::info;

use crate::{
    model::{
        admission::{Bearer, TokenPace, admit_bearer},
        audit::{Actor, AuditAction, AuditEntry},
        error::Error,
        identity::{ExternalId, IdentityRef, Invocation},
        record::{By, Cause, Receipt, ReceiptId, Record, RevocationOrder},
    },
    ports::{Change, Clock, IdentityClient, IdentityStore, Step},
    protocol::{find_settled::find_settled, finish_pending},
};

/// The parameters of the operation.
#[derive(Clone, Debug)]
pub struct RevokeAccessTokensRequest {
    /// The identity whose tokens are revoked.
    pub identity: IdentityRef,
    /// Whether to block the user as well: no token until they are unblocked.
    pub block: bool,
    /// The bearer token of a user who signs out; `None` for other callers.
    pub bearer: Option<Bearer>,
    /// What to do if there is no record for the identity.
    pub if_missing: IfMissing,
    /// How often a user may sign out; `None` for no limit. Other callers are not paced.
    pub pace: Option<TokenPace>,
    /// Who requested the revocation, and why.
    pub cause: Cause,
    /// The request being served.
    pub invocation: Invocation,
}

/// What to do if a user has no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMissing {
    /// Return [`Error::NotFound`], so that a mistyped ID is not blocked instead of the intended
    /// user.
    Refuse,
    /// Create a record, so that the block or the sign-out takes effect before the user's first
    /// call.
    Create,
}

/// Revokes the tokens and returns the receipt. Bearer tokens from before the revocation are
/// refused from then on.
///
/// A bearer token from before a cut-off cannot revoke tokens that were issued after it. If there
/// are no such tokens, the call is a repeated request: it changes nothing and succeeds.
///
/// After an error, assume that the tokens are still valid. Changes that were already recorded
/// stay recorded, and a later request or run finishes the work.
pub async fn revoke_access_tokens(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    request: RevokeAccessTokensRequest,
) -> Result<Receipt, Error> {
    let invocation = &request.invocation;
    let receipt = ReceiptId(invocation.id.clone());
    for _ in 0..MAX_LOOKS {
        let seen = find_settled(store, clock, &request.identity).await?;
        let user = subject(seen.as_ref(), &request)?;
        let now = clock.now();
        let before = seen.clone().unwrap_or_else(|| Record::unseen(&user, now));
        match request.bearer.map(|bearer| admit_bearer(&before, bearer, now)) {
            None | Some(Ok(())) => {}
            // Finish the revocation that this bearer token started.
            Some(Err(_)) if before.pending_revocation.is_some() => {}
            Some(Err(_)) if before.acs_id().is_none() || before.tokens_revoked => {
                return repeated(&before, &request, clock);
            }
            Some(Err(refusal)) => return Err(refusal),
        }
        let order = order(seen.as_ref(), &request, clock)?;
        let next = before.revoked(&order, now);
        let audit = audit(&next, &request, now);
        let step = Step::new(seen.as_ref(), &next).audited(audit.as_ref());
        if let Change::Made(recorded) = store.commit(step).await? {
            let kept =
                finish_pending::perform_pending(store, acs, clock, &recorded, invocation).await?;
            info!(
                acs.id = recorded.acs_id().map(ToString::to_string),
                block = request.block,
                "tokens revoked"
            );
            // Return the receipt as a later request will read it.
            let kept = kept.receipts.into_iter().rfind(|kept| kept.id == receipt);
            let receipt = kept.or_else(|| recorded.receipts.into_iter().next_back());
            let mut receipt = receipt.ok_or(Error::Internal("a revocation without its receipt"))?;
            receipt.revoked_at.get_or_insert(clock.now());
            return Ok(receipt);
        }
    }
    Err(Error::busy())
}

/// The receipt for a sign-out that was already done.
fn repeated(
    record: &Record,
    request: &RevokeAccessTokensRequest,
    clock: &impl Clock,
) -> Result<Receipt, Error> {
    let order = order(None, request, clock)?;
    let is_own = |receipt: &&Receipt| {
        receipt.cause.by == By::User && receipt.identity.as_ref() == record.acs_id()
    };
    let known = record.receipts.iter().rfind(is_own);
    let new = || record.revoked(&order, clock.now()).receipts.into_iter().next_back();
    known.cloned().or_else(new).ok_or(Error::Internal("a revocation without its receipt"))
}

/// The user of the record, or of the record to create.
fn subject(
    seen: Option<&Record>,
    request: &RevokeAccessTokensRequest,
) -> Result<ExternalId, Error> {
    match (seen, &request.identity, request.if_missing) {
        (Some(record), ..) => Ok(record.external_id.clone()),
        (None, IdentityRef::External(user), IfMissing::Create) => Ok(user.clone()),
        (None, ..) => Err(Error::NotFound),
    }
}

fn order(
    seen: Option<&Record>,
    request: &RevokeAccessTokensRequest,
    clock: &impl Clock,
) -> Result<RevocationOrder, Error> {
    let at = clock.now();
    let pace = request.pace.filter(|_| request.cause.by == By::User);
    let until = seen.and_then(|record| record.sign_out_pace_until);
    let paced = pace.map(|pace| pace.take(until, at)).transpose();
    Ok(RevocationOrder {
        receipt: ReceiptId(request.invocation.id.clone()),
        at,
        not_before: at,
        block: request.block,
        cause: request.cause.clone(),
        sign_out_pace_until: paced.map_err(|retry_after| Error::TooManySignOuts { retry_after })?,
    })
}

/// The audit entry for the request, if an administrator made it.
fn audit(next: &Record, request: &RevokeAccessTokensRequest, at: SystemTime) -> Option<AuditEntry> {
    let By::Administrator { id: Some(id) } = &request.cause.by else { return None };
    let action = if request.block { AuditAction::BlockUser } else { AuditAction::RevokeTokens };
    let by = Actor::Administrator(id.clone());
    let entry = AuditEntry::of(next, &request.invocation.id, by, action, at);
    Some(AuditEntry { reason: request.cause.reason.clone(), ..entry })
}

/// How often a revocation is retried when other requests change the record in the meantime.
const MAX_LOOKS: usize = 8;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        model::record::{Active, Lease, LeaseId, Reason, State, StateName},
        ports::Usage,
        protocol::find_settled::INDEX_LAG,
        testing::{AcsCall, CoreFixture, Loss, StoreCall, acs_id, user},
    };

    fn request(fixture: &CoreFixture, block: bool) -> RevokeAccessTokensRequest {
        RevokeAccessTokensRequest {
            identity: IdentityRef::External(user("alice")),
            block,
            bearer: None,
            if_missing: IfMissing::Create,
            pace: None,
            cause: Cause {
                by: By::administrator(&user("root")),
                reason: Reason::parse("left the company"),
            },
            invocation: fixture.invocation("receipt"),
        }
    }

    async fn send(
        fixture: &CoreFixture,
        request: RevokeAccessTokensRequest,
    ) -> Result<Receipt, Error> {
        revoke_access_tokens(&fixture.store, &fixture.acs, &fixture.clock, request).await
    }

    async fn revoke(fixture: &CoreFixture, block: bool) -> Result<Receipt, Error> {
        send(fixture, request(fixture, block)).await
    }

    #[tokio::test]
    async fn every_token_dies_and_the_receipt_says_since_when() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let old = fixture.acs.token_from_before(&acs_id("8:acs:1"));
        let receipt = revoke(&fixture, false).await.unwrap();
        assert!(!fixture.acs.is_alive(&old));
        assert_eq!(receipt.id, ReceiptId("receipt".to_owned()));
        assert_eq!(receipt.identity, Some(acs_id("8:acs:1")));
        assert_eq!((receipt.epoch, receipt.blocked), (2, false));
        assert_eq!(receipt.effective_by(), Some(fixture.clock.now() + Duration::from_mins(15)));
        let record = fixture.alice().unwrap();
        assert_eq!((record.epoch, record.pending_revocation), (2, None));
        assert_eq!(record.state, State::active("8:acs:1"));
        assert_eq!(record.receipts, [receipt], "and the record keeps it");
    }

    /// A clock that advances on every read.
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
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let clock = Ticking(1.into());
        let request = request(&fixture, false);
        let receipt = revoke_access_tokens(&fixture.store, &fixture.acs, &clock, request).await;
        assert_eq!(fixture.alice().unwrap().receipts, [receipt.unwrap()]);
    }

    #[tokio::test]
    async fn r13_revoking_twice_or_for_nobody_is_success() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        assert!(revoke(&fixture, true).await.is_ok());
        assert_eq!(revoke(&fixture, false).await.unwrap().epoch, 3);
        assert_eq!(fixture.alice().unwrap().state.name(), StateName::Blocked, "and stays blocked");
        for fixture in [CoreFixture::with([]), CoreFixture::where_alice_is(State::Deleted)] {
            assert_eq!(revoke(&fixture, false).await.unwrap().identity, None);
            assert_eq!(fixture.acs.calls(), []);
            assert_eq!(fixture.alice().unwrap().not_before, Some(fixture.clock.now()));
        }
    }

    // With the old bearer taken for any other, it ends the tokens of the new one.
    #[tokio::test]
    async fn r58_a_bearer_from_before_a_sign_out_ends_nothing_that_was_issued_since() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let bearer = Bearer { issued_at: Some(fixture.clock.now()), authenticated_at: None };
        let sign_out = || RevokeAccessTokensRequest {
            bearer: Some(bearer),
            cause: Cause::of(By::User),
            ..request(&fixture, false)
        };
        fixture.clock.advance(Duration::from_mins(1));
        let first = send(&fixture, sign_out()).await.unwrap();
        let signed_out = fixture.alice();
        assert_eq!(send(&fixture, sign_out()).await.unwrap(), first, "the same one again");
        assert_eq!(fixture.alice(), signed_out, "and changes nothing");

        let identity = Active { acs_id: acs_id("8:acs:1"), epoch: 2 };
        let usage = Usage::at(fixture.clock.now());
        fixture.store.record_use(&user("alice"), &identity, &usage).await.unwrap();
        assert!(matches!(send(&fixture, sign_out()).await, Err(Error::SignInRequired)));
        assert_eq!(fixture.acs.calls(), [AcsCall::Revoke]);
    }

    #[tokio::test]
    async fn r58_a_sign_out_can_be_repeated_after_a_failure_and_after_an_administrators() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let bearer = Bearer { issued_at: Some(fixture.clock.now()), authenticated_at: None };
        let sign_out = || RevokeAccessTokensRequest {
            bearer: Some(bearer),
            cause: Cause::of(By::User),
            ..request(&fixture, false)
        };
        let mut first = true;
        fixture.acs.fail(move |_| {
            std::mem::take(&mut first)
                .then(|| Error::AcsUnavailable { maybe_applied: true, source: "no answer".into() })
        });
        let failed = send(&fixture, sign_out()).await;
        assert!(matches!(failed, Err(Error::AcsUnavailable { .. })), "{failed:?}");
        let receipt = send(&fixture, sign_out()).await.unwrap();
        assert_eq!(fixture.acs.calls(), [AcsCall::Revoke, AcsCall::Revoke]);
        revoke(&fixture, false).await.unwrap();
        assert_eq!(send(&fixture, sign_out()).await.unwrap(), receipt, "not the administrator's");
    }

    #[tokio::test]
    async fn r13_unsure_is_an_error_and_the_record_remembers() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        fixture.acs.fail(|_| {
            Some(Error::AcsUnavailable { maybe_applied: true, source: "no answer".into() })
        });
        assert!(matches!(revoke(&fixture, true).await, Err(Error::AcsUnavailable { .. })));
        let record = fixture.alice().unwrap();
        assert_eq!(record.state, State::blocked("8:acs:1"), "blocked from the first write on");
        assert!(record.pending_revocation.is_some());
    }

    #[tokio::test]
    async fn a_lost_confirmation_is_not_a_success() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let mut writes = 0;
        fixture.store.lose(move |call| {
            writes += u32::from(matches!(call, StoreCall::Advance(_)));
            (writes == 2).then_some(Loss::Request)
        });
        assert!(matches!(revoke(&fixture, false).await, Err(Error::StoreUnavailable(_))));
        assert!(fixture.alice().unwrap().pending_revocation.is_some());
    }

    #[tokio::test]
    async fn a_user_can_be_blocked_before_they_were_ever_seen() {
        let fixture = CoreFixture::with([]);
        let receipt = revoke(&fixture, true).await.unwrap();
        assert_eq!((receipt.identity, receipt.blocked), (None, true));
        assert_eq!(fixture.alice().unwrap().state, State::Blocked { acs_id: None });
        assert_eq!(fixture.acs.calls(), [], "there is nothing to revoke");
    }

    #[tokio::test]
    async fn a_reservation_does_not_survive_a_revocation() {
        for (block, expected) in [(false, State::Deleted), (true, State::Blocked { acs_id: None })]
        {
            let fixture = CoreFixture::with([]);
            let ends = fixture.clock.now() + Duration::from_secs(15);
            let lease = Lease { id: LeaseId("other".to_owned()), ends };
            let reserved = Record::reserved(&user("alice"), None, lease, fixture.clock.now());
            fixture.store.advance(None, &reserved).await.unwrap();
            revoke(&fixture, block).await.unwrap();
            assert_eq!(fixture.alice().unwrap().state, expected);
        }
    }

    #[tokio::test]
    async fn revoking_on_the_way_out_finishes_the_deletion() {
        let fixture = CoreFixture::where_alice_is(State::deleting("8:acs:1"));
        revoke(&fixture, true).await.unwrap();
        assert_eq!(fixture.acs.identities(), []);
        assert_eq!(fixture.alice().unwrap().state, State::Blocked { acs_id: None });
    }

    #[tokio::test]
    async fn a_name_of_which_there_is_no_record_is_not_found_unless_asked_for() {
        for block in [true, false] {
            let fixture = CoreFixture::with([]);
            let refused = RevokeAccessTokensRequest {
                if_missing: IfMissing::Refuse,
                ..request(&fixture, block)
            };
            assert!(matches!(send(&fixture, refused).await, Err(Error::NotFound)));
            assert_eq!(fixture.records.records(), []);
        }
    }

    #[tokio::test]
    async fn an_acs_id_that_the_index_lacks_is_busy_for_as_long_as_the_index_may_lag() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let by_acs_id = |fixture: &CoreFixture| RevokeAccessTokensRequest {
            identity: IdentityRef::Acs(acs_id("8:acs:1")),
            ..request(fixture, false)
        };
        fixture.records.index_lags(true);
        assert!(matches!(send(&fixture, by_acs_id(&fixture)).await, Err(Error::Busy { .. })));
        fixture.clock.advance(INDEX_LAG / 2);
        assert!(matches!(send(&fixture, by_acs_id(&fixture)).await, Err(Error::Busy { .. })));
        fixture.records.index_lags(false);
        assert!(send(&fixture, by_acs_id(&fixture)).await.is_ok(), "as soon as the index has it");
    }

    #[tokio::test]
    async fn an_unknown_acs_id_is_not_made_up() {
        let fixture = CoreFixture::with([]);
        let unknown = |fixture: &CoreFixture| RevokeAccessTokensRequest {
            identity: IdentityRef::Acs(acs_id("8:acs:unknown")),
            ..request(fixture, true)
        };
        assert!(matches!(send(&fixture, unknown(&fixture)).await, Err(Error::Busy { .. })));
        fixture.clock.advance(INDEX_LAG);
        assert!(matches!(send(&fixture, unknown(&fixture)).await, Err(Error::NotFound)));
        assert_eq!(fixture.records.records(), []);
    }

    #[tokio::test]
    async fn where_no_token_was_issued_since_the_last_revocation_acs_is_not_asked_again() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        revoke(&fixture, false).await.unwrap();
        let second = revoke(&fixture, true).await.unwrap();
        assert_eq!(fixture.acs.calls(), [AcsCall::Revoke]);
        assert_eq!(second.revoked_at, Some(fixture.clock.now()), "and that is a confirmation");
        assert_eq!(fixture.alice().unwrap().state, State::blocked("8:acs:1"));
    }

    #[tokio::test]
    async fn r84_a_user_signs_out_six_times_at_once_and_then_every_six_seconds() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let sign_out = |fixture: &CoreFixture| RevokeAccessTokensRequest {
            cause: Cause::of(By::User),
            pace: TokenPace::per_minute(10).unwrap(),
            ..request(fixture, false)
        };
        for _ in 0..6 {
            assert!(send(&fixture, sign_out(&fixture)).await.is_ok());
        }
        let before = fixture.alice();
        let Err(Error::TooManySignOuts { retry_after }) = send(&fixture, sign_out(&fixture)).await
        else {
            panic!("a seventh is paced");
        };
        assert_eq!((retry_after.as_secs(), fixture.alice()), (6, before), "and nothing is written");
        assert!(revoke(&fixture, true).await.is_ok(), "an administrator is not");
        fixture.clock.advance(retry_after);
        assert!(send(&fixture, sign_out(&fixture)).await.is_ok());
    }

    #[tokio::test]
    async fn r62_the_receipt_and_the_audit_log_name_the_administrator_and_a_sign_out_neither() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let receipt = revoke(&fixture, true).await.unwrap();
        assert_eq!(receipt.cause.by, By::administrator(&user("root")));
        let log = fixture.records.audit_log();
        assert_eq!((log.len(), log[0].action), (1, AuditAction::BlockUser));
        assert_eq!(log[0].by, Actor::Administrator(user("root")));
        assert_eq!((&log[0].user, log[0].state), (&user("alice"), StateName::Blocked));
        let own =
            RevokeAccessTokensRequest { cause: Cause::of(By::User), ..request(&fixture, false) };
        send(&fixture, own).await.unwrap();
        assert_eq!(fixture.records.audit_log(), log);
    }

    #[tokio::test]
    async fn a_revocation_is_recorded_before_acs_is_asked() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let records = fixture.records.clone();
        let (seen, at_acs) = std::sync::mpsc::channel();
        fixture.acs.while_answering(move || seen.send(records.records()).unwrap());
        revoke(&fixture, true).await.unwrap();
        let record = at_acs.recv().unwrap().remove(0);
        assert_eq!(record.state, State::blocked("8:acs:1"));
        assert!(record.pending_revocation.is_some());
        assert_eq!(record.receipts[0].revoked_at, None, "not revoked before ACS says so");
        assert_eq!(fixture.acs.calls(), [AcsCall::Revoke]);
    }
}
