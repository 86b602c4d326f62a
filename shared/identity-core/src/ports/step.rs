use std::time::SystemTime;

use crate::model::{AuditEntry, Record};

/// One step of a record, which [`IdentityStore::commit`](crate::ports::IdentityStore::commit) applies.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The record that the author read; `None` if there was none.
    pub seen: Option<&'a Record>,
    /// The record after the step.
    pub next: &'a Record,
    /// Whether a use of the identity after `seen` was read refuses the step.
    pub unless_used: bool,
    /// The audit entry that is written in the same request.
    pub audit: Option<&'a AuditEntry>,
}

impl<'a> Step<'a> {
    /// A step from `seen` to `next`.
    #[must_use]
    pub fn new(seen: Option<&'a Record>, next: &'a Record) -> Self {
        Self { seen, next, unless_used: false, audit: None }
    }

    /// Makes a use of the identity after `seen` was read refuse the step.
    #[must_use]
    pub fn unless_used(self) -> Self {
        Self { unless_used: true, ..self }
    }

    /// Adds an audit entry. If another call used the identity in the meantime, the record that
    /// the store returns for such a step may contain the use as of `seen`.
    #[must_use]
    pub fn audited(self, audit: Option<&'a AuditEntry>) -> Self {
        Self { audit, ..self }
    }

    /// Whether the stored record still matches what the author read.
    #[must_use]
    pub fn fits(&self, found: Option<&Record>) -> bool {
        match (found, self.seen) {
            (None, None) => true,
            (Some(found), Some(seen)) => {
                found.epoch == seen.epoch
                    && found.state.name() == seen.state.name()
                    && found.decisions.newest() == seen.decisions.newest()
                    && found.decisions.changes() == seen.decisions.changes()
                    // Neither a confirmation nor a failed attempt changes the epoch. Without the
                    // next two comparisons, a confirmation that is sent twice would mark a token
                    // as revoked that was issued in between.
                    && found.pending_revocation == seen.pending_revocation
                    && found.attempts == seen.attempts
                    && (found.tokens_revoked || !seen.tokens_revoked)
                    && (found.last_issued_at == seen.last_issued_at || !self.unless_used)
            }
            _ => false,
        }
    }

    /// Interprets a refusal, given the record that refused the write. A record that equals `next`
    /// is our own write, sent twice.
    ///
    /// Treating it as the write of another request would make us delete the identity that we have
    /// just stored.
    #[must_use]
    pub fn refused(&self, found: Option<Record>) -> Change {
        match found {
            Some(found) if found == self.next.written_over(self.seen, &found) => {
                Change::Made(found)
            }
            found => Change::Refused(found),
        }
    }
}

/// The data that one use of an identity writes.
#[derive(Clone, Copy, Debug)]
pub struct Usage<'a> {
    /// The time of the use.
    pub at: SystemTime,
    /// The new end of the user's pace; `None` leaves it unchanged.
    pub pace_until: Option<SystemTime>,
    /// The audit entry that is written in the same request, if an administrator used the
    /// identity.
    pub audit: Option<&'a AuditEntry>,
}

impl Usage<'_> {
    /// A use without a pace and without an audit entry.
    #[must_use]
    pub fn at(at: SystemTime) -> Self {
        Self { at, pace_until: None, audit: None }
    }
}

/// The outcome of a conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The write was applied; this is the record now.
    Made(Record),
    /// The write was refused; this is the stored record.
    Refused(Option<Record>),
}
