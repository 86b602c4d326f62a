//! What a message means, or why it cannot be read.

use identity_core::event::{Event, EventMode, EventSource};
use identity_core::ports::AccountLookUp;

/// The meaning of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Something happened to a user.
    Events {
        /// The event source.
        source: EventSource,
        /// The mode in which the message asks to be applied. Only a message of a transmitter has
        /// one: the mode of the others is configured per source.
        mode: Option<EventMode>,
        /// The name of the transmitter in the configuration, if it was one.
        transmitter: Option<String>,
        /// At least one event. There is more than one if the message reports two changes, or if
        /// the user may go by either of two names.
        events: Vec<Event>,
    },
    /// A user's account may have changed. What follows is known when it was looked up.
    LookUp {
        /// The account.
        look_up: AccountLookUp,
        /// The mode in which the message asks to be applied.
        mode: EventMode,
    },
    /// The message is ignored.
    Ignored {
        /// The event source, if it is a known one.
        source: Option<EventSource>,
        /// The type of the message, and why it is ignored.
        ignored: Ignored,
    },
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
    NoUser,
    /// The message reports a change that cuts no user off.
    NothingRelevant,
    /// The message is about another app than the configured one.
    AnotherApp,
    /// The message names its user by one value, but several claims name a user here.
    SeveralClaims,
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
            Self::NoUser => "no-user",
            Self::NothingRelevant => "nothing-relevant",
            Self::AnotherApp => "another-app",
            Self::SeveralClaims => "several-subject-claims",
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
pub(crate) enum Found {
    Events(Vec<Event>),
    Ignored(Ignored),
}

impl Found {
    pub(crate) fn ignored(name: &str, why: WhyIgnored) -> Self {
        Self::Ignored(Ignored { name: shown(name), why })
    }
}

/// A name that a sender gave, shortened and cleaned for the log.
pub(crate) fn shown(name: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "._-/ ".contains(*c);
    name.chars().filter(plain).take(64).collect()
}
