mod brake;
mod guests;
mod limits;
mod pending;
mod report;
mod resources;
mod revocations;

use super::*;
use crate::ABANDONED_AFTER;
use crate::model::record::Unfinished;
use crate::model::{Actor, ExternalId, Lease, LeaseId, Record, ResourceName, State, StateName};
use crate::operations::issue_access_token::{IssueAccessTokenRequest, issue_access_token};
use crate::ports::{Orphan, RunLog, SHARDS};
use crate::testing::{
    ClientCall, CoreFixture, ManualClock, Metrics, StoreCall, acs_id, an_hour, caller, device_id,
    invitation, order, record, shard_of_user, user,
};

const DAY: Duration = Duration::from_hours(24);

fn now() -> SystemTime {
    ManualClock::default().now()
}

fn days_ago(days: u32) -> SystemTime {
    now() - DAY * days
}

fn name(index: usize) -> ExternalId {
    user(&format!("user-{index}"))
}

fn id(index: usize) -> String {
    format!("8:acs:res_user-{index}")
}

/// Identities that were last used the given numbers of days ago.
fn last_used(days: impl IntoIterator<Item = u32>) -> CoreFixture {
    CoreFixture::with(days.into_iter().enumerate().map(|(index, days)| {
        let state = State::active(&id(index));
        Record {
            last_issued_at: days_ago(days),
            ..record(name(index).as_str(), state, days_ago(999))
        }
    }))
}

/// IDs of users in one shard: letters that are 16 apart give the same sum modulo 16.
fn of_one_shard(count: usize) -> impl Iterator<Item = ExternalId> {
    let letter = |digit: usize| ["A", "Q", "a", "q"][digit % 4];
    (0..count).map(move |index| {
        let letters = [index / 64, index / 16, index / 4, index].map(letter);
        user(&letters.concat())
    })
}

/// Identities of one shard that were last used 91 days ago.
fn stale_in_one_shard(count: usize) -> CoreFixture {
    CoreFixture::with(of_one_shard(count).enumerate().map(|(index, name)| Record {
        last_issued_at: days_ago(91),
        ..record(name.as_str(), State::active(&id(index)), days_ago(999))
    }))
}

fn request(fixture: &CoreFixture, mode: CleanupMode) -> CleanupRequest {
    let mut invocation = fixture.invocation("run");
    invocation.deadline = fixture.clock.now() + Duration::from_mins(15);
    CleanupRequest {
        time: now(),
        retention: Retention::from_days(90).unwrap(),
        mode,
        guests: CleanupMode::Apply,
        is_preview: false,
        limits: CleanupLimits { per_second: CleanupLimits::HALF_OF_ACS, most: 10_000 },
        allow: None,
        invocation,
    }
}

async fn run(fixture: &CoreFixture, request: CleanupRequest) -> CleanupRun {
    delete_stale_identities(&fixture.store, &fixture.acs, &fixture.clock, request).await.unwrap()
}

fn active(fixture: &CoreFixture) -> usize {
    let records = fixture.records.records();
    records.iter().filter(|record| record.state.name() == StateName::Active).count()
}

#[tokio::test]
async fn r30_only_what_was_unused_for_the_whole_period_is_deleted() {
    let fixture = last_used([0, 89, 90, 91, 400]);
    let run = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!((run.stale, run.considered, run.deleted), (2, 2, 2));
    let alive: Vec<_> = fixture.acs.identities().iter().map(ToString::to_string).collect();
    assert_eq!(alive, [id(0), id(1), id(2)], "exactly ninety days is not more");
    assert_eq!(active(&fixture), 3);
    assert_eq!((run.ages.under_180_days, run.ages.a_year_or_more), (1, 1));
}

#[tokio::test]
async fn a_plan_names_exactly_the_stale_ones_and_deletes_none() {
    let fixture = last_used([0, 89, 91, 400]);
    let before = fixture.records.records();
    let run = run(&fixture, request(&fixture, CleanupMode::Plan)).await;
    let mut named: Vec<_> = run.sample.iter().map(|sample| sample.identity.as_str()).collect();
    named.sort_unstable();
    assert_eq!(named, [id(2), id(3)]);
    assert_eq!((run.mode, run.stale, run.considered, run.deleted), (CleanupMode::Plan, 2, 2, 2));
    assert_eq!(fixture.records.records(), before);
    assert_eq!(fixture.acs.calls(), []);
}

#[tokio::test]
async fn r30_a_user_who_returns_between_read_and_mark_keeps_the_identity() {
    let fixture = last_used([91]);
    let records = fixture.records.clone();
    let mut read = false;
    // The user returns after the job has read the record and before it marks it.
    fixture.store.lose(move |call| {
        match call {
            StoreCall::Find => read = true,
            StoreCall::Advance(StateName::Deleting) if read => {
                records.meanwhile(|seen| Record { last_issued_at: now(), ..seen.clone() });
            }
            _ => {}
        }
        None
    });
    let run = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!((run.deleted, run.spared.used), (0, 1));
    assert_eq!((active(&fixture), fixture.acs.calls()), (1, vec![]));
}

#[tokio::test]
async fn an_identity_that_is_changed_between_read_and_mark_is_spared() {
    let fixture = last_used([91]);
    let records = fixture.records.clone();
    fixture.store.lose(move |call| {
        if call == StoreCall::Advance(StateName::Deleting) {
            records.meanwhile(|seen| seen.revoked(&order("r", false, now()), now()));
        }
        None
    });
    let run = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!((run.deleted, run.spared), (0, Spared { used: 0, changed: 1 }));
    assert_eq!((active(&fixture), fixture.acs.calls()), (1, vec![]));
}

#[tokio::test]
async fn a_user_who_returns_after_the_mark_gets_a_new_identity() {
    let fixture = last_used([91]);
    run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    let subject = caller(name(0).as_str());
    let request = IssueAccessTokenRequest {
        subject,
        token: an_hour(),
        invocation: fixture.invocation("back"),
    };
    let issued =
        issue_access_token(&fixture.store, &fixture.acs, &fixture.clock, request).await.unwrap();
    assert!(issued.created);
    assert_ne!(issued.acs_id, acs_id(&id(0)));
}

#[tokio::test]
async fn a_blocked_user_who_is_stale_loses_the_identity_and_stays_blocked() {
    let state = State::blocked("8:acs:1");
    let fixture = CoreFixture::with([Record {
        last_issued_at: days_ago(91),
        ..record("alice", state, days_ago(100))
    }]);
    let first = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!((first.reasons.blocked, first.reasons.unused), (1, 0));
    assert_eq!(fixture.alice().unwrap().state, State::Blocked { acs_id: None });
    assert_eq!(fixture.acs.identities(), []);
    let again = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!(again.stale, 0, "the next run does not find it again");
}

#[tokio::test]
async fn one_identity_is_deleted_only_if_it_is_still_as_unused_as_it_was() {
    let fixture = last_used([91, 0]);
    let cutoff = days_ago(90);
    let actor = Actor::Administrator(user("root"));
    let mut fates = Vec::new();
    for index in [0, 1, 0] {
        let invocation = fixture.invocation("cli");
        let (store, acs, clock) = (&fixture.store, &fixture.acs, &fixture.clock);
        let found = store.find(&name(index)).await.unwrap();
        let fate = delete_if_unused_since(store, acs, clock, found, cutoff, &actor, &invocation);
        fates.push(fate.await.unwrap());
    }
    assert_eq!(fates, [StaleOutcome::Deleted, StaleOutcome::Used, StaleOutcome::Changed]);
}

#[tokio::test]
async fn an_identity_that_was_blocked_after_it_was_found_is_not_deleted() {
    let fixture = last_used([91]);
    let (store, acs, clock) = (&fixture.store, &fixture.acs, &fixture.clock);
    let found = store.find(&name(0)).await.unwrap();
    let blocked = found.as_ref().unwrap().revoked(&order("r", true, now()), now());
    store.advance(found.as_ref(), &blocked).await.unwrap();
    let (actor, invocation) = (Actor::Administrator(user("root")), fixture.invocation("cli"));
    let cutoff = days_ago(90);
    let fate = delete_if_unused_since(store, acs, clock, found, cutoff, &actor, &invocation);
    assert_eq!(fate.await.unwrap(), StaleOutcome::Changed);
    assert_eq!(store.find(&name(0)).await.unwrap(), Some(blocked));
    assert_eq!(fixture.acs.identities().len(), 1);
}

#[test]
fn two_days_is_the_shortest_retention() {
    assert_eq!(Retention::from_days(1), None);
    assert_eq!(Retention::from_days(2).unwrap().cutoff(now()), days_ago(2));
    assert_eq!(Retention::from_days(100_000), None);
}
