//! The store fulfils its contract on a second `DynamoDB` engine: moto, at `MOTO_URL`, which `make
//! infra` starts.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use aws_sdk_dynamodb::{
    Client, Config,
    config::Credentials,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
        Projection, ProjectionType, ScalarAttributeType,
    },
};
use harness::{dynamodb_config, template};
use identity_core::store_contract;
use identity_store::{AuditRetention, AuditTable, DynamoIdentityStore};
use serde_json::Value;

store_contract!(store().await);

/// A store on separate tables, as the template defines them.
async fn store() -> DynamoIdentityStore {
    static STORES: AtomicUsize = AtomicUsize::new(0);
    let number = STORES.fetch_add(1, Relaxed);
    let (records, audit) = (format!("contract-{number}"), format!("contract-audit-{number}"));
    let (client, template) = (Client::from_conf(config()), template());
    create(&client, &records, &template.table("Identities").unwrap().definition).await;
    create(&client, &audit, &template.table("AuditLog").unwrap().definition).await;
    let audit = AuditTable { name: audit, retention: AuditRetention::default() };
    DynamoIdentityStore::new(client, records).audited(Some(audit))
}

fn config() -> Config {
    #[expect(clippy::disallowed_methods, reason = "the address of moto")]
    let url = std::env::var("MOTO_URL").unwrap();
    let credentials = Credentials::new("administrator", "none", None, None, "test");
    dynamodb_config(&url).credentials_provider(credentials).build()
}

async fn create(client: &Client, name: &str, definition: &Value) {
    let mut request =
        client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for attribute in list(definition, "AttributeDefinitions") {
        let kind = ScalarAttributeType::from(text(attribute, "AttributeType"));
        let name = text(attribute, "AttributeName");
        let built = AttributeDefinition::builder().attribute_name(name).attribute_type(kind);
        request = request.attribute_definitions(built.build().unwrap());
    }
    for index in list(definition, "GlobalSecondaryIndexes") {
        let projected = index.get("Projection").unwrap();
        let others = projected.get("NonKeyAttributes").and_then(Value::as_array);
        let others = others.map(|names| names.iter().filter_map(Value::as_str));
        let projection = Projection::builder()
            .projection_type(ProjectionType::from(text(projected, "ProjectionType")))
            .set_non_key_attributes(others.map(|names| names.map(ToOwned::to_owned).collect()));
        let built = GlobalSecondaryIndex::builder()
            .index_name(text(index, "IndexName"))
            .set_key_schema(Some(keys(index)))
            .projection(projection.build());
        request = request.global_secondary_indexes(built.build().unwrap());
    }
    request.set_key_schema(Some(keys(definition))).send().await.unwrap();
}

fn keys(definition: &Value) -> Vec<KeySchemaElement> {
    let key = |key: &Value| {
        let kind = KeyType::from(text(key, "KeyType"));
        let name = text(key, "AttributeName");
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    list(definition, "KeySchema").iter().map(key).collect()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap()
}
