//! The checks that creating with a token and issuing share.

use time::Duration;

use crate::api_version::ApiVersion;
use crate::error::ApiError;
use crate::request_body::RequestBody;

/// How long a token shall live: what was asked for, or a day.
pub(crate) fn life(version: ApiVersion, body: &RequestBody) -> Result<Duration, ApiError> {
    if !version.has_custom_expiry() {
        return Ok(Duration::minutes(LONGEST_MINUTES.into()));
    }
    let minutes = body.expires_in_minutes()?.unwrap_or(LONGEST_MINUTES);
    if !(SHORTEST_MINUTES..=LONGEST_MINUTES).contains(&minutes) {
        return Err(ApiError::invalid(
            "ExpiresInMinutes",
            format!(
                "ExpiresInMinutes value {minutes} is invalid. Value must be within the \
                 [{SHORTEST_MINUTES}, {LONGEST_MINUTES}] interval."
            ),
        ));
    }
    Ok(Duration::minutes(minutes.into()))
}

/// The custom id a version knows, if one was given: 1 to 256 characters.
pub(crate) fn custom_id(version: ApiVersion, body: &RequestBody) -> Result<Option<&str>, ApiError> {
    if !version.has_custom_id() || !body.has("customId") {
        return Ok(None);
    }
    let custom_id = body.text("customId", "CustomId")?;
    if !(1..=LONGEST_CUSTOM_ID).contains(&custom_id.chars().count()) {
        let message = format!("CustomId must have between 1 and {LONGEST_CUSTOM_ID} characters.");
        return Err(ApiError::invalid("customId", message));
    }
    Ok(Some(custom_id))
}

/// Passes scopes that the version knows, in the order given.
pub(crate) fn known_scopes(
    version: ApiVersion,
    scopes: Vec<String>,
    target: &'static str,
) -> Result<Vec<String>, ApiError> {
    let unknown = scopes.iter().find(|scope| {
        let joins = version.has_join_scopes() && JOIN_SCOPES.contains(&scope.as_str());
        !joins && !SCOPES.contains(&scope.as_str())
    });
    match unknown {
        None => Ok(scopes),
        Some(scope) => {
            let scope: String = scope.chars().take(64).collect();
            Err(ApiError::invalid(
                target,
                format!("Invalid scopes - Scope '{scope}' is not supported."),
            ))
        }
    }
}

const SHORTEST_MINUTES: i32 = 60;
const LONGEST_MINUTES: i32 = 1440;

const LONGEST_CUSTOM_ID: usize = 256;

const SCOPES: [&str; 2] = ["chat", "voip"];
const JOIN_SCOPES: [&str; 3] = ["chat.join", "chat.join.limited", "voip.join"];
