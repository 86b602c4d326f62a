//! The arguments of `guestpass user`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::token::TokenRevokeArguments;
use super::values::{Confirmation, RevocationReason, Since, parse_since};

/// The commands about users.
#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Block a user: revoke all tokens and issue no new ones
    Block(UserBlockArguments),
    /// Unblock a user, no matter what blocked them
    Unblock(UserUnblockArguments),
    /// Give a user a new identity in another ACS resource, and delete the present one
    Move(UserMoveArguments),
    /// Show the history of a user, from the record, cleanup runs and logs
    History(UserHistoryArguments),
}

/// Which user to block.
#[derive(Args)]
pub(crate) struct UserBlockArguments {
    /// The external id or the ACS id of the user
    #[arg(value_name = "ID")]
    pub(crate) user: String,
    #[command(flatten)]
    pub(crate) reason: RevocationReason,
    /// Also block a user without a record, before their first request
    #[arg(long)]
    pub(crate) create: bool,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
}

/// A block revokes all tokens, too.
impl From<UserBlockArguments> for TokenRevokeArguments {
    fn from(arguments: UserBlockArguments) -> Self {
        let UserBlockArguments { user, reason, create, confirmation } = arguments;
        Self { user, block: true, create, reason, confirmation }
    }
}

/// Which user to unblock.
#[derive(Args)]
pub(crate) struct UserUnblockArguments {
    /// The external id or the ACS id of the user
    #[arg(value_name = "ID")]
    pub(crate) user: String,
}

/// Which user to move, and where.
#[derive(Args)]
#[command(after_help = "\
ACS cannot move an identity. This deletes it with all its data, and creates
another one: the user gets another ACS id, loses chat threads, running calls
and all tokens, and must sign in again, because bearers from before are refused.

Identities that are not in use need no command: if a resource is draining, they
are replaced when their users come back.")]
pub(crate) struct UserMoveArguments {
    /// The external id or the ACS id of the user
    #[arg(value_name = "ID")]
    pub(crate) user: String,
    /// The ACS resource of the new identity
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
}

/// Which user's history to show.
#[derive(Args)]
#[command(after_help = "\
To include the functions' log lines of a deployed service:
  aws logs tail /aws/lambda/NAME --since 1d |
    guestpass user history ID --log -

The log lines of a local stack are included by default.")]
pub(crate) struct UserHistoryArguments {
    /// The external id or the ACS id of the user
    #[arg(value_name = "ID")]
    pub(crate) user: String,
    /// The functions' log lines: a file, a directory of .log files, or - for stdin
    #[arg(long, value_name = "PATH")]
    pub(crate) log: Option<PathBuf>,
    /// Only what happened since this time: RFC 3339, or a duration before now such as 24h or 30d
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub(crate) since: Option<Since>,
}
