//! Shared code of the commands that delete many identities.

use std::sync::Arc;

use serde::Serialize;

use super::Context;
use crate::{
    bulk::{self, Item, Outcome},
    failure::{Exit, Failure, Result},
    output::{self, Row},
    progress::Progress,
    target::Target,
    world::World,
};

/// Reads a rate per second.
pub(crate) fn rate(raw: &str) -> std::result::Result<f64, String> {
    let rate: f64 = raw.parse().map_err(|_| "write a number from 0.1 to 16".to_owned())?;
    // 500 deletions in 30 s are 16.7 per second.
    if (0.1..=16.0).contains(&rate) {
        Ok(rate)
    } else {
        Err("write a number from 0.1 to 16".to_owned())
    }
}

/// The result of a run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    deleted: u64,
    /// Already gone.
    absent: u64,
    /// Skipped, because they have changed since the plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    spared: Vec<Named>,
    failed: Vec<Named>,
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
struct Named {
    id: String,
    why: String,
}

impl From<&Outcome> for Summary {
    fn from(outcome: &Outcome) -> Self {
        let seconds = outcome.took.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let per_second =
            (outcome.deleted >= 10).then(|| outcome.deleted as f64 / seconds.max(0.001));
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        let named = |id: &String, why: String| Named { id: id.clone(), why };
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

impl Row for Summary {
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
pub(crate) async fn run(
    items: Vec<Item>,
    rate: f64,
    target: Target,
    context: &Context,
) -> Result<()> {
    let world = Arc::new(World::of(target).await?);
    let progress = Progress::new("deleting", items.len(), rate, &context.around);
    let outcome = bulk::delete_all(&world, items, rate, &progress, interrupted()).await;
    progress.finish();
    for (name, how) in &outcome.spared {
        output::note(&format!("spared: {name}: {how}"));
    }
    for (name, failure) in &outcome.failed {
        output::note(&format!("not deleted: {name}: {failure}"));
    }
    context.show(&Summary::from(&outcome))?;
    conclude(outcome)
}

fn conclude(outcome: Outcome) -> Result<()> {
    let rest = outcome.left + outcome.unsure;
    let goes_on = "run the same command again: it passes over what is gone and does the rest";
    if let Some(failure) = outcome.gave_up {
        output::note(&format!("gave up with {rest} to go; once it is mended, {goes_on}"));
        return Err(failure);
    }
    if outcome.interrupted {
        return Err(
            Failure::new(Exit::Interrupted, format!("stopped with {rest} to go")).so(goes_on)
        );
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
        _ => Err(Failure::new(Exit::Partly, what).so(goes_on)),
    }
}

/// Returns at Ctrl-C.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler, Ctrl-C ends the process, which is safe, too.
        std::future::pending::<()>().await;
    }
}
