//! The ids of tenants, users and subscriptions.

use std::fmt;
use std::str::FromStr;

/// The id of a tenant, a user or a subscription: a GUID.
///
/// It is kept in lower case, as in the claims `tid` and `oid`, because Graph does not always use the
/// same case. It can be part of a URL without escapes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirectoryId(String);

/// The text is not a GUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a GUID, for example 11111111-2222-3333-4444-555555555555")]
pub struct InvalidDirectoryId;

impl DirectoryId {
    /// The id in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DirectoryId {
    type Err = InvalidDirectoryId;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_guid = raw.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
        (is_guid && raw.split('-').all(is_hex))
            .then(|| Self(raw.to_ascii_lowercase()))
            .ok_or(InvalidDirectoryId)
    }
}

impl fmt::Display for DirectoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryUser {
    /// The tenant, which is the claim `tid` of the user's tokens.
    pub tenant: DirectoryId,
    /// The object id, which is the claim `oid` of the user's tokens.
    pub id: DirectoryId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_guid_is_accepted_and_kept_in_lower_case() {
        let id: DirectoryId = "9999ABCD-8888-7777-6666-555555555555".parse().unwrap();
        assert_eq!(id.as_str(), "9999abcd-8888-7777-6666-555555555555");
        assert_eq!(id.to_string(), id.as_str());
        for bad in [
            "",
            "me",
            "9999abcd888877776666555555555555",
            "9999abcd-8888-7777-6666-55555555555",
            "9999abcd-8888-7777-6666-55555555555g",
            "9999abcd-8888-7777-6666-555555555555/manager",
            "é999abc-8888-7777-6666-555555555555",
        ] {
            assert_eq!(bad.parse::<DirectoryId>(), Err(InvalidDirectoryId), "{bad}");
        }
    }
}
