//! `guestpass user block`

use crate::commands::CommandContext;
use crate::commands::token::revoke;
use crate::options::{TokenRevokeArguments, UserBlockArguments};
use crate::report::Result;

/// Blocks a user: revokes all tokens, and lets the service issue no new one.
pub(crate) async fn run(arguments: UserBlockArguments, context: &CommandContext) -> Result<()> {
    let UserBlockArguments { user, reason, create, confirmation } = arguments;
    let arguments = TokenRevokeArguments { user, block: true, create, reason, confirmation };
    revoke::run(arguments, context).await
}
