//! What SQS hands over, and what it wants to hear.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// Some messages.
#[derive(Deserialize)]
pub(crate) struct Batch {
    #[serde(rename = "Records", default)]
    pub(crate) messages: Vec<Message>,
}

/// A message. What does not matter here may be missing, or new.
#[derive(Deserialize)]
pub(crate) struct Message {
    /// The queue's name for it.
    #[serde(rename = "messageId", default)]
    pub(crate) id: String,
    /// What was put into the queue.
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

impl Message {
    /// When it was put into the queue: the same for each of its deliveries.
    pub(crate) fn sent_at(&self) -> Option<SystemTime> {
        let millis = self.attributes.sent.parse().ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))
    }

    /// Whether the queue gives up on it if it fails once more.
    pub(crate) fn is_at_its_end(&self) -> bool {
        self.attributes.receive_count.parse().is_ok_and(|count: u32| count >= MAX_RECEIVES)
    }
}

/// The queue's `maxReceiveCount`, as the template has it.
const MAX_RECEIVES: u32 = 5;

/// Which messages are to come again (`ReportBatchItemFailures`).
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl Answer {
    /// These are to come again. One without a name would bring back the whole batch,
    /// which is as it should be: nobody can tell which it was.
    pub(crate) fn failed<'a>(messages: impl Iterator<Item = &'a Message>) -> Self {
        let failures = messages.map(|message| Failure { item_identifier: message.id.clone() });
        Self { batch_item_failures: failures.collect() }
    }
}
