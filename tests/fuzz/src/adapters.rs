//! Stand-ins for the adapters to AWS and ACS, so that the SDKs need not be compiled. Only `main` of a
//! function uses them, and no target calls that.

use std::time::SystemTime;

use identity_core::Error;
use identity_core::admission::Admission;
use identity_core::identity::{AccessToken, AcsId, TokenRequest};
use identity_core::ports::{ConfigError, Env, IdentityClient, TeamsTokenExchange};
use identity_core::secret::Secret;
use identity_core::testing::MemoryIdentityStore;

pub type StandInArn = String;

pub async fn key(_arn: Option<StandInArn>) -> Option<Secret> {
    None
}

pub struct StandInTables;

impl StandInTables {
    pub fn from_env(_env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    pub fn read_only(_env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

pub struct StandInStore;

impl StandInStore {
    pub async fn connect(_tables: StandInTables) -> MemoryIdentityStore {
        MemoryIdentityStore::default()
    }
}

pub struct StandInResource;

impl StandInResource {
    pub fn from_env(_env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    pub async fn connect<C>(self, _clock: C) -> Result<StandInClient, ConfigError> {
        Err(ConfigError::new("ACS_SECRET_ARN", "is not read by a fuzz target"))
    }

    pub async fn connect_first<C>(self, clock: C) -> Result<StandInClient, ConfigError> {
        self.connect(clock).await
    }
}

/// A client that never exists.
pub enum StandInClient {}

impl IdentityClient for StandInClient {
    fn is_creation_held(&self) -> bool {
        match *self {}
    }

    async fn create_identity(&self, _: SystemTime) -> Result<AcsId, Error> {
        match *self {}
    }

    async fn create_identity_with_token(
        &self,
        _: Admission,
        _: &TokenRequest,
        _: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        match *self {}
    }

    async fn issue_access_token(
        &self,
        _: Admission,
        _: &AcsId,
        _: &TokenRequest,
        _: SystemTime,
    ) -> Result<AccessToken, Error> {
        match *self {}
    }

    async fn revoke_access_tokens(&self, _: &AcsId, _: SystemTime) -> Result<(), Error> {
        match *self {}
    }

    async fn delete_identity(&self, _: &AcsId, _: SystemTime) -> Result<(), Error> {
        match *self {}
    }
}

impl TeamsTokenExchange for StandInClient {
    async fn exchange_teams_user_token(
        &self,
        _: Admission,
        _: &Secret,
        _: &str,
        _: &str,
        _: SystemTime,
    ) -> Result<AccessToken, Error> {
        match *self {}
    }
}
