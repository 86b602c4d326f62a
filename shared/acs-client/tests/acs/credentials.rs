//! Bearer tokens instead of access keys.

use std::{
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::{Duration, SystemTime},
};

use acs_client::{
    AcsIdentityClient, Answered, AppProof, BearerToken, ClientConfigError, Config, Credential,
    EntraApp, EntraAppCredential, ErrorCause, TokenError, TokenSource,
};
use identity_core::{Error, ports::Clock as _, secret::Secret};
use tokio::task::JoinSet;

use crate::support::{
    ClientFixture, ScriptedOperation, ScriptedReply, ScriptedServer, TestClock, chain,
    maybe_applied,
};

const MINUTES: fn(u64) -> Duration = Duration::from_mins;

type TokenFailure = fn() -> TokenError;

/// A source of numbered tokens with the fetched lifetime.
#[derive(Clone)]
struct NumberedTokens {
    life: Duration,
    fetched: Arc<AtomicUsize>,
    failure: Arc<Mutex<Option<TokenFailure>>>,
}

impl NumberedTokens {
    fn of(life: Duration) -> Self {
        Self { life, fetched: Arc::default(), failure: Arc::default() }
    }

    fn fetched(&self) -> usize {
        self.fetched.load(SeqCst)
    }

    fn fail(&self, failure: TokenFailure) {
        *self.failure.lock().unwrap() = Some(failure);
    }

    fn client_fixture(
        &self,
        replies: impl Into<std::collections::VecDeque<ScriptedReply>>,
    ) -> ClientFixture {
        ClientFixture::of(ScriptedServer::start(replies), |config| {
            config.credential = Credential::bearer(self.clone());
        })
    }
}

impl TokenSource for NumberedTokens {
    async fn fetch(&self, now: SystemTime) -> Result<BearerToken, TokenError> {
        let number = self.fetched.fetch_add(1, SeqCst) + 1;
        tokio::task::yield_now().await;
        if let Some(failure) = *self.failure.lock().unwrap() {
            return Err(failure());
        }
        let token = Secret::new(format!("CANARY-bearer-{number}"));
        Ok(BearerToken { token, expires_on: now + self.life })
    }
}

fn bearers(server: &ScriptedServer) -> Vec<String> {
    let received = server.received();
    received.iter().map(|one| one.header("authorization").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_request_carries_the_token_and_no_signature() {
    for operation in ScriptedOperation::ALL.into_iter().filter(|operation| operation.is_signed()) {
        let fixture = NumberedTokens::of(MINUTES(60)).client_fixture([operation.success()]);
        fixture.call(operation).await.unwrap();
        let received = fixture.server.received().remove(0);
        assert_eq!(received.header("authorization"), Some("Bearer CANARY-bearer-1"));
        for name in ["x-ms-date", "x-ms-content-sha256"] {
            assert_eq!(received.header(name), None, "{operation:?}");
        }
    }
}

#[tokio::test]
async fn a_token_is_used_until_shortly_before_it_expires() {
    // In seconds.
    for (life, kept) in [(3600, 3299), (480, 239)] {
        let tokens = NumberedTokens::of(Duration::from_secs(life));
        let fixture = tokens.client_fixture([ScriptedReply::identity()]);
        fixture.call(ScriptedOperation::Create).await.unwrap();
        fixture.clock.sleep(Duration::from_secs(kept)).await;
        fixture.call(ScriptedOperation::Create).await.unwrap();
        assert_eq!(tokens.fetched(), 1);
        fixture.clock.sleep(Duration::from_secs(1)).await;
        fixture.call(ScriptedOperation::Create).await.unwrap();
        assert_eq!(tokens.fetched(), 2);
        assert_eq!(
            bearers(&fixture.server)[1..],
            ["Bearer CANARY-bearer-1", "Bearer CANARY-bearer-2"]
        );
    }
}

#[tokio::test]
async fn concurrent_callers_share_one_token() {
    let tokens = NumberedTokens::of(MINUTES(60));
    let fixture = Arc::new(tokens.client_fixture([ScriptedReply::identity()]));
    for age in [0, 57, 70] {
        fixture.clock.sleep(MINUTES(age)).await;
        let before = tokens.fetched();
        let mut calls = JoinSet::new();
        for _ in 0..20 {
            let fixture = fixture.clone();
            calls.spawn(async move { fixture.call(ScriptedOperation::Create).await.unwrap() });
        }
        calls.join_all().await;
        assert_eq!(tokens.fetched(), before + 1, "{age}");
    }
}

#[tokio::test]
async fn an_old_token_is_used_while_its_renewal_fails() {
    let tokens = NumberedTokens::of(MINUTES(60));
    let fixture = tokens.client_fixture([ScriptedReply::identity()]);
    fixture.call(ScriptedOperation::Create).await.unwrap();
    tokens.fail(|| TokenError::Unavailable("down".into()));
    fixture.clock.sleep(MINUTES(56)).await;
    for _ in 0..5 {
        fixture.call(ScriptedOperation::Create).await.unwrap();
    }
    assert_eq!(tokens.fetched(), 2, "only the first caller fetches");
    fixture.clock.sleep(Duration::from_secs(30)).await;
    fixture.call(ScriptedOperation::Create).await.unwrap();
    assert_eq!(tokens.fetched(), 3);
    fixture.clock.sleep(MINUTES(4)).await;
    assert!(!maybe_applied(fixture.call(ScriptedOperation::Create).await));
    assert_eq!(tokens.fetched(), 6, "three attempts");
}

#[tokio::test]
async fn without_a_token_no_request_is_sent() {
    for (failure, refused, fetches) in [
        ((|| TokenError::Refused("no such app".into())) as TokenFailure, true, 1),
        (|| TokenError::Unusable, true, 1),
        (|| TokenError::TimedOut, false, 3),
    ] {
        let tokens = NumberedTokens::of(MINUTES(60));
        tokens.fail(failure);
        let fixture = tokens.client_fixture([ScriptedReply::identity()]);
        match fixture.call(ScriptedOperation::Create).await {
            Err(Error::AcsRefused(_)) => assert!(refused),
            other => assert!(!refused && !maybe_applied(other)),
        }
        assert_eq!((tokens.fetched(), fixture.server.count()), (fetches, 0));
    }
    let expired = NumberedTokens::of(Duration::ZERO).client_fixture([ScriptedReply::identity()]);
    assert!(matches!(expired.call(ScriptedOperation::Create).await, Err(Error::AcsRefused(_))));
    assert_eq!(expired.server.count(), 0);
}

#[tokio::test]
async fn the_error_names_a_principal_without_a_role() {
    let denied = ScriptedReply::error(401, "Denied", "Denied by the resource provider.");
    let fixture = NumberedTokens::of(MINUTES(60)).client_fixture([denied]);
    let error = fixture.call(ScriptedOperation::Create).await.unwrap_err();
    assert_eq!(Answered::of(&error).unwrap().cause(), &ErrorCause::Denied);
    assert!(chain(&error).contains("no role on the resource"));
    assert_eq!(fixture.server.count(), 1);
}

#[test]
fn a_bearer_token_is_sent_over_http_only_if_the_option_is_set() {
    let credential = || Credential::bearer(NumberedTokens::of(MINUTES(60)));
    for (endpoint, option, ok) in [
        ("https://contoso.communication.azure.com", false, true),
        ("http://127.0.0.1:1", false, false),
        ("http://127.0.0.1:1", true, true),
    ] {
        let mut config = Config::with_credential(endpoint.parse().unwrap(), credential());
        config.bearer_over_loopback_http = option;
        let made = AcsIdentityClient::new(config, TestClock::new());
        assert_eq!(
            made.map(drop),
            if ok { Ok(()) } else { Err(ClientConfigError::BearerOverHttp) }
        );
    }
    // For another machine, such an endpoint does not parse.
    assert!("http://contoso.communication.azure.com".parse::<acs_client::Endpoint>().is_err());
}

fn app(authority: &ScriptedServer) -> EntraApp {
    EntraApp {
        tenant: "contoso.onmicrosoft.com".to_owned(),
        client_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        proof: AppProof::Secret(Secret::new("CANARY~secret+&=")),
        authority: Some(format!("http://{}", authority.address).parse().unwrap()),
        extra_roots_pem: None,
        uses_proxy: false,
    }
}

fn granted() -> ScriptedReply {
    let body = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"CANARY.entra.jwt"}"#;
    ScriptedReply::with(200, "content-type: application/json\r\n", body)
}

#[tokio::test]
async fn a_client_secret_is_exchanged_for_a_token_of_acs() {
    let entra = ScriptedServer::start([granted()]);
    let credential = Credential::bearer(EntraAppCredential::new(app(&entra)).unwrap());
    let fixture = ClientFixture::of(ScriptedServer::start([ScriptedReply::identity()]), |config| {
        config.credential = credential;
    });
    for _ in 0..3 {
        fixture.call(ScriptedOperation::Create).await.unwrap();
    }
    assert_eq!(bearers(&fixture.server), ["Bearer CANARY.entra.jwt"; 3]);
    let requests = entra.received();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].line(), "POST /contoso.onmicrosoft.com/oauth2/v2.0/token HTTP/1.1");
    assert_eq!(requests[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(
        String::from_utf8(requests[0].body.clone()).unwrap(),
        "grant_type=client_credentials&client_id=11111111-2222-3333-4444-555555555555\
         &client_secret=CANARY%7Esecret%2B%26%3D\
         &scope=https%3A%2F%2Fcommunication.azure.com%2F%2F.default"
    );
}

#[tokio::test]
async fn the_token_of_a_trusted_issuer_is_read_anew_for_each_request() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    let (entra, now) = (ScriptedServer::start([granted(), granted()]), SystemTime::UNIX_EPOCH);
    let app = EntraApp { proof: AppProof::AssertionFile(file.clone()), ..app(&entra) };
    let credential = EntraAppCredential::new(app).unwrap();
    for token in ["CANARY.first.jwt", "CANARY.second.jwt"] {
        std::fs::write(&file, format!("{token}\n")).unwrap();
        credential.fetch(now).await.unwrap();
        let body = String::from_utf8(entra.received().last().unwrap().body.clone()).unwrap();
        let expected = format!(
            "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
             &client_assertion={token}&scope="
        );
        assert!(body.contains(&expected) && !body.contains("secret"), "{body}");
    }
    let long = "CANARY".repeat(11_000);
    for (text, expected) in [
        (Some("CANARY CANARY"), "it is not a token"),
        (Some(long.as_str()), "it is longer than 65,536 bytes"),
        (None, "No such file"),
    ] {
        std::fs::remove_file(&file).unwrap_or_default();
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let error = credential.fetch(now).await.unwrap_err();
        let text = format!("{error:?}");
        assert!(matches!(error, TokenError::Refused(_)) && text.contains(expected), "{text}");
        assert!(!text.contains("CANARY"), "{text}");
    }
    assert_eq!(entra.received().len(), 2);
}

#[tokio::test]
async fn other_tasks_run_while_the_file_with_the_token_does_not_answer() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("token");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let entra = ScriptedServer::start([granted()]);
    let app = EntraApp { proof: AppProof::AssertionFile(pipe.clone()), ..app(&entra) };
    let credential = EntraAppCredential::new(app).unwrap();
    let (other_task, ran) = mpsc::channel();
    // The pipe answers after the other task has run. The limit is for a fetch that prevents this.
    let writer = thread::spawn(move || {
        let has_run = ran.recv_timeout(Duration::from_secs(10)).is_ok();
        std::fs::write(&pipe, "CANARY.first.jwt").unwrap();
        has_run
    });
    let fetch = credential.fetch(SystemTime::UNIX_EPOCH);
    let (fetched, sent) = tokio::join!(fetch, async { other_task.send(()) });
    assert!(fetched.is_ok() && sent.is_ok());
    assert!(writer.join().unwrap(), "the fetch did not let another task run");
}

#[tokio::test]
async fn an_error_of_entra_is_reported_without_the_request() {
    let echo = r#"{"error":"invalid_client","error_codes":[7000215],
        "correlation_id":"aaaaaaaa-2222-3333-4444-555555555555",
        "error_description":"AADSTS7000215: CANARY~secret+&= is wrong"}"#;
    let odd = r#"{"error":"CANARY~secret","access_token":"CANARY.entra.jwt"}"#;
    for (reply, refused, expected) in [
        (
            ScriptedReply::with(401, "", echo),
            true,
            "Entra answered 401 invalid_client AADSTS7000215",
        ),
        (ScriptedReply::with(400, "", odd), true, "Entra answered 400"),
        (ScriptedReply::with(200, "", odd), true, "invalid or expired bearer token"),
        (ScriptedReply::with(503, "", "<html>CANARY"), false, "Entra answered 503"),
        (ScriptedReply::status(429), false, "Entra answered 429"),
        (
            ScriptedReply::with(302, "location: http://127.0.0.1:1/\r\n", ""),
            false,
            "Entra answered 302",
        ),
        (ScriptedReply::Close, false, "source of bearer tokens unavailable"),
        (ScriptedReply::Hang(String::new()), false, "timed out while fetching a bearer token"),
    ] {
        let limit = if matches!(reply, ScriptedReply::Hang(_)) { 300 } else { 60_000 };
        let entra = ScriptedServer::start([reply]);
        let credential = EntraAppCredential::new(app(&entra)).unwrap();
        let shown = format!("{credential:?}");
        let fixture =
            ClientFixture::of(ScriptedServer::start([ScriptedReply::identity()]), |config| {
                config.credential = Credential::bearer(credential);
                config.limits.attempt = Duration::from_millis(limit);
            });
        let error = fixture.call(ScriptedOperation::Create).await.unwrap_err();
        assert_eq!(matches!(error, Error::AcsRefused(_)), refused, "{expected}");
        assert_eq!(entra.count(), if refused { 1 } else { 3 }, "{expected}");
        let text = chain(&error);
        assert!(text.contains(expected), "{text}");
        let printed = format!("{text} {error:?} {shown} {:?}", fixture.acs);
        assert!(!printed.contains("CANARY"), "{printed}");
        assert_eq!(fixture.server.count(), 0);
    }
}

#[test]
fn a_tenant_that_is_not_a_name_is_refused() {
    let entra = ScriptedServer::start([]);
    for bad in ["", ".", "..", "a/b", "a?b", "a%2f", "a b", "é"] {
        let app = EntraApp { tenant: bad.to_owned(), ..app(&entra) };
        let made = EntraAppCredential::new(app);
        assert_eq!(made.map(drop).unwrap_err(), ClientConfigError::Tenant, "{bad}");
    }
    let app = EntraApp { authority: None, ..app(&entra) };
    assert!(EntraAppCredential::new(app).is_ok());
}
