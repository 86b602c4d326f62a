//! `guestpass user unblock`

use clap::Args;
use identity_core::unblock_user::unblock_user;

use super::{Context, identity};
use crate::{failure::Result, views::Identity};

/// Whom.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Their external id or their ACS id
    #[arg(value_name = "ID")]
    user: String,
}

/// Lifts a block of any origin.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let identity = identity(&arguments.user)?;
    let world = context.world().await?;
    let by = world.administrator();
    let record = world
        .serve(async |invocation| {
            unblock_user(&world.store, &world.clock, &identity, by.id(), &invocation).await
        })
        .await?;
    context.show(&Identity::unblocked(&record))
}
