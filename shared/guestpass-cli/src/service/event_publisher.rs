//! The event bus: EventBridge, or the bus of the local stack.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use reqwest::Method;
use serde_json::{Value, json};

use crate::report::{CliError, Exit, Result};
use crate::service::{CliEnvironment, StackDescription, Target, aws_config, control, explain_aws};

/// The destination of events.
pub(crate) enum EventPublisher {
    /// EventBridge.
    Deployed(Client),
    /// The local stack.
    Local(Box<StackDescription>),
}

impl EventPublisher {
    /// The bus of a service.
    pub(crate) async fn of(target: &Target) -> Result<Self> {
        Ok(match target.stack() {
            Some(stack) => Self::Local(Box::new(stack.clone())),
            None => Self::Deployed(Client::new(&aws_config(target).await?)),
        })
    }

    /// The name or ARN of the event bus for Guestpass's own events: the value of `--bus`, or the
    /// bus of the service.
    pub(crate) fn own(&self, named: Option<&str>, environment: &CliEnvironment) -> Result<String> {
        let found = named.map(str::to_owned).or_else(|| match self {
            Self::Deployed(_) => environment.variable(EVENT_BUS),
            Self::Local(stack) => stack.event_bus.clone(),
        });
        found.ok_or_else(|| match self {
            Self::Deployed(_) => CliError::usage("missing event bus").because(format!(
                "neither --bus nor {EVENT_BUS} names the event bus of the deployed service"
            ))
            .hint(format!(
                "set {EVENT_BUS}, or give --bus: the output `EventBusName` of the deployed stack is its name"
            )),
            Self::Local(_) => CliError::usage("missing event bus")
                .because("stack.json has no `eventBus`: an older version started this local stack")
                .hint("stop the local stack, and start it again with `make run`"),
        })
    }

    /// Puts an event in Guestpass's own format. Returns the id that the bus gave it.
    pub(crate) async fn put(&self, bus: &str, kind: &str, detail: &str) -> Result<String> {
        match self {
            Self::Deployed(client) => {
                let entry = PutEventsRequestEntry::builder()
                    .source(SOURCE)
                    .detail_type(kind)
                    .detail(detail)
                    .event_bus_name(bus)
                    .build();
                let put = client.put_events().entries(entry).send().await;
                let put = put.map_err(|error| {
                    explain_aws(&error, "EventBridge", "events:PutEvents on the bus")
                })?;
                let entry = put.entries().first();
                let code = entry.and_then(|entry| entry.error_code());
                named(entry.and_then(|entry| entry.event_id()), code)
            }
            Self::Local(stack) => {
                let entry = json!({ "Source": SOURCE, "DetailType": kind, "Detail": detail, "EventBusName": bus });
                let body = json!({ "Entries": [entry] }).to_string();
                let headers = [("x-amz-target", "AWSEvents.PutEvents")];
                let put =
                    control::call(Method::POST, stack.events.clone(), &headers, Some(body)).await?;
                let text =
                    |name: &str| put.pointer(&format!("/Entries/0/{name}")).and_then(Value::as_str);
                named(text("EventId"), text("ErrorCode"))
            }
        }
    }

    /// Delivers a whole event from any source. Returns the ids that the bus gave. Without a bus,
    /// the event goes where AWS delivers the events of its source.
    pub(crate) async fn deliver(&self, bus: Option<&str>, event: &str) -> Result<String> {
        let Self::Local(stack) = self else {
            return Err(CliError::usage("a whole event cannot be sent to a deployed service")
                .because(
                    "EventBridge says itself who sent it; only AWS and its partners send theirs",
                )
                .hint("send one of our own: guestpass events send user.disabled --user ID"));
        };
        let url = format!("{}/_local/events", stack.console);
        let event = on_bus(bus.or(stack.event_bus.as_deref().filter(|_| is_own(event))), event);
        let sent = control::call(Method::POST, url, &[], Some(event)).await?;
        let events = sent.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
        let ids: Vec<&str> = events.iter().filter_map(|event| event.get("id")?.as_str()).collect();
        Ok(ids.join(" "))
    }
}

/// Whether the text is one event or several events in Guestpass's own format, without a bus.
fn is_own(event: &str) -> bool {
    let ours = |event: &Value| event.get("source").is_some_and(|source| source == SOURCE);
    match serde_json::from_str(event) {
        Ok(Value::Array(events)) => events.iter().all(ours),
        Ok(event) => ours(&event) && event.get("bus").is_none(),
        Err(_) => false,
    }
}

/// Builds the body that the control API of the stack takes for one event or several events on
/// this bus. Text that is not JSON stays unchanged: the stack reports the error.
fn on_bus(bus: Option<&str>, event: &str) -> String {
    match (bus, serde_json::from_str(event)) {
        (Some(bus), Ok(Value::Object(mut members))) => {
            members.insert("bus".to_owned(), bus.into());
            Value::Object(members).to_string()
        }
        (Some(bus), Ok(events)) => json!({ "bus": bus, "events": events }).to_string(),
        _ => event.to_owned(),
    }
}

fn named(id: Option<&str>, code: Option<&str>) -> Result<String> {
    id.map(str::to_owned).ok_or_else(|| {
        CliError::new(Exit::Failed, "the bus did not take the event")
            .because(code.unwrap_or("no reason was given").to_owned())
            .hint("try again")
    })
}

/// The variable that names the event bus of a deployed service.
const EVENT_BUS: &str = "GUESTPASS_EVENT_BUS";

/// The `source` of Guestpass's own events, which rules match.
const SOURCE: &str = "guestpass.identity";
