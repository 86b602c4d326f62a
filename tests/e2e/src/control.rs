//! The bus, the queues, the schedules and the clock of a stack.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use harness::wait_until_async;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::ServiceStack;

/// The queue of the events.
pub const EVENTS: &str = "IdentityEvents";

/// The dead-letter queue, for events that could not be applied.
pub const DEAD_LETTERS: &str = "IdentityEventsDeadLetters";

/// The function that applies the events.
pub const REVOKE: &str = "revoke-on-event";

/// The function that watches the users of Microsoft Entra.
const WATCH: &str = "watch-entra-users";

/// The functions that no request reaches: a schedule and a queue invoke them.
pub const WITHOUT_ROUTES: [&str; 4] = [CLEANUP, POLL, REVOKE, WATCH];

/// Slightly more than the visibility timeout after a receive.
pub const VISIBILITY: Duration = Duration::from_secs(61);

/// The number of receives before a message becomes a dead letter.
pub const DELIVERIES: u64 = 5;

const CLEANUP: &str = "delete-stale-identities";

const POLL: &str = "poll-security-events";

impl ServiceStack {
    /// Calls the stack's own control API.
    pub async fn local(&self, route: &str, body: Value) -> Value {
        let (method, path) = route.split_once(' ').unwrap();
        let url = format!("{}/_local/{path}", self.url("console"));
        let request = self.client.request(method.parse().unwrap(), url);
        let request = if body.is_null() { request } else { request.json(&body) };
        let reply = request.send().await.unwrap();
        let (status, text) = (reply.status(), reply.text().await.unwrap());
        assert!(status.is_success(), "{route}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Sets the offset of the clock of the whole stack.
    pub async fn advance(&self, by: Duration) {
        let seconds = json!({ "advanceSeconds": by.as_secs() });
        self.local("POST clock", seconds).await;
    }

    /// The stack's time plus so many seconds, in RFC 3339.
    pub async fn seconds_from_now(&self, seconds: i64) -> String {
        let clock = self.local("GET clock", Value::Null).await;
        let now = OffsetDateTime::parse(clock["now"].as_str().unwrap(), &Rfc3339).unwrap();
        (now + time::Duration::seconds(seconds)).format(&Rfc3339).unwrap()
    }

    /// `PutEvents`, as the AWS SDKs call it: each event has a `detail-type` and a `detail`, with
    /// our own source, on our own bus.
    pub async fn put_events(&self, events: &[(&str, Value)]) {
        self.put_events_on(self.url("eventBus"), events).await;
    }

    /// `PutEvents` with our own source, on the bus with this name or ARN.
    pub async fn put_events_on(&self, bus: &str, events: &[(&str, Value)]) {
        let entries = events.iter().map(|(kind, detail)| {
            let (source, detail) = ("guestpass.identity", detail.to_string());
            json!({ "EventBusName": bus, "Source": source, "DetailType": kind, "Detail": detail })
        });
        let entries: Vec<Value> = entries.collect();
        let request = self
            .client
            .post(self.url("events"))
            .header("x-amz-target", "AWSEvents.PutEvents")
            .header("content-type", "application/x-amz-json-1.1")
            .body(json!({ "Entries": entries }).to_string());
        let reply: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(reply["FailedEntryCount"], 0, "{reply}");
    }

    /// Sends an event about a user of the stack's issuer, so many seconds from now.
    pub async fn send_event(&self, kind: &str, subject: &str, seconds_from_now: i64) {
        let detail = self.detail(subject, seconds_from_now).await;
        self.put_events(&[(kind, detail)]).await;
    }

    /// The `detail` of an event about a user.
    pub async fn detail(&self, subject: &str, seconds_from_now: i64) -> Value {
        let occurred_at = self.seconds_from_now(seconds_from_now).await;
        json!({ "issuer": self.url("issuer"), "subject": subject, "occurredAt": occurred_at })
    }

    /// Lets a simulated transmitter of the stack send a signal through the gateway. Returns its
    /// `jti`, and the `status` and the `body` of the answer.
    pub async fn signal(&self, transmitter: &str, signal: Value) -> Value {
        self.local(&format!("POST signals/{transmitter}"), signal).await
    }

    /// Posts a body to the path of a transmitter, and returns the status and the JSON of the answer.
    pub async fn push(
        &self,
        transmitter: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> (u16, Value) {
        let url = format!("{}/v1/signals/{transmitter}", self.url("gateway"));
        let mut request = self.client.post(url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let reply = request.send().await.unwrap();
        let (status, text) = (reply.status().as_u16(), reply.text().await.unwrap());
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// The messages of a queue.
    pub async fn messages(&self, queue: &str) -> Vec<Value> {
        let told = self.local(&format!("GET queues/{queue}/messages"), Value::Null).await;
        told["messages"].as_array().unwrap().clone()
    }

    /// Waits until every event that was sent has been processed.
    pub async fn until_processed(&self) {
        self.until("all events are processed", async || self.messages(EVENTS).await.is_empty())
            .await;
    }

    /// Waits for a condition.
    pub async fn until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        let holds = wait_until_async(Duration::from_secs(90), condition).await;
        assert!(holds, "timed out while waiting until {what}: {}", self.log(REVOKE));
    }

    /// `kill -9` for the processes of a function, which are gone when this returns.
    pub async fn kill(&self, function: &str) {
        let signal = json!({ "signal": "kill" });
        let told = self.local(&format!("POST functions/{function}/signal"), signal).await;
        assert_ne!(told["pids"], json!([]), "{function} has no process");
    }

    /// Runs the cleanup's schedule as if it were so many days later, and returns the function's
    /// result.
    pub async fn cleanup(&self, days: i64, mode: &str) -> Value {
        self.cleanup_with(days, json!({ "mode": mode })).await
    }

    /// The same, with more members in its event.
    pub async fn cleanup_with(&self, days: i64, input: Value) -> Value {
        let listed = self.local("GET schedules", Value::Null).await;
        let schedules = listed["schedules"].as_array().unwrap();
        let ours = schedules.iter().find(|schedule| schedule["function"] == CLEANUP).unwrap();
        let route = format!("POST schedules/{}/run", ours["name"].as_str().unwrap());
        let time = self.seconds_from_now(days * 24 * 3600).await;
        let run = self.local(&route, json!({ "time": time, "input": input })).await;
        assert_eq!(run["status"], "succeeded", "{}", self.log(CLEANUP));
        run["result"].clone()
    }

    /// The sum of a CloudWatch metric that a function has logged.
    #[must_use]
    pub fn metric_sum(&self, function: &str, metric: &str) -> u64 {
        let log = self.log(function);
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let counts = lines.filter(|line| line["_aws"].is_object());
        counts.filter_map(|line| line[metric].as_u64()).sum()
    }

    /// The `sub` of the issuer's user, as the API's administrators address them.
    #[must_use]
    pub fn address(&self, subject: &str) -> String {
        in_a_path(&format!("{}|{subject}", self.url("issuer")))
    }
}

/// An external id, encoded for a path.
#[must_use]
pub fn in_a_path(external_id: &str) -> String {
    format!("base64url:{}", BASE64_URL_SAFE_NO_PAD.encode(external_id))
}
