//! Delete stale identities: what nobody has used for the whole retention goes, and
//! nothing else.
//!
//! A run first finishes what others began and died in; then it deletes, shard by
//! shard and longest unused first, marking each record before ACS is asked, and only
//! if it is still as unused as it was. Its work is proportional to what is stale. It
//! ends by its deadline, by its budget, or because it is through, and the next run
//! goes on; nothing but the records says what is left to do.
//!
//! A run that would delete too many deletes none: see [`is_braked`].

mod job;
mod pace;
mod run;
mod stale;
mod unfinished;

use std::time::{Duration, SystemTime};

use tracing::{info, warn};

pub use pace::Pace;
pub use run::{Ages, Finished, Limit, Millis, Mode, Run, Sample, Spared, Stopped};
pub use stale::{Fate, delete_if_unused_since};

use crate::{
    Error,
    identity::Invocation,
    ports::{Clock, IdentityClient, IdentityStore, Orphanage, RunLog},
};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// What the schedule calls now. Only what is stale depends on it; everything else
    /// goes by the clock.
    pub time: SystemTime,
    /// How long an identity may be unused.
    pub retention: Retention,
    /// Whether to delete.
    pub mode: Mode,
    /// How much at the most.
    pub limits: Limits,
    /// How many deletions an operator lets through, whatever the brake says. What is
    /// not used up is left for the runs after this one.
    pub allow: Option<u64>,
    /// The run: its name, and its deadline.
    pub invocation: Invocation,
}

/// How long an identity may be unused before it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention(Duration);

impl Retention {
    /// A token lives for a day at the most, and clocks and indexes may lag: whoever
    /// holds a live token has used their identity within two days.
    pub const MIN_DAYS: u64 = 2;

    /// Accepts two days to a hundred years.
    #[must_use]
    pub fn from_days(days: u64) -> Option<Self> {
        let fits = (Self::MIN_DAYS..=36_500).contains(&days);
        fits.then(|| Self(Duration::from_hours(24 * days)))
    }

    /// Before when an identity must have been used last to be stale at `time`.
    #[must_use]
    pub fn cutoff(self, time: SystemTime) -> SystemTime {
        time.checked_sub(self.0).unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

/// What bounds a run, besides its deadline.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests to ACS in a second. ACS allows 500 deletions in 30 s per resource; the
    /// other half is for people's own calls.
    pub per_second: u32,
    /// Deletions in one run.
    pub most: u64,
}

impl Limits {
    /// Half of what ACS allows.
    pub const HALF_OF_ACS: u32 = 8;
}

/// Runs the job. The answer is the record of the run, which is also kept.
///
/// ACS's failures are counted and tried again by a later run; an error means that the
/// store failed, and the run with it.
pub async fn delete_stale_identities<S: IdentityStore + Orphanage + RunLog>(
    store: &S,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    request: Request,
) -> Result<Run, Error> {
    let cutoff = request.retention.cutoff(request.time);
    let previous = store.latest_run().await?;
    let mut run = begin(&request, previous, cutoff, clock.now());
    store.save_run(&run).await?;
    let start = run.stopped.take().map_or(0, |stopped| stopped.shard);

    let job = job::Job::new(store, acs, clock, &request, cutoff);
    unfinished::settle_all(&job).await?;
    run.total = store.total().await?;
    run.stale = stale::count(&job).await?;
    run.braked = is_braked(run.stale, run.total, run.allowance);
    match request.mode {
        Mode::Plan => stale::survey(&job).await?,
        Mode::Apply if run.braked => {}
        Mode::Apply => stale::delete(&job, start).await?,
    }
    job.report(&mut run);
    if run.mode == Mode::Apply {
        let left = run.allowance.unwrap_or_default().saturating_sub(run.deleted);
        // Once the backlog passes by itself, nothing is let through any more.
        let is_needed = is_braked(run.stale.saturating_sub(run.deleted), run.total, None);
        run.allowance = (left > 0 && is_needed).then_some(left);
    }
    run.finished_at = Some(clock.now().into());
    store.save_run(&run).await?;
    report(&run);
    Ok(run)
}

/// The brake: whether so many deletions are too many to be right. More than 5 % of all
/// identities, and more than 50, are, unless an operator has let as many through.
///
/// A clock that is wrong, a retention mistyped, a restored backup: each makes everybody
/// stale at once, and ACS has no undo.
#[must_use]
pub fn is_braked(stale: u64, total: u64, allowance: Option<u64>) -> bool {
    let many =
        stale > BRAKE_FLOOR && stale.saturating_mul(100) > total.saturating_mul(BRAKE_PERCENT);
    many && allowance.is_none_or(|allowed| stale > allowed)
}

fn begin(request: &Request, previous: Option<Run>, cutoff: SystemTime, now: SystemTime) -> Run {
    let previous = previous.unwrap_or_default();
    let interrupted = previous.mode == Mode::Apply && previous.stopped.is_some();
    let goes_on = request.mode == Mode::Apply && interrupted;
    Run {
        id: request.invocation.id.clone(),
        mode: request.mode,
        time: request.time.into(),
        cutoff: cutoff.into(),
        started_at: now.into(),
        allowance: request.allow.or(previous.allowance),
        continued_from: goes_on.then(|| previous.id.clone()),
        stopped: previous.stopped.filter(|_| goes_on),
        previous: Some(previous.id).filter(|id| !id.is_empty()),
        ..Run::default()
    }
}

/// What somebody who reads the log wants to know of a run, and the metrics of it.
fn report(run: &Run) {
    let mode = match run.mode {
        Mode::Plan => "plan",
        Mode::Apply => "apply",
    };
    if run.braked {
        warn!(
            run.id,
            run.stale,
            run.total,
            metric.cleanup_braked = 1,
            "so many identities are stale that none is deleted; if that is right, run the \
             function once with {{\"time\": \"<now, in RFC 3339>\", \"mode\": \"apply\", \
             \"allow\": {}}}",
            run.stale
        );
    }
    if let Some(stopped) = run.stopped {
        info!(run.id, because = ?stopped.because, stopped.shard, "the next run goes on from here");
    }
    let deleted = if run.mode == Mode::Apply { run.deleted } else { 0 };
    info!(
        run.id,
        mode,
        run.stale,
        run.considered,
        metric.stale_identities = run.stale,
        metric.identities_deleted = deleted,
        metric.identities_spared = run.spared.used + run.spared.changed,
        metric.deletions_failed = run.failed,
        metric.identities_stuck = run.stuck,
        metric.identities_abandoned = run.finished.reservations,
        "the run is over"
    );
}

/// Fewer than this are never too many.
const BRAKE_FLOOR: u64 = 50;

/// More of all identities than this are too many.
const BRAKE_PERCENT: u64 = 5;

#[cfg(test)]
mod tests;
