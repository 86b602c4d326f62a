//! Reads the filters (RFC 7644 §3.4.2.2) by which providers find a user.

use serde_json::Value;

use crate::wire::attributes::{UserAttribute, boolean};
use crate::wire::refusal::ScimRefusal;

/// A filter. Only the comparison `eq` is supported, because providers need no other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UserFilter {
    Id(String),
    UserName(String),
    ExternalId(String),
    Active(bool),
}

impl UserFilter {
    pub(crate) fn parse(raw: &str) -> Result<Self, ScimRefusal> {
        let mut parts = raw.trim().splitn(2, char::is_whitespace);
        let attribute = parts.next().and_then(UserAttribute::parse);
        let rest = parts.next().unwrap_or_default().trim_start();
        let (operator, value) = rest.split_once(char::is_whitespace).unwrap_or_default();
        let value: Value =
            serde_json::from_str(value).map_err(|_| ScimRefusal::filter(UNSUPPORTED))?;
        if !operator.eq_ignore_ascii_case("eq") {
            return Err(ScimRefusal::filter(UNSUPPORTED));
        }
        match (attribute, value) {
            (Some(UserAttribute::Id), Value::String(id)) => Ok(Self::Id(id)),
            (Some(UserAttribute::UserName), Value::String(name)) => Ok(Self::UserName(name)),
            (Some(UserAttribute::ExternalId), Value::String(id)) => Ok(Self::ExternalId(id)),
            (Some(UserAttribute::Active), value) => boolean(&value).map(Self::Active),
            _ => Err(ScimRefusal::filter(UNSUPPORTED)),
        }
    }
}

const UNSUPPORTED: &str = "Unsupported filter: must be `userName eq \"value\"`, `externalId eq \"value\"`, \
                           `id eq \"value\"` or `active eq true`.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_in_any_case_of_attribute_and_operator() {
        let name = UserFilter::UserName("Carol \"C\" O'X@example.com".to_owned());
        for raw in [
            r#"userName eq "Carol \"C\" O'X@example.com""#,
            r#" USERNAME  EQ  "Carol \"C\" O'X@example.com" "#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName Eq "Carol \"C\" O'X@example.com""#,
        ] {
            assert_eq!(UserFilter::parse(raw).unwrap(), name, "{raw}");
        }
        let external = UserFilter::ExternalId("a b".to_owned());
        assert_eq!(UserFilter::parse(r#"externalid eq "a b""#).unwrap(), external);
        assert_eq!(UserFilter::parse(r#"id eq "1""#).unwrap(), UserFilter::Id("1".to_owned()));
        for (raw, expected) in
            [("active eq true", true), (r#"Active eq "False""#, false), ("active EQ false", false)]
        {
            assert_eq!(UserFilter::parse(raw).unwrap(), UserFilter::Active(expected), "{raw}");
        }
    }

    #[test]
    fn r26_scim_refuses_a_filter_that_it_does_not_support() {
        for raw in [
            "userName",
            "userName pr",
            "userName eq",
            "userName eq carol",
            "userName eq 'carol'",
            r#"userName ne "carol""#,
            r#"userName co "carol""#,
            r#"userName eq "carol" and active eq true"#,
            r#"(userName eq "carol")"#,
            r#"userName eq "carol"#,
            "userName eq 7",
            r#"displayName eq "Carol""#,
            r#"emails.value eq "carol@example.com""#,
            r#"emails[type eq "work"].value eq "carol@example.com""#,
        ] {
            let refusal = UserFilter::parse(raw).unwrap_err();
            assert_eq!((refusal.status, refusal.scim_type), (400, Some("invalidFilter")), "{raw}");
        }
        assert_eq!(UserFilter::parse("active eq 1").unwrap_err().scim_type, Some("invalidValue"));
    }
}
