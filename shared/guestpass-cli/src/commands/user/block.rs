//! `guestpass user block`

use crate::{
    commands::{context::CommandContext, token::revoke},
    options::{TokenRevokeArguments, UserBlockArguments},
    report::error::Result,
};

/// Blocks a user: revokes all tokens, and lets the service issue no new one.
pub(crate) async fn run(arguments: UserBlockArguments, context: &CommandContext) -> Result<()> {
    let UserBlockArguments { user, reason, create, confirmation } = arguments;
    let arguments = TokenRevokeArguments { user, block: true, create, reason, confirmation };
    revoke::run(arguments, context).await
}
