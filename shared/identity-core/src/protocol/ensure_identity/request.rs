use std::time::SystemTime;

use crate::model::{
    AccessToken, AcsId, Actor, AuditAction, AuditEntry, ExternalId, Invocation, Record, Requester,
    ResourceName, TokenRequest,
};

/// The result of a call that may be the user's first.
#[derive(Clone, Debug)]
pub struct EnsuredIdentity {
    /// The record at the time of the decision.
    pub record: Record,
    /// The name of the identity in ACS.
    pub acs_id: AcsId,
    /// The token, if the caller requested one.
    pub token: Option<AccessToken>,
    /// Whether this call created the identity.
    pub created: bool,
}

/// The identity that the caller requests.
#[derive(Clone, Debug)]
pub(crate) enum IdentitySelector {
    /// The identity of this user, which is created if it does not exist.
    Users(ExternalId),
    /// The existing identity of this user. If an ACS ID is given, it must match.
    Existing(ExternalId, Option<AcsId>),
}

impl IdentitySelector {
    /// Whether the identity is the user's own, which is created if it does not exist.
    pub(super) fn is_own(&self) -> bool {
        matches!(self, Self::Users(_))
    }
}

/// The request and its requester.
pub(crate) struct IdentityRequest<'a> {
    pub(crate) selector: IdentitySelector,
    /// The token to issue, if the caller requests one.
    pub(crate) token: Option<&'a TokenRequest>,
    /// The resource of a new identity; `None` for the one of the placement.
    pub(crate) resource: Option<&'a ResourceName>,
    /// When the identity of a guest is due for deletion; `None` for a user.
    pub(crate) due_at: Option<SystemTime>,
    pub(crate) requester: Requester,
    pub(crate) invocation: &'a Invocation,
}

impl IdentityRequest<'_> {
    /// The audit entry for the request, if an administrator made it.
    pub(crate) fn audit(
        &self,
        next: &Record,
        action: AuditAction,
        at: SystemTime,
    ) -> Option<AuditEntry> {
        let Requester::Administrator { id } = &self.requester else { return None };
        let by = Actor::Administrator(id.clone());
        Some(AuditEntry::of(next, &self.invocation.id, by, action, at))
    }
}
