//! Tests of the start, the reuse and the end of a function's processes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::fixture::{World, is_running, until};
use serde_json::{Value, json};

const NAME: &str = "echo_function";

/// A fixture whose template differs in one place.
async fn with_another(this: &str, that: &str) -> World {
    World::with(|options| {
        let yaml = std::fs::read_to_string(&options.template).unwrap();
        options.template = options.data.with_file_name("another.yaml");
        std::fs::write(&options.template, yaml.replace(this, that)).unwrap();
    })
    .await
}

async fn pid(world: &World, path: &str) -> u64 {
    world.get(path).await.json::<Value>().await.unwrap()["pid"].as_u64().unwrap()
}

#[tokio::test]
async fn a_process_is_used_again() {
    let world = World::start().await;
    assert_eq!(pid(&world, "/echo").await, pid(&world, "/echo").await);
    assert_eq!(world.stack.pids(NAME).len(), 1);
    world.stack.stop().await;
}

#[tokio::test]
async fn a_process_with_nothing_to_do_is_ended() {
    let world = World::with(|options| options.idle_limit = Duration::from_millis(50)).await;
    let pid = u32::try_from(pid(&world, "/echo").await).unwrap();
    until("the process has ended", async || world.stack.pids(NAME).is_empty()).await;
    assert!(!is_running(pid));
    world.stack.stop().await;
}

#[tokio::test]
async fn requests_at_the_same_time_have_processes_of_their_own_up_to_the_limit() {
    let world = World::with(|options| options.processes = 4).await;
    let requests = (0..20).map(|_| pid(&world, "/echo?do=wait"));
    let pids: BTreeSet<u64> = join_all(requests).await.into_iter().collect();
    assert!((2..=4).contains(&pids.len()), "{pids:?}");
    assert!(world.stack.pids(NAME).len() <= 4);
    world.stack.stop().await;
}

#[tokio::test]
async fn a_function_that_is_out_of_time_is_killed_and_the_next_one_is_fresh() {
    let world = with_another("Timeout: 10", "Timeout: 2").await;
    let before = pid(&world, "/echo").await;
    let began = Instant::now();
    let response = world.get("/echo?do=hang").await;
    assert!((Duration::from_secs(2)..Duration::from_secs(10)).contains(&began.elapsed()));
    assert_eq!(response.status(), 503);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body, json!({ "message": "Service Unavailable" }));
    assert!(!is_running(u32::try_from(before).unwrap()));
    assert_ne!(pid(&world, "/echo").await, before);
    world.stack.stop().await;
}

#[tokio::test]
async fn a_function_that_dies_is_a_500_and_the_next_one_is_fresh() {
    let world = World::start().await;
    let before = pid(&world, "/echo").await;
    let response = world.get("/echo?do=exit").await;
    assert_eq!(response.status(), 500);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body, json!({ "message": "Internal Server Error" }));
    assert_ne!(pid(&world, "/echo").await, before);
    world.stack.stop().await;
}

#[tokio::test]
async fn a_function_that_fails_or_panics_is_a_500_and_lives_on() {
    let world = World::start().await;
    let before = pid(&world, "/echo").await;
    for what in ["error", "panic"] {
        assert_eq!(world.get(&format!("/echo?do={what}")).await.status(), 500, "{what}");
    }
    assert_eq!(pid(&world, "/echo").await, before);
    assert!(world.log().contains("asked to panic"), "{}", world.log());
    world.stack.stop().await;
}

#[tokio::test]
async fn a_function_that_does_not_start_is_a_500_with_its_reason_in_the_log() {
    let world = with_another("TABLE_NAME:", "FAIL_INIT:").await;
    assert_eq!(world.get("/echo").await.status(), 500);
    assert!(world.log().contains("FAIL_INIT is set"), "{}", world.log());
    assert!(world.stack.pids(NAME).is_empty());
    world.stack.stop().await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_stop_the_function() {
    let world = World::start().await;
    let url = format!("{}/echo?do=doze", world.stack.gateway());
    let token = world.token("guestpass.token").await;
    let request = tokio::spawn(world.client.get(url).bearer_auth(token).send());
    until("the function has begun", async || world.log().contains("waiting")).await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    until("the function is done", async || world.log().contains("waited")).await;
    world.stack.stop().await;
}

#[tokio::test]
async fn nothing_is_left_after_a_stop() {
    let world = World::start().await;
    let idle = u32::try_from(pid(&world, "/echo").await).unwrap();
    let url = format!("{}/echo?do=hang", world.stack.gateway());
    let token = world.token("guestpass.token").await;
    let client = world.client.clone();
    let hanging = [0, 1].map(|_| tokio::spawn(client.get(&url).bearer_auth(&token).send()));
    until("two processes are busy", async || world.stack.pids(NAME).len() == 2).await;
    let pids = world.stack.pids(NAME);
    assert!(pids.contains(&idle));
    world.stack.stop().await;
    for pid in pids {
        assert!(!is_running(pid), "{pid}");
    }
    for request in hanging {
        request.abort();
    }
    assert!(!world.directory.path().join("stack.json").exists());
}

async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut results = Vec::new();
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(result) => {
                results.push(result);
                false
            }
            std::task::Poll::Pending => true,
        });
        if futures.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    results
}
