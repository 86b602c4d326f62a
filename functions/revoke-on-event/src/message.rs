//! Processes one message: applies its events, or predicts their effect, and writes a log line.

use std::{
    error::Error as StdError,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use futures_util::FutureExt;
use identity_core::{
    Error,
    apply_event::{Applied, Effect, apply_event, foresee_event},
    event::Event,
    event_decision::EventDecision,
    identity::{Invocation, Issuer},
    ports::{Clock, IdentityClient, IdentityStore},
};
use identity_events::{EventSource, Malformed, Reading};
use lambda_http::Context;
use tracing::{Instrument, info_span};

use crate::{
    batch::Message,
    config::{Mode, Rules},
    line::{Line, Outcome},
};

/// The reason why a message must be delivered again.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The message is malformed; a retry will fail as well.
    Malformed(Malformed),
    /// The event could not be applied.
    Failed(Error),
    /// The code panicked.
    Panicked,
    /// Lambda would have killed the function.
    TooLittleTime,
}

impl Trouble {
    /// Whether the message itself is the cause.
    pub(crate) fn is_malformed(&self) -> bool {
        matches!(self, Self::Malformed(_) | Self::Failed(Error::EventFromTheFuture))
    }

    /// For the log: the error and its sources on one line.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Malformed(problem) => problem.to_string(),
            Self::Failed(error) => std::iter::successors(Some(error as &dyn StdError), |error| {
                StdError::source(*error)
            })
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": "),
            Self::Panicked => "a panic".to_owned(),
            Self::TooLittleTime => "there was too little time".to_owned(),
        }
    }
}

/// Parses a message's body.
pub(crate) fn read(body: &str, issuer: &Issuer) -> Result<Reading, Trouble> {
    catch_unwind(|| identity_events::read(body, issuer))
        .map_err(|_| Trouble::Panicked)?
        .map_err(Trouble::Malformed)
}

/// The dependencies for applying an event.
pub(crate) struct Ports<'a, S, A, C> {
    pub(crate) store: &'a S,
    pub(crate) acs: &'a A,
    pub(crate) clock: &'a C,
    pub(crate) rules: &'a Rules,
    pub(crate) context: &'a Context,
}

impl<S: IdentityStore, A: IdentityClient, C: Clock> Ports<'_, S, A, C> {
    /// Applies the events of a message, and returns whether they are done.
    pub(crate) async fn obey(&self, message: &Message, reading: &Result<Reading, Trouble>) -> bool {
        let line = Line::of(&message.id);
        match reading {
            Err(trouble) => {
                line.write(&Outcome::Failed(trouble));
                false
            }
            Ok(Reading::Ignored { source, ignored }) => {
                Line { source: *source, ..line }.write(&Outcome::Ignored(ignored));
                true
            }
            Ok(Reading::Events { source, events }) => {
                let span = info_span!("message", CorrelationId = message.id);
                let mut is_done = true;
                // Apply each event even if an earlier one failed: the user may be stored under
                // the other ID.
                for (number, event) in events.iter().enumerate() {
                    let id = self.invocation_id(message, number);
                    let work = self.event(*source, event, &id, line.clone());
                    is_done &= work.instrument(span.clone()).await;
                }
                is_done
            }
        }
    }

    async fn event(&self, source: EventSource, event: &Event, id: &str, line: Line<'_>) -> bool {
        let began = self.clock.now();
        let work = async {
            match self.rules.mode_of(source) {
                Mode::Apply => {
                    let invocation = self.invocation(id);
                    let applied =
                        apply_event(self.store, self.acs, self.clock, event, &invocation).await;
                    applied.map(Done::Applied)
                }
                Mode::Shadow => {
                    foresee_event(self.store, self.clock, event).await.map(Done::Foreseen)
                }
            }
        };
        // A panic leaves the same state as a crash, and the core can recover from that.
        let result = match AssertUnwindSafe(work).catch_unwind().await {
            Ok(result) => result.map_err(Trouble::Failed),
            Err(_) => Err(Trouble::Panicked),
        };
        let now = self.clock.now();
        let line = Line {
            source: Some(source),
            event: Some(event),
            duration: now.duration_since(began).unwrap_or_default(),
            // The time from the event until the end of its processing.
            delay: now.duration_since(event.occurred_at).ok(),
            ..line
        };
        line.write(&match &result {
            Ok(Done::Applied(applied)) => Outcome::Applied(applied),
            Ok(Done::Foreseen(decision)) => Outcome::Foreseen(decision),
            Err(trouble) => Outcome::Failed(trouble),
        });
        result.is_ok()
    }

    /// Unique to the event within the invocation, because it becomes the ID of a receipt.
    fn invocation_id(&self, message: &Message, number: usize) -> String {
        let id = format!("{}/{}", self.context.request_id, message.id);
        if number == 0 { id } else { format!("{id}/{number}") }
    }

    fn invocation(&self, id: &str) -> Invocation {
        let whole = lambda_edge::invocation_of(self.context, self.clock);
        Invocation { id: id.to_owned(), patience: Duration::ZERO, ..whole }
    }
}

/// The outcome of an event.
enum Done {
    Applied(Applied),
    Foreseen(EventDecision),
}

/// The name as logged.
pub(crate) fn effect(applied: &Applied) -> &'static str {
    match applied.effect {
        Effect::Changed => "changed",
        Effect::Finished => "finished",
        Effect::Nothing(why) => why.as_str(),
    }
}
