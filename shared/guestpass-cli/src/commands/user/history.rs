//! `guestpass user history`

use std::path::PathBuf;

use api_types::IdentityOutput;
use identity_core::Error;
use identity_core::delete_stale_identities::CleanupRun;
use identity_core::identity::IdentityRef;
use identity_core::ports::{Clock as _, IdentityStore as _, RunLog as _};
use identity_core::record::Record;
use serde::Serialize;

use crate::commands::CommandContext;
use crate::commands::user::timeline::{HistoryEntry, identities, tell};
use crate::input::{logs, parse_identity};
use crate::options::UserHistoryArguments;
use crate::report::{OutputFormat, Result, output};
use crate::service::{ServiceAccess, ServiceSession};

/// Everything that is known about a user.
#[derive(Serialize)]
struct UserHistory {
    /// `None` if no record has this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<IdentityOutput>,
    timeline: Vec<HistoryEntry>,
}

/// Shows the history of a user.
pub(crate) async fn run(arguments: UserHistoryArguments, context: &CommandContext) -> Result<()> {
    let name = parse_identity(&arguments.user)?;
    let session = context.session().await?;
    let record = session.run(async |_| find(&session, &name).await).await?;
    let names = match (&record, &name) {
        (Some(record), _) => identities(record),
        // The index forgets a deleted identity; runs and logs still have it.
        (None, IdentityRef::Acs(acs_id)) => vec![acs_id.to_string()],
        (None, IdentityRef::External(_)) => return Err(session.explain(&Error::NotFound)),
    };
    let runs = session.run(async |_| runs(&session).await).await?;
    let mut lines = Vec::new();
    if let Some(log) = arguments.log.or_else(|| own_log(&session)) {
        lines = logs::about(&names, &log)?;
    }
    let mut timeline = tell(record.as_ref(), &names, &runs, lines);
    if record.is_none() && timeline.is_empty() {
        return Err(session.explain(&Error::NotFound).hint(
            "the record of a deleted identity goes by its external id alone: give that, if you know it",
        ));
    }
    if let Some(since) = arguments.since {
        let since = since.at(session.clock.now());
        timeline.retain(|entry| entry.is_since(since));
    }
    let identity = record.as_ref().map(IdentityOutput::with_history);
    match context.format()? {
        OutputFormat::Table => {
            if let Some(identity) = &identity {
                output::print_row(identity, OutputFormat::Table)?;
                output::blank()?;
            }
            context.show_rows(timeline, &session.clock)
        }
        OutputFormat::Tsv => context.show_rows(timeline, &session.clock),
        format => output::print_value(&UserHistory { identity, timeline }, format),
    }
}

/// The record, which can be a tombstone. A tombstone is found by external id only.
async fn find(
    session: &ServiceSession,
    name: &IdentityRef,
) -> std::result::Result<Option<Record>, Error> {
    match name {
        IdentityRef::External(user) => session.store.find(user).await,
        IdentityRef::Acs(id) => match session.store.find_by_acs_id(id).await? {
            Some(user) => session.store.find(&user).await,
            None => Ok(None),
        },
    }
}

/// The newest runs of the cleanup, newest first.
async fn runs(session: &ServiceSession) -> std::result::Result<Vec<CleanupRun>, Error> {
    let mut runs = Vec::new();
    let mut next = session.store.latest_run().await?;
    while let Some(run) = next.take() {
        if runs.len() < RUNS
            && let Some(previous) = &run.previous
        {
            next = session.store.find_run(previous).await?;
        }
        runs.push(run);
    }
    Ok(runs)
}

/// The directory of the functions' log lines, unless the local stack uses another one.
fn own_log(session: &ServiceSession) -> Option<PathBuf> {
    match &session.target.way {
        ServiceAccess::Local { file, .. } => {
            file.parent().map(|local| local.join("data/logs")).filter(|logs| logs.is_dir())
        }
        ServiceAccess::Direct { .. } | ServiceAccess::AcsAlone { .. } => None,
    }
}

/// One run per day, for a month.
const RUNS: usize = 30;
