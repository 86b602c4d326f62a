use std::collections::BTreeMap;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use dynoxide::{Database, ImportOptions, types};
use harness::{DynamoEngine, TestServer, create_tables, dynamodb_config, template};
use identity_core::record::Record;
use identity_store::DynamoIdentityStore;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Meter, proxy::proxy};

/// A `DynamoDB` engine with the template's table in a separate file, served on loopback. It ends
/// when this is dropped.
#[derive(Debug)]
pub struct ScaleEngine {
    table: String,
    proxy: TestServer,
    _engine: DynamoEngine,
    dir: TempDir,
}

impl ScaleEngine {
    /// An engine whose table contains `records`.
    pub async fn with(records: impl Iterator<Item = Record>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("dynamodb.sqlite");
        let database = Database::new(file.to_str().unwrap()).unwrap();
        let (table, mut description) = make_tables(&database);
        let having = fill(&database, &table, records);
        let indexes = description.pointer_mut("/Table/GlobalSecondaryIndexes");
        for index in indexes.and_then(Value::as_array_mut).unwrap() {
            // An item without the key of an index is not in it.
            let key = index.pointer("/KeySchema/0/AttributeName").and_then(Value::as_str).unwrap();
            let count = having.get(key).copied().unwrap_or_default();
            index.as_object_mut().unwrap().insert("ItemCount".to_owned(), count.into());
        }
        let engine = DynamoEngine::start(database).await.unwrap();
        let proxy = TestServer::start(proxy(engine.url(), &description)).await.unwrap();
        Self { table, proxy, _engine: engine, dir }
    }

    /// The address of the engine.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.proxy.url()
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
        let config = dynamodb_config(&self.endpoint()).interceptor(meter.clone()).build();
        (DynamoIdentityStore::new(Client::from_conf(config), self.table.clone()), meter)
    }
}

/// Creates the template's tables. Returns the name of the identities' table, and the output of
/// `DescribeTable` while it is empty.
fn make_tables(database: &Database) -> (String, Value) {
    let template = template();
    create_tables(database, &template);
    let table = template.table("Identities").unwrap();
    let name = serde_json::from_value(json!({ "TableName": table.name })).unwrap();
    let description = database.describe_table(name).unwrap();
    (table.name.clone(), serde_json::to_value(description).unwrap())
}

/// Writes the records, and counts those that have each attribute.
fn fill(
    database: &Database,
    table: &str,
    mut records: impl Iterator<Item = Record>,
) -> BTreeMap<String, usize> {
    let mut having = BTreeMap::new();
    database.enable_bulk_loading().unwrap();
    loop {
        let some: Vec<types::Item> = records.by_ref().take(AT_A_TIME).map(|r| item(&r)).collect();
        if some.is_empty() {
            break;
        }
        for name in some.iter().flat_map(|item| item.keys()) {
            *having.entry(name.clone()).or_default() += 1;
        }
        database.import_items(table, some, ImportOptions::default()).unwrap();
    }
    database.disable_bulk_loading().unwrap();
    having
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
