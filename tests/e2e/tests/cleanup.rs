//! The scheduled cleanup deletes only unused identities.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

use std::{collections::BTreeSet, time::Duration};

use e2e::ServiceStack;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

const DAY: Duration = Duration::from_hours(24);

/// The identity of a user, who uses it now.
async fn used(stack: &ServiceStack, name: &str) -> String {
    let token = stack.call("POST /v1/token", &stack.user(name).await, Value::Null).await;
    assert_eq!(token.status, 200, "{token:?}");
    token.body["user"]["communicationUserId"].as_str().unwrap().to_owned()
}

/// So many identities, which an administrator creates now.
async fn made(stack: &ServiceStack, many: usize) {
    let admin = stack.admin().await;
    for _ in 0..many {
        assert_eq!(stack.call("POST /v1/identities", &admin, json!({})).await.status, 201);
    }
}

async fn in_acs(stack: &ServiceStack) -> BTreeSet<String> {
    let known = stack.emulator("GET identities", Value::Null).await;
    let ids = known["identities"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap());
    ids.map(ToOwned::to_owned).collect()
}

fn named(run: &Value) -> BTreeSet<String> {
    let sample = run["sample"].as_array().unwrap().iter();
    sample.map(|one| one["identity"].as_str().unwrap().to_owned()).collect()
}

/// The identities that ACS was asked to delete, with the time in seconds.
async fn deletions(stack: &ServiceStack) -> Vec<(String, f64)> {
    let requests = stack.requests().await.into_iter();
    let deletions = requests.filter(|request| request["operation"] == "deleteIdentity");
    let at = |request: &Value| {
        let at = OffsetDateTime::parse(request["at"].as_str().unwrap(), &Rfc3339).unwrap();
        (at - OffsetDateTime::UNIX_EPOCH).as_seconds_f64()
    };
    deletions.map(|one| (one["identity"].as_str().unwrap().to_owned(), at(&one))).collect()
}

// The rules behind it are shown to matter in the core: without the cutoff in the query,
// or without the guard of the mark, tests there find fresh identities deleted.
#[tokio::test]
async fn r30_a_plan_lists_exactly_the_stale_identities_and_a_run_deletes_exactly_those() {
    let stack = ServiceStack::start().await;
    let mut stale = BTreeSet::new();
    for name in ["alice", "bob", "carol"] {
        stale.insert(used(&stack, name).await);
    }
    stack.advance(20 * DAY).await;
    let mut fresh = BTreeSet::from([used(&stack, "dave").await]);
    // The user has come back.
    stale.remove(&used(&stack, "carol").await);
    fresh.insert(used(&stack, "carol").await);
    let all = in_acs(&stack).await;

    // 100 days after the first calls, 80 after the others.
    let plan = stack.cleanup(80, "plan").await;
    assert_eq!(named(&plan), stale);
    assert_eq!((&plan["wouldDelete"], &plan["total"]), (&json!(2), &json!(4)), "{plan}");
    assert_eq!(in_acs(&stack).await, all, "a plan deletes nothing");

    let run = stack.cleanup(80, "apply").await;
    assert_eq!((named(&run), &run["deleted"]), (stale, &json!(2)));
    assert_eq!(in_acs(&stack).await, fresh);
    let listed =
        stack.call("GET /v1/identities?state=active", &stack.admin().await, Value::Null).await;
    let listed = listed.body["identities"].as_array().unwrap().iter();
    let listed = listed.map(|one| one["user"]["communicationUserId"].as_str().unwrap().to_owned());
    assert_eq!(listed.collect::<BTreeSet<_>>(), fresh);
    // A deleted user gets a new identity with the next call.
    assert!(!all.contains(&used(&stack, "alice").await));
    assert_eq!(stack.metric_sum("delete-stale-identities", "IdentitiesDeleted"), 2);
}

// With the brake's `many` taken for false, the first run deletes all of them; with the
// pace's turn left out, they are gone within a second.
#[tokio::test]
async fn r34_a_large_deletion_needs_an_allowance_and_then_runs_r33_within_the_limit_of_acs() {
    let stack = ServiceStack::start().await;
    made(&stack, MANY).await;
    let braked = stack.cleanup(100, "apply").await;
    assert_eq!((&braked["braked"], &braked["deleted"]), (&json!(true), &json!(0)), "{braked}");
    assert_eq!(in_acs(&stack).await.len(), MANY);
    assert_eq!(stack.metric_sum("delete-stale-identities", "CleanupBraked"), 1);
    // The answer says how to allow the deletions; `time` is the schedule's.
    let allowed = json!({ "mode": "apply", "allow": braked["letThrough"]["event"]["allow"] });
    let run = stack.cleanup_with(100, allowed).await;
    assert_eq!((&run["braked"], &run["deleted"]), (&json!(false), &json!(MANY)), "{run}");
    assert_eq!(in_acs(&stack).await.len(), 0);

    let times: Vec<f64> = deletions(&stack).await.into_iter().map(|(_, at)| at).collect();
    assert_eq!(times.len(), MANY);
    for (first, from) in times.iter().enumerate() {
        for (more, to) in times.iter().skip(first).enumerate() {
            // Half of what ACS allows. Four deletions run concurrently, so that many can be late.
            let allowed = 8.0 * (to - from) + 4.0;
            let asked = f64::from(u32::try_from(more).unwrap());
            assert!(asked <= allowed, "{asked} deletions in {} s", to - from);
        }
    }
}

/// More than fifty, up to which the brake never stops a run.
const MANY: usize = 51;

// A deployment runs one at a time. This one does not, and they meet. With conditions left
// out of the store's writes, the interleavings of two runs delete an identity twice.
#[tokio::test]
async fn r32_two_runs_at_once_delete_each_identity_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("template.yaml");
    let template = include_str!("../../../infra/template.yaml");
    let limit =
        "      ReservedConcurrentExecutions: !If [HasReservedConcurrency, 1, !Ref AWS::NoValue]\n";
    assert_eq!(template.matches(limit).count(), 1);
    std::fs::write(&path, template.replace(limit, "")).unwrap();
    let stack = ServiceStack::with(&["--template", path.to_str().unwrap()]).await;
    made(&stack, 12).await;
    let (one, other) = tokio::join!(stack.cleanup(100, "apply"), stack.cleanup(100, "apply"));
    assert_eq!(stack.processes("delete-stale-identities").await.len(), 2);
    let deleted = |run: &Value| run["deleted"].as_u64().unwrap();
    assert_eq!(deleted(&one) + deleted(&other), 12, "{one} {other}");
    assert_eq!((&one["failed"], &other["failed"]), (&json!(0), &json!(0)));
    let asked: Vec<String> = deletions(&stack).await.into_iter().map(|(id, _)| id).collect();
    let distinct: BTreeSet<_> = asked.iter().collect();
    assert_eq!((asked.len(), distinct.len()), (12, 12), "each once");
    assert_eq!(in_acs(&stack).await.len(), 0);
}

// With `MAX_ATTEMPTS` raised, the seventh run tries once more.
#[tokio::test]
async fn r35_an_identity_that_cannot_be_deleted_is_stuck_after_six_attempts() {
    let stack = ServiceStack::start().await;
    let identity = used(&stack, "alice").await;
    stack.advance(20 * DAY).await;
    used(&stack, "bob").await;
    stack.fault("deleteIdentity", json!({ "status": 400 })).await;
    let mut failed = 0;
    for _ in 0..8 {
        failed += stack.cleanup(80, "apply").await["failed"].as_u64().unwrap();
        // The process that began the work may run for this time.
        stack.advance(Duration::from_secs(16)).await;
    }
    assert_eq!(
        (failed, stack.request_count("deleteIdentity").await),
        (6, 6),
        "and no later run tries again"
    );

    let admin = stack.admin().await;
    let listed = stack.call("GET /v1/identities?state=stuck", &admin, Value::Null).await;
    let listed = listed.body["identities"].as_array().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["user"]["communicationUserId"], identity.as_str());
    let alice = stack.user("alice").await;
    let refused = stack.call("POST /v1/token", &alice, Value::Null).await;
    assert_eq!((refused.status, refused.problem()), (500, "identity-stuck"));
    assert_eq!(refused.body["retry"], "never");
    used(&stack, "bob").await;

    stack.remove_faults().await;
    let deleted =
        stack.call(&format!("DELETE /v1/identities/{identity}"), &admin, Value::Null).await;
    assert_eq!(deleted.status, 204);
    stack.advance(Duration::from_secs(2)).await;
    assert_ne!(used(&stack, "alice").await, identity);
    assert!(!in_acs(&stack).await.contains(&identity));
}
