//! Applies an event from an identity provider to the user's record and identity.

pub mod follow_directory;

use std::time::Duration;

use tracing::info;

use crate::model::event_decision::decide;
use crate::model::{
    AcsId, Actor, AuditAction, AuditEntry, Error, Event, EventDecision, IdentityRef, Invocation,
    NoEffect, ReceiptId, Record,
};
use crate::ports::{Change, Clock, IdentityClients, IdentityStore, Step};
use crate::protocol::find_record::find_holder;
use crate::protocol::find_settled::INDEX_LAG;
use crate::protocol::finish_pending::{self, PendingWork};
use crate::protocol::waiting::Waiting;

/// The outcome of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The identity that the event was about, if there is one.
    pub acs_id: Option<AcsId>,
    /// What was done.
    pub effect: Effect,
    /// Whether the user had no record before the event: they never requested a token, or the
    /// event names a different user.
    pub was_unseen: bool,
}

/// The effect of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The record changed, and ACS has confirmed the resulting work.
    Changed,
    /// The event was already recorded, and its pending work is now finished.
    Finished,
    /// No effect.
    Nothing(NoEffect),
}

/// Applies `event`. `Ok` means that it is done and confirmed by ACS. After an error, the event
/// must be sent again, except after [`Error::EventFromTheFuture`], where that will not help.
///
/// "Already recorded" does not mean "already done": if the first delivery of an event died half
/// way, the next delivery finishes the work.
pub async fn apply_event(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    event: &Event,
    invocation: &Invocation,
) -> Result<Applied, Error> {
    if event.is_from_the_future(clock.now()) {
        return Err(Error::EventFromTheFuture);
    }
    // No provider knows a guest: only an invitation creates and revokes one.
    if matches!(&event.identity, IdentityRef::External(user) if user.is_guest()) {
        let effect = Effect::Nothing(NoEffect::NoIdentity);
        return Ok(Applied { acs_id: None, effect, was_unseen: true });
    }
    let mut waiting = Waiting::new(clock.now(), invocation);
    for _ in 0..MAX_LOOKS {
        let seen = find_holder(store, &event.identity).await?;
        let user = match (&seen, &event.identity) {
            (Some(record), _) => record.external_id.clone(),
            (None, IdentityRef::External(user)) => user.clone(),
            (None, IdentityRef::Acs(_)) if is_young(event, clock) => return Err(Error::busy()),
            (None, IdentityRef::Acs(_)) => {
                let effect = Effect::Nothing(NoEffect::NoIdentity);
                return Ok(Applied { acs_id: None, effect, was_unseen: true });
            }
        };
        let acs_id = seen.as_ref().and_then(|record| record.acs_id().cloned());
        let applied = |effect| Applied { acs_id, effect, was_unseen: seen.is_none() };
        let receipt = ReceiptId(invocation.id.clone());
        match decide(seen.as_ref(), &user, event, receipt, clock.now()) {
            EventDecision::Nothing(why) => return Ok(applied(Effect::Nothing(why))),
            EventDecision::Change(next) => {
                let audit = audit(&next, event, invocation, clock);
                let step = Step::new(seen.as_ref(), &next).audited(Some(&audit));
                if let Change::Made(recorded) = store.commit(step).await? {
                    finish_pending::perform_pending(store, acs, clock, &recorded, invocation)
                        .await?;
                    return Ok(applied(Effect::Changed));
                }
            }
            EventDecision::Wait => waiting.wait(clock, Duration::from_secs(1)).await?,
            EventDecision::Finish => {
                let Some(record) = &seen else { continue };
                match finish_pending::finish_pending(store, acs, clock, record, invocation).await? {
                    PendingWork::Done => {
                        info!(event.id, "finished the pending work of an earlier delivery");
                        return Ok(applied(Effect::Finished));
                    }
                    PendingWork::Busy(retry_after) => waiting.wait(clock, retry_after).await?,
                }
            }
        }
    }
    Err(Error::busy())
}

/// The audit entry for a decision.
fn audit(next: &Record, event: &Event, invocation: &Invocation, clock: &impl Clock) -> AuditEntry {
    let by = Actor::Event { source: event.source, id: event.id.clone() };
    let entry =
        AuditEntry::of(next, &invocation.id, by, AuditAction::Event(event.kind), clock.now());
    AuditEntry { reason: event.reason.clone(), ..entry }
}

/// Returns the result that [`apply_event`] would have now. Reads only, and changes nothing.
pub async fn foresee_event(
    store: &impl IdentityStore,
    clock: &impl Clock,
    event: &Event,
) -> Result<EventDecision, Error> {
    if event.is_from_the_future(clock.now()) {
        return Err(Error::EventFromTheFuture);
    }
    let seen = find_holder(store, &event.identity).await?;
    let user = match (&seen, &event.identity) {
        (Some(record), _) => record.external_id.clone(),
        (None, IdentityRef::External(user)) => user.clone(),
        (None, IdentityRef::Acs(_)) => return Ok(EventDecision::Nothing(NoEffect::NoIdentity)),
    };
    let receipt = ReceiptId("foreseen".to_owned());
    Ok(decide(seen.as_ref(), &user, event, receipt, clock.now()))
}

/// Whether the identity may be so new that the index by ACS ID does not contain it yet.
fn is_young(event: &Event, clock: &impl Clock) -> bool {
    clock.now() < event.occurred_at + INDEX_LAG
}

/// How often an event is retried when other requests change the record in the meantime.
const MAX_LOOKS: usize = 16;

#[cfg(test)]
mod tests;
