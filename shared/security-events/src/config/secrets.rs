use std::collections::HashMap;
use std::fmt;

use identity_core::secret::Secret;
use serde_json::Value;
use subtle::ConstantTimeEq;

/// What the transmitters must know: one secret of Secrets Manager, a JSON object from the name of a
/// transmitter to an object of its secrets.
#[derive(Clone, Default)]
pub struct TransmitterSecrets(HashMap<String, HashMap<String, Secret>>);

/// The secret does not have the expected form. It does not quote the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the secret of the transmitters must be a JSON object from the name of a transmitter to an \
     object of texts, for example {{\"okta\": {{\"authorization\": \"Bearer …\"}}}}"
)]
pub struct TransmitterSecretError;

impl TransmitterSecrets {
    /// Reads the text of the secret.
    ///
    /// # Errors
    /// It does not have the expected form.
    pub fn parse(text: &Secret) -> Result<Self, TransmitterSecretError> {
        let Ok(Value::Object(names)) = serde_json::from_str(text.expose()) else {
            return Err(TransmitterSecretError);
        };
        let secrets = names.into_iter().map(|(name, members)| {
            let Value::Object(members) = members else { return Err(TransmitterSecretError) };
            let members = members.into_iter().map(|(member, value)| match value {
                Value::String(text) if !text.is_empty() => Ok((member, Secret::new(text))),
                _ => Err(TransmitterSecretError),
            });
            Ok((name, members.collect::<Result<_, _>>()?))
        });
        secrets.collect::<Result<_, _>>().map(Self)
    }

    /// A secret of a transmitter.
    #[must_use]
    pub fn get(&self, transmitter: &str, member: &str) -> Option<&Secret> {
        self.0.get(transmitter)?.get(member)
    }

    /// The transmitters that have secrets.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether `given` is the secret, compared in constant time. `None` if the transmitter has no
    /// such secret.
    #[must_use]
    pub fn matches(&self, transmitter: &str, member: &str, given: &str) -> Option<bool> {
        let secret = self.get(transmitter, member)?;
        Some(secret.expose().as_bytes().ct_eq(given.as_bytes()).into())
    }
}

impl fmt::Debug for TransmitterSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransmitterSecrets(…)")
    }
}
