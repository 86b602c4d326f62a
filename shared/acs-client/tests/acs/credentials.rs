//! Bearer tokens instead of a key.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, SystemTime},
};

use acs_client::{
    AcsIdentityClient, Answered, BearerToken, Cause, ClientSecretCredential, Config, ConfigError,
    Credential, EntraApp, TokenError, TokenSource,
};
use identity_core::{Error, ports::Clock as _, secret::Secret};
use tokio::task::JoinSet;

use crate::support::{Operation, Reply, Server, TestClock, World, chain, maybe_applied};

const MINUTES: fn(u64) -> Duration = Duration::from_mins;

type Trouble = fn() -> TokenError;

/// Returns numbered tokens with the given lifetime.
#[derive(Clone)]
struct Mint {
    life: Duration,
    given: Arc<AtomicUsize>,
    trouble: Arc<Mutex<Option<Trouble>>>,
}

impl Mint {
    fn of(life: Duration) -> Self {
        Self { life, given: Arc::default(), trouble: Arc::default() }
    }

    fn given(&self) -> usize {
        self.given.load(SeqCst)
    }

    fn fail(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = Some(trouble);
    }

    fn world(&self, replies: impl Into<std::collections::VecDeque<Reply>>) -> World {
        World::of(Server::start(replies), |config| {
            config.credential = Credential::bearer(self.clone());
        })
    }
}

impl TokenSource for Mint {
    async fn fetch(&self, now: SystemTime) -> Result<BearerToken, TokenError> {
        let number = self.given.fetch_add(1, SeqCst) + 1;
        tokio::task::yield_now().await;
        if let Some(trouble) = *self.trouble.lock().unwrap() {
            return Err(trouble());
        }
        let token = Secret::new(format!("CANARY-bearer-{number}"));
        Ok(BearerToken { token, expires_on: now + self.life })
    }
}

fn bearers(server: &Server) -> Vec<String> {
    let arrived = server.arrived();
    arrived.iter().map(|one| one.header("authorization").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_request_carries_the_token_and_no_signature() {
    for operation in Operation::ALL.into_iter().filter(|operation| operation.is_signed()) {
        let world = Mint::of(MINUTES(60)).world([operation.success()]);
        world.call(operation).await.unwrap();
        let arrived = world.server.arrived().remove(0);
        assert_eq!(arrived.header("authorization"), Some("Bearer CANARY-bearer-1"));
        for name in ["x-ms-date", "x-ms-content-sha256"] {
            assert_eq!(arrived.header(name), None, "{operation:?}");
        }
    }
}

#[tokio::test]
async fn a_token_serves_until_shortly_before_it_expires() {
    // In seconds.
    for (life, kept) in [(3600, 3299), (480, 239)] {
        let mint = Mint::of(Duration::from_secs(life));
        let world = mint.world([Reply::identity()]);
        world.call(Operation::Create).await.unwrap();
        world.clock.sleep(Duration::from_secs(kept)).await;
        world.call(Operation::Create).await.unwrap();
        assert_eq!(mint.given(), 1);
        world.clock.sleep(Duration::from_secs(1)).await;
        world.call(Operation::Create).await.unwrap();
        assert_eq!(mint.given(), 2);
        assert_eq!(
            bearers(&world.server)[1..],
            ["Bearer CANARY-bearer-1", "Bearer CANARY-bearer-2"]
        );
    }
}

#[tokio::test]
async fn callers_at_the_same_time_share_one_token() {
    let mint = Mint::of(MINUTES(60));
    let world = Arc::new(mint.world([Reply::identity()]));
    for age in [0, 57, 70] {
        world.clock.sleep(MINUTES(age)).await;
        let before = mint.given();
        let mut calls = JoinSet::new();
        for _ in 0..20 {
            let world = world.clone();
            calls.spawn(async move { world.call(Operation::Create).await.unwrap() });
        }
        calls.join_all().await;
        assert_eq!(mint.given(), before + 1, "{age}");
    }
}

#[tokio::test]
async fn an_old_token_serves_while_there_is_no_new_one() {
    let mint = Mint::of(MINUTES(60));
    let world = mint.world([Reply::identity()]);
    world.call(Operation::Create).await.unwrap();
    mint.fail(|| TokenError::Unavailable("down".into()));
    world.clock.sleep(MINUTES(56)).await;
    for _ in 0..5 {
        world.call(Operation::Create).await.unwrap();
    }
    assert_eq!(mint.given(), 2, "it is not asked by each of them");
    world.clock.sleep(Duration::from_secs(30)).await;
    world.call(Operation::Create).await.unwrap();
    assert_eq!(mint.given(), 3);
    world.clock.sleep(MINUTES(4)).await;
    assert!(!maybe_applied(world.call(Operation::Create).await));
    assert_eq!(mint.given(), 6, "three attempts");
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    for (trouble, refused, asked) in [
        ((|| TokenError::Refused("no such app".into())) as Trouble, true, 1),
        (|| TokenError::Unusable, true, 1),
        (|| TokenError::TimedOut, false, 3),
    ] {
        let mint = Mint::of(MINUTES(60));
        mint.fail(trouble);
        let world = mint.world([Reply::identity()]);
        match world.call(Operation::Create).await {
            Err(Error::AcsRefused(_)) => assert!(refused),
            other => assert!(!refused && !maybe_applied(other)),
        }
        assert_eq!((mint.given(), world.server.count()), (asked, 0));
    }
    let expired = Mint::of(Duration::ZERO).world([Reply::identity()]);
    assert!(matches!(expired.call(Operation::Create).await, Err(Error::AcsRefused(_))));
    assert_eq!(expired.server.count(), 0);
}

#[tokio::test]
async fn a_principal_without_a_role_is_named() {
    let denied = Reply::error(401, "Denied", "Denied by the resource provider.");
    let world = Mint::of(MINUTES(60)).world([denied]);
    let error = world.call(Operation::Create).await.unwrap_err();
    assert_eq!(Answered::of(&error).unwrap().cause(), &Cause::Denied);
    assert!(chain(&error).contains("no role on the resource"));
    assert_eq!(world.server.count(), 1);
}

#[test]
fn a_bearer_token_is_not_sent_in_the_clear_unless_one_asks_for_it() {
    let credential = || Credential::bearer(Mint::of(MINUTES(60)));
    for (endpoint, option, ok) in [
        ("https://contoso.communication.azure.com", false, true),
        ("http://127.0.0.1:1", false, false),
        ("http://127.0.0.1:1", true, true),
    ] {
        let mut config = Config::with_credential(endpoint.parse().unwrap(), credential());
        config.bearer_over_loopback_http = option;
        let made = AcsIdentityClient::new(config, TestClock::new());
        assert_eq!(made.map(drop), if ok { Ok(()) } else { Err(ConfigError::BearerOverHttp) });
    }
    // For another machine, such an endpoint does not parse.
    assert!("http://contoso.communication.azure.com".parse::<acs_client::Endpoint>().is_err());
}

fn app(authority: &Server) -> EntraApp {
    EntraApp {
        tenant: "contoso.onmicrosoft.com".to_owned(),
        client_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        client_secret: Secret::new("CANARY~secret+&="),
        authority: Some(format!("http://{}", authority.address).parse().unwrap()),
        extra_roots_pem: None,
    }
}

fn granted() -> Reply {
    let body = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"CANARY.entra.jwt"}"#;
    Reply::with(200, "content-type: application/json\r\n", body)
}

#[tokio::test]
async fn a_client_secret_is_exchanged_for_a_token_of_acs() {
    let entra = Server::start([granted()]);
    let credential = Credential::bearer(ClientSecretCredential::new(app(&entra)).unwrap());
    let world = World::of(Server::start([Reply::identity()]), |config| {
        config.credential = credential;
    });
    for _ in 0..3 {
        world.call(Operation::Create).await.unwrap();
    }
    assert_eq!(bearers(&world.server), ["Bearer CANARY.entra.jwt"; 3]);
    let asked = entra.arrived();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].line(), "POST /contoso.onmicrosoft.com/oauth2/v2.0/token HTTP/1.1");
    assert_eq!(asked[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(
        String::from_utf8(asked[0].body.clone()).unwrap(),
        "grant_type=client_credentials&client_id=11111111-2222-3333-4444-555555555555\
         &client_secret=CANARY%7Esecret%2B%26%3D\
         &scope=https%3A%2F%2Fcommunication.azure.com%2F%2F.default"
    );
}

#[tokio::test]
async fn what_entra_says_is_told_without_what_was_sent() {
    let echo = r#"{"error":"invalid_client","error_codes":[7000215],
        "correlation_id":"aaaaaaaa-2222-3333-4444-555555555555",
        "error_description":"AADSTS7000215: CANARY~secret+&= is wrong"}"#;
    let odd = r#"{"error":"CANARY~secret","access_token":"CANARY.entra.jwt"}"#;
    for (reply, refused, says) in [
        (Reply::with(401, "", echo), true, "Entra answered 401 invalid_client AADSTS7000215"),
        (Reply::with(400, "", odd), true, "Entra answered 400"),
        (Reply::with(200, "", odd), true, "what came as a bearer token is none"),
        (Reply::with(503, "", "<html>CANARY"), false, "Entra answered 503"),
        (Reply::status(429), false, "Entra answered 429"),
        (Reply::with(302, "location: http://127.0.0.1:1/\r\n", ""), false, "Entra answered 302"),
        (Reply::Close, false, "the source of tokens is unavailable"),
        (Reply::Hang(String::new()), false, "no token came in time"),
    ] {
        let limit = if matches!(reply, Reply::Hang(_)) { 300 } else { 60_000 };
        let entra = Server::start([reply]);
        let credential = ClientSecretCredential::new(app(&entra)).unwrap();
        let shown = format!("{credential:?}");
        let world = World::of(Server::start([Reply::identity()]), |config| {
            config.credential = Credential::bearer(credential);
            config.limits.attempt = Duration::from_millis(limit);
        });
        let error = world.call(Operation::Create).await.unwrap_err();
        assert_eq!(matches!(error, Error::AcsRefused(_)), refused, "{says}");
        assert_eq!(entra.count(), if refused { 1 } else { 3 }, "{says}");
        let text = chain(&error);
        assert!(text.contains(says), "{text}");
        let told = format!("{text} {error:?} {shown} {:?}", world.acs);
        assert!(!told.contains("CANARY"), "{told}");
        assert_eq!(world.server.count(), 0);
    }
}

#[test]
fn a_tenant_is_a_name_and_not_a_path() {
    let entra = Server::start([]);
    for bad in ["", ".", "..", "a/b", "a?b", "a%2f", "a b", "é"] {
        let app = EntraApp { tenant: bad.to_owned(), ..app(&entra) };
        let made = ClientSecretCredential::new(app);
        assert_eq!(made.map(drop).unwrap_err(), ConfigError::Tenant, "{bad}");
    }
    let app = EntraApp { authority: None, ..app(&entra) };
    assert!(ClientSecretCredential::new(app).is_ok());
}
