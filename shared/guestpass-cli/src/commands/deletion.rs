//! Shared code of the commands that delete many identities.

use std::sync::Arc;

use serde::Serialize;

use crate::commands::CommandContext;
use crate::jobs::{BulkOutcome, IdentityDeleter, bulk};
use crate::report::{CliError, Exit, Progress, Result, Row, note};

/// The result of a run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeletionSummary {
    deleted: u64,
    /// Already gone.
    absent: u64,
    /// Skipped, because they have changed since the plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    spared: Vec<NamedReason>,
    failed: Vec<NamedReason>,
    /// Started and maybe unfinished: a second run finishes them.
    unsure: u64,
    /// Not started.
    left: u64,
    /// How many times ACS answered 429.
    throttled: u64,
    seconds: f64,
    /// Omitted for a few deletions, which give no useful rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_second: Option<f64>,
}

#[derive(Serialize)]
struct NamedReason {
    id: String,
    why: String,
}

impl From<&BulkOutcome> for DeletionSummary {
    fn from(outcome: &BulkOutcome) -> Self {
        let seconds = outcome.took.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let per_second =
            (outcome.deleted >= 10).then(|| outcome.deleted as f64 / seconds.max(0.001));
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        let named = |id: &String, why: String| NamedReason { id: id.clone(), why };
        let failed = outcome.failed.iter().map(|(id, why)| named(id, why.in_short()));
        let spared = outcome.spared.iter().map(|(id, why)| named(id, (*why).to_owned()));
        Self {
            deleted: outcome.deleted,
            absent: outcome.absent,
            spared: spared.collect(),
            failed: failed.collect(),
            unsure: outcome.unsure,
            left: outcome.left,
            throttled: outcome.throttled,
            seconds: tenths(seconds),
            per_second: per_second.map(tenths),
        }
    }
}

impl Row for DeletionSummary {
    const COLUMNS: &'static [&'static str] = &[
        "deleted",
        "absent",
        "spared",
        "failed",
        "unsure",
        "left",
        "throttled",
        "seconds",
        "per second",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.deleted.to_string(),
            self.absent.to_string(),
            self.spared.len().to_string(),
            self.failed.len().to_string(),
            self.unsure.to_string(),
            self.left.to_string(),
            self.throttled.to_string(),
            format!("{:.1}", self.seconds),
            self.per_second.map(|rate| format!("{rate:.1}")).unwrap_or_default(),
        ]
    }
}

/// Deletes the identities, shows the progress, and prints the result.
pub(crate) async fn run<D: IdentityDeleter>(
    items: Vec<D::Item>,
    rate: f64,
    deleter: D,
    context: &CommandContext,
) -> Result<()> {
    let deleter = Arc::new(deleter);
    let progress = Progress::new("deleting", items.len(), rate, &context.environment);
    let outcome = bulk::delete_all(&deleter, items, rate, &progress, interrupted()).await;
    progress.finish();
    for (name, how) in &outcome.spared {
        note(&format!("spared: {name}: {how}"));
    }
    for (name, failure) in &outcome.failed {
        note(&format!("not deleted: {name}: {failure}"));
    }
    context.show(&DeletionSummary::from(&outcome))?;
    conclude(outcome)
}

fn conclude(outcome: BulkOutcome) -> Result<()> {
    let rest = outcome.left + outcome.unsure;
    let goes_on = "run the same command again: it skips what is already deleted";
    if let Some(failure) = outcome.gave_up {
        note(&format!(
            "stopped early: {rest} identities left. Fix the error below, then {goes_on}"
        ));
        return Err(failure);
    }
    if outcome.interrupted {
        return Err(CliError::new(
            Exit::Interrupted,
            format!("interrupted: {rest} identities left"),
        )
        .hint(goes_on));
    }
    let what = match outcome.failed.len() {
        0 => return Ok(()),
        1 => "one was not deleted".to_owned(),
        many => format!("{many} were not deleted"),
    };
    let is_partly_done = outcome.deleted + outcome.absent > 0 || !outcome.spared.is_empty();
    let mut failures = outcome.failed.into_iter().map(|(_, failure)| failure);
    match failures.next() {
        Some(first) if !is_partly_done && failures.all(|next| next.exit == first.exit) => {
            Err(first)
        }
        _ => Err(CliError::new(Exit::Partly, what).hint(goes_on)),
    }
}

/// Returns at Ctrl-C.
pub(super) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler, Ctrl-C ends the process, which is safe, too.
        std::future::pending::<()>().await;
    }
}
