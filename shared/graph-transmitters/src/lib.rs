//! The transmitters of the kind `graph`: their settings, their credentials from the secret of the
//! transmitters, and the clients that use these.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use aws_secrets::{SecretArn, SecretReadError, SecretReader};
use entra_users::{ClientSecretSource, GraphClient, GraphError};
use identity_core::ports::{Clock, ConfigError, Env, optional};
use identity_core::secret::Secret;
use security_events::{
    GraphSettings, TransmitterSecretError, TransmitterSecrets, TransmitterSettings, Transmitters,
};

/// The configured transmitters of the kind `graph`, and where their secrets are.
#[derive(Clone, Debug, Default)]
pub struct GraphTransmitters {
    /// The settings, by the name of the transmitter.
    pub settings: BTreeMap<String, ConfiguredGraph>,
    arn: Option<SecretArn>,
}

/// A transmitter of the kind `graph`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredGraph {
    /// Whether what follows from a look-up is applied, or only evaluated.
    pub mode: identity_core::event::EventMode,
    /// The app, its tenants and their users.
    pub settings: GraphSettings,
}

impl GraphTransmitters {
    /// Reads `TRANSMITTERS` with what it needs, and `TRANSMITTER_SECRET_ARN`.
    ///
    /// # Errors
    /// A variable is invalid, or there is a transmitter of the kind `graph`, but no secret.
    pub fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        let mut settings = BTreeMap::new();
        for transmitter in Transmitters::from_env(env)?.iter() {
            if let TransmitterSettings::Graph(graph) = &transmitter.settings {
                let configured =
                    ConfiguredGraph { mode: transmitter.mode, settings: graph.clone() };
                settings.insert(transmitter.name.clone(), configured);
            }
        }
        let arn = optional(env, TRANSMITTER_SECRET_ARN)?;
        if arn.is_none() && !settings.is_empty() {
            let why = "is not set, but a transmitter of the kind `graph` needs its `clientSecret`";
            return Err(ConfigError::new(TRANSMITTER_SECRET_ARN, why));
        }
        Ok(Self { settings, arn })
    }

    /// The secrets of a transmitter; `None` without a transmitter of the kind `graph`.
    #[must_use]
    pub fn secret_of(&self, transmitter: &str) -> Option<TransmitterSecret> {
        let arn = self.arn.clone().filter(|_| self.settings.contains_key(transmitter))?;
        Some(TransmitterSecret {
            reader: SecretReader::of_process(),
            arn: Arc::new(arn),
            transmitter: transmitter.to_owned(),
        })
    }

    /// A client for each transmitter. None opens a connection before its first request.
    ///
    /// # Errors
    /// The HTTP client could not be created.
    pub fn clients<C: Clock + Clone>(
        &self,
        clock: &C,
    ) -> Result<BTreeMap<String, GraphClient<TransmitterSecret, C>>, GraphError> {
        let client = |(name, configured): (&String, &ConfiguredGraph)| {
            let secret = self.secret_of(name)?;
            let client = GraphClient::new(configured.settings.app.clone(), secret, clock.clone());
            Some(client.map(|client| (name.clone(), client)))
        };
        self.settings.iter().filter_map(client).collect()
    }
}

/// The secrets of one transmitter, which are read anew each time.
#[derive(Clone, Debug)]
pub struct TransmitterSecret {
    reader: SecretReader,
    arn: Arc<SecretArn>,
    transmitter: String,
}

/// Why a secret of a transmitter could not be read. It never quotes the secret.
#[derive(Debug, thiserror::Error)]
pub enum TransmitterSecretReadError {
    /// Secrets Manager did not return it.
    #[error("failed to read the secret of the transmitters: {0}")]
    Unreadable(#[from] SecretReadError),
    /// It does not have the expected form.
    #[error(transparent)]
    Invalid(#[from] TransmitterSecretError),
    /// It does not have this member.
    #[error("the secret of the transmitters has no `{member}` for the transmitter `{transmitter}`")]
    Missing {
        /// The name of the transmitter.
        transmitter: String,
        /// The name of the member.
        member: &'static str,
    },
}

impl TransmitterSecret {
    /// Reads one member.
    ///
    /// # Errors
    /// The secret cannot be read, or does not have the member.
    pub async fn read(&self, member: &'static str) -> Result<Secret, TransmitterSecretReadError> {
        let secrets = TransmitterSecrets::parse(&self.reader.read(&self.arn).await?)?;
        let found = secrets.get(&self.transmitter, member).cloned();
        let transmitter = self.transmitter.clone();
        found.ok_or(TransmitterSecretReadError::Missing { transmitter, member })
    }
}

impl ClientSecretSource for TransmitterSecret {
    async fn client_secret(&self) -> Result<Secret, Box<dyn Error + Send + Sync>> {
        Ok(self.read("clientSecret").await?)
    }
}

const TRANSMITTER_SECRET_ARN: &str = "TRANSMITTER_SECRET_ARN";

#[cfg(test)]
mod tests;
