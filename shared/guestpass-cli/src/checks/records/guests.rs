//! Checks whether the scheduled job deletes guests whose invitation has ended.

use api_types::format_timestamp;
use identity_core::delete_stale_identities::{CleanupMode, CleanupRun, EndedGuests};
use identity_core::ports::RunLog as _;

use crate::checks::Check;
use crate::service::ServiceSession;

/// Checks the latest run of the scheduled job, which knows its setting. Reads only. `invites`: whether
/// the policy has guests. Without it, the check is made only if the run has found some.
pub(crate) async fn look_at_guest_cleanup(
    session: &ServiceSession,
    invites: bool,
) -> Option<Check> {
    match session.run(async |_| session.store.latest_run().await).await {
        Ok(run) if invites || run.as_ref().is_some_and(|run| run.guests.due > 0) => {
            Some(judged(run.as_ref()))
        }
        Ok(_) => None,
        Err(failure) => Some(Check::failed(ABOUT, &failure)),
    }
}

fn judged(run: Option<&CleanupRun>) -> Check {
    let Some((run, mode)) = run.and_then(|run| Some((run, run.guest_mode?))) else {
        return Check::skipped(ABOUT, "no cleanup of this release has run yet");
    };
    let at = format_timestamp(run.started_at.into());
    let EndedGuests { due, deleted, skipped, .. } = run.guests;
    let stay = format!("the ACS identities of {due} guests stay, and so will those of later ones");
    match mode {
        CleanupMode::Plan => Check::note(
            ABOUT,
            format!(
                "the cleanup of {at} only counted the guests whose invitation has ended: {stay}. \
                 Deploy with CleanupGuests=apply, unless this run was asked for a plan"
            ),
        ),
        CleanupMode::Apply if skipped => Check::note(
            ABOUT,
            format!(
                "the cleanup of {at} deleted no guest, because its clock and the time of its event \
                 differ by more than an hour: {stay}. Correct what sends the event"
            ),
        ),
        CleanupMode::Apply if deleted < due => Check::note(
            ABOUT,
            format!(
                "the cleanup of {at} deleted {deleted} of {due} guests who were due; the next run \
                 tries the others again. If this repeats, the log of the run says why"
            ),
        ),
        CleanupMode::Apply => Check::good(
            ABOUT,
            format!("the cleanup of {at} deleted {deleted} of {due} guests who were due"),
        ),
    }
}

const ABOUT: &str = "guest cleanup";

#[cfg(test)]
mod tests {
    use super::*;

    fn run(guest_mode: Option<CleanupMode>, skipped: bool) -> CleanupRun {
        run_of(guest_mode, skipped, 2)
    }

    fn run_of(guest_mode: Option<CleanupMode>, skipped: bool, deleted: u64) -> CleanupRun {
        let guests = EndedGuests { due: 3, deleted, skipped, ..EndedGuests::default() };
        CleanupRun { guest_mode, guests, ..CleanupRun::default() }
    }

    #[test]
    fn a_cleanup_that_leaves_guests_behind_is_a_note_that_says_what_stays() {
        let (plan, apply) = (Some(CleanupMode::Plan), Some(CleanupMode::Apply));
        for (run, verdict, texts) in [
            (
                Some(run(plan, false)),
                "Note",
                &["identities of 3 guests stay", "CleanupGuests=apply"][..],
            ),
            (Some(run(apply, true)), "Note", &["identities of 3 guests stay", "than an hour"]),
            (Some(run(apply, false)), "Note", &["deleted 2 of 3 guests", "why"]),
            (Some(run_of(apply, false, 3)), "Good", &["deleted 3 of 3 guests"]),
            (Some(run(None, false)), "Skipped", &["no cleanup of this release"]),
            (None, "Skipped", &["has run yet"]),
        ] {
            let check = format!("{:?}", judged(run.as_ref()));
            assert!(check.contains(&format!("verdict: {verdict}")), "{check}");
            assert!(texts.iter().all(|text| check.contains(text)), "{check}");
        }
    }
}
