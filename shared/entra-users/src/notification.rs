//! Reads the notifications that Graph sends: to a webhook, or through Event Grid.

use std::fmt;

use identity_core::secret::Secret;
use serde_json::Value;

use crate::directory_id::{DirectoryId, DirectoryUser};

/// A notification. Anyone can send one: who has not compared [`client_state`](Self::client_state)
/// and [`tenant`](Self::tenant) knows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct GraphNotification {
    /// The text that the creator of the subscription chose, by which Graph is recognised.
    pub client_state: Secret,
    /// The tenant in which something changed.
    pub tenant: DirectoryId,
    /// What is said to have happened.
    pub change: NotifiedChange,
}

/// What a notification is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotifiedChange {
    /// A user was created, changed or deleted.
    User(DirectoryUser),
    /// Something happened to the subscription itself. The value is Graph's name for it, such as
    /// `subscriptionRemoved`, cleaned for the log.
    Lifecycle(String),
    /// Something that this project did not subscribe to.
    Other,
}

/// The body is not a list of notifications. It names the member and never quotes its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNotification {
    /// It is not JSON.
    #[error("the body is not JSON")]
    NotJson,
    /// It has neither form.
    #[error("the body has no `value`, and is not an event or a list of events")]
    UnknownForm,
    /// There are too many notifications.
    #[error("the body has more than {} notifications", InvalidNotification::MOST)]
    TooMany,
    /// A member is missing or invalid.
    #[error("`{0}` is missing or invalid")]
    Member(&'static str),
}

impl InvalidNotification {
    /// Graph sends at most a hundred notifications in one request.
    pub const MOST: usize = 200;
}

impl fmt::Debug for GraphNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("GraphNotification");
        debug.field("tenant", &self.tenant).field("change", &self.change).finish_non_exhaustive()
    }
}

/// Reads `{"value": [...]}`, as Graph sends it to a webhook, or one or several events whose `data` is
/// a notification, as Event Grid sends them: `CloudEvents`, or events of its own schema.
pub fn read_notifications(body: &[u8]) -> Result<Vec<GraphNotification>, InvalidNotification> {
    let body: Value = serde_json::from_slice(body).map_err(|_| InvalidNotification::NotJson)?;
    let notifications: Vec<&Value> = match (&body, body.get("value")) {
        (Value::Object(_), Some(Value::Array(list))) => list.iter().collect(),
        (Value::Array(events), _) => events.iter().map(data).collect::<Result<_, _>>()?,
        (Value::Object(_), None) => vec![data(&body)?],
        _ => return Err(InvalidNotification::UnknownForm),
    };
    if notifications.is_empty() {
        return Err(InvalidNotification::UnknownForm);
    }
    if notifications.len() > InvalidNotification::MOST {
        return Err(InvalidNotification::TooMany);
    }
    notifications.into_iter().map(read).collect()
}

/// The notification in a `CloudEvent`, or in an event of Event Grid's own schema.
fn data(event: &Value) -> Result<&Value, InvalidNotification> {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let is_event = match text("specversion") {
        Some(version) => version == "1.0",
        None => text("eventType").is_some() && text("topic").is_some(),
    };
    event.get("data").filter(|_| is_event).ok_or(InvalidNotification::UnknownForm)
}

fn read(notification: &Value) -> Result<GraphNotification, InvalidNotification> {
    let text = |name: &'static str| {
        let value = notification.get(name).and_then(Value::as_str);
        value.filter(|value| !value.is_empty()).ok_or(InvalidNotification::Member(name))
    };
    let client_state = Secret::new(text("clientState")?);
    let tenant: DirectoryId =
        text("tenantId")?.parse().map_err(|_| InvalidNotification::Member("tenantId"))?;
    let change = match text("lifecycleEvent") {
        Ok(name) => NotifiedChange::Lifecycle(shown(name)),
        Err(_) if is_about_a_user(text("resource")?) => {
            let id = notification.pointer("/resourceData/id").and_then(Value::as_str);
            let id = id.and_then(|id| id.parse().ok());
            let id = id.ok_or(InvalidNotification::Member("resourceData.id"))?;
            NotifiedChange::User(DirectoryUser { tenant: tenant.clone(), id })
        }
        Err(_) => NotifiedChange::Other,
    };
    Ok(GraphNotification { client_state, tenant, change })
}

/// `Users/<id>`. Graph does not always use the same case.
fn is_about_a_user(resource: &str) -> bool {
    resource.split('/').next().is_some_and(|kind| kind.eq_ignore_ascii_case("users"))
}

/// A name that the sender gave, for the log.
fn shown(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(40).collect()
}

#[cfg(test)]
mod tests;
