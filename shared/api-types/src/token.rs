use std::time::{Duration, SystemTime};

use identity_core::identity::{AccessToken, AcsId, Scopes};
use serde::Serialize;

use crate::{UserOutput, format_timestamp};

/// A token as the client gets it. A token leaves the service in no other type.
///
/// The field names are those that Microsoft's clients read. The mobile samples read `token` at
/// the top level, `@azure/communication-common` reads `token` and `expiresOnTimestamp`, and the
/// hero samples read `expiresOn` and `user`.
///
/// It does not implement `Debug`, so it cannot be printed:
///
/// ```compile_fail,E0277
/// fn print(token: &api_types::TokenOutput) {
///     println!("{token:?}");
/// }
/// ```
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenOutput {
    /// The token.
    pub token: String,
    /// RFC 3339, UTC.
    pub expires_on: String,
    /// Milliseconds since 1970.
    pub expires_on_timestamp: u64,
    /// Seconds from now: correct even if the client's clock is wrong.
    pub expires_in: u64,
    /// RFC 3339, UTC. Only the API returns it, to clients that refresh their token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_after: Option<String>,
    /// Only the operator's tool prints them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Scopes>,
    /// The identity; absent for an exchanged token whose user is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserOutput>,
}

impl TokenOutput {
    /// The output for a token of `acs_id`.
    #[must_use]
    pub fn new(token: &AccessToken, acs_id: &AcsId, now: SystemTime) -> Self {
        let left = token.expires_on.duration_since(now).unwrap_or_default();
        Self {
            refresh_after: Some(format_timestamp(now + refresh_after(left, acs_id))),
            user: Some(UserOutput::from(acs_id)),
            ..Self::without_user(token, now)
        }
    }

    /// The output for a token alone.
    #[must_use]
    pub fn without_user(token: &AccessToken, now: SystemTime) -> Self {
        let left = token.expires_on.duration_since(now).unwrap_or_default();
        let since = token.expires_on.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            token: token.token.expose().to_owned(),
            expires_on: format_timestamp(token.expires_on),
            expires_on_timestamp: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            expires_in: left.as_secs(),
            refresh_after: None,
            scopes: None,
            user: None,
        }
    }
}

/// When the client should request the next token: after 60 to 80 % of the remaining lifetime.
///
/// The identity determines the percentage, so that tokens of the same morning are not all
/// renewed in the same minute. ACS's own clients renew in the last ten minutes. Of the shortest
/// lifetime, an hour, at least twelve minutes are left here.
fn refresh_after(left: Duration, acs_id: &AcsId) -> Duration {
    let spread = acs_id
        .as_str()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
        % 2001;
    left * (6000 + spread) / 10_000
}

#[cfg(test)]
mod tests {
    use identity_core::{secret::Secret, testing::acs_id};
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_token_is_written_for_each_of_microsofts_clients() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let token = AccessToken {
            token: Secret::new("a.b.c"),
            expires_on: now + Duration::from_millis(3_600_250),
        };
        let output = TokenOutput::new(&token, &acs_id("8:acs:1_2"), now);
        let mut body = serde_json::to_value(output).unwrap();
        let refresh_after = body["refreshAfter"].take();
        assert_eq!(
            body,
            json!({
                "token": "a.b.c",
                "expiresOn": "2027-01-15T09:00:00.250Z",
                "expiresOnTimestamp": 1_800_003_600_250_u64,
                "expiresIn": 3600,
                "refreshAfter": Value::Null,
                "user": { "communicationUserId": "8:acs:1_2" },
            })
        );
        assert!(refresh_after.as_str().unwrap().starts_with("2027-01-15T08:"));
    }

    #[test]
    fn the_refreshes_of_a_morning_are_spread_over_the_last_third_of_the_life() {
        let hour = Duration::from_hours(1);
        let mut buckets = [0_u32; 12];
        for index in 0..6000 {
            let after = refresh_after(hour, &acs_id(&format!("8:acs:res_{index}")));
            assert!((hour * 6 / 10..=hour * 8 / 10).contains(&after));
            let bucket = (after.as_secs() - 36 * 60) / 60;
            buckets[usize::try_from(bucket).unwrap().min(11)] += 1;
        }
        assert!(buckets.iter().all(|count| (350..650).contains(count)), "{buckets:?}");
    }
}
