//! Identifiers of identities: `8:acs:{resource GUID}_{GUID}`.

use crate::api::ApiError;

/// The identifier of an identity of this resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Mri(String);

impl Mri {
    pub(crate) fn new(resource: &str, user: &str) -> Self {
        Self(format!("{PREFIX}{resource}_{user}"))
    }

    /// Parses an identifier from a caller. The service is only known to check that it names
    /// `resource`; any other identifier is refused.
    pub(crate) fn owned_by(resource: &str, given: &str) -> Result<Self, ApiError> {
        let given = given.to_ascii_lowercase();
        let user = given
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_prefix(resource))
            .and_then(|rest| rest.strip_prefix('_'));
        match user {
            Some(user) if !user.is_empty() => Ok(Self(given)),
            _ => Err(ApiError::identity_not_owned()),
        }
    }

    /// A Teams user, who does not belong to a resource.
    pub(crate) fn of_teams_user(object_id: &str) -> Self {
        Self(format!("{TEAMS_PREFIX}{object_id}"))
    }

    pub(crate) fn names_teams_user(id: &str) -> bool {
        id.starts_with(TEAMS_PREFIX)
    }

    /// Restores an identifier from a file or a token.
    pub(crate) fn from_skype_id(skype_id: &str) -> Self {
        Self(format!("8:{skype_id}"))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The identifier as tokens contain it, without `8:`.
    pub(crate) fn skype_id(&self) -> &str {
        self.0.strip_prefix("8:").unwrap_or(&self.0)
    }

    pub(crate) fn resource(&self) -> &str {
        let rest = self.0.strip_prefix(PREFIX).unwrap_or_default();
        rest.split_once('_').map_or(rest, |(resource, _)| resource)
    }
}

const PREFIX: &str = "8:acs:";
const TEAMS_PREFIX: &str = "8:orgid:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_identifiers_of_the_resource_are_owned() {
        let owned = Mri::owned_by("res", "8:acs:res_user").unwrap();
        assert_eq!(owned, Mri::new("res", "user"));
        assert_eq!(owned.resource(), "res");
        assert_eq!(Mri::from_skype_id(owned.skype_id()), owned);
        for given in
            ["8:acs:other_user", "8:acs:res_", "8:acs:resuser", "res_user", "8:orgid:x", ""]
        {
            assert_eq!(
                Mri::owned_by("res", given).unwrap_err().code,
                "IdentityNotOwned",
                "{given}"
            );
        }
    }
}
