//! The fixture of these tests: a client, a scripted server, and a clock that never waits.

mod clock;
mod server;

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

use acs_client::{
    AcsIdentityClient, Config, PrincipalType, TeamsExtensionAssignment as Assignment,
};
use identity_core::{
    Error,
    identity::{AcsId, Lifetime, Scopes, TokenRequest},
    ports::{Clock, IdentityClient},
    secret::Secret,
};

pub(crate) use clock::TestClock;
pub(crate) use server::{ReceivedRequest, ScriptedReply, ScriptedServer};

pub(crate) const KEY: &str = "Q0FOQVJZLWtleS1DQU5BUlkta2V5LUNBTkFSWQ==";
pub(crate) const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.CANARY-token.c2ln";
pub(crate) const USER_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.CANARY-user.c2ln";
pub(crate) const TENANT: &str = "aaaaaaaa-2222-3333-4444-555555555555";
pub(crate) const OBJECT: &str = "bbbbbbbb-2222-3333-4444-555555555555";
pub(crate) const ASSIGNMENT: &str = concat!(
    r#"{"objectId":"bbbbbbbb-2222-3333-4444-555555555555","#,
    r#""tenantId":"aaaaaaaa-2222-3333-4444-555555555555","principalType":"user","#,
    r#""clientIds":["cccccccc-2222-3333-4444-555555555555"]}"#
);
pub(crate) const ID: &str = "8:acs:11111111-2222-3333-4444-555555555555_66666666";

/// A client of a scripted server, with a clock.
pub(crate) struct ClientFixture {
    pub(crate) server: ScriptedServer,
    pub(crate) clock: TestClock,
    pub(crate) acs: AcsIdentityClient<TestClock>,
}

impl ClientFixture {
    pub(crate) fn new(replies: impl Into<VecDeque<ScriptedReply>>) -> Self {
        Self::of(ScriptedServer::start(replies), |_| {})
    }

    pub(crate) fn of(server: ScriptedServer, change: impl FnOnce(&mut Config)) -> Self {
        let clock = TestClock::new();
        let mut config = config(&format!("http://{}", server.address));
        change(&mut config);
        let acs = AcsIdentityClient::new(config, clock.clone()).unwrap();
        Self { server, clock, acs }
    }

    pub(crate) fn deadline_in(&self, left: Duration) -> SystemTime {
        self.clock.now() + left
    }

    /// Calls an operation with a deadline of 20 s.
    pub(crate) async fn call(&self, operation: ScriptedOperation) -> Result<(), Error> {
        self.call_within(operation, Duration::from_secs(20)).await
    }

    pub(crate) async fn call_within(
        &self,
        operation: ScriptedOperation,
        left: Duration,
    ) -> Result<(), Error> {
        let deadline = self.deadline_in(left);
        match operation {
            ScriptedOperation::Create => self.acs.create_identity(deadline).await.map(drop),
            ScriptedOperation::CreateWithToken => {
                self.acs.create_identity_with_token(&request(), deadline).await.map(drop)
            }
            ScriptedOperation::Issue => {
                self.acs.issue_access_token(&id(), &request(), deadline).await.map(drop)
            }
            ScriptedOperation::Revoke => self.acs.revoke_access_tokens(&id(), deadline).await,
            ScriptedOperation::Delete => self.acs.delete_identity(&id(), deadline).await,
            ScriptedOperation::ExchangeTeamsUser => {
                let user = Secret::new(USER_TOKEN);
                self.acs.exchange_teams_user_token(&user, "app", "user", deadline).await.map(drop)
            }
            ScriptedOperation::ExchangeTeamsExtension => {
                let user = Secret::new(USER_TOKEN);
                self.acs.exchange_teams_extension_token(&user, deadline).await.map(drop)
            }
            ScriptedOperation::FindAssignment => {
                let Assignment { tenant_id, object_id, .. } = assignment();
                let acs = &self.acs;
                acs.find_teams_extension_assignment(&tenant_id, &object_id, deadline)
                    .await
                    .map(drop)
            }
            ScriptedOperation::PutAssignment => {
                self.acs.put_teams_extension_assignment(&assignment(), deadline).await.map(drop)
            }
            ScriptedOperation::DeleteAssignment => {
                let Assignment { tenant_id, object_id, .. } = assignment();
                self.acs.delete_teams_extension_assignment(&tenant_id, &object_id, deadline).await
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScriptedOperation {
    Create,
    CreateWithToken,
    Issue,
    Revoke,
    Delete,
    ExchangeTeamsUser,
    ExchangeTeamsExtension,
    FindAssignment,
    PutAssignment,
    DeleteAssignment,
}

impl ScriptedOperation {
    pub(crate) const ALL: [Self; 10] = [
        Self::Create,
        Self::CreateWithToken,
        Self::Issue,
        Self::Revoke,
        Self::Delete,
        Self::ExchangeTeamsUser,
        Self::ExchangeTeamsExtension,
        Self::FindAssignment,
        Self::PutAssignment,
        Self::DeleteAssignment,
    ];
    pub(crate) const CREATIONS: [Self; 2] = [Self::Create, Self::CreateWithToken];
    pub(crate) const REPEATABLE: [Self; 8] = [
        Self::Issue,
        Self::Revoke,
        Self::Delete,
        Self::ExchangeTeamsUser,
        Self::ExchangeTeamsExtension,
        Self::FindAssignment,
        Self::PutAssignment,
        Self::DeleteAssignment,
    ];

    /// Whether the request is signed with the client's key; otherwise it carries a user's token.
    pub(crate) fn is_signed(self) -> bool {
        self != Self::ExchangeTeamsExtension
    }

    pub(crate) fn success(self) -> ScriptedReply {
        let expiry = "2027-01-15T09:00:00.1234567+00:00";
        match self {
            Self::Create => ScriptedReply::identity(),
            Self::CreateWithToken | Self::ExchangeTeamsExtension => ScriptedReply::with(
                if self == Self::CreateWithToken { 201 } else { 200 },
                "",
                &format!(
                    r#"{{"identity":{{"id":"{ID}"}},"accessToken":{{"token":"{TOKEN}","expiresOn":"{expiry}"}}}}"#
                ),
            ),
            Self::Issue | Self::ExchangeTeamsUser => ScriptedReply::token(),
            Self::FindAssignment | Self::PutAssignment => ScriptedReply::with(200, "", ASSIGNMENT),
            Self::Revoke | Self::Delete | Self::DeleteAssignment => ScriptedReply::done(),
        }
    }
}

pub(crate) fn config(endpoint: &str) -> Config {
    let connection_string = format!("endpoint={endpoint}/;accesskey={KEY}").parse().unwrap();
    Config { bearer_over_loopback_http: true, ..Config::new(connection_string) }
}

pub(crate) fn id() -> AcsId {
    AcsId::parse(ID).unwrap()
}

pub(crate) fn assignment() -> Assignment {
    Assignment {
        tenant_id: TENANT.parse().unwrap(),
        object_id: OBJECT.parse().unwrap(),
        principal_type: PrincipalType::User,
        client_ids: vec!["cccccccc-2222-3333-4444-555555555555".parse().unwrap()],
    }
}

pub(crate) fn request() -> TokenRequest {
    let scopes = Scopes::parse(["chat", "voip"]).unwrap();
    TokenRequest { scopes, lifetime: Lifetime::HOUR }
}

/// The messages of an error and its sources, as a log shows them.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

/// Whether ACS may have performed the operation, according to the error.
pub(crate) fn maybe_applied(outcome: Result<(), Error>) -> bool {
    match outcome {
        Err(Error::AcsUnavailable { maybe_applied, .. }) => maybe_applied,
        other => unreachable!("{other:?}"),
    }
}
