//! `guestpass token revoke`

use clap::Args;
use identity_core::{
    record::{By, Cause},
    revoke_access_tokens::{IfMissing, RevokeAccessTokensRequest, revoke_access_tokens},
};

use super::{Context, identity, own_words};
use crate::{
    confirm::confirm,
    failure::{Exit, Failure, Result},
    receipt::Receipt,
    world::World,
};

/// Whose tokens.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The external id or the ACS id
    #[arg(long, value_name = "ID")]
    user: String,
    /// Issue no new token, either, until an administrator unblocks the user
    #[arg(long)]
    block: bool,
    /// With --block: also a user of whom there is no record, before their first call
    #[arg(long, requires = "block")]
    create: bool,
    /// Why, in your own words; it is kept with the receipt
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Revokes every token of an identity.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let Arguments { user, block, create, reason, yes } = arguments;
    revoke(&user, What { block, create }, reason.as_deref(), yes, context).await
}

/// What to do besides the revocation.
#[derive(Clone, Copy)]
pub(crate) struct What {
    /// Issue no new token to the user.
    pub(crate) block: bool,
    /// Also block a user without a record.
    pub(crate) create: bool,
}

/// Revokes every token, also for commands with other arguments.
pub(crate) async fn revoke(
    user: &str,
    what: What,
    reason: Option<&str>,
    yes: bool,
    context: &Context,
) -> Result<()> {
    let What { block, create } = what;
    let identity = identity(user)?;
    let reason = reason.map(own_words).transpose()?;
    let if_missing = if create { IfMissing::Create } else { IfMissing::Refuse };
    let target = context.target().await?;
    let and = if block { " and block them" } else { "" };
    let question = format!("Revoke every token of {user} {}{and}?", target.in_words());
    confirm(&question, yes, &context.around)?;
    let world = World::of(target).await?;
    let cause = Cause { by: By::administrator(world.administrator().id()), reason };
    let receipt = world
        .serve(async |invocation| {
            let request = RevokeAccessTokensRequest { identity, block, bearer: None, if_missing, pace: None, cause, invocation };
            revoke_access_tokens(&world.store, &world.acs, &world.clock, request).await
        })
        .await
        .map_err(|failure| match failure.exit {
            Exit::Later => failure.so(
                "assume that the tokens live, and run the same again; what was recorded of it stays",
            ),
            Exit::NotFound if block => Failure::new(Exit::NotFound, "no record of this user")
                .because("the external id may have a typing mistake, or the user never asked for a token")
                .so("check the name; to block them before their first call, give --create"),
            _ => failure,
        })?;
    context.show(&Receipt::from(&receipt))
}
