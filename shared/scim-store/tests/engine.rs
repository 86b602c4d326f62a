//! Runs the contract of the store on a real `DynamoDB` engine, with the table of the template.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::time::SystemTime;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use dynoxide::Database;
use harness::{DynamoEngine, create_tables, dynamodb_config, template_with};
use identity_core::Error;
use scim_store::DynamoScimUserStore;
use scim_users::{
    ScimUser,
    ports::{ListWindow, ScimUserStore as _, UserWrite, WriteOutcome},
    scim_store_contract,
};

scim_store_contract!(store().await.2);

fn user(number: usize) -> ScimUser {
    ScimUser {
        id: format!("i-{number:04}"),
        user_name: format!("n-{number}"),
        external_id: None,
        display_name: Some("x".repeat(256)),
        active: true,
        created_at: SystemTime::UNIX_EPOCH,
        modified_at: SystemTime::UNIX_EPOCH,
        version: 1,
    }
}

/// A page of `DynamoDB` has at most 1 MB.
#[tokio::test]
async fn a_list_of_several_pages_is_counted_and_read_to_its_end() {
    let (client, table, store) = store().await;
    // One user is too large for a page with two of them.
    for number in 0..3 {
        let user = user(number);
        let change = UserWrite { before: None, after: &user, subject: None };
        assert_eq!(store.write("large", &change).await.unwrap(), WriteOutcome::Done);
        let key = |value: &str| AttributeValue::S(value.to_owned());
        let update = client
            .update_item()
            .table_name(&table)
            .key("transmitter", key("large"))
            .key("item", key(&format!("user {}", user.id)))
            .update_expression("SET displayName = :long")
            .expression_attribute_values(":long", key(&"x".repeat(390_000)));
        update.send().await.unwrap();
    }
    let window = ListWindow { active: None, skip: 2, count: 5 };
    let list = store.list("large", &window).await.unwrap();
    assert_eq!((list.total, list.users.len()), (3, 1));
    assert_eq!(list.users.first().unwrap().id, "i-0002");
}

#[tokio::test]
async fn a_missing_table_is_an_error_that_no_retry_solves() {
    let (client, ..) = store().await;
    let store = DynamoScimUserStore::new(client, "missing".to_owned());
    assert!(matches!(store.find("entra-scim", "i-1").await, Err(Error::StoreRefused(_))));
    let user = user(1);
    let change = UserWrite { before: None, after: &user, subject: None };
    assert!(matches!(store.write("entra-scim", &change).await, Err(Error::StoreRefused(_))));
}

#[tokio::test]
async fn the_store_is_unavailable_without_its_engine() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = dynamodb_config(&format!("http://{address}")).build();
    drop(listener);
    let store = DynamoScimUserStore::new(Client::from_conf(config), "ScimUsers".to_owned());
    assert!(matches!(store.find("entra-scim", "i-1").await, Err(Error::StoreUnavailable(_))));
}

/// A client of a new engine, the name of the table, and a store on it.
async fn store() -> (Client, String, DynamoScimUserStore) {
    let database = Database::memory().unwrap();
    // The table exists only with transmitters.
    let template = template_with(&[("Transmitters", "[]")]);
    create_tables(&database, &template);
    let table = template.table("ScimUsers").unwrap().name.clone();
    let url = DynamoEngine::start(database).await.unwrap().detach();
    let client = Client::from_conf(dynamodb_config(&url).build());
    (client.clone(), table.clone(), DynamoScimUserStore::new(client, table))
}
