//! The sign-in of the Azure CLI.
//!
//! Its cache of tokens is encrypted on some systems and has no documented form, so the program is
//! asked for a token, as Microsoft's SDKs do.

use std::io::ErrorKind;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use acs_client::{BearerToken, ENTRA_SCOPE, TokenError};
use identity_core::secret::Secret;
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use crate::input::UnverifiedJwt;

/// What `az account get-access-token` prints.
#[derive(Deserialize)]
struct PrintedToken {
    #[serde(rename = "accessToken")]
    token: String,
    /// Seconds since 1970; missing in versions before 2.54.
    #[serde(default)]
    expires_on: Value,
}

/// Asks `az` for a token for ACS.
pub(super) async fn fetch(now: SystemTime) -> Result<BearerToken, TokenError> {
    let resource = ENTRA_SCOPE.strip_suffix("/.default").unwrap_or(ENTRA_SCOPE);
    let mut az = Command::new(PROGRAM);
    az.args(["account", "get-access-token", "--output", "json", "--resource", resource]);
    az.stdin(Stdio::null()).kill_on_drop(true);
    let done = az.output().await.map_err(|error| {
        let why = match error.kind() {
            ErrorKind::NotFound => {
                "the Azure CLI (`az`) is not installed, or not in PATH".to_owned()
            }
            _ => format!("`az` cannot be started: {error}"),
        };
        TokenError::Refused(why.into())
    })?;
    if !done.status.success() {
        let why = format!("`az account get-access-token`: {}", last_line(&done.stderr));
        return Err(TokenError::Refused(why.into()));
    }
    // The message of the parser could quote the token.
    let printed = serde_json::from_slice(&done.stdout).map_err(|_| TokenError::Unusable)?;
    Ok(read(printed, now))
}

fn read(printed: PrintedToken, now: SystemTime) -> BearerToken {
    let PrintedToken { token, expires_on } = printed;
    let seconds = expires_on.as_u64().or_else(|| expires_on.as_str()?.parse().ok());
    let told = seconds
        .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    let expires_on = told.or_else(|| UnverifiedJwt::read(&token)?.moment("exp"));
    BearerToken { token: Secret::new(token), expires_on: expires_on.unwrap_or(now + SHORTEST_LIFE) }
}

/// The last line of an error message, without words that are long enough to be a secret.
fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it failed");
    let word = |word| if str::len(word) > LONGEST_WORD { "…" } else { word };
    line.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// On Windows, it is a batch file.
const PROGRAM: &str = if cfg!(windows) { "az.cmd" } else { "az" };

/// `az` prints no token that expires sooner.
const SHORTEST_LIFE: Duration = Duration::from_mins(5);

/// A token is longer, and the URLs in messages of `az` are shorter.
const LONGEST_WORD: usize = 120;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_expiry_is_the_printed_one_or_that_of_the_token() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(1);
        // {"alg":"none"} and {"exp":9000}
        let dated = "eyJhbGciOiJub25lIn0.eyJleHAiOjkwMDB9.c2ln";
        for (printed, seconds) in [
            (json!({ "accessToken": "t", "expires_on": 7200, "expiresOn": "local time" }), 7200),
            (json!({ "accessToken": "t", "expires_on": "7200" }), 7200),
            (json!({ "accessToken": dated, "expiresOn": "local time" }), 9000),
            (json!({ "accessToken": "t" }), 3900),
        ] {
            let token = read(serde_json::from_value(printed).unwrap(), now);
            let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(token.expires_on, expected);
        }
    }

    #[test]
    fn a_message_of_az_is_its_last_line_without_a_token() {
        let token = "e".repeat(121);
        let text = format!("WARNING: old\nERROR: Please run 'az login'. {token}\n\n");
        assert_eq!(last_line(text.as_bytes()), "ERROR: Please run 'az login'. …");
        assert_eq!(last_line(b""), "it failed");
    }
}
