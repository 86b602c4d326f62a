//! The arguments of `guestpass audit`.

use clap::{ArgGroup, Args};

use super::values::{Since, parse_since};

/// Which entries to list.
#[derive(Args)]
#[command(
    group = ArgGroup::new("filter").args(["user", "by", "since"]).required(true).multiple(true),
    after_help = "\
Examples:
  guestpass audit --user 'https://idp.example|alice'
  guestpass audit --by 'https://idp.example|root' --since 30d
  guestpass audit --by okta
  guestpass audit --by cleanup --since 7d -o tsv
  guestpass audit --since 2026-11-26T12:00:00Z

With --since alone, the log is read one day after the other. Entries are kept
for 400 days, or for the parameter AuditRetentionDays of the deployed stack.
The log contains the actions of administrators, event sources, the cleanup and
this tool (cli|NAME), but not what users do with their own tokens.")]
pub(crate) struct AuditArguments {
    /// Only actions on this user: external id or ACS id
    #[arg(long, value_name = "ID", conflicts_with = "by")]
    pub(crate) user: Option<String>,
    /// Only actions of this actor: the external id of an administrator, an event source
    /// (guestpass, cognito, auth0, okta), or cleanup
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// Only entries since this time: RFC 3339, or a duration before now such as 24h or 30d
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub(crate) since: Option<Since>,
}
