//! Tests of event delivery to a function: rules, queues, schedules.

use local_stack::LocalStack;
use serde_json::{Value, json};

use crate::fixture::{StackFixture, delivery_template, options, until};

const LOG: &str = "data/logs/worker_function.log";

/// The events that the function received, in order.
fn events(fixture: &StackFixture) -> Vec<Value> {
    let log = std::fs::read_to_string(fixture.directory.path().join(LOG)).unwrap_or_default();
    log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// For each record that the function received: the `n` of its message, and the message's receive
/// count.
fn received(fixture: &StackFixture) -> Vec<(u64, String)> {
    let records = |event: &Value| event["Records"].as_array().cloned().unwrap_or_default();
    let told = |record: &Value| {
        let body: Value = serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
        let count = record["attributes"]["ApproximateReceiveCount"].as_str().unwrap();
        (body["detail"]["n"].as_u64().unwrap(), count.to_owned())
    };
    events(fixture).iter().flat_map(records).map(|record| told(&record)).collect()
}

fn count(n: u64, receives: u64) -> (u64, String) {
    (n, receives.to_string())
}

async fn until_received(fixture: &StackFixture, expected: &[(u64, String)]) {
    until(&format!("{expected:?} were received"), async || {
        expected.iter().all(|one| received(fixture).contains(one))
    })
    .await;
}

/// Sends `details` to the queue whose batch size is one, or three.
async fn send(fixture: &StackFixture, source: &str, details: &[Value]) {
    let event = |(n, detail): (usize, &Value)| {
        let mut detail = detail.clone();
        detail["n"] = n.into();
        detail["to"] = "work".into();
        json!({ "source": source, "detail-type": "test", "detail": detail })
    };
    let events: Vec<_> = details.iter().enumerate().map(event).collect();
    let (status, answer) = fixture.control("events", &json!(events)).await;
    assert_eq!(status, 200, "{answer}");
}

async fn queue(fixture: &StackFixture, name: &str) -> Value {
    let queues = fixture.told("queues").await;
    let queues = queues["queues"].as_array().unwrap();
    queues.iter().find(|queue| queue["name"] == name).unwrap().clone()
}

async fn until_empty(fixture: &StackFixture, name: &str) {
    until(&format!("{name} is empty"), async || {
        let queue = queue(fixture, name).await;
        queue["visible"] == 0 && queue["inFlight"] == 0
    })
    .await;
}

#[tokio::test]
async fn only_a_matching_event_is_delivered_to_the_function() {
    let fixture = StackFixture::delivering().await;
    let entry = |source: &str, detail: Value| json!({ "Source": source, "DetailType": "test", "Detail": detail.to_string(), "Time": 1_767_225_600 });
    let entries = json!({ "Entries": [
        entry("test.other", json!({ "to": "work", "n": 1 })),
        entry("test.single", json!({ "to": "elsewhere", "n": 2 })),
        entry("test.single", json!({ "to": "work/1", "n": 3 })),
    ] });
    let answer: Value = fixture
        .client
        .post(fixture.stack.events())
        .header("x-amz-target", "AWSEvents.PutEvents")
        .body(entries.to_string())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["FailedEntryCount"], 0);
    until_received(&fixture, &[count(3, 1)]).await;
    until_empty(&fixture, "Work").await;
    let [event] = events(&fixture).try_into().unwrap();
    let body = event["Records"][0]["body"].as_str().unwrap();
    assert!(body.starts_with(r#"{"version":"0","id":""#), "{body}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["id"], answer["Entries"][2]["EventId"]);
    assert_eq!((&body["source"], &body["detail-type"]), (&json!("test.single"), &json!("test")));
    assert_eq!((&body["time"], &body["resources"]), (&json!("2026-01-01T00:00:00Z"), &json!([])));
    assert_eq!(body["detail"], json!({ "to": "work/1", "n": 3 }));
    fixture.stack.stop().await;
}

/// `PutEvents` of EventBridge also accepts an event for a bus that does not exist.
#[tokio::test]
async fn an_event_is_matched_only_against_the_rules_of_its_bus() {
    let fixture = StackFixture::delivering().await;
    let file = std::fs::read(fixture.directory.path().join("stack.json")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    let name = file["eventBus"].as_str().unwrap();
    let arn = format!("arn:aws:events:local:000000000000:event-bus/{name}");
    let entry = |bus: Option<&str>, n: u64| {
        let detail = json!({ "n": n }).to_string();
        let mut entry = json!({ "Source": "test.own", "DetailType": "test", "Detail": detail });
        if let Some(bus) = bus {
            entry["EventBusName"] = bus.into();
        }
        entry
    };
    let entries = json!({ "Entries": [
        entry(None, 1), entry(Some("default"), 2), entry(Some("missing"), 3),
        entry(Some(name), 4), entry(Some(&arn), 5),
    ] });
    let request = fixture.client.post(fixture.stack.events());
    let request = request.header("x-amz-target", "AWSEvents.PutEvents").body(entries.to_string());
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["FailedEntryCount"], 0, "{answer}");
    assert!(answer["Entries"].as_array().unwrap().iter().all(|one| one["EventId"].is_string()));
    until_received(&fixture, &[count(4, 1), count(5, 1)]).await;
    until_empty(&fixture, "Work").await;
    assert_eq!(received(&fixture).len(), 2, "{:?}", received(&fixture));
    fixture.stack.stop().await;
}

#[tokio::test]
async fn events_of_aws_and_its_partners_can_be_sent_with_the_control_api() {
    let fixture = StackFixture::delivering().await;
    let event = json!({
        "source": "aws.partner/test.example/1", "detail-type": "test", "detail": { "n": 1 },
        "id": "given", "time": "2026-02-03T04:05:06Z",
    });
    let (status, answer) = fixture.control("events", &event).await;
    // The rule is on the partner's bus.
    assert_eq!((status, &answer["events"][0]), (200, &json!({ "id": "given", "rules": [] })));
    let on_bus = json!({ "bus": "aws.partner/test.example/1", "events": [event] });
    let (_, answer) = fixture.control("events", &on_bus).await;
    assert_eq!(answer["events"][0]["rules"], json!(["Partner"]));
    until_received(&fixture, &[count(1, 1)]).await;
    let (status, answer) = fixture.control("events", &json!({ "source": "s" })).await;
    assert_eq!(status, 400, "{answer}");
    fixture.stack.stop().await;
}

#[tokio::test]
async fn only_failed_messages_are_redelivered_after_the_visibility_timeout() {
    let fixture = StackFixture::delivering().await;
    send(&fixture, "test.batch", &[json!({}), json!({ "do": "fail once" }), json!({})]).await;
    until_received(&fixture, &[count(0, 1), count(1, 1), count(2, 1)]).await;
    assert_eq!(events(&fixture).len(), 1, "one batch");
    until("two messages are deleted", async || queue(&fixture, "Batches").await["inFlight"] == 1)
        .await;
    fixture.advance(500).await;
    assert_eq!(queue(&fixture, "Batches").await["inFlight"], 1);
    // The message becomes visible again, and then the batch window ends.
    fixture.advance(101).await;
    until("the message is visible", async || queue(&fixture, "Batches").await["visible"] == 1)
        .await;
    fixture.advance(301).await;
    until_received(&fixture, &[count(1, 2)]).await;
    until_empty(&fixture, "Batches").await;
    assert_eq!(received(&fixture).len(), 4);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn the_whole_batch_is_redelivered_if_the_function_fails_or_its_response_is_invalid() {
    for what in ["error once", "name another once"] {
        let fixture = StackFixture::delivering().await;
        send(&fixture, "test.batch", &[json!({}), json!({ "do": what }), json!({})]).await;
        until_received(&fixture, &[count(2, 1)]).await;
        assert_eq!(queue(&fixture, "Batches").await["inFlight"], 3, "{what}");
        fixture.advance(601).await;
        until_received(&fixture, &[count(0, 2), count(1, 2), count(2, 2)]).await;
        until_empty(&fixture, "Batches").await;
        fixture.stack.stop().await;
    }
}

#[tokio::test]
async fn the_whole_batch_is_redelivered_if_the_function_is_killed() {
    let fixture = StackFixture::delivering().await;
    send(&fixture, "test.batch", &[json!({}), json!({ "do": "hang once" }), json!({})]).await;
    until("the function hangs", async || events(&fixture).contains(&json!("hanging"))).await;
    let pids = fixture.stack.pids("worker_function");
    let kill = json!({ "signal": "kill" });
    let answer = fixture.control("functions/worker_function/signal", &kill).await;
    assert_eq!(answer, (200, json!({ "pids": pids })));
    assert!(fixture.stack.pids("worker_function").is_empty());
    assert_eq!(queue(&fixture, "Batches").await["inFlight"], 3);
    fixture.advance(601).await;
    until_received(&fixture, &[count(0, 2), count(1, 2), count(2, 2)]).await;
    until_empty(&fixture, "Batches").await;
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_message_that_always_fails_is_in_the_dead_letter_queue_after_five_receives_and_can_be_redriven()
 {
    let fixture = StackFixture::delivering().await;
    send(&fixture, "test.single", &[json!({ "do": "fail", "text": "é \u{1F600} \" \\ \n </x>" })])
        .await;
    for receives in 1..=5 {
        until_received(&fixture, &[count(0, receives)]).await;
        fixture.advance(61).await;
    }
    until("the message is in the dead-letter queue", async || {
        queue(&fixture, "Dead").await["visible"] == 1
    })
    .await;
    assert_eq!(received(&fixture).len(), 5);
    let dead = fixture.told("queues/Dead/messages").await;
    let body = &events(&fixture)[0]["Records"][0]["body"];
    assert_eq!(&dead["messages"][0]["body"], body);
    assert_eq!(dead["messages"][0]["receiveCount"], 5);
    assert_eq!(queue(&fixture, "Dead").await["isDeadLetterQueueOf"], json!(["Work"]));
    until_empty(&fixture, "Work").await;

    let (_, moved) = fixture.control("queues/Dead/redrive", &Value::Null).await;
    assert_eq!(moved, json!({ "moved": 1 }));
    until("the message is received again", async || received(&fixture).len() == 6).await;
    assert_eq!(received(&fixture)[5], count(0, 1));
    assert_eq!(&events(&fixture)[5]["Records"][0]["body"], body);
    assert_eq!(queue(&fixture, "Dead").await["visible"], 0);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_restart_keeps_messages_and_the_clock() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = options(directory.path());
    options.template = delivery_template();
    options.ephemeral = false;
    let stack = LocalStack::start(options.clone()).await.unwrap();
    let fixture = StackFixture { stack, client: crate::fixture::client(), directory };
    send(&fixture, "test.single", &[json!({ "do": "fail once" })]).await;
    until_received(&fixture, &[count(0, 1)]).await;
    fixture.advance(30).await;
    let StackFixture { stack, client, directory } = fixture;
    stack.stop().await;

    let stack = LocalStack::start(options).await.unwrap();
    let fixture = StackFixture { stack, client, directory };
    assert_eq!(queue(&fixture, "Work").await["inFlight"], 1);
    assert_eq!(fixture.told("clock").await["offsetSeconds"], 30);
    assert_eq!(received(&fixture).len(), 1);
    fixture.advance(31).await;
    until_received(&fixture, &[count(0, 2)]).await;
    until_empty(&fixture, "Work").await;
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_schedule_runs_when_the_clock_reaches_its_time() {
    let fixture = StackFixture::delivering().await;
    let schedules = fixture.told("schedules").await;
    let [hourly, never] = schedules["schedules"].as_array().unwrap().as_slice() else { panic!() };
    assert_eq!((&hourly["name"], &hourly["enabled"]), (&json!("WorkerHourly"), &json!(true)));
    assert_eq!((&never["name"], &never["next"]), (&json!("WorkerNever"), &Value::Null));
    let next = hourly["next"].clone();
    fixture.advance(3600).await;
    until("the schedule has run", async || !events(&fixture).is_empty()).await;
    assert_eq!(events(&fixture)[0], json!({ "time": next, "mode": "plan" }));
    until("the result is listed", async || {
        let schedules = fixture.told("schedules").await;
        let hourly = &schedules["schedules"][0];
        hourly["last"]["status"] == "succeeded" && hourly["last"]["scheduledTime"] == next
    })
    .await;
    // Only one run of the day: the latest.
    fixture.advance(24 * 3600).await;
    until("the schedule has run again", async || events(&fixture).len() == 2).await;
    let schedules = fixture.told("schedules").await;
    assert_ne!(schedules["schedules"][0]["next"], next);
    assert_eq!(events(&fixture).len(), 2);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_schedule_can_be_run_for_a_given_time_and_returns_the_result() {
    let fixture = StackFixture::delivering().await;
    let run = "schedules/WorkerHourly/run";
    let asked =
        json!({ "time": "2027-01-01T01:00:00+01:00", "input": { "mode": "apply", "x": 1 } });
    let (status, answer) = fixture.control(run, &asked).await;
    assert_eq!((status, &answer["status"]), (200, &json!("succeeded")));
    let event = json!({ "time": "2027-01-01T00:00:00Z", "mode": "apply", "x": 1 });
    assert_eq!(answer["result"]["event"], event);
    let (_, answer) = fixture.control(run, &json!({ "input": { "do": "error" } })).await;
    assert_eq!(answer, json!({ "status": "failed", "result": null }));
    // A disabled schedule, which sends EventBridge's own event.
    let (_, answer) = fixture.control("schedules/WorkerNever/run", &json!({})).await;
    assert_eq!(answer["result"]["event"]["detail-type"], "Scheduled Event");
    for (path, body, status) in [
        (run, json!({ "time": "tomorrow" }), 400),
        (run, json!({ "at": "2027-01-01T00:00:00Z" }), 400),
        ("schedules/Hourly/run", json!({}), 404),
    ] {
        let (answered, answer) = fixture.control(path, &body).await;
        assert_eq!(answered, status, "{answer}");
    }
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_function_with_a_concurrency_of_one_runs_one_request_at_a_time() {
    let fixture = StackFixture::delivering().await;
    let wait = json!({ "input": { "do": "wait" } });
    let invoke = async || fixture.control("schedules/WorkerHourly/run", &wait).await.0;
    assert_eq!(tokio::join!(invoke(), invoke(), invoke()), (200, 200, 200));
    assert_eq!(fixture.stack.pids("worker_function").len(), 1);
    let ends: Vec<_> = events(&fixture).iter().map(|event| event == "waited").collect();
    assert_eq!(ends, [false, true, false, true, false, true]);
    fixture.stack.stop().await;
}
