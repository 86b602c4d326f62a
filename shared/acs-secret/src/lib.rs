//! Reads the connection strings of the ACS resources of a deployment from one secret in AWS
//! Secrets Manager.
//!
//! They are read during init, and again when ACS refuses a key, at most once per 30 s and resource
//! (see [`acs_client::Credential::keys`]): a key rotation needs no deployment.

use std::collections::BTreeMap;
use std::{error::Error, fmt};

use acs_client::{
    AcsIdentityClient, ApiVersion, Config, ConnectionString, ConnectionStrings, Credential,
    KeySource, connection_strings,
};
use aws_secrets::SecretReader;
use identity_core::ports::{Clock, ConfigError, Env, ResourceClients, required};
use identity_core::resource::{Placement, ResourceName};

pub use acs_client::CallLimits;
pub use aws_secrets::{SecretArn, SecretArnError};

/// The resources whose connection strings are in a secret.
#[derive(Clone, Debug)]
pub struct AcsResources {
    /// The secret.
    pub secret: SecretArn,
    /// The version of the API.
    pub api_version: ApiVersion,
    /// Which of the resources get new identities.
    pub placement: Placement,
}

impl AcsResources {
    /// Reads `ACS_SECRET_ARN`, `ACS_API_VERSION` and `ACS_PLACEMENT`.
    ///
    /// Without `ACS_PLACEMENT`, all new identities are in the resource `main`.
    pub fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            secret: required(env, "ACS_SECRET_ARN")?,
            api_version: required(env, "ACS_API_VERSION")?,
            placement: placement(env)?,
        })
    }

    /// Reads the secret, with the credentials and the region of the process environment, and opens
    /// a connection to the first resource, so that the first request finds it open. The others are
    /// connected when they are first used.
    pub async fn connect<C: Clock + Clone>(
        self,
        clock: C,
    ) -> Result<ResourceClients<AcsIdentityClient<C>>, SecretError> {
        self.connect_within(CallLimits::default(), clock).await
    }

    /// Like [`connect`](Self::connect), with custom limits.
    pub async fn connect_within<C: Clock + Clone>(
        self,
        limits: CallLimits,
        clock: C,
    ) -> Result<ResourceClients<AcsIdentityClient<C>>, SecretError> {
        let Self { secret, api_version, placement } = self;
        let unusable = |reason: String| SecretError::new(&secret, reason);
        let text = SecretReader::of_process().read(&secret).await;
        let text = text.map_err(|error| unusable(error.to_string()))?;
        let strings = connection_strings(text.expose()).map_err(&unusable)?;
        let mut clients = BTreeMap::new();
        for (resource, string) in strings {
            let endpoint = string.endpoint.clone();
            let source = ConnectionStringSecret {
                reader: SecretReader::of_process(),
                arn: secret.clone(),
                resource: resource.clone(),
            };
            let credential = Credential::keys(string.into(), source);
            let config = Config::with_credential(endpoint, credential);
            let config = Config {
                api_version: api_version.clone(),
                // Users' tokens for Teams Phone: the emulator of a developer's machine speaks http.
                bearer_over_loopback_http: true,
                limits,
                ..config
            };
            let client = AcsIdentityClient::new(config, clock.clone())
                .map_err(|error| unusable(error.to_string()))?;
            clients.insert(resource, client);
        }
        let clients = ResourceClients::new(clients, placement).map_err(|missing| {
            let name = missing.0;
            unusable(format!(
                "it has no connection string of the resource `{name}`, which the parameter \
                 AcsPlacement names: add it with `make secret RESOURCE={name}`, or remove the \
                 resource from AcsPlacement"
            ))
        })?;
        if let Some(first) = clients.first() {
            first.connect().await;
        }
        Ok(clients)
    }

    /// A client of the first resource, for operations that concern no identity.
    pub async fn connect_first<C: Clock + Clone>(
        self,
        clock: C,
    ) -> Result<AcsIdentityClient<C>, SecretError> {
        let secret = self.secret.clone();
        let first = self.connect(clock).await?.into_first();
        first.ok_or_else(|| SecretError::new(&secret, EMPTY.to_owned()))
    }
}

/// Reads `ACS_PLACEMENT`. It is not a secret, so an error may quote its names.
fn placement(env: &impl Env) -> Result<Placement, ConfigError> {
    const NAME: &str = "ACS_PLACEMENT";
    match env(NAME).filter(|raw| !raw.trim().is_empty()) {
        None => Ok(Placement::default()),
        Some(raw) => serde_json::from_str(&raw)
            .map_err(|error| ConfigError::new(NAME, format!("is not a valid placement: {error}"))),
    }
}

/// Lets the client of one resource read its connection string again.
struct ConnectionStringSecret {
    reader: SecretReader,
    arn: SecretArn,
    resource: ResourceName,
}

impl KeySource for ConnectionStringSecret {
    async fn load(&self) -> Result<ConnectionStrings, Box<dyn Error + Send + Sync>> {
        let secret = self.reader.read(&self.arn).await?;
        let string: Option<ConnectionString> =
            connection_strings(secret.expose())?.remove(&self.resource);
        let missing = || format!("it has no connection string of the resource `{}`", self.resource);
        Ok(string.ok_or_else(missing)?.into())
    }
}

/// The error of connecting to ACS. It names the secret but never quotes its value.
///
/// Its `Debug` output equals its `Display` output, because `main` prints `Debug` when it returns
/// an error.
pub struct SecretError {
    arn: SecretArn,
    reason: String,
}

impl SecretError {
    fn new(arn: &SecretArn, reason: String) -> Self {
        Self { arn: arn.clone(), reason }
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret {} is not usable: {}", self.arn, self.reason)
    }
}

impl fmt::Debug for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for SecretError {}

const EMPTY: &str = "it has no connection string";

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::Client;
    use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
    use axum::{Router, http::StatusCode, routing::post};
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acs";

    /// The result of `load` when Secrets Manager answers with this status and body.
    async fn load(status: u16, answer: String) -> Result<ConnectionStrings, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let status = StatusCode::from_u16(status).unwrap();
        let router = Router::new().route("/", post(async move || (status, answer)));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        let config = aws_sdk_secretsmanager::Config::from(&aws_connection::config())
            .to_builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-1"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(endpoint)
            .build();
        let client = Client::from_conf(config);
        let reader = SecretReader::new(client);
        let (arn, resource) = (ARN.parse().unwrap(), ResourceName::MAIN);
        let secret = ConnectionStringSecret { reader, arn, resource };
        let loaded = secret.load().await;
        serving.abort();
        loaded.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_connection_string_is_read_from_the_secret() {
        let text = "endpoint=https://contoso.communication.azure.com/;accesskey=c2VjcmV0\n";
        for text in [text.to_owned(), format!("\u{feff}ACS=\"{text}\"\r\n")] {
            let loaded = load(200, json!({ "SecretString": text }).to_string()).await.unwrap();
            assert_eq!(loaded.primary.endpoint.host(), "contoso.communication.azure.com");
            assert!(loaded.secondary.is_none());
        }
    }

    #[tokio::test]
    async fn an_error_says_what_to_do_and_does_not_quote_the_secret() {
        let said = |text: &str| json!({ "SecretString": text }).to_string();
        let failed = |code: &str| json!({ "__type": code, "Message": "m" }).to_string();
        for (status, answer, expected) in [
            (200, said("canary"), "copy all of it"),
            (200, said(r#" {"connectionString": "canary"}"#), "as plain text"),
            (200, said(r#"{"eu2": "canary"}"#), "resource `eu2`: "),
            (
                200,
                said(
                    r#"{"eu2": "endpoint=https://b.communication.azure.com/;accesskey=c2VjcmV0"}"#,
                ),
                "no connection string of the resource `main`",
            ),
            (200, json!({ "SecretBinary": "Y2FuYXJ5" }).to_string(), "as text"),
            (200, "canary".to_owned(), ""),
            (400, failed("AccessDeniedException"), "needs secretsmanager:GetSecretValue"),
            (400, failed("ResourceNotFoundException"), "account and region"),
            (400, failed("DecryptionFailure"), "DecryptionFailure (m)"),
            (400, "canary".to_owned(), ""),
        ] {
            let problem = load(status, answer.clone()).await.unwrap_err();
            assert!(problem.contains(expected), "{answer}: {problem}");
            assert!(!problem.is_empty() && !problem.contains("canary"), "{problem}");
            assert!(!problem.contains("Y2FuYXJ5") && !problem.contains('\n'), "{problem}");
        }
    }

    #[test]
    fn a_placement_is_valid_exactly_if_make_deploy_accepts_it() {
        let values = include_str!("../../../tests/infra/parameter_values.txt");
        let cases = values.lines().filter_map(|line| line.strip_prefix("AcsPlacement "));
        let mut count = 0;
        for (expected, value) in cases.filter_map(|case| case.split_once(' ')) {
            let is_valid = placement(&|_: &str| Some(value.to_owned())).is_ok();
            assert_eq!(is_valid, expected == "valid", "{value}");
            count += 1;
        }
        assert!(count > 10, "{count}");
    }

    #[test]
    fn debug_output_equals_the_message() {
        let error = SecretError::new(&ARN.parse().unwrap(), EMPTY.to_owned());
        let line = format!("the secret {ARN} is not usable: {EMPTY}");
        assert_eq!((format!("{error:?}"), error.to_string()), (line.clone(), line));
    }

    #[tokio::test]
    async fn a_key_is_read_again_from_the_string_of_its_own_resource() {
        let string = |host: &str| format!("endpoint=https://{host}.example/;accesskey=c2VjcmV0");
        let secret = json!({ "eu2": string("eu2"), "main": string("main") }).to_string();
        let loaded = load(200, json!({ "SecretString": secret }).to_string()).await.unwrap();
        assert_eq!(loaded.primary.endpoint.host(), "main.example");
    }

    #[test]
    fn the_placement_is_optional_and_an_invalid_one_is_named() {
        let placement = |raw: &str| placement(&|_: &str| Some(raw.to_owned()));
        for default in ["", " ", "{}", r#"{"main": {}}"#] {
            assert_eq!(placement(default).unwrap(), Placement::default(), "{default}");
        }
        let refusal = placement(r#"{"old": {"state": "draining"}}"#).unwrap_err().to_string();
        let expected = "the environment variable ACS_PLACEMENT is not a valid placement: no \
                        resource is open";
        assert!(refusal.starts_with(expected), "{refusal}");
    }
}
