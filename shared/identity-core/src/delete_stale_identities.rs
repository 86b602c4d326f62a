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
mod run;
mod stale;
mod unfinished;

use std::time::{Duration, SystemTime};

use tracing::{info, warn};

pub use run::{
    Ages, Allowance, Finished, Limit, Millis, Mode, Reasons, Run, Sample, Spared, Stopped,
};
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
    let (mut run, start) = begin(&request, previous.as_ref(), cutoff, clock.now());
    store.save_run(&run).await?;

    let job = job::Job::new(store, acs, clock, &request, cutoff);
    unfinished::settle_all(&job).await?;
    run.total = store.total().await?;
    run.stale = stale::count(&job).await?;
    run.braked = is_braked(run.stale, run.total, run.allowance.map(|allowed| allowed.left));
    match request.mode {
        Mode::Plan => stale::survey(&job).await?,
        Mode::Apply if run.braked => {}
        Mode::Apply => stale::delete(&job, start).await?,
    }
    job.report(&mut run);
    run.allowance = left_of(&run);
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

/// The record of a run that begins, and the shard it begins with.
fn begin(
    request: &Request,
    previous: Option<&Run>,
    cutoff: SystemTime,
    now: SystemTime,
) -> (Run, u8) {
    let applies = request.mode == Mode::Apply;
    // One without an end was killed, or still runs.
    let interrupted = previous
        .filter(|run| applies && run.mode == Mode::Apply)
        .filter(|run| run.stopped.is_some() || run.finished_at.is_none());
    let shard = interrupted.and_then(|run| run.stopped).map_or(0, |stopped| stopped.shard);
    let run = Run {
        id: request.invocation.id.clone(),
        mode: request.mode,
        time: request.time.into(),
        cutoff: cutoff.into(),
        started_at: now.into(),
        allowance: given(request, previous, cutoff),
        continued_from: interrupted.map(|run| run.id.clone()),
        previous: previous.map(|run| run.id.clone()),
        ..Run::default()
    };
    (run, shard)
}

/// What an operator lets through: in this run, or in one before it that did not get
/// through with it. A plan lets nothing through, and passes on what it finds.
fn given(request: &Request, previous: Option<&Run>, cutoff: SystemTime) -> Option<Allowance> {
    if let Some(left) = request.allow.filter(|_| request.mode == Mode::Apply) {
        return Some(Allowance { left, cutoff: cutoff.into() });
    }
    // Of one that was killed nobody knows how much it used.
    let previous = previous.filter(|run| run.finished_at.is_some())?;
    let latest = |allowed: &Allowance| SystemTime::from(allowed.cutoff) + ALLOWED_FOR;
    previous.allowance.filter(|allowed| cutoff <= latest(allowed))
}

/// What is left of what was let through, for the runs after this one.
fn left_of(run: &Run) -> Option<Allowance> {
    let allowed = run.allowance?;
    if run.mode == Mode::Plan {
        return Some(allowed);
    }
    let left = allowed.left.saturating_sub(run.deleted);
    // What was too little is void, and once the backlog passes by itself, nothing is let
    // through any more.
    let is_needed = is_braked(run.stale.saturating_sub(run.deleted), run.total, None);
    (left > 0 && is_needed && !run.braked).then_some(Allowance { left, ..allowed })
}

/// What somebody who reads the log wants to know of a run, and the metrics of it.
fn report(run: &Run) {
    let mode = match run.mode {
        Mode::Plan => "plan",
        Mode::Apply => "apply",
    };
    if run.braked {
        // A plan would have deleted none anyway.
        let braked = u64::from(run.mode == Mode::Apply);
        warn!(
            run.id,
            run.stale,
            run.total,
            metric.cleanup_braked = braked,
            "so many identities are stale that none is deleted; the answer's `letThrough` has \
             the event that lets them through once"
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

/// What was let through holds for runs whose cutoff is at most this much later. A week of
/// runs deletes a million; a clock gone wrong is further off.
const ALLOWED_FOR: Duration = Duration::from_hours(7 * 24);

/// Fewer than this are never too many.
const BRAKE_FLOOR: u64 = 50;

/// More of all identities than this are too many.
const BRAKE_PERCENT: u64 = 5;

#[cfg(test)]
mod tests;
