//! What a run of the scheduled job did, as it is kept.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::identity::AcsId;

/// One run. Times are kept in whole milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Run {
    /// Its name: Lambda's request id.
    pub id: String,
    /// Whether it was to delete anything.
    pub mode: Mode,
    /// What the schedule called now.
    pub time: Millis,
    /// Identities last used before this were considered.
    pub cutoff: Millis,
    /// When it began.
    pub started_at: Millis,
    /// When it ended; nothing if it was killed, or still runs.
    pub finished_at: Option<Millis>,
    /// The run before it.
    pub previous: Option<String>,
    /// The run at whose end it went on, if that one was stopped early.
    pub continued_from: Option<String>,
    /// About how many identities there were.
    pub total: u64,
    /// How many of them had not been used since the cutoff.
    pub stale: u64,
    /// Whether they were too many, so that none was deleted.
    pub braked: bool,
    /// What an operator let through and is not used up.
    pub allowance: Option<Allowance>,
    /// How many stale identities were looked at.
    pub considered: u64,
    /// How many of them were deleted; in a plan, how many would have been.
    pub deleted: u64,
    /// How many were left alone, and why.
    pub spared: Spared,
    /// How many deletions and revocations failed at ACS; each is tried again.
    pub failed: u64,
    /// How many identities are stuck, those that got stuck in this run included.
    pub stuck: u64,
    /// What others had begun and this run finished.
    pub finished: Finished,
    /// Why it stopped before it was through.
    pub stopped: Option<Stopped>,
    /// Stale identities by how long they had not been used.
    pub ages: Ages,
    /// What it deleted, or would have deleted, by why.
    pub reasons: Reasons,
    /// What it deleted, or would have deleted: all, if they are few, and otherwise the
    /// longest unused of each shard.
    pub sample: Vec<Sample>,
}

/// Deletions that an operator lets through, whatever the brake says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Allowance {
    /// How many.
    pub left: u64,
    /// Of identities last used before this, as they were when it was given. A run whose
    /// cutoff is much later is none that the operator had in mind.
    pub cutoff: Millis,
}

/// Whether a run deletes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It counts, and says what it would delete.
    #[default]
    Plan,
    /// It deletes.
    Apply,
}

impl Mode {
    /// Reads `plan` or `apply`.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        match raw {
            "plan" => Some(Self::Plan),
            "apply" => Some(Self::Apply),
            _ => None,
        }
    }
}

/// Stale identities that were left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spared {
    /// Somebody came back.
    pub used: u64,
    /// Somebody else was changing them, or had deleted them.
    pub changed: u64,
}

/// What others had begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Finished {
    /// Deletions.
    pub deletions: u64,
    /// Revocations.
    pub revocations: u64,
    /// Reservations whose owner died. What they had created in ACS, if anything,
    /// nobody can know.
    pub reservations: u64,
    /// Identities of which it had been unknown whether they were stored: those that
    /// were not are deleted.
    pub orphans: u64,
}

/// Why a run stopped, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stopped {
    /// Why.
    pub because: Limit,
    /// The shard it was in; the next run begins there.
    pub shard: u8,
}

/// What ends a run early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Its time.
    Deadline,
    /// The most it may delete.
    Maximum,
    /// ACS is unavailable, one deletion after the other.
    AcsUnavailable,
    /// ACS refuses, one after the other: it is not the identities that are wrong.
    AlwaysFails,
}

/// Stale identities by how long before *now* they were last used.
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

/// Stale identities by why they may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reasons {
    /// Nobody uses them.
    pub unused: u64,
    /// Nobody uses them, and nobody can: their users are blocked, and stay so.
    pub blocked: u64,
}

impl Ages {
    pub(super) fn count(&mut self, age: Duration) {
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

/// An identity that a run deleted, or would have deleted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Its name in ACS.
    pub identity: String,
    /// When it was last used.
    pub last_issued_at: Millis,
    /// Whether its user is blocked, and stays so.
    pub blocked: bool,
}

impl Sample {
    pub(super) fn of(acs_id: &AcsId, last_issued_at: SystemTime, blocked: bool) -> Self {
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
        let modes = ["plan", "apply", "Apply"].map(Mode::parse);
        assert_eq!(modes, [Some(Mode::Plan), Some(Mode::Apply), None]);
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_123);
        assert_eq!(Millis::from(time), Millis(1_800_000_000_123));
        assert_eq!(SystemTime::from(Millis(1_800_000_000_123)), time);
    }
}
