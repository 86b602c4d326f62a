//! Runs the store contract on a real `DynamoDB` engine, with the table of the template.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod census;
mod cursors;
mod faults;
mod invitations;
mod phone;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::SystemTime,
};

use aws_sdk_dynamodb::{
    Client,
    config::{
        Builder, ConfigBag, Credentials, Intercept, RuntimeComponents,
        interceptors::BeforeTransmitInterceptorContextRef,
    },
    error::BoxError,
};
use dynoxide::Database;
use harness::{DynamoEngine, create_tables, dynamodb_config, template};
use identity_core::{
    Error,
    ports::{Change, IdentityStore, Index, ListQuery, Usage},
    record::{Active, Record, State},
    store_contract,
    testing::{acs_id, device_id, invitation, record, user},
};
use identity_store::{AuditRetention, AuditTable, DynamoIdentityStore};

store_contract!(store().await);

#[tokio::test]
async fn a_missing_table_is_an_error_that_no_retry_solves() {
    let config = config_of(Database::memory().unwrap()).await.build();
    let store = DynamoIdentityStore::new(Client::from_conf(config), "missing".to_owned());
    assert!(matches!(store.find(&user("alice")).await, Err(Error::StoreRefused(_))));
}

#[tokio::test]
async fn the_store_is_unavailable_without_its_engine() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = dynamodb_config(&format!("http://{address}")).build();
    drop(listener);
    let store = DynamoIdentityStore::new(Client::from_conf(config), "Identities".to_owned());
    assert!(matches!(store.find(&user("alice")).await, Err(Error::StoreUnavailable(_))));
}

#[test]
fn r51_a_store_does_not_print_the_credentials_it_uses() {
    let credentials = Credentials::new("id", "CANARY-key", Some("CANARY-token".into()), None, "x");
    let config = dynamodb_config("http://127.0.0.1:1").credentials_provider(credentials).build();
    let store = DynamoIdentityStore::new(Client::from_conf(config), "Identities".to_owned());
    assert!(!format!("{store:?} {store:#?}").contains("CANARY"), "{store:?}");
}

/// The number of requests is documented, and determines the cost of a function.
#[tokio::test]
async fn each_method_is_one_request() {
    let (database, table, _) = database();
    let counter = RequestCounter::default();
    let config = config_of(database).await.interceptor(counter.clone()).build();
    let store = DynamoIdentityStore::new(Client::from_conf(config), table);
    let requests = || counter.0.swap(0, Relaxed);
    let alice = record("alice", State::active("8:acs:1"), SystemTime::UNIX_EPOCH);

    assert!(matches!(store.advance(None, &alice).await.unwrap(), Change::Made(_)));
    assert_eq!(requests(), 1);
    let refused = store.advance(None, &alice.released(SystemTime::UNIX_EPOCH)).await.unwrap();
    assert!(matches!(refused, Change::Refused(_)));
    assert_eq!(requests(), 1, "a refusal brings the record that refused");
    assert_eq!(store.find(&user("alice")).await.unwrap(), Some(alice));
    assert_eq!(requests(), 1);
    let seen = Active { acs_id: acs_id("8:acs:1"), epoch: 1 };
    store.record_use(&user("alice"), &seen, &Usage::at(SystemTime::UNIX_EPOCH)).await.unwrap();
    assert_eq!(requests(), 1);
    store.find_by_acs_id(&acs_id("8:acs:1")).await.unwrap();
    assert_eq!(requests(), 1);
    let index = Index::LastIssued;
    let query =
        ListQuery { index, shard: 0, state: None, unused_since: None, after: None, limit: 1 };
    store.list(&query).await.unwrap();
    assert_eq!(requests(), 1);
    store.count(&query).await.unwrap();
    assert_eq!(requests(), 1);
    assert_eq!(store.users_at_least().await.unwrap(), 1);
    assert_eq!(requests(), 1);
}

#[tokio::test]
async fn r34_guests_and_deleted_users_are_not_among_the_users_that_there_are_at_least() {
    let (database, table, _) = database();
    let store =
        DynamoIdentityStore::new(Client::from_conf(config_of(database).await.build()), table);
    let at = SystemTime::UNIX_EPOCH;
    let guest = invitation("handle").guest(&device_id('a'));
    let gone = Some(acs_id("8:acs:3"));
    for added in [
        record("alice", State::active("8:acs:1"), at),
        Record { due_at: Some(at), ..record(guest.as_str(), State::active("8:acs:2"), at) },
        Record { last_acs_id: gone, ..record("bob", State::Deleted, at) },
    ] {
        assert!(matches!(store.advance(None, &added).await.unwrap(), Change::Made(_)));
        assert_eq!(store.users_at_least().await.unwrap(), 1);
    }
}

/// Counts the sent requests.
#[derive(Clone, Debug, Default)]
struct RequestCounter(Arc<AtomicUsize>);

impl Intercept for RequestCounter {
    fn name(&self) -> &'static str {
        "RequestCounter"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Relaxed);
        Ok(())
    }
}

/// A store on a new engine.
async fn store() -> DynamoIdentityStore {
    store_behind(RequestCounter::default()).await
}

/// A store on a new engine whose requests and responses pass through `interceptor`.
async fn store_behind(interceptor: impl Intercept + 'static) -> DynamoIdentityStore {
    let (database, table, audit) = database();
    let config = config_of(database).await.interceptor(interceptor).build();
    DynamoIdentityStore::new(Client::from_conf(config), table).audited(Some(audit))
}

/// A new engine with the tables of the template, and the names of the tables.
fn database() -> (Database, String, AuditTable) {
    let (database, template) = (Database::memory().unwrap(), template());
    create_tables(&database, &template);
    let name = |logical_id| template.table(logical_id).unwrap().name.clone();
    let audit = AuditTable { name: name("AuditLog"), retention: AuditRetention::default() };
    (database, name("Identities"), audit)
}

/// The configuration of a client of an engine that runs as long as the test.
async fn config_of(database: Database) -> Builder {
    dynamodb_config(&DynamoEngine::start(database).await.unwrap().detach())
}
