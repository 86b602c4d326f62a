//! The log line of a request, in whose fields CloudWatch counts the metrics. It has no claim, no
//! header but the request id, and nothing of the body.

use std::time::Duration;

use security_events::Transmitter;
use tracing::{Level, event};

use crate::answer::{SignalAnswer, SignalOutcome};

/// Writes the line.
pub(crate) fn write(
    transmitter: Option<&Transmitter>,
    answer: &SignalAnswer,
    request_id: &str,
    duration: Duration,
) {
    let (outcome, status) = (answer.outcome, answer.status.as_u16());
    /// tracing fixes the level of an event at its call site.
    macro_rules! write_at {
        ($level:expr, $message:literal) => {
            event!(
                $level,
                OperationName = "ReceiveSecurityEvent",
                OperationVersion = "v1",
                Category = "AuthOperational",
                CorrelationId = request_id,
                ResultType = if status < 400 { "Succeeded" } else { "Failed" },
                ResultSignature = status,
                ResultDescription = reason(outcome),
                DurationMs = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
                transmitter = transmitter.map(|transmitter| transmitter.name.as_str()),
                transmitter.kind =
                    transmitter.map(|transmitter| transmitter.settings.source().as_str()),
                metric.signals_accepted = accepted(outcome),
                metric.signals_ignored = one(matches!(outcome, SignalOutcome::Ignored(_))),
                metric.signals_refused = one(matches!(outcome, SignalOutcome::Refused(_))),
                metric.signals_failed = one(matches!(outcome, SignalOutcome::Failed(_))),
                metric.streams_verified = one(outcome == SignalOutcome::Verified),
                metric.streams_updated = one(matches!(outcome, SignalOutcome::StreamUpdated(_))),
                $message
            )
        };
    }
    match outcome {
        SignalOutcome::Accepted(_) => write_at!(Level::INFO, "signal accepted"),
        SignalOutcome::Ignored(_) => write_at!(Level::INFO, "signal ignored"),
        SignalOutcome::Verified => write_at!(Level::INFO, "stream verified"),
        SignalOutcome::StreamUpdated(_) => write_at!(Level::WARN, "stream updated by transmitter"),
        SignalOutcome::Refused(_) => write_at!(Level::WARN, "signal refused"),
        SignalOutcome::Failed(_) => {
            write_at!(Level::ERROR, "signal not accepted: the transmitter must try again");
        }
    }
}

fn reason(outcome: SignalOutcome) -> Option<&'static str> {
    match outcome {
        SignalOutcome::Accepted(_) | SignalOutcome::Verified => None,
        SignalOutcome::Ignored(reason)
        | SignalOutcome::StreamUpdated(reason)
        | SignalOutcome::Refused(reason)
        | SignalOutcome::Failed(reason) => Some(reason),
    }
}

fn accepted(outcome: SignalOutcome) -> Option<u64> {
    match outcome {
        SignalOutcome::Accepted(signals) => u64::try_from(signals).ok(),
        _ => None,
    }
}

fn one(is_so: bool) -> Option<u64> {
    is_so.then_some(1)
}
