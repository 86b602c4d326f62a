//! Tests the client with the ACS emulator, which was written independently and verifies signatures
//! with its own code.

#![expect(clippy::unwrap_used, reason = "a test may die")]

mod contract;
mod credentials;
mod teams;

use std::time::{Duration, SystemTime};

use acs_client::{AcsIdentityClient, Answered, Config, Credential, ErrorCause};
use acs_emulator::{Builder, Emulator, EmulatorServer};
use identity_core::{
    Error,
    identity::{AccessToken, AcsId, Lifetime, Scope, Scopes, TokenRequest},
    ports::{Clock, IdentityClient},
};
use serde_json::{Value, json};

/// This machine's time with an offset. Pauses take no time.
#[derive(Clone, Copy)]
struct MachineClock {
    ahead: time::Duration,
}

const PUNCTUAL: MachineClock = MachineClock { ahead: time::Duration::ZERO };

impl Clock for MachineClock {
    fn now(&self) -> SystemTime {
        (time::OffsetDateTime::now_utc() + self.ahead).into()
    }

    async fn sleep(&self, _: Duration) {}
}

struct ContractFixture {
    emulator: Emulator,
    server: EmulatorServer,
    acs: AcsIdentityClient<MachineClock>,
    control: reqwest::Client,
}

impl ContractFixture {
    async fn new() -> Self {
        Self::with(Emulator::builder(), time::Duration::ZERO, |_| {}).await
    }

    async fn with(
        builder: Builder,
        ahead: time::Duration,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let emulator = builder.build().unwrap();
        let server = emulator.serve_on_loopback().await.unwrap();
        let mut config = Config::new(server.connection_string().parse().unwrap());
        change(&mut config);
        let acs = AcsIdentityClient::new(config, MachineClock { ahead }).unwrap();
        let control = reqwest::Client::builder().build().unwrap();
        Self { emulator, server, acs, control }
    }

    fn deadline() -> SystemTime {
        PUNCTUAL.now() + Duration::from_hours(1)
    }

    async fn create(&self) -> Result<AcsId, Error> {
        self.acs.create_identity(Self::deadline()).await
    }

    async fn issue(&self, id: &AcsId) -> Result<AccessToken, Error> {
        self.acs.issue_access_token(id, &request(), Self::deadline()).await
    }

    async fn control(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/_emulator/{path}", self.server.endpoint());
        let mut request = self.control.request(method, url);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
    }

    async fn lives(&self, token: &AccessToken) -> bool {
        let body = json!({"token": token.token.expose()});
        let found = self.control(reqwest::Method::POST, "introspect", Some(body)).await;
        found.get("active").unwrap().as_bool().unwrap()
    }

    async fn fault(&self, operation: &str, times: u64, action: Value) {
        let fault = json!({"operation": operation, "times": times, "action": action});
        let body = json!({"faults": [fault]});
        self.control(reqwest::Method::POST, "faults", Some(body)).await;
    }

    /// The number of received requests for `operation`.
    async fn requests(&self, operation: &str) -> u64 {
        let found = self.control(reqwest::Method::GET, "requests", None).await;
        found.pointer(&format!("/counts/{operation}")).and_then(Value::as_u64).unwrap_or(0)
    }
}

fn request() -> TokenRequest {
    let scopes = Scopes::of(Scope::ALL.to_vec()).unwrap();
    TokenRequest { scopes, lifetime: Lifetime::HOUR }
}

fn cause(error: &Error) -> &ErrorCause {
    Answered::of(error).unwrap().cause()
}

#[tokio::test]
async fn an_identity_is_created_used_and_deleted() {
    let fixture = ContractFixture::new().await;
    fixture.acs.connect().await;
    let deadline = ContractFixture::deadline();

    let id = fixture.create().await.unwrap();
    assert!(id.as_str().starts_with(&format!("8:acs:{}_", fixture.emulator.resource_id())));
    let (other, first) =
        fixture.acs.create_identity_with_token(&request(), deadline).await.unwrap();
    assert_ne!(id, other);
    assert!(fixture.lives(&first).await);

    let token = fixture.issue(&other).await.unwrap();
    assert!(fixture.lives(&token).await);
    let lifetime = token.expires_on.duration_since(PUNCTUAL.now()).unwrap();
    assert!((3500..=3600).contains(&lifetime.as_secs()), "{lifetime:?}");

    fixture.acs.revoke_access_tokens(&other, deadline).await.unwrap();
    assert!(!fixture.lives(&first).await && !fixture.lives(&token).await);
    assert!(fixture.lives(&fixture.issue(&other).await.unwrap()).await);

    for _ in 0..2 {
        fixture.acs.delete_identity(&other, deadline).await.unwrap();
        fixture.acs.revoke_access_tokens(&other, deadline).await.unwrap();
    }
    let error = fixture.issue(&other).await.unwrap_err();
    assert!(matches!(error, Error::AcsRefused(_)));
    assert_eq!(cause(&error), &ErrorCause::IdentityLost);
}

#[tokio::test]
async fn the_secondary_key_and_older_api_versions_are_accepted() {
    for version in ["2023-10-01", "2025-06-30", "2026-09-23"] {
        let fixture =
            ContractFixture::with(Emulator::builder(), time::Duration::ZERO, |_| {}).await;
        let text = format!(
            "endpoint={};accesskey={}",
            fixture.server.endpoint(),
            fixture.emulator.secondary_access_key().expose()
        );
        let config =
            Config { api_version: version.parse().unwrap(), ..Config::new(text.parse().unwrap()) };
        let acs = AcsIdentityClient::new(config, PUNCTUAL).unwrap();
        let id = acs.create_identity(ContractFixture::deadline()).await.unwrap();
        fixture.issue(&id).await.unwrap();
    }
    let fixture = ContractFixture::with(Emulator::builder(), time::Duration::ZERO, |config| {
        config.api_version = "2019-01-01".parse().unwrap();
    })
    .await;
    let error = fixture.create().await.unwrap_err();
    assert!(matches!(cause(&error), ErrorCause::UnsupportedApiVersion { .. }), "{error:?}");
}

#[tokio::test]
async fn r45_the_signature_is_valid_for_every_form_of_acs_id() {
    let fixture = ContractFixture::new().await;
    let resource = fixture.emulator.resource_id();
    for tail in ["a", "A-b_c.d", "0:1:2", "..", "-._:", &"x".repeat(200)] {
        let id = AcsId::parse(&format!("8:acs:{resource}_{tail}")).unwrap();
        match fixture.acs.revoke_access_tokens(&id, ContractFixture::deadline()).await {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(cause(&error), &ErrorCause::IdentityNotOwned, "{tail}: {error:?}");
            }
        }
    }
}

#[tokio::test]
async fn r43_r44_a_wrong_key_and_a_wrong_clock_have_different_causes() {
    let fixture = ContractFixture::with(Emulator::builder(), time::Duration::ZERO, |config| {
        config.credential = Credential::key("d3Jvbmctd3Jvbmctd3Jvbmc=".parse().unwrap());
    })
    .await;
    let error = fixture.create().await.unwrap_err();
    assert!(matches!(error, Error::AcsRefused(_)));
    assert_eq!(cause(&error), &ErrorCause::KeyRefused);

    for minutes in [-20, 20] {
        let ahead = time::Duration::minutes(minutes);
        let fixture = ContractFixture::with(Emulator::builder(), ahead, |_| {}).await;
        let error = fixture.create().await.unwrap_err();
        assert!(matches!(error, Error::AcsRefused(_)));
        let ErrorCause::ClockSkew { ahead_s: Some(ahead_s) } = cause(&error) else {
            unreachable!("{error:?}");
        };
        assert!((ahead_s - minutes * 60).abs() <= 10, "{ahead_s}");
    }
}

#[tokio::test]
async fn an_identity_of_another_resource_is_refused() {
    let (ours, theirs) = (ContractFixture::new().await, ContractFixture::new().await);
    let id = theirs.create().await.unwrap();
    let token = theirs.issue(&id).await.unwrap();
    assert_eq!(cause(&ours.issue(&id).await.unwrap_err()), &ErrorCause::IdentityNotOwned);
    let revoked = ours.acs.revoke_access_tokens(&id, ContractFixture::deadline()).await;
    assert_eq!(cause(&revoked.unwrap_err()), &ErrorCause::IdentityNotOwned);
    let deleted = ours.acs.delete_identity(&id, ContractFixture::deadline()).await;
    assert_eq!(cause(&deleted.unwrap_err()), &ErrorCause::IdentityNotOwned);
    assert!(theirs.lives(&token).await, "its token stays valid");
}

#[tokio::test]
async fn r06_a_failed_creation_is_not_retried() {
    for action in [
        json!({"resetAfter": true}),
        json!({"halfBody": true}),
        json!({"resetBefore": true}),
        json!({"status": 500}),
        json!({"html": true}),
    ] {
        let fixture = ContractFixture::new().await;
        fixture.fault("createIdentity", 1, action.clone()).await;
        let error = fixture.create().await.unwrap_err();
        assert!(
            matches!(error, Error::AcsUnavailable { maybe_applied: true, .. }),
            "{action}: {error:?}"
        );
        assert_eq!(fixture.requests("createIdentity").await, 1, "{action}");
    }
}

#[tokio::test]
async fn r42_other_operations_succeed_after_two_failures() {
    for action in [
        json!({"resetAfter": true}),
        json!({"resetBefore": true}),
        json!({"halfBody": true}),
        json!({"status": 503, "retryAfter": "0"}),
    ] {
        let fixture = ContractFixture::new().await;
        let id = fixture.create().await.unwrap();
        fixture.fault("issueAccessToken", 2, action.clone()).await;
        assert!(fixture.lives(&fixture.issue(&id).await.unwrap()).await, "{action}");
        assert_eq!(fixture.requests("issueAccessToken").await, 3, "{action}");
    }
}
