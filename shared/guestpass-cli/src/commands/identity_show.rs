//! `guestpass identity show`

use clap::Args;
use identity_core::get_identity::get_identity;

use super::{Context, identity};
use crate::{failure::Result, views::Identity};

/// Which identity.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Its external id or its ACS id
    #[arg(value_name = "ID")]
    identity: String,
}

/// Shows an identity.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let identity = identity(&arguments.identity)?;
    let world = context.world().await?;
    let record = world.serve(async |_| get_identity(&world.store, &identity).await).await?;
    context.show(&Identity::with_receipts(&record))
}
