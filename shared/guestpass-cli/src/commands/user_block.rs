//! `guestpass user block`

use clap::Args;

use super::{
    Context,
    token_revoke::{self, What},
};
use crate::failure::Result;

/// Whom.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Their external id or their ACS id
    #[arg(value_name = "ID")]
    user: String,
    /// Why, in your own words; it is kept with the receipt
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Block a user of whom there is no record, too, before their first call
    #[arg(long)]
    create: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Blocks a user: revokes every token, and lets the service issue no new one.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let Arguments { user, reason, create, yes } = arguments;
    let what = What { block: true, create };
    token_revoke::revoke(&user, what, reason.as_deref(), yes, context).await
}
