//! Deletes stale identities: those that were not used for the whole retention period.
//!
//! A run first finishes the work that dead invocations left pending. Then it deletes the guests
//! whose invitation has ended, and after them the stale identities, shard by shard, longest unused
//! first. It marks each record before it calls ACS, and only if the record was not used in the
//! meantime. The cost is proportional to the number of stale identities. A run ends at its
//! deadline, at its limit, or when all work is done, and the next run continues. Only the records
//! determine what is left to do.
//!
//! A run that would delete too many identities deletes none: see [`is_braked`].

mod brake;
mod guests;
mod job;
mod request;
mod revocations;
mod stale;
mod unfinished;

use std::time::{Duration, SystemTime};

use tracing::{info, warn};

use crate::model::Error;
use crate::ports::{Clock, IdentityClients, IdentityStore, InvitationStore, OrphanStore, RunLog};
use brake::Counted;

pub use crate::model::cleanup_run::{
    Ages, Allowance, CleanupMode, CleanupRun, EndedGuests, Finished, IdentitySample, Limit, Millis,
    Reasons, Spared, Stopped,
};
pub use brake::{is_braked, users_beside};
pub use request::{CleanupLimits, CleanupRequest, Retention};
pub use stale::{StaleOutcome, delete_if_unused_since};

/// Runs the job. It returns the record of the run, which is also stored.
///
/// Failures of ACS are counted, and a later run retries them. An error means that the store
/// failed, which ends the run.
pub async fn delete_stale_identities<S: IdentityStore + InvitationStore + OrphanStore + RunLog>(
    store: &S,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    request: CleanupRequest,
) -> Result<CleanupRun, Error> {
    let cutoff = request.retention.cutoff(request.time);
    let previous = store.latest_run().await?;
    let (mut run, start) = begin(&request, previous.as_ref(), cutoff, clock.now());
    store.save_run(&run).await?;

    let job = job::CleanupJob::new(store, acs, clock, &request, cutoff, start);
    job.finish_all().await?;
    job.finish_invitations().await?;
    job.delete_guests().await?;
    let counted = job.count().await?;
    if let Some(Counted { stale, users }) = counted {
        run.stale = stale;
        run.total = users;
        run.braked = is_braked(stale, users, run.allowance.map(|allowed| allowed.left));
    }
    match request.mode {
        CleanupMode::Apply if run.braked => {}
        CleanupMode::Apply | CleanupMode::Plan => job.process().await?,
    }
    job.report(&mut run);
    run.allowance = left_of(&run, counted);
    run.finished_at = Some(clock.now().into());
    store.save_run(&run).await?;
    let of_schedule = counted.filter(|_| !request.is_preview);
    report(&run, of_schedule.map(|counted| counted.stale));
    Ok(run)
}

/// Creates the record of a new run, and selects its first shard.
fn begin(
    request: &CleanupRequest,
    previous: Option<&CleanupRun>,
    cutoff: SystemTime,
    now: SystemTime,
) -> (CleanupRun, u8) {
    let applies = request.mode == CleanupMode::Apply;
    // A run without an end time was killed or is still running.
    let interrupted = previous
        .filter(|run| applies && run.mode == CleanupMode::Apply)
        .filter(|run| run.stopped.is_some() || run.finished_at.is_none());
    let shard = interrupted.and_then(|run| run.stopped).map_or(0, |stopped| stopped.shard);
    let run = CleanupRun {
        id: request.invocation.id.clone(),
        mode: request.mode,
        guest_mode: Some(request.guests),
        time: request.time.into(),
        cutoff: cutoff.into(),
        started_at: now.into(),
        allowance: given(request, previous, cutoff),
        continued_from: interrupted.map(|run| run.id.clone()),
        previous: previous.map(|run| run.id.clone()),
        ..CleanupRun::default()
    };
    (run, shard)
}

/// The deletions that an operator has allowed, in this run or in an earlier one that did not use
/// them up. A plan adds no allowance and passes on the one it finds.
fn given(
    request: &CleanupRequest,
    previous: Option<&CleanupRun>,
    cutoff: SystemTime,
) -> Option<Allowance> {
    if let Some(left) = request.allow.filter(|_| request.mode == CleanupMode::Apply) {
        return Some(Allowance { left, cutoff: cutoff.into() });
    }
    // If the previous run was killed, it is unknown how much of the allowance it used.
    let previous = previous.filter(|run| run.finished_at.is_some())?;
    let latest = |allowed: &Allowance| SystemTime::from(allowed.cutoff) + ALLOWED_FOR;
    previous.allowance.filter(|allowed| cutoff <= latest(allowed))
}

/// The remaining allowance for later runs. `counted` is `None` if the run stopped before.
fn left_of(run: &CleanupRun, counted: Option<Counted>) -> Option<Allowance> {
    let allowed = run.allowance?;
    if run.mode == CleanupMode::Plan {
        return Some(allowed);
    }
    let left = allowed.left.saturating_sub(run.deleted);
    // An allowance that was too small to release the brake expires. It also expires once the
    // remaining backlog is below the limits of the brake.
    let is_backlog = |counted: Counted| {
        let [stale, users] = [counted.stale, counted.users].map(|n| n.saturating_sub(run.deleted));
        is_braked(stale, users, None)
    };
    let is_needed = counted.is_none_or(is_backlog);
    (left > 0 && is_needed && !run.braked).then_some(Allowance { left, ..allowed })
}

/// Logs a summary of the run, and writes its metrics. The number of stale identities has none if
/// they were not counted, or if the run does not count as one of the schedule.
fn report(run: &CleanupRun, stale: Option<u64>) {
    let mode = match run.mode {
        CleanupMode::Plan => "plan",
        CleanupMode::Apply => "apply",
    };
    if run.braked {
        // A plan does not delete, so its brake is not counted.
        let braked = u64::from(run.mode == CleanupMode::Apply);
        warn!(
            run.id,
            run.stale,
            run.total,
            metric.cleanup_braked = braked,
            "cleanup braked: too many identities are stale, none deleted; to delete them once, \
             send the event in `letThrough` of the response"
        );
    }
    if let Some(stopped) = run.stopped {
        info!(run.id, because = ?stopped.because, stopped.shard, "cleanup stopped early; the next run continues");
    }
    let deleted = if run.mode == CleanupMode::Apply { run.deleted } else { 0 };
    info!(
        run.id,
        mode,
        run.stale,
        run.considered,
        metric.stale_identities = stale,
        metric.identities_deleted = deleted,
        metric.identities_spared = run.spared.used + run.spared.changed,
        metric.deletions_failed = run.failed,
        metric.identities_stuck = run.stuck,
        metric.identities_abandoned = run.finished.reservations,
        metric.guest_identities_deleted = run.guests.deleted,
        guests.due = run.guests.due,
        guests.extended = run.guests.extended,
        "cleanup finished"
    );
}

/// An allowance is valid for runs whose cutoff is at most this much later. In a week, runs can
/// delete one million identities; a wrong clock usually differs by more.
const ALLOWED_FOR: Duration = Duration::from_hours(7 * 24);

#[cfg(test)]
mod tests;
