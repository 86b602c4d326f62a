//! Reads the connection string of an ACS resource from a secret in AWS Secrets Manager.
//!
//! It is read during init, and again when ACS refuses the key, at most once per 30 s (see
//! [`acs_client::Credential::keys`]): a key rotation needs no deployment.

use std::{error::Error, fmt};

use acs_client::{AcsIdentityClient, ApiVersion, Config, ConnectionStrings, KeySource};
use aws_secrets::SecretReader;
use identity_core::ports::{Clock, ConfigError, Env, required};

pub use acs_client::CallLimits;
pub use aws_secrets::{SecretArn, SecretArnError};

/// A resource whose connection string is in a secret.
#[derive(Clone, Debug)]
pub struct AcsResource {
    /// The secret.
    pub secret: SecretArn,
    /// The version of the API.
    pub api_version: ApiVersion,
}

impl AcsResource {
    /// Reads `ACS_SECRET_ARN` and `ACS_API_VERSION`.
    pub fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            secret: required(env, "ACS_SECRET_ARN")?,
            api_version: required(env, "ACS_API_VERSION")?,
        })
    }

    /// Reads the secret, with the credentials and the region of the process environment,
    /// and opens the connection, so that the first request finds it open.
    pub async fn connect<C: Clock>(self, clock: C) -> Result<AcsIdentityClient<C>, SecretError> {
        self.connect_within(CallLimits::default(), clock).await
    }

    /// Like [`connect`](Self::connect), with custom limits.
    pub async fn connect_within<C: Clock>(
        self,
        limits: CallLimits,
        clock: C,
    ) -> Result<AcsIdentityClient<C>, SecretError> {
        let Self { secret, api_version } = self;
        let unusable = |reason: String| SecretError::new(&secret, reason);
        let source =
            ConnectionStringSecret { reader: SecretReader::of_process(), arn: secret.clone() };
        let config = Config::load(source).await.map_err(|error| unusable(error.to_string()))?;
        let acs = AcsIdentityClient::new(Config { api_version, limits, ..config }, clock)
            .map_err(|error| unusable(error.to_string()))?;
        acs.connect().await;
        Ok(acs)
    }
}

/// Lets the client read the connection string again.
struct ConnectionStringSecret {
    reader: SecretReader,
    arn: SecretArn,
}

impl KeySource for ConnectionStringSecret {
    async fn load(&self) -> Result<ConnectionStrings, Box<dyn Error + Send + Sync>> {
        let secret = self.reader.read(&self.arn).await?;
        let text = secret.expose();
        if text.trim_start().starts_with('{') {
            return Err(JSON.into());
        }
        Ok(text.parse::<acs_client::ConnectionString>()?.into())
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

const JSON: &str = "the secret contains JSON; store the connection string alone, as plain text";

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
        let secret = ConnectionStringSecret { reader, arn: ARN.parse().unwrap() };
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
    fn debug_output_equals_the_message() {
        let error = SecretError::new(&ARN.parse().unwrap(), JSON.to_owned());
        let line = format!("the secret {ARN} is not usable: {JSON}");
        assert_eq!((format!("{error:?}"), error.to_string()), (line.clone(), line));
    }
}
