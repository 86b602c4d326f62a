//! The messages that failed too often.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime};

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName as Name};
use serde::Serialize;
use serde_json::Value;

use crate::report::{Result, timestamp};
use crate::service::SqsQueue;

/// A message that failed too often.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetter {
    /// The message id.
    #[serde(rename = "messageId")]
    pub(crate) id: String,
    #[serde(serialize_with = "as_timestamp")]
    pub(crate) sent_at: SystemTime,
    pub(crate) deliveries: u64,
    /// The source and the type of the event.
    pub(crate) says: String,
    /// The whole message, for `events explain`.
    pub(crate) body: String,
}

/// Reads the messages of a queue, each of them once. Other readers do not see a message that was
/// read, until it is released.
pub(crate) struct DeadLetterReader<'a> {
    queue: &'a SqsQueue,
    known: HashSet<String>,
    /// The newest receipt handle of each message that was read and not deleted, by its ID.
    held: BTreeMap<String, String>,
}

impl<'a> DeadLetterReader<'a> {
    pub(crate) fn new(queue: &'a SqsQueue) -> Self {
        Self { queue, known: HashSet::new(), held: BTreeMap::new() }
    }

    /// The next messages; none, if SQS returned no new message.
    pub(crate) async fn next(&mut self) -> Result<Vec<DeadLetter>> {
        let mut letters = Vec::new();
        for message in self.queue.receive().await? {
            let letter = DeadLetter::of(&message);
            // A message that was read long ago becomes visible again, with a new handle.
            self.held.insert(letter.id.clone(), message.receipt_handle.unwrap_or_default());
            if self.known.insert(letter.id.clone()) {
                letters.push(letter);
            }
        }
        Ok(letters)
    }

    /// Moves a message to another queue, as `body`. It is deleted only when the other queue has
    /// it: if this stops in between, both queues have it.
    pub(crate) async fn move_to(
        &mut self,
        events: &SqsQueue,
        letter: &DeadLetter,
        body: &str,
    ) -> Result<()> {
        let id = events.send(body).await?;
        // If it fails again, it comes back as this message, which must not be moved again.
        self.known.insert(id);
        if let Some(receipt) = self.held.get(&letter.id) {
            self.queue.delete(receipt).await?;
        }
        self.held.remove(&letter.id);
        Ok(())
    }

    /// Shows the remaining messages to other readers again.
    pub(crate) async fn release(self) {
        let receipts: Vec<&str> = self.held.values().map(String::as_str).collect();
        self.queue.release(&receipts).await;
    }
}

/// The oldest messages that `is_listed` admits, up to `limit`, and whether there are more.
pub(crate) async fn dead_letters(
    queue: &SqsQueue,
    is_listed: impl Fn(&DeadLetter) -> bool,
    limit: usize,
) -> Result<(Vec<DeadLetter>, bool)> {
    let mut reader = DeadLetterReader::new(queue);
    let (mut letters, mut is_cut) = (Vec::new(), false);
    loop {
        let next = reader.next().await?;
        if next.is_empty() {
            break;
        }
        letters.extend(next.into_iter().filter(&is_listed));
        // SQS returns messages in any order, so all of them are read, and few are kept in memory.
        letters.sort_by(DeadLetter::by_time);
        is_cut |= letters.len() > limit;
        letters.truncate(limit);
    }
    reader.release().await;
    Ok((letters, is_cut))
}

impl DeadLetter {
    fn by_time(&self, other: &Self) -> Ordering {
        (self.sent_at, &self.id).cmp(&(other.sent_at, &other.id))
    }

    fn of(message: &Message) -> Self {
        let told = |name: Name| -> u64 {
            let value = message.attributes().and_then(|them| them.get(&name));
            value.and_then(|value| value.parse().ok()).unwrap_or_default()
        };
        let body = message.body().unwrap_or_default().to_owned();
        let sent = Duration::from_millis(told(Name::SentTimestamp));
        Self {
            id: message.message_id().unwrap_or_default().to_owned(),
            sent_at: SystemTime::UNIX_EPOCH + sent,
            deliveries: told(Name::ApproximateReceiveCount),
            says: says(&body),
            body,
        }
    }
}

/// The source and the type of an event, without its user.
fn says(body: &str) -> String {
    let event: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    match (text("source"), text("detail-type")) {
        (Some(source), Some(kind)) => format!("{source}: {kind}"),
        _ => "no event".to_owned(),
    }
}

fn as_timestamp<S: serde::Serializer>(
    time: &SystemTime,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&timestamp::format(*time))
}
