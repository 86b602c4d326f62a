//! The store keeps the contract on a real `DynamoDB` engine, with the indexes of the
//! template.
#![expect(clippy::unwrap_used, reason = "a test may die")]

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
        Projection, ProjectionType, ScalarAttributeType,
    },
};
use identity_core::{Error, ports::IdentityStore, store_contract, testing::user};
use identity_store::DynamoIdentityStore;

store_contract!(a_store().await);

#[tokio::test]
async fn a_missing_table_is_our_mistake_and_not_a_matter_of_waiting() {
    let store = DynamoIdentityStore::new(a_client().await, "missing".to_owned());
    assert!(matches!(store.find(&user("alice")).await, Err(Error::StoreRefused(_))));
}

#[tokio::test]
async fn an_engine_that_is_gone_is_unavailable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client_at(listener.local_addr().unwrap());
    drop(listener);
    let store = DynamoIdentityStore::new(client, TABLE.to_owned());
    assert!(matches!(store.find(&user("alice")).await, Err(Error::StoreUnavailable(_))));
}

const TABLE: &str = "Identities";

/// A store on an engine of its own.
async fn a_store() -> DynamoIdentityStore {
    let client = a_client().await;
    create_table(&client).await;
    DynamoIdentityStore::new(client, TABLE.to_owned())
}

async fn a_client() -> Client {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let engine = dynoxide::Database::memory().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, engine));
    client_at(address)
}

fn client_at(address: std::net::SocketAddr) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        // One answer each, so that nothing waits between attempts.
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

async fn create_table(client: &Client) {
    let attribute = |name: &str, kind: ScalarAttributeType| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
    };
    let key = |name: &str, kind: KeyType| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    let index = |name: &str, keys: Vec<KeySchemaElement>, projected: ProjectionType| {
        GlobalSecondaryIndex::builder()
            .index_name(name)
            .set_key_schema(Some(keys))
            .projection(Projection::builder().projection_type(projected).build())
            .build()
            .unwrap()
    };
    client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("externalId", ScalarAttributeType::S))
        .attribute_definitions(attribute("acsId", ScalarAttributeType::S))
        .attribute_definitions(attribute("staleShard", ScalarAttributeType::N))
        .attribute_definitions(attribute("lastIssuedAt", ScalarAttributeType::N))
        .key_schema(key("externalId", KeyType::Hash))
        .global_secondary_indexes(index(
            "by-acs-id",
            vec![key("acsId", KeyType::Hash)],
            ProjectionType::KeysOnly,
        ))
        .global_secondary_indexes(index(
            "by-last-issued",
            vec![key("staleShard", KeyType::Hash), key("lastIssuedAt", KeyType::Range)],
            ProjectionType::All,
        ))
        .send()
        .await
        .unwrap();
}
