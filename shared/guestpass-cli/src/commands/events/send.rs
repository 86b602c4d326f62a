//! `guestpass events send`

use identity_core::ports::Clock as _;
use serde::Serialize;

use crate::commands::CommandContext;
use crate::commands::events::explanation::detail;
use crate::input::{parse_identity, parse_reason, parse_time, text_in};
use crate::options::EventsSendArguments;
use crate::report::{CliError, Result, Row, timestamp};
use crate::service::EventPublisher;

/// A sent event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SentEvent {
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<String>,
    /// The id that the bus gave the event.
    bus_id: String,
}

impl Row for SentEvent {
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
pub(crate) async fn run(arguments: EventsSendArguments, context: &CommandContext) -> Result<()> {
    let target = context.target().await?;
    let bus = EventPublisher::of(&target).await?;
    if let Some(file) = &arguments.file {
        let event = text_in(file, "the event")?;
        let bus_id = bus.deliver(arguments.bus.as_deref(), &event).await?;
        return context.show(&SentEvent { event: None, event_id: None, occurred_at: None, bus_id });
    }
    let (Some(kind), Some(user)) = (arguments.kind, &arguments.user) else {
        return Err(CliError::usage("the event type and --user are required"));
    };
    let own_bus = bus.own(arguments.bus.as_deref(), &context.environment)?;
    let occurred_at = match &arguments.occurred_at {
        None => target.clock.now(),
        Some(raw) => parse_time(raw)?,
    };
    let id = arguments.event_id.clone();
    let id = id.unwrap_or_else(|| format!("guestpass-{}", uuid::Uuid::new_v4()));
    let reason = arguments.reason.as_deref().map(parse_reason).transpose()?;
    let reason = reason.as_ref().map(identity_core::record::Reason::as_str);
    let detail = detail(&parse_identity(user)?, occurred_at, &id, reason);
    let bus_id = bus.put(&own_bus, kind.as_str(), &detail.to_string()).await?;
    context.show(&SentEvent {
        event: Some(kind.as_str()),
        event_id: Some(id),
        occurred_at: Some(timestamp::format(occurred_at)),
        bus_id,
    })
}
