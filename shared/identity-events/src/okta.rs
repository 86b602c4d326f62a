//! Okta organisations: their log stream to `EventBridge` (detail type `SystemLog`). Each
//! event of the System Log is in `detail`.
//!
//! A setting of the authorization server decides which of a user's two names is the `sub` of an
//! access token: by default the login, otherwise the id. The event has both (`alternateId` and
//! `id`) and does not say which one is the `sub`. It is therefore read as an event about both
//! names. The other name does not belong to a user, so its record is never read.

use identity_core::event::{Event, EventKind, EventSource};
use identity_core::identity::Issuer;
use serde_json::Value;

use crate::envelope::{Envelope, text, user};
use crate::reading::{Found, Malformed, WhyIgnored};

pub(crate) fn read(envelope: &Envelope, issuer: &Issuer) -> Result<Found, Malformed> {
    let name = envelope.required("detail.eventType")?;
    let Some(kind) = kind(name) else {
        return Ok(Found::ignored(name, WhyIgnored::UnknownType));
    };
    if envelope.required("detail.outcome.result")? != "SUCCESS" {
        return Ok(Found::ignored(name, WhyIgnored::Failed));
    }
    let moment = envelope.time("detail.published")?;
    let id = envelope.id("detail.uuid")?;
    let mut events = Vec::new();
    for (subject, field) in subjects(envelope, name).into_iter().flat_map(names) {
        let identity = user(issuer, subject, field)?;
        events.push(Event {
            source: EventSource::Okta,
            kind,
            identity,
            occurred_at: moment.at,
            resolution: moment.resolution,
            heard_at: None,
            id: id.clone(),
            reason: None,
        });
    }
    if events.is_empty() {
        return Err(Malformed::Missing("detail.target"));
    }
    Ok(Found::Events(events))
}

fn kind(name: &str) -> Option<EventKind> {
    match name {
        "user.lifecycle.deactivate" | "user.lifecycle.suspend" => Some(EventKind::Disabled),
        "user.lifecycle.activate" | "user.lifecycle.reactivate" | "user.lifecycle.unsuspend" => {
            Some(EventKind::Enabled)
        }
        "user.lifecycle.delete.initiated" | "user.lifecycle.delete.completed" => {
            Some(EventKind::Deleted)
        }
        "user.session.end" | "user.session.clear" | "user.authentication.universal_logout" => {
            Some(EventKind::SignedOut)
        }
        "user.account.update_password"
        | "user.account.reset_password"
        | "user.mfa.factor.reset_all" => Some(EventKind::CredentialsChanged),
        _ => None,
    }
}

/// The users that the event is about. Users who end their own session are the actor of that
/// event, which has no target. In any other event the actor may be an administrator.
fn subjects<'a>(envelope: &'a Envelope, name: &str) -> Vec<&'a Value> {
    let is_user = |value: &&Value| value.get("type").and_then(text) == Some("User");
    let targets = envelope.at("detail.target").and_then(Value::as_array);
    let users: Vec<&Value> = targets.into_iter().flatten().filter(is_user).collect();
    if users.is_empty() && name == "user.session.end" {
        return envelope.at("detail.actor").into_iter().filter(is_user).collect();
    }
    users
}

/// The two names of a user, each with the field that it was found in.
fn names(user: &Value) -> impl Iterator<Item = (&str, &'static str)> {
    let login = user.get("alternateId").and_then(text).filter(|login| *login != "unknown");
    let id = user.get("id").and_then(text);
    let login = login.map(|login| (login, "the alternateId of a user in detail"));
    login.into_iter().chain(id.map(|id| (id, "the id of a user in detail")))
}
