//! Changing keys and Entra tokens, against an emulator that checks both.

use std::time::{Duration, SystemTime};

use acs_client::{
    AcsIdentityClient, BearerToken, Cause, ClientSecretCredential, Config, ConnectionStrings,
    Credential, EntraApp, TokenError, TokenSource,
};
use acs_emulator::Emulator;
use identity_core::{ports::IdentityClient, secret::Secret};
use serde_json::json;

use crate::{MachineClock, PUNCTUAL, World, cause};

const APP: &str = "0b0b0b0b-2222-3333-4444-555555555555";

#[tokio::test]
async fn r43_a_refused_primary_key_gives_way_to_the_secondary() {
    let world = World::new().await;
    let of = |key: &str| {
        format!("endpoint={};accesskey={key}", world.server.endpoint()).parse().unwrap()
    };
    let strings = ConnectionStrings {
        primary: of("d3Jvbmctd3Jvbmctd3Jvbmc="),
        secondary: Some(of(world.emulator.secondary_access_key().expose())),
    };
    let config = Config::load(strings).await.unwrap();
    let acs = AcsIdentityClient::new(config, PUNCTUAL).unwrap();
    acs.create_identity(World::deadline()).await.unwrap();
    acs.create_identity(World::deadline()).await.unwrap();
    assert_eq!(world.requests("createIdentity").await, 3, "refused once");
}

/// A client of the emulator of `world` with Entra tokens in place of a key.
fn bearer(world: &World, source: impl TokenSource + 'static) -> AcsIdentityClient<MachineClock> {
    let endpoint = world.server.endpoint().parse().unwrap();
    let config = Config::with_credential(endpoint, Credential::bearer(source));
    let config = Config { bearer_over_loopback_http: true, ..config };
    AcsIdentityClient::new(config, PUNCTUAL).unwrap()
}

async fn with_secret(secret: &str) -> (World, AcsIdentityClient<MachineClock>) {
    let builder = Emulator::builder().entra_client(APP, "right-secret");
    let world = World::with(builder, time::Duration::ZERO, |_| {}).await;
    let app = EntraApp {
        tenant: "0c0c0c0c-2222-3333-4444-555555555555".to_owned(),
        client_id: APP.to_owned(),
        client_secret: Secret::new(secret),
        authority: Some(world.server.endpoint().parse().unwrap()),
        extra_roots_pem: None,
    };
    let acs = bearer(&world, ClientSecretCredential::new(app).unwrap());
    (world, acs)
}

#[tokio::test]
async fn an_app_with_a_client_secret_needs_no_key() {
    let (world, acs) = with_secret("right-secret").await;
    let deadline = World::deadline();
    let (id, token) = acs.create_identity_with_token(&crate::request(), deadline).await.unwrap();
    assert!(world.lives(&token).await);
    acs.revoke_access_tokens(&id, deadline).await.unwrap();
    acs.delete_identity(&id, deadline).await.unwrap();
    assert!(!world.lives(&token).await);
}

#[tokio::test]
async fn a_wrong_client_secret_is_told_without_being_quoted() {
    let (world, acs) = with_secret("wrong-secret").await;
    let error = acs.create_identity(World::deadline()).await.unwrap_err();
    let text = format!("{error:?}");
    assert!(matches!(error, identity_core::Error::AcsRefused(_)), "{text}");
    assert!(text.contains("invalid_client") && !text.contains("wrong-secret"), "{text}");
    assert_eq!(world.requests("createIdentity").await, 0);
}

/// A source that always returns this token, valid or not.
struct Given(Secret);

impl TokenSource for Given {
    async fn fetch(&self, now: SystemTime) -> Result<BearerToken, TokenError> {
        Ok(BearerToken { token: self.0.clone(), expires_on: now + Duration::from_mins(30) })
    }
}

#[tokio::test]
async fn a_principal_without_a_role_is_denied() {
    let builder = Emulator::builder().require_entra_role("Contributor");
    let world = World::with(builder, time::Duration::ZERO, |_| {}).await;
    for (roles, ok) in [(json!([]), false), (json!(["Contributor"]), true)] {
        let order = json!({"aud": "https://communication.azure.com/", "roles": roles});
        let acs = bearer(&world, Given(world.entra(order).await.token));
        match acs.create_identity(World::deadline()).await {
            Ok(_) => assert!(ok, "{roles}"),
            Err(error) => assert_eq!((cause(&error), ok), (&Cause::Denied, false), "{roles}"),
        }
    }
}
