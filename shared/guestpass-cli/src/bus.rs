//! The event bus: EventBridge, or the local stack's.

use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    control,
    explain::aws,
    failure::{Exit, Failure, Result},
    stack_file::StackFile,
    target::Target,
    world,
};

/// Where events are put.
pub(crate) enum Bus {
    /// EventBridge.
    Deployed(Client),
    /// The local stack.
    Local(Box<StackFile>),
}

impl Bus {
    /// The bus of a service.
    pub(crate) async fn of(target: &Target) -> Result<Self> {
        Ok(match target.stack() {
            Some(stack) => Self::Local(Box::new(stack.clone())),
            None => Self::Deployed(Client::new(&world::aws(target).await?)),
        })
    }

    /// Puts an event of our own; the bus's name for it.
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
                let put =
                    put.map_err(|error| aws(&error, "EventBridge", "events:PutEvents on the bus"))?;
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

    /// Delivers a whole event, whoever it says it is from; the bus's name for it.
    pub(crate) async fn deliver(&self, event: &str) -> Result<String> {
        let Self::Local(stack) = self else {
            return Err(Failure::usage("a whole event cannot be sent to a deployed service")
                .because(
                    "EventBridge says itself who sent it; only AWS and its partners send theirs",
                )
                .so("send one of our own: guestpass events send user.disabled --user ID"));
        };
        let url = format!("{}/_local/events", stack.console);
        let sent = control::call(Method::POST, url, &[], Some(event.to_owned())).await?;
        let events = sent.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
        let ids: Vec<&str> = events.iter().filter_map(|event| event.get("id")?.as_str()).collect();
        Ok(ids.join(" "))
    }
}

fn named(id: Option<&str>, code: Option<&str>) -> Result<String> {
    id.map(str::to_owned).ok_or_else(|| {
        Failure::new(Exit::Failed, "the bus did not take the event")
            .because(code.unwrap_or("it does not say why").to_owned())
            .so("try again")
    })
}

/// Who we are to a rule.
const SOURCE: &str = "guestpass.identity";
