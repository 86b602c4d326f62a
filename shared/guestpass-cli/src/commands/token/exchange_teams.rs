//! `guestpass token exchange-teams`

use api_types::TokenOutput;
use identity_core::exchange_teams_token::{EntraUser, Exchange};
use identity_core::ports::Clock as _;

use crate::commands::CommandContext;
use crate::input::{UnverifiedJwt, secret_in, teams_claims, token_in};
use crate::options::TokenExchangeTeamsArguments;
use crate::report::{CliError, Result};
use crate::service::{acs_client, explain, invocation, operator};

/// Exchanges a Teams user's token.
pub(crate) async fn run(
    arguments: TokenExchangeTeamsArguments,
    context: &CommandContext,
) -> Result<()> {
    let TokenExchangeTeamsArguments { app_id, user_id, token_file } = arguments;
    let text = secret_in(&token_file, "the Teams user's token")?;
    let found = token_in(text.expose()).filter(|token| UnverifiedJwt::read(token).is_some());
    let token = found.ok_or_else(|| {
        CliError::usage("invalid token: expected a JSON Web Token")
            .hint("pipe in the access token that Entra gave the app, or the answer it came in")
    })?;
    let claims = teams_claims(&token);
    // The caller holds the token, so the caller's `--user-id` and the token's tenant identify
    // the user.
    let caller = EntraUser { oid: user_id, tid: claims.tid.clone().unwrap_or_default() };
    let target = context.target().await?;
    let acs = acs_client(&target).await?;
    let token = identity_core::secret::Secret::new(token);
    let invocation = invocation(&target.clock);
    let exchange = Exchange { token, claims, app_id, caller, invocation };
    let exchanged = exchange
        .redeem(&acs, operator::admission(), target.clock.now())
        .await
        .map_err(|error| explain(&error, &target))?;
    context.show(&TokenOutput::without_user(&exchanged, target.clock.now()))
}
