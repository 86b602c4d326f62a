//! `guestpass identity create`

use clap::Args;
use identity_core::{
    create_identity::{CreateIdentityRequest, create_identity},
    identity::ExternalId,
    ports::Clock as _,
};

use super::{Context, token_request};
use crate::{
    cli::Scope,
    failure::{Failure, Result},
    views::{Created, Token},
};

/// What to create.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Your name for the user; who has an identity already keeps it. Without one, a name
    /// is made up
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Issue a token in the same request
    #[arg(long, requires = "scope")]
    pub(super) with_token: bool,
    /// What the token may be used for
    #[arg(long, requires = "with_token", num_args = 1.., value_delimiter = ',', value_name = "SCOPE")]
    scope: Vec<Scope>,
    /// How long the token lives: 60m to 24h
    #[arg(long, requires = "with_token", value_name = "SPAN")]
    expires_in: Option<String>,
}

/// Creates an identity, or finds the existing one.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let Arguments { external_id, with_token, scope, expires_in } = arguments;
    let token = with_token.then(|| token_request(&scope, expires_in.as_deref())).transpose()?;
    let scopes = token.as_ref().map(|token| token.scopes.clone());
    // The service generates names in the same form.
    let name = external_id.unwrap_or_else(|| format!("generated|{}", uuid::Uuid::new_v4()));
    let user = ExternalId::parse(&name).ok_or_else(|| {
        Failure::usage(format!("{name:?} is no external id"))
            .because("it has 1 to 1,024 visible ASCII characters and does not begin with 8:")
            .so("for somebody who signs in it is <issuer>|<subject>")
    })?;
    let world = context.world().await?;
    let obtained = world
        .serve(async |invocation| {
            let request =
                CreateIdentityRequest { user, token, by: world.administrator(), invocation };
            create_identity(&world.store, &world.acs, &world.clock, request).await
        })
        .await?;
    let token = obtained.token.as_ref().zip(scopes.as_ref()).map(|(token, scopes)| {
        Token::new(token, Some((&obtained.acs_id, scopes)), world.clock.now())
    });
    context.show(&Created::new(&obtained.record, obtained.created, token))
}
