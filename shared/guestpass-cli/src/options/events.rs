//! The arguments of `guestpass events`.

mod streams;

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use identity_core::event::EventKind;
use identity_core::identity::SubjectClaims;
use identity_events::OktaSubject;

use super::values::{Since, TokenIssuer, one_of, parse_part, parse_since};

pub(crate) use streams::*;

/// The commands about events.
#[derive(Subcommand)]
pub(crate) enum EventsCommand {
    /// Explain what the service would do with an event, and why
    Explain(EventsExplainArguments),
    /// Send an event to the event bus
    Send(EventsSendArguments),
    /// List the messages in the dead-letter queue, the oldest first
    DeadLetters(EventsDeadLettersArguments),
    /// Explain dead letters or archived events, and process them again
    Replay(EventsReplayArguments),
    /// Manage the streams of a transmitter of signals
    #[command(subcommand)]
    Streams(StreamsCommand),
}

/// Which events to explain.
#[derive(Args)]
#[command(after_help = "\
The file contains events as EventBridge delivers them (from Cognito, Auth0,
Okta, or in Guestpass's own format), one after the other or in an array, or
messages from the queue, also those of transmitters of signals. This command
changes nothing.")]
pub(crate) struct EventsExplainArguments {
    /// A file with the event, or - for stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) settings: EventSettingsOptions,
}

/// Parameters of the template that say which users events are about.
#[derive(Args)]
pub(crate) struct EventSettingsOptions {
    #[command(flatten)]
    pub(crate) issuer: TokenIssuer,
    /// More issuers, as a JSON array: the template parameter Issuers
    #[arg(long, value_name = "JSON")]
    pub(crate) issuers: Option<String>,
    /// The claims that name a user: the template parameter SubjectClaims [default: sub]
    #[arg(long, value_name = "CLAIMS")]
    pub(crate) subject_claims: Option<SubjectClaims>,
    /// The name of an Okta user that is their subject (both, login or id): the template parameter
    /// OktaSubject [default: both]
    #[arg(long, value_name = "NAME")]
    pub(crate) okta_subject: Option<OktaSubject>,
    /// The id of the app in Okta: the template parameter OktaApp
    #[arg(long, value_name = "ID")]
    pub(crate) okta_app: Option<String>,
}

/// What to send.
#[derive(Args)]
#[command(
    group = ArgGroup::new("content").required(true).args(["kind", "file"]),
    after_help = "\
Example:
  guestpass events send user.disabled --user 'https://login.example|alice' \\
    --reason 'left the company'

With --file, a local stack accepts events from any source. A deployed event bus
accepts events of Cognito, Auth0 and Okta only from AWS and its partners.")]
pub(crate) struct EventsSendArguments {
    /// The type of the event
    #[arg(value_name = "EVENT", requires = "user", value_parser = one_of(&KINDS, EventKind::as_str))]
    pub(crate) kind: Option<EventKind>,
    /// The user: external id or ACS id
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// The time of the event (RFC 3339) [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) occurred_at: Option<String>,
    /// The id of the event [default: a random id]
    #[arg(long, value_name = "TEXT")]
    pub(crate) event_id: Option<String>,
    /// The reason, 1 to 256 characters
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// The name or ARN of the event bus: the output EventBusName of the deployed stack
    /// [env: GUESTPASS_EVENT_BUS]
    #[arg(long, value_name = "NAME")]
    pub(crate) bus: Option<String>,
    /// A file with a whole event, as EventBridge delivers it, for a local stack; or - for stdin
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with_all = ["kind", "user", "occurred_at", "event_id", "reason"]
    )]
    pub(crate) file: Option<PathBuf>,
}

/// The types of events in Guestpass's own format.
const KINDS: [(EventKind, &str); 5] = [
    (EventKind::SignedOut, "Revokes all tokens"),
    (EventKind::CredentialsChanged, "Revokes all tokens"),
    (EventKind::Disabled, "Revokes all tokens and blocks the user"),
    (EventKind::Enabled, "Unblocks the user"),
    (EventKind::Deleted, "Deletes the identity"),
];

/// What to list.
#[derive(Args)]
#[command(after_help = "\
Lists messages that failed five times; `guestpass events replay` explains them,
and processes them again. Listing removes nothing, but hides the messages from
other readers while it runs.")]
pub(crate) struct EventsDeadLettersArguments {
    /// Only messages that were sent since this time: RFC 3339, or a duration before now such as 2h
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub(crate) since: Option<Since>,
    /// Only messages whose id, source or type of event contains this text
    #[arg(long, value_name = "TEXT", value_parser = parse_part)]
    pub(crate) matching: Option<String>,
    /// List at most this many messages, the oldest ones
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
    /// The URL of the dead-letter queue of a deployed service [env: GUESTPASS_DEAD_LETTER_QUEUE]
    #[arg(long, value_name = "URL")]
    pub(crate) queue: Option<String>,
}

/// Which events to replay.
#[derive(Args)]
#[command(after_help = "\
Examples:
  guestpass events replay
  guestpass events replay --since 2h --apply
  guestpass events replay archive.jsonl --since 2026-11-26T12:00:00Z --apply

Without --apply, it changes nothing. With --apply, it puts each event into the
queue of the function that applies events. An event that was applied before
changes nothing. A message leaves the dead-letter queue only when it is in the
other queue, so the command can be stopped and run again. A message that would
fail again stays where it is.")]
pub(crate) struct EventsReplayArguments {
    /// A file with archived events, or - for stdin [default: the dead-letter queue]
    #[arg(value_name = "FILE", conflicts_with = "queue")]
    pub(crate) file: Option<PathBuf>,
    /// Only events that were sent since this time: RFC 3339, or a duration before now such as 2h
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub(crate) since: Option<Since>,
    /// Process the events again
    #[arg(long)]
    pub(crate) apply: bool,
    /// The URL of the dead-letter queue of a deployed service, or of another queue of events that
    /// were not applied [env: GUESTPASS_DEAD_LETTER_QUEUE]
    #[arg(long, value_name = "URL")]
    pub(crate) queue: Option<String>,
    /// The URL of the queue that the function reads: the output EventQueueUrl of the deployed
    /// stack [env: GUESTPASS_EVENT_QUEUE]
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) settings: EventSettingsOptions,
}
