//! What others began and died in: reservations, revocations, deletions, and
//! identities of which nobody knows whether they were stored.

use std::time::Duration;

use tracing::{info, warn};

use super::{Mode, job::Job};
use crate::{
    Error, foreign,
    ports::{
        Change, Clock, IdentityClient, IdentityStore, Index, ListQuery, Orphan, Orphanage, SHARDS,
    },
    record::{Record, State},
    settle::{self, Claim},
};

/// Finishes what was begun and is nobody's any more. A plan deletes nothing in ACS; but a
/// revocation is a promise, and kept in a plan, too, and a reservation whose owner is
/// dead is in the way.
pub(super) async fn settle_all<S: IdentityStore + Orphanage, A: IdentityClient, C: Clock>(
    job: &Job<'_, S, A, C>,
) -> Result<(), Error> {
    for shard in 0..SHARDS {
        let mut query = ListQuery {
            index: Index::Unfinished,
            shard,
            state: None,
            unused_since: None,
            after: None,
            limit: PAGE,
        };
        loop {
            if job.must_stop(shard) {
                return Ok(());
            }
            let mut page = job.store.list(&query).await?;
            let listed = page.records.len();
            // What this run has tried comes last, and is for the next one.
            page.records.retain(|record| record.changed_at < job.began);
            let is_through = page.records.len() < listed || page.next.is_none();
            job.each(page.records, |listed| settle_one(job, shard, listed)).await?;
            query.after = page.next;
            if is_through {
                break;
            }
        }
    }
    if job.mode == Mode::Apply {
        let orphans = job.store.orphans().await?;
        job.each(orphans, |orphan| settle_orphan(job, orphan)).await?;
    }
    Ok(())
}

async fn settle_one<S: IdentityStore, A: IdentityClient, C: Clock>(
    job: &Job<'_, S, A, C>,
    shard: u8,
    listed: Record,
) -> Result<(), Error> {
    if job.must_stop(shard) {
        return Ok(());
    }
    let Some(record) = job.store.find(&listed.external_id).await? else { return Ok(()) };
    match record.state {
        State::Stuck { .. } => job.tally().stuck += 1,
        State::Provisioning { .. } => abandon(job, &record).await?,
        State::Deleting { .. } if job.mode == Mode::Plan => {}
        _ if !record.is_unfinished() => {}
        _ => {
            job.turn().await;
            let claim = settle::claim(job.store, job.clock, &record, &job.invocation).await?;
            let Claim::Ours(ours) = claim else { return Ok(()) };
            let is_deletion = matches!(ours.state, State::Deleting { .. });
            if job.finish(&ours).await? {
                let mut tally = job.tally();
                tally.finished.deletions += u64::from(is_deletion);
                tally.finished.revocations += u64::from(!is_deletion);
            }
        }
    }
    Ok(())
}

/// Takes a reservation from an owner who is dead. What they created in ACS, if they
/// got that far, nobody can know: ACS has no list.
async fn abandon<S: IdentityStore, A: IdentityClient, C: Clock>(
    job: &Job<'_, S, A, C>,
    record: &Record,
) -> Result<(), Error> {
    let State::Provisioning { lease } = &record.state else { return Ok(()) };
    let now = job.clock.now();
    if lease.ends >= now {
        return Ok(());
    }
    if let Change::Made(_) = job.store.advance(Some(record), &record.released(now)).await? {
        warn!("released a reservation whose owner died; they may have created an identity");
        job.tally().finished.reservations += 1;
    }
    Ok(())
}

/// Finds out whether the store has an identity, makes sure that it stays so, and
/// deletes the identity in ACS if it has not.
async fn settle_orphan<S: IdentityStore + Orphanage, A: IdentityClient, C: Clock>(
    job: &Job<'_, S, A, C>,
    orphan: Orphan,
) -> Result<(), Error> {
    if job.must_stop(SHARDS - 1) {
        return Ok(());
    }
    let age = job.clock.now().duration_since(orphan.noted_at).unwrap_or_default();
    if age > GIVES_UP_AFTER {
        job.tally().stuck += 1;
        return Ok(());
    }
    let found = job.store.find(&orphan.user).await?;
    let owned = found.as_ref().is_some_and(|record| record.acs_id() == Some(&orphan.acs_id));
    // A write that was sent may still arrive; a reservation that is gone refuses it, and
    // one that stands has been taken away above as soon as its lease had ended.
    let reserved = found.is_some_and(|record| matches!(record.state, State::Provisioning { .. }));
    if reserved {
        return Ok(());
    }
    if !owned {
        job.turn().await;
        let deleted = job.acs.delete_identity(&orphan.acs_id, job.invocation.acs_until).await;
        match deleted {
            Ok(()) => {}
            Err(Error::Throttled { retry_after, .. }) => {
                job.hold(retry_after);
                return Ok(());
            }
            Err(cause) => {
                foreign::report(&orphan.acs_id, &cause);
                warn!(acs.id = %orphan.acs_id, %cause, "an identity nobody owns is still there");
                job.tally().failed += 1;
                return Ok(());
            }
        }
        info!(acs.id = %orphan.acs_id, "deleted an identity that nobody owned");
        job.tally().finished.orphans += 1;
    }
    job.store.forget_orphan(&orphan.acs_id).await
}

/// An orphan that cannot be deleted for a day is for somebody to look at.
const GIVES_UP_AFTER: Duration = Duration::from_hours(24);

/// So many records are held in memory at a time.
const PAGE: u16 = 100;
