//! Runs the contract tests of the port, which the in-memory double of ACS also passes.

use std::time::SystemTime;

use identity_core::{
    Error,
    admission::Admission,
    client_contract,
    identity::{AccessToken, AcsId, TokenRequest},
    ports::IdentityClient,
    testing::client_contract::Introspect,
};

use crate::ContractFixture;

client_contract!(ContractFixture::new().await);

impl IdentityClient for ContractFixture {
    fn is_creation_held(&self) -> bool {
        self.acs.is_creation_held()
    }

    async fn create_identity(&self, deadline: SystemTime) -> Result<AcsId, Error> {
        self.acs.create_identity(deadline).await
    }

    async fn create_identity_with_token(
        &self,
        _: Admission,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        self.acs.create_identity_with_token(token, deadline).await
    }

    async fn issue_access_token(
        &self,
        _: Admission,
        identity: &AcsId,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<AccessToken, Error> {
        self.acs.issue_access_token(identity, token, deadline).await
    }

    async fn revoke_access_tokens(
        &self,
        identity: &AcsId,
        deadline: SystemTime,
    ) -> Result<(), Error> {
        self.acs.revoke_access_tokens(identity, deadline).await
    }

    async fn delete_identity(&self, identity: &AcsId, deadline: SystemTime) -> Result<(), Error> {
        self.acs.delete_identity(identity, deadline).await
    }
}

impl Introspect for ContractFixture {
    async fn lives(&self, token: &AccessToken) -> bool {
        ContractFixture::lives(self, token).await
    }

    async fn foreign(&self) -> AcsId {
        AcsId::parse("8:acs:00000000-0000-0000-0000-000000000000_1").unwrap()
    }

    async fn a_moment_passes(&self) {
        self.emulator.clock().advance(1);
    }

    fn deadline(&self) -> SystemTime {
        ContractFixture::deadline()
    }
}
