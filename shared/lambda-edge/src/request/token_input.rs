use api_types::ProblemType;
use identity_core::identity::{Lifetime, Scope, Scopes};
use serde::Deserialize;
use serde_json::Value;

use crate::Problem;

/// What a caller may request about a token. The user is not part of it: that is always the
/// caller.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TokenInput {
    scopes: Option<Vec<String>>,
    expires_in_minutes: Option<Value>,
}

impl TokenInput {
    /// The scopes, if any were given.
    pub fn scopes(&self) -> Result<Option<Scopes>, Problem> {
        let Some(scopes) = &self.scopes else { return Ok(None) };
        let invalid = |detail| Problem::new(ProblemType::INVALID_SCOPES, detail);
        let mut parsed = Vec::new();
        for (index, raw) in scopes.iter().enumerate() {
            let scope = Scope::parse(raw).ok_or_else(|| {
                let known = Scope::ALL.map(Scope::as_str).join(", ");
                invalid(format!("unknown scope at `scopes[{index}]`: must be one of {known}"))
            })?;
            if parsed.contains(&scope) {
                let name = scope.as_str();
                return Err(invalid(format!("repeated scope `{name}` at `scopes[{index}]`")));
            }
            parsed.push(scope);
        }
        let scopes = Scopes::of(parsed);
        scopes.map(Some).ok_or_else(|| invalid("`scopes` must not be empty".to_owned()))
    }

    /// The lifetime, if one was given.
    pub fn lifetime(&self) -> Result<Option<Lifetime>, Problem> {
        let Some(minutes) = &self.expires_in_minutes else { return Ok(None) };
        let lifetime = minutes.as_u64().and_then(Lifetime::from_minutes);
        lifetime.map(Some).ok_or_else(|| {
            let value = if minutes.is_number() { format!(" `{minutes}`") } else { String::new() };
            let detail = format!(
                "invalid value{value} for `expiresInMinutes`: must be a whole number from 60 to 1440"
            );
            Problem::new(ProblemType::INVALID_LIFETIME, detail)
        })
    }
}
