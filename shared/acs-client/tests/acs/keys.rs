//! Regenerated keys, and keys that ACS always refuses.

use std::{
    error::Error as StdError,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use acs_client::{
    AcsIdentityClient, Answered, Config, ConnectionString, ConnectionStrings, Credential,
    ErrorCause, KeySource,
    sign::{Unsigned, sign},
};
use identity_core::{Error, ports::Clock as _};
use tokio::task::JoinSet;

use crate::support::{
    ClientFixture, KEY, ReceivedRequest, ScriptedOperation, ScriptedReply, ScriptedServer,
    TestClock,
};

const OLD: &str = KEY;
const NEW: &str = "bmV3LWtleS1uZXcta2V5LW5ldy1rZXk=";
const OTHER: &str = "b3RoZXIta2V5LW90aGVyLWtleS1vdGhlcg==";
const SECONDS: fn(u64) -> Duration = Duration::from_secs;

/// A secret store whose secret can change. It counts how often it is read.
#[derive(Clone)]
struct Vault {
    endpoint: String,
    keys: Arc<Mutex<Result<Vec<&'static str>, &'static str>>>,
    reads: Arc<AtomicUsize>,
    hangs: bool,
}

impl Vault {
    fn of(server: &ScriptedServer, keys: &[&'static str]) -> Self {
        Self {
            endpoint: format!("http://{}", server.address),
            keys: Arc::new(Mutex::new(Ok(keys.to_vec()))),
            reads: Arc::default(),
            hangs: false,
        }
    }

    fn put(&self, keys: &[&'static str]) {
        *self.keys.lock().unwrap() = Ok(keys.to_vec());
    }

    fn reads(&self) -> usize {
        self.reads.load(SeqCst)
    }

    fn strings(&self, keys: &[&'static str]) -> ConnectionStrings {
        let mut strings = keys.iter().map(|key| -> ConnectionString {
            format!("endpoint={};accesskey={key}", self.endpoint).parse().unwrap()
        });
        ConnectionStrings { primary: strings.next().unwrap(), secondary: strings.next() }
    }

    /// A client that has already read the vault once.
    async fn client(&self) -> (AcsIdentityClient<TestClock>, TestClock) {
        let config = Config::load(self.clone()).await.unwrap();
        self.reads.store(0, SeqCst);
        let clock = TestClock::new();
        (AcsIdentityClient::new(config, clock.clone()).unwrap(), clock)
    }

    async fn client_fixture(&self, server: ScriptedServer) -> ClientFixture {
        let (acs, clock) = self.client().await;
        ClientFixture { server, clock, acs }
    }
}

impl KeySource for Vault {
    async fn load(&self) -> Result<ConnectionStrings, Box<dyn StdError + Send + Sync>> {
        if self.reads.fetch_add(1, SeqCst) > 0 && self.hangs {
            std::future::pending::<()>().await;
        }
        // Lets other tasks run, as they would during a real request.
        tokio::task::yield_now().await;
        let keys = self.keys.lock().unwrap().clone();
        Ok(self.strings(&keys?))
    }
}

fn denied() -> ScriptedReply {
    ScriptedReply::error(401, "Denied", "Denied by the resource provider.")
}

/// The key that a request was signed with.
fn signer(received: &ReceivedRequest) -> &'static str {
    let header = |name| received.header(name).unwrap();
    let mut line = received.line().split(' ');
    let unsigned = Unsigned {
        verb: line.next().unwrap(),
        path_and_query: line.next().unwrap(),
        host: header("host"),
        date: header("x-ms-date"),
        body: &received.body,
    };
    [OLD, NEW, OTHER]
        .into_iter()
        .find(|key| {
            sign(&key.parse().unwrap(), unsigned).authorization.expose() == header("authorization")
        })
        .unwrap()
}

fn signers(server: &ScriptedServer) -> Vec<&'static str> {
    server.received().iter().map(signer).collect()
}

fn cause(error: &Error) -> &ErrorCause {
    Answered::of(error).unwrap().cause()
}

#[tokio::test]
async fn r43_every_operation_succeeds_after_a_key_was_regenerated() {
    for operation in ScriptedOperation::ALL.into_iter().filter(|operation| operation.is_signed()) {
        let server = ScriptedServer::start([denied(), operation.success()]);
        let vault = Vault::of(&server, &[OLD]);
        let fixture = vault.client_fixture(server).await;
        vault.put(&[NEW]);
        fixture.call(operation).await.unwrap();
        assert_eq!(signers(&fixture.server), [OLD, NEW], "{operation:?}");
        assert_eq!((vault.reads(), fixture.clock.pauses().len()), (1, 0));
        // The client keeps using the new key.
        fixture.call(operation).await.unwrap();
        assert_eq!((signers(&fixture.server)[2], vault.reads()), (NEW, 1));
    }
}

#[tokio::test]
async fn r43_the_secondary_key_is_tried_if_the_primary_is_still_the_refused_one() {
    let server = ScriptedServer::start([denied(), ScriptedReply::identity()]);
    let vault = Vault::of(&server, &[OLD, OTHER]);
    let fixture = vault.client_fixture(server).await;
    fixture.call(ScriptedOperation::Create).await.unwrap();
    assert_eq!(signers(&fixture.server), [OLD, OTHER]);
    assert_eq!(vault.reads(), 1);
}

#[tokio::test]
async fn r43_the_second_of_two_fixed_connection_strings_is_tried() {
    let server = ScriptedServer::start([denied(), ScriptedReply::identity()]);
    let strings = Vault::of(&server, &[]).strings(&[OLD, OTHER]);
    let fixture = ClientFixture::of(server, |config| {
        config.credential = Credential::keys(strings.clone(), strings);
    });
    fixture.call(ScriptedOperation::Create).await.unwrap();
    assert_eq!(signers(&fixture.server), [OLD, OTHER]);
}

#[tokio::test]
async fn r43_the_known_secondary_key_is_tried_if_the_vault_is_down() {
    let server = ScriptedServer::start([denied(), ScriptedReply::identity()]);
    let vault = Vault::of(&server, &[OLD, OTHER]);
    let fixture = vault.client_fixture(server).await;
    *vault.keys.lock().unwrap() = Err("down");
    fixture.call(ScriptedOperation::Create).await.unwrap();
    assert_eq!(signers(&fixture.server), [OLD, OTHER]);
}

#[tokio::test]
async fn r43_the_vault_is_read_at_most_every_30_s_while_acs_refuses_the_key() {
    let server = ScriptedServer::start([denied()]);
    let vault = Vault::of(&server, &[OLD]);
    let fixture = vault.client_fixture(server).await;
    for _ in 0..50 {
        let error = fixture.call(ScriptedOperation::Issue).await.unwrap_err();
        assert!(matches!(error, Error::AcsRefused(_)));
        assert_eq!(cause(&error), &ErrorCause::KeyRefused);
    }
    assert_eq!((vault.reads(), fixture.server.count()), (1, 50));

    for (pause, reads) in [(29, 1), (1, 2), (29, 2), (1, 3)] {
        fixture.clock.sleep(SECONDS(pause)).await;
        assert!(fixture.call(ScriptedOperation::Issue).await.is_err());
        assert_eq!(vault.reads(), reads, "{pause}");
    }
}

#[tokio::test]
async fn r43_a_new_key_that_is_refused_too_is_tried_once() {
    let server = ScriptedServer::start([denied()]);
    let vault = Vault::of(&server, &[OLD]);
    let fixture = vault.client_fixture(server).await;
    vault.put(&[NEW, OTHER]);
    assert!(fixture.call(ScriptedOperation::Create).await.is_err());
    assert_eq!(signers(&fixture.server), [OLD, NEW]);
    assert!(fixture.call(ScriptedOperation::Create).await.is_err());
    assert_eq!(signers(&fixture.server), [OLD, NEW, NEW]);
    assert_eq!(vault.reads(), 1);
}

#[tokio::test]
async fn r43_concurrent_callers_share_one_reload() {
    const CALLERS: usize = 20;
    let mut replies = vec![denied(); CALLERS];
    replies.push(ScriptedReply::token());
    let server = ScriptedServer::start(replies);
    let vault = Vault::of(&server, &[OLD]);
    let fixture = Arc::new(vault.client_fixture(server).await);
    vault.put(&[NEW]);
    // A late call signs with the new key, and may still get one of the refusals. Its outcome does
    // not matter here, only the number of reloads.
    let mut calls = JoinSet::new();
    for _ in 0..CALLERS {
        let fixture = fixture.clone();
        calls.spawn(async move { drop(fixture.call(ScriptedOperation::Issue).await) });
    }
    calls.join_all().await;
    assert_eq!(vault.reads(), 1);
    fixture.call(ScriptedOperation::Issue).await.unwrap();
    assert_eq!(signers(&fixture.server).last(), Some(&NEW));
}

#[tokio::test]
async fn r43_errors_that_another_key_cannot_fix_do_not_reload_the_keys() {
    let skewed = "date: Fri, 15 Jan 2027 08:20:00 GMT\r\n";
    let body = r#"{"error":{"code":"Denied","message":"Denied by the resource provider."}}"#;
    for reply in [
        ScriptedReply::error(
            401,
            "IdentityNotOwned",
            "Provided identity doesn't belong to the resource.",
        ),
        ScriptedReply::error(401, "InvalidAccessToken", "Provided access token is not valid."),
        ScriptedReply::with(401, skewed, body),
        ScriptedReply::error(401, "Denied", "The given request could not be resolved."),
        ScriptedReply::error(403, "Forbidden", "No."),
        ScriptedReply::error(400, "ValidationError", "No."),
        ScriptedReply::status(500),
    ] {
        let server = ScriptedServer::start([reply.clone()]);
        let vault = Vault::of(&server, &[OLD, OTHER]);
        let fixture = vault.client_fixture(server).await;
        for operation in [ScriptedOperation::Issue, ScriptedOperation::ExchangeTeamsUser] {
            assert!(fixture.call(operation).await.is_err());
        }
        assert_eq!(vault.reads(), 0, "{reply:?}");
        assert!(signers(&fixture.server).iter().all(|key| *key == OLD), "{reply:?}");
    }
}

#[tokio::test]
async fn r43_a_key_for_another_endpoint_is_not_used() {
    let server = ScriptedServer::start([denied(), ScriptedReply::identity()]);
    let vault = Vault::of(&server, &[OLD]);
    let fixture = vault.client_fixture(server).await;
    let elsewhere = Vault { endpoint: "https://elsewhere.example".to_owned(), ..vault.clone() };
    elsewhere.put(&[NEW]);
    // The vault of this client returns the keys of another resource.
    let config = Config {
        credential: Credential::keys(vault.strings(&[OLD]), elsewhere.clone()),
        ..Config::new(vault.strings(&[OLD]).primary)
    };
    let acs = AcsIdentityClient::new(config, fixture.clock.clone()).unwrap();
    let fixture = ClientFixture { acs, ..fixture };
    assert!(fixture.call(ScriptedOperation::Create).await.is_err());
    assert_eq!((elsewhere.reads(), signers(&fixture.server)), (1, vec![OLD]));
}

#[tokio::test]
async fn r43_a_vault_that_hangs_delays_a_call_by_at_most_one_attempt() {
    let server = ScriptedServer::start([denied()]);
    let vault = Vault { hangs: true, ..Vault::of(&server, &[OLD]) };
    let config = Config {
        credential: Credential::keys(vault.strings(&[OLD]), vault.clone()),
        ..Config::new(vault.strings(&[OLD]).primary)
    };
    vault.reads.store(1, SeqCst);
    let fixture = ClientFixture::of(server, |of| {
        *of = config;
        (of.limits.attempt, of.limits.call) = (SECONDS(2), SECONDS(600));
    });
    let start = std::time::Instant::now();
    assert_eq!(
        cause(&fixture.call(ScriptedOperation::Create).await.unwrap_err()),
        &ErrorCause::KeyRefused
    );
    assert!(start.elapsed() < SECONDS(15), "{:?}", start.elapsed());
}

#[tokio::test]
async fn r42_a_reload_does_not_add_an_attempt() {
    let failed = || ScriptedReply::status(500);
    let server = ScriptedServer::start([failed(), denied(), failed(), ScriptedReply::token()]);
    let vault = Vault::of(&server, &[OLD]);
    let fixture = vault.client_fixture(server).await;
    vault.put(&[NEW]);
    let outcome = fixture.call(ScriptedOperation::Issue).await;
    assert!(matches!(outcome, Err(Error::AcsUnavailable { .. })), "{outcome:?}");
    assert_eq!(signers(&fixture.server), [OLD, OLD, NEW]);
}

#[tokio::test]
async fn a_fixed_key_is_not_replaced() {
    let fixture = ClientFixture::new([denied()]);
    assert_eq!(
        cause(&fixture.call(ScriptedOperation::Create).await.unwrap_err()),
        &ErrorCause::KeyRefused
    );
    assert_eq!(fixture.server.count(), 1);
}
