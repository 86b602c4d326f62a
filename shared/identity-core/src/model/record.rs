//! The stored record of one user, and the states it goes through.
//!
//! ```text
//!  (none) ─reserve(lease)─► provisioning ─activate─► active ◄─unblock/block─► blocked
//!                                                     │                        │
//!                                                     └────── deleting ◄───────┘ ─► (tombstone)
//! ```
//!
//! Every change that affects which tokens may be returned increases the [`epoch`](Record::epoch).
//! A change is written only if the epoch and the decisions are still the ones its author read.
//!
//! If a revocation or a deletion fails repeatedly, the identity becomes *stuck*, from any state.

pub(crate) mod decision;
mod deletion;
pub(crate) mod reason;
mod receipt;
mod state;

use std::time::SystemTime;

use crate::model::{AcsId, ExternalId, ResourceName};

pub use decision::{BlockDecision, Decisions, Origin, Watermarks, end_of};
pub use reason::Reason;
pub use receipt::{By, Cause, CutOff, OWN_RECEIPTS, RECEIPTS, Receipt, ReceiptId, RevocationOrder};
pub use state::{Active, Lease, LeaseId, State, StateName, Unfinished};

/// One user's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The user of the record.
    pub external_id: ExternalId,
    /// The state of the identity.
    pub state: State,
    /// The ACS resource of the identity, or of the previous one. It is set by a reservation, and
    /// stays the same until the identity is deleted.
    pub resource: ResourceName,
    /// Increases with every reservation, revocation, block and deletion. A token requested in one
    /// epoch is never returned in a later one.
    pub epoch: u64,
    /// The previous identity, if it was deleted. Logs and cleanup runs refer to the user by this
    /// ID. The store has no index on it.
    pub last_acs_id: Option<AcsId>,
    /// When the identity was reserved, or when the record was created if there was no identity.
    pub created_at: SystemTime,
    /// When a token was last issued; before the first token, when the identity was created.
    pub last_issued_at: SystemTime,
    /// When the record last changed, except by a use of the identity.
    pub changed_at: SystemTime,
    /// The decisions about whether the user is blocked, with their origins and times.
    pub decisions: Decisions,
    /// The time of the newest revocation of each origin. A revocation that is not newer than the
    /// newest one of its own origin is already done.
    pub revoked_through: Watermarks,
    /// When the user was last signed out or cut off. A bearer token that was not issued after
    /// this time is refused.
    pub not_before: Option<SystemTime>,
    /// When the user's account was last deleted at the identity provider. The user must have
    /// signed in after this time, if the bearer says when that was (`auth_time`); without this
    /// claim, a bearer that was issued later is enough.
    pub account_deleted_at: Option<SystemTime>,
    /// A revocation, or a deletion that also revokes the tokens, that is recorded here but not
    /// yet confirmed by ACS.
    pub pending_revocation: Option<ReceiptId>,
    /// Whether ACS has confirmed a revocation and no token was issued since. Another revocation
    /// would then have no effect.
    pub tokens_revoked: bool,
    /// How often the pending work has failed.
    pub attempts: u8,
    /// The end of the user's pace for token requests; see [`TokenPace`](crate::model::admission::TokenPace).
    pub pace_until: Option<SystemTime>,
    /// The end of the user's pace for sign-outs.
    pub sign_out_pace_until: Option<SystemTime>,
    /// When the identity of a guest is due for deletion; `None` for the identity of a user.
    pub due_at: Option<SystemTime>,
    /// The last revocations, oldest first: up to [`RECEIPTS`] by administrators and events, and
    /// up to [`OWN_RECEIPTS`] by the user. The separate limits prevent a user's sign-outs from
    /// displacing the other receipts.
    pub receipts: Vec<Receipt>,
}

impl Record {
    /// The record of a user without an identity and without any history.
    #[must_use]
    pub fn unseen(user: &ExternalId, now: SystemTime) -> Self {
        Self {
            external_id: user.clone(),
            state: State::Deleted,
            resource: ResourceName::MAIN,
            epoch: 0,
            last_acs_id: None,
            created_at: now,
            last_issued_at: now,
            changed_at: now,
            decisions: Decisions::default(),
            revoked_through: Watermarks::default(),
            not_before: None,
            account_deleted_at: None,
            pending_revocation: None,
            tokens_revoked: false,
            attempts: 0,
            pace_until: None,
            sign_out_pace_until: None,
            due_at: None,
            receipts: Vec::new(),
        }
    }

    /// The ACS ID of the identity, if there is one.
    #[must_use]
    pub fn acs_id(&self) -> Option<&AcsId> {
        match &self.state {
            State::Active { acs_id }
            | State::Deleting { acs_id, .. }
            | State::Stuck { acs_id, .. } => Some(acs_id),
            State::Blocked { acs_id } => acs_id.as_ref(),
            State::Provisioning { .. } | State::Deleted => None,
        }
    }

    /// Whether the scheduled job must process the record: a pending reservation, revocation or
    /// deletion, or a stuck identity.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        let by_state = matches!(
            self.state,
            State::Provisioning { .. } | State::Deleting { .. } | State::Stuck { .. }
        );
        by_state || self.pending_revocation.is_some()
    }

    /// The step *reserve*: replaces `seen` (no record, a tombstone, or a reservation whose lease
    /// has ended) with a reservation under `lease`. Earlier decisions and revocations are kept.
    #[must_use]
    pub fn reserved(user: &ExternalId, seen: Option<&Self>, lease: Lease, now: SystemTime) -> Self {
        let before = seen.cloned().unwrap_or_else(|| Self::unseen(user, now));
        Self {
            state: State::Provisioning { lease },
            epoch: before.epoch + 1,
            created_at: now,
            last_issued_at: now,
            changed_at: now,
            pending_revocation: None,
            tokens_revoked: false,
            attempts: 0,
            ..before
        }
    }

    /// The step *activate*: the reservation gets its identity. `pace_until` comes from the
    /// admission, if a token was issued with the identity.
    #[must_use]
    pub fn activated(
        &self,
        acs_id: AcsId,
        pace_until: Option<SystemTime>,
        now: SystemTime,
    ) -> Self {
        let state = State::Active { acs_id };
        Self { state, last_issued_at: now, pace_until, ..self.clone() }
    }

    /// The step *release*: cancels the reservation. It can no longer be activated.
    #[must_use]
    pub fn released(&self, now: SystemTime) -> Self {
        self.moved_to(State::Deleted, now)
    }

    /// The step *begin revocation*: every token issued so far is to be revoked. If `order` blocks
    /// the user, no new token is issued.
    ///
    /// This cancels a reservation: the activation of its holder fails, and the holder then
    /// deletes the identity that it created.
    #[must_use]
    pub fn revoked(&self, order: &RevocationOrder, now: SystemTime) -> Self {
        let before = match self.state.unstuck() {
            State::Provisioning { .. } => State::Deleted,
            state => state,
        };
        let origin = order.cause.by.origin();
        let decisions = if order.block {
            self.decisions.with(origin.clone(), BlockDecision { at: order.at, blocks: true })
        } else {
            self.decisions.clone()
        };
        let state = if order.block { before.with_block(decisions.is_blocked()) } else { before };
        let next = Self {
            decisions,
            revoked_through: self.revoked_through.with(origin, order.at),
            not_before: self.not_before.max(Some(order.not_before)),
            sign_out_pace_until: order.sign_out_pace_until.or(self.sign_out_pace_until),
            ..self.moved_to(state, now)
        };
        let is_deletion = matches!(next.state, State::Deleting { .. });
        let is_done = next.acs_id().is_none() || (next.tokens_revoked && !is_deletion);
        let receipt = Receipt {
            id: order.receipt.clone(),
            identity: next.acs_id().cloned(),
            epoch: next.epoch,
            blocked: next.state.is_blocked(),
            cause: order.cause.clone(),
            accepted_at: now,
            revoked_at: is_done.then_some(now),
        };
        // A pending deletion revokes the tokens as well, and its confirmation also confirms this.
        let pending_revocation = (!is_done).then(|| order.receipt.clone());
        Self { pending_revocation, receipts: receipt::with_newest(next.receipts, receipt), ..next }
    }

    /// The step *unblock*: one origin decides that the user may have tokens again. [`Decisions`]
    /// then determines whether the user is still blocked. Pending work remains pending. If the
    /// user is not blocked, only the decision is recorded, so that a token that is being issued
    /// is still returned.
    #[must_use]
    pub fn unblocked(&self, origin: Origin, at: SystemTime, now: SystemTime) -> Self {
        let decisions = self.decisions.with(origin, BlockDecision { at, blocks: false });
        let is_blocked = decisions.is_blocked();
        let decided = Self { decisions, ..self.clone() };
        if self.state.is_blocked() == is_blocked && self.epoch > 0 {
            return decided;
        }
        Self {
            state: self.state.with_block(is_blocked),
            epoch: self.epoch + 1,
            changed_at: now,
            ..decided
        }
    }

    /// The step *take up*: makes this request the only one that may finish what a dead invocation
    /// started. If two requests did it at once, they would revoke twice, and the second
    /// revocation would affect a token issued in between.
    ///
    /// The pending revocation gets the receipt ID `by`, so that another request that takes it
    /// over in the same millisecond does not mistake our write for its own.
    #[must_use]
    pub fn taken_up(&self, by: &ReceiptId, now: SystemTime) -> Self {
        let pending_revocation = self.pending_revocation.as_ref().map(|_| by.clone());
        Self { epoch: self.epoch + 1, changed_at: now, pending_revocation, ..self.clone() }
    }

    /// The step *finish revocation*: ACS has confirmed this revocation, and with it all earlier
    /// ones.
    #[must_use]
    pub fn revocation_confirmed(&self, now: SystemTime) -> Self {
        let next =
            Self { pending_revocation: None, tokens_revoked: true, attempts: 0, ..self.clone() };
        next.with_receipts_confirmed(now)
    }

    /// The record after one more failure at ACS. After [`MAX_ATTEMPTS`] failures the identity is
    /// stuck.
    #[must_use]
    pub fn attempt_failed(&self, now: SystemTime) -> Self {
        let attempts = self.attempts.saturating_add(1);
        let unfinished = match &self.state {
            State::Deleting { .. } => Unfinished::Deletion,
            _ => Unfinished::Revocation,
        };
        let state = match self.acs_id() {
            Some(acs_id) if attempts >= MAX_ATTEMPTS => State::Stuck {
                acs_id: acs_id.clone(),
                blocked: self.state.is_blocked(),
                unfinished,
            },
            _ => self.state.clone(),
        };
        Self { state, attempts, changed_at: now, ..self.clone() }
    }

    /// The result of applying the step from `seen` to `self` to the record `found`. The step
    /// keeps the fields that a use writes, unless it changes them itself.
    #[must_use]
    pub fn written_over(&self, seen: Option<&Self>, found: &Self) -> Self {
        let keeps_use = seen.is_some_and(|seen| seen.last_issued_at == self.last_issued_at);
        let keeps_pace = seen.is_some_and(|seen| seen.pace_until == self.pace_until);
        Self {
            last_issued_at: if keeps_use { found.last_issued_at } else { self.last_issued_at },
            pace_until: if keeps_pace { found.pace_until } else { self.pace_until },
            ..self.clone()
        }
    }

    fn moved_to(&self, state: State, now: SystemTime) -> Self {
        Self {
            state,
            epoch: self.epoch + 1,
            changed_at: now,
            pending_revocation: None,
            attempts: 0,
            ..self.clone()
        }
    }

    fn with_receipts_confirmed(mut self, now: SystemTime) -> Self {
        for receipt in &mut self.receipts {
            receipt.revoked_at.get_or_insert(now);
        }
        self
    }
}

/// After this many failures, retries happen only on request.
pub const MAX_ATTEMPTS: u8 = 6;

#[cfg(test)]
mod tests;
