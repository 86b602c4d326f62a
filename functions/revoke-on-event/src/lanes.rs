//! Groups the messages of a batch, so that those about the same user are processed in order.

use std::cell::Cell;
use std::time::SystemTime;

use identity_core::identity::IdentityRef;
use identity_events::Reading;
use tracing::error;

use crate::batch::SqsMessage;
use crate::config::EventRules;
use crate::event_log::EventLogLine;
use crate::event_outcome::EventOutcome;
use crate::message_error::{MessageError, read};

/// A message, its parsed content, and its result; the result is absent if the time was too short.
pub(crate) struct QueuedMessage {
    pub(crate) message: SqsMessage,
    pub(crate) reading: Result<Reading, MessageError>,
    pub(crate) is_done: Cell<Option<bool>>,
}

impl QueuedMessage {
    pub(crate) fn of(message: SqsMessage, rules: &EventRules) -> Self {
        let mut reading = read(&message.body, &rules.settings);
        if let (Ok(Reading::Events { events, .. }), Some(sent_at)) =
            (&mut reading, message.sent_at())
        {
            for event in events {
                // A message that was sent again says when the event was heard first.
                let first = event.heard_at.map_or(sent_at, |heard_at| heard_at.min(sent_at));
                event.heard_at = Some(first);
            }
        }
        Self { message, reading, is_done: Cell::new(None) }
    }

    /// When it happened. An account is looked up later than the message was sent.
    fn occurred_at(&self) -> Option<SystemTime> {
        match &self.reading {
            Ok(Reading::Events { events, .. }) => events.first().map(|event| event.occurred_at),
            Ok(Reading::LookUp { .. }) => self.message.sent_at(),
            _ => None,
        }
    }

    /// The user of the first event. The others are about the same user.
    fn user(&self) -> Option<IdentityRef> {
        match &self.reading {
            Ok(Reading::Events { events, .. }) => {
                events.first().map(|event| event.identity.clone())
            }
            Ok(Reading::LookUp { look_up, .. }) => {
                Some(IdentityRef::External(look_up.user.clone()))
            }
            _ => None,
        }
    }

    fn is_about_the_user_of(&self, other: &Self) -> bool {
        self.user().is_some_and(|user| other.user() == Some(user))
    }

    pub(crate) fn give_up(&self) -> &SqsMessage {
        let message = &self.message;
        if self.is_done.get().is_none() {
            EventLogLine::of(&message.id).write(&EventOutcome::Failed(&MessageError::TimedOut));
        }
        if message.is_at_its_end() {
            error!(
                metric.events_dead_lettered = 1_u64,
                CorrelationId = message.id,
                "message moves to the dead-letter queue"
            );
        }
        message
    }
}

/// Groups the messages by user, oldest first. Messages about the same user are processed one
/// after the other: processed at the same time, they would reach the same result, but most would
/// first fail with `Error::Busy`.
pub(crate) fn lanes(mut messages: Vec<QueuedMessage>) -> Vec<Vec<QueuedMessage>> {
    messages.sort_by_key(QueuedMessage::occurred_at);
    let mut lanes: Vec<Vec<QueuedMessage>> = Vec::new();
    for job in messages {
        let is_its = |lane: &&mut Vec<QueuedMessage>| {
            lane.first().is_some_and(|first| first.is_about_the_user_of(&job))
        };
        match lanes.iter_mut().find(is_its) {
            Some(lane) => lane.push(job),
            None => lanes.push(vec![job]),
        }
    }
    lanes
}
