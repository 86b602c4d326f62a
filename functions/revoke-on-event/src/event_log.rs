//! The log line about an event. The field names are those of a request's log line, and CloudWatch
//! counts the metrics in it. It never contains the body, the user's ID, or the reason.

use std::time::Duration;

use identity_core::event::Event;
use identity_core::identity::AcsId;
use identity_events::EventSource;
use tracing::{Level, event};

use crate::event_outcome::{EventMetric, EventOutcome};

/// The subject of the line.
#[derive(Clone, Default)]
pub(crate) struct EventLogLine<'a> {
    pub(crate) message_id: &'a str,
    pub(crate) source: Option<EventSource>,
    pub(crate) event: Option<&'a Event>,
    pub(crate) duration: Duration,
    pub(crate) delay: Option<Duration>,
}

impl<'a> EventLogLine<'a> {
    pub(crate) fn of(message_id: &'a str) -> Self {
        Self { message_id, ..Self::default() }
    }

    pub(crate) fn write(&self, outcome: &EventOutcome<'_>) {
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
                    ResultDescription = outcome.error_text(),
                    DurationMs = milliseconds(self.duration),
                    DelayMs = self.delay.map(milliseconds),
                    event.id = self.event.map(|event| event.id.as_str()),
                    event.kind = self.event.map(|event| event.kind.as_str()),
                    event.source = self.source.map(EventSource::as_str),
                    event.ignored = outcome.ignored(),
                    effect = outcome.effect(),
                    effect.state = outcome.next_state(),
                    effect.revokes = outcome.revokes(),
                    metric.events_applied = outcome.count(EventMetric::Applied),
                    metric.events_of_unseen_users = outcome.of_unseen_user(),
                    metric.events_without_effect = outcome.count(EventMetric::WithoutEffect),
                    metric.events_shadowed = outcome.count(EventMetric::Shadowed),
                    metric.events_ignored = outcome.count(EventMetric::Ignored),
                    metric.events_malformed = outcome.count(EventMetric::Malformed),
                    metric.events_failed = outcome.count(EventMetric::Failed),
                    $message
                )
            };
        }
        match outcome.counts_as() {
            EventMetric::Applied => write_at!(Level::INFO, "event applied"),
            EventMetric::WithoutEffect => write_at!(Level::INFO, "event has no effect"),
            EventMetric::Shadowed => write_at!(Level::INFO, "event not applied: shadow mode"),
            EventMetric::Ignored => write_at!(Level::INFO, "event ignored"),
            EventMetric::Malformed => {
                write_at!(Level::ERROR, "event malformed: manual action required");
            }
            EventMetric::Failed => {
                write_at!(Level::WARN, "event failed: message will be redelivered");
            }
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
