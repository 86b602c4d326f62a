//! Deletes the identities of guests whose invitation has ended.
//!
//! These deletions were announced when the invitation was made, so the brake does not apply to
//! them. The other limits of the run do.

use std::time::Duration;

use tracing::{info, warn};

use super::job::CleanupJob;
use crate::model::record::Unfinished;
use crate::model::{
    Actor, AuditAction, AuditEntry, CleanupMode, Error, ExternalId, InvitationId, ReceiptId,
    Record, State,
};
use crate::ports::{
    Change, Clock, DueGuestQuery, IdentityClients, IdentityStore, InvitationStore, SHARDS, Step,
};

impl<S: IdentityStore + InvitationStore, A: IdentityClients, C: Clock> CleanupJob<'_, S, A, C> {
    /// Deletes the guests that are due, or counts them in a plan.
    pub(super) async fn delete_guests(&self) -> Result<(), Error> {
        let (now, deletes) = (self.clock.now(), self.deletes_guests());
        let is_skipped = self.guests == CleanupMode::Apply && !deletes;
        if is_skipped {
            warn!(
                "no guest deleted: the time of the event and the clock differ by more than an hour"
            );
        }
        self.tally().guests.skipped = is_skipped;
        for shard in 0..SHARDS {
            let mut query = DueGuestQuery { shard, before: now, after: None, limit: PAGE };
            loop {
                if self.must_stop() {
                    return Ok(());
                }
                let page = self.store.list_due_guests(&query).await?;
                let end = async |guest| self.end_guest(guest, deletes).await.map(|_ended| ());
                self.each(page.guests, end).await?;
                query.after = page.next;
                if query.after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether the run deletes guests. A wrong clock would delete guests in the middle of their
    /// meeting, so none is deleted if the time of the schedule and the clock differ.
    fn deletes_guests(&self) -> bool {
        let now = self.clock.now();
        let difference = now
            .duration_since(self.time)
            .or_else(|_| self.time.duration_since(now))
            .unwrap_or_default();
        self.guests == CleanupMode::Apply && difference <= CLOCKS_DIFFER
    }

    /// Whether to delete a guest whom ACS has refused to revoke: the deletion is due, and ends the
    /// tokens, too.
    pub(super) fn ends_stuck(&self, record: &Record) -> bool {
        let is_revocation =
            matches!(record.state, State::Stuck { unfinished: Unfinished::Revocation, .. });
        is_revocation && self.deletes_guests() && record.is_due(self.clock.now())
    }

    /// Ends one guest, and says whether the identity is deleted or marked for deletion. The
    /// invitation decides: it may have been extended since the record was written.
    pub(super) async fn end_guest(&self, guest: ExternalId, deletes: bool) -> Result<bool, Error> {
        if self.must_stop() {
            return Ok(false);
        }
        let Some(record) = self.store.find(&guest).await? else { return Ok(true) };
        let invitation = match InvitationId::of_guest(&guest) {
            Some((id, _)) => self.store.find_invitation(&id).await?,
            None => None,
        };
        // Without an invitation, nothing can extend it any more.
        let due_at = invitation.map_or(record.due_at, |invitation| Some(invitation.delete_at));
        let dated = Record { due_at, ..record.clone() };
        if !deletes {
            let is_due = dated.is_due(self.clock.now());
            self.tally().guests.due += u64::from(is_due);
            return Ok(false);
        }
        if !dated.is_due(self.clock.now()) {
            let change = self.store.advance(Some(&record), &dated).await?;
            self.tally().guests.extended += u64::from(matches!(change, Change::Made(_)));
            return Ok(false);
        }
        self.tally().guests.due += 1;
        match self.mark_guest(record).await? {
            GuestMark::Marked(marked) => {
                if self.finish(&marked).await? {
                    self.count_guest(&marked);
                }
            }
            GuestMark::Ended(ended) => self.count_guest(&ended),
            GuestMark::Unchanged => return Ok(false),
        }
        Ok(true)
    }

    /// Marks the identity for deletion, if it was not used since the record was read. A blocked guest
    /// without an identity becomes a tombstone at once.
    async fn mark_guest(&self, record: Record) -> Result<GuestMark, Error> {
        let has_identity = record.acs_id().is_some();
        if has_identity && (!self.is_reachable(&record.resource) || !self.may_begin()) {
            return Ok(GuestMark::Unchanged);
        }
        if has_identity && !self.turn(&record.resource).await {
            return Ok(GuestMark::Unchanged);
        }
        let (run, now) = (&self.invocation.id, self.clock.now());
        let next = match record.state {
            State::Active { .. } | State::Blocked { acs_id: Some(_) } | State::Stuck { .. } => {
                record.marked_for_deletion(&ReceiptId(run.clone()), now)
            }
            _ => record.guest_ended(now),
        };
        let Some(next) = next else { return Ok(GuestMark::Unchanged) };
        let by = Actor::Cleanup { run: run.clone() };
        let audit = AuditEntry::of(&next, run, by, AuditAction::DeleteIdentity, now);
        let step = Step::new(Some(&record), &next).unless_used().audited(Some(&audit));
        Ok(match self.store.commit(step).await? {
            Change::Made(marked) if has_identity => GuestMark::Marked(Box::new(marked)),
            Change::Made(ended) => GuestMark::Ended(Box::new(ended)),
            // The next run looks at it again.
            Change::Refused(_) => GuestMark::Unchanged,
        })
    }

    fn count_guest(&self, record: &Record) {
        info!(
            acs.id = record.acs_id().map(ToString::to_string),
            run.id = self.invocation.id,
            "identity of a guest deleted: the invitation has ended"
        );
        self.tally().guests.deleted += 1;
    }
}

/// The result of marking a guest.
enum GuestMark {
    /// The identity is to be deleted in ACS.
    Marked(Box<Record>),
    /// There was no identity, and the record is a tombstone now.
    Ended(Box<Record>),
    /// Another request is changing the record, or the run may not begin more work.
    Unchanged,
}

/// The largest difference between the time of the schedule and the clock. The schedule starts a run
/// within minutes.
const CLOCKS_DIFFER: Duration = Duration::from_hours(1);

/// The number of guests that are held in memory at a time.
const PAGE: u16 = 100;
