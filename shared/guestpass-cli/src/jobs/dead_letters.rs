//! The messages that failed too often, in SQS or in the queue of the local stack.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::{MessageSystemAttributeName as Name, QueueAttributeName};
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use crate::report::{CliError, Exit, Result, timestamp};
use crate::service::{StackDescription, Target, aws_config, control, explain_aws};

/// A message that failed too often.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetter {
    /// The message id.
    #[serde(rename = "messageId")]
    pub(crate) id: String,
    pub(crate) sent_at: String,
    pub(crate) deliveries: u64,
    /// The source and the type of the event.
    pub(crate) says: String,
    /// The whole message, for `events explain`.
    body: String,
}

/// The dead-letter queue.
pub(crate) enum DeadLetterQueue {
    /// In SQS.
    Deployed(Client, String),
    /// In the local stack, by its name.
    Local(Box<StackDescription>, String),
}

impl DeadLetterQueue {
    /// The queue of a service.
    pub(crate) async fn of(target: &Target, url: Option<String>) -> Result<Self> {
        if let Some(stack) = target.stack() {
            let listed =
                control::call(Method::GET, format!("{}/_local/queues", stack.console), &[], None)
                    .await?;
            let queues =
                listed.get("queues").and_then(Value::as_array).cloned().unwrap_or_default();
            let is_dead = |queue: &&Value| {
                queue
                    .get("isDeadLetterQueueOf")
                    .and_then(Value::as_array)
                    .is_some_and(|of| !of.is_empty())
            };
            let name = queues.iter().find(is_dead).and_then(|queue| queue.get("name")?.as_str());
            let name = name.ok_or_else(|| {
                CliError::new(Exit::Failed, "the local stack has no dead-letter queue")
                    .because("the template has none")
            })?;
            return Ok(Self::Local(Box::new(stack.clone()), name.to_owned()));
        }
        let url = url.ok_or_else(|| {
            CliError::usage("no dead-letter queue is named")
                .because("a deployed service's queue has a URL of its own")
                .hint("set GUESTPASS_DEAD_LETTER_QUEUE, or give --queue")
        })?;
        let config = Builder::from(&aws_config(target).await?).timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(2))
                // An empty queue answers after a wait of one second.
                .operation_attempt_timeout(Duration::from_secs(5))
                .operation_timeout(Duration::from_secs(10))
                .build(),
        );
        Ok(Self::Deployed(Client::from_conf(config.build()), url))
    }

    /// The messages in the queue, up to `limit`.
    pub(crate) async fn look(&self, limit: usize) -> Result<Vec<DeadLetter>> {
        match self {
            Self::Local(stack, name) => {
                let url = format!("{}/_local/queues/{name}/messages", stack.console);
                let listed = control::call(Method::GET, url, &[], None).await?;
                let messages = listed.get("messages").and_then(Value::as_array).cloned();
                Ok(messages.unwrap_or_default().iter().map(local).take(limit).collect())
            }
            Self::Deployed(client, url) => receive(client, url, limit).await,
        }
    }

    /// Sends all messages back. Returns the queue, and how many messages, if that is known.
    pub(crate) async fn redrive(&self) -> Result<(String, Option<u64>)> {
        match self {
            Self::Local(stack, name) => {
                let url = format!("{}/_local/queues/{name}/redrive", stack.console);
                let done = control::call(Method::POST, url, &[], None).await?;
                Ok((name.clone(), done.get("moved").and_then(Value::as_u64)))
            }
            Self::Deployed(client, url) => {
                let told = client.get_queue_attributes().queue_url(url);
                let told = told.attribute_names(QueueAttributeName::QueueArn).send().await;
                let told = told.map_err(|error| {
                    explain_aws(&error, "SQS", "sqs:GetQueueAttributes on the queue")
                })?;
                let arn =
                    told.attributes().and_then(|them| them.get(&QueueAttributeName::QueueArn));
                let arn = arn.ok_or_else(|| {
                    CliError::new(Exit::Failed, "SQS does not say the queue's ARN")
                })?;
                let move_task = client.start_message_move_task().source_arn(arn).send().await;
                move_task.map_err(|error| {
                    explain_aws(&error, "SQS", "sqs:StartMessageMoveTask on the queue")
                })?;
                Ok((url.clone(), None))
            }
        }
    }
}

/// SQS returns at most ten messages, and maybe fewer than there are. The loop ends when SQS
/// returns no new message.
async fn receive(client: &Client, url: &str, limit: usize) -> Result<Vec<DeadLetter>> {
    let mut letters: Vec<DeadLetter> = Vec::new();
    while letters.len() < limit {
        let received = client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            // Without a wait, SQS asks only some of its servers.
            .wait_time_seconds(1)
            .visibility_timeout(GLANCE_S)
            .message_system_attribute_names(Name::All)
            .send()
            .await
            .map_err(|error| explain_aws(&error, "SQS", "sqs:ReceiveMessage on the queue"))?;
        let before = letters.len();
        for letter in received.messages().iter().map(deployed) {
            // A message that was shown long ago becomes visible again.
            if !letters.iter().any(|known| known.id == letter.id) {
                letters.push(letter);
            }
        }
        if letters.len() == before {
            break;
        }
    }
    letters.truncate(limit);
    Ok(letters)
}

fn local(message: &Value) -> DeadLetter {
    let text =
        |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    DeadLetter {
        id: text("messageId"),
        sent_at: text("sentAt"),
        deliveries: message.get("receiveCount").and_then(Value::as_u64).unwrap_or_default(),
        says: says(&text("body")),
        body: text("body"),
    }
}

fn deployed(message: &aws_sdk_sqs::types::Message) -> DeadLetter {
    let told = |name: Name| {
        let value = message.attributes().and_then(|attributes| attributes.get(&name));
        value.and_then(|value| value.parse::<u64>().ok()).unwrap_or_default()
    };
    let body = message.body().unwrap_or_default().to_owned();
    let sent = std::time::Duration::from_millis(told(Name::SentTimestamp));
    DeadLetter {
        id: message.message_id().unwrap_or_default().to_owned(),
        sent_at: timestamp::format(std::time::SystemTime::UNIX_EPOCH + sent),
        deliveries: told(Name::ApproximateReceiveCount),
        says: says(&body),
        body,
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

/// How long a shown message is hidden from other readers: the longest time it may take to show
/// all messages.
const GLANCE_S: i32 = 10;
