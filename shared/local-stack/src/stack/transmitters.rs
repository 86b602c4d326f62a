//! The parameters of the template that configure the simulated transmitters.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::listeners::{Listeners, url};
use super::start_error::StackStartError;
use crate::entra;
use crate::options::StackOptions;
use crate::signals::SimulatedTransmitters;

/// The secret from which a function reads the credentials of transmitters.
const TRANSMITTER_SECRET: &str = "arn:aws:secretsmanager:local:000000000000:secret:transmitters";

/// The transmitters of a stack.
pub(super) struct StackTransmitters {
    /// Those that send signed messages.
    pub(super) signed: SimulatedTransmitters,
    /// The value of `Transmitters` with the simulated Entra.
    entra: String,
}

impl StackTransmitters {
    /// The transmitters below the console, and Entra, about the users of the API's issuer.
    pub(super) fn new(
        options: &StackOptions,
        listeners: &Listeners,
    ) -> Result<Self, StackStartError> {
        let [gateway, issuer] = listeners.reachable_urls()?;
        let users = options.parameters.get("Issuer").unwrap_or(&issuer.public);
        let signed = SimulatedTransmitters::new(&url(&listeners.console)?, &gateway.public, users)
            .map_err(StackStartError::System)?;
        let entra = entra::transmitter(&url(&listeners.entra)?, &gateway.local, users);
        Ok(Self { signed, entra: Value::Array(vec![entra]).to_string() })
    }

    /// The parameters that the stack sets, unless the user does.
    pub(super) fn defaults(&self, parameters: &BTreeMap<String, String>) -> Vec<(String, String)> {
        let claims = parameters.get("SubjectClaims").map_or("sub", String::as_str);
        let transmitters = match claims {
            // Graph knows these claims of a user, and no others.
            "oid" | "tid,oid" | "oid,tid" => self.entra.clone(),
            // The signed messages have one claim that names the user.
            _ if claims.contains(',') => return Vec::new(),
            _ => self.signed.parameter(),
        };
        [("Transmitters", transmitters), ("TransmitterSecretArn", secret_arn(parameters))]
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }

    /// The secret of `TransmitterSecretArn`: credentials by transmitter.
    pub(super) fn secret(&self) -> String {
        let mut secret: Map<String, Value> =
            serde_json::from_str(&self.signed.secret()).unwrap_or_default();
        secret.insert(entra::TRANSMITTER.to_owned(), entra::secret());
        Value::Object(secret).to_string()
    }
}

/// The ARN of the secret with the credentials.
pub(super) fn secret_arn(parameters: &BTreeMap<String, String>) -> String {
    parameters.get("TransmitterSecretArn").map_or(TRANSMITTER_SECRET, String::as_str).to_owned()
}
