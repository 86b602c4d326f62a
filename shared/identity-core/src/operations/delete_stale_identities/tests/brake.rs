use super::*;

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
async fn r34_guests_and_deleted_users_do_not_release_the_brake() {
    for (users, is_braked) in [(1_200, false), (1_199, true)] {
        let fixture = last_used((0..users).map(|index| if index < 60 { 91 } else { 1 }));
        let guest = invitation("handle").guest(&device_id('a'));
        let state = State::active("8:acs:guest");
        let others = [
            Record { due_at: Some(now()), ..record(guest.as_str(), state, now()) },
            record("gone", State::Deleted, now()),
        ];
        for record in others {
            fixture.records.advance(None, &record).await.unwrap();
        }
        let found = run(&fixture, request(&fixture, CleanupMode::Plan)).await;
        assert_eq!((found.stale, found.braked), (60, is_braked), "60 of {users} users");
    }
}

#[tokio::test]
async fn r34_a_clock_far_ahead_deletes_no_identity() {
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
async fn r34_a_run_that_stops_before_it_has_counted_keeps_what_is_let_through() {
    let fixture = last_used((0..200).map(|_| 91));
    let limits = CleanupLimits { per_second: 8, most: 70 };
    let allowed =
        CleanupRequest { allow: Some(200), limits, ..request(&fixture, CleanupMode::Apply) };
    assert_eq!(run(&fixture, allowed).await.allowance.unwrap().left, 130);
    let mut short = request(&fixture, CleanupMode::Apply);
    short.invocation.deadline = fixture.clock.now() + Duration::from_secs(3);
    let stopped = run(&fixture, short).await;
    assert_eq!((stopped.stopped.unwrap().because, stopped.stale), (Limit::Deadline, 0));
    assert_eq!(stopped.allowance.unwrap().left, 130);
    let next = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!((next.braked, next.deleted), (false, 130));
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
async fn r34_a_run_without_the_time_to_count_deletes_no_identity() {
    let fixture = last_used((0..60).map(|_| 91));
    let mut late = request(&fixture, CleanupMode::Apply);
    late.invocation.deadline = fixture.clock.now() + Duration::from_secs(3);
    let run = run(&fixture, late).await;
    assert_eq!((run.stale, run.deleted), (0, 0));
    assert_eq!(run.stopped.unwrap().because, Limit::Deadline);
}
