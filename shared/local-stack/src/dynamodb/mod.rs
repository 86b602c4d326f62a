//! The DynamoDB engine, dynoxide, with the template's tables.

mod front;

use std::path::Path;

use dynoxide::{Database, DynoxideError};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(crate) use front::{bind_engine, router};

use crate::template::TableSpec;

/// Why the engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The file could not be opened.
    #[error("cannot open the file of the DynamoDB engine: {0}")]
    Open(#[source] DynoxideError),
    /// A table of the template could not be created.
    #[error("cannot create the table {0}: {1}")]
    Table(String, String),
}

/// Opens the database in `file`, or one in memory, and creates the missing tables.
pub(crate) fn open(file: Option<&Path>, tables: &[TableSpec]) -> Result<Database, EngineError> {
    let database = match file {
        Some(file) => Database::new(&file.to_string_lossy()),
        None => Database::memory(),
    }
    .map_err(EngineError::Open)?;
    for table in tables {
        create(&database, table)
            .map_err(|problem| EngineError::Table(table.name.clone(), problem))?;
    }
    Ok(database)
}

fn create(database: &Database, table: &TableSpec) -> Result<(), String> {
    match database.create_table(request(table.definition.clone())?) {
        Ok(_) => {}
        Err(DynoxideError::ResourceInUseException(_)) => return Ok(()),
        Err(error) => return Err(error.to_string()),
    }
    if let Some(attribute) = &table.ttl_attribute {
        let ttl = json!({
            "TableName": table.name,
            "TimeToLiveSpecification": { "AttributeName": attribute, "Enabled": true },
        });
        database.update_time_to_live(request(ttl)?).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn request<T: DeserializeOwned>(json: Value) -> Result<T, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TableSpec {
        TableSpec {
            name: "guestpass-local-T".to_owned(),
            definition: json!({
                "TableName": "guestpass-local-T",
                "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{ "AttributeName": "a", "KeyType": "HASH" }],
                "AttributeDefinitions": [
                    { "AttributeName": "a", "AttributeType": "S" },
                    { "AttributeName": "b", "AttributeType": "S" },
                ],
                "GlobalSecondaryIndexes": [{
                    "IndexName": "by-b",
                    "KeySchema": [{ "AttributeName": "b", "KeyType": "HASH" }],
                    "Projection": { "ProjectionType": "KEYS_ONLY" },
                }],
            }),
            ttl_attribute: Some("expiresAt".to_owned()),
        }
    }

    fn ask<T: DeserializeOwned>() -> T {
        request(json!({ "TableName": "guestpass-local-T" })).unwrap()
    }

    #[test]
    fn a_table_has_its_index_and_its_expiry_and_survives_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("d.sqlite");
        for _ in 0..2 {
            let database = open(Some(&file), &[table()]).unwrap();
            let described = database.describe_table(ask()).unwrap();
            let described = serde_json::to_value(described).unwrap();
            assert_eq!(described["Table"]["GlobalSecondaryIndexes"][0]["IndexName"], "by-b");
            let ttl = serde_json::to_value(database.describe_time_to_live(ask()).unwrap()).unwrap();
            assert_eq!(ttl["TimeToLiveDescription"]["AttributeName"], "expiresAt");
        }
    }

    #[test]
    fn an_error_names_the_table_that_cannot_be_created() {
        let mut table = table();
        table.definition["KeySchema"] = json!([]);
        let error = open(None, &[table]).err().unwrap().to_string();
        assert!(error.starts_with("cannot create the table guestpass-local-T: "), "{error}");
    }
}
