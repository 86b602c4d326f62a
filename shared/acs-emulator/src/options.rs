//! The options of the emulator. One table declares the fields of [`EmulatorOptions`], the flags of
//! the command line, and their help.

use std::time::Duration;

use crate::cloud::Cloud;

/// A flag of a command line, which sets a part of `T`.
pub struct Flag<T> {
    /// The name with its dashes, such as `--skew`.
    pub name: &'static str,
    /// What the help calls the value; empty if the flag has no value.
    pub value: &'static str,
    /// The effect, in lines for `--help`.
    pub help: &'static str,
    /// Whether the flag can be given several times, each time with another value.
    pub repeatable: bool,
    /// Sets the value from its text, or returns why the text is invalid.
    pub set: fn(&mut T, &str) -> Result<(), String>,
}

impl<T> Flag<T> {
    /// Sets the value of the flag `name` in `target`; false if `flags` does not have the flag.
    pub fn parse(
        flags: &[Self],
        target: &mut T,
        name: &str,
        value: impl FnOnce() -> Option<String>,
    ) -> Result<bool, String> {
        let Some(flag) = flags.iter().find(|flag| flag.name == name) else { return Ok(false) };
        let text = if flag.value.is_empty() { Some(String::new()) } else { value() };
        let text =
            text.ok_or_else(|| format!("missing value: `{name}` requires {}", flag.value))?;
        (flag.set)(target, &text)
            .map(|()| true)
            .map_err(|reason| format!("invalid value for `{name}`: {reason}"))
    }

    /// The text of `--help` about `flags`.
    #[must_use]
    pub fn help(flags: &[Self]) -> String {
        let mut text = String::new();
        for flag in flags {
            text.push_str(format!("  {} {}", flag.name, flag.value).trim_end());
            for line in flag.help.lines() {
                text.push_str("\n          ");
                text.push_str(line.trim());
            }
            text.push_str(if flag.repeatable { " Repeatable.\n" } else { "\n" });
        }
        text
    }
}

/// Declares the options from rows of: help, flag, name of its value, field, type, default, parser.
macro_rules! options {
    ($($(#[doc = $help:literal])+ $flag:literal $value:literal
        $field:ident: $kind:ty = $default:expr, $parse:expr;)+) => {
        /// What the emulator does where the behaviour of ACS is unknown or can vary. The defaults
        /// are the most likely behaviour.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct EmulatorOptions {
            $($(#[doc = $help])+ pub $field: $kind,)+
        }

        impl Default for EmulatorOptions {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl EmulatorOptions {
            /// The flags that set the options.
            pub const FLAGS: &[Flag<Self>] = &[$(Flag {
                name: $flag,
                value: $value,
                help: concat!($($help, "\n"),+),
                repeatable: false,
                set: |options, text| {
                    options.$field = $parse(text)?;
                    Ok(())
                },
            },)+];
        }
    };
}

options! {
    /// Sets the cloud of the resource: `public` (the default), `gcch` (GCC High) or `dod`. It
    /// decides how ids begin, such as `8:gcch-acs:`, and the audiences and issuers of Entra tokens.
    "--cloud" "CLOUD" cloud: Cloud = Cloud::Public, Cloud::parse;
    /// Accepts any number of requests. By default, the documented limits of each operation apply:
    /// 1000 requests of creating or issuing, or 500 of revoking, deleting or exchanging, in any 30
    /// seconds of the emulator's clock. The answer to more requests is 429.
    "--no-limits" "" no_limits: bool = false, enabled;
    /// Counts requests that are answered with 429 against the limit, so clients that retry
    /// constantly can block each other. By default, only accepted requests count.
    "--count-refused" "" count_refused: bool = false, enabled;
    /// Counts requests in fixed intervals of 30 seconds, so up to twice the limit can be accepted
    /// within 30 seconds. By default, they are counted in any 30 seconds.
    "--fixed-windows" "" fixed_windows: bool = false, enabled;
    /// Divides each limit by a number from 1 to 1000, for load tests at a smaller scale. By
    /// default, the documented limits apply.
    "--divide-limits" "NUMBER" divide_limits: u16 = 1, divisor;
    /// Omits `Retry-After` from the 429. By default, it is the number of seconds until a request is
    /// accepted.
    "--no-retry-after" "" no_retry_after: bool = false, enabled;
    /// Keeps tokens valid after a revocation or deletion, for up to 900 seconds: ACS documents up
    /// to 15 minutes. By default, they become invalid at once.
    "--revocation-lag" "SECONDS" revocation_lag: Duration = Duration::ZERO, seconds::<900>;
    /// Makes a revocation end all tokens of its second, including tokens that are issued after it.
    /// By default, the order of the two decides.
    "--revoke-by-second" "" revoke_by_second: bool = false, enabled;
    /// Issues valid tokens for identities that were deleted or never created. By default, the
    /// answer is 404.
    "--issue-for-deleted" "" issue_for_deleted: bool = false, enabled;
    /// Answers 404 when an identity that was deleted or never created is revoked or deleted. By
    /// default, the answer is 204.
    "--refuse-unknown-identities" "" refuse_unknown_identities: bool = false, enabled;
    /// Issues tokens for any scope. By default, the answer to an unknown scope, and to a join scope
    /// before 2023-08-01, is 400.
    "--accept-unknown-scopes" "" accept_unknown_scopes: bool = false, enabled;
    /// Answers 400 to a member that is newer than the api-version: `expiresInMinutes` before
    /// 2022-10-01. By default, the member is ignored.
    "--refuse-newer-members" "" refuse_newer_members: bool = false, enabled;
    /// Accepts a signature over a host with a trailing slash. By default, the answer is 401, as
    /// from ACS.
    "--allow-host-with-slash" "" allow_host_with_slash: bool = false, enabled;
    /// Sets how far the date of a signed request may differ from this machine's clock, up to a day.
    /// By default, it may differ by 300 seconds.
    "--skew" "SECONDS" skew: Duration = Duration::from_mins(5), seconds::<86_400>;
}

#[expect(clippy::unnecessary_wraps, reason = "each row of the table names a parser")]
fn enabled(_: &str) -> Result<bool, String> {
    Ok(true)
}

fn divisor(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(number @ 1..=1000) => Ok(number),
        _ => Err(format!("`{text}` is not a whole number from 1 to 1000")),
    }
}

fn seconds<const MOST: u64>(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if seconds <= MOST => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("`{text}` is not a number of seconds from 0 to {MOST}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(flag: &str, value: &str) -> Result<(bool, EmulatorOptions), String> {
        let mut options = EmulatorOptions::default();
        let value = || Some(value.to_owned());
        let known = Flag::parse(EmulatorOptions::FLAGS, &mut options, flag, value)?;
        Ok((known, options))
    }

    #[test]
    fn every_flag_changes_another_option() {
        let mut seen = vec![EmulatorOptions::default()];
        for flag in EmulatorOptions::FLAGS {
            let value = if flag.value == "CLOUD" { "dod" } else { "60" };
            let (known, options) = parsed(flag.name, value).unwrap();
            assert!(known, "{}", flag.name);
            assert!(!seen.contains(&options), "{}", flag.name);
            seen.push(options);
        }
        assert_eq!(seen.len(), 15);
        assert!(!parsed("--serve", "").unwrap().0);
    }

    #[test]
    fn a_revocation_lag_is_up_to_15_minutes() {
        assert!(parsed("--revocation-lag", "900").unwrap().0);
        for bad in ["901", "-1", "1m", ""] {
            assert!(parsed("--revocation-lag", bad).unwrap_err().contains("0 to 900"), "{bad}");
        }
    }

    #[test]
    fn a_cloud_has_one_of_three_names() {
        for (name, cloud) in ["public", "gcch", "dod"].into_iter().zip(Cloud::ALL) {
            assert_eq!(parsed("--cloud", name).unwrap().1.cloud, cloud);
        }
        let refused = parsed("--cloud", "GCC").unwrap_err();
        assert!(refused.contains("`GCC` is not a cloud: use public, gcch or dod"), "{refused}");
    }

    #[test]
    fn limits_are_divided_by_1_to_1000() {
        assert_eq!(parsed("--divide-limits", "1000").unwrap().1.divide_limits, 1000);
        for bad in ["0", "1001", "-1", "0.5", ""] {
            assert!(parsed("--divide-limits", bad).unwrap_err().contains("1 to 1000"), "{bad}");
        }
    }

    #[test]
    fn a_skew_is_up_to_a_day() {
        assert!(parsed("--skew", "0").unwrap().0);
        for bad in ["86401", "-1", "5m", ""] {
            let message = parsed("--skew", bad).unwrap_err();
            let expected =
                format!("invalid value for `--skew`: `{bad}` is not a number of seconds");
            assert!(message.starts_with(&expected), "{message}");
            assert!(message.ends_with("from 0 to 86400"), "{message}");
        }
    }
}
