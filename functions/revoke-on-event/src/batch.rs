//! The input and the output of the SQS integration.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A batch of messages.
#[derive(Deserialize)]
pub(crate) struct SqsBatch {
    #[serde(rename = "Records", default)]
    pub(crate) messages: Vec<SqsMessage>,
}

/// A message. Unknown fields are ignored, and unused ones may be missing.
#[derive(Deserialize)]
pub(crate) struct SqsMessage {
    /// The ID of the message in the queue.
    #[serde(rename = "messageId", default)]
    pub(crate) id: String,
    /// The payload of the message.
    #[serde(default)]
    pub(crate) body: String,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Default, Deserialize)]
struct Attributes {
    #[serde(rename = "ApproximateReceiveCount", default)]
    receive_count: String,
    /// Milliseconds since 1970.
    #[serde(rename = "SentTimestamp", default)]
    sent: String,
}

impl SqsMessage {
    /// When the message was put into the queue: the same for each of its deliveries.
    pub(crate) fn sent_at(&self) -> Option<SystemTime> {
        let millis = self.attributes.sent.parse().ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))
    }

    /// Whether the next failure moves the message to the dead-letter queue.
    pub(crate) fn is_at_its_end(&self) -> bool {
        self.attributes.receive_count.parse().is_ok_and(|count: u32| count >= MAX_RECEIVES)
    }
}

/// The queue's `maxReceiveCount` in the template.
const MAX_RECEIVES: u32 = 5;

/// The messages to deliver again (`ReportBatchItemFailures`).
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchResponse {
    batch_item_failures: Vec<BatchItemFailure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchItemFailure {
    item_identifier: String,
}

impl BatchResponse {
    /// Requests redelivery of these messages. A message without an ID causes redelivery of the
    /// whole batch, which is correct, because the failed message cannot be identified.
    pub(crate) fn failed<'a>(messages: impl Iterator<Item = &'a SqsMessage>) -> Self {
        let failures =
            messages.map(|message| BatchItemFailure { item_identifier: message.id.clone() });
        Self { batch_item_failures: failures.collect() }
    }
}
