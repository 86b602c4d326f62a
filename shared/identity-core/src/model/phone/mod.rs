//! Teams Phone: the principals that may use it through the ACS resource.

mod claims;
mod entry;
mod guid;
mod principal_type;
mod settings;
mod verified_token;

use std::fmt;

pub use crate::model::error::PhoneFault;
pub use claims::PhoneClaims;
pub use entry::{PhoneEntry, PhoneState, PhoneWork};
pub use guid::{Guid, GuidError};
pub use principal_type::{PrincipalType, ResourceAccountName};
pub use settings::PhoneSettings;
pub use verified_token::VerifiedPhoneToken;

/// A user or a resource account of a tenant. As text, it is `<tenant>/<object>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhonePrincipal {
    /// The tenant of the principal.
    pub tenant_id: Guid,
    /// The object id of the principal.
    pub object_id: Guid,
}

impl PhonePrincipal {
    /// Parses the text form.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let (tenant, object) = raw.split_once('/')?;
        Some(Self { tenant_id: tenant.parse().ok()?, object_id: object.parse().ok()? })
    }
}

impl fmt::Display for PhonePrincipal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant_id, self.object_id)
    }
}

/// An assignment at ACS, which lets a user or a resource account of a tenant use Teams Phone through
/// the ACS resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamsExtensionAssignment {
    /// The tenant of the principal.
    pub tenant_id: Guid,
    /// The object id of the principal.
    pub object_id: Guid,
    /// The kind of the principal.
    pub principal_type: PrincipalType,
    /// The Entra apps that the principal may sign in with. A user needs at least one: it is unknown
    /// what an empty list means.
    pub client_ids: Vec<Guid>,
}

impl TeamsExtensionAssignment {
    /// The principal of the assignment.
    #[must_use]
    pub fn principal(&self) -> PhonePrincipal {
        PhonePrincipal { tenant_id: self.tenant_id.clone(), object_id: self.object_id.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for state in PhoneState::ALL {
            assert_eq!(PhoneState::parse(state.as_str()), Some(state));
        }
        assert_eq!(PhoneState::Removed.as_str(), "removed");
        assert_eq!(PhoneState::parse(""), None);
        let text = "00000000-0000-4000-8000-000000000001/00000000-0000-4000-8000-000000000005";
        assert_eq!(PhonePrincipal::parse(text).unwrap().to_string(), text);
        for bad in ["", "/", "00000000-0000-4000-8000-000000000001", "contoso/alice"] {
            assert_eq!(PhonePrincipal::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_resource_account_has_two_spellings() {
        let (one, two) = (ResourceAccountName::Specified, ResourceAccountName::Documented);
        assert_eq!((one.as_str(), two.as_str()), ("resourceAccount", "teamsResourceAccount"));
        assert_eq!((one.other(), two.other()), (two, one));
    }
}
