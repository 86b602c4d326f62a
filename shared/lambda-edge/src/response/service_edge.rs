use identity_core::identity::SubjectClaims;
use identity_core::secret::Secret;

use super::overload::Overload;
use crate::caller_hash::CallerHash;

/// The part of a function that [`serve`](crate::serve) needs for each response: how log lines name
/// callers, and how many callers were sent away. A process has one.
#[derive(Debug)]
pub struct ServiceEdge {
    pub(super) callers: CallerHash,
    pub(super) overload: Overload,
}

impl ServiceEdge {
    /// Names callers in log lines by a hash with this key; without a key, log lines name no
    /// callers. `subject` names the claims that say which user of the issuer a caller is.
    #[must_use]
    pub fn new(key: Option<Secret>, subject: &SubjectClaims) -> Self {
        Self { callers: CallerHash::new(key, subject), overload: Overload::default() }
    }
}
