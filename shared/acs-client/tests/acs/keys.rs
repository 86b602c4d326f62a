//! A regenerated key, and a key that never works.

use std::{
    error::Error as StdError,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use acs_client::{
    AcsIdentityClient, Answered, Cause, Config, ConnectionString, ConnectionStrings, Credential,
    KeySource,
    sign::{Unsigned, sign},
};
use identity_core::{Error, ports::Clock as _};
use tokio::task::JoinSet;

use crate::support::{Arrived, KEY, Operation, Reply, Server, TestClock, World};

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
    fn of(server: &Server, keys: &[&'static str]) -> Self {
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

    /// A client that has read the vault once.
    async fn client(&self) -> (AcsIdentityClient<TestClock>, TestClock) {
        let config = Config::load(self.clone()).await.unwrap();
        self.reads.store(0, SeqCst);
        let clock = TestClock::new();
        (AcsIdentityClient::new(config, clock.clone()).unwrap(), clock)
    }

    async fn world(&self, server: Server) -> World {
        let (acs, clock) = self.client().await;
        World { server, clock, acs }
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

fn denied() -> Reply {
    Reply::error(401, "Denied", "Denied by the resource provider.")
}

/// The key that a request was signed with.
fn signer(arrived: &Arrived) -> &'static str {
    let header = |name| arrived.header(name).unwrap();
    let mut line = arrived.line().split(' ');
    let unsigned = Unsigned {
        verb: line.next().unwrap(),
        path_and_query: line.next().unwrap(),
        host: header("host"),
        date: header("x-ms-date"),
        body: &arrived.body,
    };
    [OLD, NEW, OTHER]
        .into_iter()
        .find(|key| {
            sign(&key.parse().unwrap(), unsigned).authorization.expose() == header("authorization")
        })
        .unwrap()
}

fn signers(server: &Server) -> Vec<&'static str> {
    server.arrived().iter().map(signer).collect()
}

fn cause(error: &Error) -> &Cause {
    Answered::of(error).unwrap().cause()
}

#[tokio::test]
async fn r43_a_regenerated_key_heals_itself_for_every_operation() {
    for operation in Operation::ALL.into_iter().filter(|operation| operation.is_signed()) {
        let server = Server::start([denied(), operation.success()]);
        let vault = Vault::of(&server, &[OLD]);
        let world = vault.world(server).await;
        vault.put(&[NEW]);
        world.call(operation).await.unwrap();
        assert_eq!(signers(&world.server), [OLD, NEW], "{operation:?}");
        assert_eq!((vault.reads(), world.clock.pauses().len()), (1, 0));
        // The client keeps using the new key.
        world.call(operation).await.unwrap();
        assert_eq!((signers(&world.server)[2], vault.reads()), (NEW, 1));
    }
}

#[tokio::test]
async fn r43_if_the_primary_key_is_still_the_refused_one_the_secondary_is_tried() {
    let server = Server::start([denied(), Reply::identity()]);
    let vault = Vault::of(&server, &[OLD, OTHER]);
    let world = vault.world(server).await;
    world.call(Operation::Create).await.unwrap();
    assert_eq!(signers(&world.server), [OLD, OTHER]);
    assert_eq!(vault.reads(), 1);
}

#[tokio::test]
async fn r43_two_fixed_strings_are_tried_in_turn() {
    let server = Server::start([denied(), Reply::identity()]);
    let strings = Vault::of(&server, &[]).strings(&[OLD, OTHER]);
    let world = World::of(server, |config| {
        config.credential = Credential::keys(strings.clone(), strings);
    });
    world.call(Operation::Create).await.unwrap();
    assert_eq!(signers(&world.server), [OLD, OTHER]);
}

#[tokio::test]
async fn r43_a_vault_that_is_down_leaves_the_secondary_key() {
    let server = Server::start([denied(), Reply::identity()]);
    let vault = Vault::of(&server, &[OLD, OTHER]);
    let world = vault.world(server).await;
    *vault.keys.lock().unwrap() = Err("down");
    world.call(Operation::Create).await.unwrap();
    assert_eq!(signers(&world.server), [OLD, OTHER]);
}

#[tokio::test]
async fn r43_a_key_that_is_wrong_for_good_makes_no_storm() {
    let server = Server::start([denied()]);
    let vault = Vault::of(&server, &[OLD]);
    let world = vault.world(server).await;
    for _ in 0..50 {
        let error = world.call(Operation::Issue).await.unwrap_err();
        assert!(matches!(error, Error::AcsRefused(_)));
        assert_eq!(cause(&error), &Cause::KeyRefused);
    }
    assert_eq!((vault.reads(), world.server.count()), (1, 50));

    for (pause, reads) in [(29, 1), (1, 2), (29, 2), (1, 3)] {
        world.clock.sleep(SECONDS(pause)).await;
        assert!(world.call(Operation::Issue).await.is_err());
        assert_eq!(vault.reads(), reads, "{pause}");
    }
}

#[tokio::test]
async fn r43_a_new_key_that_is_wrong_too_is_tried_once() {
    let server = Server::start([denied()]);
    let vault = Vault::of(&server, &[OLD]);
    let world = vault.world(server).await;
    vault.put(&[NEW, OTHER]);
    assert!(world.call(Operation::Create).await.is_err());
    assert_eq!(signers(&world.server), [OLD, NEW]);
    assert!(world.call(Operation::Create).await.is_err());
    assert_eq!(signers(&world.server), [OLD, NEW, NEW]);
    assert_eq!(vault.reads(), 1);
}

#[tokio::test]
async fn r43_callers_at_the_same_time_share_one_reload() {
    const CALLERS: usize = 20;
    let mut replies = vec![denied(); CALLERS];
    replies.push(Reply::token());
    let server = Server::start(replies);
    let vault = Vault::of(&server, &[OLD]);
    let world = Arc::new(vault.world(server).await);
    vault.put(&[NEW]);
    // A late call signs with the new key and uses up one of the refusals. At most one caller
    // then gets too few replies; the number of reloads does not change.
    let mut calls = JoinSet::new();
    for _ in 0..CALLERS {
        let world = world.clone();
        calls.spawn(async move { drop(world.call(Operation::Issue).await) });
    }
    calls.join_all().await;
    assert_eq!(vault.reads(), 1);
    world.call(Operation::Issue).await.unwrap();
    assert_eq!(signers(&world.server).last(), Some(&NEW));
}

#[tokio::test]
async fn r43_what_another_key_cannot_help_reloads_nothing() {
    let skewed = "date: Fri, 15 Jan 2027 08:20:00 GMT\r\n";
    let body = r#"{"error":{"code":"Denied","message":"Denied by the resource provider."}}"#;
    for reply in [
        Reply::error(401, "IdentityNotOwned", "Provided identity doesn't belong to the resource."),
        Reply::error(401, "InvalidAccessToken", "Provided access token is not valid."),
        Reply::with(401, skewed, body),
        Reply::error(401, "Denied", "The given request could not be resolved."),
        Reply::error(403, "Forbidden", "No."),
        Reply::error(400, "ValidationError", "No."),
        Reply::status(500),
    ] {
        let server = Server::start([reply.clone()]);
        let vault = Vault::of(&server, &[OLD, OTHER]);
        let world = vault.world(server).await;
        for operation in [Operation::Issue, Operation::ExchangeTeamsUser] {
            assert!(world.call(operation).await.is_err());
        }
        assert_eq!(vault.reads(), 0, "{reply:?}");
        assert!(signers(&world.server).iter().all(|key| *key == OLD), "{reply:?}");
    }
}

#[tokio::test]
async fn r43_a_key_for_another_endpoint_is_not_used() {
    let server = Server::start([denied(), Reply::identity()]);
    let vault = Vault::of(&server, &[OLD]);
    let world = vault.world(server).await;
    let elsewhere = Vault { endpoint: "https://elsewhere.example".to_owned(), ..vault.clone() };
    elsewhere.put(&[NEW]);
    // From now on the vault of this client returns the keys of the other resource.
    let config = Config {
        credential: Credential::keys(vault.strings(&[OLD]), elsewhere.clone()),
        ..Config::new(vault.strings(&[OLD]).primary)
    };
    let acs = AcsIdentityClient::new(config, world.clock.clone()).unwrap();
    let world = World { acs, ..world };
    assert!(world.call(Operation::Create).await.is_err());
    assert_eq!((elsewhere.reads(), signers(&world.server)), (1, vec![OLD]));
}

#[tokio::test]
async fn r43_a_vault_that_hangs_holds_nobody_longer_than_an_attempt() {
    let server = Server::start([denied()]);
    let vault = Vault { hangs: true, ..Vault::of(&server, &[OLD]) };
    let config = Config {
        credential: Credential::keys(vault.strings(&[OLD]), vault.clone()),
        ..Config::new(vault.strings(&[OLD]).primary)
    };
    vault.reads.store(1, SeqCst);
    let world = World::of(server, |of| {
        *of = config;
        (of.limits.attempt, of.limits.call) = (SECONDS(2), SECONDS(600));
    });
    let start = std::time::Instant::now();
    assert_eq!(cause(&world.call(Operation::Create).await.unwrap_err()), &Cause::KeyRefused);
    assert!(start.elapsed() < SECONDS(15), "{:?}", start.elapsed());
}

#[tokio::test]
async fn r42_a_reload_does_not_add_an_attempt() {
    let failed = || Reply::status(500);
    let server = Server::start([failed(), denied(), failed(), Reply::token()]);
    let vault = Vault::of(&server, &[OLD]);
    let world = vault.world(server).await;
    vault.put(&[NEW]);
    let outcome = world.call(Operation::Issue).await;
    assert!(matches!(outcome, Err(Error::AcsUnavailable { .. })), "{outcome:?}");
    assert_eq!(signers(&world.server), [OLD, OLD, NEW]);
}

#[tokio::test]
async fn a_fixed_key_is_not_looked_for_elsewhere() {
    let world = World::new([denied()]);
    assert_eq!(cause(&world.call(Operation::Create).await.unwrap_err()), &Cause::KeyRefused);
    assert_eq!(world.server.count(), 1);
}
