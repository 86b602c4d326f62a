//! The command-line flags for undocumented behaviour of the real service, and for limits. Programs
//! that serve an emulator use them.

use std::time::Duration;

use crate::emulator::Builder;

/// The choices of the command line. Absent flags keep the library's defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Choices {
    no_limits: bool,
    count_refused: bool,
    no_retry_after: bool,
    revocation_lag: Option<Duration>,
    revoke_by_second: bool,
    issue_for_deleted: bool,
    refuse_unknown_identities: bool,
    accept_unknown_scopes: bool,
    refuse_newer_members: bool,
    allow_host_with_slash: bool,
    skew: Option<Duration>,
}

impl Choices {
    /// Parses `flag`, with its value if it has one; false if the flag is unknown here.
    pub fn take(
        &mut self,
        flag: &str,
        value: impl FnOnce() -> Result<String, String>,
    ) -> Result<bool, String> {
        let chosen = match flag {
            "--no-limits" => &mut self.no_limits,
            "--count-refused" => &mut self.count_refused,
            "--no-retry-after" => &mut self.no_retry_after,
            "--revoke-by-second" => &mut self.revoke_by_second,
            "--issue-for-deleted" => &mut self.issue_for_deleted,
            "--refuse-unknown-identities" => &mut self.refuse_unknown_identities,
            "--accept-unknown-scopes" => &mut self.accept_unknown_scopes,
            "--refuse-newer-members" => &mut self.refuse_newer_members,
            "--allow-host-with-slash" => &mut self.allow_host_with_slash,
            "--revocation-lag" => {
                self.revocation_lag = Some(seconds(flag, &value()?, LONGEST_LAG_SECONDS)?);
                return Ok(true);
            }
            "--skew" => {
                self.skew = Some(seconds(flag, &value()?, WIDEST_SKEW_SECONDS)?);
                return Ok(true);
            }
            _ => return Ok(false),
        };
        *chosen = true;
        Ok(true)
    }

    /// Applies the choices to the builder.
    pub fn tell(&self, builder: Builder) -> Builder {
        let builder = match self.skew {
            Some(skew) => builder.skew(skew),
            None => builder,
        };
        builder
            .limits(!self.no_limits)
            .count_refused(self.count_refused)
            .retry_after(!self.no_retry_after)
            .revocation_lag(self.revocation_lag.unwrap_or_default())
            .revoke_by_second(self.revoke_by_second)
            .issue_for_deleted(self.issue_for_deleted)
            .refuse_unknown_identities(self.refuse_unknown_identities)
            .accept_unknown_scopes(self.accept_unknown_scopes)
            .refuse_newer_members(self.refuse_newer_members)
            .allow_host_with_slash(self.allow_host_with_slash)
    }
}

fn seconds(flag: &str, text: &str, most: u64) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if seconds <= most => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("{flag} is a number of seconds from 0 to {most}, not {text:?}")),
    }
}

/// The part of `--help` about these flags.
// The first flag is on the line of the quote, since `\` there would remove its indent.
pub const USAGE: &str =
    "  --no-limits    answer any number of requests, where 500 or 1000 per 30 seconds
                 and operation are documented, and 429 above that
  --count-refused
                 count requests that are answered with 429 against the limit, too
  --no-retry-after
                 leave Retry-After out of the 429
  --revocation-lag SECONDS
                 let tokens outlive a revocation, up to 900 seconds; 0 by default
  --revoke-by-second
                 let a revocation end all tokens of its second, later ones too
  --issue-for-deleted
                 issue tokens for identities that were deleted or never created
  --refuse-unknown-identities
                 answer 404, not 204, to revoking and deleting such identities
  --accept-unknown-scopes
                 issue tokens for any scope, where the default is 400
  --refuse-newer-members
                 answer 400 to a member newer than the api-version, not ignore it
  --allow-host-with-slash
                 believe a signature over a host with a slash at its end
  --skew SECONDS how far the date of a request may be off; 300 by default";

const LONGEST_LAG_SECONDS: u64 = 15 * 60;
/// A day: a user who wants a larger margin does not need a date check.
const WIDEST_SKEW_SECONDS: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(flag: &str, value: &str) -> Result<(bool, Choices), String> {
        let mut choices = Choices::default();
        let taken = choices.take(flag, || Ok(value.to_owned()))?;
        Ok((taken, choices))
    }

    #[test]
    fn every_flag_of_the_usage_is_taken_and_chooses_something() {
        let named = USAGE.split_whitespace().filter(|word| word.starts_with("--"));
        let mut seen = Vec::new();
        for flag in named {
            let (taken, choices) = taken(flag, "60").unwrap();
            assert!(taken, "{flag}");
            assert_ne!(choices, Choices::default(), "{flag}");
            assert!(!seen.contains(&choices), "{flag} chooses what another one does");
            seen.push(choices);
        }
        assert_eq!(seen.len(), 11);
        assert!(!taken("--serve", "").unwrap().0);
    }

    #[test]
    fn every_flag_of_the_usage_is_indented_alike() {
        for line in USAGE.lines().filter(|line| line.contains("--")) {
            assert!(line.starts_with("  --"), "{line}");
        }
    }

    #[test]
    fn a_lag_is_up_to_a_quarter_of_an_hour() {
        assert!(taken("--revocation-lag", "900").unwrap().0);
        for bad in ["901", "-1", "1m", ""] {
            assert!(taken("--revocation-lag", bad).unwrap_err().contains("0 to 900"), "{bad}");
        }
    }

    #[test]
    fn a_skew_is_up_to_a_day() {
        assert!(taken("--skew", "0").unwrap().0);
        for bad in ["86401", "-1", "5m", ""] {
            let complaint = taken("--skew", bad).unwrap_err();
            assert!(
                complaint.starts_with("--skew is") && complaint.contains("0 to 86400"),
                "{bad}"
            );
        }
    }
}
