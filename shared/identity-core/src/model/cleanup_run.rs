//! The stored record of a run of the scheduled job.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::model::AcsId;

/// One run. Times are kept in whole milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CleanupRun {
    /// The ID of the run: Lambda's request ID.
    pub id: String,
    /// Whether the run deletes or only plans.
    pub mode: CleanupMode,
    /// Whether the run deletes the guests whose invitation has ended; `None` in runs of an earlier
    /// release.
    pub guest_mode: Option<CleanupMode>,
    /// The time that the schedule passed.
    pub time: Millis,
    /// The run considers identities that were last used before this time.
    pub cutoff: Millis,
    /// When the run started.
    pub started_at: Millis,
    /// When the run ended; `None` if it was killed or is still running.
    pub finished_at: Option<Millis>,
    /// The ID of the previous run.
    pub previous: Option<String>,
    /// The ID of the run from whose end this run continued, if that one was stopped early.
    pub continued_from: Option<String>,
    /// The number of users that there are at least: all users with an identity, if the brake applied.
    /// 0 if the run stopped before it knew.
    pub total: u64,
    /// The number of identities that were not used since the cutoff; 0 if the run stopped before it
    /// had counted them.
    pub stale: u64,
    /// Whether the brake applied, so that none was deleted.
    pub braked: bool,
    /// The allowance of an operator that is not used up.
    pub allowance: Option<Allowance>,
    /// The number of stale identities that were examined.
    pub considered: u64,
    /// The number of deleted identities; in a plan, the number that would be deleted.
    pub deleted: u64,
    /// The stale identities that were skipped, by reason.
    pub spared: Spared,
    /// The number of deletions and revocations that failed at ACS; each is retried later.
    pub failed: u64,
    /// The number of stuck identities, including those that became stuck in this run.
    pub stuck: u64,
    /// Pending work of other invocations that this run finished.
    pub finished: Finished,
    /// The guests whose invitation has ended.
    pub guests: EndedGuests,
    /// Why and where the run stopped early; `None` if it finished.
    pub stopped: Option<Stopped>,
    /// The stale identities by the time since their last use.
    pub ages: Ages,
    /// The identities that the run deleted or would delete, by reason.
    pub reasons: Reasons,
    /// The identities that the run deleted or would delete: all if they are few, otherwise the
    /// longest unused of each shard.
    pub sample: Vec<IdentitySample>,
}

/// The number of deletions that an operator allows despite the brake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Allowance {
    /// The number of deletions left.
    pub left: u64,
    /// The cutoff at the time when the allowance was given. The operator did not intend it for a
    /// run whose cutoff is much later.
    pub cutoff: Millis,
}

/// Whether a run deletes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CleanupMode {
    /// Counts, and reports what would be deleted.
    #[default]
    Plan,
    /// Deletes.
    Apply,
}

impl CleanupMode {
    /// Parses `plan` or `apply`.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        match raw {
            "plan" => Some(Self::Plan),
            "apply" => Some(Self::Apply),
            _ => None,
        }
    }
}

/// Stale identities that were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spared {
    /// Identities that were used in the meantime.
    pub used: u64,
    /// Identities that another request was changing or had deleted.
    pub changed: u64,
}

/// Pending work of other invocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Finished {
    /// Deletions.
    pub deletions: u64,
    /// Revocations.
    pub revocations: u64,
    /// Reservations whose owner died. It is unknown whether the owner created an identity in ACS.
    pub reservations: u64,
    /// Identities that may have been missing from the store. Those that were missing are deleted.
    pub orphans: u64,
}

/// The guests whose invitation has ended. The brake does not apply to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndedGuests {
    /// Guests that were due for deletion.
    pub due: u64,
    /// Guests that were deleted.
    pub deleted: u64,
    /// Guests whose invitation was extended, so that they are due later.
    pub extended: u64,
    /// Whether none was deleted because the time of the event and the clock differed.
    pub skipped: bool,
}

/// The reason and the shard of an early stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stopped {
    /// The reason.
    pub because: Limit,
    /// The shard of stale identities that was processed, or would have been first; the next run
    /// begins there.
    pub shard: u8,
}

/// The condition that ended a run early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// The deadline of the run.
    Deadline,
    /// The maximum number of deletions.
    Maximum,
    /// ACS was unavailable for several deletions in a row.
    AcsUnavailable,
    /// ACS refused several deletions in a row, so the cause is not a single identity.
    AlwaysFails,
}

/// Stale identities by the time between their last use and the `time` of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ages {
    /// Less than 90 days.
    pub under_90_days: u64,
    /// 90 to 179 days.
    pub under_180_days: u64,
    /// 180 to 364 days.
    pub under_a_year: u64,
    /// A year or more.
    pub a_year_or_more: u64,
}

/// Stale identities by the reason for their deletion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reasons {
    /// The identity is unused.
    pub unused: u64,
    /// The identity is unused, and its user is blocked and stays so.
    pub blocked: u64,
}

impl Ages {
    pub(crate) fn count(&mut self, age: Duration) {
        let days = age.as_secs() / (24 * 3600);
        let place = match days {
            0..90 => &mut self.under_90_days,
            90..180 => &mut self.under_180_days,
            180..365 => &mut self.under_a_year,
            _ => &mut self.a_year_or_more,
        };
        *place += 1;
    }
}

/// An identity that a run deleted or would delete.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentitySample {
    /// The ID of the identity in ACS.
    pub identity: String,
    /// When it was last used.
    pub last_issued_at: Millis,
    /// Whether the user is blocked and stays so.
    pub blocked: bool,
}

impl IdentitySample {
    pub(crate) fn of(acs_id: &AcsId, last_issued_at: SystemTime, blocked: bool) -> Self {
        let identity = acs_id.as_str().to_owned();
        Self { identity, last_issued_at: last_issued_at.into(), blocked }
    }
}

/// A time in whole milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl From<SystemTime> for Millis {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

impl From<Millis> for SystemTime {
    fn from(Millis(millis): Millis) -> Self {
        Self::UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(Self::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_counted_in_whole_days() {
        let days = |days: u64| Duration::from_hours(24 * days);
        let second = Duration::from_secs(1);
        let mut ages = Ages::default();
        for limit in [days(90), days(180), days(365)] {
            ages.count(limit.abs_diff(second));
            ages.count(limit);
        }
        let expected =
            Ages { under_90_days: 1, under_180_days: 2, under_a_year: 2, a_year_or_more: 1 };
        assert_eq!(ages, expected);
    }

    #[test]
    fn a_mode_and_a_time_read_back() {
        let modes = ["plan", "apply", "Apply"].map(CleanupMode::parse);
        assert_eq!(modes, [Some(CleanupMode::Plan), Some(CleanupMode::Apply), None]);
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_123);
        assert_eq!(Millis::from(time), Millis(1_800_000_000_123));
        assert_eq!(SystemTime::from(Millis(1_800_000_000_123)), time);
    }
}
