//! Fixtures: batches and their results, an ACS client that fails for some identities, and the
//! log.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};

use api_types::format_timestamp;
use identity_core::Error as CoreError;
use identity_core::admission::Admission;
use identity_core::event::{Event, EventMode};
use identity_core::identity::{AccessToken, AcsId, IdentityRef, Invocation, Issuer, TokenRequest};
use identity_core::ports::{AccountLookUp, AccountStatus, IdentityClient};
use identity_core::record::{Record, State};
use identity_core::testing::{ClientCall, CoreFixture, ManualClock, MemoryIdentityClient, record};
use identity_events::EventSettings;
use serde_json::{Value, json};
use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;

use super::super::*;

pub(super) const ISSUER: &str = "https://idp.example";

pub(super) fn rules(mode: EventMode) -> EventRules {
    let settings = EventSettings::of(Issuer::parse(ISSUER).unwrap());
    EventRules { settings, guestpass: mode, cognito: mode, auth0: mode, okta: mode }
}

/// Users with one identity each, whose ACS ID is `8:acs:` followed by the user's name.
pub(super) fn fixture_of(names: &[&str]) -> CoreFixture {
    let at = ManualClock::default().now() - Duration::from_hours(1);
    CoreFixture::with(
        names.iter().map(|name| record(name, State::active(&format!("8:acs:{name}")), at)),
    )
}

pub(super) fn find(fixture: &CoreFixture, name: &str) -> Option<Record> {
    fixture.records.records().into_iter().find(|record| record.external_id.as_str() == name)
}

pub(super) fn is_blocked(fixture: &CoreFixture, name: &str) -> bool {
    find(fixture, name).is_some_and(|record| record.state.is_blocked())
}

/// An event as a rule of the bus delivers it; `ago` is in seconds.
pub(super) fn event(kind: &str, name: &str, ago: u64) -> String {
    let at = ManualClock::default().now() - Duration::from_secs(ago);
    json!({
        "id": "envelope",
        "source": "guestpass.identity",
        "detail-type": kind,
        "detail": {
            "externalId": name,
            "occurredAt": format_timestamp(at),
            "eventId": format!("{kind}-{ago}"),
            "reason": "canary-reason",
        },
    })
    .to_string()
}

/// A message that asks to look up the account with this object id, which names its status, for the
/// user of this name.
pub(super) fn changed(name: &str, account: &str, mode: EventMode) -> String {
    json!({
        "id": "envelope",
        "source": "guestpass.signals",
        "detail-type": "user.changed",
        "detail": {
            "transmitter": "entra",
            "kind": "graph",
            "externalId": name,
            "tenant": "tenant",
            "objectId": account,
            "eventId": format!("changed-{name}"),
            "mode": mode.as_str(),
        },
    })
    .to_string()
}

/// A directory whose accounts are named after their status.
#[derive(Default)]
pub(super) struct NamedAccounts {
    look_ups: Cell<usize>,
    /// The users whose assignments to Teams Phone were to end.
    pub(super) ended: RefCell<Vec<String>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the directory is down")]
pub(super) struct AccountsDown;

impl AccountDirectory for NamedAccounts {
    type Error = AccountsDown;

    async fn status(
        &self,
        look_up: &AccountLookUp,
        _until: SystemTime,
    ) -> Result<AccountStatus, AccountsDown> {
        let is_first = self.look_ups.replace(self.look_ups.get() + 1) == 0;
        let present = |is_enabled| AccountStatus::Present { is_enabled, sign_ins_valid_from: None };
        match look_up.object_id.as_str() {
            "enabled" => Ok(present(true)),
            "disabled" => Ok(present(false)),
            "missing" => Ok(AccountStatus::Missing),
            "disabled-then-down" if is_first => Ok(present(false)),
            "panic" => panic!("on purpose"),
            _ => Err(AccountsDown),
        }
    }
}

impl PhoneAccess for NamedAccounts {
    /// No user of these tests has an assignment; `end` fails for one of them.
    async fn end(&self, event: &Event, _: &Invocation) -> Result<u64, CoreError> {
        let IdentityRef::External(user) = &event.identity else { return Ok(0) };
        self.ended.borrow_mut().push(user.as_str().to_owned());
        if user.as_str() == "phone-down" {
            let source = "no answer".into();
            return Err(CoreError::AcsUnavailable { maybe_applied: true, source });
        }
        Ok(0)
    }
}

/// A batch whose messages are named after their position, in their `nth` delivery.
pub(super) fn batch<'a>(bodies: impl IntoIterator<Item = &'a str>, nth: u32) -> SqsBatch {
    let records: Vec<Value> = bodies
        .into_iter()
        .enumerate()
        .map(|(index, body)| {
            json!({
                "messageId": format!("m{index}"),
                "receiptHandle": "r",
                "body": body,
                "attributes": { "ApproximateReceiveCount": nth.to_string(), "SentTimestamp": "1800000000000" },
                "messageAttributes": {},
                "eventSource": "aws:sqs",
            })
        })
        .collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

pub(super) fn context(clock: &ManualClock) -> Context {
    let deadline = clock.now() + Duration::from_secs(10);
    let since = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let mut context = Context::default();
    context.request_id = "request".to_owned();
    context.deadline = u64::try_from(since.as_millis()).unwrap();
    context
}

/// Processes a batch, and returns the IDs of the messages to deliver again.
pub(super) async fn deliver(
    fixture: &CoreFixture,
    mode: EventMode,
    batch: SqsBatch,
) -> Vec<String> {
    deliver_beside(fixture, &NamedAccounts::default(), mode, batch).await
}

/// The same, with this directory.
pub(super) async fn deliver_beside(
    fixture: &CoreFixture,
    accounts: &NamedAccounts,
    mode: EventMode,
    batch: SqsBatch,
) -> Vec<String> {
    let acs = Moody(fixture.acs.clone());
    let context = context(&fixture.clock);
    let (rules, clock) = (rules(mode), &fixture.clock);
    let answer = handle(&fixture.store, &acs, accounts, clock, &rules, batch, &context).await;
    let answer = serde_json::to_value(&answer).unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap();
    let mut ids: Vec<String> = failures
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

pub(super) fn revocations(fixture: &CoreFixture) -> usize {
    fixture.acs.calls().iter().filter(|call| **call == ClientCall::Revoke).count()
}

/// An ACS client that treats some identities differently.
struct Moody(MemoryIdentityClient);

impl Moody {
    async fn treat(identity: &AcsId) -> Result<(), CoreError> {
        match identity.as_str() {
            "8:acs:poison" => Err(CoreError::AcsRefused("ACS answered 400".into())),
            "8:acs:down" => Err(CoreError::AcsUnavailable {
                maybe_applied: true,
                source: "ACS answered 500".into(),
            }),
            "8:acs:panic" => panic!("on purpose"),
            "8:acs:slow" => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

impl IdentityClient for Moody {
    fn is_creation_held(&self) -> bool {
        self.0.is_creation_held()
    }

    async fn create_identity(&self, deadline: SystemTime) -> Result<AcsId, CoreError> {
        self.0.create_identity(deadline).await
    }

    async fn create_identity_with_token(
        &self,
        admission: Admission,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), CoreError> {
        self.0.create_identity_with_token(admission, token, deadline).await
    }

    async fn issue_access_token(
        &self,
        admission: Admission,
        identity: &AcsId,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<AccessToken, CoreError> {
        self.0.issue_access_token(admission, identity, token, deadline).await
    }

    async fn revoke_access_tokens(
        &self,
        identity: &AcsId,
        deadline: SystemTime,
    ) -> Result<(), CoreError> {
        Self::treat(identity).await?;
        self.0.revoke_access_tokens(identity, deadline).await
    }

    async fn delete_identity(
        &self,
        identity: &AcsId,
        deadline: SystemTime,
    ) -> Result<(), CoreError> {
        Self::treat(identity).await?;
        self.0.delete_identity(identity, deadline).await
    }
}

static LISTENER: OnceLock<Dispatch> = OnceLock::new();

/// Returns the lines that `work` logged, and its result.
pub(super) async fn logged<T>(work: impl Future<Output = T>) -> (Vec<Value>, T) {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().json().flatten_event(true).with_writer(log.clone()).finish();
    // Keep one subscriber for as long as the tests run: otherwise tracing would cache, for every
    // thread, that a log statement is of no interest if a test without a log reaches it first.
    LISTENER.get_or_init(|| Dispatch::new(tracing_subscriber::registry()));
    let guard = tracing::subscriber::set_default(subscriber);
    tracing::callsite::rebuild_interest_cache();
    let result = work.await;
    drop(guard);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), result)
}

pub(super) fn count(log: &[Value], metric: &str) -> u64 {
    log.iter().filter_map(|line| line[metric].as_u64()).sum()
}

#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
