//! The JSON of a request, read as ASP.NET binds a model: member names are case-insensitive, unknown
//! members are ignored, and an explicit null is the same as an absent member.

use serde_json::{Map, Value};

use crate::api::ApiError;

/// The members of a request's body; empty if the request has no body.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestBody(Map<String, Value>);

impl RequestBody {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(Value::Null) => Ok(Self::default()),
            Ok(_) => Err(ApiError::invalid_model("$", "$: The body must be a JSON object.")),
            Err(_) => Err(ApiError::invalid_model("$", "$: The body is not valid JSON.")),
        }
    }

    /// A list of scopes; `None` if the member is absent. `label` is the member's name in the
    /// service's error texts.
    pub(crate) fn scopes(
        &self,
        name: &str,
        label: &'static str,
    ) -> Result<Option<Vec<String>>, ApiError> {
        let unfit = || {
            ApiError::invalid_model(label, format!("{label}: The value must be a list of strings."))
        };
        let Some(value) = self.member(name) else { return Ok(None) };
        let items = value.as_array().ok_or_else(unfit)?;
        let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
        texts.collect::<Option<Vec<_>>>().map(Some).ok_or_else(unfit)
    }

    /// `expiresInMinutes`, before its range is checked.
    pub(crate) fn expires_in_minutes(&self) -> Result<Option<i32>, ApiError> {
        let unfit = || {
            let label = "ExpiresInMinutes";
            ApiError::invalid_model(label, format!("{label}: The value must be a whole number."))
        };
        let Some(value) = self.member("expiresInMinutes") else { return Ok(None) };
        let minutes = value.as_i64().and_then(|minutes| i32::try_from(minutes).ok());
        minutes.map(Some).ok_or_else(unfit)
    }

    /// A text, unchanged; empty if the member is absent. `label` is the member's name in the
    /// service's error texts.
    pub(crate) fn text(&self, name: &str, label: &'static str) -> Result<&str, ApiError> {
        let Some(value) = self.member(name) else { return Ok("") };
        value.as_str().ok_or_else(|| {
            ApiError::invalid_model(label, format!("{label}: The value must be a string."))
        })
    }

    /// A text that must be present and not blank.
    pub(crate) fn required(&self, name: &str, label: &'static str) -> Result<&str, ApiError> {
        let text = self.text(name, label)?;
        if text.trim().is_empty() {
            let message = format!("{label}: The {label} field is required.");
            return Err(ApiError::invalid_model(label, message));
        }
        Ok(text)
    }

    /// Whether the member is present and not null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    fn member(&self, name: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> RequestBody {
        RequestBody::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn no_body_an_empty_object_and_nulls_are_the_same() {
        for text in ["", "{}", "null", r#"{"scopes":null,"expiresInMinutes":null}"#] {
            assert_eq!(parse(text).scopes("scopes", "Scopes").unwrap(), None, "{text}");
            assert_eq!(parse(text).expires_in_minutes().unwrap(), None, "{text}");
        }
    }

    #[test]
    fn members_are_found_in_any_case() {
        let body = parse(r#"{"SCOPES":["chat"],"other":1}"#);
        assert_eq!(body.scopes("scopes", "Scopes").unwrap().unwrap(), ["chat"]);
    }

    #[test]
    fn what_has_the_wrong_type_is_a_validation_error() {
        for text in ["{", "[]", "3"] {
            assert_eq!(RequestBody::parse(text.as_bytes()).unwrap_err().code, "ValidationError");
        }
        for text in [r#"{"scopes":"chat"}"#, r#"{"scopes":[1]}"#] {
            assert_eq!(parse(text).scopes("scopes", "Scopes").unwrap_err().target, Some("Scopes"));
        }
        for text in [r#"{"expiresInMinutes":"60"}"#, r#"{"expiresInMinutes":60.5}"#] {
            assert!(parse(text).expires_in_minutes().is_err(), "{text}");
        }
    }
}
