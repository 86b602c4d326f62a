//! The program and its commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use super::audit::AuditArguments;
use super::checks::{DoctorArguments, PolicyCommand};
use super::cleanup::CleanupCommand;
use super::events::EventsCommand;
use super::identity::IdentityCommand;
use super::invitation::InvitationCommand;
use super::phone::PhoneCommand;
use super::resource::ResourceCommand;
use super::service::ServiceOptions;
use super::token::TokenCommand;
use super::user::UserCommand;
use super::values::Confirmation;
use crate::report::{EXIT_CODES, OutputOption, OutputOptionParser};

/// Manage identities and tokens of Azure Communication Services in Guestpass.
#[derive(Parser)]
#[command(
    name = "guestpass",
    version,
    about = "Manage identities and tokens of Azure Communication Services in Guestpass",
    after_help = AFTER_HELP,
    after_long_help = after_long_help(),
    arg_required_else_help = true,
    max_term_width = 100,
    subcommand_required = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) service: ServiceOptions,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create, show, list and delete identities
    #[command(subcommand)]
    Identity(IdentityCommand),
    /// Issue, revoke, exchange and inspect tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Block, unblock and move users, and show a user's history
    #[command(subcommand)]
    User(UserCommand),
    /// Create, list, extend and revoke invitations for guests
    #[command(subcommand)]
    Invitation(InvitationCommand),
    /// Explain, send and replay events, and list dead letters
    #[command(subcommand)]
    Events(EventsCommand),
    /// Plan and apply the deletion of unused identities
    #[command(subcommand)]
    Cleanup(CleanupCommand),
    /// Assign users to Teams Phone, and compare the assignments with ACS
    #[command(subcommand)]
    Phone(PhoneCommand),
    /// List the ACS resources, and explain in which one an identity is
    #[command(subcommand)]
    Resource(ResourceCommand),
    /// Explain and test the policy: which claims give which scopes
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// List the actions of administrators, event sources and the cleanup
    Audit(AuditArguments),
    /// Show which service is selected, and why
    Status,
    /// Check the configuration and the service, and explain how to fix errors
    Doctor(DoctorArguments),
    /// Run the steps of the Azure quickstart, then clean up
    Quickstart(QuickstartArguments),
    /// Print a shell completion script
    Completion(CompletionArguments),
    /// Write the man pages to a directory
    Man(ManArguments),
}

/// How the result is printed.
#[derive(Args)]
#[command(next_help_heading = "Output options")]
pub(crate) struct OutputOptions {
    /// The output format [default: table on a terminal, otherwise json]. `cleanup plan` also
    /// accepts a file name that ends in .json
    #[arg(short, long, global = true, value_name = "FORMAT", value_parser = OutputOptionParser)]
    pub(crate) output: Option<OutputOption>,
    /// Print the tables of a terminal with whole ids, all columns and absolute times, as a pipe gets
    /// them
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) wide: bool,
    /// Print the error messages of all layers
    #[arg(long, global = true)]
    pub(crate) debug: bool,
}

/// How to run the quickstart.
#[derive(Args)]
#[command(after_help = "\
Runs the steps of the Azure quickstart for access tokens with the selected
service. Without one, it starts a temporary local stack.

Everything that it creates is deleted at the end, also after an error or
Ctrl-C: it finishes the current step first, so that no identity is left
behind. A second Ctrl-C exits at once and reports what may be left.")]
pub(crate) struct QuickstartArguments {
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
}

/// Which script to print.
#[derive(Args)]
#[command(after_help = "\
bash:  source <(guestpass completion bash)
zsh:   guestpass completion zsh > \"${fpath[1]}/_guestpass\"
fish:  guestpass completion fish > \\
         ~/.config/fish/completions/guestpass.fish")]
pub(crate) struct CompletionArguments {
    /// The shell
    pub(crate) shell: Shell,
}

/// Where to write the man pages.
#[derive(Args)]
#[command(after_help = "\
Example:
  guestpass man ~/.local/share/man/man1
  man guestpass-identity-delete")]
pub(crate) struct ManArguments {
    /// An existing directory
    pub(crate) directory: PathBuf,
}

const AFTER_HELP: &str = "\
If the environment contains a connection string and the name of the table,
commands use the deployed service with your AWS credentials. With a connection
string alone, or an endpoint, they use the ACS resource without a service and
need no AWS: create, issue, exchange, revoke, delete, inspect, doctor. Otherwise
they use the local stack (`make run`) that was started in this directory or
above it. `guestpass status` shows what is selected; `guestpass --help` lists
the options that select another.";

fn after_long_help() -> String {
    format!("{AFTER_HELP}\n\n{ENVIRONMENT}\n\n{EXIT_CODES}")
}

const ENVIRONMENT: &str = "\
Environment variables:
  COMMUNICATION_SERVICES_CONNECTION_STRING
      The connection string of the ACS resource, as in Microsoft's SDKs, or a
      JSON object with one for each resource, as in the secret
  AZURE_COMMUNICATION_CONNECTION_STRING
      The same, as in the Azure CLI
  COMMUNICATION_SERVICES_ENDPOINT
      The endpoint of the ACS resource, in place of a connection string. The
      credential is then that of an Entra app or of `az login`
  AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET
      The Entra app. In place of a secret, AZURE_FEDERATED_TOKEN_FILE names the
      file with the token of a workload identity
  AZURE_AUTHORITY_HOST
      Entra in another cloud than the public one
  GUESTPASS_SECRET
      The secret in AWS Secrets Manager with the connection string
  GUESTPASS_TABLE
      The table: the output `TableName` of the deployed stack
  GUESTPASS_AUDIT_TABLE
      The table of the audit log: the output `AuditTableName`
  GUESTPASS_PLACEMENT
      The parameter `AcsPlacement` of the deployed stack, if it has several ACS
      resources
  GUESTPASS_AUDIT_RETENTION_DAYS
      The parameter `AuditRetentionDays` of the deployed stack
  GUESTPASS_EVENT_BUS
      The event bus: the output `EventBusName`
  GUESTPASS_DEAD_LETTER_QUEUE
      The dead-letter queue: the output `DeadLetterQueueUrl`
  GUESTPASS_EVENT_QUEUE
      The queue of events: the output `EventQueueUrl`
  GUESTPASS_ISSUER
      The issuer of the users' tokens
  AWS_PROFILE, AWS_REGION, …
      As for the AWS CLI
  HTTPS_PROXY, NO_PROXY
      The proxy for https, and the hosts that are reached without it
  SSL_CERT_FILE
      A file with root certificates to trust, in PEM format
  GUESTPASS_INSECURE_HOSTS
      The hosts of ACS emulators that may be reached over http, with commas between
  ACS_API_VERSION
      The API version of requests to ACS
  NO_COLOR
      Disables colours";
