//! Finishes the work that dead invocations left pending: reservations, revocations, deletions,
//! and identities that may not be in the store.

use std::time::Duration;

use tracing::{info, warn};

use super::job::CleanupJob;
use crate::model::{CleanupMode, Error, Record, State};
use crate::ports::{
    Change, Clock, IdentityClient, IdentityClients, IdentityStore, Index, InvitationStore,
    ListQuery, Orphan, OrphanStore, SHARDS,
};
use crate::protocol::finish_pending::{self, PendingClaim};
use crate::protocol::resources;

impl<S: IdentityStore + InvitationStore + OrphanStore, A: IdentityClients, C: Clock>
    CleanupJob<'_, S, A, C>
{
    /// Finishes pending work whose owner is dead. A plan deletes nothing in ACS, but it also finishes
    /// revocations, because the service has promised them, and releases abandoned reservations,
    /// because they block other requests.
    pub(super) async fn finish_all(&self) -> Result<(), Error> {
        for shard in 0..SHARDS {
            let mut query = ListQuery::first(Index::Unfinished, shard, PAGE);
            loop {
                if self.must_stop() {
                    return Ok(());
                }
                let mut page = self.store.list(&query).await?;
                let listed = page.records.len();
                // Records that this run has already tried come last; the next run retries them.
                page.records.retain(|record| record.changed_at < self.began);
                let is_through = page.records.len() < listed || page.next.is_none();
                self.each(page.records, |listed| self.finish_one(listed)).await?;
                query.after = page.next;
                if is_through {
                    break;
                }
            }
        }
        if self.mode == CleanupMode::Apply {
            let orphans = self.store.orphans().await?;
            self.each(orphans, |orphan| self.delete_orphan(orphan)).await?;
        }
        Ok(())
    }

    async fn finish_one(&self, listed: Record) -> Result<(), Error> {
        if self.must_stop() {
            return Ok(());
        }
        let Some(record) = self.store.find(&listed.external_id).await? else { return Ok(()) };
        match record.state {
            State::Stuck { .. } if self.ends_stuck(&record) => {
                let ended = self.end_guest(record.external_id, true).await?;
                self.tally().stuck += u64::from(!ended);
            }
            State::Stuck { .. } => self.tally().stuck += 1,
            State::Provisioning { .. } => self.abandon(&record).await?,
            State::Deleting { .. } if self.mode == CleanupMode::Plan => {}
            _ if !record.is_unfinished() || !self.is_reachable(&record.resource) => {}
            _ => {
                if !self.turn(&record.resource).await {
                    return Ok(());
                }
                let claim = finish_pending::claim_pending(
                    self.store,
                    self.clock,
                    &record,
                    &self.invocation,
                )
                .await?;
                let PendingClaim::Ours(ours) = claim else { return Ok(()) };
                let is_deletion = matches!(ours.state, State::Deleting { .. });
                if self.finish(&ours).await? {
                    let mut tally = self.tally();
                    tally.finished.deletions += u64::from(is_deletion);
                    tally.finished.revocations += u64::from(!is_deletion);
                }
            }
        }
        Ok(())
    }

    /// Releases the reservation of a dead owner. If the owner created an identity in ACS, it cannot
    /// be found: ACS has no call that lists identities.
    async fn abandon(&self, record: &Record) -> Result<(), Error> {
        let State::Provisioning { lease } = &record.state else { return Ok(()) };
        let now = self.clock.now();
        if lease.ends >= now {
            return Ok(());
        }
        if let Change::Made(_) = self.store.advance(Some(record), &record.released(now)).await? {
            warn!("reservation released: its owner died and may have created an identity in ACS");
            self.tally().finished.reservations += 1;
        }
        Ok(())
    }

    /// Checks whether a record has the identity, ensures that this cannot change any more, and
    /// deletes the identity in ACS if no record has it.
    async fn delete_orphan(&self, orphan: Orphan) -> Result<(), Error> {
        if self.must_stop() {
            return Ok(());
        }
        let age = self.clock.now().duration_since(orphan.noted_at).unwrap_or_default();
        if age > GIVES_UP_AFTER {
            self.tally().stuck += 1;
            return Ok(());
        }
        let found = self.store.find(&orphan.user).await?;
        let owned = found.as_ref().is_some_and(|record| record.acs_id() == Some(&orphan.acs_id));
        // A write that was sent may still arrive. If the reservation is gone, the write is refused. A
        // reservation that still exists is released above as soon as its lease has ended.
        let reserved =
            found.is_some_and(|record| matches!(record.state, State::Provisioning { .. }));
        if reserved {
            return Ok(());
        }
        if !owned {
            let Ok(acs) = resources::client_of(self.acs, &orphan.resource) else {
                self.tally().failed += 1;
                return Ok(());
            };
            if !self.turn(&orphan.resource).await {
                return Ok(());
            }
            let deleted = acs.delete_identity(&orphan.acs_id, self.invocation.acs_until).await;
            match deleted {
                Ok(()) => {}
                Err(Error::Throttled { retry_after, .. }) => {
                    self.hold(&orphan.resource, retry_after);
                    return Ok(());
                }
                Err(cause) => {
                    resources::report_foreign(&orphan.acs_id, &orphan.resource, &cause);
                    warn!(acs.id = %orphan.acs_id, %cause, "failed to delete an orphaned identity; the next run retries");
                    self.tally().failed += 1;
                    return Ok(());
                }
            }
            info!(acs.id = %orphan.acs_id, "orphaned identity deleted");
            self.tally().finished.orphans += 1;
        }
        self.store.forget_orphan(&orphan.acs_id).await
    }
}

/// An orphan that could not be deleted for a day needs manual action.
const GIVES_UP_AFTER: Duration = Duration::from_hours(24);

/// The number of records that are held in memory at a time.
const PAGE: u16 = 100;
