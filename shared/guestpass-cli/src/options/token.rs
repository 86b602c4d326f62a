//! The arguments of `guestpass token`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use identity_core::identity::Scope;

use super::values::{Confirmation, RevocationReason, SCOPES, one_of};

/// The commands about tokens.
#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Issue a token for an identity
    Issue(TokenIssueArguments),
    /// Revoke all tokens of an identity
    Revoke(TokenRevokeArguments),
    /// Exchange the Entra token of a Teams user, read from stdin or a file
    ExchangeTeams(TokenExchangeTeamsArguments),
    /// Show the content of a token, read from stdin or a file
    Inspect(TokenInspectArguments),
}

/// Which token to issue.
#[derive(Args)]
#[command(group = ArgGroup::new("subject").args(["user", "new"]).required(true), after_help = "\
Examples:
  guestpass token issue --user ID --scope voip
  guestpass token issue --new --scope chat voip --expires-in 24h

To set ACS_TOKEN, ACS_TOKEN_EXPIRES_ON and ACS_USER_ID in the shell:
  eval \"$(guestpass token issue --user ID --scope voip -o env)\"")]
pub(crate) struct TokenIssueArguments {
    /// The external id or the ACS id of an existing identity. Without a table, the ACS id
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// Create an identity, in the same request
    #[arg(long)]
    pub(crate) new: bool,
    /// The scopes of the token
    #[arg(
        long,
        required = true,
        num_args = 1..,
        value_delimiter = ',',
        value_name = "SCOPE",
        value_parser = one_of(&SCOPES, Scope::as_str)
    )]
    pub(crate) scope: Vec<Scope>,
    /// The lifetime of the token, 60m to 24h
    #[arg(long, value_name = "DURATION", default_value = "60m")]
    pub(crate) expires_in: String,
}

/// Which tokens to revoke.
#[derive(Args)]
pub(crate) struct TokenRevokeArguments {
    /// The user: external id or ACS id
    #[arg(long, value_name = "ID")]
    pub(crate) user: String,
    /// Also block the user: no new token until an administrator unblocks them
    #[arg(long)]
    pub(crate) block: bool,
    /// With --block: also block a user without a record, before their first request
    #[arg(long, requires = "block")]
    pub(crate) create: bool,
    #[command(flatten)]
    pub(crate) reason: RevocationReason,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
}

/// Which Teams user's token to exchange.
#[derive(Args)]
#[command(after_help = "\
The token must have the audience https://auth.msft.communication.azure.com and
the permissions Teams.ManageCalls and Teams.ManageChats.")]
pub(crate) struct TokenExchangeTeamsArguments {
    /// The client id of the Entra application that the token was issued to
    #[arg(long, value_name = "GUID")]
    pub(crate) app_id: String,
    /// The object id of the token's user
    #[arg(long, value_name = "GUID")]
    pub(crate) user_id: String,
    /// A file with the token [default: stdin]
    #[arg(long, value_name = "PATH", default_value = "-", hide_default_value = true)]
    pub(crate) token_file: PathBuf,
}

/// Which token to show.
#[derive(Args)]
#[command(after_help = "\
Reads a token of ACS, Entra or your issuer: alone, after `Bearer`, or in the
JSON response of a token endpoint. The token is not verified and not sent
anywhere.

Example:
  guestpass token issue --user ID --scope voip | guestpass token inspect")]
pub(crate) struct TokenInspectArguments {
    /// A file with the token [default: stdin]
    #[arg(long, value_name = "PATH", default_value = "-", hide_default_value = true)]
    pub(crate) token_file: PathBuf,
}
