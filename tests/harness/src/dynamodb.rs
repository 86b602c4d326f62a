//! The tables of the template, and clients of a DynamoDB engine.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials, Region, retry::RetryConfig};
use dynoxide::Database;
use local_stack::template::{Inputs, Template};

/// The template, with values for the parameters that have no default.
#[must_use]
pub fn template() -> Template {
    template_with(&[])
}

/// [`template`] with further parameters. The value of the secret of ACS is `canary`.
#[must_use]
pub fn template_with(parameters: &[(&str, &str)]) -> Template {
    let defaults =
        [("Issuer", "https://idp.example"), ("Audience", "x"), ("AcsSecretArn", SECRET_ARN)];
    let parameters = defaults.iter().chain(parameters);
    let inputs = Inputs {
        parameters: parameters.map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        secrets: BTreeMap::from([(SECRET_ARN.to_owned(), "canary".to_owned())]),
        ..Inputs::default()
    };
    Template::read(include_str!("../../../infra/template.yaml"), &inputs).unwrap()
}

/// Creates the template's tables.
pub fn create_tables(database: &Database, template: &Template) {
    for table in &template.tables {
        let definition = serde_json::from_value(table.definition.clone()).unwrap();
        database.create_table(definition).unwrap();
    }
}

/// The configuration of a client of the engine at `url`, without retries.
#[must_use]
pub fn dynamodb_config(url: &str) -> Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(url)
        .retry_config(RetryConfig::disabled())
}

/// The parameter `AcsSecretArn` of [`template`].
pub const SECRET_ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acs";
