//! `guestpass events streams`

mod connect;
mod create;
mod rows;

use identity_core::ports::SystemClock;
use serde::Serialize;
use uuid::Uuid;

use crate::commands::{CommandContext, confirm};
use crate::options::{StreamArguments, StreamsCommand};
use crate::report::{CliError, Exit, Result, Row, note};
use crate::service::{ManagedStream, TransmitterApi};
use connect::connect;
use rows::StreamRow;

/// Runs a command about streams.
pub(crate) async fn run(command: StreamsCommand, context: &CommandContext) -> Result<()> {
    match command {
        StreamsCommand::List(access) => {
            let api = connect(access, context).await?;
            let streams = api.streams().await?;
            let rows = streams.iter().map(StreamRow::of).collect();
            context.show_rows(rows, &SystemClock::default())
        }
        StreamsCommand::Create(arguments) => create::run(arguments, context).await,
        StreamsCommand::Verify(arguments) => verify(arguments, context).await,
        StreamsCommand::Status(arguments) => {
            let (api, stream) = find(arguments, context).await?;
            show_status(&api, &stream, None, context).await
        }
        StreamsCommand::Pause(arguments) => {
            let (api, stream) = find(arguments, context).await?;
            show_status(&api, &stream, Some("paused"), context).await
        }
        StreamsCommand::Resume(arguments) => {
            let (api, stream) = find(arguments, context).await?;
            show_status(&api, &stream, Some("enabled"), context).await
        }
        StreamsCommand::Delete(arguments) => {
            let (api, stream) = find(arguments.stream, context).await?;
            let id = &stream.stream_id;
            let question = format!("Delete the stream {id}? Its events do not arrive any more.");
            confirm(&question, arguments.confirmation.yes, &context.environment)?;
            api.delete(id).await?;
            let status = "deleted".to_owned();
            context.show(&StatusRow { stream_id: id.clone(), status, reason: None })
        }
    }
}

/// The state of a stream.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusRow {
    stream_id: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Row for StatusRow {
    const COLUMNS: &'static [&'static str] = &["stream", "status", "reason"];

    fn cells(&self) -> Vec<String> {
        let reason = self.reason.clone().unwrap_or_default();
        vec![self.stream_id.clone(), self.status.clone(), reason]
    }
}

/// A requested verification.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerificationRow {
    stream_id: String,
    state: String,
}

impl Row for VerificationRow {
    const COLUMNS: &'static [&'static str] = &["stream", "state"];

    fn cells(&self) -> Vec<String> {
        vec![self.stream_id.clone(), self.state.clone()]
    }
}

async fn verify(arguments: StreamArguments, context: &CommandContext) -> Result<()> {
    let (api, stream) = find(arguments, context).await?;
    let state = Uuid::new_v4().simple().to_string();
    api.verify(&stream.stream_id, &state).await?;
    let stream_id = stream.stream_id;
    context.show(&VerificationRow { stream_id, state })?;
    note(
        "The transmitter sends a verification event with this state. It has arrived when the\n\
         log of receive-security-event has the line `stream verified`.",
    );
    Ok(())
}

async fn show_status(
    api: &TransmitterApi,
    stream: &ManagedStream,
    new: Option<&str>,
    context: &CommandContext,
) -> Result<()> {
    let id = stream.stream_id.as_str();
    let answer = match new {
        Some(status) => api.set_status(id, status).await?,
        None => api.status(id).await?,
    };
    let stream_id = id.to_owned();
    context.show(&StatusRow { stream_id, status: answer.status, reason: answer.reason })
}

/// The stream that the arguments name, or the only one.
async fn find(
    arguments: StreamArguments,
    context: &CommandContext,
) -> Result<(TransmitterApi, ManagedStream)> {
    let api = connect(arguments.access, context).await?;
    let streams = api.streams().await?;
    let count = streams.len();
    let mut named = streams
        .into_iter()
        .filter(|stream| arguments.stream.as_ref().is_none_or(|id| *id == stream.stream_id));
    match (named.next(), named.next()) {
        (Some(stream), None) => Ok((api, stream)),
        (Some(_), Some(_)) => Err(CliError::usage("no stream is named")
            .because(format!("the transmitter has {count} streams for this receiver"))
            .hint("give --stream with one of `guestpass events streams list`")),
        (None, _) => Err(CliError::new(Exit::NotFound, "stream not found")
            .because(format!("the transmitter has {count} streams for this receiver"))
            .hint("list them with `guestpass events streams list`, or create one")),
    }
}
