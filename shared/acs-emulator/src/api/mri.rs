//! Identifiers of identities: `8:acs:{resource GUID}_{GUID}`, or with the prefix of another cloud.

use crate::api::ApiError;
use crate::cloud::Cloud;

/// The identifier of an identity of this resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Mri(String);

impl Mri {
    pub(crate) fn new(cloud: Cloud, resource: &str, user: &str) -> Self {
        Self(format!("{}{resource}_{user}", cloud.identity_prefix()))
    }

    /// Parses an identifier from a caller. The service is only known to check that it names
    /// `resource`; any other identifier is refused.
    pub(crate) fn owned_by(cloud: Cloud, resource: &str, given: &str) -> Result<Self, ApiError> {
        let given = given.to_ascii_lowercase();
        let user = given
            .strip_prefix(cloud.identity_prefix())
            .and_then(|rest| rest.strip_prefix(resource))
            .and_then(|rest| rest.strip_prefix('_'));
        match user {
            Some(user) if !user.is_empty() => Ok(Self(given)),
            _ => Err(ApiError::identity_not_owned()),
        }
    }

    /// A Teams user, who does not belong to a resource.
    pub(crate) fn of_teams_user(cloud: Cloud, object_id: &str) -> Self {
        Self(format!("{}{object_id}", cloud.teams_prefix()))
    }

    pub(crate) fn names_teams_user(id: &str) -> bool {
        Cloud::ALL.iter().any(|cloud| id.starts_with(cloud.teams_prefix()))
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
        let mut prefixes = Cloud::ALL.iter().map(|cloud| cloud.identity_prefix());
        let rest = prefixes.find_map(|prefix| self.0.strip_prefix(prefix)).unwrap_or_default();
        rest.split_once('_').map_or(rest, |(resource, _)| resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_identifiers_of_the_resource_and_its_cloud_are_owned() {
        for (cloud, id) in Cloud::ALL.into_iter().zip([
            "8:acs:res_user",
            "8:gcch-acs:res_user",
            "8:dod-acs:res_user",
        ]) {
            let owned = Mri::owned_by(cloud, "res", id).unwrap();
            assert_eq!(owned.as_str(), id);
            assert_eq!(owned, Mri::new(cloud, "res", "user"));
            assert_eq!(owned.resource(), "res");
            assert_eq!(Mri::from_skype_id(owned.skype_id()), owned);
            for other in Cloud::ALL {
                assert_eq!(Mri::owned_by(other, "res", id).is_ok(), other == cloud, "{id}");
            }
        }
        for given in
            ["8:acs:other_user", "8:acs:res_", "8:acs:resuser", "res_user", "8:orgid:x", ""]
        {
            let refused = Mri::owned_by(Cloud::Public, "res", given).unwrap_err();
            assert_eq!(refused.code, "IdentityNotOwned", "{given}");
        }
    }

    #[test]
    fn teams_users_have_a_prefix_in_each_cloud_and_no_resource() {
        for (cloud, id) in Cloud::ALL.into_iter().zip(["8:orgid:o", "8:gcch:o", "8:dod:o"]) {
            let user = Mri::of_teams_user(cloud, "o");
            assert_eq!((user.as_str(), user.resource()), (id, ""));
            assert!(Mri::names_teams_user(id));
            assert!(!Mri::names_teams_user(Mri::new(cloud, "res", "user").as_str()));
        }
    }
}
