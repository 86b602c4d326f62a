//! The transmitter and the credentials that the options name.

use identity_core::secret::Secret;

use crate::commands::CommandContext;
use crate::input::secret_in;
use crate::options::TransmitterOptions;
use crate::report::{CliError, Result};
use crate::service::{ApiCredential, TransmitterAccess, TransmitterApi};

/// The variable with an access token.
const TOKEN: &str = "GUESTPASS_TRANSMITTER_TOKEN";

/// The variable with the secret of a client.
const CLIENT_SECRET: &str = "GUESTPASS_TRANSMITTER_SECRET";

/// The API of the transmitter that the options name.
pub(super) async fn connect(
    options: TransmitterOptions,
    context: &CommandContext,
) -> Result<TransmitterApi> {
    let access = if options.transmitter.contains("://") {
        let credential = credential(&options, context)?;
        TransmitterAccess { issuer: options.transmitter, credential }
    } else {
        simulated(&options, context).await?
    };
    TransmitterApi::connect(&access).await
}

fn credential(options: &TransmitterOptions, context: &CommandContext) -> Result<ApiCredential> {
    if let Some(file) = &options.token_file {
        return Ok(ApiCredential::Token(secret_in(file, "the access token")?));
    }
    if let (Some(token_url), Some(client_id)) = (&options.token_url, &options.client_id) {
        let in_variable = || context.environment.variable(CLIENT_SECRET).map(Secret::new);
        let client_secret = match &options.client_secret_file {
            Some(file) => secret_in(file, "the client's secret")?,
            None => in_variable().ok_or_else(|| {
                CliError::usage("the client's secret is missing")
                    .because(format!("{CLIENT_SECRET} is not set"))
                    .hint("set it, or give --client-secret-file")
            })?,
        };
        let (token_url, client_id) = (token_url.clone(), client_id.clone());
        let scope = options.scope.clone();
        return Ok(ApiCredential::Client { token_url, client_id, client_secret, scope });
    }
    let token = context.environment.variable(TOKEN).map(Secret::new);
    token.map(ApiCredential::Token).ok_or_else(|| {
        CliError::usage("no credentials for the transmitter's API")
            .because(format!("{TOKEN} is not set"))
            .hint("set it, or give --token-file, or --token-url and --client-id")
    })
}

/// A transmitter of the local stack, whose credentials are in `stack.json`.
async fn simulated(
    options: &TransmitterOptions,
    context: &CommandContext,
) -> Result<TransmitterAccess> {
    let target = context.target().await?;
    let name = &options.transmitter;
    let all = target.stack().map(|stack| stack.transmitters.as_slice()).unwrap_or_default();
    let found = all.iter().find(|transmitter| transmitter.name == *name);
    let client = found.and_then(|found| Some((found, found.client.as_ref()?)));
    let (found, client) = client.ok_or_else(|| {
        let known = all.iter().filter(|known| known.client.is_some());
        let known: Vec<_> = known.map(|known| known.name.as_str()).collect();
        let why = if known.is_empty() {
            "without a local stack, a transmitter is named by its issuer".to_owned()
        } else {
            format!("the local stack has {}", known.join(", "))
        };
        CliError::usage(format!("unknown transmitter {name:?}"))
            .because(why)
            .hint("give the issuer of the transmitter, which begins with https://")
    })?;
    let credential = ApiCredential::Client {
        token_url: client.token_url.clone(),
        client_id: client.client_id.clone(),
        client_secret: Secret::new(client.client_secret.as_str()),
        scope: None,
    };
    Ok(TransmitterAccess { issuer: found.issuer.clone(), credential })
}
