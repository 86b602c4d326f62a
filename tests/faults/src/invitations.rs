//! The invitations of a store that yields, or that omits a part of the protocol.

use identity_core::{
    Error,
    guest::{Invitation, InvitationId, InvitationStep},
    ports::{
        DueGuestPage, DueGuestQuery, IdentityStore, InvitationChange, InvitationPage,
        InvitationQuery, InvitationStore,
    },
};

use crate::{Part, Without, Yielding, turn};

impl<T: InvitationStore> InvitationStore for Yielding<T> {
    async fn find_invitation(&self, id: &InvitationId) -> Result<Option<Invitation>, Error> {
        turn().await;
        self.0.find_invitation(id).await
    }

    async fn add_invitation(&self, invitation: &Invitation) -> Result<(), Error> {
        turn().await;
        self.0.add_invitation(invitation).await
    }

    async fn change_invitation(
        &self,
        id: &InvitationId,
        step: &InvitationStep<'_>,
    ) -> Result<InvitationChange, Error> {
        turn().await;
        self.0.change_invitation(id, step).await
    }

    async fn list_invitations(&self, query: &InvitationQuery) -> Result<InvitationPage, Error> {
        turn().await;
        self.0.list_invitations(query).await
    }

    async fn list_due_guests(&self, query: &DueGuestQuery) -> Result<DueGuestPage, Error> {
        turn().await;
        self.0.list_due_guests(query).await
    }
}

impl<T: IdentityStore + InvitationStore + Send> InvitationStore for Without<T> {
    async fn find_invitation(&self, id: &InvitationId) -> Result<Option<Invitation>, Error> {
        self.store.find_invitation(id).await
    }

    async fn add_invitation(&self, invitation: &Invitation) -> Result<(), Error> {
        self.store.add_invitation(invitation).await
    }

    async fn change_invitation(
        &self,
        id: &InvitationId,
        step: &InvitationStep<'_>,
    ) -> Result<InvitationChange, Error> {
        match (self.part, step) {
            // A device is admitted whether or not there is room.
            (Part::Room, InvitationStep::Admit { at, .. }) => {
                if let Some(found) = self.store.find_invitation(id).await? {
                    let room = InvitationStep::Extend {
                        closes_at: found.closes_at,
                        delete_at: found.delete_at,
                        most: found.most + 1,
                        unlock: false,
                        now: *at,
                    };
                    self.store.change_invitation(id, &room).await?;
                }
                self.store.change_invitation(id, step).await
            }
            // A PIN is compared without being counted.
            (Part::PinCount, InvitationStep::CountPin) => {
                let found = self.store.find_invitation(id).await?;
                Ok(found.map_or(InvitationChange::Refused(None), InvitationChange::Made))
            }
            // Only the devices that have a record are cut off.
            (Part::UnseenGuests, InvitationStep::Revoke(_)) => {
                let change = self.store.change_invitation(id, step).await?;
                let InvitationChange::Made(mut revoking) = change else { return Ok(change) };
                for device in revoking.devices.clone().into_keys() {
                    if self.store.find(&revoking.guest(&device)).await?.is_none() {
                        revoking.devices.remove(&device);
                    }
                }
                Ok(InvitationChange::Made(revoking))
            }
            _ => self.store.change_invitation(id, step).await,
        }
    }

    async fn list_invitations(&self, query: &InvitationQuery) -> Result<InvitationPage, Error> {
        self.store.list_invitations(query).await
    }

    async fn list_due_guests(&self, query: &DueGuestQuery) -> Result<DueGuestPage, Error> {
        self.store.list_due_guests(query).await
    }
}
