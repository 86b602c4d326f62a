//! The arguments of `guestpass events streams`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use crate::options::values::Confirmation;

/// The commands about streams.
#[derive(Subcommand)]
pub(crate) enum StreamsCommand {
    /// List the streams of this receiver
    List(TransmitterOptions),
    /// Create a stream, or update the one that exists
    Create(StreamCreateArguments),
    /// Let the transmitter send a verification event
    Verify(StreamArguments),
    /// Show whether a stream sends events
    Status(StreamArguments),
    /// Pause a stream: the transmitter keeps its events
    Pause(StreamArguments),
    /// Let a paused stream send again
    Resume(StreamArguments),
    /// Delete a stream: its events are lost
    Delete(StreamDeleteArguments),
}

/// The transmitter, and the credentials of its API.
#[derive(Args)]
#[command(after_help = "\
Credentials are never arguments. Give an access token with --token-file or in
GUESTPASS_TRANSMITTER_TOKEN; or --token-url and --client-id, with the client's
secret in --client-secret-file or GUESTPASS_TRANSMITTER_SECRET. For a simulated
transmitter of a local stack, the tool reads them from stack.json.")]
pub(crate) struct TransmitterOptions {
    /// The issuer of the transmitter (its `iss`), or the name of a simulated one
    #[arg(long, value_name = "URL")]
    pub(crate) transmitter: String,
    /// A file with an access token for the transmitter's API, or - for stdin
    #[arg(long, value_name = "PATH", conflicts_with_all = ["token_url", "client_id", "client_secret_file"])]
    pub(crate) token_file: Option<PathBuf>,
    /// The token endpoint, for an access token by client credentials
    #[arg(long, value_name = "URL", requires = "client_id")]
    pub(crate) token_url: Option<String>,
    /// The id of the client
    #[arg(long, value_name = "ID", requires = "token_url")]
    pub(crate) client_id: Option<String>,
    /// A file with the client's secret, or - for stdin
    #[arg(long, value_name = "PATH", requires = "client_id")]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// The scopes of the access token, separated by spaces [default: ssf.read ssf.manage]
    #[arg(long, value_name = "SCOPES", requires = "token_url")]
    pub(crate) scope: Option<String>,
}

/// The stream to create.
#[derive(Args)]
#[command(
    group = ArgGroup::new("delivery").required(true).args(["push", "poll"]),
    after_help = "\
Example:
  guestpass events streams create --transmitter https://idp.example \\
    --push https://API/v1/signals/idp --authorization-file authorization.txt \\
    --token-file token.txt

The answer has the audience and the events that the transmitter chose. Put the
audience into the parameter Transmitters. Without --event, all types that
Guestpass acts on are requested: session-revoked, credential-change,
token-claims-change (CAEP), account-disabled, account-enabled, account-purged,
account-credential-change-required, credential-compromise and
identifier-recycled (RISC).")]
pub(crate) struct StreamCreateArguments {
    #[command(flatten)]
    pub(crate) access: TransmitterOptions,
    /// Deliver by push to this URL: the route of the transmitter at your API
    #[arg(long, value_name = "URL")]
    pub(crate) push: Option<String>,
    /// Deliver by poll: the function poll-security-events fetches the events
    #[arg(long)]
    pub(crate) poll: bool,
    /// A file with the header Authorization that each pushed event carries, as in the secret
    #[arg(long, value_name = "PATH", requires = "push")]
    pub(crate) authorization_file: Option<PathBuf>,
    /// A type of event: the last part of its URI, or the URI; can be repeated
    #[arg(long, value_name = "TYPE")]
    pub(crate) event: Vec<String>,
    /// A description that the transmitter shows
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
}

/// One stream.
#[derive(Args)]
pub(crate) struct StreamArguments {
    #[command(flatten)]
    pub(crate) access: TransmitterOptions,
    /// The id of the stream; can be left out if there is one
    #[arg(long, value_name = "ID")]
    pub(crate) stream: Option<String>,
}

/// The stream to delete.
#[derive(Args)]
pub(crate) struct StreamDeleteArguments {
    #[command(flatten)]
    pub(crate) stream: StreamArguments,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
}
