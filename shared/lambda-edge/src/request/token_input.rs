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
        let Some(scopes) = &self.scopes else { return Ok(None) };
        let pointer = self.scopes_pointer();
        let invalid = |detail| Problem::new(ProblemType::INVALID_SCOPES, detail);
        let mut parsed = Vec::new();
        for (index, raw) in scopes.iter().enumerate() {
            let scope = Scope::parse(raw).ok_or_else(|| {
                let known = Scope::ALL.map(Scope::as_str).join(", ");
                invalid(format!("unknown scope at `{pointer}/{index}`: must be one of {known}"))
            })?;
            if parsed.contains(&scope) {
                let name = scope.as_str();
                return Err(invalid(format!("repeated scope `{name}` at `{pointer}/{index}`")));
            }
            parsed.push(scope);
        }
        let scopes = Scopes::of(parsed);
        let empty = || invalid(format!("invalid value at `{pointer}`: must not be empty"));
        scopes.map(Some).ok_or_else(empty)
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

/// An integer of JSON Schema, for which `60.0` and `6e1` are integers, too. Rust prints a float
/// without a fraction as an integer.
fn whole_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64()?.to_string().parse().ok())
}
