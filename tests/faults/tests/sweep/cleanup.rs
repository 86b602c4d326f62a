//! Tests of the scheduled cleanup.

use std::time::Duration;

use api_types::format_timestamp;
use identity_core::{
    ABANDONED_AFTER,
    delete_stale_identities::CleanupRun,
    identity::AcsId,
    ports::{
        Change, IdentityStore as _, Index, ListQuery, Orphan, OrphanStore as _, RunLog as _, SHARDS,
    },
    record::{Record, State},
    resource::ResourceName,
    testing::{record, user},
};
use serde_json::{Value, json};

use crate::{
    fixture::{SweepAcs, SweepFixture, SweepRun, days_ago, other_resource},
    gate::SweepStrike,
    sweep,
};

/// Twelve users in two resources who were not seen for a hundred days, one of them blocked; two
/// users who were seen yesterday; and an identity of which it is unknown whether the table has it.
struct SweepUsers {
    stale: Vec<AcsId>,
    fresh: Vec<AcsId>,
    orphan: AcsId,
}

async fn create_users(fixture: &SweepFixture<'_>) -> SweepUsers {
    let (mut stale, mut fresh) = (Vec::new(), Vec::new());
    for number in 0..STALE {
        let resource = if number % 2 == 0 { ResourceName::MAIN } else { other_resource() };
        let acs_id = fixture.identity_in(&resource).await;
        let usable = match number {
            0 => State::Blocked { acs_id: Some(acs_id.clone()) },
            _ => State::Active { acs_id: acs_id.clone() },
        };
        let unused = record(&stale_name(number), usable, days_ago(100));
        write(fixture, Record { resource, ..unused }).await;
        stale.push(acs_id);
    }
    for number in 0..2 {
        let acs_id = fixture.identity().await;
        let usable = State::Active { acs_id: acs_id.clone() };
        write(fixture, record(&format!("fresh-{number}"), usable, days_ago(1))).await;
        fresh.push(acs_id);
    }
    let orphan = fixture.identity_in(&other_resource()).await;
    // A while ago: an identity that could not be settled for a day needs manual action.
    let noted_at = days_ago(0) - Duration::from_hours(1);
    let noted = Orphan {
        acs_id: orphan.clone(),
        user: user("orphan"),
        resource: other_resource(),
        noted_at,
    };
    fixture.store.note_orphan(&noted).await.unwrap();
    SweepUsers { stale, fresh, orphan }
}

async fn write(fixture: &SweepFixture<'_>, record: Record) {
    let written = fixture.store.advance(None, &record).await.unwrap();
    assert!(matches!(written, Change::Made(_)));
}

fn stale_name(number: usize) -> String {
    format!("stale-{number}")
}

fn event() -> Value {
    json!({ "time": format_timestamp(days_ago(0)) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r31_after_a_kill_at_any_call_the_next_run_completes_the_work() {
    let acs = SweepAcs::start().await;
    let fixture = SweepFixture::new(&acs, FUNCTION).await;
    create_users(&fixture).await;
    let (run, calls) = fixture.run(&event(), None).await;
    assert!(matches!(&run, SweepRun::Completed(run) if run["deleted"] == STALE), "{run:?}");
    drop(fixture);
    let of = |name: &str| calls.iter().filter(|call| call.contains(name)).count();
    assert_eq!(of("DELETE /identities/"), STALE + 1, "{calls:?}");
    // Each identity is marked together with its entry in the audit log.
    assert_eq!(of("TransactWriteItems"), STALE, "{calls:?}");
    assert!(of("UpdateItem") >= STALE, "{calls:?}");
    let deaths = sweep(&calls, die).await;
    assert!(deaths > 7 * STALE, "a find, and twice a mark, a deletion, its confirmation: {deaths}");
}

async fn die(acs: &SweepAcs, strike: SweepStrike) {
    let fixture = SweepFixture::new(acs, FUNCTION).await;
    let users = create_users(&fixture).await;
    let (dead, calls) = fixture.run(&event(), Some(strike)).await;
    let context = format!("killed {strike:?}: {:?}", calls.last());
    assert!(matches!(dead, SweepRun::Killed), "{context}");
    let (mut before, mut begun) = (0, Vec::new());
    for (number, acs_id) in users.stale.iter().enumerate() {
        match find(&fixture, &stale_name(number)).await.state {
            State::Deleted | State::Blocked { acs_id: None } => before += 1,
            State::Deleting { .. } => begun.push(acs_id.as_str().to_owned()),
            _ => {}
        }
    }

    // The process that began the work may run for this time. Without this step, the test fails: the
    // identities that the dead run marked are still marked.
    fixture.advance(ABANDONED_AFTER + Duration::from_secs(1));
    let (next, _) = fixture.run(&event(), None).await;
    let SweepRun::Completed(next) = next else { unreachable!("{context}") };

    for number in 0..STALE {
        let left = find(&fixture, &stale_name(number)).await;
        let gone = if number == 0 { State::Blocked { acs_id: None } } else { State::Deleted };
        assert_eq!((left.state, left.pending_revocation), (gone, None), "{context}");
    }
    for (number, acs_id) in users.fresh.iter().enumerate() {
        let kept = find(&fixture, &format!("fresh-{number}")).await;
        assert_eq!(kept.state, State::Active { acs_id: acs_id.clone() }, "{context}");
    }
    let mut kept: Vec<_> = users.fresh.iter().map(|id| id.as_str().to_owned()).collect();
    kept.sort();
    let mut known: Vec<_> = fixture.living().await.into_iter().map(|(id, _)| id).collect();
    known.sort();
    assert_eq!(known, kept, "no identity without a row, no row without its identity; {context}");

    begun.push(users.orphan.as_str().to_owned());
    let asked = fixture.asked("deleteIdentity").await;
    for acs_id in users.stale.iter().chain([&users.orphan]).map(AcsId::as_str) {
        let times = asked.iter().filter(|asked| *asked == acs_id).count();
        let most = if begun.iter().any(|begun| begun == acs_id) { 2 } else { 1 };
        assert!((1..=most).contains(&times), "{acs_id} was deleted {times} times; {context}");
    }
    assert!(!asked.iter().any(|asked| kept.contains(asked)), "{context}");

    assert!(fixture.store.orphans().await.unwrap().is_empty(), "{context}");
    for shard in 0..SHARDS {
        let query = ListQuery {
            index: Index::Unfinished,
            shard,
            state: None,
            unused_since: None,
            after: None,
            limit: 10,
        };
        assert_eq!(fixture.store.list(&query).await.unwrap().records, [], "unfinished; {context}");
    }
    let latest = fixture.store.latest_run().await.unwrap().unwrap();
    assert_complete(&latest, &next, before, &context);
}

/// The expected record of the second run, given the number of deletions by the first run.
fn assert_complete(latest: &CleanupRun, answered: &Value, before: usize, context: &str) {
    assert_eq!(answered["id"], latest.id, "{context}");
    assert!(latest.finished_at.is_some(), "{context}");
    assert_eq!((latest.failed, latest.stuck, latest.stopped), (0, 0, None), "{context}");
    assert_eq!((latest.spared.used, latest.spared.changed), (0, 0), "{context}");
    let deleted = latest.deleted + latest.finished.deletions;
    assert_eq!(before as u64 + deleted, STALE as u64, "{context}: {latest:?}");
}

async fn find(fixture: &SweepFixture<'_>, name: &str) -> Record {
    fixture.store.find(&user(name)).await.unwrap().unwrap()
}

const FUNCTION: &str = "delete-stale-identities";

const STALE: usize = 12;
