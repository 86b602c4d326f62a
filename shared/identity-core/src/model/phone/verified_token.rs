use std::time::SystemTime;

use super::{Guid, PhoneClaims, PhoneFault, PhonePrincipal, PhoneSettings};
use crate::model::entra::{EntraUser, life_fault};
use crate::model::{Error, Secret};

/// An Entra token that belongs to the caller, is for Teams Phone, comes from an allowed tenant and
/// app, and has a valid signature. Only an operation of this crate can make one.
#[derive(Clone, Debug)]
pub struct VerifiedPhoneToken {
    /// The token.
    pub(crate) token: Secret,
    /// The user.
    pub(crate) principal: PhonePrincipal,
    /// The app.
    pub(crate) client: Guid,
}

impl VerifiedPhoneToken {
    /// Checks the claims. The caller of this function checks the signature.
    pub(crate) fn check(
        settings: &PhoneSettings,
        caller: &EntraUser,
        token: Secret,
        claims: &PhoneClaims,
        now: SystemTime,
    ) -> Result<Self, Error> {
        caller.check(claims.oid.as_deref(), claims.tid.as_deref())?;
        if claims.exp.is_none() {
            return Err(Error::TeamsPhone(PhoneFault::Forged));
        }
        if let Some(fault) = life_fault(claims.exp, now) {
            return Err(Error::TeamsToken(fault));
        }
        let (principal, client) = settings.check_token(claims).map_err(Error::TeamsPhone)?;
        // Its keys verify the signature.
        let issuers = settings.issuers(&principal.tenant_id);
        if !claims.iss.as_ref().is_some_and(|iss| issuers.contains(iss)) {
            return Err(Error::TeamsPhone(PhoneFault::Forged));
        }
        Ok(Self { token, principal, client })
    }
}
