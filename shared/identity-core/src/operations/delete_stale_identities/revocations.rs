//! Finishes the revocations of invitations whose process died.
//!
//! The guests are cut off at the rate that ACS allows, like everything that a run does. A run that
//! reaches its deadline leaves the rest to the next one: the invitation stays *revoking*, and gives
//! no token.

use std::time::SystemTime;

use futures_util::{StreamExt, TryStreamExt, stream};
use tracing::{error, warn};

use super::job::{AT_A_TIME, CleanupJob};
use crate::model::{DeviceId, Error, Invitation, InvitationId, InvitationState, Record, State};
use crate::operations::guests::revoke_invitation::{block_guest, confirm_revocation};
use crate::ports::{
    Clock, IdentityClients, IdentityStore, InvitationIndex, InvitationQuery, InvitationStore,
    SHARDS, TimeBound,
};
use crate::protocol::finish_pending::ABANDONED_AFTER;

impl<S: IdentityStore + InvitationStore, A: IdentityClients, C: Clock> CleanupJob<'_, S, A, C> {
    /// Finishes the revocations that began so long ago that their process must have died.
    pub(super) async fn finish_invitations(&self) -> Result<(), Error> {
        let until = self.clock.now().checked_sub(ABANDONED_AFTER).unwrap_or(SystemTime::UNIX_EPOCH);
        for shard in 0..SHARDS {
            let mut query = InvitationQuery {
                index: InvitationIndex::Revoking,
                shard,
                created_by: None,
                times: Some(TimeBound::Before(until)),
                after: None,
                limit: PAGE,
            };
            loop {
                if self.must_stop() {
                    return Ok(());
                }
                let page = self.store.list_invitations(&query).await?;
                for found in page.found {
                    self.finish_invitation(&found.id).await?;
                }
                query.after = page.next;
                if query.after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Cuts off the guests of one invitation, and records that it is revoked if none is left.
    async fn finish_invitation(&self, id: &InvitationId) -> Result<(), Error> {
        let found = self.store.find_invitation(id).await?;
        let Some(revoking) = found.filter(|found| found.state == InvitationState::Revoking) else {
            return Ok(());
        };
        let left = stream::iter(revoking.devices.keys())
            .map(|device| self.cut_off(&revoking, device))
            .buffer_unordered(AT_A_TIME)
            .try_fold(0_u64, async |left, is_cut_off| Ok(left + u64::from(!is_cut_off)))
            .await?;
        if left > 0 {
            warn!(invitation.id = %id, left, "invitation not revoked yet: not all guests are cut off");
            return Ok(());
        }
        let guests = u64::try_from(revoking.devices.len()).unwrap_or(u64::MAX);
        match confirm_revocation(self.store, self.clock, &revoking).await {
            // If it is busy, another request is finishing it, too.
            Ok(_) | Err(Error::Busy { .. }) => {
                self.tally().finished.revocations += guests;
                Ok(())
            }
            Err(cause) => Err(cause),
        }
    }

    /// Blocks one guest and revokes their tokens. Returns whether no token of the guest is valid any
    /// more.
    async fn cut_off(&self, revoking: &Invitation, device: &DeviceId) -> Result<bool, Error> {
        if self.must_stop() {
            return Ok(false);
        }
        let seen = self.store.find(&revoking.guest(device)).await?;
        if let Some(record) = &seen {
            // The run has tried it before, with all unfinished records. To record the revocation
            // once more would forget how often it has failed.
            if record.state.is_blocked() && record.is_unfinished() {
                report(revoking, record);
                return Ok(false);
            }
            if record.acs_id().is_some() && !record.tokens_revoked {
                if !self.is_reachable(&record.resource) {
                    return Ok(false);
                }
                if !self.turn(&record.resource).await {
                    return Ok(false);
                }
            }
        }
        match block_guest(self.store, self.clock, revoking, device).await {
            Ok(blocked) => {
                if self.finish(&blocked).await? {
                    return Ok(true);
                }
                report(revoking, &blocked);
                Ok(false)
            }
            Err(Error::Busy { .. }) => Ok(false),
            Err(cause) => Err(cause),
        }
    }
}

/// Reports a guest who is not cut off. Other log lines about a guest do not name the invitation.
fn report(revoking: &Invitation, guest: &Record) {
    let acs_id = guest.acs_id().map(ToString::to_string);
    if matches!(guest.state, State::Stuck { .. }) {
        error!(
            invitation.id = %revoking.id,
            acs.id = acs_id,
            "guest not cut off, because the identity is stuck: manual action required. Revoke the \
             invitation again, or delete the identity"
        );
    } else {
        warn!(
            invitation.id = %revoking.id,
            acs.id = acs_id,
            "guest not cut off yet: a later run retries"
        );
    }
}

/// The number of invitations that are held in memory at a time.
const PAGE: u16 = 100;
