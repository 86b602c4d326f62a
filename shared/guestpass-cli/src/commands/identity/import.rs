//! `guestpass identity import`

use std::sync::Arc;

use identity_core::identity::Issuer;
use serde::Serialize;

use crate::commands::CommandContext;
use crate::commands::deletion::interrupted;
use crate::input::{IdentityToImport, identities_in};
use crate::jobs::{IMPORTS_PER_SECOND, ImportRunOutcome, import_all};
use crate::options::IdentityImportArguments;
use crate::report::{CliError, Exit, Progress, Result, Row, note};
use crate::service::ServiceSession;

/// The result of a run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImportSummary {
    imported: u64,
    /// Imported before.
    present: u64,
    conflicts: Vec<NotImported>,
    failed: Vec<NotImported>,
    left: usize,
    seconds: f64,
}

/// An identity that was not imported.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NotImported {
    external_id: String,
    acs_id: String,
    why: String,
}

impl NotImported {
    fn new(identity: &IdentityToImport, why: String) -> Self {
        let external_id = identity.user.as_str().to_owned();
        Self { external_id, acs_id: identity.acs_id.to_string(), why }
    }
}

impl From<&ImportRunOutcome> for ImportSummary {
    fn from(outcome: &ImportRunOutcome) -> Self {
        let conflicts = outcome.conflicts.iter();
        let failed = outcome.failed.iter();
        Self {
            imported: outcome.imported,
            present: outcome.present,
            conflicts: conflicts.map(|(one, why)| NotImported::new(one, why.to_string())).collect(),
            failed: failed.map(|(one, why)| NotImported::new(one, why.in_short())).collect(),
            left: outcome.left,
            seconds: (outcome.took.as_secs_f64() * 10.0).round() / 10.0,
        }
    }
}

impl Row for ImportSummary {
    const COLUMNS: &'static [&'static str] =
        &["imported", "present", "conflicts", "failed", "left", "seconds"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.imported.to_string(),
            self.present.to_string(),
            self.conflicts.len().to_string(),
            self.failed.len().to_string(),
            self.left.to_string(),
            format!("{:.1}", self.seconds),
        ]
    }
}

/// Imports identities, shows the progress, and prints the result.
pub(crate) async fn run(
    arguments: IdentityImportArguments,
    context: &CommandContext,
) -> Result<()> {
    let target = context.target().await?;
    let resource = target.resources.of_unrecorded(arguments.resource.as_deref())?;
    let mut issuers = arguments.issuers;
    if issuers.is_empty() {
        let of_stack = || Some(target.stack()?.issuer.clone());
        issuers.extend(context.environment.variable("GUESTPASS_ISSUER").or_else(of_stack));
    }
    let issuers: Vec<Issuer> = issuers.iter().filter_map(|one| Issuer::parse(one)).collect();
    let identities = identities_in(&arguments.file, &issuers)?;
    let session = Arc::new(ServiceSession::of(target).await?);
    let total = identities.len();
    let progress = Progress::new("importing", total, IMPORTS_PER_SECOND, &context.environment);
    let outcome = import_all(&session, (identities, resource), &progress, interrupted()).await;
    progress.finish();
    let summary = ImportSummary::from(&outcome);
    for one in &summary.conflicts {
        note(&format!("conflict: {} {}: {}", one.external_id, one.acs_id, one.why));
    }
    for one in &summary.failed {
        note(&format!("not imported: {} {}: {}", one.external_id, one.acs_id, one.why));
    }
    context.show(&summary)?;
    conclude(outcome)
}

fn conclude(outcome: ImportRunOutcome) -> Result<()> {
    let goes_on = "run the same command again: it skips what is already imported";
    let left = outcome.left;
    if let Some(failure) = outcome.gave_up {
        note(&format!(
            "stopped early: {left} identities left. Fix the error below, then {goes_on}"
        ));
        return Err(failure);
    }
    if outcome.interrupted {
        let what = format!("interrupted: {left} identities left");
        return Err(CliError::new(Exit::Interrupted, what).hint(goes_on));
    }
    let (conflicts, failed) = (outcome.conflicts.len(), outcome.failed.len());
    if conflicts + failed == 0 {
        return Ok(());
    }
    let what = format!("not imported: {conflicts} with a conflict, {failed} after an error");
    Err(CliError::new(Exit::Partly, what).hint(if failed == 0 {
        "compare with `guestpass identity show`, and correct the file or delete the other identity"
    } else {
        goes_on
    }))
}
