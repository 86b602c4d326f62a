//! The cost of a cleanup run and of a token call does not grow with the table.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]
#![expect(clippy::print_stdout, reason = "the figures; `make scale` shows them")]

use std::time::{Duration, Instant, SystemTime};

use api_types::format_timestamp;
use identity_core::{
    delete_stale_identities::{
        CleanupLimits, CleanupMode, CleanupRequest, CleanupRun, Retention, delete_stale_identities,
    },
    identity::Invocation,
    issue_access_token::{IssueAccessTokenRequest, issue_access_token},
    ports::{Clock, IdentityStore as _, Index, ListQuery, SystemClock},
    testing::{MemoryIdentityClient, an_hour, caller},
};
use lambda_edge::config::process_env;
use scale::{Cost, Population, ScaleEngine, ScaleFunction};
use serde_json::json;

/// The number of identities in the large table; `SCALE_IDENTITIES` overrides it.
const IDENTITIES: u64 = 100_000;

/// The number of stale identities in either table.
const STALE: u64 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn the_cost_of_a_run_and_of_a_token_call_does_not_grow_with_the_table() {
    let identities = process_env("SCALE_IDENTITIES").map_or(IDENTITIES, |n| n.parse().unwrap());
    let now = SystemClock::default().now();
    let few = Population { stale: STALE, fresh: 0, now };
    let many = Population { stale: STALE, fresh: identities - STALE, now };
    let small = ScaleEngine::with(few.records()).await;
    let started = Instant::now();
    let large = ScaleEngine::with(many.records()).await;
    let filled = started.elapsed();
    println!("{identities} identities written in {filled:.1?}, {} MB", large.size() / 1_000_000);
    assert!(filled < Duration::from_mins(5));

    let (acs, also_acs) = (MemoryIdentityClient::default(), MemoryIdentityClient::default());
    for call in ["the first token call of a user", "the next one"] {
        let alone = token_call(&small, &acs).await;
        let among_many = token_call(&large, &also_acs).await;
        println!("{call}: {alone:?}");
        assert_eq!(among_many, alone, "{call}");
    }
    for mode in [CleanupMode::Plan, CleanupMode::Apply] {
        let (alone, among_many) = (run(&small, mode, now).await, run(&large, mode, now).await);
        println!("{mode:?}, alone:      {alone:?}");
        println!("{mode:?}, among many: {among_many:?}");
        assert!(among_many.requests * 10 <= alone.requests * 11, "{mode:?}");
        assert!(among_many.read <= alone.read * 1.1, "{mode:?}");
        assert!(among_many.written <= alone.written * 1.1, "{mode:?}");
    }
    // If a run read every identity, the meter would show a cost like this one.
    let (alone, among_many) = (all_users(&small).await, all_users(&large).await);
    assert!(among_many.read > alone.read * 1.1, "{alone:?} {among_many:?}");

    let left = Population { stale: 0, ..many };
    memory_of_the_function(&large, left).await;
}

/// The store's cost of the first token call of a new user.
async fn token_call(engine: &ScaleEngine, acs: &MemoryIdentityClient) -> Cost {
    let (store, meter) = engine.store();
    let newcomer = caller("https://login.example.com/5f0e4c57|newcomer");
    let request = IssueAccessTokenRequest {
        subject: newcomer,
        token: an_hour(),
        invocation: invocation("token", Duration::from_secs(10)),
    };
    issue_access_token(&store, acs, &SystemClock::default(), request).await.unwrap();
    meter.take()
}

/// The store's cost of a run.
async fn run(engine: &ScaleEngine, mode: CleanupMode, time: SystemTime) -> Cost {
    let (store, meter) = engine.store();
    let request = CleanupRequest {
        time,
        retention: Retention::from_days(90).unwrap(),
        mode,
        guests: CleanupMode::Plan,
        is_preview: false,
        limits: CleanupLimits { per_second: CleanupLimits::HALF_OF_ACS, most: 10_000 },
        // If all identities are stale, the brake stops the run.
        allow: Some(STALE),
        invocation: invocation("run", Duration::from_mins(10)),
    };
    let acs = MemoryIdentityClient::default();
    let started = Instant::now();
    let done = delete_stale_identities(&store, &acs, &ClockWithoutSleep, request).await.unwrap();
    println!("{mode:?} took {:.1?}", started.elapsed());
    let CleanupRun { stale, considered, deleted, .. } = done;
    assert_eq!((stale, considered, deleted), (STALE, STALE, STALE));
    // In plan mode, the brake only reports that an apply run would need an allowance.
    assert_eq!((done.braked && mode == CleanupMode::Apply, done.stopped), (false, None));
    meter.take()
}

/// The cost of counting all users of one shard.
async fn all_users(engine: &ScaleEngine) -> Cost {
    let (store, meter) = engine.store();
    let index = Index::LastIssued;
    let mut query =
        ListQuery { index, shard: 0, state: None, unused_since: None, after: None, limit: 2_000 };
    loop {
        query.after = store.count(&query).await.unwrap().next;
        if query.after.is_none() {
            return meter.take();
        }
    }
}

/// With a current time four days ahead, one in thirty of the remaining identities is stale.
async fn memory_of_the_function(engine: &ScaleEngine, left: Population) {
    let more = [("CLEANUP_MOST", "200"), ("CLEANUP_PER_SECOND", "16")];
    let mut function = ScaleFunction::start(engine, &more).await;
    let time = format_timestamp(left.now + Duration::from_hours(24 * 4));
    let started = Instant::now();
    let plan = function.invoke(json!({ "time": time })).await;
    println!("the function's plan of {} took {:.1?}", plan["stale"], started.elapsed());
    assert_eq!(plan["wouldDelete"], left.unused_for_more_than(86));
    let run = function.invoke(json!({ "time": time, "mode": "apply" })).await;
    assert_eq!((&run["deleted"], &run["stopped"]["because"]), (&json!(200), &json!("maximum")));
    if let Some(peak) = function.peak_memory() {
        println!("the function's memory at its peak: {} kB", peak / 1024);
        assert!(peak <= 64 * 1024 * 1024, "{peak} bytes");
    }
}

fn invocation(id: &str, left: Duration) -> Invocation {
    let deadline = SystemClock::default().now() + left;
    Invocation { id: id.to_owned(), deadline, acs_until: deadline, patience: Duration::ZERO }
}

/// The system's clock. It never waits, because the limits of ACS cost time but no reads.
struct ClockWithoutSleep;

impl Clock for ClockWithoutSleep {
    fn now(&self) -> SystemTime {
        SystemClock::default().now()
    }

    async fn sleep(&self, _: Duration) {}
}
