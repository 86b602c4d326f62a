//! `guestpass token exchange-teams`

use std::path::PathBuf;

use clap::Args;
use identity_core::{
    exchange_teams_token::{EntraUser, Exchange, UnverifiedClaims},
    ports::Clock as _,
};

use super::Context;
use crate::{
    explain::explain,
    failure::{Failure, Result},
    jwt::{self, Unverified},
    operator,
    target::secret_in,
    views::Token,
    world::{acs, invocation},
};

/// Whose token.
#[derive(Args)]
#[command(after_help = "\
The token is for https://auth.msft.communication.azure.com and permits Teams.ManageCalls and
Teams.ManageChats. It comes from stdin, or from a file.")]
pub(crate) struct Arguments {
    /// The client id of the Entra application it was issued to
    #[arg(long, value_name = "GUID")]
    app_id: String,
    /// The object id of its user
    #[arg(long, value_name = "GUID")]
    user_id: String,
    /// A file with the token, instead of stdin
    #[arg(long, value_name = "PATH", default_value = "-", hide_default_value = true)]
    token_file: PathBuf,
}

/// Exchanges a Teams user's token.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let Arguments { app_id, user_id, token_file } = arguments;
    let text = secret_in(&token_file, "the Teams user's token")?;
    let found = jwt::found_in(text.expose()).filter(|token| Unverified::read(token).is_some());
    let token = found.ok_or_else(|| {
        Failure::usage("that is no JSON Web Token")
            .so("pipe in the access token that Entra gave the app, or the answer it came in")
    })?;
    let claims = claims(&token);
    // The caller holds the token, so the caller's `--user-id` and the token's tenant identify
    // the user.
    let caller = EntraUser { oid: user_id, tid: claims.tid.clone().unwrap_or_default() };
    let target = context.target().await?;
    let acs = acs(&target)?;
    let token = identity_core::secret::Secret::new(token);
    let invocation = invocation(&target.clock);
    let exchange = Exchange { token, claims, app_id, caller, invocation };
    let exchanged = exchange
        .redeem(&acs, operator::admission(), target.clock.now())
        .await
        .map_err(|error| explain(&error, &target))?;
    context.show(&Token::new(&exchanged, None, target.clock.now()))
}

/// The claims of the token that matter here.
pub(crate) fn claims(token: &str) -> UnverifiedClaims {
    let claims = Unverified::read(token).map(|token| serde_json::Value::Object(token.claims));
    claims.and_then(|claims| serde_json::from_value(claims).ok()).unwrap_or_default()
}
