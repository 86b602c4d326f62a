use std::fmt;

use serde::Deserialize;

/// The kind of a principal of Teams Phone.
///
/// Microsoft's specification and its tutorials spell the kinds differently, and the list is open: a
/// kind that is unknown here is kept as ACS spelled it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum PrincipalType {
    /// A user.
    User,
    /// A Teams resource account: an auto attendant, or a call queue.
    ResourceAccount,
    /// A kind that this version does not know.
    Other(String),
}

impl PrincipalType {
    /// Parses any spelling; `None` if the text is not a name.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let is_name =
            raw.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if raw.is_empty() || raw.len() > MAX_LENGTH || !is_name {
            return None;
        }
        Some(match raw.to_ascii_lowercase().as_str() {
            "user" => Self::User,
            "resourceaccount" | "teamsresourceaccount" => Self::ResourceAccount,
            _ => Self::Other(raw.to_owned()),
        })
    }

    /// The name in our own API and in the inventory, as in Microsoft's specification.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::User => "user",
            Self::ResourceAccount => "resourceAccount",
            Self::Other(raw) => raw,
        }
    }
}

impl TryFrom<String> for PrincipalType {
    type Error = &'static str;

    fn try_from(raw: String) -> Result<Self, Self::Error> {
        Self::parse(&raw).ok_or("invalid kind of a principal: use user or resourceAccount")
    }
}

impl fmt::Display for PrincipalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a Teams resource account is spelled in a request. Microsoft's specification and its tutorials
/// differ; in responses, both are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ResourceAccountName {
    /// `resourceAccount`, as in the specification and the SDKs.
    #[default]
    #[serde(rename = "resourceAccount")]
    Specified,
    /// `teamsResourceAccount`, as in the tutorials.
    #[serde(rename = "teamsResourceAccount")]
    Documented,
}

impl ResourceAccountName {
    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Specified => "resourceAccount",
            Self::Documented => "teamsResourceAccount",
        }
    }

    /// The name that the other source uses.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Specified => Self::Documented,
            Self::Documented => Self::Specified,
        }
    }
}

/// Longer than any name that ACS uses.
const MAX_LENGTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_known_kind_is_read_and_an_unknown_kind_is_kept() {
        for raw in ["user", "User", "USER"] {
            assert_eq!(PrincipalType::parse(raw), Some(PrincipalType::User), "{raw}");
        }
        for raw in ["resourceAccount", "ResourceAccount", "teamsResourceAccount"] {
            assert_eq!(PrincipalType::parse(raw), Some(PrincipalType::ResourceAccount), "{raw}");
        }
        let robot = PrincipalType::parse("callQueue").unwrap();
        assert_eq!((robot.as_str(), robot.to_string().as_str()), ("callQueue", "callQueue"));
        for bad in ["", "a b", "a\n", &"x".repeat(65)] {
            assert_eq!(PrincipalType::parse(bad), None, "{bad}");
        }
    }
}
