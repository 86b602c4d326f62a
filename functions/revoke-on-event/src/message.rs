//! Processes one message: applies its events, or predicts their effect, and writes a log line for
//! each. A message about a changed account is looked up first.

use futures_util::FutureExt;
use identity_core::apply_event::follow_directory::{
    FollowError, follow_directory, foresee_directory,
};
use identity_core::apply_event::{Applied, apply_event, foresee_event};
use identity_core::event::{Event, EventMode};
use identity_core::event_decision::{EventDecision, NoEffect};
use identity_core::identity::Invocation;
use identity_core::ports::{
    AccountDirectory, AccountLookUp, Clock, IdentityClients, IdentityStore,
};
use identity_core::{Error, error_chain};
use identity_events::Reading;
use lambda_http::Context;
use std::panic::AssertUnwindSafe;
use tracing::{Instrument, info, info_span};

use crate::config::EventRules;
use crate::event_log::EventLogLine;
use crate::event_outcome::EventOutcome;
use crate::lanes::QueuedMessage;
use crate::message_error::MessageError;
use crate::outside::PhoneAccess;

/// Applies the events of a message, and returns whether they are done.
pub(crate) async fn apply_message(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    outside: &(impl AccountDirectory + PhoneAccess),
    clock: &impl Clock,
    rules: &EventRules,
    context: &Context,
    queued: &QueuedMessage,
) -> bool {
    let line = EventLogLine::of(&queued.message.id);
    match &queued.reading {
        Err(error) => {
            line.write(&EventOutcome::Failed(error));
            false
        }
        Ok(Reading::Ignored { source, ignored }) => {
            EventLogLine { source: *source, ..line }.write(&EventOutcome::Ignored(ignored));
            true
        }
        Ok(Reading::Events { source, mode, events, .. }) => {
            let mode = rules.mode_of(*source, *mode);
            let ports = (store, acs, outside);
            apply_events(ports, clock, mode, context, &queued.message.id, events).await
        }
        Ok(Reading::LookUp { look_up, mode }) => {
            let id = &queued.message.id;
            let invocation = invocation(context, clock, id, 0);
            let span = info_span!("message", CorrelationId = id);
            let work = follow_in_mode(store, acs, outside, clock, *mode, look_up, &invocation);
            let began = clock.now();
            let result = AssertUnwindSafe(work).catch_unwind().instrument(span.clone()).await;
            let line = EventLogLine {
                source: Some(look_up.source),
                duration: clock.now().duration_since(began).unwrap_or_default(),
                ..line
            };
            span.in_scope(|| write_followed(&line, result.unwrap_or(Err(MessageError::Panicked))))
        }
    }
}

async fn apply_events(
    ports: (&impl IdentityStore, &impl IdentityClients, &impl PhoneAccess),
    clock: &impl Clock,
    mode: EventMode,
    context: &Context,
    message_id: &str,
    events: &[Event],
) -> bool {
    let span = info_span!("message", CorrelationId = message_id);
    let mut is_done = true;
    // Apply each event even if an earlier one failed: the user may be stored under the other ID.
    for (number, event) in events.iter().enumerate() {
        let began = clock.now();
        let invocation = invocation(context, clock, message_id, number);
        let work = apply_in_mode(ports, clock, mode, event, &invocation);
        // A panic leaves the same state as a crash, and the core can recover from that.
        let result = match AssertUnwindSafe(work).catch_unwind().instrument(span.clone()).await {
            Ok(result) => result.map_err(MessageError::Failed),
            Err(_) => Err(MessageError::Panicked),
        };
        let now = clock.now();
        let line = EventLogLine {
            source: Some(event.source),
            event: Some(event),
            duration: now.duration_since(began).unwrap_or_default(),
            // The time from the event until the end of its processing.
            delay: now.duration_since(event.occurred_at).ok(),
            ..EventLogLine::of(message_id)
        };
        span.in_scope(|| match &result {
            Ok(result) => result.write(&line),
            Err(error) => line.write(&EventOutcome::Failed(error)),
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

impl EventResult {
    fn write(&self, line: &EventLogLine<'_>) {
        line.write(&match self {
            Self::Applied(applied) => EventOutcome::Applied(applied),
            Self::Foreseen(decision) => EventOutcome::Foreseen(decision),
        });
    }
}

async fn apply_in_mode(
    (store, acs, phone): (&impl IdentityStore, &impl IdentityClients, &impl PhoneAccess),
    clock: &impl Clock,
    mode: EventMode,
    event: &Event,
    invocation: &Invocation,
) -> Result<EventResult, Error> {
    match mode {
        EventMode::Apply => {
            let applied = apply_event(store, acs, clock, event, invocation).await;
            if !matches!(applied, Err(Error::EventFromTheFuture)) {
                // Also if ACS does not revoke the tokens of the identity now. The record is written
                // first, so the user gets no token in between.
                end_phone_access(phone, event, invocation).await?;
            }
            applied.map(EventResult::Applied)
        }
        EventMode::Shadow => foresee_event(store, clock, event).await.map(EventResult::Foreseen),
    }
}

/// Ends the assignments to Teams Phone that the event ends.
async fn end_phone_access(
    phone: &impl PhoneAccess,
    event: &Event,
    invocation: &Invocation,
) -> Result<(), Error> {
    let ended = phone.end(event, invocation).await?;
    if ended > 0 {
        info!(metric.phone_assignments_ended = ended, "assignments to Teams Phone ended");
    }
    Ok(())
}

/// Looks an account up, and applies or foresees what follows.
async fn follow_in_mode<D: AccountDirectory + PhoneAccess>(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    directory: &D,
    clock: &impl Clock,
    mode: EventMode,
    look_up: &AccountLookUp,
    invocation: &Invocation,
) -> Result<Vec<(Event, EventResult)>, MessageError> {
    let failed = |error| match error {
        FollowError::Directory(error) => MessageError::LookUp(error_chain(&error)),
        FollowError::Core(error) => MessageError::Failed(error),
    };
    Ok(match mode {
        EventMode::Apply => {
            let followed = follow_directory(store, acs, clock, directory, look_up, invocation);
            let followed = followed.await.map_err(failed)?;
            let events = followed.applied.iter().map(|(event, _)| event);
            // Also those of a delivery that died after the record was written.
            for event in events.chain(&followed.standing) {
                let ended = end_phone_access(directory, event, invocation).await;
                ended.map_err(MessageError::Failed)?;
            }
            let results = followed.applied.into_iter();
            results.map(|(event, applied)| (event, EventResult::Applied(applied))).collect()
        }
        EventMode::Shadow => foresee_directory(store, clock, directory, look_up, invocation)
            .await
            .map_err(failed)?
            .into_iter()
            .map(|(event, decision)| (event, EventResult::Foreseen(decision)))
            .collect(),
    })
}

/// Writes a line for each event that followed from a look-up, and returns whether the message is
/// done. A look-up without an event also has a line.
fn write_followed(
    line: &EventLogLine<'_>,
    result: Result<Vec<(Event, EventResult)>, MessageError>,
) -> bool {
    match result {
        Err(error) => {
            line.write(&EventOutcome::Failed(&error));
            false
        }
        Ok(events) => {
            for (event, result) in &events {
                result.write(&EventLogLine { event: Some(event), ..line.clone() });
            }
            if events.is_empty() {
                let nothing = EventDecision::Nothing(NoEffect::NothingNew);
                line.write(&EventOutcome::Foreseen(&nothing));
            }
            true
        }
    }
}

/// The invocation for an event. Its ID is unique to the event, because it becomes the ID of a
/// receipt.
fn invocation(
    context: &Context,
    clock: &impl Clock,
    message_id: &str,
    number: usize,
) -> Invocation {
    let id = format!("{}/{message_id}", context.request_id);
    Invocation {
        id: if number == 0 { id } else { format!("{id}/{number}") },
        ..lambda_edge::invocation_of(context, clock)
    }
}
