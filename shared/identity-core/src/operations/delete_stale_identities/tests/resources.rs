use std::collections::BTreeMap;

use super::super::job::AT_A_TIME;
use super::*;
use crate::model::Placement;
use crate::ports::ResourceClients;
use crate::testing::{MemoryIdentityClient, resource};

/// `count` stale identities of each resource, and an orphan of each. Of the resources, `eu9` is not
/// configured.
fn fixture(
    count: usize,
) -> (CoreFixture, [MemoryIdentityClient; 2], ResourceClients<MemoryIdentityClient>) {
    let names = ["main", "eu2", "eu9"];
    let acs = ["main", "eu2"].map(MemoryIdentityClient::of_resource);
    let stale = names.into_iter().enumerate().flat_map(|(place, name)| {
        (0..count).map(move |index| {
            let state = State::active(&format!("8:acs:{name}_{index}"));
            let user = format!("user-{place}-{index}");
            Record { resource: resource(name), ..record(&user, state, days_ago(100)) }
        })
    });
    let core = CoreFixture::with(stale);
    for record in core.records.records() {
        for one in &acs {
            one.know(record.acs_id().unwrap());
        }
    }
    let clients =
        BTreeMap::from([(ResourceName::MAIN, acs[0].clone()), (resource("eu2"), acs[1].clone())]);
    let clients = ResourceClients::new(clients, Placement::default()).unwrap();
    (core, acs, clients)
}

async fn run_on(core: &CoreFixture, acs: &ResourceClients<MemoryIdentityClient>) -> CleanupRun {
    let request = request(core, CleanupMode::Apply);
    delete_stale_identities(&core.store, acs, &core.clock, request).await.unwrap()
}

#[tokio::test]
async fn r81_a_run_deletes_each_identity_in_its_resource_and_keeps_those_of_unknown_ones() {
    let (core, acs, clients) = fixture(3);
    for name in ["main", "eu2", "eu9"] {
        let acs_id = acs_id(&format!("8:acs:{name}_lost"));
        let (user, resource) = (user("lost"), resource(name));
        let orphan = Orphan { acs_id, user, resource, noted_at: now() };
        core.records.note_orphan(&orphan).await.unwrap();
    }
    let found = run_on(&core, &clients).await;
    assert_eq!((found.deleted, found.finished.orphans), (6, 2));
    assert_eq!(found.failed, 4, "three identities and an orphan of `eu9`");
    for one in &acs {
        assert_eq!(one.calls(), [ClientCall::Delete; 4], "no other resource is tried");
    }
    let left = core.records.records().into_iter().filter(|record| record.acs_id().is_some());
    let left: Vec<_> =
        left.map(|record| (record.resource, record.state.name(), record.attempts)).collect();
    assert_eq!(left, vec![(resource("eu9"), StateName::Active, 0); 3]);
    assert_eq!(core.records.orphans().await.unwrap().len(), 1);
}

#[tokio::test]
async fn r81_pending_work_of_an_unknown_resource_is_not_counted_against_the_identity() {
    let old = days_ago(1);
    let (core, _, clients) = fixture(0);
    let pending = Record {
        resource: resource("eu9"),
        ..record("alice", State::deleting("8:acs:eu9_1"), old)
    };
    core.store.advance(None, &pending).await.unwrap();
    for _ in 0..7 {
        let found = run_on(&core, &clients).await;
        assert_eq!((found.failed, found.stuck), (1, 0));
    }
    assert_eq!(core.alice(), Some(pending));
}

#[tokio::test]
async fn r33_the_rate_limit_of_a_run_is_per_resource() {
    let (core, acs, clients) = fixture(16);
    let found = run_on(&core, &clients).await;
    assert_eq!((found.deleted, acs[0].calls().len(), acs[1].calls().len()), (32, 16, 16));
    // Sixteen at eight per second, at both resources at the same time.
    assert!(core.clock.elapsed() < Duration::from_millis(3_500), "{:?}", core.clock.elapsed());
}

#[tokio::test]
async fn r81_a_resource_that_fails_leaves_the_work_of_the_others_undisturbed() {
    let unavailable = || Error::AcsUnavailable { maybe_applied: true, source: "down".into() };
    let refused = || Error::AcsRefused("401".into());
    let throttled =
        || Error::Throttled { retry_after: Duration::from_hours(1), source: "429".into() };
    let failures: [fn() -> Error; 3] = [unavailable, refused, throttled];
    let limits = [(Limit::AcsUnavailable, 3), (Limit::AlwaysFails, 10), (Limit::Deadline, 1)];
    for (failure, (because, most)) in failures.into_iter().zip(limits) {
        let (core, acs, clients) = fixture(16);
        acs[0].fail(move |_| Some(failure()));
        let found = run_on(&core, &clients).await;
        assert_eq!((found.deleted, acs[1].calls().len()), (16, 16), "{because:?}");
        assert_eq!(found.stopped.map(|stopped| stopped.because), Some(because));
        // Those that were being processed when the last failure came are asked, too.
        assert!((most..most + AT_A_TIME).contains(&acs[0].calls().len()), "{because:?}");
        let tried = core.records.records().into_iter().filter(|record| record.attempts > 0).count();
        assert!(tried < most + AT_A_TIME, "the others are not marked as tried: {tried}");
    }
}

#[tokio::test]
async fn r81_a_run_that_can_ask_no_resource_stops() {
    let (core, acs, clients) = fixture(16);
    for one in &acs {
        one.fail(|_| Some(Error::AcsRefused("401".into())));
    }
    let found = run_on(&core, &clients).await;
    assert_eq!(found.stopped.map(|stopped| stopped.because), Some(Limit::AlwaysFails));
    let marked = core
        .records
        .records()
        .into_iter()
        .filter(|record| record.state.name() == StateName::Deleting);
    assert!(marked.count() <= 2 * (10 + AT_A_TIME));
}
