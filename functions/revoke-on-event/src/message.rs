//! Processes one message: applies its events, or predicts their effect, and writes a log line.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use identity_core::Error;
use identity_core::apply_event::{Applied, apply_event, foresee_event};
use identity_core::event::{Event, EventMode};
use identity_core::event_decision::EventDecision;
use identity_core::identity::Invocation;
use identity_core::ports::{Clock, IdentityClient, IdentityStore};
use identity_events::Reading;
use lambda_http::Context;
use tracing::{Instrument, info_span};

use crate::config::EventRules;
use crate::event_log::EventLogLine;
use crate::event_outcome::EventOutcome;
use crate::lanes::QueuedMessage;
use crate::message_error::MessageError;

/// Applies the events of a message, and returns whether they are done.
pub(crate) async fn apply_message(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    rules: &EventRules,
    context: &Context,
    queued: &QueuedMessage,
) -> bool {
    let line = EventLogLine::of(&queued.message.id);
    let (source, mode, events) = match &queued.reading {
        Err(error) => {
            line.write(&EventOutcome::Failed(error));
            return false;
        }
        Ok(Reading::Ignored { source, ignored }) => {
            EventLogLine { source: *source, ..line }.write(&EventOutcome::Ignored(ignored));
            return true;
        }
        Ok(Reading::Events { source, mode, events }) => {
            (*source, rules.mode_of(*source, *mode), events)
        }
    };
    let span = info_span!("message", CorrelationId = queued.message.id);
    let mut is_done = true;
    // Apply each event even if an earlier one failed: the user may be stored under the other ID.
    for (number, event) in events.iter().enumerate() {
        let began = clock.now();
        let invocation = Invocation {
            id: invocation_id(context, &queued.message.id, number),
            patience: Duration::ZERO,
            ..lambda_edge::invocation_of(context, clock)
        };
        let work = apply_in_mode(store, acs, clock, mode, event, &invocation);
        // A panic leaves the same state as a crash, and the core can recover from that.
        let result = match AssertUnwindSafe(work).catch_unwind().instrument(span.clone()).await {
            Ok(result) => result.map_err(MessageError::Failed),
            Err(_) => Err(MessageError::Panicked),
        };
        let now = clock.now();
        let line = EventLogLine {
            source: Some(source),
            event: Some(event),
            duration: now.duration_since(began).unwrap_or_default(),
            // The time from the event until the end of its processing.
            delay: now.duration_since(event.occurred_at).ok(),
            ..line.clone()
        };
        span.in_scope(|| {
            line.write(&match &result {
                Ok(EventResult::Applied(applied)) => EventOutcome::Applied(applied),
                Ok(EventResult::Foreseen(decision)) => EventOutcome::Foreseen(decision),
                Err(error) => EventOutcome::Failed(error),
            });
        });
        is_done &= result.is_ok();
    }
    is_done
}

/// The result of one event.
enum EventResult {
    Applied(Applied),
    Foreseen(EventDecision),
}

async fn apply_in_mode(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    mode: EventMode,
    event: &Event,
    invocation: &Invocation,
) -> Result<EventResult, Error> {
    match mode {
        EventMode::Apply => {
            apply_event(store, acs, clock, event, invocation).await.map(EventResult::Applied)
        }
        EventMode::Shadow => foresee_event(store, clock, event).await.map(EventResult::Foreseen),
    }
}

/// Unique to the event within the invocation, because it becomes the ID of a receipt.
fn invocation_id(context: &Context, message_id: &str, number: usize) -> String {
    let id = format!("{}/{message_id}", context.request_id);
    if number == 0 { id } else { format!("{id}/{number}") }
}
