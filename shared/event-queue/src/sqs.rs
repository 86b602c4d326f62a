use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_sqs::operation::send_message::SendMessageError;
use identity_core::error_chain;

use crate::{EventQueue, EventQueueError, LookUpMessage, SignalMessage};

/// The queue `IdentityEvents` in Amazon SQS.
#[derive(Clone, Debug)]
pub struct SqsEventQueue {
    client: Client,
    url: String,
}

impl SqsEventQueue {
    /// Sends to the queue with this URL, with the credentials and the region of the process
    /// environment.
    #[must_use]
    pub fn connect(url: String) -> Self {
        Self::new(Client::new(&aws_connection::config()), url)
    }

    /// Sends to the queue with this URL through `client`.
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    async fn send_body(&self, body: String) -> Result<(), EventQueueError> {
        let sent = self.client.send_message().queue_url(&self.url).message_body(body).send().await;
        sent.map_err(|error| EventQueueError(unsent(&error)))?;
        Ok(())
    }
}

impl EventQueue for SqsEventQueue {
    async fn send(&self, messages: &[SignalMessage]) -> Result<(), EventQueueError> {
        for message in messages {
            self.send_body(message.body()).await?;
        }
        Ok(())
    }

    async fn send_look_ups(&self, messages: &[LookUpMessage]) -> Result<(), EventQueueError> {
        for message in messages {
            self.send_body(message.body()).await?;
        }
        Ok(())
    }
}

/// Describes the reason with the errors' `Display` output only: the `Debug` output would include
/// the message.
fn unsent(error: &SdkError<SendMessageError>) -> String {
    let service_error = error.as_service_error();
    let code = service_error.and_then(|error| error.code()).unwrap_or_default();
    let message = service_error.and_then(|error| error.message()).unwrap_or_default();
    match code {
        "" => error_chain(error),
        "AccessDenied" | "AccessDeniedException" => {
            format!("{code} ({message}); the function needs sqs:SendMessage for the queue")
        }
        _ => format!("{code} ({message})"),
    }
}
