//! Counts, surveys and deletes stale identities.

use std::time::SystemTime;

use tracing::info;

use super::job::{CleanupJob, SAMPLE};
use crate::model::audit::{Actor, AuditAction, AuditEntry};
use crate::model::cleanup_run::IdentitySample;
use crate::model::error::Error;
use crate::model::identity::{ExternalId, Invocation};
use crate::model::record::{ReceiptId, Record, State};
use crate::ports::{
    Change, Clock, IdentityClient, IdentityStore, Index, ListQuery, Page, Position, SHARDS, Step,
};
use crate::protocol::finish_pending;

/// The outcome for one identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleOutcome {
    /// The identity was deleted.
    Deleted,
    /// The identity was used in the meantime.
    Used,
    /// Another request is changing the identity, or has deleted it.
    Changed,
}

/// Deletes one identity if it was not used since `cutoff` and is not used in the meantime.
/// `actor` is recorded in the audit log.
pub async fn delete_if_unused_since(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    user: &ExternalId,
    cutoff: SystemTime,
    actor: &Actor,
    invocation: &Invocation,
) -> Result<StaleOutcome, Error> {
    match mark(store, clock, user, cutoff, actor, &invocation.id).await? {
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

/// Marks one identity for deletion. From now on, no token is returned for it.
async fn mark(
    store: &impl IdentityStore,
    clock: &impl Clock,
    user: &ExternalId,
    cutoff: SystemTime,
    actor: &Actor,
    run: &str,
) -> Result<Mark, Error> {
    let Some(seen) = store.find(user).await? else { return Ok(Mark::Changed) };
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

/// Deletes stale identities, beginning with shard `start`.
pub(super) async fn delete<S: IdentityStore, A: IdentityClient, C: Clock>(
    job: &CleanupJob<'_, S, A, C>,
    start: u8,
) -> Result<(), Error> {
    for shard in (0..SHARDS).map(|offset| (start + offset) % SHARDS) {
        let mut after = None;
        loop {
            if job.must_stop(shard) {
                return Ok(());
            }
            let page = page(job, shard, after).await?;
            job.each(page.records, |listed| delete_one(job, shard, listed)).await?;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(())
}

async fn delete_one<S: IdentityStore, A: IdentityClient, C: Clock>(
    job: &CleanupJob<'_, S, A, C>,
    shard: u8,
    listed: Record,
) -> Result<(), Error> {
    // Identities that are being deleted or are stuck do not count as stale.
    let may_go = matches!(listed.state, State::Active { .. } | State::Blocked { .. });
    if !may_go || job.must_stop(shard) || !job.may_begin() {
        return Ok(());
    }
    job.tally().considered += 1;
    // Wait before marking the record, so that a marked user waits no longer than the deletion
    // takes.
    job.turn().await;
    let run = &job.invocation.id;
    let actor = Actor::Cleanup { run: run.clone() };
    let user = &listed.external_id;
    let marked = match mark(job.store, job.clock, user, job.cutoff, &actor, run).await? {
        Mark::Made(marked) => marked,
        Mark::Used => {
            job.tally().spared.used += 1;
            return Ok(());
        }
        Mark::Changed => {
            job.tally().spared.changed += 1;
            return Ok(());
        }
    };
    if job.finish(&marked).await? {
        let run_id = &job.invocation.id;
        info!(
            acs.id = marked.acs_id().map(ToString::to_string),
            run.id = run_id,
            "unused identity deleted"
        );
        note(job, shard, &marked);
    }
    Ok(())
}

/// Counts by age what a run would delete, and takes a sample.
pub(super) async fn survey<S: IdentityStore, A: IdentityClient, C: Clock>(
    job: &CleanupJob<'_, S, A, C>,
) -> Result<(), Error> {
    for shard in 0..SHARDS {
        let mut after = None;
        loop {
            if job.must_stop(shard) {
                return Ok(());
            }
            let page = page(job, shard, after).await?;
            for listed in &page.records {
                if matches!(listed.state, State::Active { .. } | State::Blocked { .. }) {
                    job.tally().considered += 1;
                    note(job, shard, listed);
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(())
}

/// Records an identity that was deleted, or that a plan would delete.
fn note<S: IdentityStore, A: IdentityClient, C: Clock>(
    job: &CleanupJob<'_, S, A, C>,
    shard: u8,
    record: &Record,
) {
    let age = job.time.duration_since(record.last_issued_at).unwrap_or_default();
    let mut tally = job.tally();
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
        let sample = IdentitySample::of(acs_id, record.last_issued_at, record.state.is_blocked());
        if is_first {
            tally.sample.push(sample);
        } else if tally.others.len() < SAMPLE {
            tally.others.push(sample);
        }
    }
}

/// Counts the identities that were not used since the cutoff. If the time is too short, the count
/// is too low, but then there is also no time left to delete any.
pub(super) async fn count<S: IdentityStore, A: IdentityClient, C: Clock>(
    job: &CleanupJob<'_, S, A, C>,
) -> Result<u64, Error> {
    let mut stale = 0;
    for shard in 0..SHARDS {
        let mut query = ListQuery { limit: COUNTED_AT_A_TIME, ..stale_ones(job, shard, None) };
        loop {
            if job.must_stop(shard) {
                return Ok(stale);
            }
            let counted = job.store.count(&query).await?;
            stale += counted.records;
            query.after = counted.next;
            if query.after.is_none() {
                break;
            }
        }
    }
    Ok(stale)
}

async fn page<S: IdentityStore, A: IdentityClient, C: Clock>(
    job: &CleanupJob<'_, S, A, C>,
    shard: u8,
    after: Option<Position>,
) -> Result<Page, Error> {
    job.store.list(&stale_ones(job, shard, after)).await
}

fn stale_ones<S: IdentityStore, A: IdentityClient, C: Clock>(
    job: &CleanupJob<'_, S, A, C>,
    shard: u8,
    after: Option<Position>,
) -> ListQuery {
    let unused_since = Some(job.cutoff);
    let index = Index::LastIssued;
    ListQuery { index, shard, state: None, unused_since, after, limit: PAGE }
}

/// The number of records that are held in memory at a time.
const PAGE: u16 = 100;

/// A count returns no records, so a larger page saves requests.
const COUNTED_AT_A_TIME: u16 = 2_000;
