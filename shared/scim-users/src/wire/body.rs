//! Reads the JSON body of a request.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::wire::refusal::ScimRefusal;

/// The largest body that is read, in bytes.
pub const MAX_SCIM_BODY: usize = 64 * 1024;

/// Reads the body as a JSON object. Names of members are compared without regard to case
/// (RFC 7643 §2.1), so a name that occurs twice in any spelling is refused: one of the two values
/// could be a deactivation.
pub(crate) fn read_body(
    body: &[u8],
    content_type: Option<&str>,
    content_encoding: Option<&str>,
) -> Result<Map<String, Value>, ScimRefusal> {
    if body.len() > MAX_SCIM_BODY {
        return Err(ScimRefusal::new(413, "The body has more than 65,536 bytes."));
    }
    if content_encoding.is_some_and(|encoding| !encoding.trim().eq_ignore_ascii_case("identity")) {
        let detail =
            "The header `Content-Encoding` is not supported: send the body without compression.";
        return Err(ScimRefusal::new(415, detail));
    }
    if content_type.is_some_and(|raw| !is_json(raw)) {
        let detail = "The media type is not supported: send `Content-Type: application/scim+json`.";
        return Err(ScimRefusal::new(415, detail));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = UniqueNames.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    match read {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(ScimRefusal::syntax("The body is not a JSON object.")),
        // serde_json would quote values in some of its messages.
        Err(error) if error.is_data() => Err(ScimRefusal::syntax(TWICE)),
        Err(error) => Err(ScimRefusal::syntax(format!(
            "The body is not valid JSON, at line {} and column {}.",
            error.line(),
            error.column()
        ))),
    }
}

const TWICE: &str =
    "A member occurs twice in one JSON object. Names are compared without regard to case.";

/// Whether a media type is one of SCIM (RFC 7644 §3.1), whatever its parameters.
fn is_json(raw: &str) -> bool {
    let media_type = raw.split(';').next().unwrap_or_default().trim();
    ["application/scim+json", "application/json"]
        .iter()
        .any(|accepted| media_type.eq_ignore_ascii_case(accepted))
}

/// Reads a JSON value whose objects have no name twice.
struct UniqueNames;

impl<'de> DeserializeSeed<'de> for UniqueNames {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueNames {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(UniqueNames)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let mut names = std::collections::HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(A::Error::custom("twice"));
            }
            object.insert(name, members.next_value_seed(UniqueNames)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCIM: Option<&str> = Some("application/scim+json; charset=utf-8");

    fn refused(body: &[u8], content_type: Option<&str>, encoding: Option<&str>) -> ScimRefusal {
        read_body(body, content_type, encoding).unwrap_err()
    }

    #[test]
    fn a_body_is_read_with_each_media_type_of_scim() {
        let text = r#"{"a":[1,-1,1.5,"x",true,null,{"b":{}}]}"#;
        for content_type in [SCIM, Some("Application/JSON"), None] {
            let read = read_body(text.as_bytes(), content_type, Some("identity")).unwrap();
            assert_eq!(Value::Object(read).to_string(), text);
        }
    }

    #[test]
    fn r26_scim_refuses_a_body_that_is_too_large_or_of_another_media_type() {
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_SCIM_BODY));
        let exact = &long.as_bytes()[..MAX_SCIM_BODY];
        assert_eq!(refused(long.as_bytes(), SCIM, None).status, 413);
        assert_eq!(refused(exact, SCIM, None).status, 400, "it is only not valid JSON");
        for content_type in ["text/plain", "application/xml", "application/jsonp", ""] {
            assert_eq!(refused(b"{}", Some(content_type), None).status, 415, "{content_type}");
        }
        assert_eq!(refused(b"{}", SCIM, Some("gzip")).status, 415);
    }

    #[test]
    fn r26_scim_refuses_a_body_that_is_not_one_json_object() {
        for body in ["", "[]", "true", "{", "{} {}", "\u{feff}{}", "{\"a\":\"\\ud800\"}"] {
            let refusal = refused(body.as_bytes(), SCIM, None);
            assert_eq!((refusal.status, refusal.scim_type), (400, Some("invalidSyntax")), "{body}");
        }
        assert_eq!(refused(b"{\"a\":\"\xff\"}", SCIM, None).scim_type, Some("invalidSyntax"));
        let deep = format!("{}1{}", "{\"a\":".repeat(500), "}".repeat(500));
        assert_eq!(refused(deep.as_bytes(), SCIM, None).scim_type, Some("invalidSyntax"));
    }

    #[test]
    fn r26_scim_refuses_a_member_that_occurs_twice_in_any_case_and_at_any_depth() {
        for body in [
            r#"{"active":true,"active":false}"#,
            r#"{"active":true,"Active":false}"#,
            r#"{"Operations":[{"op":"replace","value":{"active":false,"ACTIVE":true}}]}"#,
        ] {
            assert_eq!(refused(body.as_bytes(), SCIM, None), ScimRefusal::syntax(TWICE), "{body}");
        }
    }
}
