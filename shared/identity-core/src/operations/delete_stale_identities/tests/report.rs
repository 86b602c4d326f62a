use std::collections::BTreeMap;

use super::*;

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
        guest_mode: Some(CleanupMode::Apply),
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
async fn a_plan_that_was_asked_for_is_no_run_of_the_schedule_for_the_alarm() {
    for (is_preview, counted) in [(false, Some(3)), (true, None)] {
        let fixture = last_used([91, 91, 91]);
        let metrics = Metrics::collect();
        let plan = request(&fixture, CleanupMode::Plan);
        let found = run(&fixture, CleanupRequest { is_preview, ..plan }).await;
        assert_eq!((metrics.sum("stale_identities"), found.stale), (counted, 3));
    }
}

#[tokio::test]
async fn a_run_names_all_of_few_and_some_of_each_shard_of_many() {
    let few = last_used((0..60).map(|_| 91));
    assert_eq!(run(&few, request(&few, CleanupMode::Plan)).await.sample.len(), 60);
    let many = last_used((0..2000).map(|_| 91));
    let sample = run(&many, request(&many, CleanupMode::Plan)).await.sample;
    assert_eq!(sample.len(), 96);
}

#[tokio::test]
async fn a_sample_has_the_longest_unused_of_each_shard_and_all_of_few() {
    let fixture = last_used((0..1000).map(|index| 91 + index));
    let mut shards: BTreeMap<u8, Vec<Millis>> = BTreeMap::new();
    for record in fixture.records.records().into_iter().rev() {
        let shard = shard_of_user(&record.external_id);
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
    assert_eq!(counts, 2 * usize::from(SHARDS), "the stale ones, and all users for the brake");
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
