//! The ports of Teams Phone that yield.

use std::time::SystemTime;

use identity_core::{
    Error,
    admission::Admission,
    audit::AuditEntry,
    identity::{AccessToken, AcsId, ExternalId},
    phone::{PhoneEntry, PhonePrincipal, TeamsExtensionAssignment},
    ports::{PhoneInventory, PhonePage, PhonePosition, TeamsPhoneClient},
    secret::Secret,
};

use crate::{Without, Yielding, turn};

impl<T: PhoneInventory> PhoneInventory for Yielding<T> {
    async fn find_entry(&self, principal: &PhonePrincipal) -> Result<Option<PhoneEntry>, Error> {
        turn().await;
        self.0.find_entry(principal).await
    }

    async fn write_entry(
        &self,
        seen: Option<&PhoneEntry>,
        next: &PhoneEntry,
        audit: Option<&AuditEntry>,
    ) -> Result<bool, Error> {
        turn().await;
        self.0.write_entry(seen, next, audit).await
    }

    async fn list_entries(
        &self,
        after: Option<&PhonePosition>,
        limit: u16,
    ) -> Result<PhonePage, Error> {
        turn().await;
        self.0.list_entries(after, limit).await
    }

    async fn unfinished_principals(&self) -> Result<Vec<PhonePrincipal>, Error> {
        turn().await;
        self.0.unfinished_principals().await
    }

    async fn link_principal(
        &self,
        user: &ExternalId,
        principal: &PhonePrincipal,
    ) -> Result<(), Error> {
        turn().await;
        self.0.link_principal(user, principal).await
    }

    async fn linked_principals(&self, user: &ExternalId) -> Result<Vec<PhonePrincipal>, Error> {
        turn().await;
        self.0.linked_principals(user).await
    }
}

impl<T: TeamsPhoneClient> TeamsPhoneClient for Yielding<T> {
    async fn exchange_phone_token(
        &self,
        admission: Admission,
        token: &Secret,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        turn().await;
        self.0.exchange_phone_token(admission, token, deadline).await
    }

    async fn find_assignment(
        &self,
        principal: &PhonePrincipal,
        deadline: SystemTime,
    ) -> Result<Option<TeamsExtensionAssignment>, Error> {
        turn().await;
        self.0.find_assignment(principal, deadline).await
    }

    async fn put_assignment(
        &self,
        assignment: &TeamsExtensionAssignment,
        deadline: SystemTime,
    ) -> Result<TeamsExtensionAssignment, Error> {
        turn().await;
        self.0.put_assignment(assignment, deadline).await
    }

    async fn delete_assignment(
        &self,
        principal: &PhonePrincipal,
        deadline: SystemTime,
    ) -> Result<(), Error> {
        turn().await;
        self.0.delete_assignment(principal, deadline).await
    }
}

impl<T: PhoneInventory + Send> PhoneInventory for Without<T> {
    async fn find_entry(&self, principal: &PhonePrincipal) -> Result<Option<PhoneEntry>, Error> {
        self.store.find_entry(principal).await
    }

    async fn write_entry(
        &self,
        seen: Option<&PhoneEntry>,
        next: &PhoneEntry,
        audit: Option<&AuditEntry>,
    ) -> Result<bool, Error> {
        self.store.write_entry(seen, next, audit).await
    }

    async fn list_entries(
        &self,
        after: Option<&PhonePosition>,
        limit: u16,
    ) -> Result<PhonePage, Error> {
        self.store.list_entries(after, limit).await
    }

    async fn unfinished_principals(&self) -> Result<Vec<PhonePrincipal>, Error> {
        self.store.unfinished_principals().await
    }

    async fn link_principal(
        &self,
        user: &ExternalId,
        principal: &PhonePrincipal,
    ) -> Result<(), Error> {
        self.store.link_principal(user, principal).await
    }

    async fn linked_principals(&self, user: &ExternalId) -> Result<Vec<PhonePrincipal>, Error> {
        self.store.linked_principals(user).await
    }
}
