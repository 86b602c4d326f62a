use std::time::Duration;

use super::*;
use crate::model::{Active, Lease, LeaseId, Reason, State, StateName};
use crate::ports::Usage;
use crate::protocol::find_settled::INDEX_LAG;
use crate::testing::{ClientCall, CoreFixture, Loss, StoreCall, acs_id, user};

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

async fn send(fixture: &CoreFixture, request: RevokeAccessTokensRequest) -> Result<Receipt, Error> {
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
async fn r13_revoking_twice_or_for_an_unknown_user_is_success() {
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

/// Requests to sign out, all with a bearer token that was issued at the time of this call.
fn sign_outs_with_one_bearer(fixture: &CoreFixture) -> impl Fn() -> RevokeAccessTokensRequest {
    let bearer = Bearer { issued_at: Some(fixture.clock.now()), authenticated_at: None };
    move || RevokeAccessTokensRequest {
        bearer: Some(bearer),
        cause: Cause::of(By::User),
        ..request(fixture, false)
    }
}

// With the old bearer taken for any other, it ends the tokens of the new one.
#[tokio::test]
async fn r58_a_bearer_from_before_a_sign_out_ends_nothing_that_was_issued_since() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let sign_out = sign_outs_with_one_bearer(&fixture);
    fixture.clock.advance(Duration::from_mins(1));
    let first = send(&fixture, sign_out()).await.unwrap();
    let signed_out = fixture.alice();
    assert_eq!(send(&fixture, sign_out()).await.unwrap(), first, "the same one again");
    assert_eq!(fixture.alice(), signed_out, "and changes nothing");

    let identity = Active { acs_id: acs_id("8:acs:1"), epoch: 2 };
    let usage = Usage::at(fixture.clock.now());
    fixture.store.record_use(&user("alice"), &identity, &usage).await.unwrap();
    assert!(matches!(send(&fixture, sign_out()).await, Err(Error::SignInRequired)));
    assert_eq!(fixture.acs.calls(), [ClientCall::Revoke]);
}

#[tokio::test]
async fn r58_a_sign_out_can_be_repeated_after_a_failure_and_after_an_administrators() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let sign_out = sign_outs_with_one_bearer(&fixture);
    let mut first = true;
    fixture.acs.fail(move |_| {
        std::mem::take(&mut first)
            .then(|| Error::AcsUnavailable { maybe_applied: true, source: "no answer".into() })
    });
    let failed = send(&fixture, sign_out()).await;
    assert!(matches!(failed, Err(Error::AcsUnavailable { .. })), "{failed:?}");
    let receipt = send(&fixture, sign_out()).await.unwrap();
    assert_eq!(fixture.acs.calls(), [ClientCall::Revoke, ClientCall::Revoke]);
    revoke(&fixture, false).await.unwrap();
    assert_eq!(send(&fixture, sign_out()).await.unwrap(), receipt, "not the administrator's");
}

#[tokio::test]
async fn r13_unsure_is_an_error_and_the_record_remembers() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    fixture
        .acs
        .fail(|_| Some(Error::AcsUnavailable { maybe_applied: true, source: "no answer".into() }));
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
    for (block, expected) in [(false, State::Deleted), (true, State::Blocked { acs_id: None })] {
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
        let refused =
            RevokeAccessTokensRequest { if_missing: IfMissing::Refuse, ..request(&fixture, block) };
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
    assert_eq!(fixture.acs.calls(), [ClientCall::Revoke]);
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
    let own = RevokeAccessTokensRequest { cause: Cause::of(By::User), ..request(&fixture, false) };
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
    assert_eq!(fixture.acs.calls(), [ClientCall::Revoke]);
}
