//! Tests of the start, the reuse and the end of a function's processes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::fixture::{StackFixture, is_running, until};
use serde_json::{Value, json};

const NAME: &str = "echo_function";

/// A fixture whose template differs in one place.
async fn with_another(this: &str, that: &str) -> StackFixture {
    StackFixture::with(|options| {
        let yaml = std::fs::read_to_string(&options.template).unwrap();
        options.template = options.data.with_file_name("another.yaml");
        std::fs::write(&options.template, yaml.replace(this, that)).unwrap();
    })
    .await
}

async fn pid(fixture: &StackFixture, path: &str) -> u64 {
    fixture.get(path).await.json::<Value>().await.unwrap()["pid"].as_u64().unwrap()
}

#[tokio::test]
async fn a_process_is_reused() {
    let fixture = StackFixture::start().await;
    assert_eq!(pid(&fixture, "/echo").await, pid(&fixture, "/echo").await);
    assert_eq!(fixture.stack.pids(NAME).len(), 1);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn an_idle_process_is_ended() {
    let fixture =
        StackFixture::with(|options| options.idle_limit = Duration::from_millis(50)).await;
    let pid = u32::try_from(pid(&fixture, "/echo").await).unwrap();
    until("the process has ended", async || fixture.stack.pids(NAME).is_empty()).await;
    assert!(!is_running(pid));
    fixture.stack.stop().await;
}

#[tokio::test]
async fn concurrent_requests_have_separate_processes_up_to_the_limit() {
    let fixture = StackFixture::with(|options| options.processes = 4).await;
    let requests = (0..20).map(|_| pid(&fixture, "/echo?do=wait"));
    let pids: BTreeSet<u64> = join_all(requests).await.into_iter().collect();
    assert!((2..=4).contains(&pids.len()), "{pids:?}");
    assert!(fixture.stack.pids(NAME).len() <= 4);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_function_that_times_out_is_killed_and_replaced() {
    let fixture = with_another("Timeout: 10", "Timeout: 2").await;
    let before = pid(&fixture, "/echo").await;
    let began = Instant::now();
    let response = fixture.get("/echo?do=hang").await;
    assert!((Duration::from_secs(2)..Duration::from_secs(10)).contains(&began.elapsed()));
    // The function's own timeout is a 500; a 503 means that the gateway did not wait longer.
    assert_eq!(response.status(), 500);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body, json!({ "message": "Internal Server Error" }));
    assert!(!is_running(u32::try_from(before).unwrap()));
    assert_ne!(pid(&fixture, "/echo").await, before);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_function_that_takes_too_long_for_the_gateway_is_a_503_and_continues() {
    let fixture =
        StackFixture::with(|options| options.gateway.integration = Duration::from_millis(100))
            .await;
    let response = fixture.get("/echo?do=doze").await;
    assert_eq!(response.status(), 503);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body, json!({ "message": "Service Unavailable" }));
    until("the function is done", async || fixture.log().contains("waited")).await;
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_function_that_exits_is_a_500_and_is_replaced() {
    let fixture = StackFixture::start().await;
    let before = pid(&fixture, "/echo").await;
    let response = fixture.get("/echo?do=exit").await;
    assert_eq!(response.status(), 500);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body, json!({ "message": "Internal Server Error" }));
    assert_ne!(pid(&fixture, "/echo").await, before);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_function_that_fails_or_panics_is_a_500_and_is_reused() {
    let fixture = StackFixture::start().await;
    let before = pid(&fixture, "/echo").await;
    for what in ["error", "panic"] {
        assert_eq!(fixture.get(&format!("/echo?do={what}")).await.status(), 500, "{what}");
    }
    assert_eq!(pid(&fixture, "/echo").await, before);
    assert!(fixture.log().contains("asked to panic"), "{}", fixture.log());
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_function_that_does_not_start_is_a_500_with_its_reason_in_the_log() {
    let fixture = with_another("TABLE_NAME:", "FAIL_INIT:").await;
    assert_eq!(fixture.get("/echo").await.status(), 500);
    assert!(fixture.log().contains("FAIL_INIT is set"), "{}", fixture.log());
    assert!(fixture.stack.pids(NAME).is_empty());
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_caller_that_disconnects_does_not_stop_the_function() {
    let fixture = StackFixture::start().await;
    let url = format!("{}/echo?do=doze", fixture.stack.gateway());
    let token = fixture.token("guestpass.token").await;
    let request = tokio::spawn(fixture.client.get(url).bearer_auth(token).send());
    until("the function has begun", async || fixture.log().contains("waiting")).await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    until("the function is done", async || fixture.log().contains("waited")).await;
    fixture.stack.stop().await;
}

#[tokio::test]
async fn no_process_is_left_after_a_stop() {
    let fixture = StackFixture::start().await;
    let idle = u32::try_from(pid(&fixture, "/echo").await).unwrap();
    let url = format!("{}/echo?do=hang", fixture.stack.gateway());
    let token = fixture.token("guestpass.token").await;
    let client = fixture.client.clone();
    let hanging = [0, 1].map(|_| tokio::spawn(client.get(&url).bearer_auth(&token).send()));
    until("two processes are busy", async || fixture.stack.pids(NAME).len() == 2).await;
    let pids = fixture.stack.pids(NAME);
    assert!(pids.contains(&idle));
    fixture.stack.stop().await;
    for pid in pids {
        assert!(!is_running(pid), "{pid}");
    }
    for request in hanging {
        request.abort();
    }
    assert!(!fixture.directory.path().join("stack.json").exists());
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
