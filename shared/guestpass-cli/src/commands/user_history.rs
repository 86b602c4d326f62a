//! `guestpass user history`

use std::path::PathBuf;

use clap::Args;
use identity_core::{
    Error,
    delete_stale_identities::CleanupRun,
    identity::IdentityRef,
    ports::{IdentityStore as _, RunLog as _},
    record::Record,
};
use serde::Serialize;

use super::{Context, identity};
use crate::{
    failure::Result,
    history::{Entry, identities, tell},
    logs,
    output::{self, Format, Rows},
    target::Way,
    views::Identity,
    world::World,
};

/// Whose story.
#[derive(Args)]
#[command(after_help = "\
With the functions' log lines, of a deployed service say:
  aws logs tail /aws/lambda/NAME --since 1d | guestpass user history ID --log -
A local stack's own are read by themselves.")]
pub(crate) struct Arguments {
    /// Their external id or their ACS id
    #[arg(value_name = "ID")]
    user: String,
    /// The functions' log lines: a file, a directory of .log files, or - for stdin
    #[arg(long, value_name = "PATH")]
    log: Option<PathBuf>,
}

/// Everything that is known about a user.
#[derive(Serialize)]
struct History {
    /// `None` if there is no record under this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Identity>,
    timeline: Vec<Entry>,
}

/// Shows the history of a user.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let name = identity(&arguments.user)?;
    let world = context.world().await?;
    let record = world.serve(async |_| find(&world, &name).await).await?;
    let names = match (&record, &name) {
        (Some(record), _) => identities(record),
        // The index forgets a deleted identity; runs and logs still have it.
        (None, IdentityRef::Acs(acs_id)) => vec![acs_id.to_string()],
        (None, IdentityRef::External(_)) => return Err(world.explain(&Error::NotFound)),
    };
    let runs = world.serve(async |_| runs(&world).await).await?;
    let mut lines = Vec::new();
    if let Some(log) = arguments.log.or_else(|| own_log(&world)) {
        lines = logs::about(&names, &log)?;
    }
    let timeline = tell(record.as_ref(), &names, &runs, lines);
    if record.is_none() && timeline.is_empty() {
        return Err(world.explain(&Error::NotFound).so(
            "the record of a deleted identity goes by its external id alone: give that, if you know it",
        ));
    }
    let identity = record.as_ref().map(Identity::with_receipts);
    match context.format()? {
        Format::Table => {
            if let Some(identity) = &identity {
                output::show(identity, Format::Table)?;
                output::blank()?;
            }
            rows(timeline, Format::Table)
        }
        Format::Tsv => rows(timeline, Format::Tsv),
        format => output::show_all(&History { identity, timeline }, format),
    }
}

fn rows(timeline: Vec<Entry>, format: Format) -> Result<()> {
    let mut rows = Rows::new(format)?;
    timeline.into_iter().try_for_each(|entry| rows.push(entry))?;
    rows.finish().map(drop)
}

/// The record, which can be a tombstone. A tombstone is found by external id only.
async fn find(world: &World, name: &IdentityRef) -> std::result::Result<Option<Record>, Error> {
    match name {
        IdentityRef::External(user) => world.store.find(user).await,
        IdentityRef::Acs(id) => match world.store.find_by_acs_id(id).await? {
            Some(user) => world.store.find(&user).await,
            None => Ok(None),
        },
    }
}

/// The newest runs of the cleanup, newest first.
async fn runs(world: &World) -> std::result::Result<Vec<CleanupRun>, Error> {
    let mut runs = Vec::new();
    let mut next = world.store.latest_run().await?;
    while let Some(run) = next.take() {
        if runs.len() < RUNS
            && let Some(previous) = &run.previous
        {
            next = world.store.find_run(previous).await?;
        }
        runs.push(run);
    }
    Ok(runs)
}

/// The directory of the functions' log lines, unless the local stack uses another one.
fn own_log(world: &World) -> Option<PathBuf> {
    match &world.target.way {
        Way::Local { file, .. } => {
            file.parent().map(|local| local.join("data/logs")).filter(|logs| logs.is_dir())
        }
        Way::Direct { .. } => None,
    }
}

/// One run per day, for a month.
const RUNS: usize = 30;
