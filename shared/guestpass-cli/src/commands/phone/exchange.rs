//! `guestpass phone exchange`

use api_types::TokenOutput;
use identity_core::ports::{Clock as _, TeamsPhoneClient as _};
use identity_core::secret::Secret;

use crate::commands::CommandContext;
use crate::input::{UnverifiedJwt, secret_in, token_in};
use crate::options::PhoneExchangeArguments;
use crate::report::{CliError, Result};
use crate::service::{acs_client, explain, invocation, operator};

/// Exchanges a user's token. ACS verifies it.
pub(crate) async fn run(arguments: PhoneExchangeArguments, context: &CommandContext) -> Result<()> {
    let text = secret_in(&arguments.token_file, "the user's Entra token")?;
    let found = token_in(text.expose()).filter(|token| UnverifiedJwt::read(token).is_some());
    let token = found.ok_or_else(|| {
        CliError::usage("invalid token: expected a JSON Web Token")
            .hint("pipe in the access token that Entra gave the app, or the answer it came in")
    })?;
    let token = Secret::new(token);
    let target = context.target().await?;
    let acs = acs_client(&target).await?;
    let until = invocation(&target.clock).acs_until;
    let exchanged = acs.exchange_phone_token(operator::admission(), &token, until);
    let (acs_id, token) = exchanged.await.map_err(|error| explain(&error, &target))?;
    context.show(&TokenOutput::new(&token, &acs_id, target.clock.now()))
}
