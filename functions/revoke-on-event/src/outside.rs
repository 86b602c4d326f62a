//! What the function needs besides records and identities: the directories of accounts, and the
//! assignments to Teams Phone.

use std::time::SystemTime;

use identity_core::Error;
use identity_core::end_phone_access::end_phone_access;
use identity_core::event::Event;
use identity_core::identity::Invocation;
use identity_core::ports::{
    AccountDirectory, AccountLookUp, AccountStatus, Clock, IdentityStore, PhoneInventory,
    TeamsPhoneClient,
};

/// Ends the access of users to Teams Phone.
pub(crate) trait PhoneAccess {
    /// Ends the assignments that the event ends. Returns how many they were.
    async fn end(&self, event: &Event, invocation: &Invocation) -> Result<u64, Error>;
}

/// The directories of the configured transmitters, and the assignments at ACS.
pub(crate) struct Outside<'a, D, S, A, C> {
    pub(crate) directories: D,
    pub(crate) store: &'a S,
    pub(crate) acs: &'a A,
    pub(crate) clock: &'a C,
}

impl<D, S, A, C> PhoneAccess for Outside<'_, D, S, A, C>
where
    S: IdentityStore + PhoneInventory,
    A: TeamsPhoneClient,
    C: Clock,
{
    async fn end(&self, event: &Event, invocation: &Invocation) -> Result<u64, Error> {
        end_phone_access(self.store, self.acs, self.clock, event, invocation).await
    }
}

impl<D: AccountDirectory, S, A, C> AccountDirectory for Outside<'_, D, S, A, C> {
    type Error = D::Error;

    async fn status(
        &self,
        look_up: &AccountLookUp,
        until: SystemTime,
    ) -> Result<AccountStatus, Self::Error> {
        self.directories.status(look_up, until).await
    }
}
