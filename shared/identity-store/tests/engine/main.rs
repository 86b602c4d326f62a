//! Runs the store contract on a real `DynamoDB` engine, with the table of the template.
#![expect(clippy::unwrap_used, reason = "a test may die")]

mod trouble;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::SystemTime,
};

use aws_sdk_dynamodb::{
    Client, Config,
    config::{
        BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
        interceptors::BeforeTransmitInterceptorContextRef, retry::RetryConfig,
    },
    error::BoxError,
};
use dynoxide::Database;
use identity_core::{
    Error,
    ports::{Change, IdentityStore, Index, ListQuery, Usage},
    record::{Active, State},
    store_contract,
    testing::{acs_id, record, user},
};
use identity_store::{AuditRetention, AuditTable, DynamoIdentityStore};
use local_stack::template::{Inputs, Template};

store_contract!(a_store().await);

#[tokio::test]
async fn a_missing_table_is_our_mistake_and_not_a_matter_of_waiting() {
    let config = config_at(serve(Database::memory().unwrap()).await).build();
    let store = DynamoIdentityStore::new(Client::from_conf(config), "missing".to_owned());
    assert!(matches!(store.find(&user("alice")).await, Err(Error::StoreRefused(_))));
}

#[tokio::test]
async fn an_engine_that_is_gone_is_unavailable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config_at(listener.local_addr().unwrap()).build();
    drop(listener);
    let store = DynamoIdentityStore::new(Client::from_conf(config), "Identities".to_owned());
    assert!(matches!(store.find(&user("alice")).await, Err(Error::StoreUnavailable(_))));
}

#[test]
fn r51_a_store_does_not_print_the_credentials_it_uses() {
    let credentials = Credentials::new("id", "CANARY-key", Some("CANARY-token".into()), None, "x");
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let config = config_at(address).credentials_provider(credentials).build();
    let store = DynamoIdentityStore::new(Client::from_conf(config), "Identities".to_owned());
    assert!(!format!("{store:?} {store:#?}").contains("CANARY"), "{store:?}");
}

/// The number of requests is documented, and determines the cost of a function.
#[tokio::test]
async fn each_method_is_one_request() {
    let (database, table, _) = an_engine();
    let sent = Sent::default();
    let config = config_at(serve(database).await).interceptor(sent.clone()).build();
    let store = DynamoIdentityStore::new(Client::from_conf(config), table);
    let requests = || sent.0.swap(0, Relaxed);
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
    assert_eq!(store.total().await.unwrap(), 1);
    assert_eq!(requests(), 1);
}

/// Counts the sent requests.
#[derive(Clone, Debug, Default)]
struct Sent(Arc<AtomicUsize>);

impl Intercept for Sent {
    fn name(&self) -> &'static str {
        "Sent"
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
async fn a_store() -> DynamoIdentityStore {
    a_store_behind(Sent::default()).await
}

/// A store on a new engine whose requests and responses pass through `interceptor`.
async fn a_store_behind(interceptor: impl Intercept + 'static) -> DynamoIdentityStore {
    let (database, table, audit) = an_engine();
    let config = config_at(serve(database).await).interceptor(interceptor).build();
    DynamoIdentityStore::new(Client::from_conf(config), table).audited(Some(audit))
}

/// A new engine with the tables of the template, and the names of the tables.
fn an_engine() -> (Database, String, AuditTable) {
    let arn = "arn:aws:secretsmanager:x:0:secret:acs".to_owned();
    let parameters = [("Issuer", "https://x"), ("Audience", "x"), ("AcsSecretArn", &arn)];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let inputs = Inputs {
        parameters: BTreeMap::from(parameters),
        secrets: BTreeMap::from([(arn.clone(), "secret".to_owned())]),
    };
    let template = include_str!("../../../../infra/template.yaml");
    let template = Template::read(template, &inputs).unwrap();
    let database = Database::memory().unwrap();
    for table in &template.tables {
        let definition = table.definition.clone();
        database.create_table(serde_json::from_value(definition).unwrap()).unwrap();
    }
    let name = |logical_id| template.table(logical_id).unwrap().name.clone();
    let audit = AuditTable { name: name("AuditLog"), retention: AuditRetention::default() };
    (database, name("Identities"), audit)
}

async fn serve(database: Database) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    address
}

fn config_at(address: SocketAddr) -> aws_sdk_dynamodb::config::Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        // One attempt per request, so that nothing waits between attempts.
        .retry_config(RetryConfig::disabled())
}
