//! Tests of the scheduled cleanup.

use std::time::Duration;

use identity_core::{
    ABANDONED_AFTER,
    delete_stale_identities::CleanupRun,
    identity::AcsId,
    ports::{
        Change, IdentityStore as _, Index, ListQuery, Orphan, OrphanStore as _, RunLog as _, SHARDS,
    },
    record::{Record, State},
    testing::{record, user},
};
use serde_json::{Value, json};

use crate::{
    gate::Strike,
    rfc3339, sweep,
    world::{Acs, Run, World, days_ago},
};

/// Twelve users who were not seen for a hundred days, one of them blocked; two users who were seen
/// yesterday; and an identity of which it is unknown whether the table has it.
struct People {
    stale: Vec<AcsId>,
    fresh: Vec<AcsId>,
    orphan: AcsId,
}

async fn people(world: &World<'_>) -> People {
    let (mut stale, mut fresh) = (Vec::new(), Vec::new());
    for number in 0..STALE {
        let acs_id = world.identity().await;
        let usable = match number {
            0 => State::Blocked { acs_id: Some(acs_id.clone()) },
            _ => State::Active { acs_id: acs_id.clone() },
        };
        write(world, record(&stale_name(number), usable, days_ago(100))).await;
        stale.push(acs_id);
    }
    for number in 0..2 {
        let acs_id = world.identity().await;
        let usable = State::Active { acs_id: acs_id.clone() };
        write(world, record(&format!("fresh-{number}"), usable, days_ago(1))).await;
        fresh.push(acs_id);
    }
    let orphan = world.identity().await;
    // A while ago: an identity that could not be settled for a day needs manual action.
    let noted_at = days_ago(0) - Duration::from_hours(1);
    let noted = Orphan { acs_id: orphan.clone(), user: user("orphan"), noted_at };
    world.store.note_orphan(&noted).await.unwrap();
    People { stale, fresh, orphan }
}

async fn write(world: &World<'_>, record: Record) {
    let written = world.store.advance(None, &record).await.unwrap();
    assert!(matches!(written, Change::Made(_)));
}

fn stale_name(number: usize) -> String {
    format!("stale-{number}")
}

fn event() -> Value {
    json!({ "time": rfc3339(days_ago(0)) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r31_killed_at_any_call_the_next_run_completes_the_work() {
    let acs = Acs::start().await;
    let world = World::new(&acs, FUNCTION).await;
    people(&world).await;
    let (run, calls) = world.run(&event(), None).await;
    assert!(matches!(&run, Run::Answered(run) if run["deleted"] == STALE), "{run:?}");
    drop(world);
    let of = |name: &str| calls.iter().filter(|call| call.contains(name)).count();
    assert_eq!(of("DELETE /identities/"), STALE + 1, "{calls:?}");
    // Each identity is marked together with its entry in the audit log.
    assert_eq!(of("TransactWriteItems"), STALE, "{calls:?}");
    assert!(of("UpdateItem") >= STALE, "{calls:?}");
    let deaths = sweep(&calls, die).await;
    assert!(deaths > 7 * STALE, "a find, and twice a mark, a deletion, its confirmation: {deaths}");
}

async fn die(acs: &Acs, strike: Strike) {
    let world = World::new(acs, FUNCTION).await;
    let people = people(&world).await;
    let (dead, calls) = world.run(&event(), Some(strike)).await;
    let place = format!("killed {strike:?}: {:?}", calls.last());
    assert!(matches!(dead, Run::Killed), "{place}");
    let (mut before, mut begun) = (0, Vec::new());
    for (number, acs_id) in people.stale.iter().enumerate() {
        match find(&world, &stale_name(number)).await.state {
            State::Deleted | State::Blocked { acs_id: None } => before += 1,
            State::Deleting { .. } => begun.push(acs_id.as_str().to_owned()),
            _ => {}
        }
    }

    // The process that began the work may run for this time. Without this step, the test fails: the
    // identities that the dead run marked are still marked.
    world.advance(ABANDONED_AFTER + Duration::from_secs(1));
    let (next, _) = world.run(&event(), None).await;
    let Run::Answered(next) = next else { unreachable!("{place}") };

    for number in 0..STALE {
        let left = find(&world, &stale_name(number)).await;
        let gone = if number == 0 { State::Blocked { acs_id: None } } else { State::Deleted };
        assert_eq!((left.state, left.pending_revocation), (gone, None), "{place}");
    }
    for (number, acs_id) in people.fresh.iter().enumerate() {
        let kept = find(&world, &format!("fresh-{number}")).await;
        assert_eq!(kept.state, State::Active { acs_id: acs_id.clone() }, "{place}");
    }
    let mut kept: Vec<_> = people.fresh.iter().map(|id| id.as_str().to_owned()).collect();
    kept.sort();
    let mut known: Vec<_> = world.living().await.into_iter().map(|(id, _)| id).collect();
    known.sort();
    assert_eq!(known, kept, "no identity without a row, no row without its identity; {place}");

    begun.push(people.orphan.as_str().to_owned());
    let asked = world.asked("deleteIdentity").await;
    for acs_id in people.stale.iter().chain([&people.orphan]).map(AcsId::as_str) {
        let times = asked.iter().filter(|asked| *asked == acs_id).count();
        let most = if begun.iter().any(|begun| begun == acs_id) { 2 } else { 1 };
        assert!((1..=most).contains(&times), "{acs_id} was deleted {times} times; {place}");
    }
    assert!(!asked.iter().any(|asked| kept.contains(asked)), "{place}");

    assert!(world.store.orphans().await.unwrap().is_empty(), "{place}");
    for shard in 0..SHARDS {
        let query = ListQuery {
            index: Index::Unfinished,
            shard,
            state: None,
            unused_since: None,
            after: None,
            limit: 10,
        };
        assert_eq!(world.store.list(&query).await.unwrap().records, [], "unfinished; {place}");
    }
    let latest = world.store.latest_run().await.unwrap().unwrap();
    tells_all(&latest, &next, before, &place);
}

/// The expected record of the second run, given the number of deletions by the first run.
fn tells_all(latest: &CleanupRun, answered: &Value, before: usize, place: &str) {
    assert_eq!(answered["id"], latest.id, "{place}");
    assert!(latest.finished_at.is_some(), "{place}");
    assert_eq!((latest.failed, latest.stuck, latest.stopped), (0, 0, None), "{place}");
    assert_eq!((latest.spared.used, latest.spared.changed), (0, 0), "{place}");
    let deleted = latest.deleted + latest.finished.deletions;
    assert_eq!(before as u64 + deleted, STALE as u64, "{place}: {latest:?}");
}

async fn find(world: &World<'_>, name: &str) -> Record {
    world.store.find(&user(name)).await.unwrap().unwrap()
}

const FUNCTION: &str = "delete-stale-identities";

const STALE: usize = 12;
