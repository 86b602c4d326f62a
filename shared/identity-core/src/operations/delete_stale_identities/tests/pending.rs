use super::*;

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
async fn an_orphan_that_could_not_be_deleted_for_a_day_is_stuck() {
    for (age, deleted, stuck) in [(DAY, 1, 0), (DAY + Duration::from_millis(1), 0, 1)] {
        let fixture = CoreFixture::with([]);
        let acs_id = acs_id("8:acs:res_lost");
        let orphan =
            Orphan { acs_id, user: user("alice"), resource: ResourceName::MAIN, noted_at: now() };
        fixture.records.note_orphan(&orphan).await.unwrap();
        fixture.clock.advance(age);
        let found = run(&fixture, request(&fixture, CleanupMode::Apply)).await;
        assert_eq!((found.finished.orphans, found.stuck), (deleted, stuck), "{age:?}");
    }
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
async fn a_revocation_that_a_crash_interrupted_is_finished_in_a_plan_too() {
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
    assert_eq!(failed, 6, "later runs skip the identity");
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
    let noted =
        |acs_id, user| Orphan { acs_id, user, resource: ResourceName::MAIN, noted_at: now() };
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
    let orphan = Orphan {
        acs_id: lost.clone(),
        user: user("alice"),
        resource: ResourceName::MAIN,
        noted_at: now(),
    };
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
    let orphan =
        Orphan { acs_id, user: user("alice"), resource: ResourceName::MAIN, noted_at: now() };
    fixture.records.note_orphan(&orphan).await.unwrap();
    run(&fixture, request(&fixture, CleanupMode::Apply)).await;
    assert_eq!(fixture.records.orphans().await.unwrap(), [orphan], "its activation may still come");
    assert_eq!(fixture.acs.identities().len(), 1);
}
