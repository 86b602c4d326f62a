use api_types::ProblemType;
use identity_core::identity::{Lifetime, Scopes};
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
        let scopes = Scopes::parse(scopes.iter().map(String::as_str));
        Ok(Some(scopes.ok_or(ProblemType::INVALID_SCOPES)?))
    }

    /// The lifetime, if one was given.
    pub fn lifetime(&self) -> Result<Option<Lifetime>, Problem> {
        let Some(minutes) = &self.expires_in_minutes else { return Ok(None) };
        let lifetime = minutes.as_u64().and_then(Lifetime::from_minutes);
        Ok(Some(lifetime.ok_or(ProblemType::INVALID_LIFETIME)?))
    }
}
