//! The steps that delete the identity of a record.

use std::time::SystemTime;

use super::{CutOff, ReceiptId, Record, State};

impl Record {
    /// The step *begin deletion*, with the receipt ID `by`: if two requests start a deletion in
    /// the same millisecond, one of them must detect that the other one was first. `None` if
    /// there is nothing to delete in ACS and the record can stay unchanged.
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

    /// The step *cut off*, which a deletion includes in the same write: bearer tokens from before
    /// `cut` are refused. If there is nothing to delete, this is the only change.
    #[must_use]
    pub fn cut_off(&self, cut: &CutOff, by: &ReceiptId, now: SystemTime) -> Self {
        let deleting = self.marked_for_deletion(by, now).unwrap_or_else(|| {
            // Take over a pending deletion, so that its author cannot overwrite this step.
            let pending_revocation = self.pending_revocation.as_ref().map(|_| by.clone());
            Self { pending_revocation, ..self.moved_to(self.state.clone(), now) }
        });
        Self {
            not_before: self.not_before.max(Some(cut.not_before)),
            account_deleted_at: self.account_deleted_at.max(cut.account_deleted_at),
            ..deleting
        }
    }

    /// The step *finish deletion*: the identity no longer exists in ACS. A blocked user stays
    /// blocked; otherwise, deleting an account would bypass the block. A blocked guest who is due
    /// becomes a tombstone, because the invitation is closed.
    #[must_use]
    pub fn deletion_confirmed(&self, now: SystemTime) -> Self {
        let state = match self.state {
            State::Deleting { blocked: true, .. } if !self.is_due(now) => {
                State::Blocked { acs_id: None }
            }
            _ => State::Deleted,
        };
        let last_acs_id = self.acs_id().cloned();
        Self { last_acs_id, ..self.moved_to(state, now) }.with_receipts_confirmed(now)
    }

    /// Whether it is the record of a guest whose identity is due for deletion.
    #[must_use]
    pub fn is_due(&self, now: SystemTime) -> bool {
        self.due_at.is_some_and(|due_at| due_at <= now)
    }

    /// The step *end guest*: a blocked guest without an identity becomes a tombstone when due.
    /// `None` for any other record.
    #[must_use]
    pub fn guest_ended(&self, now: SystemTime) -> Option<Self> {
        let is_over = self.is_due(now) && self.state == State::Blocked { acs_id: None };
        is_over.then(|| self.moved_to(State::Deleted, now))
    }
}
