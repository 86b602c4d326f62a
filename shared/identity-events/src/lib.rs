//! Reads the messages of identity providers about their users as events of the core.
//!
//! `EventBridge` delivers all messages in the same envelope. Their content differs from provider
//! to provider, so each provider has a module here. A module reads only the fields that an event
//! needs: any other field may be missing, new or malformed.
//!
//! A message that does not concern this service is [ignored](Reading::Ignored), which is not an
//! error. An error is a message that should have been an event and cannot be read as one: it
//! requires manual action.

mod auth0;
mod cognito;
mod envelope;
mod guestpass;
mod okta;

use identity_core::{event::Event, identity::Issuer};

use envelope::Envelope;
pub use identity_core::event::EventSource;

/// Reads a message that `EventBridge` delivered.
///
/// `issuer` is the issuer whose tokens the deployment accepts. An event that names a user by
/// subject alone is about a user of that issuer. An event in Guestpass's own format that names
/// another issuer is malformed, because a user of that issuer can never call the service.
///
/// The times are in whole milliseconds, as [`Event::occurred_at`] requires. A caller that has a
/// clock must check whether they are too far ahead.
pub fn read(body: &str, issuer: &Issuer) -> Result<Reading, Malformed> {
    let envelope = Envelope::parse(body)?;
    let name = envelope.required("source")?;
    let Some(source) = source(name) else {
        let ignored = Ignored { name: shown(name), why: WhyIgnored::UnknownSource };
        return Ok(Reading::Ignored { source: None, ignored });
    };
    let found = match source {
        EventSource::Guestpass => guestpass::read(&envelope, issuer)?,
        EventSource::Cognito => cognito::read(&envelope, issuer)?,
        EventSource::Auth0 => auth0::read(&envelope, issuer)?,
        EventSource::Okta => okta::read(&envelope, issuer)?,
    };
    Ok(match found {
        Found::Events(events) => Reading::Events { source, events },
        Found::Ignored(ignored) => Reading::Ignored { source: Some(source), ignored },
    })
}

/// The meaning of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Something happened to a user.
    Events {
        /// The event source.
        source: EventSource,
        /// At least one event. There is more than one if the message reports two changes, or if
        /// the user may go by either of two names.
        events: Vec<Event>,
    },
    /// The message is ignored.
    Ignored {
        /// The event source, if it is a known one.
        source: Option<EventSource>,
        /// The type of the message, and why it is ignored.
        ignored: Ignored,
    },
}

/// The event source with this `source`. Only AWS and its partners can send an event whose source
/// begins with `aws.`. A partner's source continues with the name of the tenant.
fn source(name: &str) -> Option<EventSource> {
    match name {
        "guestpass.identity" => Some(EventSource::Guestpass),
        "aws.cognito-idp" => Some(EventSource::Cognito),
        _ if name.starts_with("aws.partner/auth0.com/") => Some(EventSource::Auth0),
        _ if name.starts_with("aws.partner/okta.com/") => Some(EventSource::Okta),
        _ => None,
    }
}

/// A message that is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The type as the sender spells it: up to 64 plain characters, for the log.
    pub name: String,
    /// Why it is ignored.
    pub why: WhyIgnored,
}

/// Why a message is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyIgnored {
    /// The source is unknown.
    UnknownSource,
    /// The service does nothing about events of this type.
    UnknownType,
    /// The reported change was attempted and failed.
    Failed,
    /// The user belongs to another issuer, whose tokens are not accepted here.
    AnotherIssuer,
    /// The message does not name a user.
    Nobody,
}

impl WhyIgnored {
    /// The reason as it is logged.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownSource => "unknown-source",
            Self::UnknownType => "unknown-type",
            Self::Failed => "failed",
            Self::AnotherIssuer => "another-issuer",
            Self::Nobody => "nobody",
        }
    }
}

/// Why a message is malformed. Names the field and never quotes its value, which can identify a
/// person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is not JSON, or not an object.
    #[error("it is not a JSON object")]
    NotAnObject,
    /// A required field is missing, empty, or of another type.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The value of a field is invalid.
    #[error("{field} is not {expected}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The expected value.
        expected: &'static str,
    },
    /// It names a user of an issuer whose tokens are not accepted.
    #[error("{0} names an issuer whose tokens this deployment does not accept")]
    AnotherIssuer(&'static str),
    /// The message does not say which of several users it is about.
    #[error("detail names its user more than once: give externalId, issuer and subject, or acsId")]
    Ambiguous,
}

/// What the module of a source found in an envelope.
enum Found {
    Events(Vec<Event>),
    Ignored(Ignored),
}

impl Found {
    fn ignored(name: &str, why: WhyIgnored) -> Self {
        Self::Ignored(Ignored { name: shown(name), why })
    }
}

/// A name that a sender gave, shortened and cleaned for the log.
fn shown(name: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "._-/ ".contains(*c);
    name.chars().filter(plain).take(64).collect()
}
