//! Tests the client against an emulator of ACS that was written independently of it, and that
//! verifies signatures by itself.

#![expect(clippy::unwrap_used, reason = "a test may die")]

mod contract;
mod credentials;
mod teams;

use std::time::{Duration, SystemTime};

use acs_client::{AcsIdentityClient, Answered, Cause, Config, Credential};
use acs_emulator::{Builder, Emulator, Server};
use identity_core::{
    Error,
    identity::{AccessToken, AcsId, Lifetime, Scope, Scopes, TokenRequest},
    ports::{Clock, IdentityClient},
};
use serde_json::{Value, json};

/// This machine's time with an offset. Pauses are short in these tests.
#[derive(Clone, Copy)]
struct MachineClock {
    ahead: time::Duration,
}

const PUNCTUAL: MachineClock = MachineClock { ahead: time::Duration::ZERO };

impl Clock for MachineClock {
    fn now(&self) -> SystemTime {
        (time::OffsetDateTime::now_utc() + self.ahead).into()
    }

    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}

struct World {
    emulator: Emulator,
    server: Server,
    acs: AcsIdentityClient<MachineClock>,
    control: reqwest::Client,
}

impl World {
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
        let line = json!({"operation": operation, "times": times, "action": action});
        let body = json!({"faults": [line]});
        self.control(reqwest::Method::POST, "faults", Some(body)).await;
    }

    /// How many requests for `operation` arrived.
    async fn requests(&self, operation: &str) -> u64 {
        let found = self.control(reqwest::Method::GET, "requests", None).await;
        found.pointer(&format!("/counts/{operation}")).and_then(Value::as_u64).unwrap_or(0)
    }
}

fn request() -> TokenRequest {
    let scopes = Scopes::of(Scope::ALL.to_vec()).unwrap();
    TokenRequest { scopes, lifetime: Lifetime::HOUR }
}

fn cause(error: &Error) -> &Cause {
    Answered::of(error).unwrap().cause()
}

#[tokio::test]
async fn an_identity_lives_and_dies() {
    let world = World::new().await;
    world.acs.connect().await;
    let deadline = World::deadline();

    let id = world.create().await.unwrap();
    assert!(id.as_str().starts_with(&format!("8:acs:{}_", world.emulator.resource_id())));
    let (other, first) = world.acs.create_identity_with_token(&request(), deadline).await.unwrap();
    assert_ne!(id, other);
    assert!(world.lives(&first).await);

    let token = world.issue(&other).await.unwrap();
    assert!(world.lives(&token).await);
    let lifetime = token.expires_on.duration_since(PUNCTUAL.now()).unwrap();
    assert!((3500..=3600).contains(&lifetime.as_secs()), "{lifetime:?}");

    world.acs.revoke_access_tokens(&other, deadline).await.unwrap();
    assert!(!world.lives(&first).await && !world.lives(&token).await);
    assert!(world.lives(&world.issue(&other).await.unwrap()).await);

    for _ in 0..2 {
        world.acs.delete_identity(&other, deadline).await.unwrap();
        world.acs.revoke_access_tokens(&other, deadline).await.unwrap();
    }
    let error = world.issue(&other).await.unwrap_err();
    assert!(matches!(error, Error::AcsRefused(_)));
    assert_eq!(cause(&error), &Cause::IdentityLost);
}

#[tokio::test]
async fn the_secondary_key_and_older_versions_work() {
    for version in ["2023-10-01", "2025-06-30", "2026-09-23"] {
        let world = World::with(Emulator::builder(), time::Duration::ZERO, |_| {}).await;
        let text = format!(
            "endpoint={};accesskey={}",
            world.server.endpoint(),
            world.emulator.secondary_access_key().expose()
        );
        let config =
            Config { api_version: version.parse().unwrap(), ..Config::new(text.parse().unwrap()) };
        let acs = AcsIdentityClient::new(config, PUNCTUAL).unwrap();
        let id = acs.create_identity(World::deadline()).await.unwrap();
        world.issue(&id).await.unwrap();
    }
    let world = World::with(Emulator::builder(), time::Duration::ZERO, |config| {
        config.api_version = "2019-01-01".parse().unwrap();
    })
    .await;
    let error = world.create().await.unwrap_err();
    assert!(matches!(cause(&error), Cause::UnsupportedApiVersion { .. }), "{error:?}");
}

#[tokio::test]
async fn r45_every_id_is_signed_as_it_is_sent() {
    let world = World::new().await;
    let resource = world.emulator.resource_id();
    for tail in ["a", "A-b_c.d", "0:1:2", "..", "-._:", &"x".repeat(200)] {
        let id = AcsId::parse(&format!("8:acs:{resource}_{tail}")).unwrap();
        match world.acs.revoke_access_tokens(&id, World::deadline()).await {
            Ok(()) => {}
            Err(error) => assert_eq!(cause(&error), &Cause::IdentityNotOwned, "{tail}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn r43_r44_a_wrong_key_and_a_wrong_clock_are_told_apart() {
    let world = World::with(Emulator::builder(), time::Duration::ZERO, |config| {
        config.credential = Credential::key("d3Jvbmctd3Jvbmctd3Jvbmc=".parse().unwrap());
    })
    .await;
    let error = world.create().await.unwrap_err();
    assert!(matches!(error, Error::AcsRefused(_)));
    assert_eq!(cause(&error), &Cause::KeyRefused);

    for minutes in [-20, 20] {
        let ahead = time::Duration::minutes(minutes);
        let world = World::with(Emulator::builder(), ahead, |_| {}).await;
        let error = world.create().await.unwrap_err();
        assert!(matches!(error, Error::AcsRefused(_)));
        let Cause::ClockSkew { ahead_s: Some(told) } = cause(&error) else {
            unreachable!("{error:?}");
        };
        assert!((told - minutes * 60).abs() <= 10, "{told}");
    }
}

#[tokio::test]
async fn an_identity_of_another_resource_is_not_ours() {
    let (ours, theirs) = (World::new().await, World::new().await);
    let id = theirs.create().await.unwrap();
    let token = theirs.issue(&id).await.unwrap();
    assert_eq!(cause(&ours.issue(&id).await.unwrap_err()), &Cause::IdentityNotOwned);
    let revoked = ours.acs.revoke_access_tokens(&id, World::deadline()).await;
    assert_eq!(cause(&revoked.unwrap_err()), &Cause::IdentityNotOwned);
    let deleted = ours.acs.delete_identity(&id, World::deadline()).await;
    assert_eq!(cause(&deleted.unwrap_err()), &Cause::IdentityNotOwned);
    assert!(theirs.lives(&token).await, "and lives on there");
}

#[tokio::test]
async fn r06_trouble_never_makes_a_second_identity() {
    for action in [
        json!({"resetAfter": true}),
        json!({"halfBody": true}),
        json!({"resetBefore": true}),
        json!({"status": 500}),
        json!({"html": true}),
    ] {
        let world = World::new().await;
        world.fault("createIdentity", 1, action.clone()).await;
        let error = world.create().await.unwrap_err();
        assert!(
            matches!(error, Error::AcsUnavailable { maybe_applied: true, .. }),
            "{action}: {error:?}"
        );
        assert_eq!(world.requests("createIdentity").await, 1, "{action}");
    }
}

#[tokio::test]
async fn r42_the_others_survive_two_failures() {
    for action in [
        json!({"resetAfter": true}),
        json!({"resetBefore": true}),
        json!({"halfBody": true}),
        json!({"status": 503, "retryAfter": "0"}),
    ] {
        let world = World::new().await;
        let id = world.create().await.unwrap();
        world.fault("issueAccessToken", 2, action.clone()).await;
        assert!(world.lives(&world.issue(&id).await.unwrap()).await, "{action}");
        assert_eq!(world.requests("issueAccessToken").await, 3, "{action}");
    }
}
