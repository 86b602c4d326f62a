//! `guestpass user block`

use clap::Args;

use super::{Context, token_revoke};
use crate::failure::Result;

/// Whom.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Their external id, also of somebody who was never seen; or their ACS id
    #[arg(value_name = "ID")]
    user: String,
    /// Why, in your own words; it is kept with the receipt
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Blocks a user: every token dies, and there is no new one.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let Arguments { user, reason, yes } = arguments;
    token_revoke::revoke(&user, true, reason.as_deref(), yes, context).await
}
