//! A function for tests: logs its event, and executes the `do` of each message.
#![expect(clippy::indexing_slicing, reason = "a test may die, and JSON gives null")]

use std::io::Write as _;

use lambda_http::lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |event: LambdaEvent<Value>| {
        log(&event.payload);
        match event.payload["Records"].as_array() {
            Some(records) => batch(records).await,
            None => other(&event).await,
        }
    }))
    .await
}

async fn batch(records: &[Value]) -> Result<Value, Error> {
    let mut failures = Vec::new();
    for record in records {
        let body: Value = serde_json::from_str(record["body"].as_str().unwrap_or_default())?;
        let first = record["attributes"]["ApproximateReceiveCount"] == "1";
        match body["detail"]["do"].as_str() {
            Some("fail") => failures.push(json!({ "itemIdentifier": record["messageId"] })),
            Some("fail once") if first => {
                failures.push(json!({ "itemIdentifier": record["messageId"] }));
            }
            Some("name another once") if first => {
                failures.push(json!({ "itemIdentifier": "another" }));
            }
            Some("error once") if first => return Err("asked to fail".into()),
            Some("hang once") if first => {
                log(&json!("hanging"));
                std::future::pending::<()>().await;
            }
            _ => {}
        }
    }
    Ok(json!({ "batchItemFailures": failures }))
}

async fn other(event: &LambdaEvent<Value>) -> Result<Value, Error> {
    match event.payload["do"].as_str() {
        Some("wait") => {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            log(&json!("waited"));
        }
        Some("error") => return Err("asked to fail".into()),
        _ => {}
    }
    let variable = |name| std::env::vars().find(|(n, _)| n == name).map(|(_, value)| value);
    Ok(json!({
        "event": event.payload,
        "deadline": event.context.deadline,
        "clockFile": variable("GUESTPASS_CLOCK_OFFSET_FILE"),
    }))
}

fn log(line: &Value) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
