//! The outcome of an event, as the fields of its log line.

use identity_core::apply_event::{Applied, Effect};
use identity_core::event_decision::EventDecision;
use identity_core::identity::AcsId;
use identity_events::Ignored;

use crate::message_error::MessageError;

/// The outcome of the event.
pub(crate) enum EventOutcome<'a> {
    Applied(&'a Applied),
    Foreseen(&'a EventDecision),
    Ignored(&'a Ignored),
    Failed(&'a MessageError),
}

/// The metric that counts an outcome.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventMetric {
    Applied,
    WithoutEffect,
    Shadowed,
    Ignored,
    Malformed,
    Failed,
}

impl<'a> EventOutcome<'a> {
    pub(crate) fn counts_as(&self) -> EventMetric {
        match self {
            Self::Applied(Applied { effect: Effect::Nothing(_), .. })
            | Self::Foreseen(EventDecision::Nothing(_)) => EventMetric::WithoutEffect,
            Self::Applied(_) => EventMetric::Applied,
            Self::Foreseen(_) => EventMetric::Shadowed,
            Self::Ignored(_) => EventMetric::Ignored,
            Self::Failed(error) if error.is_malformed() => EventMetric::Malformed,
            Self::Failed(_) => EventMetric::Failed,
        }
    }

    pub(crate) fn count(&self, what: EventMetric) -> Option<u64> {
        (self.counts_as() == what).then_some(1)
    }

    /// One if the event changed the record of a user who had none.
    pub(crate) fn of_unseen_user(&self) -> Option<u64> {
        match self {
            Self::Applied(applied) if self.counts_as() == EventMetric::Applied => {
                applied.was_unseen.then_some(1)
            }
            _ => None,
        }
    }

    pub(crate) fn result_type(&self) -> &'static str {
        if matches!(self, Self::Failed(_)) { "Failed" } else { "Succeeded" }
    }

    pub(crate) fn error_text(&self) -> Option<String> {
        match self {
            Self::Failed(error) => Some(error.text()),
            _ => None,
        }
    }

    pub(crate) fn acs_id(&self) -> Option<&'a AcsId> {
        match self {
            Self::Applied(applied) => applied.acs_id.as_ref(),
            Self::Foreseen(EventDecision::Change(next)) => next.acs_id(),
            _ => None,
        }
    }

    pub(crate) fn ignored(&self) -> Option<&'a str> {
        match self {
            Self::Ignored(ignored) => Some(&ignored.name),
            _ => None,
        }
    }

    pub(crate) fn effect(&self) -> Option<&'static str> {
        match self {
            Self::Applied(applied) => Some(effect(applied)),
            Self::Foreseen(EventDecision::Change(_)) => Some("would-change"),
            Self::Foreseen(EventDecision::Finish) => Some("would-finish"),
            Self::Foreseen(EventDecision::Wait) => Some("would-wait"),
            Self::Foreseen(EventDecision::Nothing(why)) => Some(why.as_str()),
            Self::Ignored(ignored) => Some(ignored.why.as_str()),
            Self::Failed(_) => None,
        }
    }

    /// The state that the record would get.
    pub(crate) fn next_state(&self) -> Option<&'static str> {
        match self {
            Self::Foreseen(EventDecision::Change(next)) => Some(next.state.name().as_str()),
            _ => None,
        }
    }

    /// Whether ACS would be called to revoke tokens.
    pub(crate) fn revokes(&self) -> Option<bool> {
        match self {
            Self::Foreseen(EventDecision::Change(next)) => Some(next.pending_revocation.is_some()),
            _ => None,
        }
    }
}

/// The name as logged.
fn effect(applied: &Applied) -> &'static str {
    match applied.effect {
        Effect::Changed => "changed",
        Effect::Finished => "finished",
        Effect::Nothing(why) => why.as_str(),
    }
}
