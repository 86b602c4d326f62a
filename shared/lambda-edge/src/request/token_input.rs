use api_types::ProblemType;
use identity_core::identity::{Lifetime, Scopes};
use serde::Deserialize;
use serde_json::Value;

use super::fields::{self, whole_number};
use crate::Problem;

/// What a caller may request about a token. The user is not part of it: that is always the
/// caller.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TokenInput {
    scopes: Option<Vec<String>>,
    expires_in_minutes: Option<Value>,
    /// The JSON pointer to this object in the body.
    #[serde(skip)]
    pointer: &'static str,
}

impl TokenInput {
    /// Says where in the body this object is, as a JSON pointer, for the details of its problems.
    #[must_use]
    pub fn at(self, pointer: &'static str) -> Self {
        Self { pointer, ..self }
    }

    /// The JSON pointer to the scopes.
    #[must_use]
    pub fn scopes_pointer(&self) -> String {
        format!("{}/scopes", self.pointer)
    }

    /// The scopes, if any were given.
    pub fn scopes(&self) -> Result<Option<Scopes>, Problem> {
        let pointer = self.scopes_pointer();
        self.scopes.as_deref().map(|raw| fields::scopes(raw, &pointer)).transpose()
    }

    /// The lifetime, if one was given.
    pub fn lifetime(&self) -> Result<Option<Lifetime>, Problem> {
        let Some(minutes) = &self.expires_in_minutes else { return Ok(None) };
        let lifetime = whole_number(minutes).and_then(Lifetime::from_minutes);
        lifetime.map(Some).ok_or_else(|| {
            let value = if minutes.is_number() { format!(" `{minutes}`") } else { String::new() };
            let pointer = format!("{}/expiresInMinutes", self.pointer);
            let detail = format!(
                "invalid value{value} at `{pointer}`: must be a whole number from 60 to 1440"
            );
            Problem::new(ProblemType::INVALID_LIFETIME, detail)
        })
    }
}
