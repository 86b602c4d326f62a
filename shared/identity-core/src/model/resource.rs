//! The ACS resources of a deployment: their names, and which of them get new identities.
//!
//! An identity belongs to the resource that created it: no other resource issues, revokes or
//! deletes for it. So the record of each user names the resource.

mod placement;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

pub use placement::{Placement, ResourceShare};

/// The operator's name for an ACS resource. Records keep it, so it must not be given to another
/// resource later.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceName(Cow<'static, str>);

impl ResourceName {
    /// The first resource of a deployment. A record without a name means this one.
    pub const MAIN: Self = Self(Cow::Borrowed("main"));

    const MAX_LENGTH: usize = 16;

    /// Accepts 1 to 16 lower-case letters, digits and hyphens.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let ok = (1..=Self::MAX_LENGTH).contains(&raw.len()) && raw.bytes().all(plain);
        ok.then(|| Self(Cow::Owned(raw.to_owned())))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is [`MAIN`](Self::MAIN).
    #[must_use]
    pub fn is_main(&self) -> bool {
        *self == Self::MAIN
    }
}

impl Default for ResourceName {
    fn default() -> Self {
        Self::MAIN
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value for each of several resources. In JSON, it is an object whose members have the names
/// of the resources. A name that occurs twice is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByResource<T>(pub BTreeMap<ResourceName, T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ByResource<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByResourceVisitor(PhantomData))
    }
}

struct ByResourceVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ByResourceVisitor<T> {
    type Value = ByResource<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object whose members are the names of ACS resources")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = BTreeMap::new();
        while let Some(raw) = map.next_key::<String>()? {
            let name = ResourceName::parse(&raw).ok_or_else(|| {
                // The text of a wrong member may be a secret.
                A::Error::custom(
                    "invalid name of a resource: must be 1 to 16 lower-case letters, digits and \
                     hyphens",
                )
            })?;
            if values.contains_key(&name) {
                return Err(A::Error::custom(format!(
                    "two resources have the name `{name}`: rename or remove one"
                )));
            }
            values.insert(name, map.next_value()?);
        }
        Ok(ByResource(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for good in ["main", "eu2", "a", "west-europe-0002"] {
            assert_eq!(ResourceName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "Main", "eu_2", "eu 2", "eu.2", "west-europe-00003", "ü"] {
            assert_eq!(ResourceName::parse(bad), None, "{bad}");
        }
        assert!(ResourceName::parse("main").unwrap().is_main());
        assert!(!ResourceName::parse("eu2").unwrap().is_main());
    }

    #[test]
    fn two_resources_with_one_name_are_refused_and_no_value_is_quoted() {
        let parse = |json: &str| {
            let parsed = serde_json::from_str::<ByResource<String>>(json);
            parsed.map_err(|error| error.to_string())
        };
        assert_eq!(parse(r#"{"main": "a", "eu2": "b"}"#).unwrap().0.len(), 2);
        let twice = parse(r#"{"eu2": "canary", "eu2": "b"}"#).unwrap_err();
        assert!(twice.starts_with("two resources have the name `eu2`: rename or remove one"));
        for (json, reason) in [
            (r#"{"can ary": "b"}"#, "invalid name of a resource"),
            (r#"["canary"]"#, "expected a JSON object"),
        ] {
            let error = parse(json).unwrap_err();
            assert!(error.contains(reason) && !error.contains("canary"), "{error}");
        }
    }
}
