use scim_users::{SubjectAttribute, UserMapping};

use crate::config::members::invalid;
use crate::config::{AcceptedUsers, Members, TransmitterError};

/// The settings of a transmitter of SCIM 2.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimSettings {
    /// Who a SCIM user is among the users of this deployment.
    pub mapping: UserMapping,
}

impl ScimSettings {
    /// Takes `tokenIssuer`, the issuer of the users' bearers, and the optional `subject`, the SCIM
    /// attribute that is the subject of these bearers: `externalId` (the default), `userName` or
    /// `id`. If `SubjectClaims` is `tid,oid`, also `tenant`, the value of `tid`.
    ///
    /// # Errors
    /// A member is missing or invalid, or `SubjectClaims` has other claims.
    pub fn take(members: &mut Members, users: &AcceptedUsers) -> Result<Self, TransmitterError> {
        let token_issuer = users.spelled(members.text("tokenIssuer")?)?;
        let subject = match members.optional_text("subject")? {
            None => SubjectAttribute::default(),
            Some(raw) => SubjectAttribute::parse(&raw)
                .ok_or_else(|| invalid("subject", "`externalId`, `userName` or `id`"))?,
        };
        let tenant = members.optional_text("tenant")?;
        if users.subject_claims.names() == ["tid", "oid"] {
            let tenant = Some(tenant.ok_or(TransmitterError::Missing("tenant"))?);
            return Ok(Self { mapping: UserMapping { token_issuer, subject, tenant } });
        }
        if !users.have_one_claim() {
            return Err(TransmitterError::SeveralSubjectClaims);
        }
        match tenant {
            None => Ok(Self { mapping: UserMapping { token_issuer, subject, tenant } }),
            Some(_) => Err(invalid("tenant", "left out unless `SubjectClaims` is tid,oid")),
        }
    }
}
