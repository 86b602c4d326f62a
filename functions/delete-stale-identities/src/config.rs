//! The configuration from the environment. An invalid number stops the function before its first
//! run: a retention of 0 days would make every identity stale.

use std::str::FromStr;

use acs_secret::AcsResources;
use identity_core::delete_stale_identities::{CleanupLimits, CleanupMode, Retention};
use identity_store::Tables;
use lambda_edge::config::{ConfigError, Env, optional, required};

/// The complete configuration.
#[derive(Debug)]
pub(crate) struct CleanupConfig {
    pub(crate) tables: Tables,
    pub(crate) acs: AcsResources,
    pub(crate) settings: CleanupSettings,
}

/// The settings of each run, unless its event overrides them.
#[derive(Debug)]
pub(crate) struct CleanupSettings {
    pub(crate) retention: Retention,
    pub(crate) mode: CleanupMode,
    /// Whether guests whose invitation has ended are deleted.
    pub(crate) guests: CleanupMode,
    pub(crate) limits: CleanupLimits,
}

impl CleanupConfig {
    pub(crate) fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        let Days(retention) = required(env, "RETENTION_DAYS")?;
        let Named(mode) = optional(env, "CLEANUP_MODE")?.unwrap_or(Named(CleanupMode::Plan));
        let Named(guests) = optional(env, "CLEANUP_GUESTS")?.unwrap_or(Named(CleanupMode::Apply));
        let Whole(most) = optional(env, "CLEANUP_MOST")?.unwrap_or(MOST);
        let Whole(per_second) = optional(env, "CLEANUP_PER_SECOND")?.unwrap_or(PER_SECOND);
        Ok(Self {
            tables: Tables::from_env(env)?,
            acs: AcsResources::from_env(env)?,
            settings: CleanupSettings {
                retention,
                mode,
                guests,
                limits: CleanupLimits { per_second, most: most.into() },
            },
        })
    }
}

struct Days(Retention);

impl FromStr for Days {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let retention = raw.parse().ok().and_then(Retention::from_days);
        retention.map(Self).ok_or_else(|| {
            format!("must be a whole number of days, at least {}", Retention::MIN_DAYS)
        })
    }
}

struct Named(CleanupMode);

impl FromStr for Named {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        CleanupMode::parse(raw).map(Self).ok_or("must be plan or apply")
    }
}

/// A whole number from 1 to `MAX`.
struct Whole<const MAX: u32>(u32);

impl<const MAX: u32> FromStr for Whole<MAX> {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let number = raw.parse().ok().filter(|number| (1..=MAX).contains(number));
        number.map(Self).ok_or_else(|| format!("must be a whole number from 1 to {MAX}"))
    }
}

/// Far more than a run can delete in fifteen minutes, the maximum duration of a Lambda function.
const MOST: Whole<1_000_000> = Whole(10_000);

/// ACS allows 500 deletions in 30 s. A run that used all of them would leave none for users.
const PER_SECOND: Whole<16> = Whole(CleanupLimits::HALF_OF_ACS);

#[cfg(test)]
mod tests {
    use super::*;

    fn config(set: &[(&str, &str)]) -> Result<CleanupConfig, String> {
        let always = [
            ("TABLE_NAME", "Identities"),
            ("ACS_SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acs"),
            ("ACS_API_VERSION", "2026-09-23"),
        ];
        let env = |name: &str| {
            let mut all = set.iter().chain(&always);
            all.find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
        };
        CleanupConfig::from_env(&env).map_err(|error| error.to_string())
    }

    #[test]
    fn only_the_retention_must_be_said_and_then_nothing_is_deleted() {
        let settings = config(&[("RETENTION_DAYS", "90"), ("CLEANUP_MODE", "")]).unwrap().settings;
        assert_eq!(settings.retention, Retention::from_days(90).unwrap());
        assert_eq!((settings.mode, settings.guests), (CleanupMode::Plan, CleanupMode::Apply));
        assert_eq!((settings.limits.per_second, settings.limits.most), (8, 10_000));
        let refusal = config(&[]).unwrap_err();
        assert_eq!(refusal, "the environment variable RETENTION_DAYS is not set");
    }

    #[test]
    fn what_is_said_is_taken_to_its_bounds() {
        let settings = config(&[
            ("RETENTION_DAYS", "2"),
            ("CLEANUP_MODE", "apply"),
            ("CLEANUP_GUESTS", "plan"),
            ("CLEANUP_MOST", "1"),
            ("CLEANUP_PER_SECOND", "16"),
        ]);
        let settings = settings.unwrap().settings;
        assert_eq!(settings.retention, Retention::from_days(2).unwrap());
        assert_eq!((settings.mode, settings.guests), (CleanupMode::Apply, CleanupMode::Plan));
        assert_eq!((settings.limits.per_second, settings.limits.most), (16, 1));
    }

    #[test]
    fn an_invalid_value_is_refused_by_the_name_of_its_variable() {
        for (name, bad, reason) in [
            ("RETENTION_DAYS", "1", "must be a whole number of days, at least 2"),
            ("RETENTION_DAYS", "0", "must be a whole number of days, at least 2"),
            ("RETENTION_DAYS", "-90", "must be a whole number of days, at least 2"),
            ("RETENTION_DAYS", "2.5", "must be a whole number of days, at least 2"),
            ("RETENTION_DAYS", "ninety", "must be a whole number of days, at least 2"),
            ("CLEANUP_MODE", "Apply", "must be plan or apply"),
            ("CLEANUP_MODE", "delete", "must be plan or apply"),
            ("CLEANUP_GUESTS", "off", "must be plan or apply"),
            ("CLEANUP_MOST", "0", "must be a whole number from 1 to 1000000"),
            ("CLEANUP_PER_SECOND", "17", "must be a whole number from 1 to 16"),
            ("CLEANUP_PER_SECOND", "0", "must be a whole number from 1 to 16"),
        ] {
            let refusal = config(&[(name, bad), ("RETENTION_DAYS", "90")]).unwrap_err();
            let said = format!("the environment variable {name} is invalid: {reason}");
            assert_eq!(refusal, said, "{bad}");
        }
    }
}
