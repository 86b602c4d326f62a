//! The event source mapping: sends a queue's messages to a function in batches, and deletes the
//! messages that succeeded.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::{QueueMessage, Queues};
use crate::output::say;
use crate::runtime::FunctionPool;
use crate::template::QueueMapping;

/// A queue, and the function that gets its messages.
pub(crate) struct QueueSource {
    pub(crate) queues: Arc<Queues>,
    pub(crate) function: Arc<FunctionPool>,
    pub(crate) mapping: QueueMapping,
}

/// Delivers messages until `stopping` turns true, and returns when no batch is in progress.
pub(crate) async fn poll(source: QueueSource, mut stopping: watch::Receiver<bool>) {
    let source = Arc::new(source);
    let mapping = &source.mapping;
    let limit = mapping.concurrency.unwrap_or(usize::MAX).min(source.function.processes());
    let permits = Arc::new(Semaphore::new(limit));
    let mut batches = JoinSet::new();
    loop {
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            let queue = &mapping.queue;
            let batch = source.queues.receive(queue, mapping.batch_size, mapping.window).await;
            (permit, batch)
        };
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => break,
            (permit, batch) = next => {
                let source = Arc::clone(&source);
                batches.spawn(async move {
                    source.deliver(&batch).await;
                    drop(permit);
                });
            }
        }
        while batches.try_join_next().is_some() {}
    }
    while batches.join_next().await.is_some() {}
}

impl QueueSource {
    async fn deliver(&self, batch: &[QueueMessage]) {
        let began = Instant::now();
        let queue = &self.mapping.queue;
        let records: Vec<Value> = batch.iter().map(|message| message.record(queue)).collect();
        let event = json!({ "Records": records }).to_string();
        let ids: BTreeSet<&str> = batch.iter().map(|message| message.id.as_str()).collect();
        let failed = match self.function.invoke(Bytes::from(event)).await {
            Ok(_) if !self.mapping.reports_failures => Some(BTreeSet::new()),
            Ok(answer) => failures(&answer, &ids),
            Err(_) => None,
        };
        // Failed messages stay, and become visible again after the visibility timeout.
        let failed = failed.unwrap_or_else(|| ids.iter().map(|id| (*id).to_owned()).collect());
        let done = batch.iter().filter(|message| !failed.contains(&message.id));
        let done: Vec<String> = done.filter_map(|message| message.receipt.clone()).collect();
        self.queues.delete(queue, &done);
        say(format_args!(
            "{queue} → {}: {} succeeded, {} failed, {} ms",
            self.function.name(),
            done.len(),
            failed.len(),
            began.elapsed().as_millis()
        ));
    }
}

/// The messages that failed according to the response; `None` if the response is invalid, because then
/// all of them failed.
fn failures(answer: &[u8], ids: &BTreeSet<&str>) -> Option<BTreeSet<String>> {
    // Lambda treats an empty response, null and {} as success.
    if answer.is_empty() {
        return Some(BTreeSet::new());
    }
    let answer: Option<BatchReport> = serde_json::from_slice(answer).ok()?;
    let failures = answer.unwrap_or_default().batch_item_failures.unwrap_or_default();
    let failed: BTreeSet<String> = failures.into_iter().map(|f| f.item_identifier).collect();
    failed.iter().all(|id| ids.contains(id.as_str())).then_some(failed)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchReport {
    batch_item_failures: Option<Vec<BatchItemFailure>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchItemFailure {
    item_identifier: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_names_the_messages_that_failed() {
        let ids = BTreeSet::from(["a", "b"]);
        for (answer, failed) in [
            ("", Some(vec![])),
            ("null", Some(vec![])),
            ("{}", Some(vec![])),
            (r#"{"batchItemFailures":null}"#, Some(vec![])),
            (r#"{"batchItemFailures":[]}"#, Some(vec![])),
            (r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#, Some(vec!["b"])),
            (r#"{"batchItemFailures":[{"itemIdentifier":"c"}]}"#, None),
            (r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, None),
            (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, None),
            (r#"{"batchItemFailures":[{"item":"a"}]}"#, None),
            (r#"{"batchItemFailures":"a"}"#, None),
            ("\"done\"", None),
            ("{", None),
        ] {
            let failed = failed.map(|ids| ids.into_iter().map(str::to_owned).collect());
            assert_eq!(failures(answer.as_bytes(), &ids), failed, "{answer}");
        }
    }
}
