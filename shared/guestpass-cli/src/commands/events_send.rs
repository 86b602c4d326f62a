//! `guestpass events send`
#![expect(clippy::doc_markdown, reason = "it is what --help prints, where a backtick is one")]

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use identity_core::{event::EventKind, ports::Clock as _};
use serde::Serialize;

use super::{Context, identity, own_words};
use crate::{
    bus::Bus,
    events::detail,
    failure::{Failure, Result},
    moment,
    output::Row,
    target::text_in,
};

/// What to send.
#[derive(Args)]
#[command(
    group = ArgGroup::new("what").required(true).args(["kind", "file"]),
    after_help = "\
  guestpass events send user.disabled --user 'https://login.example|alice' --reason 'left'

To a local stack, --file sends any event, also one that only AWS and its partners can send
elsewhere: of Cognito, Auth0, Okta."
)]
pub(crate) struct Arguments {
    /// What happened
    #[arg(value_name = "EVENT", requires = "user")]
    kind: Option<Kind>,
    /// To whom: an external id or an ACS id
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// When (RFC 3339); now, if not said
    #[arg(long, value_name = "TIME")]
    occurred_at: Option<String>,
    /// Your name for the event; one is made up, if not said
    #[arg(long, value_name = "TEXT")]
    event_id: Option<String>,
    /// Why, in your own words
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The name or ARN of the event bus: of a deployed service, the output EventBusName of its
    /// stack [env: GUESTPASS_EVENT_BUS]
    #[arg(long, value_name = "NAME")]
    bus: Option<String>,
    /// A whole event, as EventBridge delivers it, for a local stack; - for stdin
    #[arg(long, value_name = "PATH", conflicts_with_all = ["kind", "user", "occurred_at", "event_id", "reason"])]
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Revoke every token
    #[value(name = "user.signed-out")]
    SignedOut,
    /// Revoke every token
    #[value(name = "user.credentials-changed")]
    CredentialsChanged,
    /// Revoke every token, and block
    #[value(name = "user.disabled")]
    Disabled,
    /// Unblock
    #[value(name = "user.enabled")]
    Enabled,
    /// Delete
    #[value(name = "user.deleted")]
    Deleted,
}

impl From<Kind> for EventKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::SignedOut => Self::SignedOut,
            Kind::CredentialsChanged => Self::CredentialsChanged,
            Kind::Disabled => Self::Disabled,
            Kind::Enabled => Self::Enabled,
            Kind::Deleted => Self::Deleted,
        }
    }
}

/// A sent event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<String>,
    /// The id that the bus gave the event.
    bus_id: String,
}

impl Row for Sent {
    const COLUMNS: &'static [&'static str] = &["event", "event id", "occurred", "bus id"];

    fn cells(&self) -> Vec<String> {
        let or_empty = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            self.event.unwrap_or_default().to_owned(),
            or_empty(&self.event_id),
            or_empty(&self.occurred_at),
            self.bus_id.clone(),
        ]
    }
}

/// Sends an event to the bus.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let target = context.target().await?;
    let bus = Bus::of(&target).await?;
    if let Some(file) = &arguments.file {
        let event = text_in(file, "the event")?;
        let bus_id = bus.deliver(arguments.bus.as_deref(), &event).await?;
        return context.show(&Sent { event: None, event_id: None, occurred_at: None, bus_id });
    }
    let (Some(kind), Some(user)) = (arguments.kind, &arguments.user) else {
        return Err(Failure::usage("it is not said what happened, or to whom"));
    };
    let own_bus = bus.own(arguments.bus.as_deref(), &context.around)?;
    let kind = EventKind::from(kind);
    let occurred_at = match &arguments.occurred_at {
        None => target.clock.now(),
        Some(raw) => moment::parse(raw).ok_or_else(|| {
            Failure::usage(format!("{raw:?} is no moment"))
                .because("it is not RFC 3339")
                .so("write one like 2026-11-22T17:00:00Z")
        })?,
    };
    let id = arguments.event_id.clone();
    let id = id.unwrap_or_else(|| format!("guestpass-{}", uuid::Uuid::new_v4()));
    let reason = arguments.reason.as_deref().map(own_words).transpose()?;
    let reason = reason.as_ref().map(identity_core::record::Reason::as_str);
    let detail = detail(&identity(user)?, occurred_at, &id, reason);
    let bus_id = bus.put(&own_bus, kind.as_str(), &detail.to_string()).await?;
    context.show(&Sent {
        event: Some(kind.as_str()),
        event_id: Some(id),
        occurred_at: Some(moment::show(occurred_at)),
        bus_id,
    })
}
