//! The arguments of `guestpass cleanup`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::values::{Confirmation, DeletionRate};
use crate::report::duration;

/// The commands that delete unused identities.
#[derive(Subcommand)]
pub(crate) enum CleanupCommand {
    /// Find unused identities and write them to a plan
    Plan(CleanupPlanArguments),
    /// Delete the identities of a plan, except those that changed since
    Apply(CleanupApplyArguments),
}

/// Which identities belong in the plan.
#[derive(Args)]
#[command(after_help = "\
Examples:
  guestpass cleanup plan --unused-for 90d -o plan.json
  guestpass cleanup apply plan.json

A plan deletes nothing. The file names users, so only you can read it.")]
pub(crate) struct CleanupPlanArguments {
    /// Include identities without a new token for at least this long; 2d or more, because a
    /// token is valid for up to a day
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "90d")]
    pub(crate) unused_for: Duration,
    /// Only identities of this ACS resource, for example one that is being drained
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
}

/// Which plan to apply.
#[derive(Args)]
#[command(after_help = "\
Deletes only identities of the plan. An identity that was used, blocked or
changed since the plan was made is skipped and listed. After Ctrl-C or an
error, run the same command again: it continues with the rest.")]
pub(crate) struct CleanupApplyArguments {
    /// The file that `guestpass cleanup plan` wrote, or - for stdin
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
    #[command(flatten)]
    pub(crate) rate: DeletionRate,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
}
