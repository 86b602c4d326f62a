use std::{collections::BTreeMap, io};

use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    types::AttributeValue,
};
use dynoxide::{Database, ImportOptions, types};
use identity_core::record::Record;
use identity_store::DynamoIdentityStore;
use local_stack::template::{Inputs, Template};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{Meter, front::front};

/// A `DynamoDB` engine with the template's table in a separate file, served on loopback. It ends
/// when this is dropped.
#[derive(Debug)]
pub struct Engine {
    endpoint: String,
    table: String,
    behind: JoinHandle<()>,
    front: JoinHandle<io::Result<()>>,
    dir: TempDir,
}

impl Engine {
    /// An engine whose table contains `records`.
    pub async fn with(records: impl Iterator<Item = Record>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("dynamodb.sqlite");
        let database = Database::new(file.to_str().unwrap()).unwrap();
        let (table, mut description) = make_tables(&database);
        let count = fill(&database, &table, records);
        let indexes = description.pointer_mut("/Table/GlobalSecondaryIndexes");
        for index in indexes.and_then(Value::as_array_mut).unwrap() {
            index.as_object_mut().unwrap().insert("ItemCount".to_owned(), count.into());
        }
        let (listener, address) = listen().await;
        let behind = tokio::spawn(dynoxide::server::serve_on(listener, database));
        let front = front(address, &description);
        let (listener, endpoint) = listen().await;
        let front = tokio::spawn(async move { axum::serve(listener, front).await });
        Self { endpoint, table, behind, front, dir }
    }

    /// The address of the engine.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The name of the table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The size of the file in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.dir
            .path()
            .read_dir()
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum()
    }

    /// The store on this engine, and its meter.
    #[must_use]
    pub fn store(&self) -> (DynamoIdentityStore, Meter) {
        let meter = Meter::default();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(self.endpoint())
            .retry_config(RetryConfig::disabled())
            .interceptor(meter.clone())
            .build();
        (DynamoIdentityStore::new(Client::from_conf(config), self.table.clone()), meter)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.front.abort();
        self.behind.abort();
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    (listener, endpoint)
}

/// Creates the template's tables. Returns the name of the identities' table, and the output of
/// `DescribeTable` while it is empty.
fn make_tables(database: &Database) -> (String, Value) {
    let arn = "arn:aws:secretsmanager:x:0:secret:acs".to_owned();
    let parameters = [("Issuer", "https://x"), ("Audience", "x"), ("AcsSecretArn", &arn)];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let inputs = Inputs {
        parameters: BTreeMap::from(parameters),
        secrets: BTreeMap::from([(arn.clone(), "secret".to_owned())]),
    };
    let template = include_str!("../../../infra/template.yaml");
    let template = Template::read(template, &inputs).unwrap();
    for table in &template.tables {
        let definition = serde_json::from_value(table.definition.clone()).unwrap();
        database.create_table(definition).unwrap();
    }
    let table = template.table("Identities").unwrap();
    let name = serde_json::from_value(json!({ "TableName": table.name })).unwrap();
    let description = database.describe_table(name).unwrap();
    (table.name.clone(), serde_json::to_value(description).unwrap())
}

/// Writes the records, and counts them.
fn fill(database: &Database, table: &str, mut records: impl Iterator<Item = Record>) -> usize {
    let mut count = 0;
    database.enable_bulk_loading().unwrap();
    loop {
        let some: Vec<types::Item> = records.by_ref().take(AT_A_TIME).map(|r| item(&r)).collect();
        if some.is_empty() {
            break;
        }
        count += some.len();
        database.import_items(table, some, ImportOptions::default()).unwrap();
    }
    database.disable_bulk_loading().unwrap();
    count
}

/// The item that the store writes, in the engine's types.
fn item(record: &Record) -> types::Item {
    identity_store::testing::item(record)
        .into_iter()
        .map(|(name, value)| match value {
            AttributeValue::S(text) => (name, types::AttributeValue::S(text)),
            AttributeValue::N(number) => (name, types::AttributeValue::N(number)),
            other => unreachable!("an active identity has no {other:?}"),
        })
        .collect()
}

/// The number of items in one transaction: large enough that its overhead does not matter.
const AT_A_TIME: usize = 10_000;
