//! The operations for Teams, with Entra tokens that the emulator issues for the test.

use std::time::Duration;

use acs_client::{
    AcsIdentityClient, Answered, Cause, Guid, Mistake, PrincipalType, TeamsExtensionAssignment,
};
use identity_core::{
    Error,
    exchange_teams_token::TeamsTokenFault,
    identity::AccessToken,
    ports::{Clock as _, TeamsTokenExchange},
    secret::Secret,
    testing::admission,
};
use serde_json::{Value, json};

use crate::{MachineClock, PUNCTUAL, World, cause};

const SOMEBODY: &str = "0a0a0a0a-2222-3333-4444-555555555555";

/// An Entra token and its claims.
pub(crate) struct Entra {
    pub(crate) token: Secret,
    app_id: String,
    user_id: String,
    tenant_id: String,
}

impl World {
    pub(crate) async fn entra(&self, order: Value) -> Entra {
        let made = self.control(reqwest::Method::POST, "entra/token", Some(order)).await;
        let text = |at: &str| made.pointer(at).unwrap().as_str().unwrap().to_owned();
        Entra {
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

async fn extension_world() -> World {
    World::with(acs_emulator::Emulator::builder(), time::Duration::ZERO, |config| {
        config.bearer_over_loopback_http = true;
    })
    .await
}

#[tokio::test]
async fn a_teams_users_token_is_exchanged_for_one_that_ends_with_it() {
    let world = World::new().await;
    let user = world.entra(json!({"expiresInSeconds": 4000})).await;
    let token = world.exchange(&user.token, &user.app_id, &user.user_id).await.unwrap();
    assert!(world.lives(&token).await);
    let life = token.expires_on.duration_since(PUNCTUAL.now()).unwrap();
    assert!((3900..=4000).contains(&life.as_secs()), "{life:?}");
}

#[tokio::test]
async fn every_mistake_in_an_exchange_has_its_cause() {
    let world = World::new().await;
    let user = world.entra(json!({})).await;
    let expired = world.entra(json!({"expiresInSeconds": -60})).await;
    let graph = world.entra(json!({"aud": "https://graph.microsoft.com"})).await;
    let weak = world.entra(json!({"scp": "Teams.ManageCalls"})).await;
    let (app, is) = (user.app_id.as_str(), user.user_id.as_str());
    let none = Secret::new("");
    let invalid = Cause::InvalidAccessToken;
    for (token, app_id, user_id, expected) in [
        (&none, app, is, invalid.clone()),
        (&none, app, "", invalid.clone()),
        (&Secret::new("garbage"), app, is, invalid.clone()),
        (&expired.token, app, is, invalid.clone()),
        (&graph.token, app, is, invalid.clone()),
        (&weak.token, app, is, invalid),
        (&user.token, "", is, Cause::AppId(Mistake::Missing)),
        (&user.token, "app", is, Cause::AppId(Mistake::Malformed)),
        (&user.token, SOMEBODY, is, Cause::AppId(Mistake::Mismatched)),
        (&user.token, app, "", Cause::UserId(Mistake::Missing)),
        (&user.token, app, "user", Cause::UserId(Mistake::Malformed)),
        (&user.token, app, SOMEBODY, Cause::UserId(Mistake::Mismatched)),
    ] {
        let error = world.exchange(token, app_id, user_id).await.unwrap_err();
        assert!(matches!(error, Error::AcsRefused(_)), "{error:?}");
        assert_eq!(cause(&error), &expected, "{app_id} {user_id}");
        let answered = Answered::of(&error).unwrap();
        assert!(!answered.ms_cv().is_empty() && !answered.request_id().is_empty());
    }
}

/// A caller that only has the port, and not the client, gets the faults that it can fix.
async fn by_the_port(
    acs: &impl TeamsTokenExchange,
    token: &Secret,
    app_id: &str,
    user_id: &str,
) -> Result<AccessToken, Error> {
    let admission = admission();
    acs.exchange_teams_user_token(admission, token, app_id, user_id, World::deadline()).await
}

#[tokio::test]
async fn the_port_tells_the_faults_of_a_token() {
    let world = World::new().await;
    let user = world.entra(json!({})).await;
    let (app, is) = (user.app_id.as_str(), user.user_id.as_str());
    assert!(by_the_port(&world.acs, &user.token, app, is).await.is_ok());
    for (token, app_id, user_id, fault) in [
        (&Secret::new("garbage"), app, is, TeamsTokenFault::Invalid),
        (&user.token, SOMEBODY, is, TeamsTokenFault::WrongApp),
        (&user.token, app, SOMEBODY, TeamsTokenFault::WrongUser),
    ] {
        match by_the_port(&world.acs, token, app_id, user_id).await {
            Err(Error::TeamsToken(told)) => assert_eq!(told, fault),
            other => unreachable!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_exchange_survives_two_failures() {
    for action in [json!({"resetAfter": true}), json!({"status": 503, "retryAfter": "0"})] {
        let world = World::new().await;
        let user = world.entra(json!({})).await;
        world.fault("exchangeTeamsUserAccessToken", 2, action).await;
        world.exchange(&user.token, &user.app_id, &user.user_id).await.unwrap();
        assert_eq!(world.requests("exchangeTeamsUserAccessToken").await, 3);
    }
}

#[tokio::test]
async fn an_assignment_lets_a_user_in_until_it_is_deleted() {
    let world = extension_world().await;
    let user = world.entra(json!({"scp": "TeamsExtension.ManageCalls"})).await;
    let (acs, deadline) = (&world.acs, World::deadline());
    let (tenant, object): (Guid, Guid) =
        (user.tenant_id.parse().unwrap(), user.user_id.parse().unwrap());
    let find = || acs.find_teams_extension_assignment(&tenant, &object, deadline);
    let enter = || acs.exchange_teams_extension_token(&user.token, deadline);

    assert_eq!(find().await.unwrap(), None);
    assert_eq!(cause(&enter().await.unwrap_err()), &Cause::Denied);

    let mut assignment = TeamsExtensionAssignment {
        tenant_id: tenant.clone(),
        object_id: object.clone(),
        principal_type: PrincipalType::ResourceAccount,
        client_ids: Vec::new(),
    };
    for (kind, clients) in [
        (PrincipalType::ResourceAccount, vec![SOMEBODY]),
        (PrincipalType::User, vec![SOMEBODY, &user.app_id]),
    ] {
        assignment.principal_type = kind;
        assignment.client_ids = clients.iter().map(|id| id.parse().unwrap()).collect();
        let put = acs.put_teams_extension_assignment(&assignment, deadline).await.unwrap();
        assert_eq!((&put, find().await.unwrap().as_ref()), (&assignment, Some(&assignment)));
    }

    let (id, token) = enter().await.unwrap();
    assert!(id.as_str().starts_with("8:acs:"), "{id}");
    assert!(world.lives(&token).await);

    for _ in 0..2 {
        acs.delete_teams_extension_assignment(&tenant, &object, deadline).await.unwrap();
    }
    assert_eq!(find().await.unwrap(), None);
    assert!(!world.lives(&token).await);
    assert_eq!(cause(&enter().await.unwrap_err()), &Cause::Denied);
}

#[tokio::test]
async fn an_api_version_without_assignments_says_so() {
    let world = World::with(acs_emulator::Emulator::builder(), time::Duration::ZERO, |config| {
        config.api_version = "2023-10-01".parse().unwrap();
    })
    .await;
    let id: Guid = SOMEBODY.parse().unwrap();
    let acs: &AcsIdentityClient<MachineClock> = &world.acs;
    let deadline = PUNCTUAL.now() + Duration::from_secs(20);
    let found = acs.find_teams_extension_assignment(&id, &id, deadline).await;
    assert!(matches!(found, Err(Error::AcsRefused(_))), "{found:?}");
    let deleted = acs.delete_teams_extension_assignment(&id, &id, deadline).await;
    assert!(matches!(deleted, Err(Error::AcsRefused(_))), "{deleted:?}");
}
