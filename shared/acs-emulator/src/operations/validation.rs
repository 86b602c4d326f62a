//! The checks that creation with a token and issuing share.

use time::Duration;

use super::OperationCall;
use crate::api::{ApiError, RequestBody};

/// The lifetime of a token: the requested one, or a day.
pub(crate) fn life(call: &OperationCall<'_>, body: &RequestBody) -> Result<Duration, ApiError> {
    if !call.version.has_custom_expiry() {
        if call.resource.options.refuse_newer_members && body.has("expiresInMinutes") {
            let label = "ExpiresInMinutes";
            let message = format!("{label}: The {label} field is not part of this api-version.");
            return Err(ApiError::invalid_model(label, message));
        }
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

/// Returns the scopes, in the given order, if the version knows them.
pub(crate) fn known_scopes(
    call: &OperationCall<'_>,
    scopes: Vec<String>,
    target: &'static str,
) -> Result<Vec<String>, ApiError> {
    if call.resource.options.accept_unknown_scopes {
        return Ok(scopes);
    }
    let unknown = scopes.iter().find(|scope| {
        let joins = call.version.has_join_scopes() && JOIN_SCOPES.contains(&scope.as_str());
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

const SCOPES: [&str; 2] = ["chat", "voip"];
const JOIN_SCOPES: [&str; 3] = ["chat.join", "chat.join.limited", "voip.join"];
