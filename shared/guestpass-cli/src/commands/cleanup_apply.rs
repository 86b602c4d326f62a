//! `guestpass cleanup apply`

use std::path::PathBuf;

use clap::Args;

use super::{Context, deletion};
use crate::{confirm::confirm, failure::Result, plan::Plan};

/// Which plan.
#[derive(Args)]
#[command(after_help = "\
Does exactly what the plan says: whoever was used, blocked or changed since is spared, and named.
Ctrl-C is safe; a second run goes on where the first one stopped.")]
pub(crate) struct Arguments {
    /// What `cleanup plan` wrote; - for stdin
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// How many a second; ACS takes 16 of all clients together, the service's own included
    #[arg(long, value_name = "N", default_value_t = 8.0, value_parser = deletion::rate)]
    rate: f64,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Deletes the identities of a plan.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let plan = Plan::read(&arguments.plan)?;
    let target = context.target().await?;
    plan.is_for(&target)?;
    let items = plan.items()?;
    let question = format!(
        "Delete {} identities {}, unused since {}? This cannot be undone.",
        items.len(),
        target.in_words(),
        plan.unused_since
    );
    confirm(&question, arguments.yes, &context.around)?;
    deletion::run(items, arguments.rate, target, context).await
}
