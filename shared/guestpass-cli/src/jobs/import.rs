//! Imports many identities. ACS is not asked, so its limits do not apply. A run can be stopped and
//! repeated safely: a second run finds what the first one imported.

use std::sync::Arc;
use std::time::{Duration, Instant};

use identity_core::Error;
use identity_core::import_identity::{
    ImportConflict, ImportOutcome, ImportedIdentity, import_identity,
};
use identity_core::resource::ResourceName;
use tokio::task::JoinSet;

use crate::input::IdentityToImport;
use crate::jobs::bulk::{is_about_us, may_pass};
use crate::jobs::pace::BulkPace;
use crate::report::{CliError, Progress};
use crate::service::ServiceSession;

/// The result of a run.
#[derive(Default)]
pub(crate) struct ImportRunOutcome {
    /// How many were imported.
    pub(crate) imported: u64,
    /// How many were there before.
    pub(crate) present: u64,
    /// The identities that were not imported, because something else is recorded.
    pub(crate) conflicts: Vec<(IdentityToImport, ImportConflict)>,
    /// The identities whose import failed, and the reason.
    pub(crate) failed: Vec<(IdentityToImport, CliError)>,
    /// How many were not tried, or whose outcome is unknown.
    pub(crate) left: usize,
    /// How long the run took.
    pub(crate) took: Duration,
    /// Whether the user stopped the run.
    pub(crate) interrupted: bool,
    /// Why the run stopped early, if it did.
    pub(crate) gave_up: Option<CliError>,
}

/// Imports the identities. `interruption` ends the run at once: an import that was started then is
/// done or not, and a second run finds out.
pub(crate) async fn import_all(
    session: &Arc<ServiceSession>,
    (identities, resource): (Vec<IdentityToImport>, ResourceName),
    progress: &Progress,
    interruption: impl Future<Output = ()>,
) -> ImportRunOutcome {
    let mut outcome = ImportRunOutcome { left: identities.len(), ..ImportRunOutcome::default() };
    let mut waiting = identities.into_iter().peekable();
    let (mut tasks, mut failures_in_a_row) = (JoinSet::new(), 0);
    let mut pace = BulkPace::per_second(IMPORTS_PER_SECOND);
    let started = Instant::now();
    tokio::pin!(interruption);
    loop {
        let may_start = tasks.len() < MOST_AT_A_TIME && waiting.peek().is_some();
        if (tasks.is_empty() && !may_start) || outcome.gave_up.is_some() {
            break;
        }
        tokio::select! {
            () = &mut interruption => {
                outcome.interrupted = true;
                break;
            }
            () = pace.slot(), if may_start => {
                pace.take();
                if let Some(identity) = waiting.next() {
                    let (session, resource) = (Arc::clone(session), resource.clone());
                    tasks.spawn(async move {
                        let result = import(&session, &identity, &resource).await;
                        (identity, result)
                    });
                }
            }
            ended = tasks.join_next(), if !tasks.is_empty() => {
                let Some(Ok((identity, result))) = ended else { continue };
                progress.done();
                failures_in_a_row = if result.is_err() { failures_in_a_row + 1 } else { 0 };
                note(&mut outcome, session, identity, result, failures_in_a_row);
            }
        }
    }
    outcome.took = started.elapsed();
    outcome
}

/// Records the result of an import.
fn note(
    outcome: &mut ImportRunOutcome,
    session: &ServiceSession,
    identity: IdentityToImport,
    result: Result<ImportOutcome, Error>,
    failures_in_a_row: u32,
) {
    let error = match result {
        Ok(ImportOutcome::Imported) => {
            outcome.imported += 1;
            outcome.left -= 1;
            return;
        }
        Ok(ImportOutcome::AlreadyPresent) => {
            outcome.present += 1;
            outcome.left -= 1;
            return;
        }
        Ok(ImportOutcome::Conflict(conflict)) => {
            outcome.conflicts.push((identity, conflict));
            outcome.left -= 1;
            return;
        }
        Err(error) => error,
    };
    if is_about_us(&error) || failures_in_a_row >= FAILURES_IN_A_ROW {
        outcome.gave_up = Some(session.explain(&error));
    } else {
        outcome.failed.push((identity, session.explain(&error)));
        outcome.left -= 1;
    }
}

/// Imports one identity, and tries again if the table was busy.
async fn import(
    session: &ServiceSession,
    identity: &IdentityToImport,
    resource: &ResourceName,
) -> Result<ImportOutcome, Error> {
    let by = session.administrator();
    let IdentityToImport { user, acs_id } = identity;
    let mut tries = 0;
    loop {
        let imported = session.try_run(async |invocation| {
            let (store, clock) = (&session.store, &session.clock);
            let imported = ImportedIdentity { user, acs_id, resource };
            import_identity(store, clock, imported, by.id(), &invocation).await
        });
        match imported.await {
            Err(error) if may_pass(&error) && tries < RETRIES => {
                tries += 1;
                tokio::time::sleep(A_WHILE * tries).await;
            }
            result => return result,
        }
    }
}

/// Far below the first throttling of a table on demand (4,000 writes per second).
pub(crate) const IMPORTS_PER_SECOND: f64 = 200.0;

const MOST_AT_A_TIME: usize = 32;

/// After so many failures in a row, the cause is not a single identity.
const FAILURES_IN_A_ROW: u32 = 12;

const RETRIES: u32 = 2;

/// The pause before the first retry.
const A_WHILE: Duration = Duration::from_secs(1);
