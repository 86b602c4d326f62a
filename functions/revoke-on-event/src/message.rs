//! Processes one message: applies its events, or predicts their effect, and writes a log line for
//! each. A message about a changed account is looked up first.

use futures_util::FutureExt;
use identity_core::apply_event::follow_directory::{
    FollowError, FollowedDirectory, follow_directory, foresee_directory,
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
use std::error::Error as StdError;
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
            let followed = result.unwrap_or_else(|_| vec![(None, Err(MessageError::Panicked))]);
            span.in_scope(|| write_followed(&line, &followed))
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
        span.in_scope(|| write(&line, &result));
        is_done &= result.is_ok();
    }
    is_done
}

/// The result of one event.
enum EventResult {
    Applied(Applied),
    Foreseen(EventDecision),
}

fn write(line: &EventLogLine<'_>, result: &Result<EventResult, MessageError>) {
    line.write(&match result {
        Ok(EventResult::Applied(applied)) => EventOutcome::Applied(applied),
        Ok(EventResult::Foreseen(decision)) => EventOutcome::Foreseen(decision),
        Err(error) => EventOutcome::Failed(error),
    });
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
            end_with_phone(phone, event, applied, invocation).await
        }
        EventMode::Shadow => foresee_event(store, clock, event).await.map(EventResult::Foreseen),
    }
}

/// Ends what an event ends besides its identity, after it was applied with this outcome.
async fn end_with_phone(
    phone: &impl PhoneAccess,
    event: &Event,
    applied: Result<Applied, Error>,
    invocation: &Invocation,
) -> Result<EventResult, Error> {
    if !matches!(applied, Err(Error::EventFromTheFuture)) {
        // Also if ACS does not revoke the tokens of the identity now. The record is written first,
        // so the user gets no token in between.
        end_phone_access(phone, event, invocation).await?;
    }
    applied.map(EventResult::Applied)
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

/// An event that followed from a look-up, with its result. If the look-up failed, the event is missing.
type FollowedEvent = (Option<Event>, Result<EventResult, MessageError>);

/// Looks an account up, and applies or foresees what follows.
async fn follow_in_mode<D: AccountDirectory + PhoneAccess>(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    directory: &D,
    clock: &impl Clock,
    mode: EventMode,
    look_up: &AccountLookUp,
    invocation: &Invocation,
) -> Vec<FollowedEvent> {
    match mode {
        EventMode::Apply => {
            let followed = follow_directory(store, acs, clock, directory, look_up, invocation);
            end_followed(directory, followed.await, invocation).await
        }
        EventMode::Shadow => {
            match foresee_directory(store, clock, directory, look_up, invocation).await {
                Ok(foreseen) => foreseen
                    .into_iter()
                    .map(|(event, decision)| (Some(event), Ok(EventResult::Foreseen(decision))))
                    .collect(),
                Err(error) => vec![not_followed(error)],
            }
        }
    }
}

/// Ends the assignments to Teams Phone that the events of a look-up end: also those of a delivery
/// that died after the record was written.
async fn end_followed<E: StdError + 'static>(
    phone: &impl PhoneAccess,
    followed: FollowedDirectory<E>,
    invocation: &Invocation,
) -> Vec<FollowedEvent> {
    let mut results = Vec::new();
    for (event, applied) in followed.applied {
        let ended = end_with_phone(phone, &event, Ok(applied), invocation).await;
        results.push((Some(event), ended.map_err(MessageError::Failed)));
    }
    match followed.end {
        Ok(None) => {}
        Ok(Some(standing)) => {
            if let Err(error) = end_phone_access(phone, &standing, invocation).await {
                results.push((Some(standing), Err(MessageError::Failed(error))));
            }
        }
        Err(FollowError::Event(event, error)) => {
            let ended = end_with_phone(phone, &event, Err(error), invocation).await;
            results.push((Some(*event), ended.map_err(MessageError::Failed)));
        }
        Err(error) => results.push(not_followed(error)),
    }
    results
}

fn not_followed<E: StdError + 'static>(error: FollowError<E>) -> FollowedEvent {
    match error {
        FollowError::Directory(error) => (None, Err(MessageError::LookUp(error_chain(&error)))),
        FollowError::Core(error) => (None, Err(MessageError::Failed(error))),
        FollowError::Event(event, error) => (Some(*event), Err(MessageError::Failed(error))),
    }
}

/// Writes a line for each event that followed from a look-up, and returns whether the message is
/// done. A look-up without an event also has a line.
fn write_followed(line: &EventLogLine<'_>, followed: &[FollowedEvent]) -> bool {
    for (event, result) in followed {
        let line = EventLogLine { event: event.as_ref(), ..line.clone() };
        write(&line, result);
    }
    if followed.is_empty() {
        let nothing = EventDecision::Nothing(NoEffect::NothingNew);
        line.write(&EventOutcome::Foreseen(&nothing));
    }
    followed.iter().all(|(_, result)| result.is_ok())
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
