use identity_core::identity::ExternalId;

use crate::model::user::ScimUser;

/// The attribute of a SCIM user that is the subject of the user's bearers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubjectAttribute {
    /// `externalId`: the provider's own ID for the user.
    #[default]
    ExternalId,
    /// `userName`.
    UserName,
    /// `id`: the ID that this service gave the user.
    Id,
}

impl SubjectAttribute {
    /// Every attribute.
    pub const ALL: [Self; 3] = [Self::ExternalId, Self::UserName, Self::Id];

    /// The name of the attribute.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExternalId => "externalId",
            Self::UserName => "userName",
            Self::Id => "id",
        }
    }

    /// Parses the output of [`as_str`](Self::as_str).
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.as_str() == raw)
    }
}

/// How a SCIM user is found among the users of this deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserMapping {
    /// The issuer (`iss`) of the users' bearers.
    pub token_issuer: String,
    /// The attribute that is the subject of the users' bearers.
    pub subject: SubjectAttribute,
    /// The tenant (`tid`), if bearers name a user by the tenant and a subject (`oid`).
    pub tenant: Option<String>,
}

impl UserMapping {
    /// The subject of a SCIM user; `None` if the user lacks the attribute.
    #[must_use]
    pub fn subject<'a>(&self, user: &'a ScimUser) -> Option<&'a str> {
        match self.subject {
            SubjectAttribute::ExternalId => user.external_id.as_deref(),
            SubjectAttribute::UserName => Some(&user.user_name),
            SubjectAttribute::Id => Some(&user.id),
        }
    }

    /// The key of the record of the user with this subject; `None` if it is too long for a key.
    #[must_use]
    pub fn external_id(&self, subject: &str) -> Option<ExternalId> {
        match &self.tenant {
            None => ExternalId::of_subject(&self.token_issuer, subject),
            Some(tenant) => ExternalId::of_values(&self.token_issuer, &[tenant, subject]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn mapping(subject: SubjectAttribute, tenant: Option<&str>) -> UserMapping {
        let token_issuer = "https://idp.example".to_owned();
        UserMapping { token_issuer, subject, tenant: tenant.map(ToOwned::to_owned) }
    }

    #[test]
    fn the_subject_is_the_configured_attribute_and_a_tenant_precedes_it() {
        let user = ScimUser {
            id: "i-1".to_owned(),
            user_name: "carol@example.com".to_owned(),
            external_id: Some("o|1".to_owned()),
            display_name: None,
            active: true,
            created_at: SystemTime::UNIX_EPOCH,
            modified_at: SystemTime::UNIX_EPOCH,
            version: 1,
        };
        for (attribute, tenant, expected) in [
            ("externalId", None, "https://idp.example|o|1"),
            ("externalId", Some("t-1"), "https://idp.example|t-1|o%7C1"),
            ("userName", None, "https://idp.example|carol@example.com"),
            ("id", None, "https://idp.example|i-1"),
        ] {
            let mapping = mapping(SubjectAttribute::parse(attribute).unwrap(), tenant);
            let found = mapping.external_id(mapping.subject(&user).unwrap()).unwrap();
            assert_eq!(found.as_str(), expected);
        }
        let without = ScimUser { external_id: None, ..user };
        assert_eq!(mapping(SubjectAttribute::default(), None).subject(&without), None);
        assert_eq!(SubjectAttribute::parse("mail"), None);
    }
}
