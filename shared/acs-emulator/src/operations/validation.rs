//! The checks that creation with a token and issuing share.

use time::Duration;

use super::Call;
use crate::error::ApiError;
use crate::request_body::RequestBody;

/// The lifetime of a token: the requested one, or a day.
pub(crate) fn life(call: &Call<'_>, body: &RequestBody) -> Result<Duration, ApiError> {
    if !call.version.has_custom_expiry() {
        refuse_newer(call, body, "expiresInMinutes", "ExpiresInMinutes")?;
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

/// The custom id, if the version has custom ids and one was given: 1 to 256 characters.
pub(crate) fn custom_id<'a>(
    call: &Call<'_>,
    body: &'a RequestBody,
) -> Result<Option<&'a str>, ApiError> {
    if !call.version.has_custom_id() {
        refuse_newer(call, body, "customId", "CustomId")?;
        return Ok(None);
    }
    if !body.has("customId") {
        return Ok(None);
    }
    let custom_id = body.text("customId", "CustomId")?;
    if !(1..=LONGEST_CUSTOM_ID).contains(&custom_id.chars().count()) {
        let message = format!("CustomId must have between 1 and {LONGEST_CUSTOM_ID} characters.");
        return Err(ApiError::invalid("customId", message));
    }
    Ok(Some(custom_id))
}

/// Refuses a member that the version does not have, unless such members are ignored.
fn refuse_newer(
    call: &Call<'_>,
    body: &RequestBody,
    name: &str,
    label: &'static str,
) -> Result<(), ApiError> {
    if call.resource.options.refuse_newer_members && body.has(name) {
        let message = format!("{label}: The {label} field is not part of this api-version.");
        return Err(ApiError::invalid_model(label, message));
    }
    Ok(())
}

/// Returns the scopes, in the given order, if the version knows them.
pub(crate) fn known_scopes(
    call: &Call<'_>,
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

const LONGEST_CUSTOM_ID: usize = 256;

const SCOPES: [&str; 2] = ["chat", "voip"];
const JOIN_SCOPES: [&str; 3] = ["chat.join", "chat.join.limited", "voip.join"];
