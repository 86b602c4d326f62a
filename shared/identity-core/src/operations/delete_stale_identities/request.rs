use std::time::{Duration, SystemTime};

use crate::model::{CleanupMode, Invocation};

/// The parameters of a run.
#[derive(Clone, Debug)]
pub struct CleanupRequest {
    /// The time that the schedule passed. It determines only which identities are stale;
    /// everything else uses the clock.
    pub time: SystemTime,
    /// How long an identity may be unused.
    pub retention: Retention,
    /// Whether to delete or only to plan.
    pub mode: CleanupMode,
    /// Whether to delete the guests whose invitation has ended, or only to count them.
    pub guests: CleanupMode,
    /// Whether an operator has asked for a plan. Such a run does not count as one of the schedule,
    /// whose absence an alarm reports.
    pub is_preview: bool,
    /// The limits of the run.
    pub limits: CleanupLimits,
    /// How many deletions an operator allows despite the brake. Later runs can use the remainder.
    pub allow: Option<u64>,
    /// The ID and the deadline of the run.
    pub invocation: Invocation,
}

/// How long an identity may be unused before it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention(Duration);

impl Retention {
    /// A token is valid for at most one day, and clocks and indexes may be behind: an identity
    /// with a valid token was used within the last two days.
    pub const MIN_DAYS: u64 = 2;

    /// Accepts two days to a hundred years.
    #[must_use]
    pub fn from_days(days: u64) -> Option<Self> {
        let fits = (Self::MIN_DAYS..=36_500).contains(&days);
        fits.then(|| Self(Duration::from_hours(24 * days)))
    }

    /// The cutoff for a run at `time`: an identity is stale if it was last used before it.
    #[must_use]
    pub fn cutoff(self, time: SystemTime) -> SystemTime {
        time.checked_sub(self.0).unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

/// The limits of a run, besides its deadline.
#[derive(Clone, Copy, Debug)]
pub struct CleanupLimits {
    /// Requests to ACS per second. ACS allows 500 deletions in 30 s per resource; the other half
    /// remains for the calls of users.
    pub per_second: u32,
    /// The maximum number of deletions in one run.
    pub most: u64,
}

impl CleanupLimits {
    /// Half of what ACS allows.
    pub const HALF_OF_ACS: u32 = 8;
}
