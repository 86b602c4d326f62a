//! The environment of `issue-access-token`: an ACS, a table, and the template's variables. All of
//! it is on loopback, in this process.

use std::{
    collections::BTreeMap,
    error::Error,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use acs_client::{AcsIdentityClient, ApiVersion, Config};
use acs_emulator::{Emulator, EmulatorOptions, EmulatorServer};
use harness::{DynamoEngine, TestServer, lambda_environment, secrets_manager};
use identity_core::{
    identity::{AcsId, Lifetime, Scopes, TokenRequest},
    ports::{Clock as _, IdentityClient as _, SystemClock},
};
use serde_json::{Value, json};

use crate::{sample::median_ms, subject::CALLS, tls_front::TlsFront};

/// The services. They end when this is dropped.
pub(crate) struct BenchFixture {
    acs: EmulatorServer,
    engine: DynamoEngine,
    secrets_manager: TestServer,
    /// The same services with TLS, as in production.
    over_tls: ServicesOverTls,
}

struct ServicesOverTls {
    dynamodb_url: String,
    secrets_manager_url: String,
    connection_string: String,
    _secrets_manager: TestServer,
    front: TlsFront,
}

impl BenchFixture {
    pub(crate) async fn start() -> Result<Self, Box<dyn Error>> {
        let acs = Emulator::builder()
            .options(EmulatorOptions { no_limits: true, ..EmulatorOptions::default() })
            .build()?
            .serve_on_loopback()
            .await?;
        let database = dynoxide::Database::memory()?;
        database.create_table(serde_json::from_value(table())?)?;
        let engine = DynamoEngine::start(database).await?;
        let secrets_manager = secrets_manager(SECRET, &acs.connection_string()).await?;
        let over_tls = ServicesOverTls::start(&acs, &engine).await?;
        Ok(Self { acs, engine, secrets_manager, over_tls })
    }

    /// The same, with services that speak https.
    pub(crate) fn environment_over_tls(&self) -> BTreeMap<String, String> {
        let ServicesOverTls { dynamodb_url, secrets_manager_url, front, .. } = &self.over_tls;
        let own = [
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_url.clone()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets_manager_url.clone()),
            ("SSL_CERT_FILE", front.authority().display().to_string()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        self.environment().into_iter().chain(own).collect()
    }

    /// The variables of a function with an SDK of Microsoft, whose Node.js packages are in
    /// `packages`. The connection string is in a variable, which only a bench may do.
    pub(crate) fn environment_of_peers(&self, packages: &Path) -> BTreeMap<String, String> {
        let authority = self.over_tls.front.authority().display().to_string();
        let own = [
            ("CONNECTION_STRING", self.over_tls.connection_string.clone()),
            ("NODE_EXTRA_CA_CERTS", authority.clone()),
            ("PACKAGES", packages.join("package.json").display().to_string()),
            ("REQUESTS_CA_BUNDLE", authority),
        ];
        own.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// The variables that Lambda and the template would set, with services that speak http.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let version = ApiVersion::default();
        let (dynamodb, secrets) = (self.engine.url(), self.secrets_manager.url());
        let own = [
            ("ACS_API_VERSION", version.as_str()),
            ("ACS_SECRET_ARN", SECRET),
            ("ADMIN_CONDITION", ""),
            ("ADMIN_SCOPE", "guestpass.admin"),
            ("AUDIT_RETENTION_DAYS", "400"),
            ("AUDIT_TABLE_NAME", "AuditLog"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &*dynamodb),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &*secrets),
            ("CALLER_HASH_SECRET_ARN", CALLER_HASH_SECRET),
            ("ISSUER", "https://idp.example"),
            // One user makes all calls.
            ("PACE_PER_MINUTE", "0"),
            ("POLICY", "{}"),
            ("TABLE_NAME", TABLE),
            ("TOKEN_SCOPE", "guestpass.token"),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        lambda_environment().into_iter().chain(own).collect()
    }

    /// Makes ACS need so much more time for each token; zero ends that.
    pub(crate) async fn delay_tokens(&self, delay: Duration) -> Result<(), Box<dyn Error>> {
        let (route, body) = match delay {
            Duration::ZERO => ("DELETE /_emulator/faults", String::new()),
            delay => ("POST /_emulator/faults", token_delay(delay).to_string()),
        };
        let endpoint = self.acs.endpoint();
        let json = [("content-type", "application/json")];
        let send = move || harness::send(&endpoint, route, &json, &body);
        let reply = tokio::task::spawn_blocking(send).await??;
        if reply.is_success() { Ok(()) } else { Err(format!("{route}: {reply:?}").into()) }
    }

    /// The median duration in milliseconds of the call to ACS that every warm call contains,
    /// measured from here. The rest of a warm call is the function, the table and the runtime.
    pub(crate) async fn acs_call(&self) -> Result<f64, Box<dyn Error>> {
        let acs = self.direct_acs().await?;
        let mut times = Vec::new();
        for _ in 0..CALLS {
            let started = Instant::now();
            acs.issue_token().await?;
            times.push(started.elapsed());
        }
        Ok(median_ms(times.into_iter()))
    }

    /// ACS without a function before it.
    pub(crate) async fn direct_acs(&self) -> Result<DirectAcs, Box<dyn Error>> {
        let config = Config::new(self.acs.connection_string().parse()?);
        let client = AcsIdentityClient::new(config, SystemClock::default())?;
        let identity = client.create_identity(deadline()).await?;
        Ok(DirectAcs { client, identity })
    }
}

/// ACS without a function before it, and an identity.
pub(crate) struct DirectAcs {
    client: AcsIdentityClient<SystemClock>,
    identity: AcsId,
}

impl DirectAcs {
    /// The call that every warm call of the function contains.
    pub(crate) async fn issue_token(&self) -> Result<(), identity_core::Error> {
        let request = TokenRequest { scopes: Scopes::chat_and_voip(), lifetime: Lifetime::HOUR };
        self.client.issue_access_token(&self.identity, &request, deadline()).await?;
        Ok(())
    }
}

fn deadline() -> SystemTime {
    SystemClock::default().now() + Duration::from_secs(5)
}

/// The faults that make the emulator answer every request for a token so much later.
fn token_delay(delay: Duration) -> Value {
    let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    json!({ "faults": [{ "operation": "issueAccessToken", "action": { "delayMs": delay_ms } }] })
}

impl ServicesOverTls {
    async fn start(acs: &EmulatorServer, engine: &DynamoEngine) -> Result<Self, Box<dyn Error>> {
        let mut front = TlsFront::new()?;
        let plain = acs.endpoint();
        let encrypted = front.before(&plain).await?;
        let connection_string = acs.connection_string().replace(&plain, &encrypted);
        if !connection_string.contains(&encrypted) {
            return Err("the connection string does not contain the URL of the emulator".into());
        }
        let secrets_manager = secrets_manager(SECRET, &connection_string).await?;
        Ok(Self {
            dynamodb_url: front.before(&engine.url()).await?,
            secrets_manager_url: front.before(&secrets_manager.url()).await?,
            connection_string,
            _secrets_manager: secrets_manager,
            front,
        })
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
