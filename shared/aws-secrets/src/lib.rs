//! Reads secrets from AWS Secrets Manager: the connection string of ACS, and the key that
//! pseudonymises callers in log lines.

mod arn;

use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use identity_core::error_chain;
use identity_core::secret::Secret;
use tokio::sync::Mutex;
use tracing::error;

pub use arn::{SecretArn, SecretArnError};

/// Reads secrets one at a time: the second one uses the connection of the first, so that a
/// starting process opens only one.
#[derive(Clone, Debug)]
pub struct SecretReader {
    client: Client,
    only_read: Arc<Mutex<()>>,
}

impl SecretReader {
    /// Reads secrets through `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, only_read: Arc::default() }
    }

    /// Creates the reader with the credentials and the region of the process environment.
    #[must_use]
    pub fn of_process() -> Self {
        static READER: OnceLock<SecretReader> = OnceLock::new();
        READER.get_or_init(|| Self::new(Client::new(&aws_connection::config()))).clone()
    }

    /// Reads the text of a secret.
    pub async fn read(&self, arn: &SecretArn) -> Result<Secret, SecretReadError> {
        let only_read = self.only_read.lock().await;
        let read = self.client.get_secret_value().secret_id(arn.as_str()).send().await;
        drop(only_read);
        let value = read.map_err(|error| SecretReadError(unreadable(&error)))?;
        let text = value.secret_string().ok_or_else(|| SecretReadError(NO_TEXT.to_owned()))?;
        Ok(Secret::new(text))
    }
}

/// Reads an optional key. If it cannot be read, the reason is logged and the result is `None`.
pub async fn key(arn: Option<SecretArn>) -> Option<Secret> {
    let arn = arn?;
    match SecretReader::of_process().read(&arn).await {
        Ok(key) => Some(key),
        Err(cause) => {
            error!(%cause, "key of the caller hash not readable: log lines name no callers");
            None
        }
    }
}

/// The error of reading a secret. It never quotes the secret.
#[derive(Debug)]
pub struct SecretReadError(String);

impl fmt::Display for SecretReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for SecretReadError {}

/// Describes the reason with the errors' `Display` output only. Their `Debug` output would
/// include an invalid response, which may contain the secret.
fn unreadable(error: &SdkError<GetSecretValueError>) -> String {
    let service_error = error.as_service_error();
    let code = service_error.and_then(|error| error.code()).unwrap_or_default();
    let message = service_error.and_then(|error| error.message()).unwrap_or_default();
    match code {
        "" => error_chain(error),
        "AccessDeniedException" => {
            format!(
                "{code} ({message}); the function needs secretsmanager:GetSecretValue for this secret"
            )
        }
        "ResourceNotFoundException" => {
            format!("{code} ({message}); the secret must be in the function's account and region")
        }
        _ => format!("{code} ({message})"),
    }
}

const NO_TEXT: &str = "the secret contains bytes; store it as text";
