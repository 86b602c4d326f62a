//! Key changes and Entra tokens, with an emulator that checks both.

use std::time::{Duration, SystemTime};

use acs_client::{
    AcsIdentityClient, AppProof, BearerToken, Config, ConnectionStrings, Credential, EntraApp,
    EntraAppCredential, ErrorCause, TokenError, TokenSource,
};
use acs_emulator::Emulator;
use identity_core::{ports::IdentityClient, secret::Secret};
use serde_json::json;

use crate::{ContractFixture, MachineClock, PUNCTUAL, cause};

const APP: &str = "0b0b0b0b-2222-3333-4444-555555555555";

#[tokio::test]
async fn r43_the_secondary_key_is_used_if_the_primary_is_refused() {
    let fixture = ContractFixture::new().await;
    let of = |key: &str| {
        format!("endpoint={};accesskey={key}", fixture.server.endpoint()).parse().unwrap()
    };
    let strings = ConnectionStrings {
        primary: of("d3Jvbmctd3Jvbmctd3Jvbmc="),
        secondary: Some(of(fixture.emulator.secondary_access_key().expose())),
    };
    let config = Config::load(strings).await.unwrap();
    let acs = AcsIdentityClient::new(config, PUNCTUAL).unwrap();
    acs.create_identity(ContractFixture::deadline()).await.unwrap();
    acs.create_identity(ContractFixture::deadline()).await.unwrap();
    assert_eq!(fixture.requests("createIdentity").await, 3, "one request was refused");
}

/// A client of the emulator of `fixture` that uses Entra tokens.
fn bearer(
    fixture: &ContractFixture,
    source: impl TokenSource + 'static,
) -> AcsIdentityClient<MachineClock> {
    let endpoint = fixture.server.endpoint().parse().unwrap();
    let config = Config::with_credential(endpoint, Credential::bearer(source));
    let config = Config { bearer_over_loopback_http: true, ..config };
    AcsIdentityClient::new(config, PUNCTUAL).unwrap()
}

async fn with_secret(secret: &str) -> (ContractFixture, AcsIdentityClient<MachineClock>) {
    let builder = Emulator::builder().entra_client(APP, "right-secret");
    let fixture = ContractFixture::with(builder, time::Duration::ZERO, |_| {}).await;
    let app = EntraApp {
        tenant: "0c0c0c0c-2222-3333-4444-555555555555".to_owned(),
        client_id: APP.to_owned(),
        proof: AppProof::Secret(Secret::new(secret)),
        authority: Some(fixture.server.endpoint().parse().unwrap()),
        extra_roots_pem: None,
        uses_proxy: false,
    };
    let acs = bearer(&fixture, EntraAppCredential::new(app).unwrap());
    (fixture, acs)
}

#[tokio::test]
async fn an_app_with_a_client_secret_needs_no_key() {
    let (fixture, acs) = with_secret("right-secret").await;
    let deadline = ContractFixture::deadline();
    let (id, token) = acs.create_identity_with_token(&crate::request(), deadline).await.unwrap();
    assert!(fixture.lives(&token).await);
    acs.revoke_access_tokens(&id, deadline).await.unwrap();
    acs.delete_identity(&id, deadline).await.unwrap();
    assert!(!fixture.lives(&token).await);
}

#[tokio::test]
async fn the_error_for_a_wrong_client_secret_does_not_quote_it() {
    let (fixture, acs) = with_secret("wrong-secret").await;
    let error = acs.create_identity(ContractFixture::deadline()).await.unwrap_err();
    let text = format!("{error:?}");
    assert!(matches!(error, identity_core::Error::AcsRefused(_)), "{text}");
    assert!(text.contains("invalid_client") && !text.contains("wrong-secret"), "{text}");
    assert_eq!(fixture.requests("createIdentity").await, 0);
}

/// A source that always returns this token, valid or not.
struct FixedToken(Secret);

impl TokenSource for FixedToken {
    async fn fetch(&self, now: SystemTime) -> Result<BearerToken, TokenError> {
        Ok(BearerToken { token: self.0.clone(), expires_on: now + Duration::from_mins(30) })
    }
}

#[tokio::test]
async fn a_principal_without_a_role_is_denied() {
    let builder = Emulator::builder().require_entra_role("Contributor");
    let fixture = ContractFixture::with(builder, time::Duration::ZERO, |_| {}).await;
    for (roles, ok) in [(json!([]), false), (json!(["Contributor"]), true)] {
        let claims = json!({"aud": "https://communication.azure.com/", "roles": roles});
        let acs = bearer(&fixture, FixedToken(fixture.entra_token(claims).await.token));
        match acs.create_identity(ContractFixture::deadline()).await {
            Ok(_) => assert!(ok, "{roles}"),
            Err(error) => assert_eq!((cause(&error), ok), (&ErrorCause::Denied, false), "{roles}"),
        }
    }
}
