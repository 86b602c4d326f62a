//! The parameters of the template that configure the simulated transmitters.

use std::collections::BTreeMap;

use super::listeners::{Listeners, url};
use super::start_error::StackStartError;
use crate::options::StackOptions;
use crate::signals::SimulatedTransmitters;

/// The secret from which a function reads the credentials of transmitters.
const TRANSMITTER_SECRET: &str = "arn:aws:secretsmanager:local:000000000000:secret:transmitters";

/// The transmitters below the console, about the users of the API's issuer.
pub(super) fn simulated(
    options: &StackOptions,
    listeners: &Listeners,
) -> Result<SimulatedTransmitters, StackStartError> {
    let [gateway, issuer] = listeners.reachable_urls()?;
    let users = options.parameters.get("Issuer").unwrap_or(&issuer.public);
    SimulatedTransmitters::new(&url(&listeners.console)?, &gateway.public, users)
        .map_err(StackStartError::System)
}

/// The parameters that the stack sets, unless the user does.
pub(super) fn defaults(
    parameters: &BTreeMap<String, String>,
    transmitters: &SimulatedTransmitters,
) -> Vec<(String, String)> {
    // The messages of these transmitters have one claim that names the user, so they cannot name
    // users by several.
    let claims = parameters.get("SubjectClaims").map_or("sub", String::as_str);
    if claims.contains(',') {
        return Vec::new();
    }
    [("Transmitters", transmitters.parameter()), ("TransmitterSecretArn", secret_arn(parameters))]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

/// The ARN of the secret with the credentials.
pub(super) fn secret_arn(parameters: &BTreeMap<String, String>) -> String {
    parameters.get("TransmitterSecretArn").map_or(TRANSMITTER_SECRET, String::as_str).to_owned()
}
