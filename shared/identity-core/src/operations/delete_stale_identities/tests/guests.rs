//! Guests whose invitation has ended.

use super::*;
use crate::model::guest::{DeviceId, Invitation};
use crate::model::record::{By, Cause};
use crate::model::{Error, Event, EventKind, IdentityRef};
use crate::operations::apply_event::{Effect, apply_event};
use crate::operations::create_identity::{CreateIdentityRequest, create_identity};
use crate::operations::import_identity::{ImportedIdentity, import_identity};
use crate::operations::revoke_access_tokens::{
    IfMissing, RevokeAccessTokensRequest, revoke_access_tokens,
};
use crate::testing::invitations::device_of;
use crate::testing::{administrator, event};

const HOUR: Duration = Duration::from_hours(1);

/// The guest with this device of the invitation with the handle `handle`, which is due in three
/// hours.
fn guest(letter: char, state: State) -> Record {
    let invitation = invitation("handle");
    let guest = invitation.guest(&device_id(letter));
    Record { due_at: Some(invitation.delete_at), ..record(guest.as_str(), state, now()) }
}

fn numbered(number: u8) -> DeviceId {
    DeviceId::parse(&format!("{number:022}")).unwrap()
}

/// A fixture with two active guests, after this time.
fn two_guests_after(time: Duration) -> CoreFixture {
    let guests = ['a', 'b'].map(|letter| guest(letter, State::active(&format!("8:acs:{letter}"))));
    let fixture = CoreFixture::with(guests);
    fixture.records.put_invitation(&invitation("handle"));
    fixture.clock.advance(time);
    fixture
}

/// A run at the time of the clock.
async fn run_now(fixture: &CoreFixture) -> CleanupRun {
    let time = fixture.clock.now();
    run(fixture, CleanupRequest { time, ..request(fixture, CleanupMode::Apply) }).await
}

#[tokio::test]
async fn r75_a_guest_is_deleted_when_due_and_not_a_millisecond_earlier() {
    let metrics = Metrics::collect();
    let fixture = two_guests_after(3 * HOUR);
    let early =
        run_now(&two_guests_after((3 * HOUR).saturating_sub(Duration::from_millis(1)))).await;
    assert_eq!(early.guests, EndedGuests::default());
    fixture.clock.advance(Duration::from_millis(1));
    let run = run_now(&fixture).await;
    let expected = EndedGuests { due: 2, deleted: 2, ..EndedGuests::default() };
    assert_eq!((run.guests, run.deleted), (expected, 0), "guests do not count as stale");
    assert_eq!(fixture.acs.identities(), []);
    let records = fixture.records.records();
    assert!(records.iter().all(|record| record.state == State::Deleted));
    assert_eq!(metrics.sum("guest_identities_deleted"), Some(2));
    let audit = fixture.records.audit_log();
    assert!(audit.iter().all(|entry| entry.by == Actor::Cleanup { run: "run".to_owned() }));
    assert_eq!(audit.len(), 2);
    assert_eq!(run_now(&fixture).await.guests, EndedGuests::default(), "and never again");
}

#[tokio::test]
async fn r75_a_guest_who_was_away_for_longer_than_the_retention_is_kept_until_due() {
    let unused = Duration::from_hours(24 * 200);
    let late = now() + 2 * unused;
    let guests: Vec<Record> = (0..200_u8)
        .map(|number| {
            let guest = invitation("handle").guest(&numbered(number));
            let state = State::active(&format!("8:acs:{number}"));
            Record { due_at: Some(late), ..record(guest.as_str(), state, now()) }
        })
        .collect();
    let user = record("alice", State::active("8:acs:alice"), now());
    let fixture = CoreFixture::with(guests.into_iter().chain([user]));
    fixture.records.put_invitation(&Invitation { delete_at: late, ..invitation("handle") });
    fixture.clock.advance(unused);
    for mode in [CleanupMode::Plan, CleanupMode::Apply] {
        let time = fixture.clock.now();
        let run = run(&fixture, CleanupRequest { time, ..request(&fixture, mode) }).await;
        assert_eq!((run.stale, run.braked, run.deleted), (1, false, 1), "{mode:?}");
    }
    assert_eq!(active(&fixture), 200, "and the user is deleted");
    let guest = invitation("handle").guest(&numbered(7));
    let (cutoff, actor) = (fixture.clock.now(), Actor::Cleanup { run: "run".to_owned() });
    let (store, acs, clock) = (&fixture.store, &fixture.acs, &fixture.clock);
    let invocation = fixture.invocation("cli");
    let found = store.find(&guest).await.unwrap();
    let outcome = delete_if_unused_since(store, acs, clock, found, cutoff, &actor, &invocation);
    assert_eq!(outcome.await.unwrap(), StaleOutcome::Changed);
}

#[tokio::test]
async fn r75_a_guest_whose_invitation_was_extended_is_kept_until_its_new_end() {
    let fixture = two_guests_after(4 * HOUR);
    let delete_at = now() + 9 * HOUR;
    fixture.records.put_invitation(&Invitation { delete_at, ..invitation("handle") });
    let kept = run_now(&fixture).await;
    assert_eq!(kept.guests, EndedGuests { extended: 2, ..EndedGuests::default() });
    assert_eq!(active(&fixture), 2);
    assert!(fixture.records.records().iter().all(|record| record.due_at == Some(delete_at)));
    fixture.clock.advance(5 * HOUR + Duration::from_millis(1));
    assert_eq!(run_now(&fixture).await.guests.deleted, 2);
}

#[tokio::test]
async fn r75_a_guest_whose_invitation_is_gone_is_deleted_as_well() {
    let guests = [guest('a', State::active("8:acs:a"))];
    let fixture = CoreFixture::with(guests);
    fixture.clock.advance(4 * HOUR);
    assert_eq!(run_now(&fixture).await.guests.deleted, 1);
}

#[tokio::test]
async fn r75_a_blocked_guest_leaves_a_tombstone_with_or_without_an_identity() {
    for state in [State::blocked("8:acs:a"), State::Blocked { acs_id: None }] {
        let fixture = CoreFixture::with([guest('a', state.clone())]);
        fixture.records.put_invitation(&invitation("handle"));
        fixture.clock.advance(2 * HOUR);
        assert_eq!(run_now(&fixture).await.guests.deleted, 0, "not before it is due");
        fixture.clock.advance(2 * HOUR);
        assert_eq!(run_now(&fixture).await.guests.deleted, 1, "{state:?}");
        assert_eq!(fixture.records.records()[0].state, State::Deleted, "{state:?}");
        assert_eq!(fixture.acs.identities(), [], "{state:?}");
    }
}

#[tokio::test]
async fn r75_guests_are_deleted_although_the_brake_applies() {
    let fixture = last_used([91; 60]);
    for letter in ['a', 'b'] {
        let seen = guest(letter, State::active(&format!("8:acs:{letter}")));
        fixture.records.advance(None, &seen).await.unwrap();
        fixture.acs.know(seen.acs_id().unwrap());
    }
    fixture.clock.advance(4 * HOUR);
    let run = run_now(&fixture).await;
    assert_eq!((run.braked, run.deleted, run.guests.deleted), (true, 0, 2));
}

#[tokio::test]
async fn r75_no_guest_is_deleted_in_a_plan_or_if_the_clocks_differ() {
    let hour = HOUR + Duration::from_millis(1);
    for (mode, ahead, behind, skipped) in [
        (CleanupMode::Plan, Duration::ZERO, Duration::ZERO, false),
        (CleanupMode::Apply, hour, Duration::ZERO, true),
        (CleanupMode::Apply, Duration::ZERO, hour, true),
    ] {
        let fixture = two_guests_after(4 * HOUR);
        let time = fixture.clock.now() + ahead - behind;
        let request =
            CleanupRequest { time, guests: mode, ..request(&fixture, CleanupMode::Apply) };
        let run = run(&fixture, request).await;
        assert_eq!(run.guests, EndedGuests { due: 2, skipped, ..EndedGuests::default() });
        assert_eq!(run.guest_mode, Some(mode));
        assert_eq!((active(&fixture), fixture.acs.calls()), (2, vec![]));
    }
    let fixture = two_guests_after(4 * HOUR);
    let time = fixture.clock.now() + HOUR;
    let at_the_limit = CleanupRequest { time, ..request(&fixture, CleanupMode::Apply) };
    assert_eq!(run(&fixture, at_the_limit).await.guests.deleted, 2);
}

#[tokio::test]
async fn r75_the_limits_of_a_run_hold_for_guests() {
    let fixture = two_guests_after(4 * HOUR);
    let limits = CleanupLimits { per_second: 1, most: 1 };
    let time = fixture.clock.now();
    let request = CleanupRequest { time, limits, ..request(&fixture, CleanupMode::Apply) };
    let first = run(&fixture, request).await;
    assert_eq!((first.guests.deleted, active(&fixture)), (1, 1));
    assert_eq!(run_now(&fixture).await.guests.deleted, 1, "the next run continues");
}

/// Attack 15: a token between the list and the mark. The invitation is closed by then, so that only
/// a wrong clock makes this possible.
#[tokio::test]
async fn r75_a_guest_who_gets_a_token_between_read_and_mark_is_kept() {
    let fixture = CoreFixture::with([guest('a', State::active("8:acs:a"))]);
    fixture.records.put_invitation(&invitation("handle"));
    fixture.clock.advance(4 * HOUR);
    let records = fixture.records.clone();
    fixture.store.lose(move |call| {
        if call == StoreCall::Advance(StateName::Deleting) {
            records.meanwhile(|seen| Record { last_issued_at: now() + HOUR, ..seen.clone() });
        }
        None
    });
    assert_eq!(run_now(&fixture).await.guests.deleted, 0);
    assert_eq!((active(&fixture), fixture.acs.calls()), (1, vec![]));
}

/// Attack 21: every way of making a record, except by an invitation.
#[tokio::test]
async fn r71_no_administrator_and_no_event_makes_a_guest() {
    let fixture = CoreFixture::with([]);
    let guest = invitation("handle").guest(&device_of("handle", 'a'));
    let (store, acs, clock) = (&fixture.store, &fixture.acs, &fixture.clock);
    let invocation = fixture.invocation("request");
    let created = CreateIdentityRequest {
        user: guest.clone(),
        token: None,
        resource: None,
        by: administrator(),
        invocation: invocation.clone(),
    };
    let created = create_identity(store, acs, clock, created).await;
    assert!(matches!(created, Err(Error::ReservedExternalId)), "{created:?}");
    let issued = IssueAccessTokenRequest {
        subject: caller(guest.as_str()),
        token: an_hour(),
        invocation: invocation.clone(),
    };
    let issued = issue_access_token(store, acs, clock, issued).await;
    assert!(matches!(issued, Err(Error::ReservedExternalId)), "{issued:?}");
    let (acs_id, resource) = (acs_id("8:acs:1"), ResourceName::MAIN);
    let imported = ImportedIdentity { user: &guest, acs_id: &acs_id, resource: &resource };
    let imported = import_identity(store, clock, imported, &user("root"), &invocation).await;
    assert!(matches!(imported, Err(Error::ReservedExternalId)), "{imported:?}");
    let identity = IdentityRef::External(guest.clone());
    for kind in EventKind::ALL {
        let event = Event { identity: identity.clone(), ..event(kind, clock.now()) };
        let applied = apply_event(store, acs, clock, &event, &invocation).await.unwrap();
        assert!(matches!(applied.effect, Effect::Nothing(_)), "{kind:?}");
    }
    let request = RevokeAccessTokensRequest {
        identity,
        block: true,
        bearer: None,
        if_missing: IfMissing::Create,
        pace: None,
        cause: Cause::of(By::administrator(&user("root"))),
        invocation,
    };
    let blocked = revoke_access_tokens(store, acs, clock, request).await;
    assert!(matches!(blocked, Err(Error::NotFound)), "{blocked:?}");
    assert_eq!((fixture.records.records(), fixture.acs.calls()), (vec![], vec![]));
    // Nor does the bearer of any issuer.
    assert_eq!(ExternalId::of_subject("guest", "a|b"), None);
    assert_eq!(ExternalId::parse_named(guest.as_str()), None);
}
