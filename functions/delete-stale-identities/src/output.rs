//! The response: the record of the run in readable form.

use api_types::format_timestamp;
use identity_core::delete_stale_identities::{
    Ages, CleanupMode, CleanupRun, EndedGuests, Finished, Millis, Reasons, Spared, Stopped,
};
use serde::Serialize;

/// The run. Times are in RFC 3339 format.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CleanupOutput {
    id: String,
    mode: CleanupMode,
    time: String,
    cutoff: String,
    started_at: String,
    finished_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continued_from: Option<String>,
    /// The approximate number of identities.
    total: u64,
    /// The number of identities that were not used since the cutoff.
    stale: u64,
    considered: u64,
    /// Present in a run that deletes.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<u64>,
    /// Present in a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    would_delete: Option<u64>,
    spared: Spared,
    failed: u64,
    stuck: u64,
    /// Pending work of other invocations that this run finished.
    finished: Finished,
    /// Present if a guest was due.
    #[serde(skip_serializing_if = "Option::is_none")]
    guests: Option<EndedGuests>,
    /// Whether the brake applied, so that none is deleted.
    braked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    let_through: Option<LetThrough>,
    /// The number of deletions that are still allowed despite the brake.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowance: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<Stopped>,
    ages: Ages,
    reasons: Reasons,
    sample: Vec<Sampled>,
}

/// How an operator lets a braked run delete, once.
#[derive(Debug, Serialize)]
struct LetThrough {
    how: &'static str,
    event: Event,
}

/// The event to send.
#[derive(Debug, Serialize)]
struct Event {
    time: String,
    mode: CleanupMode,
    allow: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sampled {
    identity: String,
    last_issued_at: String,
    blocked: bool,
}

impl From<&CleanupRun> for CleanupOutput {
    fn from(run: &CleanupRun) -> Self {
        let is_plan = run.mode == CleanupMode::Plan;
        let sample = run.sample.iter().map(|sample| Sampled {
            identity: sample.identity.clone(),
            last_issued_at: date(sample.last_issued_at),
            blocked: sample.blocked,
        });
        Self {
            id: run.id.clone(),
            mode: run.mode,
            time: date(run.time),
            cutoff: date(run.cutoff),
            started_at: date(run.started_at),
            finished_at: run.finished_at.map(date),
            continued_from: run.continued_from.clone(),
            total: run.total,
            stale: run.stale,
            considered: run.considered,
            deleted: (!is_plan).then_some(run.deleted),
            would_delete: is_plan.then_some(run.deleted),
            spared: run.spared,
            failed: run.failed,
            stuck: run.stuck,
            finished: run.finished,
            guests: Some(run.guests).filter(|guests| *guests != EndedGuests::default()),
            braked: run.braked,
            let_through: run.braked.then(|| LetThrough::of(run)),
            allowance: run.allowance.map(|allowed| allowed.left),
            stopped: run.stopped,
            ages: run.ages,
            reasons: run.reasons,
            sample: sample.collect(),
        }
    }
}

impl LetThrough {
    fn of(run: &CleanupRun) -> Self {
        Self {
            how: "too many identities are stale, so that an apply run deletes none. If they are the \
                  right ones, invoke the function once with this event",
            event: Event { time: date(run.time), mode: CleanupMode::Apply, allow: run.stale },
        }
    }
}

fn date(time: Millis) -> String {
    format_timestamp(time.into())
}
