//! Tests of the clock, and of the functions that use it.

use serde_json::{Value, json};

use crate::fixture::{StackFixture, until};

async fn invoke(fixture: &StackFixture, event: Value) -> (u16, Value) {
    fixture.control("functions/worker_function/invoke", &event).await
}

#[tokio::test]
async fn a_function_can_be_invoked_with_any_event() {
    let fixture = StackFixture::delivering().await;
    let (status, answer) = invoke(&fixture, json!({ "a": [1] })).await;
    assert_eq!((status, &answer["event"]), (200, &json!({ "a": [1] })));
    assert_eq!(invoke(&fixture, json!({ "do": "error" })).await.0, 502);
    let (status, answer) = fixture.control("functions/other/invoke", &json!({})).await;
    assert_eq!(status, 404);
    assert!(answer["message"].as_str().unwrap().contains("worker_function"), "{answer}");
    fixture.stack.stop().await;
}

#[tokio::test]
async fn functions_gateway_and_acs_use_the_moved_clock() {
    let fixture = StackFixture::delivering().await;
    let deadline = async || invoke(&fixture, json!({})).await.1["deadline"].as_i64().unwrap();
    let before = deadline().await;
    fixture.advance(86_400).await;
    assert!((86_400_000..86_460_000).contains(&(deadline().await - before)));
    let (_, answer) = invoke(&fixture, json!({})).await;
    let offset = || std::fs::read_to_string(answer["clockFile"].as_str().unwrap()).unwrap();
    assert_eq!(offset(), "86400000");
    let acs = async || -> Value {
        let url = format!("{}/_emulator/clock", fixture.stack.acs());
        fixture.client.get(url).send().await.unwrap().json().await.unwrap()
    };
    let clock = acs().await;
    assert_eq!((&clock["offsetSeconds"], &clock["skewSeconds"]), (&json!(86_400), &json!(86_400)));
    fixture.advance(-86_400).await;
    assert_eq!((offset().as_str(), &acs().await["skewSeconds"]), ("0", &json!(0)));
    assert_eq!(fixture.control("clock", &json!({ "advance": 1 })).await.0, 400);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_token_expires_when_the_clock_is_moved() {
    let fixture = StackFixture::start().await;
    let token = fixture.token("guestpass.token").await;
    let get = async || {
        let url = format!("{}/echo", fixture.stack.gateway());
        fixture.client.get(url).bearer_auth(&token).send().await.unwrap().status().as_u16()
    };
    assert_eq!(get().await, 200);
    fixture.advance(3601).await;
    assert_eq!(get().await, 401);
    // The issuer's next token has the new time.
    assert_eq!(fixture.get("/echo").await.status(), 200);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_function_can_be_stopped_and_continued() {
    let fixture = StackFixture::delivering().await;
    invoke(&fixture, json!({})).await;
    let [pid] = fixture.stack.pids("worker_function").try_into().unwrap();
    let stopped = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(')').unwrap().1.trim_start().starts_with('T')
    };
    let signal = async |what: &str| {
        fixture.control("functions/worker_function/signal", &json!({ "signal": what })).await
    };
    assert_eq!(signal("stop").await, (200, json!({ "pids": [pid] })));
    until("the process is stopped", async || stopped()).await;
    signal("cont").await;
    until("the process continues", async || !stopped()).await;
    assert_eq!(invoke(&fixture, json!({})).await.0, 200);
    assert_eq!(fixture.stack.pids("worker_function"), [pid]);
    assert_eq!(signal("term").await.0, 400);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused() {
    let fixture = StackFixture::delivering().await;
    for (name, value) in [("host", "evil.example"), ("origin", "https://evil.example")] {
        let url = format!("{}/_local/clock", fixture.stack.console());
        let body = json!({ "advanceSeconds": 60 }).to_string();
        let answer = fixture.client.post(url).header(name, value).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{name}");
    }
    assert_eq!(fixture.told("clock").await["offsetSeconds"], 0);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn an_unknown_queue_schedule_or_function_is_a_404() {
    let fixture = StackFixture::delivering().await;
    for path in ["queues/Nothing/redrive", "schedules/Nothing/run", "functions/nothing/signal"] {
        assert_eq!(fixture.control(path, &json!({})).await.0, 404, "{path}");
    }
    assert_eq!(fixture.control("queues/Work/redrive", &json!({})).await.0, 400);
    fixture.stack.stop().await;
}
