//! The user of an Entra token, and what every exchange of such a token checks.

use std::time::{Duration, SystemTime};

use crate::model::Error;
use crate::model::error::TeamsTokenFault;

/// An Entra user, as verified by our authorizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraUser {
    /// The object ID.
    pub oid: String,
    /// The tenant ID.
    pub tid: String,
}

impl EntraUser {
    /// Refuses a token whose claims do not name this user.
    pub(crate) fn check(&self, oid: Option<&str>, tid: Option<&str>) -> Result<(), Error> {
        let said = |claim: Option<&str>, is: &str| {
            // An empty claim names no user.
            !is.is_empty() && claim.is_some_and(|claim| claim.eq_ignore_ascii_case(is))
        };
        if said(oid, &self.oid) && said(tid, &self.tid) {
            Ok(())
        } else {
            Err(Error::TeamsToken(TeamsTokenFault::AnotherUser))
        }
    }
}

/// Why a token with this claim `exp` is not exchanged now.
pub(crate) fn life_fault(exp: Option<u64>, now: SystemTime) -> Option<TeamsTokenFault> {
    let ends = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(exp?))?;
    match ends.duration_since(now) {
        Ok(left) if left >= LEAST_LIFE => None,
        Ok(left) if !left.is_zero() => Some(TeamsTokenFault::Expiring),
        _ => Some(TeamsTokenFault::Expired),
    }
}

/// Clients of ACS renew a token ten minutes before it expires, and the exchanged token expires
/// with the Entra token. With less time left, they would request the next one at once, in an
/// endless loop.
const LEAST_LIFE: Duration = Duration::from_mins(10);
