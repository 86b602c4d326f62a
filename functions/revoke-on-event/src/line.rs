//! The log line about an event. The field names are those of a request's log line, and CloudWatch
//! counts the metrics in it. It never contains the body, the user's ID, or the reason.

use std::time::Duration;

use identity_core::{
    apply_event::{Applied, Effect},
    event::Event,
    event_decision::EventDecision,
    identity::AcsId,
};
use identity_events::{EventSource, Ignored};
use tracing::{Level, event};

use crate::message::{Trouble, effect};

/// The subject of the line.
#[derive(Clone, Default)]
pub(crate) struct Line<'a> {
    pub(crate) message_id: &'a str,
    pub(crate) source: Option<EventSource>,
    pub(crate) event: Option<&'a Event>,
    pub(crate) duration: Duration,
    pub(crate) delay: Option<Duration>,
}

/// The outcome of the event.
pub(crate) enum Outcome<'a> {
    Applied(&'a Applied),
    Foreseen(&'a EventDecision),
    Ignored(&'a Ignored),
    Failed(&'a Trouble),
}

impl<'a> Line<'a> {
    pub(crate) fn of(message_id: &'a str) -> Self {
        Self { message_id, ..Self::default() }
    }

    pub(crate) fn write(&self, outcome: &Outcome<'_>) {
        /// tracing fixes the level of an event at its call site.
        macro_rules! write_at {
            ($level:expr, $message:literal) => {
                event!(
                    $level,
                    OperationName = "RevokeOnEvent",
                    OperationVersion = "v1",
                    Category = "AuthOperational",
                    CorrelationId = self.message_id,
                    Identity = outcome.acs_id().map(AcsId::as_str),
                    ResultType = outcome.result_type(),
                    ResultDescription = outcome.trouble(),
                    DurationMs = milliseconds(self.duration),
                    DelayMs = self.delay.map(milliseconds),
                    event.id = self.event.map(|event| event.id.as_str()),
                    event.kind = self.event.map(|event| event.kind.as_str()),
                    event.source = self.source.map(EventSource::as_str),
                    event.ignored = outcome.ignored(),
                    effect = outcome.effect(),
                    effect.state = outcome.next_state(),
                    effect.revokes = outcome.revokes(),
                    metric.events_applied = outcome.count(Count::Applied),
                    metric.events_of_unseen_users = outcome.of_unseen_user(),
                    metric.events_without_effect = outcome.count(Count::WithoutEffect),
                    metric.events_shadowed = outcome.count(Count::Shadowed),
                    metric.events_ignored = outcome.count(Count::Ignored),
                    metric.events_malformed = outcome.count(Count::Malformed),
                    metric.events_failed = outcome.count(Count::Failed),
                    $message
                )
            };
        }
        match outcome.counts_as() {
            Count::Applied => write_at!(Level::INFO, "the event was obeyed"),
            Count::WithoutEffect => write_at!(Level::INFO, "the event changes nothing"),
            Count::Shadowed => write_at!(Level::INFO, "the event would have changed something"),
            Count::Ignored => write_at!(Level::INFO, "the event is no concern of ours"),
            Count::Malformed => write_at!(Level::ERROR, "the event makes no sense"),
            Count::Failed => write_at!(Level::WARN, "the event is to come again"),
        }
    }
}

/// The metric that counts an outcome.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Count {
    Applied,
    WithoutEffect,
    Shadowed,
    Ignored,
    Malformed,
    Failed,
}

impl<'a> Outcome<'a> {
    fn counts_as(&self) -> Count {
        match self {
            Self::Applied(Applied { effect: Effect::Nothing(_), .. })
            | Self::Foreseen(EventDecision::Nothing(_)) => Count::WithoutEffect,
            Self::Applied(_) => Count::Applied,
            Self::Foreseen(_) => Count::Shadowed,
            Self::Ignored(_) => Count::Ignored,
            Self::Failed(trouble) if trouble.is_malformed() => Count::Malformed,
            Self::Failed(_) => Count::Failed,
        }
    }

    fn count(&self, what: Count) -> Option<u64> {
        (self.counts_as() == what).then_some(1)
    }

    /// One if the event changed the record of a user who had none.
    fn of_unseen_user(&self) -> Option<u64> {
        match self {
            Self::Applied(applied) if self.counts_as() == Count::Applied => {
                applied.was_unseen.then_some(1)
            }
            _ => None,
        }
    }

    fn result_type(&self) -> &'static str {
        if matches!(self, Self::Failed(_)) { "Failed" } else { "Succeeded" }
    }

    fn trouble(&self) -> Option<String> {
        match self {
            Self::Failed(trouble) => Some(trouble.text()),
            _ => None,
        }
    }

    fn acs_id(&self) -> Option<&'a AcsId> {
        match self {
            Self::Applied(applied) => applied.acs_id.as_ref(),
            Self::Foreseen(EventDecision::Change(next)) => next.acs_id(),
            _ => None,
        }
    }

    fn ignored(&self) -> Option<&'a str> {
        match self {
            Self::Ignored(ignored) => Some(&ignored.name),
            _ => None,
        }
    }

    fn effect(&self) -> Option<&'static str> {
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
    fn next_state(&self) -> Option<&'static str> {
        match self {
            Self::Foreseen(EventDecision::Change(next)) => Some(next.state.name().as_str()),
            _ => None,
        }
    }

    /// Whether ACS would be called to revoke tokens.
    fn revokes(&self) -> Option<bool> {
        match self {
            Self::Foreseen(EventDecision::Change(next)) => Some(next.pending_revocation.is_some()),
            _ => None,
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
