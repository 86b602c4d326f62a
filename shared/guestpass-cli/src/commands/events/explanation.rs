//! Reads messages of identity providers, and explains what the service would do about them.

use std::time::SystemTime;

use identity_core::Error;
use identity_core::apply_event::foresee_event;
use identity_core::event::{Event, EventKind, EventMode};
use identity_core::event_decision::{EventDecision, NoEffect};
use identity_core::identity::{IdentityRef, Issuer};
use identity_core::record::State;
use identity_events::{EventSettings, EventSource, Ignored, Reading, WhyIgnored};
use serde::Serialize;
use serde_json::Value;

use crate::report::{Result, Row, timestamp};
use crate::service::ServiceSession;

/// The content of an event, and its effect.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventExplanation {
    pub(crate) source: String,
    /// The name of the transmitter of a signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    transmitter: Option<String>,
    /// The mode of a signal's transmitter: `apply` or `shadow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    pub(crate) would: String,
    pub(crate) why: String,
    /// Whether the service cannot process the message now.
    #[serde(skip)]
    pub(crate) fails: bool,
}

impl Row for EventExplanation {
    const COLUMNS: &'static [&'static str] = &[
        "source",
        "transmitter",
        "mode",
        "event",
        "subject",
        "occurred",
        "event id",
        "reason",
        "would",
        "why",
    ];

    fn cells(&self) -> Vec<String> {
        let or_empty = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            self.source.clone(),
            or_empty(&self.transmitter),
            self.mode.unwrap_or_default().to_owned(),
            self.event.unwrap_or_default().to_owned(),
            or_empty(&self.subject),
            or_empty(&self.occurred_at),
            or_empty(&self.event_id),
            or_empty(&self.reason),
            self.would.clone(),
            self.why.clone(),
        ]
    }
}

/// Explains a message. If there is a service, it also reads the records.
pub(crate) async fn explain(
    message: &str,
    settings: &EventSettings,
    session: Option<&ServiceSession>,
) -> Result<Vec<EventExplanation>> {
    let reading = match identity_events::read(message, settings) {
        Ok(reading) => reading,
        Err(malformed) => {
            let unread = nothing("(cannot be read)".to_owned(), FAIL, malformed.to_string());
            return Ok(vec![EventExplanation { fails: true, ..unread }]);
        }
    };
    match reading {
        Reading::LookUp { look_up, mode } => Ok(vec![EventExplanation {
            transmitter: Some(look_up.transmitter),
            mode: Some(mode.as_str()),
            subject: Some(look_up.user.as_str().to_owned()),
            event_id: Some(look_up.id),
            ..nothing(
                look_up.source.as_str().to_owned(),
                &in_mode(Some(mode), "look the account up, and follow its status"),
                "the message says that the account may have changed, and not what changed"
                    .to_owned(),
            )
        }]),
        Reading::Ignored { source, ignored } => Ok(vec![passed_over(source, &ignored, settings)]),
        Reading::Events { source, mode, transmitter, events } => {
            let mut explained = Vec::new();
            for event in events {
                let foreseen = foreseen(source, &event, session).await?;
                explained.push(EventExplanation {
                    transmitter: transmitter.clone(),
                    mode: mode.map(EventMode::as_str),
                    would: if foreseen.fails {
                        foreseen.would
                    } else {
                        in_mode(mode, &foreseen.would)
                    },
                    ..foreseen
                });
            }
            Ok(explained)
        }
    }
}

fn nothing(source: String, would: &str, why: String) -> EventExplanation {
    EventExplanation { source, would: would.to_owned(), why, ..EventExplanation::default() }
}

fn passed_over(
    source: Option<EventSource>,
    ignored: &Ignored,
    settings: &EventSettings,
) -> EventExplanation {
    let name = &ignored.name;
    let why = match ignored.why {
        WhyIgnored::UnknownSource => format!("{name} is not a supported source"),
        WhyIgnored::UnknownType => format!("the type {name} is not supported"),
        WhyIgnored::Failed => format!("{name} was attempted, and did not happen"),
        WhyIgnored::AnotherIssuer => {
            let issuers: Vec<_> = settings.issuers.iter().map(Issuer::as_str).collect();
            format!("it is about a user of another issuer than {}", issuers.join(", "))
        }
        WhyIgnored::NoUser => format!("{name} names no user"),
        WhyIgnored::NothingRelevant => format!("{name} reports no change that cuts a user off"),
        WhyIgnored::AnotherApp => format!("{name} is not about the app of OktaApp"),
        WhyIgnored::SeveralClaims => {
            format!("{name} names its user by one value, but SubjectClaims has several claims")
        }
    };
    let source = source.map_or("(unknown)", EventSource::as_str);
    nothing(source.to_owned(), "do nothing", why)
}

async fn foreseen(
    source: EventSource,
    event: &Event,
    session: Option<&ServiceSession>,
) -> Result<EventExplanation> {
    let mut fails = false;
    let (effect, why) = match session {
        None => (
            planned_effect(event.kind),
            "no service is selected, so the record of the user is unknown",
        ),
        Some(session) => {
            let decided = session
                .try_run(async |_| foresee_event(&session.store, &session.clock, event).await);
            match decided.await {
                Ok(decision) => decided_so(&decision, event),
                Err(Error::EventFromTheFuture) => {
                    fails = true;
                    (FAIL, "its time is more than five minutes in the future")
                }
                Err(error) => return Err(session.explain(&error)),
            }
        }
    };
    Ok(EventExplanation {
        source: source.as_str().to_owned(),
        event: Some(event.kind.as_str()),
        subject: Some(subject(&event.identity)),
        occurred_at: Some(timestamp::format(event.occurred_at)),
        event_id: Some(event.id.clone()),
        reason: event.reason.as_ref().map(|reason| reason.as_str().to_owned()),
        would: effect.to_owned(),
        why: why.to_owned(),
        fails,
        ..EventExplanation::default()
    })
}

/// The effect of a signal in the mode of its transmitter.
fn in_mode(mode: Option<EventMode>, effect: &str) -> String {
    match mode {
        Some(EventMode::Shadow) => format!("only log (mode shadow): {effect}"),
        Some(EventMode::Apply) | None => effect.to_owned(),
    }
}

fn decided_so(decision: &EventDecision, event: &Event) -> (&'static str, &'static str) {
    match decision {
        EventDecision::Change(next) => match event.kind {
            EventKind::Disabled if !next.state.is_blocked() => (
                "revoke every token, and leave the user unblocked",
                "a newer decision unblocks the user, but older tokens must be revoked",
            ),
            EventKind::Enabled if next.state.is_blocked() => (
                "record the decision, and leave the user blocked",
                "a block of another origin is in force, and only an administrator can lift it",
            ),
            EventKind::Deleted if next.acs_id().is_none() => (
                "record the time: older bearers get no token",
                "the user has no identity to delete",
            ),
            EventKind::Deleted
                if next.pending_revocation.is_some()
                    && !matches!(next.state, State::Deleting { .. }) =>
            {
                (
                    "revoke every token, and keep the identity",
                    "the identity was created after the deletion; an older bearer may have been used to get tokens",
                )
            }
            EventKind::Disabled if next.acs_id().is_none() => {
                ("block the user", "they may not sign in any more, and have no identity to revoke")
            }
            EventKind::SignedOut | EventKind::CredentialsChanged if next.acs_id().is_none() => {
                ("record the time of the event", "the user has no identity, and so no token")
            }
            kind => (planned_effect(kind), usual_reason(kind)),
        },
        EventDecision::Finish => {
            ("finish an earlier delivery", "the change is recorded, but ACS has not confirmed it")
        }
        EventDecision::Wait => (
            "wait until the identity is created, and then unblock the user",
            "another request is creating the identity",
        ),
        EventDecision::Nothing(NoEffect::NothingNew) => {
            ("do nothing", "this event or a newer one was already applied")
        }
        EventDecision::Nothing(NoEffect::NoIdentity) => ("do nothing", "the user has no identity"),
    }
}

fn planned_effect(kind: EventKind) -> &'static str {
    match kind {
        EventKind::SignedOut | EventKind::CredentialsChanged => "revoke every token",
        EventKind::Disabled => "revoke every token, and block the user",
        EventKind::Enabled => "unblock the user",
        EventKind::Deleted => "delete the identity, with its tokens",
    }
}

fn usual_reason(kind: EventKind) -> &'static str {
    match kind {
        EventKind::SignedOut => "the user signed out, or was signed out",
        EventKind::CredentialsChanged => "the user's password or second factor changed",
        EventKind::Disabled => "the user may not sign in any more",
        EventKind::Enabled => "the user may sign in again",
        EventKind::Deleted => "the user's account is gone",
    }
}

fn subject(identity: &IdentityRef) -> String {
    match identity {
        IdentityRef::External(user) => user.as_str().to_owned(),
        IdentityRef::Acs(acs_id) => acs_id.to_string(),
    }
}

/// An event in Guestpass's own format, as the `Detail` of `PutEvents`.
pub(crate) fn detail(
    user: &IdentityRef,
    occurred_at: SystemTime,
    id: &str,
    reason: Option<&str>,
) -> Value {
    let (member, name) = match user {
        IdentityRef::External(user) => ("externalId", user.as_str()),
        IdentityRef::Acs(acs_id) => ("acsId", acs_id.as_str()),
    };
    let mut detail = serde_json::json!({
        member: name,
        "occurredAt": timestamp::format(occurred_at),
        "eventId": id,
    });
    if let (Some(reason), Some(members)) = (reason, detail.as_object_mut()) {
        members.insert("reason".to_owned(), reason.into());
    }
    detail
}

/// What the service does with a message that it cannot process.
const FAIL: &str = "fail, and move to the dead-letter queue after five deliveries";
