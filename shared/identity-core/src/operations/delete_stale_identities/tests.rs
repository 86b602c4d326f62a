use std::collections::BTreeMap;

use super::*;
use crate::{
    ABANDONED_AFTER,
    model::{
        audit::Actor,
        identity::ExternalId,
        record::{Lease, LeaseId, Record, State, StateName, Unfinished},
    },
    operations::issue_access_token::{IssueAccessTokenRequest, issue_access_token},
    ports::{Orphan, RunLog, SHARDS},
    testing::{
        ClientCall, CoreFixture, ManualClock, Metrics, StoreCall, acs_id, an_hour, caller, order,
        record, user,
    },
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

fn request(fixture: &CoreFixture, mode: CleanupMode) -> CleanupRequest {
    let mut invocation = fixture.invocation("run");
    invocation.deadline = fixture.clock.now() + Duration::from_mins(15);
    CleanupRequest {
        time: now(),
        retention: Retention::from_days(90).unwrap(),
        mode,
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
async fn r30_somebody_who_returns_between_read_and_mark_keeps_everything() {
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
async fn somebody_who_returns_after_the_mark_gets_a_fresh_identity() {
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
    assert_eq!(again.stale, 0, "and is not met again");
}

#[tokio::test]
async fn r34_more_than_five_percent_and_more_than_fifty_are_not_deleted() {
    for (stale, total, braked) in
        [(50, 50, false), (51, 1020, false), (51, 1019, true), (1000, 1000, true), (51, 0, true)]
    {
        assert_eq!(is_braked(stale, total, None), braked, "{stale} of {total}");
    }
    let fixture = last_used((0..60).map(|_| 91));
    let run = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert!(run.braked);
    assert_eq!((run.deleted, active(&fixture), fixture.acs.calls()), (0, 60, vec![]));
}

#[tokio::test]
async fn r34_a_clock_far_ahead_deletes_nobody() {
    let fixture = last_used((0..100).map(|_| 0));
    let time = now() + DAY * 400;
    let run = run(&fixture, CleanupRequest { time, ..request(&fixture, CleanupMode::Apply) }).await;
    assert!(run.braked);
    assert_eq!(active(&fixture), 100);
}

#[tokio::test]
async fn r34_what_an_operator_lets_through_is_let_through_once() {
    let fixture = last_used((0..120).map(|_| 91));
    let limits = CleanupLimits { per_second: 8, most: 70 };
    let allowed =
        CleanupRequest { allow: Some(120), limits, ..request(&fixture, CleanupMode::Apply) };
    let first = run(&fixture, allowed).await;
    assert_eq!((first.braked, first.deleted, first.allowance), (false, 70, None));
    // The remaining 50 do not trigger the brake.
    let second = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!((second.braked, second.deleted), (false, 50));

    let fixture = last_used((0..200).map(|_| 91));
    let allowed =
        CleanupRequest { allow: Some(200), limits, ..request(&fixture, CleanupMode::Apply) };
    let first = run(&fixture, allowed).await;
    assert_eq!((first.deleted, first.allowance.unwrap().left), (70, 130), "for the next runs");
    let second =
        run(&fixture, CleanupRequest { limits, ..request(&fixture, CleanupMode::Apply) }).await;
    assert_eq!((second.braked, second.deleted), (false, 70));
    assert_eq!(second.allowance.unwrap().left, 60);
    let too_few = last_used((0..120).map(|_| 91));
    let asked = CleanupRequest { allow: Some(119), ..request(&too_few, CleanupMode::Apply) };
    assert!(run(&too_few, asked).await.braked, "more have become stale than were let through");
}

#[tokio::test]
async fn r34_a_plan_lets_nothing_through_and_neither_does_a_run_that_was_killed() {
    let fixture = last_used((0..120).map(|_| 91));
    run(&fixture, CleanupRequest { allow: Some(120), ..request(&fixture, CleanupMode::Plan) })
        .await;
    assert!(run(&fixture, request(&fixture, CleanupMode::Apply)).await.braked, "a plan");

    let started = CleanupRun {
        id: "killed".to_owned(),
        mode: CleanupMode::Apply,
        allowance: Some(Allowance { left: 120, cutoff: days_ago(90).into() }),
        ..CleanupRun::default()
    };
    fixture.records.save_run(&started).await.unwrap();
    let next = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert!(next.braked, "a run that was killed");
    assert_eq!(next.continued_from, Some("killed".to_owned()));

    assert_eq!(active(&fixture), 120);
}

#[tokio::test]
async fn r34_what_an_operator_lets_through_expires_after_seven_days() {
    for (days, braked) in [(7, false), (8, true)] {
        let fixture = last_used((0..120).map(|_| 91));
        let previous = CleanupRun {
            id: "previous".to_owned(),
            mode: CleanupMode::Apply,
            finished_at: Some(now().into()),
            allowance: Some(Allowance { left: 120, cutoff: days_ago(90).into() }),
            ..CleanupRun::default()
        };
        fixture.records.save_run(&previous).await.unwrap();
        let time = now() + DAY * days;
        let later =
            run(&fixture, CleanupRequest { time, ..request(&fixture, CleanupMode::Apply) }).await;
        assert_eq!(later.braked, braked, "{days}");
    }
}

#[tokio::test]
async fn only_a_run_that_deletes_continues_an_interrupted_one_that_deleted() {
    for (interrupted, mode, continues) in [
        (CleanupMode::Apply, CleanupMode::Apply, true),
        (CleanupMode::Apply, CleanupMode::Plan, false),
        (CleanupMode::Plan, CleanupMode::Apply, false),
        (CleanupMode::Plan, CleanupMode::Plan, false),
    ] {
        let fixture = CoreFixture::with([]);
        let stopped = Some(Stopped { because: Limit::Deadline, shard: 5 });
        let id = "interrupted".to_owned();
        let previous = CleanupRun { id, mode: interrupted, stopped, ..CleanupRun::default() };
        fixture.records.save_run(&previous).await.unwrap();
        let run = run(&fixture, request(&fixture, mode)).await;
        assert_eq!(run.continued_from.is_some(), continues, "{interrupted:?}, {mode:?}");
    }
}

#[tokio::test]
async fn a_run_is_kept_with_its_times_and_its_numbers() {
    let fixture = last_used([0, 91, 400]);
    let blocked = record("bob", State::blocked("8:acs:bob"), days_ago(200));
    fixture.records.advance(None, &blocked).await.unwrap();
    let previous = CleanupRun {
        id: "previous".to_owned(),
        finished_at: Some(now().into()),
        ..CleanupRun::default()
    };
    fixture.records.save_run(&previous).await.unwrap();
    fixture.clock.advance(Duration::from_secs(7));
    let started_at = fixture.clock.now();
    let found = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert!(fixture.clock.now() > started_at, "the run kept its pace");
    let sample = |identity: &str, days, blocked| IdentitySample {
        identity: identity.to_owned(),
        last_issued_at: days_ago(days).into(),
        blocked,
    };
    let expected = CleanupRun {
        id: "run".to_owned(),
        mode: CleanupMode::Apply,
        time: now().into(),
        cutoff: days_ago(90).into(),
        started_at: started_at.into(),
        finished_at: Some(fixture.clock.now().into()),
        previous: Some("previous".to_owned()),
        total: 4,
        stale: 3,
        considered: 3,
        deleted: 3,
        ages: Ages { under_180_days: 1, under_a_year: 1, a_year_or_more: 1, ..Ages::default() },
        reasons: Reasons { unused: 2, blocked: 1 },
        sample: vec![
            sample("8:acs:bob", 200, true),
            sample(&id(1), 91, false),
            sample(&id(2), 400, false),
        ],
        ..CleanupRun::default()
    };
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_metrics_of_a_run_count_deletions_and_brakes_only_if_it_deletes() {
    for (mode, stale, deleted, braked) in [
        (CleanupMode::Apply, 3, 3, 0),
        (CleanupMode::Plan, 3, 0, 0),
        (CleanupMode::Apply, 60, 0, 1),
        (CleanupMode::Plan, 60, 0, 0),
    ] {
        let fixture = last_used((0..stale).map(|_| 91));
        let metrics = Metrics::collect();
        run(&fixture, request(&fixture, mode)).await;
        for (name, value) in [
            ("stale_identities", stale),
            ("identities_deleted", deleted),
            ("cleanup_braked", braked),
        ] {
            let found = metrics.sum(name).unwrap_or_default();
            assert_eq!(found, value, "{name} in {mode:?} of {stale}");
        }
    }
}

#[tokio::test]
async fn r34_what_is_stuck_or_on_its_way_out_does_not_hold_the_brake() {
    let old = days_ago(100);
    let stuck = State::Stuck {
        acs_id: acs_id("8:acs:s"),
        blocked: false,
        unfinished: Unfinished::Deletion,
    };
    let fixture =
        CoreFixture::with((0..60).map(|index| record(name(index).as_str(), stuck.clone(), old)));
    let found = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!((found.stale, found.braked, found.stuck), (0, false, 60));
    assert_eq!((found.considered, found.spared), (0, Spared::default()));
}

#[tokio::test]
async fn a_key_that_acs_refuses_does_not_mark_everybody() {
    let fixture = last_used((0..40).map(|_| 91));
    fixture.acs.fail(|_| Some(Error::AcsRefused("401".into())));
    let found = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!(found.stopped.unwrap().because, Limit::AlwaysFails);
    assert!(active(&fixture) >= 25, "{}", active(&fixture));
}

#[tokio::test]
async fn r35_one_run_tries_each_of_them_once() {
    let old = days_ago(100);
    let names = (0..300).map(|index| name(index * 256));
    let fixture = CoreFixture::with(
        names
            .enumerate()
            .map(|(index, name)| record(name.as_str(), State::deleting(&id(index)), old)),
    );
    let mut calls = 0_u32;
    fixture.acs.fail(move |_| {
        calls += 1;
        (calls % 2 == 1).then(|| Error::AcsRefused("400".into()))
    });
    let found = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!(found.failed + found.finished.deletions, 300);
    assert!(fixture.records.records().iter().all(|record| record.attempts <= 1));
}

#[tokio::test]
async fn a_run_names_all_of_few_and_some_of_each_shard_of_many() {
    let few = last_used((0..60).map(|_| 91));
    assert_eq!(run(&few, request(&few, CleanupMode::Plan)).await.sample.len(), 60);
    let many = last_used((0..2000).map(|_| 91));
    let sample = run(&many, request(&many, CleanupMode::Plan)).await.sample;
    assert_eq!(sample.len(), 96);
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

#[tokio::test]
async fn a_sample_has_the_longest_unused_of_each_shard_and_all_of_few() {
    let fixture = last_used((0..1000).map(|index| 91 + index));
    let mut shards: BTreeMap<u8, Vec<Millis>> = BTreeMap::new();
    for record in fixture.records.records().into_iter().rev() {
        let shard = record.external_id.as_str().bytes().fold(0_u8, u8::wrapping_add) % SHARDS;
        shards.entry(shard).or_default().push(record.last_issued_at.into());
    }
    let longest_unused = shards.into_values().flat_map(|mut shard| {
        shard.sort_unstable();
        shard.truncate(6);
        shard
    });
    let found = run(&fixture, request(&fixture, CleanupMode::Plan)).await;
    let sample: Vec<_> = found.sample.iter().map(|sample| sample.last_issued_at).collect();
    assert_eq!(sample, longest_unused.collect::<Vec<_>>());

    let few = stale_in_one_shard(40);
    assert_eq!(run(&few, request(&few, CleanupMode::Plan)).await.sample.len(), 40);
}

#[tokio::test]
async fn a_count_reads_a_shard_of_2000_in_one_request() {
    let fixture = stale_in_one_shard(250);
    assert_eq!(run(&fixture, request(&fixture, CleanupMode::Plan)).await.stale, 250);
    let counts = fixture.store.calls().iter().filter(|call| **call == StoreCall::Count).count();
    assert_eq!(counts, usize::from(SHARDS));
}

#[tokio::test]
async fn r35_a_run_reads_on_until_it_meets_what_it_has_tried_itself() {
    let old = days_ago(100);
    let fixture = CoreFixture::with(of_one_shard(160).enumerate().map(|(index, name)| Record {
        attempts: 5,
        ..record(name.as_str(), State::deleting(&id(index)), old)
    }));
    let mut calls = 0_u32;
    fixture.acs.fail(move |_| {
        calls += 1;
        (calls % 2 == 1).then(|| Error::AcsRefused("400".into()))
    });
    let found = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!((found.finished.deletions, found.failed), (80, 80));
    assert_eq!(found.stuck, 80, "each is counted once");
    let lists = fixture.store.calls().iter().filter(|call| **call == StoreCall::List).count();
    // One read per shard of each of the two indexes, and a second page of one shard.
    assert_eq!(lists, 2 * usize::from(SHARDS) + 1);
}

#[tokio::test]
async fn a_revocation_that_is_confirmed_meanwhile_is_not_taken_up() {
    let pending = record("alice", State::active("8:acs:1"), now());
    let fixture = CoreFixture::with([pending.revoked(&order("r", false, now()), now())]);
    fixture.clock.advance(ABANDONED_AFTER);
    let records = fixture.records.clone();
    fixture.store.lose(move |call| {
        if call == StoreCall::Find {
            records.meanwhile(|seen| seen.revocation_confirmed(now()));
        }
        None
    });
    let found = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!(found.finished, Finished::default());
    let is_write = |call: &StoreCall| matches!(call, StoreCall::Advance(_));
    assert_eq!(fixture.store.calls().into_iter().find(is_write), None);
}

#[tokio::test]
async fn r33_a_run_keeps_its_pace() {
    let fixture = last_used((0..41).map(|_| 91));
    let run = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!(run.deleted, 41);
    assert!(fixture.clock.elapsed() >= Duration::from_secs(5), "40 intervals of an eighth");
}

#[tokio::test]
async fn r33_a_run_stops_with_two_seconds_left_and_the_next_goes_on_from_there() {
    let fixture = last_used((0..40).map(|_| 91));
    let mut short = request(&fixture, CleanupMode::Apply);
    short.invocation.deadline = fixture.clock.now() + Duration::from_secs(6);
    let deadline = short.invocation.deadline;
    let first = run(&fixture, short).await;
    assert!(deadline.duration_since(fixture.clock.now()).unwrap() >= Duration::from_secs(2));
    let stopped = first.stopped.unwrap();
    assert_eq!(stopped.because, Limit::Deadline);
    assert!((1..40).contains(&first.deleted), "{}", first.deleted);
    let mut next = request(&fixture, CleanupMode::Apply);
    next.invocation.id = "next".to_owned();
    let second = run(&fixture, next).await;
    assert_eq!(second.continued_from, Some("run".to_owned()));
    assert_eq!(first.deleted + second.deleted, 40);
    assert_eq!(fixture.acs.identities(), []);
}

#[tokio::test]
async fn r34_a_run_without_the_time_to_count_deletes_nobody() {
    let fixture = last_used((0..60).map(|_| 91));
    let mut late = request(&fixture, CleanupMode::Apply);
    late.invocation.deadline = fixture.clock.now() + Duration::from_secs(3);
    let run = run(&fixture, late).await;
    assert_eq!((run.stale, run.deleted), (0, 0));
    assert_eq!(run.stopped.unwrap().because, Limit::Deadline);
}

#[tokio::test]
async fn a_run_begins_nothing_with_less_than_four_seconds_left() {
    for (milliseconds, stops) in [(4_000, false), (3_999, true)] {
        let fixture = CoreFixture::with([]);
        let mut short = request(&fixture, CleanupMode::Apply);
        short.invocation.deadline = fixture.clock.now() + Duration::from_millis(milliseconds);
        assert_eq!(run(&fixture, short).await.stopped.is_some(), stops, "{milliseconds}");
    }
}

#[tokio::test]
async fn r33_a_run_stops_in_the_middle_of_a_shard() {
    let fixture = stale_in_one_shard(40);
    let mut short = request(&fixture, CleanupMode::Apply);
    short.invocation.deadline = fixture.clock.now() + Duration::from_secs(6);
    let deadline = short.invocation.deadline;
    let found = run(&fixture, short).await;
    assert!(deadline.duration_since(fixture.clock.now()).unwrap() >= Duration::from_secs(2));
    assert_eq!(found.stopped.unwrap().because, Limit::Deadline);
    assert!((1..40).contains(&found.deleted), "{}", found.deleted);
}

#[tokio::test]
async fn a_run_that_stops_among_the_orphans_stops_in_the_last_shard() {
    let fixture = CoreFixture::with([]);
    for index in 0..40 {
        let acs_id = acs_id(&id(index));
        let orphan = Orphan { acs_id, user: name(index), noted_at: now() };
        fixture.records.note_orphan(&orphan).await.unwrap();
    }
    let mut short = request(&fixture, CleanupMode::Apply);
    short.invocation.deadline = fixture.clock.now() + Duration::from_secs(6);
    let found = run(&fixture, short).await;
    assert_eq!(found.stopped, Some(Stopped { because: Limit::Deadline, shard: SHARDS - 1 }));
    assert!((1..40).contains(&found.finished.orphans), "{}", found.finished.orphans);
}

#[tokio::test]
async fn an_orphan_that_could_not_be_deleted_for_a_day_is_stuck() {
    for (age, deleted, stuck) in [(DAY, 1, 0), (DAY + Duration::from_millis(1), 0, 1)] {
        let fixture = CoreFixture::with([]);
        let acs_id = acs_id("8:acs:res_lost");
        let orphan = Orphan { acs_id, user: user("alice"), noted_at: now() };
        fixture.records.note_orphan(&orphan).await.unwrap();
        fixture.clock.advance(age);
        let found = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
        assert_eq!((found.finished.orphans, found.stuck), (deleted, stuck), "{age:?}");
    }
}

#[tokio::test]
async fn r33_a_throttled_run_waits_only_if_the_deadline_is_more_than_four_seconds_later() {
    for (seconds, deleted) in [(26, 1), (27, 0)] {
        let fixture = last_used([91]);
        let mut first = true;
        fixture.acs.fail(move |_| {
            let retry_after = Duration::from_secs(seconds);
            let source = "429".into();
            std::mem::take(&mut first).then_some(Error::Throttled { retry_after, source })
        });
        let mut short = request(&fixture, CleanupMode::Apply);
        short.invocation.deadline = fixture.clock.now() + Duration::from_secs(30);
        let found = run(&fixture, short).await;
        assert_eq!(found.deleted, deleted, "{seconds}");
        let stopped = found.stopped.map(|stopped| stopped.because);
        assert_eq!(stopped, (deleted == 0).then_some(Limit::Deadline), "{seconds}");
    }
}

#[tokio::test]
async fn r33_a_run_deletes_no_more_than_it_may() {
    let fixture = last_used((0..20).map(|_| 91));
    let limits = CleanupLimits { per_second: 8, most: 7 };
    let run =
        run(&fixture, CleanupRequest { limits, ..request(&fixture, CleanupMode::Apply) }).await;
    assert_eq!((run.deleted, run.stopped.unwrap().because), (7, Limit::Maximum));
    assert_eq!(fixture.acs.identities().len(), 13);
}

#[tokio::test]
async fn r33_a_throttled_run_waits_as_long_as_acs_asks_and_loses_nothing() {
    let fixture = last_used([91]);
    let mut first = true;
    fixture.acs.fail(move |_| {
        let retry_after = Duration::from_secs(20);
        std::mem::take(&mut first).then(|| Error::Throttled { retry_after, source: "429".into() })
    });
    let run = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!((run.deleted, run.failed), (1, 0));
    assert!(fixture.clock.elapsed() >= Duration::from_secs(20));
}

#[tokio::test]
async fn r33_a_throttled_revocation_is_left_to_the_next_run() {
    let pending = record("alice", State::active("8:acs:1"), now());
    let pending = pending.revoked(&order("r", false, now()), now());
    let fixture = CoreFixture::with([pending]);
    fixture.clock.advance(ABANDONED_AFTER);
    let mut first = true;
    fixture.acs.fail(move |_| {
        let retry_after = Duration::from_secs(20);
        std::mem::take(&mut first).then(|| Error::Throttled { retry_after, source: "429".into() })
    });
    let throttled = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!((throttled.finished.revocations, throttled.failed), (0, 0));
    fixture.clock.advance(ABANDONED_AFTER);
    assert_eq!(run(&fixture, request(&fixture, CleanupMode::Apply)).await.finished.revocations, 1);
}

#[tokio::test]
async fn an_outage_of_acs_ends_the_run_before_it_marks_everybody() {
    let fixture = last_used((0..40).map(|_| 91));
    fixture
        .acs
        .fail(|_| Some(Error::AcsUnavailable { maybe_applied: true, source: "down".into() }));
    let run = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!(run.stopped.unwrap().because, Limit::AcsUnavailable);
    assert!(active(&fixture) >= 30, "{}", active(&fixture));
}

#[tokio::test]
async fn r31_what_a_dead_run_marked_the_next_one_finishes() {
    let fixture = CoreFixture::where_alice_is(State::deleting("8:acs:1"));
    let young = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!(young.finished.deletions, 0, "its author may be alive");
    fixture.clock.advance(ABANDONED_AFTER);
    let plan = run(&fixture, request(&fixture, CleanupMode::Plan)).await;
    assert_eq!(
        (plan.finished.deletions, fixture.acs.calls()),
        (0, vec![]),
        "a plan deletes nothing"
    );
    let old = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!(old.finished.deletions, 1);
    assert_eq!(fixture.alice().unwrap().state, State::Deleted);
}

#[tokio::test]
async fn a_revocation_somebody_died_in_is_finished_in_a_plan_too() {
    let pending =
        record("alice", State::active("8:acs:1"), now()).revoked(&order("r", true, now()), now());
    let fixture = CoreFixture::with([pending]);
    fixture.clock.advance(ABANDONED_AFTER);
    let run = run(&fixture, request(&fixture, CleanupMode::Plan)).await;
    assert_eq!(run.finished.revocations, 1);
    assert_eq!(fixture.acs.calls(), [ClientCall::Revoke]);
    let record = fixture.alice().unwrap();
    assert_eq!(record.pending_revocation, None);
    assert!(record.receipts[0].revoked_at.is_some());
}

#[tokio::test]
async fn r05_a_reservation_whose_owner_died_is_released_and_counted() {
    let ends = now() + Duration::from_secs(15);
    let lease = Lease { id: LeaseId("dead".to_owned()), ends };
    let fixture = CoreFixture::with([Record::reserved(&user("alice"), None, lease, now())]);
    assert_eq!(run(&fixture, request(&fixture, CleanupMode::Apply)).await.finished.reservations, 0);
    fixture.clock.advance(Duration::from_secs(16));
    assert_eq!(run(&fixture, request(&fixture, CleanupMode::Apply)).await.finished.reservations, 1);
    assert_eq!(fixture.alice().unwrap().state, State::Deleted);
}

#[tokio::test]
async fn r35_what_cannot_be_deleted_is_stuck_after_six_attempts_and_others_are_not_affected() {
    let fixture = last_used([91, 92, 93]);
    let bad = id(1);
    let store = fixture.records.clone();
    // ACS refuses one of the identities, for every caller.
    fixture.acs.fail(move |call| {
        let bad = acs_id(&bad);
        let deleting =
            store.records().into_iter().filter(|record| record.state.name() == StateName::Deleting);
        let only_bad =
            deleting.map(|record| record.acs_id().cloned()).all(|id| id == Some(bad.clone()));
        (call == ClientCall::Delete && only_bad).then(|| Error::AcsRefused("400".into()))
    });
    let mut failed = 0;
    for _ in 0..8 {
        failed += run(&fixture, request(&fixture, CleanupMode::Apply)).await.failed;
        fixture.clock.advance(ABANDONED_AFTER);
    }
    assert_eq!(failed, 6, "and nobody tries again");
    let stuck: Vec<_> = fixture
        .records
        .records()
        .into_iter()
        .filter(|record| record.state.name() == StateName::Stuck)
        .collect();
    let [stuck] = &stuck[..] else { panic!("{stuck:?}") };
    assert!(matches!(stuck.state, State::Stuck { unfinished: Unfinished::Deletion, .. }));
    let report = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!((report.stuck, report.failed), (1, 0));
}

#[tokio::test]
async fn an_orphan_that_the_store_has_is_left_alone_and_one_it_has_not_is_deleted() {
    let fixture = last_used([0, 1]);
    let noted = |acs_id, user| Orphan { acs_id, user, noted_at: now() };
    let lost = acs_id("8:acs:res_lost");
    fixture.acs.know(&lost);
    for orphan in [noted(acs_id(&id(0)), name(0)), noted(lost, name(1))] {
        fixture.records.note_orphan(&orphan).await.unwrap();
    }
    let run = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!(run.finished.orphans, 1);
    let alive: Vec<_> = fixture.acs.identities().iter().map(ToString::to_string).collect();
    assert_eq!(alive, [id(0), id(1)]);
    assert_eq!(fixture.records.orphans().await.unwrap(), []);
}

#[tokio::test]
async fn r35_an_identity_of_another_resource_is_stuck_after_six_attempts_and_never_deleted() {
    let fixture = last_used([91, 92, 0]);
    let blocked = record("bob", State::blocked("8:acs:res_bob"), now());
    let revoked = blocked.revoked(&order("r", true, now()), now());
    fixture.records.advance(None, &revoked).await.unwrap();
    for foreign in [id(0), "8:acs:res_bob".to_owned()] {
        fixture.acs.know(&acs_id(&foreign));
        fixture.acs.disown(&acs_id(&foreign));
    }
    let mut failed = 0;
    for _ in 0..8 {
        fixture.clock.advance(ABANDONED_AFTER);
        failed += run(&fixture, request(&fixture, CleanupMode::Apply)).await.failed;
    }
    assert_eq!(failed, 12, "six attempts for each of the two");
    let alive: Vec<_> = fixture.acs.identities().iter().map(ToString::to_string).collect();
    assert_eq!(alive, ["8:acs:res_bob".to_owned(), id(0), id(2)]);
    let stuck: Vec<_> = fixture
        .records
        .records()
        .into_iter()
        .filter_map(|record| {
            matches!(record.state, State::Stuck { .. })
                .then(|| record.acs_id().map(ToString::to_string))
        })
        .collect();
    assert_eq!(stuck.len(), 2, "{stuck:?}");
}

#[tokio::test]
async fn an_orphan_of_another_resource_is_not_forgotten() {
    let fixture = CoreFixture::with([]);
    let lost = acs_id("8:acs:other_lost");
    fixture.acs.know(&lost);
    fixture.acs.disown(&lost);
    let orphan = Orphan { acs_id: lost.clone(), user: user("alice"), noted_at: now() };
    fixture.records.note_orphan(&orphan).await.unwrap();
    let run = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!((run.finished.orphans, run.failed), (0, 1));
    assert_eq!(fixture.acs.identities(), [lost]);
    assert_eq!(fixture.records.orphans().await.unwrap(), [orphan]);
}

#[tokio::test]
async fn an_orphan_of_a_living_reservation_waits() {
    let lease = Lease { id: LeaseId("living".to_owned()), ends: now() + Duration::from_mins(1) };
    let fixture = CoreFixture::with([Record::reserved(&user("alice"), None, lease, now())]);
    let acs_id = acs_id("8:acs:res_1");
    fixture.acs.know(&acs_id);
    let orphan = Orphan { acs_id, user: user("alice"), noted_at: now() };
    fixture.records.note_orphan(&orphan).await.unwrap();
    run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!(fixture.records.orphans().await.unwrap(), [orphan], "its activation may still come");
    assert_eq!(fixture.acs.identities().len(), 1);
}

#[tokio::test]
async fn a_run_is_on_record_from_its_beginning() {
    let fixture = last_used([91]);
    fixture.store.lose(|call| (call == StoreCall::Total).then_some(crate::testing::Loss::Request));
    let failed = delete_stale_identities(
        &fixture.store,
        &fixture.acs,
        &fixture.clock,
        request(&fixture, CleanupMode::Apply),
    );
    assert!(matches!(failed.await, Err(Error::StoreUnavailable(_))));
    let [started] = &fixture.records.runs()[..] else { panic!("one run") };
    assert_eq!((started.id.as_str(), started.finished_at), ("run", None));
    fixture.store.lose(|_| None);
    let done = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!(fixture.records.runs(), [done]);
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
        let fate =
            delete_if_unused_since(store, acs, clock, &name(index), cutoff, &actor, &invocation)
                .await;
        fates.push(fate.unwrap());
    }
    assert_eq!(fates, [StaleOutcome::Deleted, StaleOutcome::Used, StaleOutcome::Changed]);
}

#[test]
fn two_days_is_the_shortest_retention() {
    assert_eq!(Retention::from_days(1), None);
    assert_eq!(Retention::from_days(2).unwrap().cutoff(now()), days_ago(2));
    assert_eq!(Retention::from_days(100_000), None);
}
