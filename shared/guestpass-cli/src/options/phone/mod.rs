//! The arguments of `guestpass phone`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use identity_core::phone::{Guid, PhonePrincipal, PhoneState};

use super::values::{Confirmation, one_of, parse_part};

/// The commands about Teams Phone.
#[derive(Subcommand)]
pub(crate) enum PhoneCommand {
    /// Assign a user or a resource account to Teams Phone
    Assign(PhoneAssignArguments),
    /// Show an assignment in the inventory and at ACS
    Show(PhonePrincipalArguments),
    /// End an assignment, which revokes the tokens of the principal
    Unassign(PhoneUnassignArguments),
    /// List the assignments of the inventory, the first one first
    List(PhoneListArguments),
    /// Compare each assignment of the inventory with ACS
    Reconcile(PhoneReconcileArguments),
    /// Exchange the Entra token of a user for a token of Teams Phone
    Exchange(PhoneExchangeArguments),
}

/// Which principal.
#[derive(Args)]
pub(crate) struct PhonePrincipalArguments {
    /// The id of the Entra tenant
    #[arg(long, value_name = "GUID")]
    pub(crate) tenant: Guid,
    /// The object id of the user or of the resource account in Entra
    #[arg(long, value_name = "GUID")]
    pub(crate) object: Guid,
}

impl From<PhonePrincipalArguments> for PhonePrincipal {
    fn from(arguments: PhonePrincipalArguments) -> Self {
        let PhonePrincipalArguments { tenant, object } = arguments;
        Self { tenant_id: tenant, object_id: object }
    }
}

/// Whom to assign.
#[derive(Args)]
#[command(after_help = "\
The parameter TeamsPhone of the service does not limit this command. With
--user, the assignment ends when the account of the user is disabled or deleted.")]
pub(crate) struct PhoneAssignArguments {
    #[command(flatten)]
    pub(crate) principal: PhonePrincipalArguments,
    /// The kind of the principal
    #[arg(long, value_name = "KIND", default_value = "user")]
    pub(crate) kind: PhoneKind,
    /// The client ids of the Entra apps that the principal may sign in with; a user needs one
    #[arg(long, num_args = 1.., value_delimiter = ',', value_name = "GUID")]
    pub(crate) client_id: Vec<Guid>,
    /// The external id of the user who is the principal
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// How ACS spells a resource account
    #[arg(long, value_name = "NAME", default_value = "resourceAccount")]
    pub(crate) resource_account_name: PhoneAccountName,
}

/// The kind of a principal.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum PhoneKind {
    /// A user
    User,
    /// A Teams resource account
    ResourceAccount,
}

/// The spelling of a resource account.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum PhoneAccountName {
    /// As in Microsoft's specification
    #[value(name = "resourceAccount")]
    Specified,
    /// As in Microsoft's tutorials
    #[value(name = "teamsResourceAccount")]
    Documented,
}

/// Which assignments to list.
#[derive(Args)]
pub(crate) struct PhoneListArguments {
    /// Only assignments in this state
    #[arg(long, value_parser = one_of(&STATES, PhoneState::as_str))]
    pub(crate) state: Option<PhoneState>,
    /// Only the assignments of this user: their external id
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// Only assignments that ACS has not confirmed for a week
    #[arg(long)]
    pub(crate) unverified: bool,
    /// Only assignments whose tenant, object or user contains this text, for example the end that a
    /// terminal shows of an id
    #[arg(long, value_name = "TEXT", value_parser = parse_part)]
    pub(crate) matching: Option<String>,
    /// List at most this many assignments
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
}

/// Which of the compared assignments to list.
#[derive(Args)]
#[command(after_help = "\
Sends one request to ACS for each assignment. The time of each assignment that
is the same at ACS is noted; nothing else is changed.

Drift: missing-at-acs (assign again, or unassign), different (assign again),
unfinished (a change has no known outcome: the scheduled job settles it).")]
pub(crate) struct PhoneReconcileArguments {
    /// List only assignments that differ from ACS; all are compared
    #[arg(long)]
    pub(crate) drifted: bool,
}

/// The states of listed assignments.
const STATES: [(PhoneState, &str); 3] = [
    (PhoneState::Assigning, "ACS has yet to confirm the assignment"),
    (PhoneState::Assigned, ""),
    (PhoneState::Removing, "ACS has yet to confirm its end"),
];

/// Whose assignment to end.
#[derive(Args)]
pub(crate) struct PhoneUnassignArguments {
    #[command(flatten)]
    pub(crate) principal: PhonePrincipalArguments,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
}

/// Which token to exchange.
#[derive(Args)]
#[command(after_help = "\
The token must have the audience https://auth.msft.communication.azure.com and
the permission TeamsExtension.ManageCalls.")]
pub(crate) struct PhoneExchangeArguments {
    /// A file with the token [default: stdin]
    #[arg(long, value_name = "PATH", default_value = "-", hide_default_value = true)]
    pub(crate) token_file: PathBuf,
}
