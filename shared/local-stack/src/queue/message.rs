//! One message, from its sending until its deletion.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::arn::{REGION, queue_arn};

/// A message. Times are milliseconds since the epoch, on the stack's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueMessage {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) sent_at: i64,
    pub(crate) receives: u32,
    pub(crate) first_received_at: Option<i64>,
    /// When it becomes visible.
    pub(crate) visible_at: i64,
    /// The handle of the newest receive; only this handle deletes the message.
    pub(crate) receipt: Option<String>,
}

impl QueueMessage {
    /// A new message, which becomes visible at `visible_at`.
    pub(crate) fn new(body: String, sent_at: i64, visible_at: i64) -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            body,
            sent_at,
            receives: 0,
            first_received_at: None,
            visible_at,
            receipt: None,
        }
    }

    /// The message as `ReceiveMessage` returns it.
    pub(super) fn received(&self) -> Value {
        json!({
            "MessageId": self.id,
            "ReceiptHandle": self.receipt,
            "Body": self.body,
            "MD5OfBody": self.digest(),
            "Attributes": self.attributes(),
        })
    }

    /// The message as one of the `Records` of a function's event.
    pub(crate) fn record(&self, queue: &str) -> Value {
        json!({
            "messageId": self.id,
            "receiptHandle": self.receipt,
            "body": self.body,
            "attributes": self.attributes(),
            "messageAttributes": {},
            "md5OfBody": self.digest(),
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn(queue),
            "awsRegion": REGION,
        })
    }

    fn digest(&self) -> String {
        format!("{:x}", md5::compute(&self.body))
    }

    fn attributes(&self) -> Value {
        json!({
            "ApproximateReceiveCount": self.receives.to_string(),
            "SentTimestamp": self.sent_at.to_string(),
            "SenderId": SENDER,
            "ApproximateFirstReceiveTimestamp":
                self.first_received_at.unwrap_or(self.sent_at).to_string(),
        })
    }
}

/// The sender: in AWS, the id of a user or role of EventBridge's own.
const SENDER: &str = "AIDALOCALEVENTBRIDGE";
