//! `guestpass token revoke`

use clap::Args;
use identity_core::{
    record::{By, Cause},
    revoke_access_tokens::{Request, revoke_access_tokens},
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
    /// No new token, either, until somebody unblocks the user; by external id also for
    /// somebody who was never seen
    #[arg(long)]
    block: bool,
    /// Why, in your own words; it is kept with the receipt
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Revokes every token of an identity.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let Arguments { user, block, reason, yes } = arguments;
    revoke(&user, block, reason.as_deref(), yes, context).await
}

/// The same, for who has other arguments.
pub(crate) async fn revoke(
    user: &str,
    block: bool,
    reason: Option<&str>,
    yes: bool,
    context: &Context,
) -> Result<()> {
    let identity = identity(user)?;
    let cause = Cause { by: By::Administrator, reason: reason.map(own_words).transpose()? };
    let target = context.target().await?;
    let and = if block { " and block them" } else { "" };
    let question = format!("Revoke every token of {user} {}{and}?", target.in_words());
    confirm(&question, yes, &context.around)?;
    let world = World::of(target).await?;
    let receipt = world
        .serve(async |invocation| {
            let request = Request { identity, block, cause, invocation };
            revoke_access_tokens(&world.store, &world.acs, &world.clock, request).await
        })
        .await
        .map_err(|failure| match failure.exit {
            Exit::Later => failure.so(
                "assume that the tokens live, and run the same again; what was recorded of it stays",
            ),
            _ => failure,
        })?
        .ok_or_else(|| {
            Failure::new(Exit::NotFound, "there is nothing to revoke")
                .because("no identity goes by this name")
                .so("`guestpass identity list` shows those there are; to block somebody who was never seen, give their external id and --block")
        })?;
    context.show(&Receipt::from(&receipt))
}
