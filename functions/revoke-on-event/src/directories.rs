//! The directories in which accounts are looked up: Microsoft Graph, for each transmitter of that
//! kind.

use std::collections::BTreeMap;
use std::time::SystemTime;

use entra_users::{
    ClientSecretSource, DirectoryUser, GraphClient, GraphError, InvalidDirectoryId, UserStatus,
};
use identity_core::ports::{AccountDirectory, AccountLookUp, AccountStatus, Clock};

/// The directories, by the name of their transmitter.
pub(crate) struct Directories<S, C>(BTreeMap<String, GraphClient<S, C>>);

/// Why an account could not be looked up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    #[error(
        "the message is of a transmitter of the kind `graph` that is not configured; add it to \
         `Transmitters` again, or delete the message"
    )]
    UnknownTransmitter,
    #[error("the message has an invalid tenant or object id: {0}")]
    InvalidId(#[from] InvalidDirectoryId),
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl<S: ClientSecretSource, C: Clock> Directories<S, C> {
    pub(crate) fn new(clients: BTreeMap<String, GraphClient<S, C>>) -> Self {
        Self(clients)
    }
}

impl<S: ClientSecretSource, C: Clock> AccountDirectory for Directories<S, C> {
    type Error = DirectoryError;

    async fn status(
        &self,
        look_up: &AccountLookUp,
        until: SystemTime,
    ) -> Result<AccountStatus, DirectoryError> {
        let client = self.0.get(&look_up.transmitter).ok_or(DirectoryError::UnknownTransmitter)?;
        let (tenant, id) = (look_up.tenant.parse()?, look_up.object_id.parse()?);
        Ok(match client.user_status(&DirectoryUser { tenant, id }, until).await? {
            UserStatus::Missing => AccountStatus::Missing,
            UserStatus::Present { is_enabled, sessions_valid_from } => {
                AccountStatus::Present { is_enabled, sign_ins_valid_from: sessions_valid_from }
            }
        })
    }
}
