//! The names of the operations in the request log and the fault script.

/// An operation of the service, named by ACS's verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    CreateIdentity,
    CreateIdentityWithToken,
    IssueAccessToken,
    RevokeAccessTokens,
    DeleteIdentity,
    ExchangeTeamsUserAccessToken,
    ExchangeTeamsExtensionAccessToken,
    GetTeamsExtensionAssignment,
    PutTeamsExtensionAssignment,
    DeleteTeamsExtensionAssignment,
    /// A request for a resource that the service does not have.
    BadRoute,
}

impl Operation {
    pub(crate) const ALL: [Self; 11] = [
        Self::CreateIdentity,
        Self::CreateIdentityWithToken,
        Self::IssueAccessToken,
        Self::RevokeAccessTokens,
        Self::DeleteIdentity,
        Self::ExchangeTeamsUserAccessToken,
        Self::ExchangeTeamsExtensionAccessToken,
        Self::GetTeamsExtensionAssignment,
        Self::PutTeamsExtensionAssignment,
        Self::DeleteTeamsExtensionAssignment,
        Self::BadRoute,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CreateIdentity => "createIdentity",
            Self::CreateIdentityWithToken => "createIdentityWithToken",
            Self::IssueAccessToken => "issueAccessToken",
            Self::RevokeAccessTokens => "revokeAccessTokens",
            Self::DeleteIdentity => "deleteIdentity",
            Self::ExchangeTeamsUserAccessToken => "exchangeTeamsUserAccessToken",
            Self::ExchangeTeamsExtensionAccessToken => "exchangeTeamsExtensionAccessToken",
            Self::GetTeamsExtensionAssignment => "getTeamsExtensionAssignment",
            Self::PutTeamsExtensionAssignment => "putTeamsExtensionAssignment",
            Self::DeleteTeamsExtensionAssignment => "deleteTeamsExtensionAssignment",
            Self::BadRoute => "badRoute",
        }
    }

    /// Whether a fault for `name` applies to this operation: `createIdentity` includes both ways of
    /// creating, and `*` means every operation.
    pub(crate) fn answers_to(self, name: &str) -> bool {
        name == "*"
            || name == self.name()
            || (self == Self::CreateIdentityWithToken && name == Self::CreateIdentity.name())
    }
}
