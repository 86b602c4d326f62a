//! A queue of events: in SQS, or in the local stack, which plays SQS.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName,
};
use reqwest::Method;
use serde_json::Value;

use crate::report::{CliError, Exit, Result};
use crate::service::aws::local_config;
use crate::service::{CliEnvironment, StackDescription, Target, aws_config, control, explain_aws};

/// A queue of events.
pub(crate) struct SqsQueue {
    client: Client,
    url: String,
}

/// Which queue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueRole {
    /// The queue of the function that applies events.
    Events,
    /// The queue of the messages that failed too often.
    DeadLetters,
}

impl SqsQueue {
    /// The queue of a service. A flag names it, or for a deployed service a variable.
    pub(crate) async fn of(
        target: &Target,
        role: QueueRole,
        named: Option<String>,
        environment: &CliEnvironment,
    ) -> Result<Self> {
        let (aws, url) = if let Some(stack) = target.stack() {
            let url = match named {
                Some(name) => name,
                None => role.in_stack(stack).await?,
            };
            (local_config(&format!("{}/sqs", stack.events.trim_end_matches('/'))).await, url)
        } else {
            let url = named.or_else(|| environment.variable(role.variable()));
            let url = url.ok_or_else(|| role.not_named())?;
            (aws_config(target).await?, url)
        };
        let config = Builder::from(&aws).timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(2))
                // An empty queue answers after a wait of one second.
                .operation_attempt_timeout(Duration::from_secs(5))
                .operation_timeout(Duration::from_secs(10))
                .build(),
        );
        Ok(Self { client: Client::from_conf(config.build()), url })
    }

    /// Whether both are the same queue.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.url == other.url
    }

    /// Receives at most ten messages, and maybe fewer than there are. They are hidden from other
    /// readers for [`HIDDEN_S`] seconds.
    pub(crate) async fn receive(&self) -> Result<Vec<Message>> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(MOST)
            // Without a wait, SQS asks only some of its servers.
            .wait_time_seconds(1)
            .visibility_timeout(HIDDEN_S)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .map_err(|error| explain_aws(&error, "SQS", "sqs:ReceiveMessage on the queue"))?;
        Ok(received.messages.unwrap_or_default())
    }

    /// Puts a message into the queue. Returns its ID.
    pub(crate) async fn send(&self, body: &str) -> Result<String> {
        let sent = self.client.send_message().queue_url(&self.url).message_body(body).send().await;
        let sent = sent.map_err(|error| {
            explain_aws(&error, "SQS", "sqs:SendMessage on the queue of events")
        })?;
        Ok(sent.message_id.unwrap_or_default())
    }

    /// Deletes a received message.
    pub(crate) async fn delete(&self, receipt: &str) -> Result<()> {
        let request = self.client.delete_message().queue_url(&self.url).receipt_handle(receipt);
        let deleted = request.send().await;
        deleted.map_err(|error| explain_aws(&error, "SQS", "sqs:DeleteMessage on the queue"))?;
        Ok(())
    }

    /// Shows received messages to other readers again. If this fails, they are shown later.
    pub(crate) async fn release(&self, receipts: &[&str]) {
        for some in receipts.chunks(10) {
            let entries = some.iter().enumerate().filter_map(|(number, receipt)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(number.to_string())
                    .receipt_handle(*receipt)
                    .visibility_timeout(0)
                    .build()
                    .ok()
            });
            let request = self.client.change_message_visibility_batch().queue_url(&self.url);
            if request.set_entries(Some(entries.collect())).send().await.is_err() {
                return;
            }
        }
    }
}

impl QueueRole {
    /// The name of the queue in a local stack.
    async fn in_stack(self, stack: &StackDescription) -> Result<String> {
        let url = format!("{}/_local/queues", stack.console);
        let listed = control::call(Method::GET, url, &[], None).await?;
        let queues = listed.get("queues").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut pairs = queues.iter().filter_map(|queue| {
            let events = queue.get("isDeadLetterQueueOf")?.as_array()?.first()?.as_str()?;
            Some((events, queue.get("name")?.as_str()?))
        });
        let found = pairs.next().map(|(events, dead_letters)| match self {
            Self::Events => events.to_owned(),
            Self::DeadLetters => dead_letters.to_owned(),
        });
        found.ok_or_else(|| {
            CliError::new(Exit::Failed, "the local stack has no dead-letter queue")
                .because("the template has none")
        })
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Events => "GUESTPASS_EVENT_QUEUE",
            Self::DeadLetters => "GUESTPASS_DEAD_LETTER_QUEUE",
        }
    }

    fn not_named(self) -> CliError {
        let variable = self.variable();
        let (what, remedy) = match self {
            Self::Events => (
                "no queue of events is named",
                format!(
                    "set {variable}, or give --to: the output `EventQueueUrl` of the deployed stack is its URL"
                ),
            ),
            Self::DeadLetters => (
                "no dead-letter queue is named",
                format!(
                    "set {variable}, or give --queue: the output `DeadLetterQueueUrl` of the deployed stack is its URL"
                ),
            ),
        };
        CliError::usage(what)
            .because("a deployed service's queue has a URL of its own")
            .hint(remedy)
    }
}

/// How many messages one request receives: SQS allows no more.
const MOST: i32 = 10;

/// How long a received message is hidden from other readers, if it is not released: the longest
/// time that it may take to read all of them.
pub(crate) const HIDDEN_S: i32 = 120;
