//! The operations for Teams, with Entra tokens that the emulator issues for the test.

use std::time::Duration;

use acs_client::{
    AcsIdentityClient, Answered, ErrorCause, Guid, Mistake, PrincipalType, ResourceAccountName,
    TeamsExtensionAssignment,
};
use identity_core::{
    Error,
    exchange_teams_token::TeamsTokenFault,
    identity::AccessToken,
    ports::{Clock as _, TeamsPhoneClient as _, TeamsTokenExchange},
    secret::Secret,
    testing::admission,
};
use serde_json::{Value, json};

use crate::{ContractFixture, MachineClock, PUNCTUAL, cause};

const OTHER_ID: &str = "0a0a0a0a-2222-3333-4444-555555555555";

/// An Entra token and its claims.
pub(crate) struct EntraFixture {
    pub(crate) token: Secret,
    app_id: String,
    user_id: String,
    tenant_id: String,
}

impl ContractFixture {
    pub(crate) async fn entra_token(&self, claims: Value) -> EntraFixture {
        let issued = self.control(reqwest::Method::POST, "entra/token", Some(claims)).await;
        let text = |at: &str| issued.pointer(at).unwrap().as_str().unwrap().to_owned();
        EntraFixture {
            token: Secret::new(text("/token")),
            app_id: text("/claims/appid"),
            user_id: text("/claims/oid"),
            tenant_id: text("/claims/tid"),
        }
    }

    async fn exchange(
        &self,
        token: &Secret,
        app_id: &str,
        user_id: &str,
    ) -> Result<AccessToken, Error> {
        self.acs.exchange_teams_user_token(token, app_id, user_id, Self::deadline()).await
    }
}

async fn teams_phone_fixture() -> ContractFixture {
    ContractFixture::with(acs_emulator::Emulator::builder(), time::Duration::ZERO, |config| {
        config.bearer_over_loopback_http = true;
    })
    .await
}

#[tokio::test]
async fn a_teams_users_token_is_exchanged_for_one_with_the_same_expiry() {
    let fixture = ContractFixture::new().await;
    let user = fixture.entra_token(json!({"expiresInSeconds": 4000})).await;
    let token = fixture.exchange(&user.token, &user.app_id, &user.user_id).await.unwrap();
    assert!(fixture.lives(&token).await);
    let life = token.expires_on.duration_since(PUNCTUAL.now()).unwrap();
    assert!((3900..=4000).contains(&life.as_secs()), "{life:?}");
}

#[tokio::test]
async fn every_mistake_in_an_exchange_has_its_cause() {
    let fixture = ContractFixture::new().await;
    let user = fixture.entra_token(json!({})).await;
    let expired = fixture.entra_token(json!({"expiresInSeconds": -60})).await;
    let graph = fixture.entra_token(json!({"aud": "https://graph.microsoft.com"})).await;
    let weak = fixture.entra_token(json!({"scp": "Teams.ManageCalls"})).await;
    let (app, user_id) = (user.app_id.as_str(), user.user_id.as_str());
    let none = Secret::new("");
    let invalid = ErrorCause::InvalidAccessToken;
    for (token, app_id, user_id, expected) in [
        (&none, app, user_id, invalid.clone()),
        (&none, app, "", invalid.clone()),
        (&Secret::new("garbage"), app, user_id, invalid.clone()),
        (&expired.token, app, user_id, invalid.clone()),
        (&graph.token, app, user_id, invalid.clone()),
        (&weak.token, app, user_id, invalid),
        (&user.token, "", user_id, ErrorCause::AppId(Mistake::Missing)),
        (&user.token, "app", user_id, ErrorCause::AppId(Mistake::Malformed)),
        (&user.token, OTHER_ID, user_id, ErrorCause::AppId(Mistake::Mismatched)),
        (&user.token, app, "", ErrorCause::UserId(Mistake::Missing)),
        (&user.token, app, "user", ErrorCause::UserId(Mistake::Malformed)),
        (&user.token, app, OTHER_ID, ErrorCause::UserId(Mistake::Mismatched)),
    ] {
        let error = fixture.exchange(token, app_id, user_id).await.unwrap_err();
        assert!(matches!(error, Error::AcsRefused(_)), "{error:?}");
        assert_eq!(cause(&error), &expected, "{app_id} {user_id}");
        let answered = Answered::of(&error).unwrap();
        assert!(!answered.ms_cv().is_empty() && !answered.request_id().is_empty());
    }
}

/// Exchanges a token through the port.
async fn exchange_by_port(
    acs: &impl TeamsTokenExchange,
    token: &Secret,
    app_id: &str,
    user_id: &str,
) -> Result<AccessToken, Error> {
    let admission = admission();
    acs.exchange_teams_user_token(admission, token, app_id, user_id, ContractFixture::deadline())
        .await
}

#[tokio::test]
async fn the_port_reports_the_faults_of_a_token() {
    let fixture = ContractFixture::new().await;
    let user = fixture.entra_token(json!({})).await;
    let (app, user_id) = (user.app_id.as_str(), user.user_id.as_str());
    assert!(exchange_by_port(&fixture.acs, &user.token, app, user_id).await.is_ok());
    for (token, app_id, user_id, fault) in [
        (&Secret::new("garbage"), app, user_id, TeamsTokenFault::Invalid),
        (&user.token, OTHER_ID, user_id, TeamsTokenFault::WrongApp),
        (&user.token, app, OTHER_ID, TeamsTokenFault::WrongUser),
    ] {
        match exchange_by_port(&fixture.acs, token, app_id, user_id).await {
            Err(Error::TeamsToken(reported)) => assert_eq!(reported, fault),
            other => unreachable!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_exchange_succeeds_after_two_failures() {
    for action in [json!({"resetAfter": true}), json!({"status": 503, "retryAfter": "0"})] {
        let fixture = ContractFixture::new().await;
        let user = fixture.entra_token(json!({})).await;
        fixture.fault("exchangeTeamsUserAccessToken", 2, action).await;
        fixture.exchange(&user.token, &user.app_id, &user.user_id).await.unwrap();
        assert_eq!(fixture.requests("exchangeTeamsUserAccessToken").await, 3);
    }
}

#[tokio::test]
async fn a_user_can_exchange_a_token_until_the_assignment_is_deleted() {
    let fixture = teams_phone_fixture().await;
    let user = fixture.entra_token(json!({"scp": "TeamsExtension.ManageCalls"})).await;
    let (acs, deadline) = (&fixture.acs, ContractFixture::deadline());
    let (tenant, object): (Guid, Guid) =
        (user.tenant_id.parse().unwrap(), user.user_id.parse().unwrap());
    let find = || acs.find_teams_extension_assignment(&tenant, &object, deadline);
    let exchange = || acs.exchange_teams_extension_token(&user.token, deadline);

    assert_eq!(find().await.unwrap(), None);
    assert_eq!(cause(&exchange().await.unwrap_err()), &ErrorCause::Denied);

    let mut assignment = TeamsExtensionAssignment {
        tenant_id: tenant.clone(),
        object_id: object.clone(),
        principal_type: PrincipalType::ResourceAccount,
        client_ids: Vec::new(),
    };
    for (kind, clients) in [
        (PrincipalType::ResourceAccount, vec![OTHER_ID]),
        (PrincipalType::User, vec![OTHER_ID, &user.app_id]),
    ] {
        assignment.principal_type = kind;
        assignment.client_ids = clients.iter().map(|id| id.parse().unwrap()).collect();
        let put = acs.put_teams_extension_assignment(&assignment, deadline).await.unwrap();
        assert_eq!((&put, find().await.unwrap().as_ref()), (&assignment, Some(&assignment)));
    }

    let (id, token) = exchange().await.unwrap();
    assert!(id.as_str().starts_with("8:acs:"), "{id}");
    assert!(fixture.lives(&token).await);

    for _ in 0..2 {
        acs.delete_teams_extension_assignment(&tenant, &object, deadline).await.unwrap();
    }
    assert_eq!(find().await.unwrap(), None);
    assert!(!fixture.lives(&token).await);
    assert_eq!(cause(&exchange().await.unwrap_err()), &ErrorCause::Denied);
}

#[tokio::test]
async fn both_spellings_of_a_resource_account_are_put_and_found() {
    for name in [ResourceAccountName::Specified, ResourceAccountName::Documented] {
        let builder = acs_emulator::Emulator::builder();
        let fixture = ContractFixture::with(builder, time::Duration::ZERO, |config| {
            config.resource_account_name = name;
        });
        let fixture = fixture.await;
        let (tenant, object): (Guid, Guid) =
            ("0b0b0b0b-2222-3333-4444-555555555555".parse().unwrap(), OTHER_ID.parse().unwrap());
        let account = TeamsExtensionAssignment {
            tenant_id: tenant,
            object_id: object,
            principal_type: PrincipalType::ResourceAccount,
            client_ids: Vec::new(),
        };
        let (acs, deadline) = (&fixture.acs, ContractFixture::deadline());
        let put = acs.put_teams_extension_assignment(&account, deadline).await.unwrap();
        let found = acs.find_assignment(&account.principal(), deadline).await.unwrap();
        assert_eq!((&put, found.as_ref()), (&account, Some(&account)));
    }
}

#[tokio::test]
async fn an_api_version_without_assignments_is_an_error() {
    let fixture =
        ContractFixture::with(acs_emulator::Emulator::builder(), time::Duration::ZERO, |config| {
            config.api_version = "2023-10-01".parse().unwrap();
        })
        .await;
    let id: Guid = OTHER_ID.parse().unwrap();
    let acs: &AcsIdentityClient<MachineClock> = &fixture.acs;
    let deadline = PUNCTUAL.now() + Duration::from_secs(20);
    let found = acs.find_teams_extension_assignment(&id, &id, deadline).await;
    assert!(matches!(found, Err(Error::AcsRefused(_))), "{found:?}");
    let deleted = acs.delete_teams_extension_assignment(&id, &id, deadline).await;
    assert!(matches!(deleted, Err(Error::AcsRefused(_))), "{deleted:?}");
}
