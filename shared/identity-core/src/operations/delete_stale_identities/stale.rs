//! Counts and deletes stale identities, and lists them in a plan.

use std::time::SystemTime;

use tracing::info;

use super::brake::{Counted, count_users, users_beside};
use super::job::{CleanupJob, SAMPLE};
use crate::model::{
    Actor, AuditAction, AuditEntry, CleanupMode, Error, IdentitySample, Invocation, ReceiptId,
    Record, State,
};
use crate::ports::{
    Change, Clock, IdentityClients, IdentityStore, Index, ListQuery, Position, SHARDS, Step,
};
use crate::protocol::finish_pending;

/// The outcome for one identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleOutcome {
    /// The identity was deleted.
    Deleted,
    /// The identity was used in the meantime.
    Used,
    /// Another request is changing the identity, or has deleted it; or it is the identity of a guest.
    Changed,
}

/// Deletes one identity if it was not used since `cutoff` and is not used in the meantime.
/// `found` is the record as the caller has read and checked it: if it has changed since, nothing is
/// deleted. `actor` is recorded in the audit log.
pub async fn delete_if_unused_since(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    found: Option<Record>,
    cutoff: SystemTime,
    actor: &Actor,
    invocation: &Invocation,
) -> Result<StaleOutcome, Error> {
    match mark(store, clock, found, cutoff, actor, &invocation.id).await? {
        Mark::Made(marked) => {
            finish_pending::perform_pending(store, acs, clock, &marked, invocation).await?;
            info!(acs.id = marked.acs_id().map(ToString::to_string), "unused identity deleted");
            Ok(StaleOutcome::Deleted)
        }
        Mark::Used => Ok(StaleOutcome::Used),
        Mark::Changed => Ok(StaleOutcome::Changed),
    }
}

enum Mark {
    Made(Box<Record>),
    Used,
    Changed,
}

/// Marks the identity of a record that was read for deletion. From now on, no token is returned for
/// it.
async fn mark(
    store: &impl IdentityStore,
    clock: &impl Clock,
    found: Option<Record>,
    cutoff: SystemTime,
    actor: &Actor,
    run: &str,
) -> Result<Mark, Error> {
    let Some(seen) = found.filter(|seen| !seen.external_id.is_guest()) else {
        return Ok(Mark::Changed);
    };
    if seen.last_issued_at >= cutoff {
        return Ok(Mark::Used);
    }
    let next = match seen.state {
        State::Active { .. } | State::Blocked { .. } => {
            seen.marked_for_deletion(&ReceiptId(run.to_owned()), clock.now())
        }
        _ => None,
    };
    let Some(next) = next else { return Ok(Mark::Changed) };
    let audit = AuditEntry::of(&next, run, actor.clone(), AuditAction::DeleteIdentity, clock.now());
    let step = Step::new(Some(&seen), &next).unless_used().audited(Some(&audit));
    Ok(match store.commit(step).await? {
        Change::Made(marked) => Mark::Made(Box::new(marked)),
        Change::Refused(Some(found)) if found.last_issued_at > seen.last_issued_at => Mark::Used,
        Change::Refused(_) => Mark::Changed,
    })
}

impl<S: IdentityStore, A: IdentityClients, C: Clock> CleanupJob<'_, S, A, C> {
    /// Goes through the stale identities, beginning with the shard where an earlier run stopped:
    /// deletes them, or counts in a plan what a run would delete.
    pub(super) async fn process(&self) -> Result<(), Error> {
        let start = self.shard();
        for shard in (0..SHARDS).map(|offset| (start + offset) % SHARDS) {
            if !self.enter(shard) {
                return Ok(());
            }
            let mut after = None;
            loop {
                if self.must_stop() {
                    return Ok(());
                }
                let page = self.store.list(&self.stale_ones(shard, after)).await?;
                self.each(page.records, |listed| self.process_one(shard, listed)).await?;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn process_one(&self, shard: u8, listed: Record) -> Result<(), Error> {
        // Identities that are being deleted or are stuck do not count as stale. A guest is deleted
        // when due, and not earlier: a meeting can be weeks after the first visit.
        if listed.external_id.is_guest()
            || !matches!(listed.state, State::Active { .. } | State::Blocked { .. })
        {
            return Ok(());
        }
        if self.mode == CleanupMode::Plan {
            self.tally().considered += 1;
            self.note(shard, &listed);
            return Ok(());
        }
        if self.must_stop() {
            return Ok(());
        }
        // The index does not contain the resource.
        let found = self.store.find(&listed.external_id).await?;
        let resource = found.as_ref().map(|record| record.resource.clone()).unwrap_or_default();
        if !self.is_reachable(&resource) || !self.may_begin() {
            return Ok(());
        }
        // Wait before marking the record, so that a marked user waits no longer than the deletion
        // takes.
        if !self.turn(&resource).await {
            return Ok(());
        }
        self.tally().considered += 1;
        let run = &self.invocation.id;
        let actor = Actor::Cleanup { run: run.clone() };
        let marked = match mark(self.store, self.clock, found, self.cutoff, &actor, run).await? {
            Mark::Made(marked) => marked,
            Mark::Used => {
                self.tally().spared.used += 1;
                return Ok(());
            }
            Mark::Changed => {
                self.tally().spared.changed += 1;
                return Ok(());
            }
        };
        if self.finish(&marked).await? {
            let run_id = &self.invocation.id;
            info!(
                acs.id = marked.acs_id().map(ToString::to_string),
                run.id = run_id,
                "unused identity deleted"
            );
            self.note(shard, &marked);
        }
        Ok(())
    }

    /// Records an identity that was deleted, or that a plan would delete.
    fn note(&self, shard: u8, record: &Record) {
        let age = self.time.duration_since(record.last_issued_at).unwrap_or_default();
        let mut tally = self.tally();
        tally.deleted += 1;
        tally.ages.count(age);
        let is_blocked = record.state.is_blocked();
        tally.reasons.blocked += u64::from(is_blocked);
        tally.reasons.unused += u64::from(!is_blocked);
        // Sample the first identities of each shard, and enough others to list all if there are few.
        let of_shard = tally.sampled.entry(shard).or_default();
        *of_shard += 1;
        let is_first = *of_shard <= SAMPLE / usize::from(SHARDS);
        if let Some(acs_id) = record.acs_id() {
            let sample =
                IdentitySample::of(acs_id, record.last_issued_at, record.state.is_blocked());
            if is_first {
                tally.sample.push(sample);
            } else if tally.others.len() < SAMPLE {
                tally.others.push(sample);
            }
        }
    }

    /// Counts the identities that were not used since the cutoff; `None` if the run must stop before,
    /// which then deletes none of them.
    pub(super) async fn count(&self) -> Result<Option<Counted>, Error> {
        let must_stop = || self.must_stop();
        let stale = count_users(self.store, Some(self.cutoff), u64::MAX, must_stop).await?;
        let Some(stale) = stale else { return Ok(None) };
        let users = users_beside(self.store, stale, must_stop).await?;
        Ok(users.map(|users| Counted { stale, users }))
    }

    fn stale_ones(&self, shard: u8, after: Option<Position>) -> ListQuery {
        let unused_since = Some(self.cutoff);
        let index = Index::LastIssued;
        ListQuery { index, shard, state: None, unused_since, after, limit: PAGE }
    }
}

/// The number of records that are held in memory at a time.
const PAGE: u16 = 100;
