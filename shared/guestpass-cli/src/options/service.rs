//! The options that select the service.

use std::path::PathBuf;

use clap::Args;

/// Which service the command uses.
#[derive(Args, Default)]
#[command(next_help_heading = "Service options")]
pub(crate) struct ServiceOptions {
    /// Use the local stack that was started in this directory or above it
    #[arg(long, global = true, hide_short_help = true, conflicts_with = "connection_string_file")]
    pub(crate) local: bool,
    /// Use the local stack with this stack.json
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        value_name = "PATH",
        conflicts_with = "connection_string_file"
    )]
    pub(crate) stack_file: Option<PathBuf>,
    /// A file with the connection string of the ACS resource, or with the JSON of several, or - for
    /// stdin
    #[arg(long, global = true, hide_short_help = true, value_name = "PATH")]
    pub(crate) connection_string_file: Option<PathBuf>,
    /// The endpoint of the ACS resource, for Entra credentials instead of a key: those of an app
    /// (AZURE_CLIENT_ID, …), or of `az login` [env: COMMUNICATION_SERVICES_ENDPOINT]
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        value_name = "URL",
        conflicts_with_all = ["connection_string_file", "secret", "local", "stack_file"]
    )]
    pub(crate) endpoint: Option<String>,
    /// The secret in AWS Secrets Manager with the connection string: the template parameter
    /// AcsSecretArn [env: GUESTPASS_SECRET]
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        value_name = "ARN",
        conflicts_with = "connection_string_file"
    )]
    pub(crate) secret: Option<String>,
    /// The DynamoDB table of the service [env: GUESTPASS_TABLE]
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// The DynamoDB table of the audit log [env: GUESTPASS_AUDIT_TABLE]
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    pub(crate) audit_table: Option<String>,
    /// Which ACS resources get new identities: the template parameter AcsPlacement
    /// [env: GUESTPASS_PLACEMENT]
    #[arg(long, global = true, hide_short_help = true, value_name = "JSON")]
    pub(crate) placement: Option<String>,
    /// The profile in the AWS configuration [env: AWS_PROFILE]
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The AWS region of the table [env: AWS_REGION]
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// The API version of requests to ACS [env: ACS_API_VERSION]
    #[arg(long, global = true, hide_short_help = true, value_name = "VERSION")]
    pub(crate) api_version: Option<String>,
}
