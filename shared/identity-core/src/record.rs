//! What is kept about one user, and the states it goes through.
//!
//! ```text
//!  (none) ─reserve(lease)─► provisioning ─activate─► active ◄─unblock/block─► blocked
//!                                                     │                        │
//!                                                     └────── deleting ◄───────┘ ─► (tombstone)
//! ```
//!
//! Every change of what may be answered moves the [`epoch`](Record::epoch), and
//! every change is made only if the epoch and the decisions are still those its author saw.
//!
//! A revocation or a deletion that fails again and again makes the identity *stuck*,
//! from wherever it was.

mod decision;
mod receipt;
mod state;

use std::time::SystemTime;

pub use decision::{Decision, Decisions, Origin, Watermarks, end_of};
pub use receipt::{By, Cause, Order, Reason, Receipt, ReceiptId};
pub use state::{Active, Lease, LeaseId, State, StateName, Unfinished};

use crate::identity::{AcsId, ExternalId};

/// One user's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose it is.
    pub external_id: ExternalId,
    /// Where the identity is in its life.
    pub state: State,
    /// Moves with every reservation, revocation, block and deletion. A token asked
    /// for in one epoch is never handed out in the next.
    pub epoch: u64,
    /// The identity before this one, if it was deleted: logs and runs of the cleanup know
    /// the user by it. Nothing finds the record by it.
    pub last_acs_id: Option<AcsId>,
    /// When the identity was reserved (or, if there never was one, the record made).
    pub created_at: SystemTime,
    /// When a token was last issued; until then, when the identity was created.
    pub last_issued_at: SystemTime,
    /// When the record last changed, other than by being used.
    pub changed_at: SystemTime,
    /// Who has decided whether the user is blocked, and when.
    pub decisions: Decisions,
    /// The newest revocation of each origin. One that comes again, or late and older than
    /// its own origin's newest, has been done.
    pub revoked_through: Watermarks,
    /// When the user was last signed out or cut off: a bearer token that was not issued after
    /// this opens nothing.
    pub not_before: Option<SystemTime>,
    /// When the user's account was last deleted at their identity provider: whoever comes
    /// back must have signed in since.
    pub account_deleted_at: Option<SystemTime>,
    /// A revocation, or the deletion that takes the tokens along, that is recorded here
    /// and not yet confirmed by ACS.
    pub pending_revocation: Option<ReceiptId>,
    /// Whether ACS has confirmed a revocation, and no token was issued since: there is
    /// nothing that another revocation could end.
    pub tokens_revoked: bool,
    /// How often finishing what was begun has failed.
    pub attempts: u8,
    /// Until when the user's token calls are spoken for; see
    /// [`Pace`](crate::admission::Pace).
    pub pace_until: Option<SystemTime>,
    /// The same for their sign-outs.
    pub sign_out_pace_until: Option<SystemTime>,
    /// The last revocations, oldest first: up to [`RECEIPTS`] of administrators and events,
    /// and up to [`OWN_RECEIPTS`] of the users themselves, so that a user's sign-outs never
    /// displace what others did.
    pub receipts: Vec<Receipt>,
}

impl Record {
    /// A record of somebody who has no identity, and about whom nothing is known.
    #[must_use]
    pub fn unseen(user: &ExternalId, now: SystemTime) -> Self {
        Self {
            external_id: user.clone(),
            state: State::Deleted,
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
            receipts: Vec::new(),
        }
    }

    /// The identity behind the record, if there is one.
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

    /// Whether something was begun and is not finished, so that the scheduled job has
    /// to look at it: a reservation, a revocation, a deletion, or one that is stuck.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        let by_state = matches!(
            self.state,
            State::Provisioning { .. } | State::Deleting { .. } | State::Stuck { .. }
        );
        by_state || self.pending_revocation.is_some()
    }

    /// The step *reserve*: `seen` (nothing, a tombstone, or a reservation whose
    /// lease has ended) gives way to a reservation under `lease`. What was decided and
    /// revoked before stays known.
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

    /// The step *activate*: the reservation has its identity. `pace_until` is that of the
    /// admission, if a token was issued with it.
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

    /// The step *release*: the reservation is given back. An activation of it can
    /// not succeed any more.
    #[must_use]
    pub fn released(&self, now: SystemTime) -> Self {
        self.moved_to(State::Deleted, now)
    }

    /// The step *begin revocation*: every token issued until now is to die, and if
    /// the order says so no new one is issued.
    ///
    /// A reservation does not survive it: whoever holds it finds out when they
    /// activate, and takes back what they created.
    #[must_use]
    pub fn revoked(&self, order: &Order, now: SystemTime) -> Self {
        let before = match self.state.unstuck() {
            State::Provisioning { .. } => State::Deleted,
            state => state,
        };
        let origin = order.cause.by.origin();
        let decisions = if order.block {
            self.decisions.with(origin.clone(), Decision { at: order.at, blocks: true })
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
        // A deletion on its way kills the tokens by itself, and confirms this, too.
        let pending_revocation = (!is_done).then(|| order.receipt.clone());
        Self { pending_revocation, ..next }.with_receipt(receipt)
    }

    /// The step *unblock*: one origin's decision that the user may have tokens again. Whether
    /// they may then is for [`Decisions`] to say. What was begun is still to be finished. Of
    /// a user who is not blocked only the decision is noted, and a token that is on its way
    /// to them arrives.
    #[must_use]
    pub fn unblocked(&self, origin: Origin, at: SystemTime, now: SystemTime) -> Self {
        let decisions = self.decisions.with(origin, Decision { at, blocks: false });
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

    /// The step *take up*: finishing what a dead invocation began is now ours alone. Two
    /// who did it at once would revoke twice, and the second time a token issued since.
    ///
    /// A pending revocation goes by our name from now on, so that nobody who takes it up
    /// in the same millisecond can take our write for theirs.
    #[must_use]
    pub fn taken_up(&self, by: &ReceiptId, now: SystemTime) -> Self {
        let pending_revocation = self.pending_revocation.as_ref().map(|_| by.clone());
        Self { epoch: self.epoch + 1, changed_at: now, pending_revocation, ..self.clone() }
    }

    /// The step *finish revocation*: ACS has confirmed it, and with it all that came
    /// before.
    #[must_use]
    pub fn revocation_confirmed(&self, now: SystemTime) -> Self {
        let next =
            Self { pending_revocation: None, tokens_revoked: true, attempts: 0, ..self.clone() };
        next.with_receipts_confirmed(now)
    }

    /// What is left of it after one more failure at ACS: after [`MAX_ATTEMPTS`] of
    /// them it is stuck.
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

    /// The step *begin deletion*, under our name: of two who begin in the same
    /// millisecond, one must find that it was the other. `None` if there is nothing to
    /// delete in ACS and the record can stay as it is.
    #[must_use]
    pub fn marked_for_deletion(&self, by: &ReceiptId, now: SystemTime) -> Option<Self> {
        let blocked = self.state.is_blocked();
        match &self.state {
            State::Active { acs_id }
            | State::Blocked { acs_id: Some(acs_id) }
            | State::Stuck { acs_id, .. } => {
                let marked =
                    self.moved_to(State::Deleting { acs_id: acs_id.clone(), blocked }, now);
                Some(Self { pending_revocation: Some(by.clone()), ..marked })
            }
            State::Provisioning { .. } => Some(self.released(now)),
            State::Blocked { acs_id: None } | State::Deleting { .. } | State::Deleted => None,
        }
    }

    /// The step *cut off*, which a deletion makes in the same write: bearers from before
    /// `cut` open nothing. Where there is nothing to delete it is all that is left to do.
    #[must_use]
    pub fn cut_off(&self, cut: &CutOff, by: &ReceiptId, now: SystemTime) -> Self {
        let deleting = self.marked_for_deletion(by, now).unwrap_or_else(|| {
            // A deletion under way is taken over, so that its author cannot write this away.
            let pending_revocation = self.pending_revocation.as_ref().map(|_| by.clone());
            Self { pending_revocation, ..self.moved_to(self.state.clone(), now) }
        });
        Self {
            not_before: self.not_before.max(Some(cut.not_before)),
            account_deleted_at: self.account_deleted_at.max(cut.account_deleted_at),
            ..deleting
        }
    }

    /// The step *finish deletion*: ACS no longer has the identity. A blocked user
    /// stays blocked, or deleting an account would be a way around the block.
    #[must_use]
    pub fn deletion_confirmed(&self, now: SystemTime) -> Self {
        let state = match self.state {
            State::Deleting { blocked: true, .. } => State::Blocked { acs_id: None },
            _ => State::Deleted,
        };
        let last_acs_id = self.acs_id().cloned();
        Self { last_acs_id, ..self.moved_to(state, now) }.with_receipts_confirmed(now)
    }

    /// What a step from `seen` to `self` makes of the record `found`: a step leaves what a
    /// use writes as it is, unless it changes that itself.
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

    fn with_receipt(mut self, receipt: Receipt) -> Self {
        self.receipts.push(receipt);
        let is_own = |receipt: &Receipt| receipt.cause.by == By::User;
        let own = self.receipts.iter().filter(|receipt| is_own(receipt)).count();
        let mut surplus_own = own.saturating_sub(OWN_RECEIPTS);
        let mut surplus = (self.receipts.len() - own).saturating_sub(RECEIPTS);
        self.receipts.retain(|receipt| {
            let surplus = if is_own(receipt) { &mut surplus_own } else { &mut surplus };
            let goes = *surplus > 0;
            *surplus -= usize::from(goes);
            !goes
        });
        self
    }

    fn with_receipts_confirmed(mut self, now: SystemTime) -> Self {
        for receipt in &mut self.receipts {
            receipt.revoked_at.get_or_insert(now);
        }
        self
    }
}

/// What a deletion ends besides the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutOff {
    /// A bearer that was not issued after this opens nothing.
    pub not_before: SystemTime,
    /// When the account was deleted at the identity provider, if that is why.
    pub account_deleted_at: Option<SystemTime>,
}

/// How many receipts of administrators and events a record keeps.
pub const RECEIPTS: usize = 10;

/// How many receipts of the user's own sign-outs a record keeps. Each is written with every
/// use of the identity, and the older ones answer no question.
pub const OWN_RECEIPTS: usize = 3;

/// After this many failures nobody tries again by themselves.
pub const MAX_ATTEMPTS: u8 = 6;

#[cfg(test)]
mod tests;
