//! What identity providers say about their users, as events of the core.
//!
//! `EventBridge` delivers all of them in the same envelope; what is in it differs from one
//! provider to the next, so each has a module here. They read what an event needs and
//! nothing else: a field that is not needed may be missing, new or odd.
//!
//! What a source says that is no concern of ours is [ignored](Reading::Ignored), not an
//! error. An error is a message that should have meant something and does not: somebody
//! has to look at it.

mod auth0;
mod cognito;
mod envelope;
mod guestpass;
mod okta;

use identity_core::{event::Event, identity::Issuer};

use envelope::Envelope;
pub use identity_core::event::Source;

/// Reads the message that `EventBridge` delivered.
///
/// `issuer` is that of the tokens which the deployment accepts. An event that names a user by
/// their subject alone is about a user of that issuer; one of our own format that names another
/// issuer is malformed, for it would be about a user who never comes.
///
/// The times are in whole milliseconds, as [`Event::occurred_at`] wants them. Whether they
/// are too far ahead is for those to say who have a clock.
pub fn read(body: &str, issuer: &Issuer) -> Result<Reading, Malformed> {
    let envelope = Envelope::parse(body)?;
    let name = envelope.required("source")?;
    let Some(source) = source(name) else {
        let ignored = Ignored { name: shown(name), why: WhyIgnored::UnknownSource };
        return Ok(Reading::Ignored { source: None, ignored });
    };
    let found = match source {
        Source::Guestpass => guestpass::read(&envelope, issuer)?,
        Source::Cognito => cognito::read(&envelope, issuer)?,
        Source::Auth0 => auth0::read(&envelope, issuer)?,
        Source::Okta => okta::read(&envelope, issuer)?,
    };
    Ok(match found {
        Found::Events(events) => Reading::Events { source, events },
        Found::Ignored(ignored) => Reading::Ignored { source: Some(source), ignored },
    })
}

/// What a message means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Something happened to a user.
    Events {
        /// Who says so.
        source: Source,
        /// What happened, at least one. It is more than one if the message says two
        /// things, or if the user may go by either of two names.
        events: Vec<Event>,
    },
    /// Nothing that concerns us.
    Ignored {
        /// Who says so, if it is somebody we know.
        source: Option<Source>,
        /// What, and why it is nothing.
        ignored: Ignored,
    },
}

/// Whose `source` this is. Only AWS and its partners can put an event whose source begins with
/// `aws.`; the partners' go on with the name of the tenant.
fn source(name: &str) -> Option<Source> {
    match name {
        "guestpass.identity" => Some(Source::Guestpass),
        "aws.cognito-idp" => Some(Source::Cognito),
        _ if name.starts_with("aws.partner/auth0.com/") => Some(Source::Auth0),
        _ if name.starts_with("aws.partner/okta.com/") => Some(Source::Okta),
        _ => None,
    }
}

/// A message that is no concern of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// What its sender calls it: up to 64 plain characters, for the log.
    pub name: String,
    /// Why.
    pub why: WhyIgnored,
}

/// Why a message is no concern of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyIgnored {
    /// It comes from somebody we do not know.
    UnknownSource,
    /// Nothing follows from events of its type.
    UnknownType,
    /// What it reports was attempted, and did not happen.
    Failed,
    /// It is about a user of somebody else's: no token of theirs is accepted here.
    AnotherIssuer,
    /// It is about nobody.
    Nobody,
}

impl WhyIgnored {
    /// As logged.
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

/// What is wrong with a message. Names the field and never quotes what is in it, which
/// can name people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is not JSON, or not an object.
    #[error("it is not a JSON object")]
    NotAnObject,
    /// A field that is needed is missing, empty, or of another type.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field is not what it should be.
    #[error("{field} is not {expected}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// It names a user of an issuer whose tokens are not accepted.
    #[error("{0} names an issuer whose tokens this deployment does not accept")]
    AnotherIssuer(&'static str),
    /// Nobody can say which of several users is meant.
    #[error("detail names its user more than once: give externalId, issuer and subject, or acsId")]
    Ambiguous,
}

/// What a source's module found in an envelope.
enum Found {
    Events(Vec<Event>),
    Ignored(Ignored),
}

impl Found {
    fn ignored(name: &str, why: WhyIgnored) -> Self {
        Self::Ignored(Ignored { name: shown(name), why })
    }
}

/// What somebody else calls something, fit for a log.
fn shown(name: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "._-/ ".contains(*c);
    name.chars().filter(plain).take(64).collect()
}
