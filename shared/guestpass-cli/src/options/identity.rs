//! The arguments of `guestpass identity`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use identity_core::identity::Scope;
use identity_core::record::StateName;

use super::values::{Confirmation, DeletionRate, SCOPES, one_of, parse_part};
use crate::report::duration;

/// The commands about identities.
#[derive(Subcommand)]
pub(crate) enum IdentityCommand {
    /// Create an identity, or return the existing one of the external id
    Create(IdentityCreateArguments),
    /// Show an identity
    Show(IdentityShowArguments),
    /// List identities by state and last use, longest unused first
    List(IdentityListArguments),
    /// Import identities that another application created in the same ACS resource
    Import(IdentityImportArguments),
    /// Delete identities, their tokens and all their data in ACS
    Delete(IdentityDeleteArguments),
}

/// What to create.
#[derive(Args)]
pub(crate) struct IdentityCreateArguments {
    /// The external id of the user. If it has an identity, that one is returned
    /// [default: a generated id]
    #[arg(long, value_name = "ID")]
    pub(crate) external_id: Option<String>,
    /// Also issue a token, in the same request
    #[arg(long, requires = "scope")]
    pub(crate) with_token: bool,
    /// The scopes of the token
    #[arg(
        long,
        requires = "with_token",
        num_args = 1..,
        value_delimiter = ',',
        value_name = "SCOPE",
        value_parser = one_of(&SCOPES, Scope::as_str)
    )]
    pub(crate) scope: Vec<Scope>,
    /// The lifetime of the token, 60m to 24h [default: 60m]
    #[arg(long, requires = "with_token", value_name = "DURATION")]
    pub(crate) expires_in: Option<String>,
    /// The ACS resource of a new identity [default: as the placement says]
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
}

/// Which identity to show.
#[derive(Args)]
pub(crate) struct IdentityShowArguments {
    /// The external id or the ACS id
    #[arg(value_name = "ID")]
    pub(crate) identity: String,
}

/// Which identities to list.
#[derive(Args)]
pub(crate) struct IdentityListArguments {
    /// Only identities in this state
    #[arg(long, value_parser = one_of(&STATES, StateName::as_str))]
    pub(crate) state: Option<StateName>,
    /// Only identities without a new token for at least this long, for example 90d
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = duration::parse,
        conflicts_with = "unused_since"
    )]
    pub(crate) unused_for: Option<Duration>,
    /// Only identities without a new token since this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) unused_since: Option<String>,
    /// Only identities whose external id or ACS id contains this text, for example the end that a
    /// terminal shows of an id
    #[arg(long, value_name = "TEXT", value_parser = parse_part)]
    pub(crate) matching: Option<String>,
    /// Only identities of this ACS resource
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
    /// List at most this many identities
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
}

/// The states that a listed identity can have.
const STATES: [(StateName, &str); 5] = [
    (StateName::Provisioning, ""),
    (StateName::Active, ""),
    (StateName::Blocked, ""),
    (StateName::Deleting, ""),
    (StateName::Stuck, ""),
];

/// Which identities to import.
#[derive(Args)]
#[command(after_help = "\
The file is CSV with an external id and an ACS id in each line, or JSON:
  https://login.example|alice,8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000007

  [{ \"externalId\": \"https://login.example|alice\", \"acsId\": \"8:acs:…\" }]

The external id is `<issuer>|<subject>`, as the users' tokens have them; see the
template parameter SubjectClaims. ACS is not asked: the identities must belong to
the ACS resource of this service.

No record is overwritten. A user who has another identity is reported as a
conflict. After Ctrl-C or an error, run the same command again: it skips what is
already imported and continues with the rest. Run only one import at a time: two
runs could give the same identity to two users.")]
pub(crate) struct IdentityImportArguments {
    /// A file with the identities, or - for stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// An issuer of the users' tokens: their claim `iss`. Repeat it if the service accepts several
    /// [env: GUESTPASS_ISSUER]
    #[arg(long = "issuer", value_name = "URL")]
    pub(crate) issuers: Vec<String>,
    /// The ACS resource of the identities; required if the service has several
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
}

/// Which identities to delete.
#[derive(Args)]
#[command(after_help = "\
Examples:
  guestpass identity list --unused-for 90d -o tsv > unused.tsv
  guestpass identity delete --file unused.tsv

  guestpass identity list --state stuck |
    guestpass identity delete --file - --yes

After Ctrl-C or an error, run the same command again: it skips what is already
deleted and continues with the rest.")]
pub(crate) struct IdentityDeleteArguments {
    /// External ids or ACS ids
    #[arg(value_name = "ID")]
    pub(crate) identities: Vec<String>,
    /// A file with one id per line, or with the JSON or TSV output of `guestpass identity list`;
    /// or - for stdin
    #[arg(short, long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
    #[command(flatten)]
    pub(crate) rate: DeletionRate,
    /// Also delete ACS ids without a record: orphans, whose creation was not confirmed
    #[arg(long)]
    pub(crate) unrecorded: bool,
    /// The ACS resource of these identities was deleted in Azure: take them for deleted if ACS says
    /// that they belong to another resource, or if their connection string is not given. If they
    /// exist in a resource after all, their tokens stay valid there
    #[arg(long, conflicts_with = "unrecorded")]
    pub(crate) foreign_is_gone: bool,
    /// With --unrecorded: the ACS resource of ids without a record; required if the service has
    /// several
    #[arg(long, requires = "unrecorded", value_name = "NAME")]
    pub(crate) resource: Option<String>,
}
