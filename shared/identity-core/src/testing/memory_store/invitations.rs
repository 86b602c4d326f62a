use std::time::SystemTime;

use super::{MemoryIdentityStore, shard_of_user, spread_text};
use crate::model::{
    Error, ExternalId, Invitation, InvitationId, InvitationState, InvitationStep, State,
};
use crate::ports::{
    DueGuestPage, DueGuestQuery, InvitationChange, InvitationIndex, InvitationPage,
    InvitationPosition, InvitationQuery, InvitationStore, Position, TimeBound,
};

impl MemoryIdentityStore {
    /// All invitations in the store.
    #[must_use]
    pub fn invitations(&self) -> Vec<Invitation> {
        self.lock().invitations.values().cloned().collect()
    }

    /// Stores an invitation unconditionally.
    pub fn put_invitation(&self, invitation: &Invitation) {
        self.lock().invitations.insert(invitation.id.clone(), invitation.clone());
    }
}

impl InvitationStore for MemoryIdentityStore {
    async fn find_invitation(&self, id: &InvitationId) -> Result<Option<Invitation>, Error> {
        Ok(self.lock().invitations.get(id).cloned())
    }

    async fn add_invitation(&self, invitation: &Invitation) -> Result<(), Error> {
        let mut contents = self.lock();
        contents.invitations.entry(invitation.id.clone()).or_insert_with(|| invitation.clone());
        Ok(())
    }

    async fn change_invitation(
        &self,
        id: &InvitationId,
        step: &InvitationStep<'_>,
    ) -> Result<InvitationChange, Error> {
        let mut contents = self.lock();
        let found = contents.invitations.get(id).cloned();
        let Some(next) = found.as_ref().and_then(|found| step.apply(found)) else {
            return Ok(InvitationChange::Refused(found));
        };
        contents.invitations.insert(id.clone(), next.clone());
        Ok(InvitationChange::Made(next))
    }

    async fn list_invitations(&self, query: &InvitationQuery) -> Result<InvitationPage, Error> {
        let contents = self.lock();
        let mut found: Vec<_> = contents
            .invitations
            .values()
            .filter(|invitation| spread_text(invitation.id.as_str()) == query.shard)
            .filter_map(|invitation| Some((place(invitation, query.index)?, invitation)))
            .filter(|(position, _)| match query.times {
                None => true,
                Some(TimeBound::Before(end)) => position.at < end,
                Some(TimeBound::After(start)) => position.at > start,
            })
            .filter(|(position, _)| query.after.as_ref().is_none_or(|after| position > after))
            .collect();
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        let limit = usize::from(query.limit);
        let is_last = found.len() <= limit;
        found.truncate(limit);
        let next = found.last().filter(|_| !is_last).map(|(position, _)| position.clone());
        let is_wanted = |by: &ExternalId| query.created_by.as_ref().is_none_or(|own| own == by);
        found.retain(|(_, invitation)| is_wanted(&invitation.created_by));
        Ok(InvitationPage {
            found: found.into_iter().map(|(position, _)| position).collect(),
            next,
        })
    }

    async fn list_due_guests(&self, query: &DueGuestQuery) -> Result<DueGuestPage, Error> {
        let contents = self.lock();
        let mut due: Vec<(SystemTime, ExternalId)> = contents
            .records
            .values()
            .filter(|record| record.state != State::Deleted && !record.is_unfinished())
            .filter(|record| shard_of_user(&record.external_id) == query.shard)
            .filter_map(|record| Some((record.due_at?, record.external_id.clone())))
            .filter(|(at, _)| *at < query.before)
            .filter(|(at, id)| {
                let after = query.after.as_ref();
                after.is_none_or(|after| (*at, id) > (after.at, &after.external_id))
            })
            .collect();
        due.sort();
        let limit = usize::from(query.limit);
        let is_last = due.len() <= limit;
        due.truncate(limit);
        let last = due.last().filter(|_| !is_last).cloned();
        let next = last.map(|(at, external_id)| Position { at, external_id });
        Ok(DueGuestPage { guests: due.into_iter().map(|(_, id)| id).collect(), next })
    }
}

/// The position of an invitation in a list; `None` if it is in the other one.
fn place(invitation: &Invitation, index: InvitationIndex) -> Option<InvitationPosition> {
    let is_revoking = invitation.state == InvitationState::Revoking;
    let began = invitation.revocation.as_ref().map(|revocation| revocation.accepted_at);
    let at = match index {
        InvitationIndex::ClosesAt => Some(invitation.closes_at).filter(|_| !is_revoking),
        InvitationIndex::Revoking => began.filter(|_| is_revoking),
    };
    Some(InvitationPosition { at: at?, id: invitation.id.clone() })
}
