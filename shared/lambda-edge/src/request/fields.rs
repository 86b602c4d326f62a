//! Fields of a body that several operations have. A problem names the field by its JSON pointer.

use std::time::SystemTime;

use api_types::{ProblemType, parse_timestamp};
use identity_core::identity::{Scope, Scopes};
use identity_core::record::Reason;
use serde_json::Value;

use crate::Problem;

/// Reads a list of scopes.
pub fn scopes(raw: &[String], pointer: &str) -> Result<Scopes, Problem> {
    let invalid = |detail| Problem::new(ProblemType::INVALID_SCOPES, detail);
    let mut parsed = Vec::new();
    for (index, raw) in raw.iter().enumerate() {
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
    let empty = || invalid(format!("invalid value at `{pointer}`: must not be empty"));
    Scopes::of(parsed).ok_or_else(empty)
}

/// Reads the reason for a revocation. An empty one counts as absent.
pub fn reason(raw: Option<String>, pointer: &str) -> Result<Option<Reason>, Problem> {
    let raw = raw.filter(|raw| !raw.is_empty());
    let parsed = raw.map(|raw| {
        Reason::parse(&raw).ok_or_else(|| {
            let limit = Reason::MAX_LENGTH;
            let expected =
                format!("must have at most {limit} characters, and no control character");
            invalid(pointer, &expected)
        })
    });
    parsed.transpose()
}

/// Reads a time in RFC 3339.
pub fn timestamp(raw: &str, pointer: &str) -> Result<SystemTime, Problem> {
    let expected = "must be an RFC 3339 timestamp, for example 2026-11-26T12:00:00Z";
    parse_timestamp(raw).ok_or_else(|| invalid(pointer, expected))
}

/// Reads a number that an operation counts or measures with.
pub fn count(raw: &Value, pointer: &str) -> Result<u64, Problem> {
    whole_number(raw).ok_or_else(|| invalid(pointer, "must be a whole number"))
}

/// An integer of JSON Schema, for which `60.0` and `6e1` are integers, too. Rust prints a float
/// without a fraction as an integer.
pub(super) fn whole_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64()?.to_string().parse().ok())
}

fn invalid(pointer: &str, expected: &str) -> Problem {
    Problem::new(ProblemType::INVALID_BODY, format!("invalid value at `{pointer}`: {expected}"))
}
