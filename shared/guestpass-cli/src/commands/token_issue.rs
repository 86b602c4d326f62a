//! `guestpass token issue`

use clap::Args;
use identity_core::{
    issue_access_token::{IssueAccessTokenRequest, TokenSubject, issue_access_token},
    ports::Clock as _,
};

use super::{Context, identity, token_request};
use crate::{cli::Scope, failure::Result, views::Token};

/// Whose token, and what for.
#[derive(Args)]
#[command(after_help = "\
An identity and its first token in one request: guestpass identity create --with-token
Into the shell: eval \"$(guestpass token issue --user ID --scope voip -o env)\" sets ACS_TOKEN,
ACS_TOKEN_EXPIRES_ON and ACS_USER_ID.")]
pub(crate) struct Arguments {
    /// The external id or the ACS id of an identity that exists
    #[arg(long, value_name = "ID")]
    user: String,
    /// What the token may be used for
    #[arg(long, required = true, num_args = 1.., value_delimiter = ',', value_name = "SCOPE")]
    scope: Vec<Scope>,
    /// How long it lives: 60m to 24h
    #[arg(long, value_name = "SPAN", default_value = "60m")]
    expires_in: String,
}

/// Issues a token.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let identity = identity(&arguments.user)?;
    let token = token_request(&arguments.scope, Some(&arguments.expires_in))?;
    let scopes = token.scopes.clone();
    let world = context.world().await?;
    let subject = TokenSubject::Identity { identity, by: world.administrator() };
    let issued = world
        .serve(async |invocation| {
            let request = IssueAccessTokenRequest { subject, token, invocation };
            issue_access_token(&world.store, &world.acs, &world.clock, request).await
        })
        .await?;
    context.show(&Token::new(&issued.token, Some((&issued.acs_id, &scopes)), world.clock.now()))
}
