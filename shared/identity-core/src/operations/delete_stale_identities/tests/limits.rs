use super::*;

/// Saves an earlier run that stopped in this shard.
async fn stopped_before(fixture: &CoreFixture, shard: u8) {
    let stopped = Some(Stopped { because: Limit::Maximum, shard });
    let (id, mode) = ("before".to_owned(), CleanupMode::Apply);
    let before = CleanupRun { id, mode, stopped, ..CleanupRun::default() };
    fixture.records.save_run(&before).await.unwrap();
}

#[tokio::test]
async fn a_key_that_acs_refuses_does_not_mark_every_identity() {
    let fixture = last_used((0..40).map(|_| 91));
    fixture.acs.fail(|_| Some(Error::AcsRefused("401".into())));
    let found = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!(found.stopped.unwrap().because, Limit::AlwaysFails);
    assert!(active(&fixture) >= 25, "{}", active(&fixture));
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
    let shard = shard_of_user(&of_one_shard(1).next().unwrap());
    assert_eq!(found.stopped, Some(Stopped { because: Limit::Deadline, shard }));
    assert!((1..40).contains(&found.deleted), "{}", found.deleted);
}

#[tokio::test]
async fn r33_the_next_run_begins_with_the_shard_in_which_the_last_one_stopped() {
    for begins in [0, 5, SHARDS - 1] {
        let names = (b'A'..).take(usize::from(SHARDS)).map(|letter| char::from(letter).to_string());
        let one_of_each_shard = names.map(|name| Record {
            last_issued_at: days_ago(91),
            ..record(&name, State::active(&format!("8:acs:{name}")), days_ago(999))
        });
        let fixture = CoreFixture::with(one_of_each_shard);
        stopped_before(&fixture, begins).await;
        let limits = CleanupLimits { per_second: 8, most: 1 };
        let apply = request(&fixture, CleanupMode::Apply);
        run(&fixture, CleanupRequest { limits, ..apply }).await;
        let records = fixture.records.records();
        let gone = records.iter().filter(|record| record.state == State::Deleted);
        let gone: Vec<_> = gone.map(|record| shard_of_user(&record.external_id)).collect();
        assert_eq!(gone, [begins]);
    }
}

#[tokio::test]
async fn a_run_that_stops_among_the_orphans_leaves_the_next_shard_as_it_was() {
    let fixture = CoreFixture::with([]);
    for index in 0..40 {
        let acs_id = acs_id(&id(index));
        let orphan =
            Orphan { acs_id, user: name(index), resource: ResourceName::MAIN, noted_at: now() };
        fixture.records.note_orphan(&orphan).await.unwrap();
    }
    stopped_before(&fixture, 5).await;
    let mut short = request(&fixture, CleanupMode::Apply);
    short.invocation.deadline = fixture.clock.now() + Duration::from_secs(6);
    let found = run(&fixture, short).await;
    assert_eq!(found.continued_from.as_deref(), Some("before"));
    assert_eq!(found.stopped, Some(Stopped { because: Limit::Deadline, shard: 5 }));
    assert!((1..40).contains(&found.finished.orphans), "{}", found.finished.orphans);
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
async fn r33_a_pause_beyond_the_deadline_ends_the_run_before_it_and_counts_no_attempt() {
    let fixture = last_used((0..20).map(|_| 91));
    let mut first = true;
    fixture.acs.fail(move |_| {
        let (retry_after, source) = (Duration::from_secs(27), "429".into());
        std::mem::take(&mut first).then_some(Error::Throttled { retry_after, source })
    });
    let mut short = request(&fixture, CleanupMode::Apply);
    let deadline = fixture.clock.now() + Duration::from_secs(30);
    short.invocation.deadline = deadline;
    let found = run(&fixture, short).await;
    assert_eq!(found.stopped.unwrap().because, Limit::Deadline);
    assert!(found.finished_at.is_some() && fixture.clock.now() < deadline);
    assert_eq!((found.failed, found.deleted), (0, 0));
    assert!(fixture.records.records().iter().all(|record| record.attempts == 0));
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
async fn an_outage_of_acs_ends_the_run_before_it_marks_every_identity() {
    let fixture = last_used((0..40).map(|_| 91));
    fixture
        .acs
        .fail(|_| Some(Error::AcsUnavailable { maybe_applied: true, source: "down".into() }));
    let run = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!(run.stopped.unwrap().because, Limit::AcsUnavailable);
    assert!(active(&fixture) >= 30, "{}", active(&fixture));
}
