//! The arguments of `guestpass resource`.

use clap::{Args, Subcommand};

/// The commands about ACS resources.
#[derive(Subcommand)]
pub(crate) enum ResourceCommand {
    /// List the ACS resources, with their shares of new identities and their records
    #[command(after_help = LIST_HELP)]
    List,
    /// Explain in which ACS resource a user's identity is, or a new one would be
    Explain(ResourceExplainArguments),
}

/// Which user's resource to explain.
#[derive(Args)]
#[command(after_help = "\
Changes nothing. An identity stays in its resource, whatever the placement says:
only a resource that is being drained replaces an identity, when its user asks
for a token and got none for 25 hours.")]
pub(crate) struct ResourceExplainArguments {
    /// The external id or the ACS id of the user
    #[arg(long, value_name = "ID")]
    pub(crate) user: String,
}

const LIST_HELP: &str = "\
Reads the whole table once, because no index has the resource: one request
for each MB, about a thousand records. It needs the permission dynamodb:Scan.

States: open (gets new identities), draining (its identities are replaced),
unlisted (keeps its identities), unconfigured (records name it, but the secret
has no connection string of it), unknown (no placement is given).";
