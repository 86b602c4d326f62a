//! The environment of `issue-access-token`: an ACS, a table, and the template's variables. All of
//! it is on loopback, in this process.

use std::{
    collections::BTreeMap,
    error::Error,
    io,
    time::{Duration, Instant},
};

use acs_client::{AcsIdentityClient, ApiVersion, Config};
use acs_emulator::{Emulator, Server};
use axum::{Router, routing::post};
use identity_core::{
    identity::{Lifetime, Scopes, TokenRequest},
    ports::{Clock as _, IdentityClient as _, SystemClock},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{sample::median_ms, subject::CALLS};

/// The services. They end when this is dropped.
pub(crate) struct World {
    acs: Server,
    dynamodb: String,
    engine: JoinHandle<()>,
    secrets: String,
    secrets_manager: JoinHandle<io::Result<()>>,
}

impl World {
    pub(crate) async fn start() -> Result<Self, Box<dyn Error>> {
        let acs = Emulator::builder().limits(false).build()?.serve_on_loopback().await?;
        let database = dynoxide::Database::memory()?;
        database.create_table(serde_json::from_value(table())?)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let dynamodb = format!("http://{}", listener.local_addr()?);
        let engine = tokio::spawn(dynoxide::server::serve_on(listener, database));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let secrets = format!("http://{}", listener.local_addr()?);
        let secret = json!({ "ARN": SECRET, "SecretString": acs.connection_string() }).to_string();
        let router = Router::new().route("/", post(async move || secret));
        let secrets_manager = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { acs, dynamodb, engine, secrets, secrets_manager })
    }

    /// The variables that Lambda and the template would set.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        [
            ("ACS_API_VERSION", ApiVersion::default().as_str()),
            ("ACS_SECRET_ARN", SECRET),
            ("ADMIN_CONDITION", ""),
            ("ADMIN_SCOPE", "guestpass.admin"),
            ("AUDIT_RETENTION_DAYS", "400"),
            ("AUDIT_TABLE_NAME", "AuditLog"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.secrets),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMIEXAMPLEKEY"),
            ("AWS_SESSION_TOKEN", "example"),
            ("CALLER_HASH_SECRET_ARN", CALLER_HASH_SECRET),
            ("ISSUER", "https://idp.example"),
            // One user makes all calls.
            ("PACE_PER_MINUTE", "0"),
            ("POLICY", "{}"),
            ("TABLE_NAME", TABLE),
            ("TOKEN_SCOPE", "guestpass.token"),
            ("TZ", ":UTC"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// The median duration in milliseconds of the call to ACS that every warm call contains,
    /// measured from here. The rest of a warm call is the function, the table and the runtime.
    pub(crate) async fn acs_call(&self) -> Result<f64, Box<dyn Error>> {
        let config = Config::new(self.acs.connection_string().parse()?);
        let acs = AcsIdentityClient::new(config, SystemClock::default())?;
        let request = TokenRequest { scopes: Scopes::chat_and_voip(), lifetime: Lifetime::HOUR };
        let deadline = || SystemClock::default().now() + Duration::from_secs(5);
        let identity = acs.create_identity(deadline()).await?;
        let mut times = Vec::new();
        for _ in 0..CALLS {
            let started = Instant::now();
            acs.issue_access_token(&identity, &request, deadline()).await?;
            times.push(started.elapsed());
        }
        Ok(median_ms(times.into_iter()))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.engine.abort();
        self.secrets_manager.abort();
    }
}

const TABLE: &str = "Identities";
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acs";
const CALLER_HASH_SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:caller-hash";

/// The table of the template.
fn table() -> Value {
    json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            { "AttributeName": "externalId", "AttributeType": "S" },
            { "AttributeName": "acsId", "AttributeType": "S" },
            { "AttributeName": "staleShard", "AttributeType": "N" },
            { "AttributeName": "lastIssuedAt", "AttributeType": "N" },
        ],
        "KeySchema": [{ "AttributeName": "externalId", "KeyType": "HASH" }],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by-acs-id",
                "KeySchema": [{ "AttributeName": "acsId", "KeyType": "HASH" }],
                "Projection": { "ProjectionType": "KEYS_ONLY" },
            },
            {
                "IndexName": "by-last-issued",
                "KeySchema": [
                    { "AttributeName": "staleShard", "KeyType": "HASH" },
                    { "AttributeName": "lastIssuedAt", "KeyType": "RANGE" },
                ],
                "Projection": { "ProjectionType": "ALL" },
            },
        ],
    })
}
