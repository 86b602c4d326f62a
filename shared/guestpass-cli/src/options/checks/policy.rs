//! The arguments of `guestpass policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The commands about the policy. They need no service.
#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Show which rule of a policy applies to a bearer, and what its user may have
    Explain(PolicyExplainArguments),
    /// Check the grants of a policy against a table of expected ones
    Test(PolicyTestArguments),
}

/// Which bearer to explain.
#[derive(Args)]
#[command(after_help = "\
Decodes the bearer, but does not verify it. The two rows are for the two
authorizers, which pass lists and nested claims in different forms.")]
pub(crate) struct PolicyExplainArguments {
    /// A file with the bearer of a user, or - for stdin
    #[arg(long, value_name = "PATH")]
    pub(crate) bearer_file: PathBuf,
    /// A file with the policy: the template parameter Policy [default: the default policy]
    #[arg(long, value_name = "PATH")]
    pub(crate) policy: Option<PathBuf>,
}

/// Which expectations to check.
#[derive(Args)]
#[command(after_help = "\
The file is a JSON array of claims and the grant that is expected for them:
  [
    {
      \"name\": \"staff can start calls\",
      \"claims\": { \"groups\": [\"staff\"] },
      \"scopes\": [\"chat\", \"voip\"],
      \"maxLifetimeMinutes\": 1440
    }
  ]
`maxLifetimeMinutes` and `resource` are optional. Each case is checked with the claims as both
authorizers pass them, or only as `authorizer` passes them: `jwt` or `lambda`.

Exits with 7 if a grant is not the expected one, otherwise with 0.")]
pub(crate) struct PolicyTestArguments {
    /// A file with the expected grants, or - for stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// A file with the policy: the template parameter Policy [default: the default policy]
    #[arg(long, value_name = "PATH")]
    pub(crate) policy: Option<PathBuf>,
}
