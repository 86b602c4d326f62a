//! Each store fulfils its contract on a second `DynamoDB` engine: moto, at `MOTO_URL`, which `make
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
use harness::{dynamodb_config, template_with};
use identity_core::{cursor_contract, store_contract};
use identity_store::{AuditRetention, AuditTable, DynamoIdentityStore};
use scim_store::DynamoScimUserStore;
use scim_users::scim_store_contract;
use serde_json::Value;

store_contract!(store().await);
cursor_contract!(store().await);
scim_store_contract!(scim_store().await);

/// A store on separate tables.
async fn store() -> DynamoIdentityStore {
    let client = Client::from_conf(config());
    let records = create_as_in_template(&client, "Identities").await;
    let audit = create_as_in_template(&client, "AuditLog").await;
    let audit = AuditTable { name: audit, retention: AuditRetention::default() };
    DynamoIdentityStore::new(client, records).audited(Some(audit))
}

/// A store of SCIM users on a separate table.
async fn scim_store() -> DynamoScimUserStore {
    let client = Client::from_conf(config());
    let table = create_as_in_template(&client, "ScimUsers").await;
    DynamoScimUserStore::new(client, table)
}

/// Creates a table as the template defines it, and returns its name.
async fn create_as_in_template(client: &Client, logical_id: &str) -> String {
    static TABLES: AtomicUsize = AtomicUsize::new(0);
    let name = format!("contract-{logical_id}-{}", TABLES.fetch_add(1, Relaxed));
    // One of the tables exists only with transmitters.
    let template = template_with(&[("Transmitters", "[]")]);
    create(client, &name, &template.table(logical_id).unwrap().definition).await;
    name
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
    for index in optional_list(definition, "GlobalSecondaryIndexes") {
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

fn optional_list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap()
}
