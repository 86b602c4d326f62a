//! The effect of an event on a user's record.
//!
//! Each event contains its own time. Events can arrive late, more than once and in any order.
//! Three rules give the same result for every order:
//!
//! 1. *Blocked or not* follows the decisions of all origins, as
//!    [`Decisions`](crate::model::record::Decisions) defines.
//! 2. *Revocation* is a watermark of each origin: an event that is newer than all earlier ones of
//!    the same origin revokes, even if the user was unblocked since, because tokens older than
//!    the event must be revoked. Extra revocations are harmless, missed ones are not. A block
//!    that takes effect also revokes.
//! 3. *Deletion* applies to an identity created before it. An identity created later is kept, but
//!    its tokens are revoked: they may have been issued for a bearer token from before the
//!    deletion.
//!
//! A source that [tells a status](crate::model::EventSource::tells_status) says the same again in each of its
//! events. So an event of it has an effect only if its newest decision was another one. Otherwise
//! two look-ups of one change, which run at once, would revoke twice.
//!
//! After any event, a bearer token from before it is refused, unless the event says that the user
//! may sign in again.

use std::time::SystemTime;

use serde::Serialize;

use crate::model::{
    BlockDecision, By, Cause, CutOff, Event, EventKind, ExternalId, ReceiptId, Record,
    RevocationOrder, State,
};

/// The effect of an event on a user's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventDecision {
    /// Write this record, then do the pending work at ACS.
    Change(Box<Record>),
    /// The record already contains the event, but the work that follows from it is pending.
    Finish,
    /// Another request is creating the identity right now: apply the event afterwards.
    Wait,
    /// Nothing to do.
    Nothing(NoEffect),
}

/// Why an event has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoEffect {
    /// The event was already applied, or a newer one of the same origin was.
    NothingNew,
    /// The identity does not exist.
    NoIdentity,
}

impl NoEffect {
    /// The name as logged and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NothingNew => "nothing-new",
            Self::NoIdentity => "no-identity",
        }
    }
}

/// Decides the effect of `event` on `user`, whose record is `seen`. It changes nothing, so that
/// it also serves a dry run.
#[must_use]
pub fn decide(
    seen: Option<&Record>,
    user: &ExternalId,
    event: &Event,
    receipt: ReceiptId,
    now: SystemTime,
) -> EventDecision {
    let record = seen.cloned().unwrap_or_else(|| Record::unseen(user, now));
    let (at, origin) = (event.counts_at(), event.source.origin());
    // For a stuck identity, a repeated message is an operator's retry.
    let is_stuck = matches!(record.state, State::Stuck { .. });
    let is_known = is_repeat(&record, event) || record.revoked_through.covers(&origin, at);
    let revokes = is_stuck || !is_known;
    let decides = |blocks| record.decisions.would_change(&origin, BlockDecision { at, blocks });
    let is_told = |blocks| {
        event.source.tells_status()
            && record.decisions.of(&origin).is_some_and(|known| known.blocks == blocks)
    };
    let next = match event.kind {
        EventKind::SignedOut | EventKind::CredentialsChanged => {
            revokes.then(|| record.revoked(&order(event, receipt, false), now))
        }
        EventKind::Disabled if is_told(true) => None,
        EventKind::Enabled if is_told(false) => None,
        EventKind::Disabled => {
            (revokes || decides(true)).then(|| record.revoked(&order(event, receipt, true), now))
        }
        EventKind::Enabled if matches!(record.state, State::Provisioning { .. }) => {
            // The owner of the reservation would find the record changed and delete the identity.
            return EventDecision::Wait;
        }
        EventKind::Enabled => decides(false).then(|| record.unblocked(origin.clone(), at, now)),
        EventKind::Deleted => delete(&record, event, receipt, now),
    };
    match next {
        Some(next) => EventDecision::Change(Box::new(next)),
        None if record.pending_revocation.is_some() && !is_stuck => EventDecision::Finish,
        None => EventDecision::Nothing(NoEffect::NothingNew),
    }
}

/// Whether a receipt says that the source has already sent this event.
///
/// A sender that got no answer sends an event again. If the first one was heard within the second in
/// which it happened, it counts at an earlier time than the repeated one, so that the watermark
/// alone would let the repeated one revoke the tokens that were issued in between.
fn is_repeat(record: &Record, event: &Event) -> bool {
    let covered = record.revoked_through.covers(&event.source.origin(), event.occurred_at);
    covered
        && record.receipts.iter().any(|receipt| match &receipt.cause.by {
            By::Event { source, kind, id } => {
                *source == Some(event.source) && *kind == event.kind && *id == event.short_id()
            }
            By::User | By::Administrator { .. } | By::Unknown { .. } => false,
        })
}

/// The record after the deletion of the user's account; `None` if it already contains the
/// deletion.
fn delete(record: &Record, event: &Event, receipt: ReceiptId, now: SystemTime) -> Option<Record> {
    let at = event.counts_at();
    let is_known = record.account_deleted_at.is_some_and(|known| known >= event.not_before());
    let has_identity = record.acs_id().is_some();
    if has_identity && record.created_at >= at {
        // The identity is newer than the deletion and stays, but the user must sign in again.
        return (!is_known).then(|| Record {
            account_deleted_at: record.account_deleted_at.max(Some(event.not_before())),
            ..record.revoked(&order(event, receipt, false), now)
        });
    }
    let is_to_go = has_identity && !matches!(record.state, State::Deleting { .. });
    let cut =
        CutOff { not_before: event.not_before(), account_deleted_at: Some(event.not_before()) };
    (is_to_go || !is_known).then(|| record.cut_off(&cut, &receipt, now))
}

fn order(event: &Event, receipt: ReceiptId, block: bool) -> RevocationOrder {
    let by = By::Event { source: Some(event.source), kind: event.kind, id: event.short_id() };
    RevocationOrder {
        receipt,
        at: event.counts_at(),
        not_before: event.not_before(),
        block,
        cause: Cause { by, reason: event.reason.clone() },
        sign_out_pace_until: None,
    }
}

#[cfg(test)]
mod tests;
