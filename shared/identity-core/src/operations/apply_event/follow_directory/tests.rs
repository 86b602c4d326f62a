use std::cell::{Cell, RefCell};
use std::pin::Pin;

use super::*;
use crate::model::record::Unfinished;
use crate::model::{EventSource, StateName};
use crate::operations::apply_event::Effect;
use crate::testing::{ClientCall, CoreFixture, Loss, StoreCall, acs_id, event, order, user};

const ENABLED: AccountStatus =
    AccountStatus::Present { is_enabled: true, sign_ins_valid_from: None };
const DISABLED: AccountStatus =
    AccountStatus::Present { is_enabled: false, sign_ins_valid_from: None };

/// A directory with one account. While it answers the first time, other work can happen.
struct OneAccount<'a> {
    status: &'a Cell<AccountStatus>,
    meanwhile: RefCell<Option<Pin<Box<dyn Future<Output = ()> + 'a>>>>,
    look_ups: Cell<usize>,
}

impl<'a> OneAccount<'a> {
    fn new(status: &'a Cell<AccountStatus>) -> Self {
        Self { status, meanwhile: RefCell::default(), look_ups: Cell::default() }
    }

    fn meanwhile(self, work: impl Future<Output = ()> + 'a) -> Self {
        Self { meanwhile: RefCell::new(Some(Box::pin(work))), ..self }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the directory is down")]
struct DirectoryDown;

impl AccountDirectory for OneAccount<'_> {
    type Error = DirectoryDown;

    async fn status(
        &self,
        look_up: &AccountLookUp,
        _until: SystemTime,
    ) -> Result<AccountStatus, DirectoryDown> {
        assert_eq!((look_up.tenant.as_str(), look_up.object_id.as_str()), ("t", "o"));
        self.look_ups.set(self.look_ups.get() + 1);
        let status = self.status.get();
        let work = self.meanwhile.take();
        if let Some(work) = work {
            work.await;
        }
        Ok(status)
    }
}

/// A directory that answers once with a status, or not at all, and then is down.
struct AnswersOnce(Cell<Option<AccountStatus>>);
impl AccountDirectory for AnswersOnce {
    type Error = DirectoryDown;

    async fn status(
        &self,
        _: &AccountLookUp,
        _: SystemTime,
    ) -> Result<AccountStatus, DirectoryDown> {
        self.0.take().ok_or(DirectoryDown)
    }
}

fn look_up() -> AccountLookUp {
    AccountLookUp {
        user: user("alice"),
        source: EventSource::Graph,
        transmitter: "entra".to_owned(),
        tenant: "t".to_owned(),
        object_id: "o".to_owned(),
        id: "notification-1".to_owned(),
    }
}

async fn follow_in(
    fixture: &CoreFixture,
    directory: &OneAccount<'_>,
) -> FollowedDirectory<DirectoryDown> {
    fixture.clock.advance(Duration::from_secs(1));
    let invocation = fixture.invocation("message");
    let (store, acs, clock) = (&fixture.store, &fixture.acs, &fixture.clock);
    follow_directory(store, acs, clock, directory, &look_up(), &invocation).await
}

/// Follows an account with this status, and returns the kinds of the events that had an effect.
async fn follow(fixture: &CoreFixture, status: AccountStatus) -> Vec<EventKind> {
    let status = Cell::new(status);
    let done = follow_in(fixture, &OneAccount::new(&status)).await;
    done.end.unwrap();
    let changed = done.applied.iter().filter(|(_, applied)| applied.effect == Effect::Changed);
    changed.map(|(event, _)| event.kind).collect()
}

fn signed_out_at(at: SystemTime) -> AccountStatus {
    AccountStatus::Present { is_enabled: true, sign_ins_valid_from: Some(at) }
}

fn state(fixture: &CoreFixture) -> StateName {
    fixture.alice().unwrap().state.name()
}

#[tokio::test]
async fn a_disabled_account_is_cut_off_once_and_an_enabled_one_is_let_in_again() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let old = fixture.acs.token_from_before(&acs_id("8:acs:1"));
    assert_eq!(follow(&fixture, DISABLED).await, [EventKind::Disabled]);
    assert!(!fixture.acs.is_alive(&old));
    let record = fixture.alice().unwrap();
    assert_eq!(record.state, State::blocked("8:acs:1"));
    assert_eq!(record.not_before, Some(fixture.clock.now()), "the time before the look-up");
    for _ in 0..3 {
        assert_eq!(follow(&fixture, DISABLED).await, []);
    }
    assert_eq!(fixture.alice().unwrap(), record, "repeated messages change nothing");
    assert_eq!(follow(&fixture, ENABLED).await, [EventKind::Enabled]);
    assert_eq!(follow(&fixture, ENABLED).await, []);
    assert_eq!(fixture.alice().unwrap().state, State::active("8:acs:1"));
    assert_eq!(follow(&fixture, DISABLED).await, [EventKind::Disabled]);
}

#[tokio::test]
async fn r92_an_account_that_is_still_disabled_names_the_event_that_blocked_the_user() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let status = Cell::new(DISABLED);
    let directory = OneAccount::new(&status);
    let first = follow_in(&fixture, &directory).await;
    let [(disabled, _)] = &first.applied[..] else { panic!("{first:?}") };
    assert_eq!(first.end.unwrap(), None, "the event was applied just now");
    for _ in 0..2 {
        let later = follow_in(&fixture, &directory).await;
        assert_eq!((later.applied, later.end.unwrap().as_ref()), (vec![], Some(disabled)));
    }
    status.set(ENABLED);
    for _ in 0..2 {
        assert_eq!(follow_in(&fixture, &directory).await.end.unwrap(), None);
    }
}

#[tokio::test]
async fn a_missing_account_blocks_and_does_not_delete_because_it_can_be_restored() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    assert_eq!(follow(&fixture, AccountStatus::Missing).await, [EventKind::Disabled]);
    assert_eq!(fixture.alice().unwrap().state, State::blocked("8:acs:1"));
    assert_eq!(follow(&fixture, ENABLED).await, [EventKind::Enabled]);
    assert_eq!(fixture.alice().unwrap().state, State::active("8:acs:1"));
}

#[tokio::test]
async fn a_user_without_a_record_gets_one_only_if_there_is_something_to_refuse() {
    let fixture = CoreFixture::with([]);
    assert_eq!(follow(&fixture, ENABLED).await, []);
    let long_ago = fixture.clock.now() - MATTERS_FOR;
    assert_eq!(follow(&fixture, signed_out_at(long_ago)).await, []);
    assert_eq!(fixture.alice(), None);
    assert_eq!(follow(&fixture, DISABLED).await, [EventKind::Disabled]);
    assert_eq!(state(&fixture), StateName::Blocked);

    let fixture = CoreFixture::with([]);
    let at = fixture.clock.now() - Duration::from_hours(1);
    assert_eq!(follow(&fixture, signed_out_at(at)).await, [EventKind::SignedOut]);
    let end_of_second = at + Duration::from_millis(999);
    assert_eq!(fixture.alice().unwrap().not_before, Some(end_of_second));
}

#[tokio::test]
async fn revoked_sessions_revoke_once_at_their_own_time() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let old = fixture.acs.token_from_before(&acs_id("8:acs:1"));
    fixture.clock.advance(Duration::from_hours(1));
    let at = fixture.clock.now() - Duration::from_mins(5);
    assert_eq!(follow(&fixture, signed_out_at(at)).await, [EventKind::SignedOut]);
    assert!(!fixture.acs.is_alive(&old));
    for _ in 0..3 {
        assert_eq!(follow(&fixture, signed_out_at(at)).await, []);
    }
    assert_eq!(fixture.alice().unwrap().receipts.len(), 1);
    let later = at + Duration::from_secs(1);
    assert_eq!(follow(&fixture, signed_out_at(later)).await, [EventKind::SignedOut]);
}

#[tokio::test]
async fn a_sign_out_matters_as_long_as_a_token_from_before_can_be_valid() {
    let second = Duration::from_secs(1);
    // The account is looked up a second later.
    let ages = [2 * second, second].map(|less| MATTERS_FOR.saturating_sub(less));
    for (age, kinds) in ages.into_iter().zip([&[EventKind::SignedOut][..], &[]]) {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let at = fixture.clock.now() - age;
        assert_eq!(follow(&fixture, signed_out_at(at)).await, kinds, "{age:?}");
    }
}

#[tokio::test]
async fn r62_each_revocation_of_one_message_has_a_receipt_of_its_own() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let status = Cell::new(signed_out_at(fixture.clock.now()));
    let directory = OneAccount::new(&status).meanwhile(async { status.set(DISABLED) });
    let done = follow_in(&fixture, &directory).await;
    done.end.unwrap();
    let kinds: Vec<_> = done.applied.iter().map(|(event, _)| event.kind).collect();
    assert_eq!(kinds, [EventKind::SignedOut, EventKind::Disabled]);
    let record = fixture.alice().unwrap();
    let mut ids: Vec<_> = record.receipts.iter().map(|receipt| receipt.id.0.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["message/0", "message/1"]);
}

#[tokio::test]
async fn r60_a_look_up_that_answers_late_does_not_undo_a_newer_one() {
    for (first, last, expected) in
        [(DISABLED, ENABLED, StateName::Active), (ENABLED, DISABLED, StateName::Blocked)]
    {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        if first == ENABLED {
            // So that the late answer has something to undo.
            follow(&fixture, DISABLED).await;
        }
        let status = Cell::new(first);
        let newer = OneAccount::new(&status);
        let late = OneAccount::new(&status).meanwhile(async {
            status.set(last);
            follow_in(&fixture, &newer).await.end.unwrap();
        });
        follow_in(&fixture, &late).await.end.unwrap();
        assert_eq!(state(&fixture), expected, "{first:?}");
    }
}

#[tokio::test]
async fn r60_the_record_agrees_if_the_account_changes_during_the_look_up() {
    // The message about the change is looked up while the older look-up waits for its answer, and
    // finds nothing to do.
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let status = Cell::new(DISABLED);
    let newer = OneAccount::new(&status);
    let late = OneAccount::new(&status).meanwhile(async {
        status.set(ENABLED);
        assert_eq!(follow_in(&fixture, &newer).await.applied, []);
    });
    let done = follow_in(&fixture, &late).await;
    done.end.unwrap();
    let kinds: Vec<_> = done.applied.iter().map(|(event, _)| event.kind).collect();
    assert_eq!(kinds, [EventKind::Disabled, EventKind::Enabled]);
    assert_eq!((late.look_ups.get(), state(&fixture)), (3, StateName::Active));
}

#[tokio::test]
async fn r60_the_directory_lifts_only_its_own_block_and_leaves_an_administrators_unblock() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let at = fixture.clock.now();
    let other = event(EventKind::Disabled, at);
    let invocation = fixture.invocation("other");
    apply_event(&fixture.store, &fixture.acs, &fixture.clock, &other, &invocation).await.unwrap();
    assert_eq!(follow(&fixture, ENABLED).await, []);
    assert_eq!(state(&fixture), StateName::Blocked);

    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    follow(&fixture, DISABLED).await;
    let record = fixture.alice().unwrap();
    fixture.clock.advance(Duration::from_secs(1));
    let now = fixture.clock.now();
    let unblocked = record.unblocked(crate::model::Origin::ADMINISTRATOR, now, now);
    fixture.store.advance(Some(&record), &unblocked).await.unwrap();
    assert_eq!(follow(&fixture, DISABLED).await, []);
    assert_eq!(state(&fixture), StateName::Active);
}

#[tokio::test]
async fn r25_the_next_message_finishes_what_a_dead_one_began() {
    for status in [DISABLED, signed_out_at(CoreFixture::with([]).clock.now())] {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let old = fixture.acs.token_from_before(&acs_id("8:acs:1"));
        let mut writes = 0;
        fixture.store.lose(move |call| {
            let is_write = matches!(call, StoreCall::Advance(_));
            writes += usize::from(is_write);
            (is_write && writes == 2).then_some(Loss::Request)
        });
        let account = Cell::new(status);
        let died = follow_in(&fixture, &OneAccount::new(&account)).await;
        assert!(matches!(died.end, Err(FollowError::Event(..))), "{died:?}");
        fixture.clock.advance(crate::ABANDONED_AFTER);
        let done = follow_in(&fixture, &OneAccount::new(&account)).await;
        done.end.unwrap();
        assert_eq!(done.applied[0].1.effect, Effect::Finished);
        assert!(!fixture.acs.is_alive(&old));
        assert_eq!(fixture.alice().unwrap().pending_revocation, None);
    }
}

#[tokio::test]
async fn a_stuck_identity_is_not_tried_by_every_message() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    follow(&fixture, DISABLED).await;
    let record = fixture.alice().unwrap();
    let stuck = Record {
        state: State::Stuck {
            acs_id: acs_id("8:acs:1"),
            blocked: true,
            unfinished: Unfinished::Revocation,
        },
        pending_revocation: Some(order("r", true, fixture.clock.now()).receipt),
        ..record.clone()
    };
    fixture.store.advance(Some(&record), &stuck).await.unwrap();
    let asked = fixture.acs.calls().len();
    assert_eq!(follow(&fixture, DISABLED).await, []);
    assert_eq!(fixture.acs.calls().len(), asked);
}

#[tokio::test]
async fn without_an_answer_nothing_changes() {
    let silent = AnswersOnce(Cell::new(None));
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let before = fixture.alice();
    let invocation = fixture.invocation("message");
    let (store, acs, clock) = (&fixture.store, &fixture.acs, &fixture.clock);
    let done = follow_directory(store, acs, clock, &silent, &look_up(), &invocation).await;
    assert_eq!(done.end.unwrap_err().to_string(), "the directory is down");
    let foreseen = foresee_directory(store, clock, &silent, &look_up(), &invocation).await;
    assert!(matches!(foreseen, Err(FollowError::Directory(_))));
    assert_eq!((fixture.alice(), fixture.acs.calls()), (before, vec![]));
}

#[test]
fn a_failure_has_the_text_and_the_source_of_its_cause() {
    let down = || Error::AcsUnavailable { maybe_applied: true, source: "no answer".into() };
    let of_event = event(EventKind::Disabled, SystemTime::UNIX_EPOCH);
    let failures: [FollowError<DirectoryDown>; 2] =
        [FollowError::Core(down()), FollowError::Event(Box::new(of_event), down())];
    for failure in failures {
        assert_eq!(failure.to_string(), down().to_string());
        assert_eq!(failure.source().map(ToString::to_string).as_deref(), Some("no answer"));
    }
    assert!(FollowError::Directory(DirectoryDown).source().is_none());
}

#[tokio::test]
async fn what_was_applied_is_known_if_the_next_look_up_fails() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let (directory, invocation) =
        (AnswersOnce(Cell::new(Some(DISABLED))), fixture.invocation("message"));
    let (store, acs, clock) = (&fixture.store, &fixture.acs, &fixture.clock);
    let done = follow_directory(store, acs, clock, &directory, &look_up(), &invocation).await;
    assert!(matches!(done.end, Err(FollowError::Directory(_))), "{:?}", done.end);
    let kinds: Vec<_> = done.applied.iter().map(|(event, _)| event.kind).collect();
    assert_eq!((kinds, state(&fixture)), (vec![EventKind::Disabled], StateName::Blocked));
}

#[tokio::test]
async fn the_look_up_leaves_time_for_the_writes() {
    struct Until(Cell<Option<SystemTime>>);
    impl AccountDirectory for Until {
        type Error = DirectoryDown;

        async fn status(
            &self,
            _: &AccountLookUp,
            until: SystemTime,
        ) -> Result<AccountStatus, DirectoryDown> {
            self.0.set(Some(until));
            Ok(ENABLED)
        }
    }
    let fixture = CoreFixture::with([]);
    let (invocation, until) = (fixture.invocation("message"), Until(Cell::default()));
    let (store, acs, clock) = (&fixture.store, &fixture.acs, &fixture.clock);
    let done = follow_directory(store, acs, clock, &until, &look_up(), &invocation).await;
    done.end.unwrap();
    assert_eq!(until.0.get(), Some(fixture.clock.now() + Duration::from_secs(7)));
}

#[tokio::test]
async fn in_shadow_mode_nothing_changes() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let before = fixture.alice();
    let (status, invocation) = (Cell::new(DISABLED), fixture.invocation("message"));
    let (directory, look_up) = (OneAccount::new(&status), look_up());
    let (store, clock) = (&fixture.store, &fixture.clock);
    let foreseen =
        foresee_directory(store, clock, &directory, &look_up, &invocation).await.unwrap();
    let [(event, EventDecision::Change(next))] = &foreseen[..] else { panic!("{foreseen:?}") };
    assert_eq!((event.kind, next.state.name()), (EventKind::Disabled, StateName::Blocked));
    assert_eq!((fixture.alice(), fixture.acs.calls()), (before, Vec::<ClientCall>::new()));
}
